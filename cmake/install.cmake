# SPDX-License-Identifier: MIT
# find_package(foil CONFIG [COMPONENTS onnx io torch mpi])
include(CMakePackageConfigHelpers)
get_property(FOIL_COMPONENTS GLOBAL PROPERTY FOIL_COMPONENTS)
configure_package_config_file(cmake/foil-config.cmake.in ${PROJECT_BINARY_DIR}/foil-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_DATADIR}/cmake/foil
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/foil-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/foil-config.cmake ${PROJECT_BINARY_DIR}/foil-config-version.cmake
    cmake/FindProtozero.cmake
  DESTINATION ${CMAKE_INSTALL_DATADIR}/cmake/foil)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
