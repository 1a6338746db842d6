# SPDX-License-Identifier: Apache-2.0
"""Derivatives of derivatives: gradient penalties, Hessian-vector products, op by op.

The recorded outputs are themselves derivatives, so the recorded gradients are of second order
(of third order for the Hessian-vector products).
"""

import torch
import torch.nn.functional as F

from .golden_file import GoldenFile, distinct, integers, normal, uniform, values


def _gradient(y, inputs):
    return torch.autograd.grad(y, inputs, create_graph=True)


def _penalty(critic):
    """mean over samples of (|d critic / d x|_2 - 1)^2 (Gulrajani et al. 2017, equation 3)."""

    def call(x, *parameters):
        (g,) = _gradient(critic(x, *parameters).sum(), [x])
        return ((torch.linalg.vector_norm(g.flatten(1), dim=1) - 1) ** 2).mean()

    return call


def _mlp(activation):
    def critic(x, w1, b1, w2, b2, w3, b3):
        h = activation(F.linear(x, w1, b1))
        return F.linear(activation(F.linear(h, w2, b2)), w3, b3)

    return critic


def _conv_critic(activation):
    def critic(x, w1, b1, w2, b2, w3, b3):
        h = activation(F.conv2d(x, w1, b1, stride=2, padding=1))
        h = activation(F.conv2d(h, w2, b2, stride=2, padding=1))
        return F.linear(h.flatten(1), w3, b3)

    return critic


def _norm_critic(x, w1, b1, gamma, beta, w2, b2):
    h = F.silu(F.layer_norm(F.linear(x, w1, b1), [6], gamma, beta))
    return F.linear(h, w2, b2)


def _penalties(golden):
    mlp = [normal(4, 5), normal(6, 5, scale=0.7), normal(6), normal(6, 6, scale=0.6), normal(6),
           normal(1, 6, scale=0.8), normal(1)]
    leaky = lambda x: F.leaky_relu(x, 0.2)
    for name, activation in [("tanh", torch.tanh), ("leaky_relu", leaky), ("softplus", F.softplus),
                             ("gelu", F.gelu)]:
        golden.case("gradient_penalty_mlp", lambda *t, activation, f=activation:
                    _penalty(_mlp(f))(*t), mlp, activation=name)
    conv = [normal(3, 2, 8, 8), normal(3, 2, 3, 3, scale=0.4), normal(3), normal(4, 3, 3, 3,
            scale=0.4), normal(4), normal(1, 16, scale=0.5), normal(1)]
    for name, activation in [("leaky_relu", leaky), ("tanh", torch.tanh)]:
        golden.case("gradient_penalty_conv", lambda *t, activation, f=activation:
                    _penalty(_conv_critic(f))(*t), conv, activation=name)
    golden.case("gradient_penalty_layer_norm", _penalty(_norm_critic),
                [normal(4, 5), normal(6, 5), normal(6), uniform(0.5, 1.5, 6), normal(6),
                 normal(1, 6), normal(1)])


def _hessian_vector(golden):
    def hvp(x, target, w1, b1, w2, b2, *direction):
        """H v of the cross entropy of a GELU network, in its parameters."""
        parameters = [w1, b1, w2, b2]
        loss = F.cross_entropy(F.linear(F.gelu(F.linear(x, w1, b1)), w2, b2), target)
        slope = sum((g * v).sum() for g, v in zip(_gradient(loss, parameters), direction))
        return _gradient(slope, parameters)

    def input_hvp(x, w1, b1, w2, b2, v):
        y = F.linear(torch.tanh(F.linear(x, w1, b1)), w2, b2).pow(2).sum()
        return _gradient((_gradient(y, [x])[0] * v).sum(), [x])[0]

    shapes = [(5, 4), (5,), (3, 5), (3,)]
    golden.case("hvp_cross_entropy", hvp, [normal(6, 4), integers(0, 3, 6)]
                + [normal(s, scale=0.7) for s in shapes] + [normal(s) for s in shapes])
    golden.case("hvp_input", input_hvp,
                [normal(3, 4)] + [normal(s, scale=0.7) for s in shapes] + [normal(3, 4)])


