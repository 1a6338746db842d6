#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tools/quickstart.sh [ingrad demo options]
# Installs what is missing, builds the ingrad command, and runs its main job: a standard and a robust
# CNN on BlockMNIST, explained by every method. Uses real MNIST if INGRAD_DATA names a folder that
# has it, generated glyphs otherwise.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools/setup.sh
tools/build.sh release ingrad_command
exec build/release/tools/ingrad demo --out out/demo "$@"
