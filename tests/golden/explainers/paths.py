# SPDX-License-Identifier: Apache-2.0
"""Methods on paths: GradientSHAP (Captum), Guided IG and Blur IG from their definitions (SciPy's
Gaussian filter), and Captum's noise tunnel in the limit of many draws."""

import numpy as np
import torch
from captum import attr
from scipy import ndimage

from .nets import nets


def gradient_of(net, target):
    def f(x):
        t = torch.from_numpy(x[None]).requires_grad_()
        return torch.autograd.grad(net(t)[0, target], t)[0][0].numpy()

    return f


def guided_ig(gradient, x, base, steps, fraction, max_dist):
    """Positions as values, not as shares of the way; otherwise as the definition has it."""
    way = x - base
    at, total, a = base.copy(), np.abs(way).sum(), np.zeros_like(x)
    flat = lambda v: v.reshape(-1)
    for s in range(1, steps + 1):
        g = gradient(at)
        alpha = s / steps
        low, high = max(alpha - max_dist, 0), min(alpha + max_dist, 1)
        nearest, furthest = base + low * way, base + high * way
        goal = (1 - alpha) * total
        share = np.divide(at - base, way, out=np.full_like(x, high), where=way != 0)
        before = at.copy()
        at = np.where(share < low, nearest, at)
        a += (at - before) * g
        while np.abs(x - at).sum() - goal > 1e-9 * total:
            size = np.where(np.abs(furthest - at) < 1e-14, np.inf, np.abs(g))
            size[way == 0] = np.inf
            threshold = np.sort(flat(size))[int(fraction * (x.size - 1))]
            chosen = (size <= threshold) & np.isfinite(size)
            room = np.abs(furthest - at)[chosen].sum()
            gamma = (np.abs(x - at).sum() - goal) / room
            before = at.copy()
            at = np.where(chosen, furthest if gamma > 1 else at + gamma * (furthest - at), at)
            a += (at - before) * g
    return a


def blurred(x, sigma):
    return ndimage.gaussian_filter(x, (0, sigma, sigma), mode="constant") if sigma > 0 else x


def blur_ig(gradient, x, sigmas, h):
    a = np.zeros_like(x)
    for sigma, following in zip(sigmas, sigmas[1:]):
        at = blurred(x, sigma)
        a -= (following - sigma) * gradient(at) * (blurred(x, sigma + h) - at) / h
    return a


def tensors():
    mlp, cnn, rows, pictures, row_classes, picture_classes = nets()
    out = {}
    base = np.full(6, 0.25)
    for name, steps, fraction, dist in (("guided_ig.fine", 50, 0.25, 0.02),
                                        ("guided_ig.coarse", 10, 0.5, 0.3)):
        out[name] = np.stack(
            [guided_ig(gradient_of(mlp, c), row.numpy(), base, steps, fraction, dist)
             for row, c in zip(rows, row_classes)])
    out["guided_ig.pictures"] = np.stack(
        [guided_ig(gradient_of(cnn, c), p.numpy(), np.zeros(p.shape), 20, 0.25, 0.1)
         for p, c in zip(pictures, picture_classes)])

    linear = [3.0 * i / 20 for i in range(21)]
    root = [3.0 * (i / 20) ** 0.5 for i in range(21)]
    for name, sigmas in (("blur_ig.linear", linear), ("blur_ig.sqrt", root)):
        out[name] = np.stack([blur_ig(gradient_of(cnn, c), p.numpy(), sigmas, 0.01)
                              for p, c in zip(pictures, picture_classes)])
    p = pictures[0].numpy()
    for mode, ours in (("constant", "zero"), ("nearest", "nearest"), ("reflect", "mirror")):
        out[f"blur.{ours}"] = np.stack(
            [ndimage.gaussian_filter(p, (0, s, s), mode=mode) for s in (0.3, 0.8, 2.5)])

    # Expectations, by many draws, with their standard errors.
    baselines = torch.stack([torch.zeros(6), torch.full((6,), 0.25)]).double()
    shap = attr.GradientShap(mlp)
    torch.manual_seed(3)
    np.random.seed(3)
    for name, stdev in (("gradient_shap", 0.0), ("gradient_shap.noisy", 0.3)):
        means = torch.stack([
            shap.attribute(rows, baselines, n_samples=1000, stdevs=stdev,
                           target=row_classes).detach() for _ in range(40)])
        out[name] = means.mean(0)
        out[name + ".error"] = means.std(0) / 40 ** 0.5
    tunnel = attr.NoiseTunnel(attr.IntegratedGradients(mlp))
    means = torch.stack([
        tunnel.attribute(rows, nt_samples=200, nt_samples_batch_size=200, stdevs=0.3, n_steps=20,
                         target=row_classes).detach() for _ in range(20)])
    out["tunnel.integrated_gradients"] = means.mean(0)
    out["tunnel.integrated_gradients.error"] = means.std(0) / 20 ** 0.5
    return out
