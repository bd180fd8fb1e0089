# SPDX-License-Identifier: MIT
# cmake -DCHROMIUM=<program> -DEVALUATE=<foil-evaluate> -DREPORT=<foil-report> -DDATA=<examples/data> -DSCRATCH=<folder>
#   -P browser.cmake
# Looks at pages of foil-evaluate and foil-report in a browser, 400 and 1400 pixels wide: a copy of each checks itself.
cmake_minimum_required(VERSION 3.24)

file(REMOVE_RECURSE ${SCRATCH})
file(MAKE_DIRECTORY ${SCRATCH})

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${SCRATCH} RESULT_VARIABLE status OUTPUT_VARIABLE out
    ERROR_VARIABLE err)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${ARGN}: ${status}\n${out}\n${err}")
  endif()
endfunction()

# Each page in a frame of either width. `asked` is what the copy has to find: points by chart, and images.
function(look page asked)
  file(READ ${SCRATCH}/${page} text)
  file(READ ${CMAKE_CURRENT_LIST_DIR}/check.js check)
  string(FIND "${text}" "<head>" at)
  math(EXPR at "${at} + 6")
  string(SUBSTRING "${text}" 0 ${at} head)
  string(SUBSTRING "${text}" ${at} -1 rest)
  # The page forbids all but its own: the script is the copy's own as well.
  file(WRITE ${SCRATCH}/checked-${page} "${head}<script>\n${check}</script>${rest}")
  set(page checked-${page})
  configure_file(${CMAKE_CURRENT_LIST_DIR}/frame.html.in ${SCRATCH}/frame-${page} @ONLY)
  execute_process(
    COMMAND ${CHROMIUM} --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run
      --user-data-dir=${SCRATCH}/profile --enable-logging=stderr --virtual-time-budget=60000 --dump-dom
      file://${SCRATCH}/frame-${page}
    RESULT_VARIABLE status OUTPUT_VARIABLE dom ERROR_VARIABLE err)
  string(REGEX MATCH "<pre id=\"found\">([^<]*)</pre>" found "${dom}")
  set(found "${CMAKE_MATCH_1}")
  if(NOT status EQUAL 0 OR NOT found MATCHES "(^|\n)400: fine\n" OR NOT found MATCHES "(^|\n)1400: fine\n")
    message(FATAL_ERROR "${page}: status ${status}, found\n${found}\n${err}")
  endif()
  if(err MATCHES "CONSOLE[^\n]*")
    message(FATAL_ERROR "${page}: the console says ${CMAKE_MATCH_0}")
  endif()
endfunction()

set(common --model ${DATA}/mnist_cnn.onnx --images ${DATA}/mnist-test-1000-images.idx3-ubyte.gz
  --labels ${DATA}/mnist-test-1000-labels.idx1-ubyte.gz --count 40 --threads 1)
run(${EVALUATE} ${common} --attack fgsm --attack linf-pgd:steps=5 --epsilon 0.1,0.2,0.3 --attack minimal-l2-fgm
  --audit quick --out first.json --report first.html)
run(${EVALUATE} ${common} --seed 1 --attack linf-pgd:steps=5 --epsilon 0.1,0.2,0.3 --out second.json)
run(${REPORT} first.json second.json --out both.html)
# Two attacks and their worst case, each at three radii and at 0; at least three images for each of seven runs of an attack,
# and for three more in the other file.
look(first.html "{\"points\":{\"Robust accuracy within linf\":12},\"images\":21}")
look(both.html "{\"points\":{},\"images\":30}")
