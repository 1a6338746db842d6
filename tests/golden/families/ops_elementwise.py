# SPDX-License-Identifier: Apache-2.0
"""Elementwise ops of one, two and three tensors, with broadcasting."""

import torch
import torch.nn.functional as F

from .golden_file import GoldenFile, booleans, integers, normal, uniform, values


class _StraightThrough(torch.autograd.Function):
    """Rounds forward, passes the cotangent through unchanged (Bengio et al. 2013)."""

    @staticmethod
    def forward(ctx, x, rounding):
        return rounding(x)

    @staticmethod
    def backward(ctx, cotangent):
        return cotangent, None


def _rounding(function):
    def call(x, straight_through):
        return _StraightThrough.apply(x, function) if straight_through else function(x)

    return call


def _clamp(x, min, max):
    return torch.clamp(x, min=min, max=max)


def _unary(golden):
    everywhere = ["abs", "sign", "neg", "exp", "expm1", "square", "sin", "cos", "tan", "tanh",
                  "atan", "erf", "sigmoid", "exp2", "ceil"]
    for op in everywhere:
        golden.case(op, getattr(torch, op), [normal(3, 7)])
    for op in ["log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal"]:
        golden.case(op, getattr(torch, op), [uniform(0.1, 5.0, 3, 7)])
    # Where naive formulas cancel or overflow.
    for op in ["log1p", "expm1"]:
        golden.case(op, getattr(torch, op), [uniform(-1e-5, 1e-5, 8)])
    golden.case("sigmoid", torch.sigmoid, [values([-90, -40, -20, 0, 20, 40, 90])])
    golden.case("tanh", torch.tanh, [values([-90, -10, -1e-4, 0, 1e-4, 10, 90])])
    golden.case("erf", torch.erf, [values([-6, -3, -1e-4, 0, 1e-4, 3, 6])])
    golden.case("abs", torch.abs, [values([-1.5, 0, 2])])
    golden.case("sign", torch.sign, [values([-1.5, 0, 2])])
    for op, function in [("floor", torch.floor), ("round", torch.round)]:
        for straight_through in [False, True]:
            golden.case(op, _rounding(function), [normal(3, 5, scale=3)],
                        straight_through=straight_through)
    golden.case("round", _rounding(torch.round), [values([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])],
                straight_through=False)  # ties go to the even neighbour
    for exponent in [2.0, 3.0, -1.0, 0.0]:
        golden.case("pow_scalar", torch.pow, [normal(2, 5)], exponent=exponent)
    for exponent in [0.5, 2.5, -1.5]:
        golden.case("pow_scalar", torch.pow, [uniform(0.2, 3, 2, 5)], exponent=exponent)
    for low, high in [(-0.5, 0.75), (None, 0.3), (-0.2, None)]:
        golden.case("clamp", _clamp, [normal(3, 6)], min=low, max=high)


def _activations(golden):
    tails = values([-40, -12, -6, -3.5, -0.75, -1e-4, 0, 1e-4, 0.75, 3.5, 6, 12, 40])
    for op in ["relu", "silu", "mish"]:
        golden.case(op, getattr(F, op), [normal(3, 7, scale=2)])
    golden.case("relu", F.relu, [values([-1, 0, 1])])
    for op in ["silu", "mish"]:
        golden.case(op, getattr(F, op), [tails])
    # PyTorch's own hardsigmoid has a gradient of f32 precision, in f64 too.
    hard = [("hardsigmoid", lambda x: F.relu6(x + 3) / 6), ("hardswish", F.hardswish)]
    for op, function in hard:
        golden.case(op, function, [normal(3, 7, scale=2)])
        golden.case(op, function, [values([-4, -3.01, -2.99, -1.5, 0, 1.5, 2.99, 3.01, 4])])
    others = [("log_sigmoid", F.logsigmoid), ("selu", F.selu), ("softsign", F.softsign),
              ("tanhshrink", F.tanhshrink)]
    for op, function in others:
        golden.case(op, function, [normal(3, 7, scale=2)])
    golden.case("log_sigmoid", F.logsigmoid, [tails])
    for alpha in [1.0, 0.5]:  # of others PyTorch takes the reciprocal in f32
        golden.case("celu", F.celu, [normal(3, 5, scale=2)], alpha=alpha)
    for slope in [0.01, 0.2]:
        golden.case("leaky_relu", F.leaky_relu, [normal(3, 5)], negative_slope=slope)
    for alpha in [1.0, 0.6]:
        golden.case("elu", F.elu, [normal(3, 5, scale=2)], alpha=alpha)
    for approximate in ["none", "tanh"]:
        golden.case("gelu", F.gelu, [normal(3, 7, scale=2)], approximate=approximate)
        golden.case("gelu", F.gelu, [tails], approximate=approximate)
    for beta, threshold in [(1.0, 20.0), (2.5, 20.0), (0.5, 1.0)]:
        golden.case("softplus", F.softplus, [normal(3, 7, scale=3)], beta=beta,
                    threshold=threshold)
    golden.case("softplus", F.softplus, [tails], beta=1.0, threshold=20.0)


def _rounded(recipe):
    """The recipe's values rounded to integers, so that comparisons meet equality."""
    draw = recipe.draw
    return type(recipe)(lambda rng: draw(rng).round(), differentiable=False)


def _binary(golden):
    shapes = [((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 1, 4), (3, 1)), ((), (5,)), ((2, 3), (1, 1))]
    for op in ["add", "sub", "mul", "maximum", "minimum"]:
        for left, right in shapes:
            golden.case(op, getattr(torch, op), [normal(left), normal(right)])
    for left, right in shapes:
        golden.case("div", torch.div, [normal(left), uniform(0.5, 2.0, right)])
        golden.case("pow", torch.pow, [uniform(0.3, 2.0, left), normal(right)])
        golden.case("remainder", torch.remainder, [normal(left, scale=4), uniform(0.5, 2, right)])
        golden.case("floor_divide", torch.floor_divide,
                    [normal(left, scale=4).constant(), uniform(-2, -0.5, right).constant()])
    golden.case("add", torch.add, [normal(0, 3), normal(3)])
    for op in ["eq", "ne", "lt", "le", "gt", "ge"]:
        golden.case(op, getattr(torch, op), [_rounded(normal(3, 4)), _rounded(normal(4))])
        golden.case(op, getattr(torch, op), [integers(-2, 3, 3, 4), integers(-2, 3, 3, 1)])
    for op in ["logical_and", "logical_or", "logical_xor"]:
        golden.case(op, getattr(torch, op), [booleans(3, 4), booleans(4)])
    for shapes3 in [((3, 4), (3, 4), (3, 4)), ((4,), (3, 1), (2, 1, 1)), ((2, 3), (), (3,))]:
        golden.case("where", torch.where,
                    [booleans(shapes3[0]), normal(shapes3[1]), normal(shapes3[2])])


def make():
    golden = GoldenFile("ops_elementwise", "elementwise ops, activations, broadcasting")
    _unary(golden)
    _activations(golden)
    _binary(golden)
    return [golden]
