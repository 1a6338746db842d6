# SPDX-License-Identifier: Apache-2.0
# Language level, warnings, sanitizers, and the function that declares one library per folder.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Release keeps no asserts of libraries either; user errors are exceptions, never asserts.
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")
# The sanitizer presets use this one, with clang: g++ 12 takes minutes for each instrumented kernel.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1 -DNDEBUG")

find_program(INGRAD_CCACHE ccache)
if(INGRAD_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${INGRAD_CCACHE})
endif()

add_library(ingrad_flags INTERFACE)
target_compile_options(
  ingrad_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wno-psabi -Werror
                         -ffp-contract=off>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports uninitialised lanes inside Highway's own headers.
  target_compile_options(ingrad_flags
                         INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized -Wno-uninitialized>)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # Hints to g++'s vectoriser.
  target_compile_options(ingrad_flags INTERFACE -Wno-unknown-pragmas)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  # The floor is x86-64-v2 (SSE4.2); faster instruction sets are chosen at run time.
  target_compile_options(ingrad_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-march=x86-64-v2>)
  target_compile_definitions(ingrad_flags INTERFACE HWY_DISABLE_PCLMUL_AES=1
                             "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_AVX3_DL)")
endif()
if(INGRAD_SANITIZE)
  add_compile_options(-fsanitize=${INGRAD_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${INGRAD_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND INGRAD_SANITIZE MATCHES "undefined")
    # Kernels step from the pointer of an operand before they know that it is empty and null.
    add_compile_options(-fno-sanitize=pointer-overflow)
  endif()
endif()

# ingrad_library(NAME DEPENDS...): every source below the folder, as target ingrad_NAME with the
# alias ingrad::NAME. A layer sees only what it names here.
function(ingrad_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(INGRAD_LIBRARY_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${INGRAD_LIBRARY_EXCLUDE})
  endif()
  add_library(ingrad_${name} STATIC ${sources})
  add_library(ingrad::${name} ALIAS ingrad_${name})
  set_target_properties(ingrad_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(ingrad_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                             $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                             $<INSTALL_INTERFACE:include> $<INSTALL_INTERFACE:include/ingrad>)
  target_compile_features(ingrad_${name} PUBLIC cxx_std_20)
  target_link_libraries(ingrad_${name} PRIVATE $<BUILD_INTERFACE:ingrad_flags> PUBLIC ${ARGN})
  set_property(GLOBAL APPEND PROPERTY INGRAD_LIBRARIES ingrad_${name})
endfunction()
