# SPDX-License-Identifier: Apache-2.0
"""Scaled dot-product attention."""

import torch.nn.functional as F

from .golden_file import GoldenFile, Input, normal


def _attention(q, k, v, causal, scale=None):
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale,
                                          enable_gqa=q.dim() > 2 and q.shape[-3] != k.shape[-3])


def _masked(q, k, v, mask, causal):
    return F.scaled_dot_product_attention(q, k, v, mask)


def _visible(*shape):
    """Booleans; the first key is always seen, since PyTorch gives NaN for queries without any."""

    def draw(rng):
        mask = rng.randint(0, 2, shape).astype(bool)
        mask[..., 0] = True
        return mask

    return Input(draw, differentiable=False)


def make():
    golden = GoldenFile("ops_attention", "scaled dot-product attention")
    op = "scaled_dot_product_attention"
    for q, k, width in [((2, 3, 5, 4), (2, 3, 7, 4), 6), ((2, 4, 6, 3), (2, 2, 6, 3), 3),
                        ((1, 6, 4, 8), (1, 2, 9, 8), 5), ((3, 5, 4), (3, 7, 4), 4),
                        ((5, 4), (3, 4), 2), ((1, 1, 1, 1), (1, 1, 1, 1), 1),
                        ((1, 2, 70, 5), (1, 2, 70, 5), 5)]:
        for causal in [False, True]:
            golden.case(op, _attention, [normal(q), normal(k), normal(*k[:-1], width)],
                        causal=causal)
    golden.case(op, _attention, [normal(2, 2, 4, 3), normal(2, 2, 5, 3), normal(2, 2, 5, 3)],
                causal=False, scale=1.7)
    # Scores of some tens, whose weights are far apart.
    golden.case(op, _attention,
                [normal(1, 2, 4, 3, scale=4), normal(1, 2, 5, 3, scale=4), normal(1, 2, 5, 3)],
                causal=False)
    for mask in [(4, 5), (2, 1, 4, 5), (1, 3, 1, 5)]:
        operands = [normal(2, 3, 4, 3), normal(2, 3, 5, 3), normal(2, 3, 5, 2)]
        golden.case(op, _masked, [*operands, normal(*mask, scale=2).constant()], causal=False)
        golden.case(op, _masked, [*operands, _visible(*mask)], causal=False)
    return [golden]
