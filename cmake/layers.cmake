# A layer is a top-level folder. Each sees itself and what is linked below it, and nothing else: its headers are
# reached through a view, a directory that holds a link to that one folder, since the root is on no include path.
add_library(ebb_flags INTERFACE)
target_link_libraries(ebb_flags INTERFACE ebb_sanitizers)
target_compile_options(ebb_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wno-missing-field-initializers)
if(EBB_WERROR)
  target_compile_options(ebb_flags INTERFACE -Werror)
endif()
if(EBB_COVERAGE)
  target_compile_options(ebb_flags INTERFACE --coverage)
  target_link_options(ebb_flags INTERFACE --coverage)
endif()

foreach(layer state engine operators tests)
  set(view ${PROJECT_BINARY_DIR}/view/${layer})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${layer} ${view}/${layer} SYMBOLIC)
  add_library(ebb_view_${layer} INTERFACE)
  target_include_directories(ebb_view_${layer} INTERFACE ${view})
endforeach()

# ebb_library(NAME LAYER SOURCES ... LINK ...): one library a folder.
function(ebb_library name layer)
  cmake_parse_arguments(LIB "OBJECT" "" "SOURCES;LINK;PRIVATE" ${ARGN})
  if(LIB_OBJECT)
    add_library(${name} OBJECT ${LIB_SOURCES})
  else()
    add_library(${name} STATIC ${LIB_SOURCES})
  endif()
  target_link_libraries(${name} PUBLIC ebb_view_${layer} ${LIB_LINK} PRIVATE ebb_flags ${LIB_PRIVATE})
endfunction()

# ebb_protos(NAME ROOT SOURCES ... LINK ...): messages, included by their path below ROOT.
function(ebb_protos name root)
  cmake_parse_arguments(P "" "" "SOURCES;LINK;IMPORT" ${ARGN})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${out})
  set(generated)
  set(imports -I ${root})
  foreach(dir ${P_IMPORT})
    list(APPEND imports -I ${dir})
  endforeach()
  foreach(proto ${P_SOURCES})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    add_custom_command(
      OUTPUT ${out}/${stem}.pb.cc ${out}/${stem}.pb.h
      COMMAND protobuf::protoc ${imports} --cpp_out=${out} ${root}/${proto}
      DEPENDS ${root}/${proto}
      VERBATIM)
    list(APPEND generated ${out}/${stem}.pb.cc)
  endforeach()
  add_library(${name} STATIC ${generated})
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf ${P_LINK} PRIVATE ebb_sanitizers)
endfunction()
