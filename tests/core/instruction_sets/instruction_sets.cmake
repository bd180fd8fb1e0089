# SPDX-License-Identifier: MIT
# The test core/instruction_sets. Where compiler or machine know no AVX2, both objects are of one instruction set.
include(CheckCXXSourceRuns)
set(wide -march=x86-64 -mavx2 -mfma)
if(NOT CMAKE_CROSSCOMPILING)
  list(JOIN wide " " CMAKE_REQUIRED_FLAGS)
  check_cxx_source_runs("int main() { return __builtin_cpu_supports(\"avx2\") && __builtin_cpu_supports(\"fma\") ? 0 : 1; }"
    FOIL_TWO_INSTRUCTION_SETS)
  unset(CMAKE_REQUIRED_FLAGS)
endif()

# What is not written as vectors must not become any, or the check could not tell them apart; and where to fuse a
# product with a sum would be the compiler's choice. Eigen's vectors, and how it aligns memory, follow the flags as well.
set(options -O2 -ffp-contract=off)
if(FOIL_TWO_INSTRUCTION_SETS)
  list(APPEND options -fno-tree-vectorize -fno-tree-slp-vectorize -mprefer-vector-width=128)
  set(baseline -march=x86-64)
else()
  set(baseline "")
  set(wide "")
endif()
foreach(set baseline wide)
  add_library(instruction_sets_${set} OBJECT core/instruction_sets/results.cpp)
  target_link_libraries(instruction_sets_${set} PRIVATE foil::foil)
  target_compile_options(instruction_sets_${set} PRIVATE ${options} ${${set}})
  target_compile_definitions(instruction_sets_${set} PRIVATE FOIL_RESULTS=${set}_results EIGEN_DONT_VECTORIZE)
endforeach()

# The linker keeps the first of two functions of one name: both orders.
set(programs "")
foreach(sets baseline wide "baseline;wide" "wide;baseline")
  list(JOIN sets _ program)
  set(program instruction_sets_of_${program})
  add_executable(${program} core/instruction_sets/main.cpp)
  foreach(set IN LISTS sets)
    target_sources(${program} PRIVATE $<TARGET_OBJECTS:instruction_sets_${set}>)
  endforeach()
  target_link_libraries(${program} PRIVATE foil::foil)
  list(APPEND programs $<TARGET_FILE:${program}>)
endforeach()
set(tools "")
if(FOIL_TWO_INSTRUCTION_SETS AND CMAKE_NM AND CMAKE_OBJDUMP)
  set(tools ${CMAKE_NM} ${CMAKE_OBJDUMP} $<TARGET_OBJECTS:instruction_sets_baseline> $<TARGET_OBJECTS:instruction_sets_wide>)
endif()
add_test(NAME core/instruction_sets
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/core/instruction_sets/check.sh ${programs} ${tools})
