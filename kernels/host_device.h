// SPDX-License-Identifier: Apache-2.0
// Marks functions that host code and device kernels share.
#pragma once

#ifdef __CUDACC__
#define INGRAD_HOST_DEVICE __host__ __device__
#else
#define INGRAD_HOST_DEVICE
#endif
