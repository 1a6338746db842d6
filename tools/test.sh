#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tools/test.sh [ctest options]
# Installs what is missing, builds everything, and runs every test. Tests that need real data use the
# folder in INGRAD_DATA and say so when they skip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools/setup.sh
tools/build.sh release
ctest --preset release -j "$(nproc)" --output-on-failure "$@"
