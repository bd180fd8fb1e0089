# SPDX-License-Identifier: MIT
# cmake -DCOMPILER=... -DFLAGS=... -DHEADER=<header of foil> -DPRECOMPILED=<folder> -P precompile.cmake
# Compiles a header for `-include <folder>/<header>`, to be used by sources that include it first.
cmake_minimum_required(VERSION 3.24)

file(WRITE ${PRECOMPILED}/${HEADER} "#include \"${HEADER}\"\n")
execute_process(COMMAND ${COMPILER} ${FLAGS} -x c++-header ${PRECOMPILED}/${HEADER} -o ${PRECOMPILED}/${HEADER}.gch
  COMMAND_ERROR_IS_FATAL ANY)
