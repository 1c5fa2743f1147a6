# Makes the parser and the token table from the two grammars.
#   cmake -DANTLR4=… -DGRAMMAR=<source folder> -DOUT=<folder> -P generate.cmake
# Writes OUT/RunbookParser.{h,cpp} and OUT/grammar/token_kinds.h.

file(MAKE_DIRECTORY ${OUT}/grammar)
foreach(grammar RunbookLexer RunbookParser)
  configure_file(${GRAMMAR}/${grammar}.g4 ${OUT}/${grammar}.g4 COPYONLY)
  execute_process(COMMAND ${ANTLR4} -Dlanguage=Cpp -no-listener -no-visitor -Werror ${grammar}.g4
                  WORKING_DIRECTORY ${OUT} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "antlr4 rejects ${grammar}.g4")
  endif()
endforeach()
file(REMOVE ${OUT}/RunbookLexer.cpp ${OUT}/RunbookLexer.h)

# The transition network is needed only to say what was expected where an error is: read it then, not
# at every start of the program. And a rule's own context is of its own type: no cast is needed.
file(READ ${OUT}/RunbookParser.cpp code)
string(REGEX REPLACE "dynamic_cast<[A-Za-z]+ \\*>\\(_localctx\\)->" "_localctx->" code "${code}")
string(REPLACE "RunbookParser::Initializer RunbookParser::_init;" "" code "${code}")
file(WRITE ${OUT}/RunbookParser.cpp "${code}")
file(READ ${OUT}/RunbookParser.h code)
string(REPLACE "getATN() const override { return _atn; }"
               "getATN() const override { static Initializer once; return _atn; }" code "${code}")
string(REPLACE "static Initializer _init;" "" code "${code}")
if(NOT code MATCHES "static Initializer once")
  message(FATAL_ERROR "antlr4 writes other code than expected: getATN()")
endif()
file(WRITE ${OUT}/RunbookParser.h "${code}")

# FOO_BAR=7 gives kFooBar = 7; 'let'=30 gives {"let", 30}.
file(STRINGS ${OUT}/RunbookLexer.tokens lines)
set(kinds "")
set(words "")
set(last 0)
foreach(line IN LISTS lines)
  if(line MATCHES "^([A-Z_]+)=([0-9]+)$")
    set(number ${CMAKE_MATCH_2})
    string(TOLOWER ${CMAKE_MATCH_1} name)
    string(REPLACE "_" ";" parts ${name})
    set(camel k)
    foreach(part IN LISTS parts)
      if(NOT part STREQUAL "")
        string(SUBSTRING ${part} 0 1 first)
        string(SUBSTRING ${part} 1 -1 rest)
        string(TOUPPER ${first} first)
        string(APPEND camel ${first}${rest})
      endif()
    endforeach()
    string(APPEND kinds "  ${camel} = ${number},\n")
    if(number GREATER last)
      set(last ${number})
    endif()
  elseif(line MATCHES "^'([a-z_]+)'=([0-9]+)$")
    string(APPEND words "    {\"${CMAKE_MATCH_1}\", ${CMAKE_MATCH_2}},\n")
  endif()
endforeach()
file(WRITE ${OUT}/grammar/token_kinds.h "// Generated from RunbookLexer.g4.
#pragma once

#include <cstdint>
#include <string_view>

namespace rbk::grammar {

enum class TokenKind : uint16_t {
  kNoToken = 0,
${kinds}};
inline constexpr uint16_t kTokenKinds = ${last} + 1;

struct Word {
  std::string_view text;
  uint16_t kind;
};
inline constexpr Word kWords[] = {
${words}};

}  // namespace rbk::grammar
")
