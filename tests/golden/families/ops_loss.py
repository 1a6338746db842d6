# SPDX-License-Identifier: Apache-2.0
"""Losses, each with every option."""

import warnings

import torch
import torch.nn.functional as F

from .golden_file import GoldenFile, integers, normal, probabilities, uniform, values

_REDUCTIONS = ["none", "mean", "sum"]


def _cross_entropy(golden):
    def indices(logits, target, *weight, reduction, label_smoothing, ignore_index):
        return F.cross_entropy(logits, target, weight[0] if weight else None,
                               ignore_index=ignore_index, reduction=reduction,
                               label_smoothing=label_smoothing)

    def soft(logits, target, *weight, reduction, label_smoothing):
        return F.cross_entropy(logits, target, weight[0] if weight else None,
                               reduction=reduction, label_smoothing=label_smoothing)

    ignoring = values([0, 2, 4, 2, 1, 3], dtype="int64")
    for reduction in _REDUCTIONS:
        for smoothing in [0.0, 0.15]:
            for weight in [[], [uniform(0.3, 2.0, 5).constant()]]:
                golden.case("cross_entropy", indices,
                            [normal(6, 5, scale=2), integers(0, 5, 6), *weight],
                            reduction=reduction, label_smoothing=smoothing, ignore_index=-100)
                golden.case("cross_entropy", indices,
                            [normal(6, 5, scale=2), ignoring, *weight],
                            reduction=reduction, label_smoothing=smoothing, ignore_index=2)
                golden.case("cross_entropy_soft", soft,
                            [normal(4, 5, scale=2), probabilities(4, 5), *weight],
                            reduction=reduction, label_smoothing=smoothing)
        # Classes on axis 1, further axes are positions.
        golden.case("cross_entropy", indices, [normal(2, 3, 4), integers(0, 3, 2, 4)],
                    reduction=reduction, label_smoothing=0.0, ignore_index=-100)
        golden.case("cross_entropy", indices,
                    [normal(2, 3, 2, 2), integers(0, 3, 2, 2, 2), uniform(0.3, 2, 3).constant()],
                    reduction=reduction, label_smoothing=0.1, ignore_index=1)
        golden.case("cross_entropy_soft", soft, [normal(2, 3, 4), probabilities(2, 3, 4)],
                    reduction=reduction, label_smoothing=0.0)
    golden.case("cross_entropy", indices,
                [values([[1000, -1000, 0], [500, 501, 502]]), values([1, 2], dtype="int64")],
                reduction="none", label_smoothing=0.0, ignore_index=-100)


def _negative_log_likelihood(golden):
    def nll(log_probabilities, target, *weight, reduction, ignore_index):
        return F.nll_loss(log_probabilities, target, weight[0] if weight else None,
                          ignore_index=ignore_index, reduction=reduction)

    for reduction in _REDUCTIONS:
        for weight in [[], [uniform(0.3, 2.0, 4).constant()]]:
            for ignore_index in [-100, 1]:
                golden.case("nll_loss", nll,
                            [normal(5, 4), values([0, 1, 3, 2, 1], dtype="int64"), *weight],
                            reduction=reduction, ignore_index=ignore_index)
        golden.case("nll_loss", nll, [normal(2, 3, 4), integers(0, 3, 2, 4)],
                    reduction=reduction, ignore_index=-100)


def _binary_cross_entropy(golden):
    """The inputs after logits and target are, as `has` says, weight and pos_weight."""

    def bce(logits, target, *rest, has, reduction):
        options = dict(zip(has, rest))
        return F.binary_cross_entropy_with_logits(logits, target, reduction=reduction, **options)

    for reduction in _REDUCTIONS:
        for has in [[], ["weight"], ["pos_weight"], ["weight", "pos_weight"]]:
            shape = {"weight": (4, 3), "pos_weight": (3,)}
            golden.case("binary_cross_entropy_with_logits", bce,
                        [normal(4, 3, scale=2), uniform(0, 1, 4, 3)]
                        + [uniform(0.3, 2, shape[h]).constant() for h in has],
                        has=has, reduction=reduction)
        for weight in [[], [uniform(0.3, 2, 4, 3).constant()]]:
            golden.case("binary_cross_entropy",
                        lambda p, t, *w, reduction: F.binary_cross_entropy(
                            p, t, w[0] if w else None, reduction=reduction),
                        [uniform(0.02, 0.98, 4, 3), uniform(0, 1, 4, 3).constant(), *weight],
                        reduction=reduction)
        golden.case("soft_margin_loss", F.soft_margin_loss,
                    [normal(2, 3), values([[1, -1, 1], [-1, -1, 1]]).constant()],
                    reduction=reduction)
    golden.case("binary_cross_entropy_with_logits", bce,
                [values([-200, -30, 0, 30, 200]), values([1, 0, 0.5, 1, 0]).constant()],
                has=[], reduction="none")


