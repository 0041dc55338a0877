# The three targets a host can link: bulkmsg::core (headers of the pure rooms), bulkmsg::bulkmsg (the engine, C++),
# bulkmsg::c (the engine behind the C ABI, shared).

find_package(Boost 1.81 REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(simdjson REQUIRED)
find_package(absl REQUIRED)
find_package(tl-expected REQUIRED)
find_program(CCACHE ccache)
if(CCACHE AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()

# Unique symbols cannot be made local, and would bind to another Boost in the host's process.
set(no_unique_symbols $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)

add_library(bulkmsg_core INTERFACE)
add_library(bulkmsg::core ALIAS bulkmsg_core)
set_target_properties(bulkmsg_core PROPERTIES EXPORT_NAME core)
file(GLOB_RECURSE public_headers CONFIGURE_DEPENDS include/bulkmsg/*.hpp)
target_sources(bulkmsg_core INTERFACE FILE_SET HEADERS BASE_DIRS include FILES ${public_headers})
target_compile_features(bulkmsg_core INTERFACE cxx_std_20)
set_target_properties(bulkmsg_core PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${BULKMSG_DEVELOPER})  # built by a test only
target_link_libraries(bulkmsg_core INTERFACE tl::expected simdjson::simdjson absl::flat_hash_set absl::flat_hash_map absl::time)

file(GLOB_RECURSE engine_sources CONFIGURE_DEPENDS src/*.cpp)
add_library(bulkmsg_engine STATIC ${engine_sources})
add_library(bulkmsg::bulkmsg ALIAS bulkmsg_engine)
set_target_properties(bulkmsg_engine PROPERTIES
  EXPORT_NAME bulkmsg OUTPUT_NAME bulkmsg_cpp POSITION_INDEPENDENT_CODE ON
  CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
target_include_directories(bulkmsg_engine PRIVATE src)
target_compile_options(bulkmsg_engine PRIVATE ${no_unique_symbols})
target_link_libraries(bulkmsg_engine PUBLIC bulkmsg_core
  PRIVATE Boost::headers SQLite::SQLite3 OpenSSL::SSL OpenSSL::Crypto Threads::Threads)

add_subdirectory(capi)

# Warnings and flags for our own code only, never for a consumer.
function(bulkmsg_flags)
  foreach(target ${ARGN})
    # A field left out of a designated initializer has its default: that is what they are for.
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wpedantic -Wno-missing-field-initializers
      $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)  # false positives of g++ 12 on string concatenation
  endforeach()
endfunction()
bulkmsg_flags(bulkmsg_engine)
