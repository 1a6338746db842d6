#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden values of this folder with PyTorch; see README.md.

usage: make_golden.py [--check] [--output FOLDER] [NAME ...]

NAME restricts the work to the modules of families/ so named (ops_loss, optimizers, ...). With
--check nothing is written: the values are made anew and compared with the files.
"""

import argparse
import importlib
import pathlib
import sys

import numpy as np
import torch
from safetensors import safe_open

HERE = pathlib.Path(__file__).resolve().parent
MODULES = [
    "ops_elementwise", "ops_shape", "ops_reduction", "ops_convolution", "ops_pooling",
    "ops_normalization", "ops_attention", "ops_indexing", "ops_loss", "optimizers", "schedules",
    "second_order", "resnet", "vit", "gpt",
]


def same(golden, folder):
    """Whether the file holds the values of `golden`, up to rounding of another BLAS."""
    path = folder / f"{golden.name}.safetensors"
    with safe_open(path, framework="numpy") as file:
        if set(file.keys()) != set(golden.tensors):
            print(f"{path.name}: other tensors than the generator makes")
            return False
        for key, value in golden.tensors.items():
            stored = file.get_tensor(key)
            if stored.dtype != value.dtype or stored.shape != value.shape or not np.allclose(
                stored, value, rtol=1e-11, atol=1e-11, equal_nan=True
            ):
                print(f"{path.name}: {key} differs")
                return False
    print(f"{path.name}: agrees, {len(golden.cases)} cases")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="modules to run (default: all)")
    parser.add_argument("--check", action="store_true", help="compare with the files, write none")
    parser.add_argument("--output", type=pathlib.Path, default=HERE, help="folder of the files")
    options = parser.parse_args()
    unknown = set(options.names) - set(MODULES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}")
    torch.use_deterministic_algorithms(True)
    good = True
    for name in options.names or MODULES:
        for golden in importlib.import_module(f"families.{name}").make():
            if options.check:
                good &= same(golden, options.output)
            else:
                path = golden.write(options.output)
                print(f"{path.name}: {len(golden.cases)} cases, {path.stat().st_size} bytes")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
