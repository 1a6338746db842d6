# SPDX-License-Identifier: Apache-2.0
"""Class activation maps before ReLU and resizing (pytorch-grad-cam, Captum), gradients of layers and units."""

import numpy as np
import torch
import torch.nn.functional as F
from captum import attr
from pytorch_grad_cam import (
    EigenCAM, EigenGradCAM, GradCAM, GradCAMElementWise, GradCAMPlusPlus, HiResCAM, LayerCAM,
    XGradCAM,
)

from .nets import nets

METHODS = {
    "grad_cam": GradCAM, "grad_cam_plus_plus": GradCAMPlusPlus, "xgrad_cam": XGradCAM,
    "hires_cam": HiResCAM, "element_wise_cam": GradCAMElementWise, "layer_cam": LayerCAM,
    "eigen_cam": EigenCAM, "eigen_grad_cam": EigenGradCAM,
}


def ablation_cam(cnn, layer, at, pictures, classes):
    """Channels weighted by the fall of the logit when a hook sets them to zero."""
    maps = []
    for a, picture, c in zip(at, pictures, classes):
        whole, cam = cnn(picture[None])[0, c], 0
        for k in range(a.shape[0]):
            keep = torch.ones(a.shape[0], 1, 1, dtype=a.dtype)
            keep[k] = 0
            handle = layer.register_forward_hook(lambda m, i, o, keep=keep: o * keep)
            cam = cam + (whole - cnn(picture[None])[0, c]) * a[k]
            handle.remove()
        maps.append(cam)
    return torch.stack(maps)


def score_cam(cnn, at, pictures, classes):
    """As pytorch-grad-cam's, but for the corners of enlarged maps, which that library aligns, and for
    channels that are the same everywhere, which have no part."""
    maps = []
    for a, picture, c in zip(at, pictures, classes):
        large = F.interpolate(a[None], picture.shape[1:], mode="bilinear")[0]
        low, high = large.amin((1, 2), True), large.amax((1, 2), True)
        alive = (high > low).flatten()
        masks = ((large - low) / (high - low))[alive]
        weights = torch.zeros(len(a), dtype=a.dtype)
        weights[alive] = torch.softmax(cnn(picture[None] * masks[:, None])[:, c], 0)
        maps.append((weights[:, None, None] * a).sum(0))
    return torch.stack(maps)


def tensors():
    mlp, cnn, rows, pictures, row_classes, picture_classes = nets()
    out = {}
    for layer_name in ("pool", "relu2"):
        layer = getattr(cnn, layer_name)
        at = attr.LayerActivation(cnn, layer).attribute(pictures).detach()
        grads = attr.LayerGradientXActivation(cnn, layer, multiply_by_inputs=False)
        g = grads.attribute(pictures, target=picture_classes).detach()
        out[f"{layer_name}.activation"], out[f"{layer_name}.gradient"] = at, g
        for name, method in METHODS.items():
            with method(model=cnn, target_layers=[layer]) as cam:
                out[f"{layer_name}.{name}"] = cam.get_cam_image(
                    pictures, layer, None, at.numpy(), g.numpy(), False)
        out[f"{layer_name}.score_cam"] = score_cam(cnn, at, pictures, picture_classes)
        out[f"{layer_name}.ablation_cam"] = ablation_cam(
            cnn, layer, at, pictures, picture_classes)
        gradcam = attr.LayerGradCam(cnn, layer)
        out[f"{layer_name}.captum_grad_cam"] = gradcam.attribute(pictures, target=picture_classes)
    out["resized"] = attr.LayerAttribution.interpolate(
        torch.relu(out["relu2.captum_grad_cam"]), (8, 8), "bilinear")
    out["neuron.gradient"] = attr.NeuronGradient(mlp, mlp.fc2).attribute(rows, 3)
    out["neuron.integrated_gradients"] = attr.NeuronIntegratedGradients(mlp, mlp.fc2).attribute(
        rows, 3, n_steps=50)
    out["layer.integrated_gradients"] = attr.LayerIntegratedGradients(mlp, mlp.fc1).attribute(
        rows, target=row_classes, n_steps=50)
    out["layer.internal_influence"] = attr.InternalInfluence(mlp, mlp.fc2).attribute(
        rows, target=row_classes, n_steps=50)
    return {k: np.asarray(v.detach() if isinstance(v, torch.Tensor) else v) for k, v in out.items()}
