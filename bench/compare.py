#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times ingrad's benchmark and its PyTorch counterpart side by side and prints ratios.

Both run the same workload on the same weights, one after the other, several times over, so that a
slow minute of the machine hits both. Every measurement stands between two runs of a probe (the
machine's f32 multiply-add rate): where the rate moved by more than --drift, the round is thrown
away and repeated. What both computed is compared; a row whose answers differ has no ratio.

Row names, workloads and check values are those of bench/workloads.cpp and peers/pytorch/peer.py.
ingrad runs every row op by op, and input gradients also by a plan (the row planned_...). A figure is
the median over rounds; a ratio is the median over rounds of (PyTorch time / ingrad time), so above 1
ingrad is faster. PyTorch's time of a round is its median call. ingrad's is the
median of the means of several batches of calls, which does not flatter it.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PEER = HERE / "peers" / "pytorch" / "peer.py"
MODES = ["eager", "compile", "folded"]
PLANNED = "planned_"
CHECKS = ("norm", "row_norm", "loss", "loss_after")
QUARTILES = ("row_projection_25", "row_projection_50", "row_projection_75")
# Relative disagreement that rounding in f32 explains, for sums of up to 1e9 products, or for losses
# after three steps of training, which amplify it. Plans use
# Winograd's method, which rounds ten times as coarsely (median error of a ResNet-18 gradient against
# f64: 6e-6, op by op 8e-7) and so pushes more ReLU units over their kinks, each of which changes its
# row's gradient by about 1e-3.
TOLERANCE = {"op by op": 1e-4, "plan": 5e-3}
TRAINING_TOLERANCE = 1e-3


class Peer:
    """A PyTorch process that measures a row when told its name."""

    def __init__(self, mode, threads, min_time):
        command = [sys.executable, PEER, "--serve", "--mode", mode, "--threads", str(threads),
                   "--min-time", str(min_time)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.mode = mode

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"compare.py: the PyTorch process ({self.mode}) ended at '{line}'")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Engine:
    """ingrad's Google Benchmark binary, started once per measurement."""

    BATCHES = 5

    def __init__(self, binary, threads, min_time):
        self.binary = binary
        self.min_time = min_time / self.BATCHES
        self.environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}

    def _run(self, row, *options):
        command = [self.binary, f"--benchmark_filter=^{re.escape(row)}(/[a-z_:0-9]*)?$",
                   "--benchmark_format=json", *options]
        run = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"compare.py: {self.binary} failed at {row}: {run.stderr.strip()}")
        text = run.stdout[run.stdout.find("{"):]
        entries = json.loads(text)["benchmarks"] if text else []
        return [e for e in entries if e.get("run_type", "iteration") == "iteration"
                and not e.get("error_occurred")]

    def rows(self):
        run = subprocess.run([self.binary, "--benchmark_list_tests"], env=self.environment,
                             capture_output=True, text=True, check=True)
        return [re.sub(r"/(real_time|process_time|iterations:\d+)", "", line.strip())
                for line in run.stdout.splitlines() if line.strip()]

    def probe(self):
        """GFLOP/s of f32 fused multiply-adds, the best of 0.2 s: idle cores need a while to reach
        their clock, and heavy vector work before the probe lowers it for a while."""
        return max(e["gflops"] for e in self._run("probe/fma", "--benchmark_min_time=0.2"))

    def ask(self, row):
        entries = self._run(row, f"--benchmark_min_time={self.min_time}",
                            f"--benchmark_repetitions={self.BATCHES}")
        if not entries:
            return {"name": row, "error": "no result"}
        unit = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
        times = sorted(e["real_time"] * unit[e["time_unit"]] for e in entries)
        last = entries[-1]
        return {"name": row, "median_s": statistics.median(times), "p10_s": times[0],
                "p90_s": times[-1], "repetitions": len(times),
                "flop": last["gflops"] * 1e9 * last["real_time"] * unit[last["time_unit"]],
                **{k: last[k] for k in (*CHECKS, *QUARTILES, "allocations", "from_system")
                   if k in last}}


