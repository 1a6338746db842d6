# SPDX-License-Identifier: Apache-2.0
"""Learning-rate schedules as lists of values; gradient clipping; moving averages of weights."""

import warnings

import numpy as np
import torch
from torch.optim import lr_scheduler as schedulers

from .golden_file import GoldenFile

BASE = 0.1  # learning rate that the schedules scale


def _optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=BASE, momentum=0.9)


def _values(scheduler, optimizer, count):
    rates, momenta = [], []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()
    return np.array(rates), np.array(momenta)


def _cases():
    s = schedulers
    yield "step", 20, s.StepLR, dict(step_size=6, gamma=0.3)
    yield "multi_step", 20, s.MultiStepLR, dict(milestones=[3, 4, 11], gamma=0.5)
    yield "exponential", 20, s.ExponentialLR, dict(gamma=0.9)
    yield "cosine", 26, s.CosineAnnealingLR, dict(T_max=25, eta_min=0.0)
    yield "cosine", 26, s.CosineAnnealingLR, dict(T_max=25, eta_min=0.004)
    yield "cosine_restarts", 30, s.CosineAnnealingWarmRestarts, dict(T_0=4, T_mult=2, eta_min=0.01)
    yield "linear", 15, s.LinearLR, dict(start_factor=0.1, end_factor=1.0, total_iters=10)
    yield "linear", 15, s.LinearLR, dict(start_factor=1.0, end_factor=0.0, total_iters=12)
    yield "constant", 10, s.ConstantLR, dict(factor=0.25, total_iters=5)
    yield "polynomial", 15, s.PolynomialLR, dict(total_iters=12, power=2.0)
    common = dict(max_lr=0.8, total_steps=30)
    yield "one_cycle", 30, s.OneCycleLR, common
    yield "one_cycle", 30, s.OneCycleLR, dict(**common, anneal_strategy="linear", pct_start=0.4,
                                              div_factor=10.0, final_div_factor=100.0)
    yield "one_cycle", 30, s.OneCycleLR, dict(**common, three_phase=True, base_momentum=0.8,
                                              max_momentum=0.98)


def _schedules(golden):
    for index, (op, count, scheduler_type, options) in enumerate(_cases()):
        optimizer = _optimizer()
        rates, momenta = _values(scheduler_type(optimizer, **options), optimizer, count)
        case_id = f"{op}.{index}"
        outputs = [golden.add(f"{case_id}.lr", rates)]
        if op == "one_cycle":
            outputs.append(golden.add(f"{case_id}.momentum", momenta))
        _record(golden, case_id, op, dict(base_lr=BASE, **options), [], outputs)
    optimizer = _optimizer()
    warmup = schedulers.LinearLR(optimizer, start_factor=0.2, end_factor=1.0, total_iters=5)
    cosine = schedulers.CosineAnnealingLR(optimizer, T_max=20, eta_min=0.001)
    sequence = schedulers.SequentialLR(optimizer, [warmup, cosine], milestones=[5])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SequentialLR calls its parts in a deprecated way
        rates, _ = _values(sequence, optimizer, 26)
    _record(golden, "warmup_cosine.0", "warmup_cosine",
            dict(base_lr=BASE, start_factor=0.2, warmup_steps=5, T_max=20, eta_min=0.001), [],
            [golden.add("warmup_cosine.0.lr", rates)])


def _plateau(golden):
    metrics = np.array([1, .9, .8, .8, .8, .8, .79995, .85, .7, .69, .71, .72, .71, .73, .69, .69,
                        .5, .6, .6, .6, .6, .6, .6, .6, .6, .6, .6, .6, .6, .6])
    for index, options in enumerate([
        dict(mode="min", factor=0.5, patience=2),
        dict(mode="min", factor=0.1, patience=1, threshold=0.05, cooldown=3, min_lr=0.002),
        dict(mode="max", factor=0.3, patience=4, threshold=0.01, threshold_mode="abs"),
        dict(mode="min", factor=0.5, patience=0, threshold=0.1, threshold_mode="abs", eps=1e-3),
    ]):
        optimizer = _optimizer()
        scheduler = schedulers.ReduceLROnPlateau(optimizer, **options)
        rates = []
        for value in metrics:
            scheduler.step(float(value))
            rates.append(optimizer.param_groups[0]["lr"])  # after having seen this metric
        case_id = f"plateau.{index}"
        _record(golden, case_id, "plateau", dict(base_lr=BASE, **options),
                [golden.add(f"{case_id}.metrics", metrics)],
                [golden.add(f"{case_id}.lr", np.array(rates))])


def _clipping(golden):
    shapes = [(3, 4), (5,), ()]
    for index, (max_norm, norm_type) in enumerate([(1.0, 2), (100.0, 2), (0.5, 1), (0.7, "inf"),
                                                   (2.0, 3)]):
        rng = golden.rng(f"clip{index}")
        raw = [np.asarray(rng.standard_normal(s), dtype=np.float32) for s in shapes]
        parameters = [torch.zeros(s, dtype=torch.float64, requires_grad=True) for s in shapes]
        for p, g in zip(parameters, raw):
            p.grad = torch.from_numpy(g).double()
        total = torch.nn.utils.clip_grad_norm_(parameters, max_norm, float(norm_type))
        case_id = f"clip_grad_norm.{index}"
        _record(golden, case_id, "clip_grad_norm", dict(max_norm=max_norm, norm_type=norm_type),
                [golden.add(f"{case_id}.in{i}", g) for i, g in enumerate(raw)],
                [golden.add(f"{case_id}.total_norm", total)]
                + [golden.add(f"{case_id}.out{i}", p.grad) for i, p in enumerate(parameters)])
        if index < 2:
            case_id, limit = f"clip_grad_value.{index}", [0.4, 5.0][index]
            for p, g in zip(parameters, raw):
                p.grad = torch.from_numpy(g).double()
            torch.nn.utils.clip_grad_value_(parameters, limit)
            _record(golden, case_id, "clip_grad_value", dict(clip_value=limit),
                    [golden.add(f"{case_id}.in{i}", g) for i, g in enumerate(raw)],
                    [golden.add(f"{case_id}.out{i}", p.grad) for i, p in enumerate(parameters)])


def _moving_average(golden):
    """Row t is the average after having seen rows 0 to t of the input; row 0 is the start."""
    for index, decay in enumerate([0.9, 0.99]):
        sequence = golden.rng(f"ema{index}").standard_normal((12, 5)).astype(np.float32)
        average = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
        state = torch.from_numpy(sequence[0]).double()
        rows = [state.numpy().copy()]
        for row in sequence[1:]:
            average([state], [torch.from_numpy(row).double()], None)
            rows.append(state.numpy().copy())
        case_id = f"moving_average.{index}"
        _record(golden, case_id, "moving_average", dict(decay=decay),
                [golden.add(f"{case_id}.in0", sequence)],
                [golden.add(f"{case_id}.out0", np.stack(rows))])


def _record(golden, case_id, op, attrs, inputs, outputs):
    golden.cases.append({"id": case_id, "op": op, "attrs": attrs, "inputs": inputs,
                         "outputs": outputs, "cotangents": [], "grads": []})


def make():
    schedules = GoldenFile("schedules", "learning rates step by step")
    _schedules(schedules)
    _plateau(schedules)
    clipping = GoldenFile("clipping", "gradient clipping, exponential moving average of weights")
    _clipping(clipping)
    _moving_average(clipping)
    return [schedules, clipping]
