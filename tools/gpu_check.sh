#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks and times the device kernels on a machine with a GPU, in at most eight minutes: the tests,
# compute-sanitizer on the kernels, and the benchmark beside PyTorch where that is installed. Runs
# in the folder that tools/gpu_bundle.sh has packed, or in a build here.
#
# usage: tools/gpu_check.sh [--out DIR] [--parts tests,sanitizer,bench]
#
# Writes gpu_check.json and gpu_check.md to DIR (default: the current folder).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ -d "$root/lib" ]; then
  export LD_LIBRARY_PATH=$root/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
# cuBLASLt and cuDNN where PyTorch has brought them.
for folder in $(python3 -c 'import nvidia, glob; print(*(d for p in nvidia.__path__ for d in glob.glob(p + "/*/lib")))' 2> /dev/null || true); do
  export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
done
exec python3 "$root/tools/gpu_check.py" "$@"
