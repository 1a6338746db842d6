# SPDX-License-Identifier: Apache-2.0
"""Weights by formula, for models too large to store: the same bits in Python and in C++.

Element i of the tensor called `name` is

    float32((offset + n) * scale),    n = (z >> 40) - 2^23 in [-2^23, 2^23),

where z is the i-th output (from 0) of SplitMix64 (Steele, Lea, Flood 2014) started from the
64-bit FNV-1a hash of `name`, and offset and scale follow from name and shape:

    name ends with     offset   scale                    range
    "running_var"      2^24     2^-24                    [0.5, 1.5)
    "running_mean"     0        2^-26                    [-0.125, 0.125)
    1-d "weight"       2^24     2^-24                    [0.5, 1.5)    (scale of a norm)
    "bias"             0        2^-26                    [-0.125, 0.125)
    other "weight"     0        sqrt(6 / fan_in) 2^-23   Kaiming uniform, fan_in = elements / rows
    anything else      0        2^-23                    [-1, 1)       (inputs)

Integer operations are exact, and division, square root, product and the last rounding are single
correctly rounded IEEE operations, so every implementation gets the same bits.
"""

import math

import numpy as np

_MASK = (1 << 64) - 1


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & _MASK
    return value


def splitmix64(seed, count):
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(
            0x9E3779B97F4A7C15
        )
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def offset_and_scale(name, shape):
    is_weight = name.endswith("weight")
    if name.endswith("running_var") or (is_weight and len(shape) == 1):
        return 1 << 24, 2.0**-24
    if name.endswith("running_mean") or name.endswith("bias"):
        return 0, 2.0**-26
    if is_weight:
        fan_in = math.prod(shape[1:])
        return 0, math.sqrt(6.0 / fan_in) * 2.0**-23
    return 0, 2.0**-23


def tensor(name, shape):
    """The f32 array of this name and shape."""
    offset, scale = offset_and_scale(name, shape)
    n = (splitmix64(fnv1a(name), math.prod(shape)) >> np.uint64(40)).astype(np.int64) - (1 << 23)
    return ((offset + n).astype(np.float64) * scale).astype(np.float32).reshape(shape)


def fill(module):
    """Sets all floating parameters and buffers of a torch.nn.Module by their names."""
    import torch

    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.from_numpy(tensor(name, tuple(value.shape))))
    return module