def disagreement(ours, theirs):
    """The largest relative difference of the check values, None where there are none. Of the three
    quartiles of projections the middle difference counts: a unit that rounding pushes over its kink
    changes one row, and so may change one of them."""
    keys = [k for k in CHECKS if k in ours and k in theirs]
    if not keys:
        return None
    differences = [abs(ours[k] - theirs[k]) / max(abs(theirs[k]), 1e-30) for k in keys]
    if all(k in ours and k in theirs for k in QUARTILES):
        # A projection may happen to be small: the norm of the row is its scale.
        scale = max(abs(theirs["row_norm"]), 1e-30)
        differences.append(statistics.median(abs(ours[k] - theirs[k]) / scale for k in QUARTILES))
    return max(differences)


def measure(row, engine, peers, options):
    """Rounds of one row: accepted ones, how many were thrown away, and what disagreed."""
    ours = ["op by op"] + (["plan"] if PLANNED + row in options.known else [])
    asked = [(name, lambda r=(PLANNED + row if name == "plan" else row): engine.ask(r))
             for name in ours]
    asked += [(p.mode, lambda p=p: p.ask(row)) for p in peers]
    rounds, rejected, worst = [], 0, dict.fromkeys([*ours, "peers"], 0.0)
    while len(rounds) < options.rounds and rejected < options.rounds + options.retries:
        probes = [engine.probe()]
        result = {}
        for name, ask in asked:
            answer = ask()
            probes.append(engine.probe())
            if "error" in answer:
                return {"name": row, "error": f"{name}: {answer['error']}"}
            if "absent" not in answer:
                result[name] = answer
        theirs = [p.mode for p in peers if p.mode in result]
        for name in ours:
            differences = [disagreement(result[name], result[m]) for m in theirs]
            if None in differences:
                return {"name": row, "error": "no check values to compare"}
            # PyTorch's ways round differently too: one of them has to agree.
            worst[name] = max(worst[name], min(differences))
        worst["peers"] = max([worst["peers"]] + [disagreement(result[a], result[b])
                                                 for a in theirs for b in theirs if a != b])
        drift = max(probes) / min(probes) - 1
        if drift > options.drift:
            rejected += 1
            continue
        rounds.append({"probes_gflops": probes, "drift": drift, **result})
    return summarise(row, rounds, rejected, worst, ours, theirs)


def summarise(row, rounds, rejected, worst, ours, theirs):
    """`worst`: the largest disagreement of each of our ways with the nearest of theirs, and of
    theirs among each other, which is what their own rounding explains."""
    summary = {"name": row, "rounds": rounds, "rejected_rounds": rejected, "disagreement": worst}
    least = max(worst["peers"], TRAINING_TOLERANCE if row.startswith("train_step") else 0)
    if any(worst[n] > max(TOLERANCE[n], least) for n in ours):
        summary["error"] = f"answers differ by {max(worst[n] for n in ours):.1e}"
    elif not rounds:
        summary["error"] = f"the machine was unsteady in all {rejected} rounds"
    else:
        summary["seconds"] = {n: statistics.median(r[n]["median_s"] for r in rounds)
                              for n in ours + theirs}
        # Of the machine's multiply-add rate during the round; operations as op by op.
        summary["peak_fraction"] = {
            n: statistics.median(r["op by op"]["flop"] / r[n]["median_s"] / 1e9 /
                                 statistics.mean(r["probes_gflops"]) for r in rounds)
            for n in ours + theirs}
        # Against PyTorch's best way in the same round, and against each.
        summary["ratio"] = {
            n: {m: spread([best(r, theirs if m == "best" else [m]) / r[n]["median_s"]
                           for r in rounds]) for m in ["best", *theirs]} for n in ours}
    return summary


def best(result, modes):
    return min(result[m]["median_s"] for m in modes)


def spread(ratios):
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def duration(seconds):
    for unit, scale in [("s", 1), ("ms", 1e3), ("us", 1e6)]:
        if seconds * scale >= 1:
            break
    return f"{seconds * scale:.3g} {unit}"


def cells(summary, modes):
    if "error" in summary:
        return [summary["name"], summary["error"]] + [""] * (len(modes) + 7)
    seconds, ratio = summary["seconds"], summary["ratio"]
    ways = ["plan", "op by op"]
    text = lambda r: f"{r['median']:.2f} ({r['min']:.2f}..{r['max']:.2f})"
    times = [duration(seconds[n]) if n in seconds else "" for n in ways + modes]
    first = "plan" if "plan" in seconds else "op by op"
    return [summary["name"], *times,
            text(ratio["plan"]["best"]) if "plan" in ratio else "",
            text(ratio["op by op"]["best"]),
            text(ratio["op by op"]["eager"]) if "eager" in ratio["op by op"] else "",
            f"{summary['peak_fraction'][first]:.2f}",
            f"{max(v for n, v in summary['disagreement'].items() if n != 'peers'):.0e}",
            f"{len(summary['rounds'])} (+{summary['rejected_rounds']})"]


