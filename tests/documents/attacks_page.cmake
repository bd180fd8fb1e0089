# SPDX-License-Identifier: MIT
# cmake -DPROGRAM=<print_attacks_page> -DPAGE=<docs/attacks.md> -DUPDATE=<command> -P attacks_page.cmake
# Fails unless the page is what the program prints.
cmake_minimum_required(VERSION 3.24)

execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
set(page "")
if(EXISTS ${PAGE})
  file(READ ${PAGE} page)
endif()
if(NOT page STREQUAL printed)
  message(FATAL_ERROR "${PAGE} is not what the catalogue prints; to bring it up to date:\n  ${UPDATE}\n")
endif()
