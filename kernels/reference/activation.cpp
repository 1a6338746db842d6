// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/activation.h"

#include "kernels/scalar.h"

namespace ingrad::kernels {
namespace scalar {
namespace {
#include "kernels/activation-inl.h"
}  // namespace
}  // namespace scalar

reference::Activated reference::activated(Activation f, double x) {
  using scalar::Real;
  const scalar::Dual<Real> y = scalar::Activate(f, scalar::Dual<Real>(Real(x), Real(1.0)));
  return {y.x.v, y.d.v};
}

}  // namespace ingrad::kernels
