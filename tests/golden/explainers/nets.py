# SPDX-License-Identifier: Apache-2.0
"""The two small nets that all explainers are compared on, in f64, with weights that are f32 values."""

import numpy as np
import torch
from torch import nn

INPUTS, CLASSES = 6, 3


class Mlp(nn.Module):
    """6 -> 16 -> 12 -> 3 with ReLU."""

    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(6, 16), nn.Linear(16, 12), nn.Linear(12, 3)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()

    def forward(self, x):
        return self.fc3(self.relu2(self.fc2(self.relu1(self.fc1(x)))))


class Cnn(nn.Module):
    """[2, 8, 8] -> conv 5, ReLU, max-pool, conv 6, ReLU -> 3."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 5, 3, padding=1)
        self.conv2 = nn.Conv2d(5, 6, 3, padding=1)
        self.fc = nn.Linear(96, 3)
        self.relu1, self.relu2, self.pool = nn.ReLU(), nn.ReLU(), nn.MaxPool2d(2)

    def forward(self, x):
        h = self.pool(self.relu1(self.conv1(x)))
        return self.fc(torch.flatten(self.relu2(self.conv2(h)), 1))


def f32_values(rng, *shape, scale=1.0):
    return torch.from_numpy(np.float32(rng.standard_normal(shape) * scale)).double()


def build(kind, seed):
    rng = np.random.RandomState(seed)
    net = kind().double().eval()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(f32_values(rng, *p.shape, scale=0.4))
    return net


def nets():
    """Both nets, samples for them and the classes that are explained."""
    rng = np.random.RandomState(11)
    mlp, cnn = build(Mlp, 1), build(Cnn, 2)
    rows, pictures = f32_values(rng, 4, 6), f32_values(rng, 3, 2, 8, 8)
    return mlp, cnn, rows, pictures, torch.tensor([0, 2, 1, 2]), torch.tensor([1, 0, 2])


def state(prefix, net):
    return {f"{prefix}.{k}": v.detach().float().numpy() for k, v in net.state_dict().items()}
