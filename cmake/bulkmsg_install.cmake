include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS bulkmsg_core bulkmsg_engine bulkmsg_c EXPORT bulkmsg_exports
  FILE_SET HEADERS
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT bulkmsg_exports NAMESPACE bulkmsg:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bulkmsg)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/bulkmsg-config.cmake.in bulkmsg-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bulkmsg)
write_basic_package_version_file(bulkmsg-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bulkmsg-config.cmake ${PROJECT_BINARY_DIR}/bulkmsg-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/bulkmsg)
