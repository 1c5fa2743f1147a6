# rbk_layer(NAME [SUBDIR...] [JSON] LINK ...): static library of the folder's sources (its own, and those of the SUBDIRs), without
# tests and fuzz targets; JSON: most of them read or write it. rbk_generated(NAME FILE): one more of its sources, which a
# command makes in a folder `generated`. rbk_tests(NAME ...): one GoogleTest program of the *_test.cpp files in the same folders.
# FILTER (as gtest_filter): only those are for ctest. WAITS: they wait more than they compute. rbk_more_tests(NAME PREFIX FILTER VARIABLE): those of them that need a
# PostgreSQL server, whose file the variable names to them (tests/postgres_server.py). rbk_fuzz(NAME FILE LINK ...): one libFuzzer program, built only with RBK_FUZZ.

add_library(rbk_std_pch INTERFACE)
target_precompile_headers(rbk_std_pch INTERFACE <algorithm> <cstdint> <functional> <map> <memory> <optional> <string>
                          <string_view> <unordered_map> <utility> <variant> <vector> <tl/expected.hpp> <fmt/core.h>)
# Half of the compile time of files that read or write JSON would go into these headers.
add_library(rbk_json_pch INTERFACE)
target_precompile_headers(rbk_json_pch INTERFACE <boost/json.hpp> <fmt/format.h>)

function(rbk_sources out kind)
  set(found)
  foreach(dir . ${ARGN})
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/*.cpp)
    list(APPEND found ${files})
  endforeach()
  if(kind STREQUAL "TESTS")
    list(FILTER found INCLUDE REGEX "_test\\.cpp$")
  else()
    list(FILTER found EXCLUDE REGEX "_(test|fuzz|bench|main)\\.cpp$")
  endif()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

# Those of the files that have lines which the simulation breaks on purpose (base/mutant.h).
function(rbk_mutable out)
  set(found)
  foreach(file ${ARGN})
    file(STRINGS ${file} switches REGEX "RBK_MUTANT\\(")
    if(switches)
      list(APPEND found ${file})
    endif()
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

function(rbk_layer name)
  cmake_parse_arguments(ARG "JSON" "" "LINK" ${ARGN})
  rbk_sources(sources LIBRARY ${ARG_UNPARSED_ARGUMENTS})
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${RBK_WARNINGS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK} PRIVATE rbk_std_pch)
  if(ARG_JSON)
    target_link_libraries(${name} PRIVATE rbk_json_pch)
  endif()
  if(RBK_UNITY)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${RBK_UNITY})
    rbk_mutable(mutable ${sources})  # the simulation has objects of its own in their place
    set_source_files_properties(${mutable} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

function(rbk_generated name file)
  target_sources(${name} PRIVATE ${file})
  set_source_files_properties(${file} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)  # nobody reads it
endfunction()

function(rbk_tests name)
  cmake_parse_arguments(ARG "WAITS" "FILTER" "LINK" ${ARGN})
  rbk_sources(sources TESTS ${ARG_UNPARSED_ARGUMENTS})
  if(NOT sources)
    return()
  endif()
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${RBK_WARNINGS})
  target_compile_definitions(${name} PRIVATE RBK_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  if(ARG_WAITS AND RBK_UNITY)
    target_compile_options(${name} PRIVATE -O0)  # it is built sooner than it would gain
  endif()
  target_precompile_headers(${name} PRIVATE <gtest/gtest.h> <algorithm> <map> <memory> <string> <vector> <fmt/core.h>)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  gtest_discover_tests(${name} TEST_FILTER "${ARG_FILTER}" DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${RBK_UNIT_TIMEOUT})
endfunction()

function(rbk_more_tests name prefix filter variable)
  include(GoogleTest)  # in this scope too: else a list that is made anew is appended to what was there
  gtest_discover_tests(${name} TEST_PREFIX "${prefix}" TEST_FILTER "${filter}" DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT ${RBK_UNIT_TIMEOUT} FIXTURES_REQUIRED postgres ENVIRONMENT "${variable}=${RBK_TEST_POSTGRES}")
endfunction()

function(rbk_fuzz name file)
  if(NOT RBK_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${file})
  target_compile_options(${name} PRIVATE ${RBK_WARNINGS} -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  set_property(GLOBAL APPEND PROPERTY RBK_FUZZ_TARGETS ${name})
endfunction()

# rbk_timeout(TEST SECONDS): when the test is taken for hanging; under the sanitizers, which make every start and every
# allocation slower, four times as long. Those that may take longest begin first: else the last of them runs alone.
set(RBK_PATIENCE 1)
if(RBK_SANITIZE)
  set(RBK_PATIENCE 4)
endif()
math(EXPR RBK_UNIT_TIMEOUT "300 * ${RBK_PATIENCE}")

function(rbk_timeout test seconds)
  math(EXPR seconds "${seconds} * ${RBK_PATIENCE}")
  set_tests_properties(${test} PROPERTIES TIMEOUT ${seconds} COST ${seconds})
endfunction()
