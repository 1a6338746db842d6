// SPDX-License-Identifier: Apache-2.0
// The families of ops: each source file in this folder defines one. A new family is one line here
// and one in table.cpp. While the table is being built find_op must not be called: rules look ops
// up when they run.
#pragma once

#include "engine/op.h"

namespace ingrad {

void define_structure_ops(OpTable& table);
void define_shape_ops(OpTable& table);
void define_slice_ops(OpTable& table);
void define_concat_ops(OpTable& table);
void define_index_ops(OpTable& table);
void define_elementwise_ops(OpTable& table);
void define_random_ops(OpTable& table);
void define_sum_ops(OpTable& table);
void define_product_ops(OpTable& table);
void define_extremum_ops(OpTable& table);
void define_scan_ops(OpTable& table);
void define_softmax_ops(OpTable& table);
void define_attention_ops(OpTable& table);
void define_row_norm_ops(OpTable& table);
void define_channel_norm_ops(OpTable& table);
void define_matmul_ops(OpTable& table);
void define_einsum_ops(OpTable& table);
void define_conv_ops(OpTable& table);
void define_resample_ops(OpTable& table);
void define_max_pool_ops(OpTable& table);
void define_sort_ops(OpTable& table);
void define_class_loss_ops(OpTable& table);
void define_binary_loss_ops(OpTable& table);

}  // namespace ingrad
