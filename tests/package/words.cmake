# SPDX-License-Identifier: MIT
# cmake -DROOT=<folder that holds include/, examples/, ...> -P words.cmake
# Rejects names of the standard library whose header is not included where they are used, the library's private words
# where others should get by without, and attacks that come in two kinds by a bool.
cmake_minimum_required(VERSION 3.24)

# provides("<header> <what else may stand for it>" <names that ask for it>...); names are regular expressions.
set(table "")
macro(provides headers)
  set(names "${ARGN}")
  list(JOIN names "|" names)
  list(APPEND table "${names}")
  string(REPLACE " " ";" "headers_of_${names}" "${headers}")
endmacro()
provides("algorithm" all_of any_of none_of binary_search clamp copy copy_n copy_if count count_if equal fill fill_n
  find find_if for_each generate lower_bound upper_bound max max_element min min_element minmax nth_element
  partial_sort make_heap push_heap pop_heap remove_if replace reverse rotate search sort stable_sort swap_ranges
  transform unique)
provides("array" array to_array)
provides("atomic" atomic atomic_flag "memory_order_[a-z]+")
provides("bit" bit_cast bit_ceil bit_floor bit_width countl_zero countr_zero endian has_single_bit popcount rotl rotr)
provides("charconv" from_chars to_chars)
provides("cmath" isfinite isinf isnan signbit sqrt cbrt pow exp expm1 exp2 log log1p log2 log10 floor ceil round trunc
  rint nearbyint lround llround lrint hypot sin cos tan tanh cosh sinh atan atan2 acos asin erf erfc fma fmod
  remainder fmax fmin frexp ldexp nextafter copysign lgamma tgamma)
provides("cmath cstdlib" abs)
provides("concepts" common_with constructible_from convertible_to copy_constructible copyable default_initializable
  derived_from floating_point integral invocable movable predicate regular regular_invocable same_as semiregular
  signed_integral unsigned_integral)
provides("condition_variable" condition_variable)
provides("coroutine" coroutine_handle noop_coroutine suspend_always suspend_never)
provides("cstddef" byte max_align_t nullptr_t ptrdiff_t)
provides("cstddef array cstdio cstdlib cstring span string string_view vector" size_t)
provides("cstdint" "u?int(8|16|32|64)_t" "u?intptr_t")
provides("cstdio" FILE fclose fflush fopen fprintf fputs fread fseek ftell fwrite printf puts rename setvbuf snprintf)
provides("cstdlib" abort aligned_alloc exit free getenv malloc strtod strtol)
provides("cstring" memchr memcmp memcpy memmove memset strcmp strerror strlen)
provides("exception stdexcept" current_exception exception exception_ptr rethrow_exception terminate
  uncaught_exceptions)
provides("filesystem" filesystem)
provides("fstream" filebuf fstream ifstream ofstream)
provides("functional" bind_front equal_to function greater hash less minus multiplies not_fn plus reference_wrapper)
provides("initializer_list" initializer_list)
provides("ios fstream iostream istream ostream sstream" streamoff streamsize)
provides("iterator" back_inserter distance istreambuf_iterator istream_iterator make_move_iterator
  make_reverse_iterator next prev)
provides("limits" numeric_limits)
provides("map" map multimap)
provides("memory" addressof make_shared make_unique shared_ptr to_address unique_ptr weak_ptr)
provides("mutex" call_once lock_guard mutex once_flag scoped_lock unique_lock)
provides("new" align_val_t bad_alloc launder nothrow)
provides("numeric" accumulate gcd inner_product iota lcm midpoint partial_sum reduce)
provides("optional" make_optional nullopt optional)
provides("set" set multiset)
provides("sstream" istringstream ostringstream stringstream)
provides("span" dynamic_extent span)
provides("stdexcept" domain_error invalid_argument logic_error out_of_range runtime_error)
provides("string" getline stod stof stoi stol stoul stoull string to_string)
provides("string_view" string_view)
provides("system_error" errc error_code generic_category system_error)
provides("thread" jthread this_thread thread)
provides("tuple" apply make_tuple tie tuple tuple_element_t tuple_size_v)
provides("type_traits" "is_[a-z_]+_v"
  "(add_[a-z_]+|common_type|conditional|decay|enable_if|invoke_result|make_signed|make_unsigned|remove_[a-z_]+|type_identity|underlying_type|void)_t"
  bool_constant conditional decay false_type integral_constant is_constant_evaluated remove_cvref true_type
  type_identity)