def _regression(golden):
    pair = [normal(3, 5), normal(3, 5)]
    for reduction in _REDUCTIONS:
        golden.case("mse_loss", F.mse_loss, pair, reduction=reduction)
        golden.case("l1_loss", F.l1_loss, pair, reduction=reduction)
        for beta in [1.0, 0.3, 0.0]:
            golden.case("smooth_l1_loss", F.smooth_l1_loss, pair, beta=beta, reduction=reduction)
        for delta in [1.0, 0.4]:
            golden.case("huber_loss", F.huber_loss, pair, delta=delta, reduction=reduction)


def _likelihoods(golden):
    def poisson(x, target, log_input, full, eps, reduction):
        return F.poisson_nll_loss(x, target, log_input=log_input, full=full, eps=eps,
                                  reduction=reduction)

    def gaussian(x, target, variance, full, eps, reduction):
        return F.gaussian_nll_loss(x, target, variance, full=full, eps=eps, reduction=reduction)

    counts = values([[0, 1, 2], [5, 3, 0]]).constant()
    for reduction in _REDUCTIONS:
        for full in [False, True]:
            golden.case("poisson_nll_loss", poisson, [normal(2, 3), counts], log_input=True,
                        full=full, eps=1e-8, reduction=reduction)
            golden.case("poisson_nll_loss", poisson, [uniform(0.2, 3, 2, 3), counts],
                        log_input=False, full=full, eps=1e-3, reduction=reduction)
            golden.case("gaussian_nll_loss", gaussian,
                        [normal(3, 2), normal(3, 2), uniform(0.3, 2, 3, 2)], full=full, eps=1e-6,
                        reduction=reduction)


def _divergence(golden):
    def kl(log_input, target, reduction, log_target):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "mean" is over elements, and said to change
            return F.kl_div(log_input, target, reduction=reduction, log_target=log_target)

    log_probability = uniform(-3.0, -0.5, 3, 4)
    for reduction in _REDUCTIONS + ["batchmean"]:
        golden.case("kl_div", kl, [log_probability, probabilities(3, 4)], reduction=reduction,
                    log_target=False)
        golden.case("kl_div", kl, [log_probability, uniform(-3.0, -0.5, 3, 4)],
                    reduction=reduction, log_target=True)
    # A target of zero contributes nothing, not NaN.
    golden.case("kl_div", kl, [uniform(-3, -0.5, 1, 3), values([[0, 0.25, 0.75]]).constant()],
                reduction="sum", log_target=False)


def _similarity(golden):
    signs = values([1, -1, 1, -1], dtype="int64")
    for shape, axis in [((3, 5), 1), ((2, 4, 3), 1), ((2, 4, 3), -1)]:
        golden.case("cosine_similarity",
                    lambda a, b, axis, eps: F.cosine_similarity(a, b, axis, eps),
                    [normal(shape), normal(shape)], axis=axis, eps=1e-8)
    for reduction in _REDUCTIONS:
        for margin in [0.0, 0.3]:
            golden.case("cosine_embedding_loss", F.cosine_embedding_loss,
                        [normal(4, 3), normal(4, 3), signs], margin=margin, reduction=reduction)


def _hinge(golden):
    def reduce(loss, reduction):
        return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]

    def hinge(scores, signs, margin, reduction):
        """max(0, margin - sign * score): PyTorch has only the variants below."""
        return reduce(torch.clamp(margin - signs * scores, min=0), reduction)

    signs = values([[1, -1, 1], [-1, -1, 1]])
    for reduction in _REDUCTIONS:
        for margin in [1.0, 0.5]:
            golden.case("hinge_loss", hinge, [normal(2, 3), signs.constant()], margin=margin,
                        reduction=reduction)
            golden.case("hinge_embedding_loss", F.hinge_embedding_loss,
                        [uniform(0, 2, 2, 3), signs.constant()], margin=margin,
                        reduction=reduction)
            golden.case("margin_ranking_loss", F.margin_ranking_loss,
                        [normal(2, 3), normal(2, 3), signs.constant()], margin=margin,
                        reduction=reduction)
            for p in [1, 2]:
                golden.case("multi_margin_loss", F.multi_margin_loss,
                            [normal(4, 5), integers(0, 5, 4)], p=p, margin=margin,
                            reduction=reduction)
        golden.case("multi_margin_loss",
                    lambda x, target, weight, p, margin, reduction: F.multi_margin_loss(
                        x, target, p=p, margin=margin, weight=weight, reduction=reduction),
                    [normal(4, 5), integers(0, 5, 4), uniform(0.3, 2, 5).constant()], p=1,
                    margin=1.0, reduction=reduction)


def make():
    golden = GoldenFile("ops_loss", "losses")
    _cross_entropy(golden)
    _negative_log_likelihood(golden)
    _binary_cross_entropy(golden)
    _regression(golden)
    _likelihoods(golden)
    _divergence(golden)
    _similarity(golden)
    _hinge(golden)
    return [golden]
