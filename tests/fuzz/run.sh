#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tests/fuzz/run.sh [SECONDS [READER...]]    (default: 600 seconds for each reader)
# Builds the fuzz targets and runs them one after another from their seeds. What libFuzzer learns
# stays in build/fuzz/corpus; a finding is written to build/fuzz/findings and ends the run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-600}
shift || true
[ $# -gt 0 ] || set -- cifar csv gzip idx jpeg npy npz png safetensors state_dict
targets=()
for reader in "$@"; do targets+=("fuzz_$reader"); done
tools/build.sh fuzz "${targets[@]}"
mkdir -p build/fuzz/findings
for reader in "$@"; do
  mkdir -p "build/fuzz/corpus/$reader"
  build/fuzz/tests/fuzz/"fuzz_$reader" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
    -malloc_limit_mb=1024 -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$reader-" \
    "build/fuzz/corpus/$reader" "tests/fuzz/corpus/$reader"
done
