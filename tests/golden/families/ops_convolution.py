# SPDX-License-Identifier: Apache-2.0
"""Convolutions of one, two and three dimensions, plain and transposed."""

import torch.nn.functional as F

from .golden_file import GoldenFile, normal

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def _conv(golden, input_shape, weight_shape, bias=True, stride=1, padding=0, dilation=1,
          groups=1):
    """Scalars stand for the same amount along every spatial axis; stored as lists."""
    n = len(input_shape) - 2
    golden.case(
        f"conv{n}d", _CONV[n],
        [normal(input_shape), normal(weight_shape)] + ([normal(weight_shape[0])] if bias else []),
        stride=_each(stride, n), padding=_each(padding, n), dilation=_each(dilation, n),
        groups=groups)


def _transposed(golden, input_shape, weight_shape, bias=True, stride=1, padding=0,
                output_padding=0, dilation=1, groups=1):
    n = len(input_shape) - 2
    golden.case(
        f"conv_transpose{n}d", _TRANSPOSED[n],
        [normal(input_shape), normal(weight_shape)]
        + ([normal(weight_shape[1] * groups)] if bias else []),
        stride=_each(stride, n), padding=_each(padding, n),
        output_padding=_each(output_padding, n), dilation=_each(dilation, n), groups=groups)


def _each(amount, n):
    return [amount] * n if isinstance(amount, int) else list(amount)


def _plain(golden):
    _conv(golden, (2, 3, 9), (4, 3, 3))
    _conv(golden, (2, 4, 10), (6, 2, 3), stride=2, padding=2, dilation=2, groups=2)
    _conv(golden, (1, 2, 7), (3, 2, 1), bias=False, stride=3)
    _conv(golden, (2, 3, 8), (3, 1, 5), padding=2, groups=3)
    _conv(golden, (2, 3, 6, 7), (4, 3, 3, 3), padding=1)
    _conv(golden, (2, 3, 6, 7), (4, 3, 3, 3), bias=False)
    _conv(golden, (2, 3, 7, 8), (4, 3, 3, 2), stride=2, padding=1)
    _conv(golden, (1, 2, 9, 8), (3, 2, 3, 2), stride=(2, 1), padding=(0, 2), dilation=(1, 3))
    _conv(golden, (2, 4, 6, 6), (6, 2, 3, 3), padding=1, groups=2)
    _conv(golden, (2, 6, 5, 5), (6, 1, 3, 3), padding=1, groups=6)  # depthwise
    _conv(golden, (1, 3, 7, 7), (6, 1, 3, 3), stride=2, padding=1, groups=3)  # two per channel
    _conv(golden, (2, 5, 4, 4), (7, 5, 1, 1))  # a matrix product per pixel
    _conv(golden, (2, 5, 5, 5), (3, 5, 1, 1), bias=False, stride=2)
    _conv(golden, (1, 1, 12, 12), (2, 1, 7, 7), stride=2, padding=3)
    _conv(golden, (1, 2, 4, 4), (3, 2, 4, 4))  # kernel as large as the image
    _conv(golden, (1, 2, 2, 3), (3, 2, 3, 3), padding=2)
    _conv(golden, (0, 2, 4, 4), (3, 2, 3, 3))  # an empty batch
    _conv(golden, (2, 2, 4, 5, 4), (3, 2, 3, 3, 3), padding=1)
    _conv(golden, (1, 2, 5, 5, 6), (4, 1, 2, 3, 2), stride=(1, 2, 2), padding=(1, 0, 1),
          dilation=(2, 1, 1), groups=2)
    _conv(golden, (1, 2, 3, 3, 3), (2, 2, 1, 1, 1), bias=False)


def _transposes(golden):
    _transposed(golden, (2, 3, 6), (3, 4, 3))
    _transposed(golden, (2, 4, 5), (4, 2, 3), stride=3, padding=1, output_padding=2, groups=2)
    _transposed(golden, (1, 2, 6), (2, 3, 3), bias=False, stride=2, dilation=2)
    _transposed(golden, (2, 3, 4, 5), (3, 4, 3, 3))
    _transposed(golden, (2, 3, 4, 4), (3, 2, 4, 4), stride=2, padding=1)
    _transposed(golden, (2, 3, 4, 3), (3, 2, 3, 3), bias=False, stride=2, padding=1,
                output_padding=1)
    _transposed(golden, (1, 4, 3, 4), (4, 3, 2, 3), stride=(2, 3), padding=(1, 0),
                output_padding=(0, 2), dilation=(2, 1), groups=2)
    _transposed(golden, (1, 3, 4, 4), (3, 1, 3, 3), stride=2, padding=1, groups=3)  # depthwise
    _transposed(golden, (1, 4, 3, 3), (4, 2, 1, 1))
    _transposed(golden, (1, 2, 3, 3, 3), (2, 3, 2, 2, 2), stride=2)
    _transposed(golden, (1, 2, 3, 2, 3), (2, 2, 3, 3, 2), bias=False, stride=(2, 1, 2),
                padding=(1, 0, 1), output_padding=(1, 0, 1), groups=2)


def make():
    golden = GoldenFile("ops_convolution", "conv1d/2d/3d and transposed")
    _plain(golden)
    _transposes(golden)
    return [golden]
