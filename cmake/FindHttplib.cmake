# SPDX-License-Identifier: MIT
# cpp-httplib: the CMake package of its own build, or what pkg-config knows of Debian's, whose flags its headers need.
# Defines Httplib::httplib.
find_package(httplib CONFIG QUIET)
if(NOT TARGET httplib::httplib)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(httplib QUIET IMPORTED_TARGET cpp-httplib)
  endif()
endif()
set(Httplib_TARGET "")
foreach(target httplib::httplib PkgConfig::httplib)
  if(TARGET ${target})
    set(Httplib_TARGET ${target})
  endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Httplib REQUIRED_VARS Httplib_TARGET VERSION_VAR httplib_VERSION)

if(Httplib_FOUND AND NOT TARGET Httplib::httplib)
  add_library(Httplib::httplib INTERFACE IMPORTED)
  target_link_libraries(Httplib::httplib INTERFACE ${Httplib_TARGET})
endif()
