# SPDX-License-Identifier: Apache-2.0
"""Trajectories of 50 steps of every optimiser on one small regression.

The problem: y = w2 tanh(w1 x + b1) + b2, mean squared error over 8 samples, 26 parameters. A
trajectory holds the parameters, flattened in the order w1 [4,3], b1 [4], w2 [2,4], b2 [2], before
the first step and after the steps listed in the attribute "steps".

L-BFGS with several iterations per step is chaotic here after some 100 iterations (a change of
1e-15 at the start grows to 1e-1), so these trajectories end after 10 steps.
"""

import numpy as np
import torch

from .golden_file import GoldenFile

STEPS = [0, 1, 2, 5, 10, 20, 50]
SHORT = [0, 1, 2, 5, 10]
SHAPES = [(4, 3), (4,), (2, 4), (2,)]


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2 (PyTorch has no Lion)."""

    def __init__(self, params, lr, betas, weight_decay):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure):
        with torch.enable_grad():
            loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                direction = torch.sign(beta1 * m + (1 - beta1) * p.grad)
                p -= group["lr"] * (direction + group["weight_decay"] * p)
                m.copy_(beta2 * m + (1 - beta2) * p.grad)
        return loss


def _cases():
    o = torch.optim
    yield "sgd", o.SGD, dict(lr=0.1)
    yield "sgd", o.SGD, dict(lr=0.05, momentum=0.9)
    yield "sgd", o.SGD, dict(lr=0.05, momentum=0.9, nesterov=True)
    yield "sgd", o.SGD, dict(lr=0.1, momentum=0.8, dampening=0.3)
    yield "sgd", o.SGD, dict(lr=0.1, weight_decay=0.02)
    yield "sgd", o.SGD, dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.02)
    yield "adam", o.Adam, dict(lr=0.02)
    yield "adam", o.Adam, dict(lr=0.05, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.03)
    yield "adam", o.Adam, dict(lr=0.05, betas=(0.5, 0.9), amsgrad=True)
    yield "adam", o.Adam, dict(lr=0.05, amsgrad=True, weight_decay=0.03)
    yield "adamw", o.AdamW, dict(lr=0.02, weight_decay=0.01)
    yield "adamw", o.AdamW, dict(lr=0.05, betas=(0.8, 0.95), weight_decay=0.1)
    yield "adamw", o.AdamW, dict(lr=0.05, betas=(0.5, 0.9), amsgrad=True, weight_decay=0.1)
    yield "rmsprop", o.RMSprop, dict(lr=0.01)
    yield "rmsprop", o.RMSprop, dict(lr=0.01, alpha=0.9, centered=True)
    yield "rmsprop", o.RMSprop, dict(lr=0.005, alpha=0.95, momentum=0.8)
    yield "rmsprop", o.RMSprop, dict(lr=0.005, alpha=0.95, momentum=0.8, centered=True,
                                     weight_decay=0.02, eps=1e-6)
    yield "adagrad", o.Adagrad, dict(lr=0.1)
    yield "adagrad", o.Adagrad, dict(lr=0.1, lr_decay=0.05, weight_decay=0.02,
                                     initial_accumulator_value=0.1, eps=1e-8)
    yield "adadelta", o.Adadelta, dict(lr=1.0)
    yield "adadelta", o.Adadelta, dict(lr=2.0, rho=0.8, eps=1e-5, weight_decay=0.02)
    yield "nadam", o.NAdam, dict(lr=0.02)
    yield "nadam", o.NAdam, dict(lr=0.02, betas=(0.8, 0.99), weight_decay=0.02,
                                 momentum_decay=0.01)
    yield "nadam", o.NAdam, dict(lr=0.02, weight_decay=0.1, decoupled_weight_decay=True)
    yield "radam", o.RAdam, dict(lr=0.05)
    yield "radam", o.RAdam, dict(lr=0.05, betas=(0.8, 0.9), weight_decay=0.02)
    yield "radam", o.RAdam, dict(lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)
    yield "lion", Lion, dict(lr=0.005, betas=(0.9, 0.99), weight_decay=0.0)
    yield "lion", Lion, dict(lr=0.01, betas=(0.8, 0.95), weight_decay=0.1)
    yield "lbfgs", o.LBFGS, dict(lr=0.1, max_iter=1, history_size=10)
    yield "lbfgs", o.LBFGS, dict(lr=0.5, max_iter=1, history_size=10)
    yield "lbfgs", o.LBFGS, dict(lr=0.2, max_iter=4, history_size=5)
    yield "lbfgs", o.LBFGS, dict(lr=1.0, max_iter=1, history_size=10,
                                 line_search_fn="strong_wolfe")
    yield "lbfgs", o.LBFGS, dict(lr=1.0, max_iter=1, history_size=3,
                                 line_search_fn="strong_wolfe")
    yield "lbfgs", o.LBFGS, dict(lr=1.0, max_iter=5, history_size=4,
                                 line_search_fn="strong_wolfe")


def loss_of(parameters, x, target):
    w1, b1, w2, b2 = parameters
    y = torch.tanh(x @ w1.T + b1) @ w2.T + b2
    return ((y - target) ** 2).mean()


def make():
    # PyTorch keeps state that is a single number (NAdam's product of momenta) in this dtype.
    torch.set_default_dtype(torch.float64)
    try:
        return _make()
    finally:
        torch.set_default_dtype(torch.float32)


def _make():
    golden = GoldenFile("optimizers", "50 steps of every optimiser, see families/optimizers.py")
    rng = golden.rng("problem")
    x = golden.rng("x").standard_normal((8, 3)).astype(np.float32)
    target = rng.standard_normal((8, 2)).astype(np.float32)
    initial = np.concatenate([
        (rng.standard_normal(s) * 0.6).astype(np.float32).ravel() for s in SHAPES])
    inputs = [golden.add("x", x), golden.add("target", target), golden.add("initial", initial)]
    data = [torch.from_numpy(a).double() for a in (x, target)]
    for index, (name, optimizer_type, options) in enumerate(_cases()):
        sizes = [int(np.prod(s)) for s in SHAPES]
        parts = torch.from_numpy(initial).double().split(sizes)
        parameters = [p.reshape(s).clone().requires_grad_() for p, s in zip(parts, SHAPES)]
        optimizer = optimizer_type(parameters, **options)

        def closure():
            optimizer.zero_grad()
            loss = loss_of(parameters, *data)
            loss.backward()
            return loss

        flat = lambda: np.concatenate([p.detach().numpy().ravel() for p in parameters])
        trajectory, losses = [flat()], []
        steps = SHORT if options.get("max_iter", 1) > 1 else STEPS
        for step in range(1, steps[-1] + 1):
            losses.append(optimizer.step(closure).item())
            if step in steps:
                trajectory.append(flat())
        case_id = f"{name}.{index}"
        golden.cases.append({
            "id": case_id, "op": name, "attrs": {**options, "steps": steps}, "inputs": inputs,
            "outputs": [golden.add(f"{case_id}.parameters", np.stack(trajectory)),
                        golden.add(f"{case_id}.losses", np.array(losses))],
            "cotangents": [], "grads": [],
        })
    return [golden]
