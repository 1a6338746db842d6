// SPDX-License-Identifier: Apache-2.0
// The scenarios of the benchmark, registered by main once everything static exists.
#pragma once

namespace ingrad::bench {

void register_ops();        // op/NAME, op_gradient/NAME
void register_workloads();  // gemm/N, input_gradient/MODEL/BATCH, train_step/MODEL/BATCH

}  // namespace ingrad::bench
