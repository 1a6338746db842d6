# SPDX-License-Identifier: Apache-2.0
"""Collects golden cases and writes them as one .safetensors file.

A case is one call of one op: inputs, attributes, outputs, one cotangent per floating output and
the gradients of sum(cotangent * output) with respect to every floating input. Inputs and
cotangents are f32 values; everything computed from them is computed and stored in f64. So the
inputs are exact in both precisions, and the results are the truth for both.
"""

import json
import zlib

import numpy as np
import torch
from safetensors.numpy import save_file


class Input:
    """A recipe for one input: drawn when the case is made, from the case's own generator, so
    that adding a case changes no other one."""

    def __init__(self, draw, differentiable=True):
        self.draw = draw
        self.differentiable = differentiable

    def constant(self):
        """The same input, treated as a constant: its gradient is not defined, or not wanted."""
        return Input(self.draw, differentiable=False)


def _shape(shape):
    return tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape


def normal(*shape, scale=1.0, shift=0.0):
    return Input(lambda rng: np.float32(rng.standard_normal(_shape(shape)) * scale + shift))


def uniform(low, high, *shape):
    return Input(lambda rng: np.float32(rng.uniform(low, high, _shape(shape))))


def distinct(*shape, gap=0.25, shift=0.1):
    """Multiples of `gap`, shifted, in random order: neither values nor magnitudes tie."""

    def draw(rng):
        count = int(np.prod(_shape(shape)))
        ordered = rng.permutation(count) - count // 2
        return np.float32(ordered * gap + shift).reshape(_shape(shape))

    return Input(draw)


def integers(low, high, *shape):
    """i64 values of [low, high)."""
    return Input(lambda rng: rng.randint(low, high, _shape(shape)).astype(np.int64))


def booleans(*shape):
    return Input(lambda rng: rng.randint(0, 2, _shape(shape)).astype(bool))


def probabilities(*shape, axis=1):
    """Positive values that sum to one (up to f32 rounding) along `axis`."""

    def draw(rng):
        raw = rng.uniform(0.05, 1.0, _shape(shape))
        return np.float32(raw / raw.sum(axis=axis, keepdims=True))

    return Input(draw)


def values(data, dtype=np.float32):
    return Input(lambda rng: np.asarray(data, dtype=dtype))


class GoldenFile:
    def __init__(self, name, about):
        self.name = name
        self.about = about
        self.cases = []
        self.tensors = {}
        self._count = {}

    def rng(self, key):
        return np.random.RandomState(zlib.crc32(f"{self.name}/{key}".encode()))

    def add(self, key, array):
        """Stores one array (numpy or torch) under `key` and returns the key."""
        if isinstance(array, torch.Tensor):
            array = array.detach().numpy()
        if key in self.tensors:
            raise ValueError(f"{self.name}: two arrays named {key}")
        self.tensors[key] = np.asarray(array, order="C")
        return key

    def case(self, op, function, inputs, **attrs):
        """Runs `function(*inputs, **attrs)` in f64 and records the case."""
        index = self._count[op] = self._count.get(op, -1) + 1
        case_id = f"{op}.{index}"
        rng = self.rng(case_id)
        raw = [np.asarray(recipe.draw(rng)) for recipe in inputs]
        tensors = []
        for recipe, array in zip(inputs, raw):
            tensor = torch.from_numpy(array)
            if array.dtype == np.float32:
                tensor = tensor.double().requires_grad_(recipe.differentiable)
            tensors.append(tensor)
        results = function(*tensors, **attrs)
        results = list(results) if isinstance(results, (tuple, list)) else [results]

        cotangents = [
            np.float32(rng.standard_normal(tuple(r.shape))) if r.is_floating_point() else None
            for r in results
        ]
        grads = [None] * len(tensors)
        wanted = [i for i, t in enumerate(tensors) if t.requires_grad]
        seeds = [
            (r, torch.from_numpy(np.asarray(c)).double())
            for r, c in zip(results, cotangents)
            if c is not None and r.requires_grad
        ]
        if wanted and seeds:
            found = torch.autograd.grad(
                [r for r, _ in seeds],
                [tensors[i] for i in wanted],
                [c for _, c in seeds],
                allow_unused=True,
            )
            for i, g in zip(wanted, found):
                # An input that no output depends on has gradient zero.
                grads[i] = torch.zeros_like(tensors[i]) if g is None else g

        def store(kind, arrays):
            return [
                None if a is None else self.add(f"{case_id}.{kind}{i}", a)
                for i, a in enumerate(arrays)
            ]

        self.cases.append(
            {
                "id": case_id,
                "op": op,
                "attrs": attrs,
                "inputs": store("in", raw),
                "outputs": store("out", results),
                "cotangents": store("cot", cotangents),
                "grads": store("grad", grads),
            }
        )

    def write(self, folder):
        metadata = {
            "about": self.about,
            "made_by": f"tests/golden/make_golden.py, PyTorch {torch.__version__.split('+')[0]}, "
            f"NumPy {np.__version__}",
            "cases": json.dumps(self.cases, separators=(",", ":"), sort_keys=True),
        }
        path = folder / f"{self.name}.safetensors"
        save_file(self.tensors, path, metadata=metadata)
        path.chmod(0o644)
        return path
