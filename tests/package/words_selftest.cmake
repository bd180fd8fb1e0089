# SPDX-License-Identifier: MIT
# cmake -DSCRATCH=<folder> -P words_selftest.cmake: words.cmake accepts a sound tree and catches every planted fault.
cmake_minimum_required(VERSION 3.24)

set(sound_attack [=[
#include <array>
#include <utility>
#include "foil/core/a.hpp"

namespace foil {

namespace detail {

template <class T>
T doubled(T x) {
  return x + x;
}

class Memory {};

}  // namespace detail

/// A template <class T, bool b> in a comment, std::sort and core's detail::odds are no matter.
template <template <class> class N, class T = Ratio<int, 2>>
bool attack(bool fast, detail::Memory, std::array<std::pair<bool, bool>, 2> several) {
  return detail::doubled(1) > 0 && fast && is<bool, T>;
}

}  // namespace foil
]=])

function(sound_tree)
  file(REMOVE_RECURSE ${SCRATCH})
  file(WRITE ${SCRATCH}/include/foil/core/a.hpp
    "#include <vector>\nnamespace foil::detail { double odds(const std::vector<int>&); }\n")
  file(WRITE ${SCRATCH}/include/foil/attacks/score/c.hpp "${sound_attack}")
  file(WRITE ${SCRATCH}/examples/e.cpp "int main() {}\n")
  file(WRITE ${SCRATCH}/tools/t/t.hpp "#pragma once\n")
  file(WRITE ${SCRATCH}/docs/d.md "# A page\n")
  file(WRITE ${SCRATCH}/README.md "# foil\n")
endfunction()

function(judge planted wanted)
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${SCRATCH} -P ${CMAKE_CURRENT_LIST_DIR}/words.cmake
    RESULT_VARIABLE failed ERROR_VARIABLE said)
  string(REGEX REPLACE "[ \n]+" " " said "${said}")
  if(wanted STREQUAL "" AND failed)
    message(SEND_ERROR "a sound tree was rejected (${planted}): ${said}")
  elseif(NOT wanted STREQUAL "" AND (NOT failed OR NOT said MATCHES "${wanted}"))
    message(SEND_ERROR "planted ${planted}\nexpected: ${wanted}\ngot: ${said}")
  endif()
endfunction()

function(expect plant content wanted)
  sound_tree()
  file(APPEND ${SCRATCH}/${plant} "${content}\n")
  judge("in ${plant}: ${content}" "${wanted}")
endfunction()

set(header include/foil/core/a.hpp)
set(attack include/foil/attacks/score/c.hpp)

sound_tree()
judge(nothing "")

# Names and the header that each asks for, one for every line of the table.
foreach(pair sort:algorithm array:array atomic:atomic bit_cast:bit from_chars:charconv sqrt:cmath abs:cmath
    same_as:concepts condition_variable:condition_variable coroutine_handle:coroutine byte:cstddef int64_t:cstdint
    fopen:cstdio getenv:cstdlib memcpy:cstring exception_ptr:exception filesystem:filesystem ofstream:fstream
    function:functional initializer_list:initializer_list streamoff:ios back_inserter:iterator numeric_limits:limits
    map:map unique_ptr:memory mutex:mutex bad_alloc:new iota:numeric optional:optional set:set ostringstream:sstream
    span:span runtime_error:stdexcept to_string:string string_view:string_view errc:system_error jthread:thread
    tuple:tuple is_same_v:type_traits conditional_t:type_traits unordered_map:unordered_map
    unordered_set:unordered_set move:utility variant:variant)
  string(REGEX MATCH "^[^:]+" name ${pair})
  string(REGEX MATCH "[^:]+$" standard ${pair})
  expect(${header} "auto x = std::${name} (y)[0];" "core/a.hpp: std::${name} without <${standard}>")
  expect(${header} "#include <${standard}>\nauto x = std::${name} (y)[0];" "")
endforeach()
expect(${attack} "std::vector<int> x;" "score/c.hpp: std::vector without <vector>")
expect(${attack} "std::size_t x;" "")
sound_tree()
file(WRITE ${SCRATCH}/${header} "std::size_t x;\n")
judge("a size_t alone" "core/a.hpp: std::size_t without <cstddef>")
expect(${header} "int sort, x = foil::std_max(maximum::min);  // std::sort" "")

# Private words.
expect(${attack} "double x = detail::odds({});" "score/c.hpp: detail::odds is private to another room")
expect(${attack} "auto x = geometry::detail::cut(1);" "score/c.hpp: detail::cut is private to another room")
expect(${attack} "auto x = detail::doubled(2);" "")
expect(include/foil/attacks/parts/p.hpp "auto x = detail::doubled(2);" "")
expect(${header} "double x = detail::odds({});" "")
foreach(file examples/e.cpp tools/t/t.hpp tools/t/more.cpp docs/d.md README.md)
  expect(${file} "  foil::detail::odds" "${file}: detail:: is private to the library")
endforeach()

# Templates on a bool.
foreach(text "template <bool fast>" "template <class N, bool fast = false>" "template <class N,\n          bool>"
    "template <class N = Ratio<1, 2>, bool fast>" "template <template <class> class N, bool fast>"
    "  template <class N, bool fast>\n  requires X<N>")
  expect(${attack} "${text}\nvoid f();" "score/c.hpp: a template on a bool")
endforeach()
foreach(text "template <class N>\nbool" "template <class N, class = Pair<bool, bool>>\nvoid" "template <Norm N>\nPair<int, bool>")
  expect(${attack} "${text}\nf(bool x, bool y);" "")
endforeach()
expect(${header} "template <bool both>\nvoid f();" "")

file(REMOVE_RECURSE ${SCRATCH})
