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

# Every attack by name, compiled once for the programs and tests that choose among them.
add_library(foil_catalogue STATIC EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tools/catalogue/all_attacks.cpp)
target_include_directories(foil_catalogue PUBLIC ${PROJECT_SOURCE_DIR}/tools)
target_link_libraries(foil_catalogue PUBLIC foil::foil foil_programs)

# The importer of ONNX files as well.
if(FOIL_ONNX)
  add_library(foil_importer STATIC EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/tools/catalogue/importer.cpp)
  target_include_directories(foil_importer PUBLIC ${PROJECT_SOURCE_DIR}/tools)
  target_link_libraries(foil_importer PUBLIC foil::onnx foil_programs)
endif()

if(FOIL_BUILD_TOOLS)
  find_package(CLI11 CONFIG REQUIRED)
  find_package(nlohmann_json 3.11 CONFIG REQUIRED)
endif()

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  message(FATAL_ERROR "foil's programs are slow without optimisation: pass -DCMAKE_BUILD_TYPE=Release or a preset")
endif()

# A compiler needs up to 1.5 GB for one of these sources: no more of them at once than the machine has room for.
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
cmake_host_system_information(RESULT megabytes QUERY TOTAL_PHYSICAL_MEMORY)
math(EXPR compilers "${megabytes} / 1500")
if(compilers GREATER cores)
  set(compilers ${cores})
elseif(compilers LESS 1)
  set(compilers 1)
endif()
set_property(GLOBAL APPEND PROPERTY JOB_POOLS foil_compilers=${compilers})
set(CMAKE_JOB_POOL_COMPILE foil_compilers)
