# Libraries of the distribution, as imported targets under one roof.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(RocksDB REQUIRED)
find_package(pegtl REQUIRED)
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
pkg_check_modules(NLOPT REQUIRED IMPORTED_TARGET nlopt_cxx)

# Loaded when a model is fitted, not linked: by the name that the linker would write down.
pkg_check_modules(XGBOOST REQUIRED xgboost)
find_library(XGBOOST_LIBRARY xgboost REQUIRED HINTS ${XGBOOST_LIBRARY_DIRS})
execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${XGBOOST_LIBRARY} OUTPUT_VARIABLE XGBOOST_HEADERS COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCH "SONAME +([^ \n]+)" XGBOOST_SONAME "${XGBOOST_HEADERS}")
set(XGBOOST_SONAME ${CMAKE_MATCH_1})
if(NOT XGBOOST_SONAME)
  message(FATAL_ERROR "expected ${XGBOOST_LIBRARY} to be a shared library with a name of its own (SONAME)")
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# What programs of Ebb allocate with: small pieces of millions of customers, which the C library's allocator spends a
# third of all time on. Sanitizers bring their own.
add_library(ebb_allocator INTERFACE)
if(NOT EBB_SANITIZE)
  target_link_libraries(ebb_allocator INTERFACE PkgConfig::JEMALLOC)
endif()
