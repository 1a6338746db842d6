# SPDX-License-Identifier: Apache-2.0
"""Max, average and adaptive pooling; upsampling."""

import torch.nn.functional as F

from .golden_file import GoldenFile, distinct, normal

_MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_ADAPTIVE_AVG = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}
_ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}


def _each(amount, n):
    return [amount] * n if isinstance(amount, int) else list(amount)


def _max_pool(golden, shape, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    n = len(shape) - 2
    kernel_size = _each(kernel_size, n)
    golden.case(f"max_pool{n}d", _MAX[n], [distinct(shape)], kernel_size=kernel_size,
                stride=kernel_size if stride is None else _each(stride, n),
                padding=_each(padding, n), dilation=_each(dilation, n), ceil_mode=ceil_mode)


def _avg_pool(golden, shape, kernel_size, stride=None, padding=0, ceil_mode=False,
              count_include_pad=True):
    n = len(shape) - 2
    kernel_size = _each(kernel_size, n)
    golden.case(f"avg_pool{n}d", _AVG[n], [normal(shape)], kernel_size=kernel_size,
                stride=kernel_size if stride is None else _each(stride, n),
                padding=_each(padding, n), ceil_mode=ceil_mode,
                count_include_pad=count_include_pad)


def _pooling(golden):
    _max_pool(golden, (2, 3, 9), 2)
    _max_pool(golden, (1, 2, 10), 3, stride=2, padding=1, dilation=2, ceil_mode=True)
    _max_pool(golden, (2, 3, 6, 8), 2)
    _max_pool(golden, (2, 2, 7, 7), 3, stride=2, padding=1)
    _max_pool(golden, (1, 2, 6, 7), 2, stride=2, ceil_mode=True)
    _max_pool(golden, (1, 2, 8, 7), (2, 3), stride=(1, 2), padding=(1, 1), dilation=(2, 1))
    _max_pool(golden, (1, 1, 5, 5), 3, stride=1, padding=1)  # overlapping windows
    _max_pool(golden, (1, 2, 5, 6, 4), 2, stride=2, ceil_mode=True)
    _max_pool(golden, (1, 2, 5, 5, 5), (3, 2, 3), stride=(2, 1, 1), padding=(1, 0, 1))
    for include in [True, False]:
        _avg_pool(golden, (2, 3, 9), 3, stride=2, padding=1, count_include_pad=include)
        _avg_pool(golden, (1, 2, 8), 3, stride=2, padding=1, ceil_mode=True,
                  count_include_pad=include)
        _avg_pool(golden, (1, 2, 7, 6), 3, stride=2, padding=1, ceil_mode=True,
                  count_include_pad=include)
        _avg_pool(golden, (1, 2, 6, 7), (2, 3), stride=(2, 1), padding=(1, 1),
                  count_include_pad=include)
        _avg_pool(golden, (1, 2, 4, 5, 6), (2, 3, 2), stride=2, padding=(1, 1, 0),
                  ceil_mode=True, count_include_pad=include)
    _avg_pool(golden, (2, 3, 6, 6), 2)
    _avg_pool(golden, (1, 1, 4, 4, 4), 2)
    for shape, output_size in [((2, 3, 7), [3]), ((1, 2, 4), [6]), ((2, 3, 5, 7), [2, 3]),
                               ((2, 3, 5, 7), [1, 1]), ((1, 2, 6, 4), [4, 4]),
                               ((1, 2, 4, 5, 6), [2, 3, 4])]:
        n = len(output_size)
        golden.case(f"adaptive_avg_pool{n}d", _ADAPTIVE_AVG[n], [normal(shape)],
                    output_size=output_size)
        golden.case(f"adaptive_max_pool{n}d", _ADAPTIVE_MAX[n], [distinct(shape)],
                    output_size=output_size)


def _upsampling(golden):
    def interpolate(x, size, mode, align_corners):
        corners = None if mode == "nearest" else align_corners
        return F.interpolate(x, size=size, mode=mode, align_corners=corners)

    for shape, size in [((2, 2, 3, 4), [6, 8]), ((1, 2, 3, 5), [7, 4]), ((1, 2, 6, 7), [4, 3]),
                        ((1, 2, 3, 3), [1, 5]), ((1, 1, 1, 2), [3, 3])]:
        golden.case("upsample", interpolate, [normal(shape)], size=size, mode="nearest",
                    align_corners=False)
        for align_corners in [False, True]:
            golden.case("upsample", interpolate, [normal(shape)], size=size, mode="bilinear",
                        align_corners=align_corners)


def make():
    golden = GoldenFile("ops_pooling", "max, average, adaptive pooling; upsampling")
    _pooling(golden)
    _upsampling(golden)
    return [golden]
