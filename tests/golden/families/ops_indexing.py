# SPDX-License-Identifier: Apache-2.0
"""Ops with integer or boolean operands, and the selections: top-k and sort."""

import torch
import torch.nn.functional as F

from .golden_file import GoldenFile, booleans, distinct, integers, normal


def _masked_fill(x, mask, value):
    return x.masked_fill(mask, value)


def make():
    golden = GoldenFile("ops_indexing", "embedding, gather, scatter_add, one_hot, topk, sort ...")
    for indices in [(5,), (2, 3), ()]:
        golden.case("embedding", lambda weight, index: F.embedding(index, weight),
                    [normal(6, 4), integers(0, 6, *indices)])
    for source, index, axis in [((4, 5), (4, 3), 1), ((4, 5), (2, 5), 0),
                                ((2, 3, 4), (2, 6, 4), 1), ((2, 3, 4), (1, 2, 3), -1)]:
        golden.case("gather", lambda x, index, axis: torch.gather(x, axis, index),
                    [normal(source), integers(0, source[axis], *index)], axis=axis)
        golden.case("scatter_add",
                    lambda x, index, source, axis: torch.scatter_add(x, axis, index, source),
                    [normal(source), integers(0, source[axis], *index), normal(index)],
                    axis=axis)
    for source, count, axis in [((4, 5), 3, 0), ((4, 5), 7, 1), ((2, 3, 4), 2, -2)]:
        golden.case("index_select", lambda x, index, axis: torch.index_select(x, axis, index),
                    [normal(source), integers(0, source[axis], count)], axis=axis)
        golden.case("index_add",
                    lambda x, index, part, axis: torch.index_add(x, axis, index, part),
                    [normal(source), integers(0, source[axis], count),
                     normal([count if a == axis % len(source) else e
                             for a, e in enumerate(source)])], axis=axis)
    for op in ["tril", "triu"]:
        for shape, diagonal in [((4, 4), 0), ((2, 3, 5), 1), ((4, 3), -1)]:
            golden.case(op, getattr(torch, op), [normal(shape)], diagonal=diagonal)
    for shape, mask, value in [((3, 4), (3, 4), -1.5), ((2, 3, 4), (3, 1), 0.0),
                               ((2, 3), (), 2.5)]:
        golden.case("masked_fill", _masked_fill, [normal(shape), booleans(*mask)], value=value)
    for shape, classes in [((5,), 4), ((2, 3), 6)]:
        golden.case("one_hot", lambda x, num_classes: F.one_hot(x, num_classes).double(),
                    [integers(0, classes, *shape)], num_classes=classes)
    for shape, k, axis, largest in [((3, 7), 3, 1, True), ((3, 7), 2, -1, False),
                                    ((5, 2, 3), 4, 0, True), ((4,), 4, 0, False),
                                    ((4, 3), 1, 0, True)]:
        golden.case("topk",
                    lambda x, k, axis, largest: torch.topk(x, k, axis, largest, sorted=True),
                    [distinct(shape)], k=k, axis=axis, largest=largest)
    for shape, axis, descending in [((3, 7), 1, False), ((5, 3), 0, True), ((2, 5, 2), -2, False),
                                    ((6,), -1, True)]:
        golden.case("sort", lambda x, axis, descending: torch.sort(x, axis, descending),
                    [distinct(shape)], axis=axis, descending=descending)
    return [golden]
