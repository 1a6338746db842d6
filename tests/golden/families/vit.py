# SPDX-License-Identifier: Apache-2.0
"""Vision transformers (Dosovitskiy et al. 2021): logits, input gradients, and the gradients of all
parameters in a training step.

The weights come from formula.py, so only results are stored. Parameter names are torchvision's.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

from . import formula
from .golden_file import GoldenFile


class Attention(nn.MultiheadAttention):
    """The same parameters and result, by PyTorch's fused attention."""

    def __init__(self, width, heads, causal=False):
        super().__init__(width, heads, batch_first=True)
        self.causal = causal

    def forward(self, x):
        q, k, v = (t.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for t in
                   F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out_proj(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-6)
        self.self_attention = Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Identity(),
                                 nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.self_attention(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    def __init__(self, tokens, width, layers, heads):
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.zeros(1, tokens, width))
        self.layers = nn.Sequential(OrderedDict(
            (f"encoder_layer_{i}", Block(width, heads)) for i in range(layers)))
        self.ln = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x):
        return self.ln(self.layers(x + self.pos_embedding))


class ViT(nn.Module):
    """`pool` token: the class token's output; mean: that of all patches, without such a token."""

    def __init__(self, shape, classes, patch=4, width=192, layers=6, heads=3, pool="token"):
        super().__init__()
        self.pool = pool
        if pool == "token":
            self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.conv_proj = nn.Conv2d(shape[0], width, patch, patch)
        tokens = (shape[1] // patch) * (shape[2] // patch) + (pool == "token")
        self.encoder = Encoder(tokens, width, layers, heads)
        self.heads = nn.Sequential(OrderedDict(head=nn.Linear(width, classes)))

    def forward(self, x):
        x = self.conv_proj(x).flatten(2).transpose(1, 2)
        if self.pool == "token":
            x = torch.cat([self.class_token.expand(len(x), -1, -1), x], 1)
        x = self.encoder(x)
        return self.heads(x[:, 0] if self.pool == "token" else x.mean(1))


def record(golden, key, model, function, x, stored, labels, attrs):
    """Adds a case: logits function(x) [N, K] or [N, L, K], the gradient of those of `labels` with
    respect to x, and those of the cross entropy with respect to all parameters of the model. Its
    inputs are `stored` and the labels."""
    x = x.double().requires_grad_()
    logits = function(x)
    chosen = logits.gather(-1, labels.unsqueeze(-1)).sum()
    (gradient,) = torch.autograd.grad(chosen, x, retain_graph=True)
    loss = F.cross_entropy(logits.flatten(0, -2), labels.flatten())
    # Each parameter once, also where two modules share it.
    named = list(model.named_parameters())
    found = torch.autograd.grad(loss, [p for _, p in named], allow_unused=True)
    used = [(name, g) for (name, _), g in zip(named, found) if g is not None]
    golden.cases.append({
        "id": key, "op": golden.name,
        "attrs": {**attrs, "state": list(model.state_dict()), "parameters": [n for n, _ in used]},
        "inputs": [golden.add(f"{key}.input{i}", a) for i, a in enumerate([stored, labels])],
        "outputs": [golden.add(f"{key}.logits", logits), golden.add(f"{key}.loss", loss)],
        "cotangents": [],
        "grads": [golden.add(f"{key}.input_gradient", gradient)]
        + [golden.add(f"{key}.gradient.{name}", g) for name, g in used],
    })


def layers():
    """PyTorch's own layers, whose parameters have the same names."""
    golden = GoldenFile("transformer_layers", "nn.TransformerEncoderLayer, nn.MultiheadAttention")
    x = formula.tensor("x", (2, 5, 8))
    hidden = torch.ones(5, 5, dtype=torch.bool).triu(1)

    def add(key, module, call, inputs, **attrs):
        formula.fill(module.double())
        tensors = [torch.from_numpy(a).double().requires_grad_() for a in inputs]
        y = call(module, *tensors)
        cotangent = formula.tensor("cotangent", tuple(y.shape))
        found = torch.autograd.grad(y, tensors, torch.from_numpy(cotangent).double())
        golden.cases.append({
            "id": key, "op": type(module).__name__,
            "attrs": {**attrs, "state": list(module.state_dict())},
            "inputs": [golden.add(f"{key}.in{i}", a) for i, a in enumerate(inputs)],
            "outputs": [golden.add(f"{key}.out", y)],
            "cotangents": [golden.add(f"{key}.cot", cotangent)],
            "grads": [golden.add(f"{key}.grad{i}", g) for i, g in enumerate(found)]})

    for first in (False, True):
        for activation in ("relu", "gelu"):
            for causal in (False, True):
                add(f"block.{first}.{activation}.{causal}",
                    nn.TransformerEncoderLayer(8, 2, 12, 0.0, activation, batch_first=True,
                                               norm_first=first),
                    lambda m, x: m(x, src_mask=hidden if causal else None, is_causal=causal), [x],
                    norm_first=first, activation=activation, causal=causal)
    for bias in (True, False):
        add(f"attention.{bias}", nn.MultiheadAttention(8, 2, bias=bias, batch_first=True),
            lambda m, x: m(x, x, x, need_weights=False)[0], [x], bias=bias)
    key, value = formula.tensor("key", (2, 3, 8)), formula.tensor("value", (2, 3, 8))
    add("attention.cross", nn.MultiheadAttention(8, 4, batch_first=True),
        lambda m, q, k, v: m(q, k, v, need_weights=False)[0], [x, key, value], bias=True)
    return golden


def make():
    golden = GoldenFile("vit", "vision transformers, weights by formula.py")
    shape, labels = (3, 8, 12), torch.tensor([1, 4])
    for pool in ("token", "mean"):
        model = formula.fill(ViT(shape, 5, width=12, layers=2, pool=pool)).double()
        image = torch.from_numpy(formula.tensor("input", (2, *shape)))
        record(golden, pool, model, model, image, image, labels, {"pool": pool})
    return [golden, layers()]
