# SPDX-License-Identifier: Apache-2.0
"""GPT-2 (Radford et al. 2019): logits, gradients with respect to embeddings, and those of all
parameters in a training step.

The weights come from formula.py, so only results are stored. Parameter names are those of the
released weights, with linear layers as [out, in].
"""

import torch
import torch.nn.functional as F
from torch import nn

from . import formula
from .golden_file import GoldenFile
from .vit import record


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x):
        q, k, v = (t.unflatten(2, (self.heads, -1)).transpose(1, 2)
                   for t in self.c_attn(x).chunk(3, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    """Of token numbers [N, L], or of embeddings [N, L, width]. `logits`: of the last position or of
    all."""

    def __init__(self, context, vocabulary, width=128, layers=4, heads=4, logits="last", tied=True):
        super().__init__()
        self.logits = logits
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(context, width)
        self.h = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        if tied:
            self.lm_head.weight = self.wte.weight

    def forward(self, x):
        if not x.is_floating_point():
            x = self.wte(x)
        x = x + self.wpe.weight[:x.shape[1]]
        for block in self.h:
            x = block(x)
        if self.logits == "last":
            x = x[:, -1]
        return self.lm_head(self.ln_f(x))


def make():
    golden = GoldenFile("gpt", "GPT-2, weights by formula.py")
    rng = golden.rng("tokens")
    for tied in (True, False):
        for logits in ("last", "all"):
            model = formula.fill(Gpt(7, 11, width=8, layers=2, heads=2, logits=logits,
                                     tied=tied)).double()
            tokens = torch.from_numpy(rng.randint(0, 11, (2, 6)))
            labels = torch.from_numpy(rng.randint(0, 11, (2, 6) if logits == "all" else (2,)))
            # Added to the embeddings, so that the table gets its gradient from them as well.
            zero = torch.zeros(2, 6, 8)
            record(golden, f"{'tied' if tied else 'own'}.{logits}", model,
                   lambda x: model(model.wte(tokens) + x), zero, tokens, labels,
                   {"tied": tied, "logits": logits})
    return [golden]