def _op_by_op(golden):
    """`of` names the op; outputs are the gradients of sum(v * (y + y^2)) by all inputs of the op,
    v is the last input. The square keeps ops that are linear from having a vanishing second order,
    the other term does so for sqrt."""

    def case(of, function, inputs, v, **attrs):
        def derivative(*tensors, of, **rest):
            *operands, v = tensors
            y = function(*operands, **rest)
            wanted = [t for t in operands if t.requires_grad]
            return _gradient((v * (y + y * y)).sum(), wanted)

        golden.case("grad", derivative, [*inputs, normal(v)], of=of, **attrs)

    for of in ["tanh", "sigmoid", "exp", "sin", "erf", "relu", "silu", "mish", "gelu", "softplus"]:
        case(of, getattr(F, of, getattr(torch, of, None)), [normal(3, 5)], (3, 5))
    # Formulas that take different branches on the two sides of zero must agree at zero.
    for of in ["tanh", "sigmoid", "silu", "mish", "gelu", "softplus"]:
        function = getattr(F, of, getattr(torch, of, None))
        case(of, function, [values([-1.5, 0, 1e-3, 2])], (4,))
    for of in ["log", "sqrt", "rsqrt", "reciprocal"]:
        case(of, getattr(torch, of), [uniform(0.3, 3, 3, 5)], (3, 5))
    for of in ["mul", "add", "maximum"]:
        case(of, getattr(torch, of), [normal(3, 4), normal(4)], (3, 4))
    case("div", torch.div, [normal(3, 4), uniform(0.5, 2, 4)], (3, 4))
    case("pow", torch.pow, [uniform(0.3, 2, 3, 4), normal(4)], (3, 4))
    case("matmul", lambda a, b, transpose_lhs, transpose_rhs: torch.matmul(a, b),
         [normal(2, 3, 4), normal(4, 2)], (2, 3, 2), transpose_lhs=False, transpose_rhs=False)
    case("linear", F.linear, [normal(3, 4), normal(2, 4), normal(2)], (3, 2))
    case("einsum", lambda a, b, equation: torch.einsum(equation, a, b),
         [normal(2, 3, 4), normal(2, 4, 2)], (2, 3, 2), equation="bij,bjk->bik")
    options = dict(stride=[2, 1], padding=[1, 1], dilation=[1, 2], groups=2)
    case("conv2d", F.conv2d, [normal(2, 4, 5, 5), normal(4, 2, 3, 3), normal(4)], (2, 4, 3, 3),
         **options)
    case("conv_transpose2d", F.conv_transpose2d,
         [normal(1, 2, 3, 3), normal(2, 2, 3, 3), normal(2)], (1, 2, 6, 6), stride=[2, 2],
         padding=[1, 1], output_padding=[1, 1], dilation=[1, 1], groups=1)
    for of, function, extra in [("max_pool2d", F.max_pool2d, dict(dilation=[1, 1])),
                                ("avg_pool2d", F.avg_pool2d, dict(count_include_pad=False))]:
        case(of, function, [distinct(1, 2, 5, 5)], (1, 2, 3, 3), kernel_size=[3, 3], stride=[2, 2],
             padding=[1, 1], ceil_mode=False, **extra)
    where = dict(axes=[1], keepdim=False)
    case("sum", lambda x, axes, keepdim: x.sum(axes, keepdim), [normal(2, 3, 4)], (2, 4), **where)
    case("var", lambda x, axes, keepdim, unbiased: x.var(axes, unbiased=unbiased, keepdim=keepdim),
         [normal(2, 3, 4)], (2, 4), unbiased=True, **where)
    case("max", lambda x, axes, keepdim: x.amax(axes, keepdim), [distinct(2, 3, 4)], (2, 4),
         **where)
    case("prod", lambda x, axes, keepdim: x.prod(axes[0], keepdim), [normal(2, 3, 4)], (2, 4),
         **where)
    case("logsumexp", lambda x, axes, keepdim: torch.logsumexp(x, axes, keepdim),
         [normal(2, 3, 4)], (2, 4), **where)
    case("norm", lambda x, ord, axes, keepdim: torch.linalg.vector_norm(x, ord, axes, keepdim),
         [normal(2, 3, 4)], (2, 4), ord=2, **where)
    for of in ["softmax", "log_softmax"]:
        case(of, lambda x, axis, f=getattr(F, of): f(x, axis), [normal(3, 5)], (3, 5), axis=1)
    case("layer_norm",
         lambda x, w, b, normalized_shape, eps: F.layer_norm(x, normalized_shape, w, b, eps),
         [normal(3, 5), normal(5), normal(5)], (3, 5), normalized_shape=[5], eps=1e-5)
    case("rms_norm", lambda x, w, normalized_shape, eps: F.rms_norm(x, normalized_shape, w, eps),
         [normal(3, 5), normal(5)], (3, 5), normalized_shape=[5], eps=1e-5)
    case("group_norm", lambda x, w, b, num_groups, eps: F.group_norm(x, num_groups, w, b, eps),
         [normal(2, 4, 3), normal(4), normal(4)], (2, 4, 3), num_groups=2, eps=1e-5)
    case("instance_norm", lambda x, w, b, eps: F.instance_norm(x, weight=w, bias=b, eps=eps),
         [normal(2, 3, 4), normal(3), normal(3)], (2, 3, 4), eps=1e-5)
    case("batch_norm_train",
         lambda x, w, b, mean, var, momentum, eps:
         F.batch_norm(x, mean.clone(), var.clone(), w, b, True, momentum, eps),
         [normal(4, 3, 2), normal(3), normal(3), normal(3).constant(),
          uniform(0.5, 2, 3).constant()], (4, 3, 2), momentum=0.1, eps=1e-5)
    case("cross_entropy",
         lambda x, t, reduction, label_smoothing, ignore_index:
         F.cross_entropy(x, t, reduction=reduction, label_smoothing=label_smoothing),
         [normal(4, 5), integers(0, 5, 4)], (), reduction="mean", label_smoothing=0.1,
         ignore_index=-100)


def make():
    golden = GoldenFile("second_order", "gradient penalties, Hessian-vector products, grad of grad")
    _penalties(golden)
    _hessian_vector(golden)
    _op_by_op(golden)
    return [golden]