provides("unordered_map" unordered_map)
provides("unordered_set" unordered_set)
provides("utility" as_const "cmp_[a-z_]+" declval exchange forward in_range index_sequence index_sequence_for
  make_index_sequence make_pair move pair piecewise_construct swap unreachable)
provides("variant" get_if holds_alternative monostate variant visit)
provides("vector" vector)

# A file without its comments.
function(code_of file result)
  file(READ ${file} text)
  string(REGEX REPLACE "//[^\n]*" "" text "${text}")
  set(${result} "\n${text}\n" PARENT_SCOPE)
endfunction()

set(faults "")
file(GLOB_RECURSE headers RELATIVE ${ROOT} ${ROOT}/include/foil/*.hpp)
if(NOT headers)
  message(FATAL_ERROR "no headers in ${ROOT}/include/foil")
endif()

foreach(header IN LISTS headers)
  code_of(${ROOT}/${header} text)
  foreach(names IN LISTS table)
    if(text MATCHES "[^a-zA-Z0-9_:]std::(${names})[^a-zA-Z0-9_]")
      set(used ${CMAKE_MATCH_1})
      set(included FALSE)
      foreach(standard IN LISTS "headers_of_${names}")
        if(text MATCHES "#[ \t]*include[ \t]*<${standard}>")
          set(included TRUE)
        endif()
      endforeach()
      if(NOT included)
        list(GET "headers_of_${names}" 0 standard)
        list(APPEND faults "${header}: std::${used} without <${standard}>")
      endif()
    endif()
  endforeach()
endforeach()

# What other rooms keep in a namespace `detail` is not for attacks. Their own is: what stands at the beginning of a line
# between the two lines of such a namespace.
file(GLOB_RECURSE attacks RELATIVE ${ROOT} ${ROOT}/include/foil/attacks/*.hpp)
set(own "")
foreach(header IN LISTS attacks)
  file(READ ${ROOT}/${header} text)
  while(text MATCHES "\nnamespace detail {\n")
    string(FIND "${text}" "\nnamespace detail {\n" begin)
    string(SUBSTRING "${text}" ${begin} -1 text)
    string(FIND "${text}" "\n}  // namespace detail\n" end)
    string(SUBSTRING "${text}" 0 ${end} part)
    string(SUBSTRING "${text}" 1 -1 text)
    string(REGEX REPLACE "\n[ }/][^\n]*" "" part "${part}")
    string(APPEND own "${part}\n")
  endwhile()
endforeach()
foreach(header IN LISTS attacks)
  code_of(${ROOT}/${header} text)
  string(REPLACE ";" " " text "${text}")
  string(REGEX MATCHALL "detail::[A-Za-z0-9_]+" words "${text}")
  list(REMOVE_DUPLICATES words)
  foreach(word IN LISTS words)
    string(REPLACE "detail::" "" word "${word}")
    if(NOT own MATCHES "[ &*]${word}[^A-Za-z0-9_:]")
      list(APPEND faults "${header}: detail::${word} is private to another room")
    endif()
  endforeach()

  # `template <class T, bool b>` in whatever lines. Arguments, which follow a name at once, are taken out first.
  foreach(depth RANGE 3)
    string(REGEX REPLACE "([A-Za-z0-9_])<[^<>]*>" "\\1" text "${text}")
  endforeach()
  string(REGEX REPLACE "template <[^<>]*>[ \n]*(class|typename)" "class" text "${text}")
  if(text MATCHES "template[ \n]*<([^<>(){}]*,)?[ \n]*bool[ \n,>=]")
    list(APPEND faults "${header}: a template on a bool: make it an option, or a preset in the list of the family")
  endif()
endforeach()

# Those who show how foil is used, use what is public.
file(GLOB_RECURSE shown RELATIVE ${ROOT} ${ROOT}/examples/*.[ch]pp ${ROOT}/tools/*.[ch]pp ${ROOT}/docs/*.md)
foreach(file IN LISTS shown ITEMS README.md)
  if(EXISTS ${ROOT}/${file})
    file(STRINGS ${ROOT}/${file} lines REGEX "detail::")
    if(lines)
      list(APPEND faults "${file}: detail:: is private to the library")
    endif()
  endif()
endforeach()

if(faults)
  list(JOIN faults "\n  " faults)
  message(FATAL_ERROR "words that do not belong where they are:\n  ${faults}\n")
endif()
