// SPDX-License-Identifier: Apache-2.0
// A smooth activation by its number, over any lane type; with dual numbers its slope as well.
// Included into a namespace behind expr-inl.h. No include guard, no includes.

template <class L>
INGRAD_EXPR L Activate(Activation f, L a) {
  switch (f) {
    case Activation::gelu: return Gelu(a);
    case Activation::gelu_tanh: return GeluTanh(a);
    case Activation::silu: return a * Sigmoid(a);
    case Activation::sigmoid: return Sigmoid(a);
    case Activation::tanh: return Tanh(a);
    default: return a;
  }
}
