# SPDX-License-Identifier: Apache-2.0
"""ResNet-18 (He et al. 2016) with both stems: logits and input gradients.

The weights come from formula.py, so only results are stored. Parameter names are torchvision's.
"""

import numpy as np
import torch
from torch import nn

from . import formula
from .golden_file import GoldenFile


class BasicBlock(nn.Module):
    def __init__(self, in_channels, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """`stem` imagenet: 7x7 convolution of stride 2 and max-pool; cifar: one 3x3 convolution."""

    def __init__(self, stem, num_classes):
        super().__init__()
        if stem == "imagenet":
            self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
            self.maxpool = nn.MaxPool2d(3, 2, 1)
        else:
            self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
            self.maxpool = nn.Identity()
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for i, width in enumerate([64, 128, 256, 512]):
            stride = 1 if i == 0 else 2
            blocks = [BasicBlock(channels, width, stride), BasicBlock(width, width, 1)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
            channels = width
        self.fc = nn.Linear(512, num_classes)

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def make():
    golden = GoldenFile("resnet18", "ResNet-18, evaluation mode, weights by formula.py")
    for stem, classes, shape, name in [("cifar", 10, (2, 3, 32, 32), "cifar_input"),
                                       ("imagenet", 1000, (1, 3, 64, 64), "imagenet_input")]:
        model = formula.fill(ResNet18(stem, classes).eval()).double()
        image = formula.tensor(name, shape)
        x = torch.from_numpy(image).double().requires_grad_()
        logits = model(x)
        targets = logits.argmax(1)
        chosen = logits.gather(1, targets[:, None]).sum()
        (gradient,) = torch.autograd.grad(chosen, x)
        names = [k for k, v in model.state_dict().items() if v.is_floating_point()]
        golden.cases.append({
            "id": stem, "op": "resnet18",
            "attrs": {"stem": stem, "num_classes": classes, "input_name": name,
                      "state": names if stem == "cifar" else []},
            "inputs": [golden.add(f"{stem}.input", image[:, :, :2]),
                       golden.add(f"{stem}.target", targets)],
            "outputs": [golden.add(f"{stem}.logits", logits)],
            "cotangents": [],
            "grads": [golden.add(f"{stem}.input_gradient", gradient), None],
        })
        deviation(model, image, logits, gradient, targets)
    # Spot values of the formula, so that a port of it can be checked by itself.
    golden.add("formula.conv1.weight", formula.tensor("conv1.weight", (4, 3, 3, 3)))
    golden.add("formula.bn1.weight", formula.tensor("bn1.weight", (8,)))
    golden.add("formula.bn1.bias", formula.tensor("bn1.bias", (8,)))
    golden.add("formula.bn1.running_mean", formula.tensor("bn1.running_mean", (8,)))
    golden.add("formula.bn1.running_var", formula.tensor("bn1.running_var", (8,)))
    golden.add("formula.input", formula.tensor("input", (8,)))
    return [golden]


def deviation(model, image, logits, gradient, targets):
    """Prints how far PyTorch's own f32 run is from f64: near a kink of a ReLU or a tie of the
    max-pool the gradient jumps, and inputs for which it does are no use as golden values."""
    single = model.float()
    x = torch.from_numpy(image).requires_grad_()
    y = single(x)
    (g,) = torch.autograd.grad(y.gather(1, targets[:, None]).sum(), x)
    for what, a, b in [("logits", y, logits), ("input gradient", g, gradient)]:
        error = (a.double() - b).abs().max() / b.abs().max()
        print(f"  resnet18 {what}: f32 differs from f64 by {error:.1e} of the maximum")
    model.double()
