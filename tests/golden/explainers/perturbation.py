# SPDX-License-Identifier: Apache-2.0
"""Ablation, occlusion, Shapley values (Captum, SHAP) and penalised fits (scikit-learn)."""

import numpy as np
import shap
import torch
from captum import attr
from sklearn.linear_model import Lasso, Ridge

from .nets import nets


def tensors():
    mlp, cnn, rows, pictures, row_classes, picture_classes = nets()
    out = {}
    groups = torch.tensor([[0, 0, 1, 2, 2, 1]])
    base = torch.full((1, 6), 0.25, dtype=torch.float64)
    ablation = attr.FeatureAblation(mlp)
    out["ablation.elements"] = ablation.attribute(rows, target=row_classes)
    out["ablation.groups"] = ablation.attribute(
        rows, baselines=base, target=row_classes, feature_mask=groups)
    occlusion = attr.Occlusion(cnn)
    out["occlusion.even"] = occlusion.attribute(
        pictures, (2, 4, 4), strides=(2, 4, 4), target=picture_classes)
    out["occlusion.overlapping"] = occlusion.attribute(
        pictures, (2, 3, 4), strides=(2, 2, 3), target=picture_classes)
    out["occlusion.channels"] = occlusion.attribute(
        pictures, (1, 3, 3), strides=(1, 3, 3), baselines=0.5, target=picture_classes)
    shapley = attr.ShapleyValues(mlp)
    out["shapley.elements"] = shapley.attribute(rows, baselines=base, target=row_classes)
    out["shapley.groups"] = shapley.attribute(
        rows, baselines=base, target=row_classes, feature_mask=groups)

    # Every coalition of six players: SHAP's kernel method is exact then. Two baselines.
    background = np.stack([np.zeros(6), np.full(6, 0.25)])
    values = []
    for row, c in zip(rows, row_classes):
        def f(z, c=c):
            return mlp(torch.from_numpy(z)).detach().numpy()[:, c]

        explainer = shap.KernelExplainer(f, background)
        values.append(explainer.shap_values(row.numpy(), nsamples=64, l1_reg=False, silent=True))
    out["kernel_shap.two_baselines"] = np.stack(values)

    rng = np.random.RandomState(5)
    x = rng.randint(0, 2, (40, 7)).astype(np.float64)
    w = rng.uniform(0.1, 1, 40)
    y = x @ rng.standard_normal(7) + 0.3 * rng.standard_normal(40) + 1
    out |= {"fit.x": x, "fit.w": w, "fit.y": y}
    ridge = Ridge(alpha=1.5, tol=1e-14).fit(x, y, sample_weight=w)
    lasso = Lasso(alpha=0.05, tol=1e-14, max_iter=1_000_000).fit(x, y, sample_weight=w)
    for name, fit in (("ridge", ridge), ("lasso", lasso)):
        out[f"fit.{name}"] = fit.coef_
        out[f"fit.{name}.intercept"] = np.array([fit.intercept_])
        out[f"fit.{name}.r_squared"] = np.array([fit.score(x, y, sample_weight=w)])
    return out
