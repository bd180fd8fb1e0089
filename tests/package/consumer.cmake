# SPDX-License-Identifier: MIT
# cmake -DCASE=package|torch|mpi|program|refusals|subdirectory|fetch -DPREFIX=<where foil is installed> -DFOIL=<its source tree>
#       -DVERSION=<its version> -DCOMPILER=... -DGENERATOR=... -DSCRATCH=<folder> -P consumer.cmake
cmake_minimum_required(VERSION 3.24)
set(build ${SCRATCH}/consumer_${CASE})

# Configures the consumer afresh; `wanted` is empty if that must succeed, else what CMake must say as it gives up.
function(configure wanted)
  file(REMOVE_RECURSE ${build})
  execute_process(
    COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${build} -G ${GENERATOR}
      -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_BUILD_TYPE=Debug -DFOIL_SOURCE=${FOIL} ${ARGN}
    RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  string(REGEX REPLACE "[ \n]+" " " flat "${said}")
  if(wanted STREQUAL "" AND failed)
    message(FATAL_ERROR "configuring with ${ARGN} fails:\n${said}")
  elseif(NOT wanted STREQUAL "" AND (NOT failed OR NOT flat MATCHES "${wanted}"))
    message(FATAL_ERROR "configuring with ${ARGN} should fail with `${wanted}`:\n${said}")
  endif()
endfunction()

# Builds and runs what uses the components `ARGN`.
function(build_and_run)
  list(TRANSFORM ARGN PREPEND use_ OUTPUT_VARIABLE programs)
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${build} --target ${programs} COMMAND_ERROR_IS_FATAL ANY)
  foreach(component ${ARGN})
    execute_process(COMMAND ${build}/use_${component} WORKING_DIRECTORY ${build} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endfunction()

# Eigen under another version number: its real headers behind a package file of our own.
function(pretend_eigen version)
  set(folder ${SCRATCH}/eigen-${version}/share/cmake/Eigen3)
  file(WRITE ${folder}/Eigen3Config.cmake "add_library(Eigen3::Eigen INTERFACE IMPORTED)\n")
  file(WRITE ${folder}/Eigen3ConfigVersion.cmake "set(PACKAGE_VERSION ${version})\n"
    "if(PACKAGE_FIND_VERSION)\n  set(PACKAGE_VERSION_COMPATIBLE FALSE)\nendif()\n")
endfunction()

if(CASE STREQUAL "package")
  configure("" -DCMAKE_PREFIX_PATH=${PREFIX} -DFOIL_FROM=package -DFOIL_VERSION=${VERSION} "-DFOIL_WANTED=onnx\;io")
  build_and_run(foil onnx io)

elseif(CASE MATCHES "^(torch|mpi)$")
  configure("" -DCMAKE_PREFIX_PATH=${PREFIX} -DFOIL_FROM=package -DFOIL_WANTED=${CASE})
  build_and_run(${CASE})
  configure("" -DFOIL_FROM=subdirectory -DFOIL_WANTED=${CASE} -DFOIL_ASKED_FOR=${CASE})

elseif(CASE STREQUAL "program")
  foreach(program foil-evaluate foil-compare foil-corrupt foil-falsify foil-merge foil-report)
    execute_process(COMMAND ${PREFIX}/bin/${program} --version OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
    if(NOT said STREQUAL "${program} ${VERSION}\n")
      message(FATAL_ERROR "the installed ${program} says: ${said}")
    endif()
  endforeach()

elseif(CASE STREQUAL "subdirectory")
  configure("" -DFOIL_FROM=subdirectory -DFOIL_WANTED=onnx -DFOIL_ASKED_FOR=onnx)
  configure("" -DFOIL_FROM=subdirectory "-DFOIL_WANTED=onnx\\;io")  # what its dependencies allow, unasked
  build_and_run(io)
  configure("foil::onnx.* but the target was not found" -DFOIL_FROM=subdirectory -DFOIL_WANTED=onnx -DFOIL_ONNX=OFF)

elseif(CASE STREQUAL "fetch")
  configure("" -DFOIL_FROM=fetch)
  build_and_run(foil)

elseif(CASE STREQUAL "refusals")
  set(installed -DCMAKE_PREFIX_PATH=${PREFIX} -DFOIL_FROM=package)
  configure("no component .caffe.; it has: onnx;io" ${installed} -DFOIL_WANTED=caffe)
  configure("compatible with requested version .99.0" ${installed} -DFOIL_VERSION=99.0)
  foreach(version 3.3.9 5.0.1)
    pretend_eigen(${version})
  endforeach()
  configure("foil needs Eigen 3.4 or newer, but .* is 3.3.9" ${installed} -DEigen3_ROOT=${SCRATCH}/eigen-3.3.9)
  configure("foil needs Eigen 3.4 or newer, but .* is 3.3.9"
    -DFOIL_FROM=subdirectory -DEigen3_ROOT=${SCRATCH}/eigen-3.3.9)
  configure("" ${installed} -DEigen3_ROOT=${SCRATCH}/eigen-5.0.1)
  configure("" -DFOIL_FROM=subdirectory -DEigen3_ROOT=${SCRATCH}/eigen-5.0.1)

  # What was installed can be moved elsewhere: it names neither the source tree nor where it was built.
  file(GLOB_RECURSE files ${PREFIX}/*)
  foreach(file IN LISTS files)
    file(READ ${file} text)
    foreach(place ${FOIL} ${PREFIX})
      string(FIND "${text}" "${place}" found)
      if(NOT found EQUAL -1)
        message(FATAL_ERROR "${file} mentions ${place}")
      endif()
    endforeach()
  endforeach()

else()
  message(FATAL_ERROR "unknown case '${CASE}'")
endif()
