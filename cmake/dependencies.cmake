# SPDX-License-Identifier: MIT
# What foil::foil and its components stand on. Installed packages come first; Eigen and protozero are fetched
# where they are missing.
include(FetchContent)

# Eigen is asked for without a version, because 5.x refuses "3.4" and 3.4.0 refuses a range. SOURCE_SUBDIR names a
# folder that does not exist: the headers are all that is wanted, not Eigen's own build.
FetchContent_Declare(Eigen3
  URL https://gitlab.com/libeigen/eigen/-/archive/3.4.0/eigen-3.4.0.tar.gz
  URL_HASH SHA256=8586084f71f9bde545ee7fa6d00288b264a2b7ac3607b974e54d13e7162c1c72
  SOURCE_SUBDIR headers-only
  FIND_PACKAGE_ARGS CONFIG)
FetchContent_MakeAvailable(Eigen3)
if(NOT TARGET Eigen3::Eigen)
  add_library(Eigen3::Eigen INTERFACE IMPORTED GLOBAL)
  target_include_directories(Eigen3::Eigen INTERFACE ${eigen3_SOURCE_DIR})
elseif(Eigen3_FOUND AND Eigen3_VERSION VERSION_LESS 3.4)
  message(FATAL_ERROR "foil needs Eigen 3.4 or newer, but Eigen3_DIR=${Eigen3_DIR} is ${Eigen3_VERSION}")
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
if(FOIL_ONNX STREQUAL "AUTO")
  find_package(Protozero 1.7 MODULE QUIET)
  set(FOIL_ONNX ${Protozero_FOUND})
endif()
if(FOIL_IO STREQUAL "AUTO")
  find_package(PNG QUIET)
  find_package(ZLIB QUIET)
  set(FOIL_IO OFF)
  if(PNG_FOUND AND ZLIB_FOUND)
    set(FOIL_IO ON)
  endif()
endif()

if(FOIL_ONNX)
  FetchContent_Declare(Protozero
    GIT_REPOSITORY https://github.com/mapbox/protozero.git
    GIT_TAG f379578a3f7c8162aac0ac31c2696de09a5b5f93  # v1.7.1
    SOURCE_SUBDIR headers-only
    FIND_PACKAGE_ARGS 1.7 MODULE)
  FetchContent_MakeAvailable(Protozero)
  if(NOT TARGET Protozero::protozero)
    add_library(Protozero::protozero INTERFACE IMPORTED GLOBAL)
    target_include_directories(Protozero::protozero INTERFACE ${protozero_SOURCE_DIR}/include)
  endif()
endif()

if(FOIL_IO)
  find_package(PNG REQUIRED)
  find_package(ZLIB REQUIRED)
  find_package(JPEG QUIET)
  if(NOT JPEG_FOUND)
    message(STATUS "foil: without JPEG files: libjpeg-turbo was not found (Debian: libjpeg62-turbo-dev)")
  endif()
endif()

# Debian's libtorch-dev, or the LibTorch or Python package whose folder is in CMAKE_PREFIX_PATH. Only its target `torch`
# is used: its variables hold paths of this machine.
set(Torch_FOUND FALSE)
if(FOIL_TORCH STREQUAL "AUTO")
  find_package(Torch QUIET GLOBAL)
  set(foil_torch_lacks "LibTorch was not found (Debian: libtorch-dev; elsewhere: CMAKE_PREFIX_PATH)")
elseif(FOIL_TORCH)
  find_package(Torch REQUIRED GLOBAL)
else()
  set(foil_torch_lacks "FOIL_TORCH is OFF (the preset `adapters` turns it on)")
endif()
if(Torch_FOUND)
  message(STATUS "foil: with the adapter for LibTorch ${Torch_VERSION}")
else()
  message(STATUS "foil: without the adapter for LibTorch: ${foil_torch_lacks}")
endif()

# Debian's libopenmpi-dev, or another MPI whose compiler wrapper is found. Its C functions are all that is used.
set(MPI_CXX_SKIP_MPICXX ON)
set(MPI_CXX_FOUND FALSE)
if(FOIL_MPI STREQUAL "AUTO")
  find_package(MPI QUIET COMPONENTS CXX)
  set(foil_mpi_lacks "MPI was not found (Debian: libopenmpi-dev)")
elseif(FOIL_MPI)
  find_package(MPI REQUIRED COMPONENTS CXX)
else()
  set(foil_mpi_lacks "FOIL_MPI is OFF (the preset `adapters` turns it on)")
endif()
if(MPI_CXX_FOUND)
  message(STATUS "foil: with MPI ${MPI_CXX_VERSION}")
else()
  message(STATUS "foil: without MPI: ${foil_mpi_lacks}")
endif()
