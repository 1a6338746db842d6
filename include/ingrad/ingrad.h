// SPDX-License-Identifier: Apache-2.0
// The public interface of ingrad in one include.
#pragma once

#include "engine/differentiate.h"
#include "engine/gradcheck.h"
#include "engine/graph.h"
#include "engine/op.h"
#include "engine/ops/concat.h"
#include "engine/ops/conv.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/index.h"
#include "engine/ops/losses.h"
#include "engine/ops/norm.h"
#include "engine/ops/reduce.h"
#include "engine/ops/scan.h"
#include "engine/ops/matmul.h"
#include "engine/ops/shape.h"
#include "engine/ops/slice.h"
#include "engine/ops/softmax.h"
#include "engine/parallel.h"
#include "engine/tensor.h"
