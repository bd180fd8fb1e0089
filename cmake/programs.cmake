# SPDX-License-Identifier: MIT
# How foil's own programs (tests, examples, benchmarks) are compiled. Nothing here reaches foil's users.
add_library(foil_programs INTERFACE)
target_compile_options(foil_programs INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<BOOL:${FOIL_WERROR}>:-Werror>
  $<$<BOOL:${FOIL_NATIVE}>:-march=native>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Raised without reason by GCC's own AVX-512 and string headers, wherever they are inlined.
  target_compile_options(foil_programs INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized -Wno-array-bounds -Wno-restrict
    -Wno-stringop-overflow)
endif()

# What many programs and tests would compile each for itself, compiled once: what runs attacks, every attack by name, the
# importer of ONNX files.
function(compiled_once target source)
  add_library(${target} STATIC EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tools/catalogue/${source})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/tools)
  target_link_libraries(${target} PUBLIC ${ARGN} foil_programs)
endfunction()
compiled_once(foil_runs runs.cpp foil::foil)
compiled_once(foil_catalogue all_attacks.cpp foil_runs)
if(FOIL_ONNX)
  compiled_once(foil_importer importer.cpp foil::onnx)
  # Examples look as a user's program does: they are told from outside what need not be compiled again.
  add_library(foil_examples INTERFACE)
  target_link_libraries(foil_examples INTERFACE foil_importer foil_runs)
  target_compile_options(foil_examples INTERFACE "SHELL:-include catalogue/importer.hpp" "SHELL:-include catalogue/runs.hpp")
endif()

if(FOIL_BUILD_TOOLS)
  find_package(CLI11 CONFIG REQUIRED)
  find_package(nlohmann_json 3.11 CONFIG REQUIRED)
endif()

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  message(FATAL_ERROR "foil's programs are slow without optimisation: pass -DCMAKE_BUILD_TYPE=Release or a preset")
endif()

# A compiler needs up to 2.6 GB for one of these sources: no more of them at once than the machine has room for.
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
cmake_host_system_information(RESULT megabytes QUERY TOTAL_PHYSICAL_MEMORY)
math(EXPR compilers "${megabytes} / 2600")
if(compilers GREATER cores)
  set(compilers ${cores})
elseif(compilers LESS 1)
  set(compilers 1)
endif()
set_property(GLOBAL APPEND PROPERTY JOB_POOLS foil_compilers=${compilers})
set(CMAKE_JOB_POOL_COMPILE foil_compilers)
