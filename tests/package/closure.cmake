# SPDX-License-Identifier: MIT
# cmake -DCOMPILER=... -DFLAGS=... -DSCRATCH=<folder> -P closure.cmake
# What foil.hpp drags in, directly or not, beyond the Eigen headers that it cannot do without.
cmake_minimum_required(VERSION 3.24)

function(closure result)
  list(TRANSFORM ARGN REPLACE "(.+)" "#include <\\1>\n" OUTPUT_VARIABLE source)
  list(JOIN source "" source)
  file(WRITE ${SCRATCH}/closure.cpp "${source}")
  execute_process(COMMAND ${COMPILER} ${FLAGS} -M ${SCRATCH}/closure.cpp OUTPUT_VARIABLE rule COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^ \n\\]+" headers "${rule}")
  set(${result} ${headers} PARENT_SCOPE)
endfunction()

closure(needed Eigen/Core unsupported/Eigen/CXX11/Tensor)
closure(all foil/foil.hpp)
list(REMOVE_ITEM all ${needed})
set(costly ${all})
list(FILTER costly INCLUDE REGEX "/(iostream|random|regex|ranges|chrono)$")
if(costly)
  message(FATAL_ERROR "foil.hpp drags in ${costly}")
endif()

# The check itself can see such a header.
closure(control regex)
list(FILTER control INCLUDE REGEX "/regex$")
if(NOT control)
  message(FATAL_ERROR "the closure of <regex> does not show <regex>: this test sees nothing")
endif()
