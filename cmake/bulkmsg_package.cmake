# `cpack` makes two Debian packages, named as Debian names them: libbulkmsg0.1 (the soname's version) and libbulkmsg-dev.
set(soname_version ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(runtime_package libbulkmsg${soname_version})
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # only what is installed has to be built

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "the bulkmsg authors <bulkmsg@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL bulkmsg_runtime bulkmsg_dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_BULKMSG_RUNTIME_PACKAGE_NAME ${runtime_package})
set(CPACK_COMPONENT_BULKMSG_RUNTIME_DESCRIPTION "The engine behind its C ABI, as a shared library.")
set(CPACK_DEBIAN_BULKMSG_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")

# Programs over the C ABI need no more than the header; the rest is for the C++ engine and the static archives.
set(CPACK_DEBIAN_BULKMSG_DEV_PACKAGE_NAME libbulkmsg-dev)
set(CPACK_DEBIAN_BULKMSG_DEV_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_BULKMSG_DEV_DESCRIPTION "Headers, static archives, CMake and pkg-config files of bulkmsg.")
set(CPACK_DEBIAN_BULKMSG_DEV_PACKAGE_DEPENDS "${runtime_package} (= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_BULKMSG_DEV_PACKAGE_RECOMMENDS
  "libboost1.81-dev, libsimdjson-dev, libabsl-dev, libexpected-dev, libsqlite3-dev, libssl-dev")
include(CPack)
