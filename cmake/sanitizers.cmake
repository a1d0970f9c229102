# What EBB_SANITIZE asks for: how all that is ours is compiled and linked, and EBB_TEST_PROPERTIES, the properties of
# each test that runs it. The distribution's libraries are not instrumented.
add_library(ebb_sanitizers INTERFACE)
set(EBB_TEST_PROPERTIES TIMEOUT 120)

if(EBB_SANITIZE)
  # Whatever is found ends the program, undefined behaviour too.
  set(flags -fsanitize=${EBB_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(ebb_sanitizers INTERFACE ${flags})
  target_link_options(ebb_sanitizers INTERFACE ${flags})
  # The instrumented code of <regex> seems to read what was never set; the other presets do check this.
  target_compile_options(ebb_sanitizers INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  # Slow. And one variable only, since gtest_discover_tests cannot hand on a list of them.
  set(EBB_TEST_PROPERTIES TIMEOUT 600 ENVIRONMENT UBSAN_OPTIONS=print_stacktrace=1)
endif()

if(EBB_SANITIZE MATCHES "thread")
  # protobuf's and abseil's headers lay types out otherwise under the thread sanitizer than the distribution's
  # libraries do; the standard library's must know of it nevertheless.
  target_compile_options(ebb_sanitizers INTERFACE -U__SANITIZE_THREAD__ -D_GLIBCXX_TSAN=1)
  # Goes wherever librdkafka goes.
  add_library(ebb_c11_threads OBJECT tests/sanitizers/c11_threads.cc)
  target_link_libraries(ebb_c11_threads PRIVATE ebb_sanitizers)
  target_link_libraries(PkgConfig::RDKAFKA INTERFACE $<TARGET_OBJECTS:ebb_c11_threads>)
  set(EBB_TEST_PROPERTIES TIMEOUT 600 ENVIRONMENT
    TSAN_OPTIONS=halt_on_error=1:suppressions=${PROJECT_SOURCE_DIR}/tests/sanitizers/tsan.supp)
endif()
