#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the golden values of explainers with Captum, SHAP, scikit-learn and others; see README.md.

usage: make_explainers.py [FAMILY ...]

Writes explainers/nets.safetensors and explainers/FAMILY.safetensors, for every family unless some
are named.
"""

import importlib
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file

from explainers import nets

HERE = pathlib.Path(__file__).resolve().parent / "explainers"
FAMILIES = ["maps", "paths", "perturbation", "rules"]


def write(name, tensors):
    arrays = {
        k: np.ascontiguousarray(v.detach().numpy() if isinstance(v, torch.Tensor) else v)
        for k, v in tensors.items()
    }
    path = HERE / f"{name}.safetensors"
    save_file(arrays, path)
    path.chmod(0o644)
    print(f"{path.name}: {len(arrays)} arrays, {path.stat().st_size} bytes")


def main():
    torch.manual_seed(0)
    mlp, cnn, rows, pictures, row_classes, picture_classes = nets.nets()
    write("nets", nets.state("mlp", mlp) | nets.state("cnn", cnn) | {
        "rows": rows.float(), "pictures": pictures.float(),
        "row_classes": row_classes, "picture_classes": picture_classes})
    for family in sys.argv[1:] or FAMILIES:
        write(family, importlib.import_module(f"explainers.{family}").tensors())


if __name__ == "__main__":
    main()
