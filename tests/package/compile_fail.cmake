# SPDX-License-Identifier: MIT
# cmake -DCOMPILER=... -DFLAGS=... -DSOURCE=<file> -P compile_fail.cmake
# The source must be refused with the sentence that its first line asks for ("// expect: <regular expression>"), and
# accepted once FOIL_FIXED mends what is wrong with it: so that nothing else can be the reason.
cmake_minimum_required(VERSION 3.24)

file(STRINGS ${SOURCE} first LIMIT_COUNT 1)
if(NOT first MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${SOURCE} must begin with `// expect: <regular expression>`")
endif()
set(wanted "${CMAKE_MATCH_1}")

execute_process(COMMAND ${COMPILER} ${FLAGS} ${SOURCE} RESULT_VARIABLE refused ERROR_VARIABLE said)
if(NOT refused)
  message(FATAL_ERROR "${SOURCE} compiles, but should not")
elseif(NOT said MATCHES "${wanted}")
  message(FATAL_ERROR "${SOURCE} is refused, but not with `${wanted}`:\n${said}")
endif()

execute_process(COMMAND ${COMPILER} ${FLAGS} -DFOIL_FIXED ${SOURCE} RESULT_VARIABLE refused ERROR_VARIABLE said)
if(refused)
  message(FATAL_ERROR "${SOURCE} is refused even when FOIL_FIXED is defined:\n${said}")
endif()
