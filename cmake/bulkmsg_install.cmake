# What `cmake --install` lays down, in two components: bulkmsg_runtime (the shared library) and bulkmsg_dev.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(cmake_files ${CMAKE_INSTALL_LIBDIR}/cmake/bulkmsg)

install(TARGETS bulkmsg_c EXPORT bulkmsg_c_exports
  FILE_SET HEADERS COMPONENT bulkmsg_dev
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT bulkmsg_runtime NAMELINK_COMPONENT bulkmsg_dev)
if(TARGET bulkmsg_c_static)
  install(TARGETS bulkmsg_c_static EXPORT bulkmsg_c_exports
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT bulkmsg_dev)
endif()
install(TARGETS bulkmsg_core bulkmsg_engine EXPORT bulkmsg_cxx_exports
  FILE_SET HEADERS COMPONENT bulkmsg_dev
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT bulkmsg_dev)
foreach(part c cxx)
  install(EXPORT bulkmsg_${part}_exports NAMESPACE bulkmsg:: DESTINATION ${cmake_files} COMPONENT bulkmsg_dev)
endforeach()
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/bulkmsg-config.cmake.in ${PROJECT_BINARY_DIR}/bulkmsg-config.cmake
  INSTALL_DESTINATION ${cmake_files})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bulkmsg-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bulkmsg-config.cmake ${PROJECT_BINARY_DIR}/bulkmsg-config-version.cmake
  DESTINATION ${cmake_files} COMPONENT bulkmsg_dev)

# Relocatable: the prefix is found from where the file lies, however deep the library directory is.
file(RELATIVE_PATH PC_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" PC_PREFIX "${PC_PREFIX}")
list(TRANSFORM bulkmsg_static_needs PREPEND -l OUTPUT_VARIABLE libs_private)
list(JOIN libs_private " " PC_LIBS_PRIVATE)
configure_file(${CMAKE_CURRENT_LIST_DIR}/bulkmsg.pc.in ${PROJECT_BINARY_DIR}/bulkmsg.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/bulkmsg.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT bulkmsg_dev)

# The guide, and a program and data to try it with; in folders as here, for the links between them.
set(documents ${CMAKE_INSTALL_DATADIR}/doc/libbulkmsg-dev)
install(FILES CHANGELOG.md LICENSE DESTINATION ${documents} COMPONENT bulkmsg_dev)
install(DIRECTORY capi/guide DESTINATION ${documents}/capi COMPONENT bulkmsg_dev)
install(DIRECTORY examples/c examples/data DESTINATION ${documents}/examples COMPONENT bulkmsg_dev
  FILES_MATCHING PATTERN *.c PATTERN *.json PATTERN *.csv)

if(PROJECT_IS_TOP_LEVEL)
  include(bulkmsg_package)
endif()
