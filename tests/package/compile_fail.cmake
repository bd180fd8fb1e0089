# SPDX-License-Identifier: MIT
# cmake -DCOMPILER=... -DFLAGS=... -DSOURCE=<file> -DPRECOMPILED=<folder> -P compile_fail.cmake
# The source must be refused with the sentence that its first line asks for ("// expect: <regular expression>") as the only
# error, and accepted once FOIL_FIXED mends what is wrong with it: so that nothing else can be the reason. A second line
# "// flags: ..." names flags that are the mistake. What the source includes first is taken from PRECOMPILED if it is there.
cmake_minimum_required(VERSION 3.24)

file(STRINGS ${SOURCE} lines LIMIT_COUNT 2)
list(POP_FRONT lines first second)
if(NOT first MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${SOURCE} must begin with `// expect: <regular expression>`")
endif()
set(wanted "${CMAKE_MATCH_1}")
set(mistaken "")
if(second MATCHES "^// flags: (.+)$")
  separate_arguments(mistaken UNIX_COMMAND "${CMAKE_MATCH_1}")
else()
  file(STRINGS ${SOURCE} included LIMIT_COUNT 1 REGEX "^#include ")
  string(REGEX REPLACE "^#include \"(.+)\"$" "${PRECOMPILED}/\\1" header "${included}")
  if(EXISTS ${header}.gch)
    list(APPEND FLAGS -include ${header})
  endif()
endif()

execute_process(COMMAND ${COMPILER} ${FLAGS} ${mistaken} ${SOURCE} RESULT_VARIABLE refused ERROR_VARIABLE said)
if(NOT refused)
  message(FATAL_ERROR "${SOURCE} compiles, but should not")
elseif(NOT said MATCHES "${wanted}")
  message(FATAL_ERROR "${SOURCE} is refused, but not with `${wanted}`:\n${said}")
endif()
string(REGEX MATCHALL "error: " errors "${said}")
list(LENGTH errors count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "${SOURCE} is refused with ${count} errors where one says it:\n${said}")
endif()

execute_process(COMMAND ${COMPILER} ${FLAGS} -DFOIL_FIXED ${SOURCE} RESULT_VARIABLE refused ERROR_VARIABLE said)
if(refused)
  message(FATAL_ERROR "${SOURCE} is refused even when FOIL_FIXED is defined:\n${said}")
endif()
