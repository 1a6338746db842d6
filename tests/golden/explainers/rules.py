# SPDX-License-Identifier: Apache-2.0
"""Guided backpropagation, deconvolution and DeepLIFT (Captum)."""

import torch
from captum import attr

import torch.nn.functional as F

from .nets import nets


def rescale(x, r):
    """The multiplier of ReLU between x and r."""
    dz = x - r
    return torch.where(dz.abs() > 1e-12, (x.relu() - r.relu()) / dz, (x + r > 0).double())


def deep_lift_by_hand(cnn, x, r, c):
    """The rules of Shrikumar et al. written out for the net at hand, a picture at a time."""
    zx, zr = cnn.conv1(x), cnn.conv1(r)
    ax, ar = zx.relu(), zr.relu()
    px, ix = F.max_pool2d(ax, 2, return_indices=True)
    pr, ir = F.max_pool2d(ar, 2, return_indices=True)
    m = cnn.fc.weight[c].view(1, 6, 4, 4) * rescale(cnn.conv2(px), cnn.conv2(pr))
    m = torch.nn.grad.conv2d_input(px.shape, cnn.conv2.weight, m, padding=1)
    larger = torch.maximum(px, pr)
    share = F.max_unpool2d(m * (larger - pr), ix, 2) + F.max_unpool2d(m * (px - larger), ir, 2)
    m = torch.where((ax - ar).abs() > 1e-12, share / (ax - ar), 0.0) * rescale(zx, zr)
    return torch.nn.grad.conv2d_input(x.shape, cnn.conv1.weight, m, padding=1) * (x - r)


def tensors():
    mlp, cnn, rows, pictures, row_classes, picture_classes = nets()
    out = {
        "guided_backprop": attr.GuidedBackprop(cnn).attribute(pictures, target=picture_classes),
        "deconvolution": attr.Deconvolution(cnn).attribute(pictures, target=picture_classes),
    }
    base = torch.full((1, 6), 0.25, dtype=torch.float64)
    several = torch.stack([torch.zeros(6), torch.full((6,), 0.25)]).double()
    out["deep_lift.mlp"] = attr.DeepLift(mlp).attribute(rows, base, target=row_classes)
    out["deep_lift_shap.mlp"] = attr.DeepLiftShap(mlp).attribute(rows, several, target=row_classes)
    # The reference is another picture: a constant one ties in every window, and rounding says who wins.
    pairs = list(zip(pictures, pictures.roll(1, 0), picture_classes))
    out["deep_lift.cnn"] = torch.cat(
        [deep_lift_by_hand(cnn, p[None], r[None], c) for p, r, c in pairs])
    out["deep_lift.cnn.captum"] = torch.cat(
        [attr.DeepLift(cnn).attribute(p[None], r[None], target=c[None]) for p, r, c in pairs])
    return out
