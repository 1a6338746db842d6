# SPDX-License-Identifier: Apache-2.0
"""Reductions over axes, cumulative sums, and matrix products."""

import torch

from .golden_file import GoldenFile, distinct, normal, uniform, values

# axes of a [2, 3, 4] input; [] stands for none given: over all elements.
_AXES = [([0], False), ([1], True), ([-1], False), ([0, 2], True), ([], False), ([-1, -3], False)]


def _axes(axes):
    return tuple(axes) if axes else (0, 1, 2)


def _prod(x, axes, keepdim):
    for axis in sorted((a % x.dim() for a in _axes(axes)), reverse=True):
        x = x.prod(axis, keepdim)
    return x


def _norm(x, ord, axes, keepdim):
    return torch.linalg.vector_norm(x, float(ord), _axes(axes), keepdim)


def _reductions(golden):
    for axes, keepdim in _AXES:
        where = dict(axes=axes, keepdim=keepdim)
        golden.case("sum", lambda x, axes, keepdim: x.sum(_axes(axes), keepdim),
                    [normal(2, 3, 4)], **where)
        golden.case("mean", lambda x, axes, keepdim: x.mean(_axes(axes), keepdim),
                    [normal(2, 3, 4)], **where)
        for unbiased in [True, False]:
            golden.case(
                "var",
                lambda x, axes, keepdim, unbiased: x.var(_axes(axes), unbiased=unbiased,
                                                         keepdim=keepdim),
                [normal(2, 3, 4, shift=2)], unbiased=unbiased, **where)
        golden.case("stddev", lambda x, axes, keepdim: x.std(_axes(axes), keepdim=keepdim),
                    [normal(2, 3, 4, shift=2)], **where)
        golden.case("max", lambda x, axes, keepdim: x.amax(_axes(axes), keepdim),
                    [distinct(2, 3, 4)], **where)
        golden.case("min", lambda x, axes, keepdim: x.amin(_axes(axes), keepdim),
                    [distinct(2, 3, 4)], **where)
        golden.case("prod", _prod, [normal(2, 3, 4)], **where)
        golden.case("logsumexp",
                    lambda x, axes, keepdim: torch.logsumexp(x, _axes(axes), keepdim),
                    [normal(2, 3, 4, scale=3)], **where)
        for order in [2, 1, 3, "inf"]:
            golden.case("norm", _norm, [distinct(2, 3, 4)], ord=order, **where)
    golden.case("prod", _prod, [values([[[1.5, 0, -2], [0.5, 0, 0]]])], axes=[2], keepdim=False)
    golden.case("logsumexp", lambda x, axes, keepdim: torch.logsumexp(x, _axes(axes), keepdim),
                [values([[[1000, 1001, 999], [-1000, -1002, -1000]]])], axes=[2], keepdim=True)
    golden.case("norm", _norm, [values([[[0, 0, 0], [3, 0, 4]]])], ord=2, axes=[2], keepdim=False)
    for axis, keepdim in [(0, False), (1, True), (-1, False)]:
        for op in ["argmax", "argmin"]:
            golden.case(op, lambda x, axis, keepdim, op=op: getattr(torch, op)(x, axis, keepdim),
                        [distinct(2, 3, 4)], axis=axis, keepdim=keepdim)
    for axis in [0, 1, -1]:
        golden.case("cumsum", lambda x, axis: torch.cumsum(x, axis), [normal(2, 3, 4)], axis=axis)


def _products(golden):
    for left, right in [((3, 4), (4, 5)), ((4,), (4,)), ((4,), (4, 5)), ((3, 4), (4,)),
                        ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (3, 4, 2)), ((2, 3, 4), (4, 5)),
                        ((5, 3, 4), (4,)), ((1, 7), (7, 1)), ((3, 0), (0, 2))]:
        golden.case("matmul", _matmul, [normal(left), normal(right)],
                    transpose_lhs=False, transpose_rhs=False)
    for left, right, ta, tb in [((4, 3), (4, 5), True, False), ((3, 4), (5, 4), False, True),
                                ((4, 3), (5, 4), True, True), ((2, 4, 3), (5, 4), True, True)]:
        golden.case("matmul", _matmul, [normal(left), normal(right)],
                    transpose_lhs=ta, transpose_rhs=tb)
    golden.case("linear", torch.nn.functional.linear, [normal(3, 4), normal(5, 4), normal(5)])
    golden.case("linear", torch.nn.functional.linear, [normal(2, 3, 4), normal(5, 4), normal(5)])
    golden.case("linear", torch.nn.functional.linear, [normal(3, 4), normal(5, 4)])
    golden.case("linear", torch.nn.functional.linear, [normal(4), normal(5, 4), normal(5)])
    for equation, shapes in [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("bij,bjk->bik", [(2, 3, 4), (2, 4, 2)]),
        ("bhid,bhjd->bhij", [(2, 2, 3, 4), (2, 2, 5, 4)]),
        ("ij,kj", [(2, 3), (4, 3)]),
        ("i,j->ij", [(3,), (4,)]),
        ("ij->ji", [(3, 4)]),
        ("ij->i", [(3, 4)]),
        ("ii->i", [(4, 4)]),
        ("ii", [(4, 4)]),
        ("ij,ij->", [(3, 4), (3, 4)]),
        ("...ij,...jk->...ik", [(2, 1, 3, 4), (3, 4, 2)]),
        ("b...,b...->b", [(2, 3, 4), (2, 3, 4)]),
        ("ik,kl,lj->ij", [(2, 3), (3, 4), (4, 2)]),
        ("bi,ijk,bk->bj", [(2, 3), (3, 2, 4), (2, 4)]),
        ("ijk,k->ij", [(2, 3, 4), (4,)]),
        ("abc,cd->dab", [(2, 3, 4), (4, 2)]),
    ]:
        golden.case("einsum", lambda *x, equation: torch.einsum(equation, *x),
                    [normal(s) for s in shapes], equation=equation)


def _matmul(lhs, rhs, transpose_lhs, transpose_rhs):
    return torch.matmul(lhs.mT if transpose_lhs else lhs, rhs.mT if transpose_rhs else rhs)


def make():
    reductions = GoldenFile("ops_reduction", "reductions, argmax and argmin, cumsum")
    _reductions(reductions)
    products = GoldenFile("ops_matmul", "matmul, linear, einsum")
    _products(products)
    return [reductions, products]
