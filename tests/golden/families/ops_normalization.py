# SPDX-License-Identifier: Apache-2.0
"""Batch, layer, group, instance and RMS norm; softmax and log-softmax."""

import torch
import torch.nn.functional as F

from .golden_file import GoldenFile, normal, uniform, values


def _batch_norm_train(x, weight, bias, running_mean, running_var, momentum, eps):
    """Returns y and the updated running statistics (which carry no gradient)."""
    mean, var = running_mean.detach().clone(), running_var.detach().clone()
    y = F.batch_norm(x, mean, var, weight, bias, True, momentum, eps)
    return y, mean, var


def _batch_norm_eval(x, weight, bias, running_mean, running_var, eps):
    # Written out, since F.batch_norm gives no gradients of the running statistics.
    shape = [1, -1] + [1] * (x.dim() - 2)
    scale = weight / torch.sqrt(running_var + eps)
    return (x - running_mean.reshape(shape)) * scale.reshape(shape) + bias.reshape(shape)


def _norms(golden):
    for shape, momentum, eps in [((6, 3), 0.1, 1e-5), ((4, 3, 5), 0.3, 1e-3),
                                 ((3, 2, 4, 3), 0.1, 1e-5), ((2, 2, 3, 2, 2), 0.1, 1e-5)]:
        c = shape[1]
        affine = [uniform(0.5, 1.5, c), normal(c)]
        statistics = [normal(c), uniform(0.5, 2.0, c)]
        golden.case("batch_norm_train", _batch_norm_train,
                    [normal(shape, scale=2, shift=1), *affine]
                    + [s.constant() for s in statistics], momentum=momentum, eps=eps)
        golden.case("batch_norm_eval", _batch_norm_eval,
                    [normal(shape, scale=2, shift=1), *affine, *statistics], eps=eps)
    for shape, rank, eps in [((4, 6), 1, 1e-5), ((2, 3, 5), 1, 1e-3), ((2, 3, 4), 2, 1e-5)]:
        normalized_shape = list(shape[-rank:])
        golden.case(
            "layer_norm",
            lambda x, w, b, normalized_shape, eps: F.layer_norm(x, normalized_shape, w, b, eps),
            [normal(shape, scale=2, shift=1), normal(normalized_shape), normal(normalized_shape)],
            normalized_shape=normalized_shape, eps=eps)
        golden.case(
            "layer_norm",
            lambda x, normalized_shape, eps: F.layer_norm(x, normalized_shape, eps=eps),
            [normal(shape)], normalized_shape=normalized_shape, eps=eps)
        golden.case(
            "rms_norm",
            lambda x, w, normalized_shape, eps: F.rms_norm(x, normalized_shape, w, eps),
            [normal(shape, scale=2, shift=1), normal(normalized_shape)],
            normalized_shape=normalized_shape, eps=eps)
        golden.case(
            "rms_norm", lambda x, normalized_shape, eps: F.rms_norm(x, normalized_shape, None, eps),
            [normal(shape)], normalized_shape=normalized_shape, eps=eps)
    for shape, groups in [((2, 6), 2), ((2, 4, 5), 2), ((2, 6, 3, 2), 3), ((2, 3, 2, 3), 1)]:
        c = shape[1]
        golden.case("group_norm",
                    lambda x, w, b, num_groups, eps: F.group_norm(x, num_groups, w, b, eps),
                    [normal(shape, scale=2, shift=1), normal(c), normal(c)],
                    num_groups=groups, eps=1e-5)
    for shape in [(2, 3, 6), (2, 3, 3, 4), (1, 2, 2, 3, 2)]:
        c = shape[1]
        golden.case("instance_norm",
                    lambda x, w, b, eps: F.instance_norm(x, weight=w, bias=b, eps=eps),
                    [normal(shape, scale=2, shift=1), normal(c), normal(c)], eps=1e-5)


def _softmaxes(golden):
    for op in ["softmax", "log_softmax"]:
        function = getattr(F, op)
        for shape, axis in [((3, 5), 1), ((3, 5), 0), ((2, 3, 4), 1), ((2, 3, 4), -1), ((6,), 0),
                            ((2, 1), 1)]:
            golden.case(op, lambda x, axis, f=function: f(x, axis), [normal(shape, scale=2)],
                        axis=axis)
        golden.case(op, lambda x, axis, f=function: f(x, axis),
                    [values([[1000, 1001, 998, 0], [-1000, -1001, -999.5, -998]])], axis=-1)


def make():
    golden = GoldenFile("ops_normalization", "norms, softmax, log-softmax")
    _norms(golden)
    _softmaxes(golden)
    return [golden]
