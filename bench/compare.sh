#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Times ingrad against PyTorch (eager and torch.compile) in one go, interleaved; see compare.py.
#
# usage: bench/compare.sh [--python PYTHON] [options of compare.py ...]
#
# PYTHON is an interpreter that has PyTorch and NumPy. Without it: python3 if it has them, else
# a virtual environment in ${XDG_CACHE_HOME:-~/.cache}/ingrad, which is made when missing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

has_torch() { "$1" -c 'import numpy, safetensors, torch' > /dev/null 2>&1; }

python=
if [ "${1:-}" = "--python" ]; then
  python=${2:?--python needs a path}
  shift 2
  if ! has_torch "$python"; then
    echo "compare.sh: $python lacks torch, numpy or safetensors" >&2
    exit 2
  fi
elif has_torch python3; then
  python=python3
else
  environment=${XDG_CACHE_HOME:-$HOME/.cache}/ingrad/pytorch
  python=$environment/bin/python
  if ! has_torch "$python"; then
    echo "compare.sh: installing PyTorch into $environment" >&2
    python3 -m venv "$environment"
    "$python" -m pip install --quiet numpy safetensors torch
  fi
fi
exec "$python" "$here/compare.py" "$@"
