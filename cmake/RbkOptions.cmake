# Flags that hold for all of our code; the generated parser opts out of the warnings.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(RBK_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(RBK_BENCH "Build the benchmarks" OFF)
set(RBK_UNITY "" CACHE STRING "So many sources of a layer are compiled as one; empty: each by itself")
set(RBK_SANITIZE "" CACHE STRING "Sanitizers for all of our code, e.g. address,undefined")

find_program(RBK_CCACHE ccache)
if(RBK_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_ctime,include_file_mtime
      CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${RBK_CCACHE})
endif()
find_program(RBK_MOLD mold)
if(RBK_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-fno-omit-frame-pointer -ffp-contract=off)
if(RBK_SANITIZE)
  add_compile_options(-fsanitize=${RBK_SANITIZE} -fno-sanitize-recover=all)
  if(RBK_SANITIZE MATCHES "undefined" AND NOT RBK_FUZZ)
    # Undefined behaviour is told by its place and stack alone: what describes each place makes rbk four times as large.
    add_compile_options(-fsanitize-undefined-trap-on-error)
  endif()
  # At a fixed address: the checks' tables hold a million pointers, and each start would have to move them.
  add_link_options(-fsanitize=${RBK_SANITIZE} -no-pie)
endif()

if(RBK_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

set(RBK_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these inside the standard library at -O2 and under the sanitizers.
  list(APPEND RBK_WARNINGS -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
       -Wno-dangling-pointer -Wno-array-bounds -Wno-stringop-overread)
endif()
