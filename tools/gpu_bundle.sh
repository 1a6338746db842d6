#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Packs what a machine with a GPU needs to check and time the device kernels: programs built here,
# the libraries of the distribution that they need, and the sources. No GPU is needed here.
#
# usage: tools/gpu_bundle.sh [ARCHIVE]      (default: build/ingrad_gpu.tar.gz)
#        INGRAD_BUNDLE_DIR=DIR tools/gpu_bundle.sh    leaves a folder instead
#
# On the other machine:  tar xzf ingrad_gpu.tar.gz && ingrad_gpu/tools/gpu_check.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
archive=${1:-build/ingrad_gpu.tar.gz}
limit=$((55 * 1024 * 1024))

cmake --preset release > /dev/null
if ! cmake --build build/release --target help | grep -q "^ingrad_tests_gpu"; then
  echo "gpu_bundle.sh: this build has no CUDA; install the CUDA Toolkit and run cmake --preset cuda" >&2
  exit 2
fi
cmake --build build/release --target ingrad_tests_gpu ingrad_bench_gpu ingrad_command

folder=${INGRAD_BUNDLE_DIR:-$(mktemp -d)/ingrad_gpu}
rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/lib"
for program in tests/ingrad_tests_gpu bench/ingrad_bench_gpu tools/ingrad; do
  strip -o "$folder/bin/$(basename "$program")" "build/release/$program"
done
# All but the C library and the driver.
ldd "$folder"/bin/* | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u |
  grep -vE '/(libc|libm|libdl|librt|libpthread|libcuda|ld-linux[^/]*)\.so' |
  while read -r library; do cp -L "$library" "$folder/lib/"; done
git archive HEAD | tar -x -C "$folder"
if [ -n "${INGRAD_BUNDLE_DIR:-}" ]; then
  echo "$folder: $(du -sh "$folder" | cut -f1)"
  exit 0
fi
mkdir -p "$(dirname "$archive")"
tar -czf "$archive" -C "$(dirname "$folder")" ingrad_gpu
rm -rf "$(dirname "$folder")"
size=$(stat -c %s "$archive")
echo "$archive: $((size / 1024 / 1024)) MiB"
if [ "$size" -gt "$limit" ]; then
  echo "gpu_bundle.sh: more than $((limit / 1024 / 1024)) MiB" >&2
  exit 1
fi