def table(summaries, modes):
    head = ["row", "plan", "op by op", *(f"torch {m}" for m in modes), "best torch / plan",
            "best torch / op by op", "torch eager / op by op", "of peak", "differs by", "rounds"]
    lines = [head, ["---"] * len(head)] + [cells(s, modes) for s in summaries]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in lines)


def options_from_command_line():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW",
                        help="rows, or beginnings of their names (default: all that both have)")
    parser.add_argument("--binary", type=pathlib.Path,
                        default=HERE.parent / "build" / "release" / "bench" / "ingrad_bench")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3, help="accepted rounds per row")
    parser.add_argument("--retries", type=int, default=3, help="rejected rounds beyond --rounds")
    parser.add_argument("--drift", type=float, default=0.10, help="accepted change of the probe")
    parser.add_argument("--min-time", type=float, default=0.5, help="seconds per measurement")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--output", type=pathlib.Path, help="path without suffix "
                        "(default: bench/results/DATE-CPU)")
    options = parser.parse_args()
    if not options.binary.exists():
        parser.error(f"there is no {options.binary}: build it with "
                     "`cmake --preset release && ninja -C build/release ingrad_bench`")
    return options


def write(path, text):
    """Atomically: a result file is whole or absent."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)


def main():
    options = options_from_command_line()
    engine = Engine(options.binary, options.threads, options.min_time)
    peers = [Peer(mode, options.threads, options.min_time) for mode in options.modes]
    settings = {p.mode: p.ask("?") for p in peers}
    listed = subprocess.run([sys.executable, PEER, "--list"], capture_output=True, text=True,
                            check=True).stdout.split()
    known = options.known = set(engine.rows())
    rows = [r for r in listed
            if r in known and (not options.rows or any(r.startswith(p) for p in options.rows))]
    for row in sorted(set(listed) - known):
        print(f"not in {options.binary.name}: {row}", file=sys.stderr)
    if not rows:
        raise SystemExit("compare.py: no row that both have")
    output = options.output or HERE / "results" / name_of_results(settings[options.modes[0]])
    output.parent.mkdir(parents=True, exist_ok=True)
    summaries = []
    for i, row in enumerate(rows, start=1):
        print(f"[{i}/{len(rows)}] {row}", file=sys.stderr, flush=True)
        summaries.append(measure(row, engine, peers, options))
        print(table(summaries[-1:], options.modes).splitlines()[-1], file=sys.stderr, flush=True)
        # After every row: what was measured stays if a later row ends badly.
        save(output, summaries, settings, options)
    for peer in peers:
        peer.close()
    print(f"{output.with_name(output.name + '.md').read_text()}\n{output}.json, .md")
    return 1 if any("error" in s for s in summaries) else 0


def name_of_results(settings):
    cpu = re.sub(r"\((r|tm)\)", "", settings["cpu"].lower())
    return f"{time.strftime('%Y-%m-%d')}-{re.sub(r'[^a-z0-9]+', '-', cpu).strip('-')}"


def save(output, summaries, settings, options):
    first = settings[options.modes[0]]
    when = time.strftime("%Y-%m-%d")
    note = (f"{when}, {first['cpu']}, {options.threads} threads, PyTorch {first['torch']} "
            f"({first['capability']}), f32, {options.rounds} interleaved rounds, rounds rejected "
            f"where the probe moved by over {options.drift:.0%}. torch folded: batch norm in the "
            "convolutions, channels-last. Ratios: PyTorch's time / ingrad's, of the same round, "
            "median (least..greatest) over rounds; above 1 ingrad is faster; best torch is the "
            "fastest of its ways in that round. Of peak: ingrad's share of the measured "
            "multiply-add rate, counting the operations of direct convolution. Differs by: the "
            "largest relative difference of norms, projections or losses from the nearest of "
            "PyTorch's ways.")
    write(output.with_name(output.name + ".json"), json.dumps(
        {"date": when, "settings": settings, "drift": options.drift, "rows": summaries}, indent=1))
    write(output.with_name(output.name + ".md"),
          f"# ingrad against PyTorch\n\n{note}\n\n{table(summaries, options.modes)}\n")


if __name__ == "__main__":
    sys.exit(main())
