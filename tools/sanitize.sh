#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tools/sanitize.sh [asan|tsan]...    (default: both)
# Builds the tests with sanitizers and runs the fast ones. ThreadSanitizer runs those that start
# threads: the engine's, the plans', and device kernels whose threads meet.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools/setup.sh build sanitize
[ $# -gt 0 ] || set -- asan tsan
for preset in "$@"; do
  case "$preset" in
    asan) tools/build.sh asan ;;
    tsan) tools/build.sh tsan ingrad_tests_engine ingrad_tests_plan ingrad_tests_emulated ;;
    *) echo "sanitize: \"$preset\" is unknown; expected asan or tsan" >&2; exit 2 ;;
  esac
  ctest --preset "$preset" -j "$(nproc)" --output-on-failure
done
