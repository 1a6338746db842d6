# SPDX-License-Identifier: Apache-2.0
"""Ops that move or repeat elements: reshape, permute, expand, slice, pad, concat and the like."""

import torch
import torch.nn.functional as F

from .golden_file import GoldenFile, normal


def _slice(x, starts, stops, steps):
    """Python slicing, one triple per axis. PyTorch has no negative steps: there, flip."""
    for axis, (start, stop, step) in enumerate(zip(starts, stops, steps)):
        index = torch.arange(x.shape[axis])
        index = torch.tensor(index.tolist()[start:stop:step], dtype=torch.int64)
        x = x.index_select(axis, index)
    return x


def _pad(x, padding, mode, value):
    """`padding` holds one [before, after] pair per axis, first axis first (F.pad: last first)."""
    pairs = list(padding)
    if mode != "constant":
        # F.pad wants non-constant padding of the last axes only, without the leading pairs.
        while pairs and pairs[0] == [0, 0]:
            pairs.pop(0)
    flat = [amount for pair in reversed(pairs) for amount in pair]
    return F.pad(x, flat, mode=mode, value=value if mode == "constant" else None)


def make():
    golden = GoldenFile("ops_shape", "shape ops")
    for shape in [[6, 4], [2, -1], [24], [1, 2, 3, 4, 1]]:
        golden.case("reshape", lambda x, shape: x.reshape(shape), [normal(2, 3, 4)], shape=shape)
    for axes in [[2, 0, 1], [0, 2, 1], [-1, 1, 0]]:
        golden.case("permute", lambda x, axes: x.permute(axes), [normal(2, 3, 4)], axes=axes)
    for source, shape in [((3, 1), [2, 3, 4]), ((), [2, 3]), ((1, 1, 4), [2, 3, 4])]:
        golden.case("expand", lambda x, shape: x.expand(shape), [normal(source)], shape=shape)
    for starts, stops, steps in [
        ([0, 1], [2, 5], [1, 1]),
        ([1, 0], [4, 7], [2, 3]),
        ([0, 2], [5, 2], [1, 1]),
        ([-3, -6], [5, -1], [1, 2]),
    ]:
        golden.case("slice", _slice, [normal(5, 7)], starts=starts, stops=stops, steps=steps)
    for padding, value in [([[1, 2], [0, 3]], 0.0), ([[0, 0], [2, 1]], -1.5),
                           ([[-1, 0], [2, -2]], 0.25)]:
        golden.case("pad", _pad, [normal(3, 4)], padding=padding, mode="constant", value=value)
    for mode in ["reflect", "replicate"]:
        golden.case("pad", _pad, [normal(2, 3, 5)], padding=[[0, 0], [0, 0], [2, 3]], mode=mode,
                    value=0.0)
        golden.case("pad", _pad, [normal(1, 2, 4, 5)],
                    padding=[[0, 0], [0, 0], [3, 1], [1, 2]], mode=mode, value=0.0)
        golden.case("pad", _pad, [normal(1, 1, 3, 3, 3)],
                    padding=[[0, 0], [0, 0], [1, 1], [2, 0], [0, 2]], mode=mode, value=0.0)
    golden.case("concat", lambda *x, axis: torch.cat(x, axis),
                [normal(2, 3), normal(2, 1), normal(2, 0), normal(2, 4)], axis=1)
    golden.case("concat", lambda *x, axis: torch.cat(x, axis),
                [normal(1, 2, 3), normal(2, 2, 3)], axis=-3)
    for axis in [0, 1, -1]:
        golden.case("stack", lambda *x, axis: torch.stack(x, axis),
                    [normal(2, 3), normal(2, 3), normal(2, 3)], axis=axis)
    for sizes, axis in [([2, 3, 2], 1), ([1, 3], 0), ([7], -1), ([4, 0, 3], -1)]:
        golden.case("split", lambda x, sizes, axis: torch.split(x, sizes, axis), [normal(4, 7)],
                    sizes=sizes, axis=axis)
    for axes in [[0], [1, 2], [-1, 0]]:
        golden.case("flip", lambda x, axes: torch.flip(x, axes), [normal(2, 3, 4)], axes=axes)
    for shifts, axes in [([1], [0]), ([-2, 4], [1, 2]), ([9], [-1])]:
        golden.case("roll", lambda x, shifts, axes: torch.roll(x, shifts, axes),
                    [normal(2, 3, 4)], shifts=shifts, axes=axes)
    for repeats in [[2, 3], [2, 1, 2], [1, 1]]:
        golden.case("tile", lambda x, repeats: x.repeat(repeats), [normal(2, 3)], repeats=repeats)
    return [golden]
