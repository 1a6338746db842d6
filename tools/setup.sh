#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tools/setup.sh [PURPOSE...]    (sections of tools/packages.txt; default: build)
# Installs the packages that this machine lacks. Safe to repeat: with all of them present it needs
# neither a network nor any rights.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

[ $# -gt 0 ] || set -- build
missing=()
purpose=
while read -r package; do
  case "$package" in
    '' | '#'*) continue ;;
    '['*) purpose=${package//[\[\]]/} && continue ;;
  esac
  case " $* " in *" $purpose "*) ;; *) continue ;; esac
  state=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [ "$state" = "install ok installed" ] || missing+=("$package")
done <"$here/packages.txt"
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup: apt-get is not here; install by hand: ${missing[*]}" >&2
  exit 2
fi
run=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: not root and no sudo; as root run: apt-get install ${missing[*]}" >&2
    exit 2
  fi
  run=(sudo)
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${run[@]}" apt-get update -qq
"${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
