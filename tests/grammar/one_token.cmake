file(READ ${PARSER} code)
if(NOT code MATCHES "RunbookParser::declaration\\(\\)")
  message(FATAL_ERROR "${PARSER} is not the generated parser")
endif()
if(code MATCHES "adaptivePredict\\(_input, ([0-9]+)")
  message(FATAL_ERROR "decision ${CMAKE_MATCH_1} of the grammar needs more than one token of look-ahead: "
                      "let compiler/syntax/layout.cpp tell the cases apart")
endif()
