// SPDX-License-Identifier: Apache-2.0
// One struct per function of the list INGRAD_EXPR_PART, over any lane type of the including
// namespace: Function_exp::call<L>(inputs, parameters). No include guard: once per namespace.

#define P(i) L(p[i])
#define INGRAD_FUNCTION(name, arity, parameters, differentiable, result, integers, formula) \
  struct Function_##name {                                                                  \
    static constexpr int kArity = arity;                                                    \
    static constexpr unsigned kDifferentiable = differentiable;                             \
    static constexpr bool kIntegers = integers != 0;                                        \
    template <class L>                                                                      \
    static INGRAD_EXPR L call(const L* x, const double* p) {                                \
      const L a = x[0];                                                                     \
      const L b = x[arity > 1 ? 1 : 0];                                                     \
      const L c = x[arity > 2 ? 2 : 0];                                                     \
      (void)a, (void)b, (void)c, (void)p;                                                   \
      return formula;                                                                       \
    }                                                                                       \
  };
INGRAD_EXPR_PART(INGRAD_FUNCTION)
#undef INGRAD_FUNCTION
#undef P
