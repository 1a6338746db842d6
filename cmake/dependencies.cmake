# SPDX-License-Identifier: Apache-2.0
# Distribution packages only (tools/packages.txt); nothing is downloaded at build time.
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(fmt REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
# Sanitizers look at the emulated kernels instead (kernels/cuda/emulate.h).
set(INGRAD_HAS_CUDA OFF)
if(NOT INGRAD_SANITIZE)
  if(INGRAD_CUDA STREQUAL "AUTO")
    find_package(CUDAToolkit QUIET)
  elseif(INGRAD_CUDA)
    find_package(CUDAToolkit REQUIRED)
  endif()
  set(INGRAD_HAS_CUDA ${CUDAToolkit_FOUND})
endif()
if(INGRAD_HAS_CUDA)
  # Machine code for these, and code that newer devices translate when a program starts.
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90 120-virtual CACHE STRING "Compute capabilities")
  set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
  enable_language(CUDA)
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # Debian 12's CMake does not know the flag yet
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
  endif()
  set(CMAKE_CUDA_STANDARD 20)
  set(CMAKE_CUDA_STANDARD_REQUIRED ON)
  set(CMAKE_CUDA_EXTENSIONS OFF)
  target_compile_options(
    ingrad_flags
    INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr --extended-lambda -lineinfo
              --compress-mode=size -Werror=all-warnings
              -Xcompiler=-Wall,-Wextra,-Wshadow,-Werror>)
endif()
