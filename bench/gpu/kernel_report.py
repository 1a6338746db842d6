#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What nvcc says about each device kernel: registers, shared memory, spills.

usage: bench/gpu/kernel_report.py [--arch sm_90] [--nvcc PATH] [--out FILE]

Compiles every file of kernels/cuda for the architecture (no GPU is needed) and writes one table:
a row per file, and one for each kernel that spills registers to memory.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
Kernel = collections.namedtuple("Kernel", "name registers shared stack spilled")
ENTRY = re.compile(
    r"Compiling entry function '(?P<name>\S+)'.*?\n"
    r".*?(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores.*?\n"
    r".*?Used (?P<registers>\d+) registers(?P<rest>[^\n]*)", re.S)


def compile_kernels(nvcc, arch, source):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [nvcc, f"-I{ROOT}", f"-I{ROOT}/include", "-O3", "-DNDEBUG", "-std=c++20",
             "--expt-relaxed-constexpr", "--extended-lambda", f"-arch={arch}", "-Xptxas", "-v",
             "-cubin", "-o", os.path.join(folder, "kernels.cubin"), str(source)],
            text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"kernel_report: {source.name}:\n{done.stderr}")
    kernels = []
    for found in ENTRY.finditer(done.stderr):
        shared = re.search(r"(\d+) bytes smem", found["rest"])
        kernels.append(Kernel(found["name"], int(found["registers"]),
                              int(shared[1]) if shared else 0, int(found["stack"]),
                              int(found["stores"])))
    return kernels


def readable(names):
    """Without name spaces and arguments."""
    done = subprocess.run(["c++filt"], input="\n".join(names), text=True, capture_output=True)
    short = []
    for line in done.stdout.splitlines():
        line = re.sub(r"ingrad::kernels::(cuda::)?|\(anonymous namespace\)::|^void ", "", line)
        depth, end = 0, len(line)
        for i, c in enumerate(line):
            depth += (c == "<") - (c == ">")
            if c == "(" and depth == 0:
                end = i
                break
        short.append(line[:end])
    return short


def report(arch, version, files):
    lines = [f"# Device kernels, {arch}", "",
             f"By `bench/gpu/kernel_report.py`, {version}. Shared memory is what the compiler knows of;",
             "some launches ask for more. Spills are bytes stored per thread.", "",
             "| file | kernels | registers, most | shared memory, most | spilling |",
             "|---|---:|---:|---:|---:|"]
    spilling = []
    for name, kernels in files.items():
        bad = [k for k in kernels if k.spilled > 0]
        spilling += [(name, k) for k in bad]
        if kernels:
            lines.append(f"| {name} | {len(kernels)} | {max(k.registers for k in kernels)} | "
                         f"{max(k.shared for k in kernels)} | {len(bad)} |")
    total = sum(len(k) for k in files.values())
    lines += ["", f"{total} kernels, {len(spilling)} of which spill."]
    if spilling:
        lines += ["", "| spilling kernel | file | registers | stack | spilled |",
                  "|---|---|---:|---:|---:|"]
        for short, (name, k) in zip(readable([k.name for _, k in spilling]), spilling):
            lines.append(f"| `{short}` | {name} | {k.registers} | {k.stack} | {k.spilled} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--arch", default="sm_90")
    parser.add_argument("--nvcc", default=shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc")
    parser.add_argument("--out", type=pathlib.Path, help="default: standard output")
    options = parser.parse_args()
    if not os.access(options.nvcc, os.X_OK):
        print(f"kernel_report: no compiler at {options.nvcc}; --nvcc names one", file=sys.stderr)
        return 2
    version = re.search(r"release (\S+),", subprocess.run(
        [options.nvcc, "--version"], text=True, capture_output=True).stdout)
    sources = sorted(s for s in (ROOT / "kernels/cuda").glob("*.cu") if s.name != "library.cu")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        kernels = pool.map(lambda s: compile_kernels(options.nvcc, options.arch, s), sources)
        files = {s.name: k for s, k in zip(sources, kernels)}
    text = report(options.arch, f"nvcc {version[1]}" if version else "nvcc", files)
    if options.out:
        temporary = options.out.with_name("." + options.out.name)
        temporary.write_text(text)
        temporary.replace(options.out)
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
