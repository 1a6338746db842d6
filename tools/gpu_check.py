#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The work of tools/gpu_check.sh. Each part has a time limit of its own, so that a slow one costs
only itself."""

import argparse
import datetime
import importlib.util
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Ops whose kernels use shared memory.
SHARED = ("softmax", "log_softmax", "layer_norm", "rms_norm", "matmul", "linear", "conv",
          "conv_data_grad", "conv_weight_grad", "sort", "cumsum", "sum", "amax", "argmax",
          "attention", "attention_grad", "cross_entropy", "scatter_sum", "permute")
COMPILED_FIRST = ("mlp_784/4096", "resnet18/256", "resnet18_224/64")
TEST_SECONDS, SANITIZER_SECONDS, BENCH_SECONDS = 150, 45, 170


def program(name):
    for path in (ROOT / "bin" / name, ROOT / "build/release/tests" / name,
                 ROOT / "build/release/bench" / name):
        if path.exists():
            return str(path)
    sys.exit(f"gpu_check: {name} is not built; see tools/gpu_bundle.sh")


def run(command, seconds):
    """Exit status (None: out of time), output, seconds taken."""
    start = time.monotonic()
    try:
        done = subprocess.run(command, timeout=seconds, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as e:
        output = e.stdout or b""
        if isinstance(output, bytes):
            output = output.decode(errors="replace")
        status = None
    return status, output, round(time.monotonic() - start, 1)


def devices():
    if shutil.which("nvidia-smi") is None:
        return "unknown"
    _, output, _ = run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], 20)
    return output.strip()


def suites():
    _, output, _ = run([program("ingrad_tests_gpu"), "--gtest_list_tests"], 20)
    return sorted({line.split()[0].rstrip(".") for line in output.splitlines()
                   if re.match(r"^\S+\.(\s|$)", line)})


def tests():
    """Each suite in a process of its own: a kernel that faults takes only its process along."""
    deadline = time.monotonic() + TEST_SECONDS
    report = {"result": "passed", "seconds": 0, "passed": 0, "failed": [], "output": {}}
    for suite in suites():
        left = deadline - time.monotonic()
        if left <= 0:
            report["failed"].append(f"{suite} (no time left)")
            report["result"] = "out of time"
            continue
        status, output, seconds = run(
            [program("ingrad_tests_gpu"), "--gtest_brief=1", f"--gtest_filter={suite}.*"], left)
        report["seconds"] = round(report["seconds"] + seconds, 1)
        if status == 77:
            return {"result": "no GPU", "seconds": seconds}
        passed = re.search(r"\[  PASSED  \] (\d+) test", output)
        report["passed"] += int(passed.group(1)) if passed else 0
        if status == 0:
            continue
        failed = sorted({n.rstrip(",") for n in re.findall(r"^\[  FAILED  \] ([^\s,]+)", output,
                                                          re.MULTILINE) if "." in n})
        report["failed"] += failed or [f"{suite} ({'out of time' if status is None else status})"]
        report["output"][suite] = output[:6000]  # what failed first
        report["result"] = "failed"
    return report


def sanitizer(limit):
    tool = shutil.which("compute-sanitizer")
    if tool is None:
        return {"result": "compute-sanitizer is not installed"}
    shared = ":".join(f"AllOps/DeviceOps.V*/{n}" for n in SHARED)
    results = {}
    for name, chosen in (("memcheck", "AllOps/DeviceOps.V*:DevicePlans.*:DeviceTensors.M*"),
                         ("racecheck", shared), ("initcheck", shared), ("synccheck", shared)):
        status, output, seconds = run(
            [tool, "--tool", name, "--error-exitcode", "9", "--print-limit", "5",
             program("ingrad_tests_gpu"), "--gtest_brief=1", f"--gtest_filter={chosen}"],
            limit)
        found = re.findall(r"ERROR SUMMARY: (\d+) error|RACECHECK SUMMARY: (\d+) hazard", output)
        results[name] = {"result": "out of time" if status is None else
                         "clean" if status == 0 else "errors",
                         "seconds": seconds, "summary": found,
                         "output": "" if status == 0 else output[-3000:]}
    return results


class Peer:
    """PyTorch in a process of its own, asked row by row."""

    def __init__(self, mode):
        self.mode = mode
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "bench/peers/pytorch/peer.py"), "--device", "cuda", "--mode",
             mode, "--min-time", "0.2", "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)

    def row(self, name, deadline):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        left = max(deadline - time.monotonic(), 0)
        if not select.select([self.process.stdout], [], [], left)[0]:
            return {"name": name, "error": "out of time"}
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"name": name, "error": "ended"}


def agree(ours, theirs):
    """Of norms and the middle one of three projections, as in bench/compare.py."""
    if "norm" not in ours or "norm" not in theirs:
        return None
    worst = abs(ours["row_norm"] - theirs["row_norm"]) / max(theirs["row_norm"], 1e-30)
    differences = sorted(abs(ours[k] - theirs[k]) / max(theirs["row_norm"], 1e-30)
                         for k in ("row_projection_25", "row_projection_50", "row_projection_75"))
    return max(worst, differences[1])


def bench(seconds):
    rows = {}
    deadline = time.monotonic() + seconds
    # The host feeds the device; more threads than that takes only get into each other's way.
    status, output, _ = run(["env", "OMP_NUM_THREADS=4", program("ingrad_bench_gpu"), "--min-time",
                             "0.2"], seconds)
    for line in output.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            rows[row["name"]] = {"plan": row}
    if status != 0:
        rows["error"] = {"status": status, "output": output[-2000:]}
    if importlib.util.find_spec("torch") is None:
        return rows
    for mode in ("eager", "graph", "compile"):
        peer = Peer(mode)
        names = [n for n in rows if n.startswith("input_gradient")]
        if mode == "compile":  # takes minutes in all: first the rows that are to be compared with it
            names.sort(key=lambda n: n.removeprefix("input_gradient/") not in COMPILED_FIRST)
        for name in names:
            if time.monotonic() > deadline:
                break
            theirs = peer.row(name, deadline)
            rows[name][mode] = theirs
            if "median_s" in theirs and "median_s" in rows[name]["plan"]:
                rows[name][mode]["ratio"] = theirs["median_s"] / rows[name]["plan"]["median_s"]
                rows[name][mode]["difference"] = agree(rows[name]["plan"], theirs)
        peer.process.kill()
    return rows


def table(report):
    out = [f"# GPU check, {report['date']}", "", f"{report['device']}", ""]
    if "tests" in report:
        t = report["tests"]
        out.append(f"Tests: {t['result']}, {t.get('passed', 0)} passed, {t['seconds']} s.")
        out += [f"- failed: {n}" for n in t.get("failed", [])]
    if "sanitizer" in report:
        for name, r in report["sanitizer"].items():
            out.append(f"- {name}: {r['result'] if isinstance(r, dict) else r}")
    rows = report.get("bench", {})
    if not rows:
        return "\n".join(out) + "\n"
    out += ["", "| row | plan, us | spread | eager / plan | CUDA graph / plan | compile / plan |"
            " difference |", "|---|---|---|---|---|---|---|"]
    for name, r in rows.items():
        plan = r.get("plan", {})
        if not name.startswith("input_gradient") or "median_s" not in plan:
            continue
        ratio = lambda mode: (f"{r[mode]['ratio']:.2f}" if "ratio" in r.get(mode, {}) else "-")
        difference = [r[m]["difference"] for m in ("eager", "graph", "compile")
                      if r.get(m, {}).get("difference") is not None]
        out.append(
            f"| {name} | {1e6 * plan['median_s']:.1f} | {1e6 * plan['p10_s']:.1f} .. "
            f"{1e6 * plan['p90_s']:.1f} | {ratio('eager')} | {ratio('graph')} | {ratio('compile')} |"
            f" {min(difference):.1e} |" if difference else
            f"| {name} | {1e6 * plan['median_s']:.1f} | | | | | |")
    out += ["", "| Integrated Gradients, 50 steps | us | share of plain gradients' rate |",
            "|---|---|---|"]
    for name, r in rows.items():
        plan = r.get("plan", {})
        if "share_of_plain" in plan:
            out.append(f"| {name} | {1e6 * plan['median_s']:.0f} | {plan['share_of_plain']:.2f} |")
    out += ["", "| memory-bound kernel | GB/s | share of a copy |", "|---|---|---|"]
    for name, r in rows.items():
        plan = r.get("plan", {})
        if "share_of_copy" in plan:
            out.append(f"| {name} | {plan['gigabytes_per_s']:.0f} | {plan['share_of_copy']:.2f} |")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--parts", default="tests,sanitizer,bench")
    parser.add_argument("--sanitizer-seconds", type=int, default=SANITIZER_SECONDS,
                        help="of each of its four tools")
    parser.add_argument("--bench-seconds", type=int, default=BENCH_SECONDS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    report = {"date": datetime.datetime.now().isoformat(timespec="minutes"), "device": devices(),
              "visible": os.environ.get("CUDA_VISIBLE_DEVICES", "")}
    parts = {"tests": tests, "sanitizer": lambda: sanitizer(options.sanitizer_seconds), "bench": lambda: bench(options.bench_seconds)}
    for name in options.parts.split(","):
        print(f"gpu_check: {name}", flush=True)
        report[name] = parts[name]()
        # After each part: what is there survives whatever comes.
        for suffix, text in (("json", json.dumps(report, indent=1) + "\n"), ("md", table(report))):
            temporary = options.out / f".gpu_check.{suffix}"
            temporary.write_text(text)
            temporary.replace(options.out / f"gpu_check.{suffix}")
    print((options.out / "gpu_check.md").read_text())
    return 0 if report.get("tests", {}).get("result", "passed") == "passed" else 1


if __name__ == "__main__":
    sys.exit(main())
