#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The workloads of ingrad's benchmark, in PyTorch.

usage: peer.py [--mode eager|compile|folded|graph] [--device cpu|cuda] [--threads N] [--min-time S]
               [--serve | ROW ...]

Prints one JSON line per row: {"name", "mode", "median_s", "p10_s", "p90_s", "repetitions", and the
check values that tell whether it computed the same thing}. With --serve the rows are read from
standard input, one a line, so that another process can interleave them with its own; `?` answers
with versions and settings. On a GPU, calls follow each other without waiting, about a millisecond
of them at a time; mode graph replays a captured CUDA graph. Weights and inputs come from tests/golden/families/formula.py.
"""

import argparse
import json
import pathlib
import re
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "golden"))
from families import formula  # noqa: E402
from families.gpt import Gpt  # noqa: E402
from families.resnet import ResNet18  # noqa: E402
from families.vit import ViT  # noqa: E402

CLASSES = 10
CONTEXT, VOCABULARY, WIDTH = 128, 65, 128  # of the language model


class Mlp(nn.Module):
    def __init__(self, *widths):
        super().__init__()
        self.depth = len(widths) - 1
        for i in range(self.depth):
            setattr(self, f"fc{i + 1}", nn.Linear(widths[i], widths[i + 1]))

    def forward(self, x):
        for i in range(1, self.depth):
            x = torch.relu(getattr(self, f"fc{i}")(x))
        return getattr(self, f"fc{self.depth}")(x)


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, CLASSES)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = F.max_pool2d(torch.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


class Cnn3(nn.Module):
    def __init__(self):
        super().__init__()
        for i, (inputs, outputs) in enumerate([(3, 32), (32, 64), (64, 128)], start=1):
            setattr(self, f"conv{i}", nn.Conv2d(inputs, outputs, 3, padding=1, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(outputs))
        self.fc = nn.Linear(128, CLASSES)

    def forward(self, x):
        for i in (1, 2, 3):
            x = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x))
            x = F.max_pool2d(torch.relu(x), 2)
        return self.fc(x.mean((2, 3)))


MODELS = {
    "mlp_784": (lambda: Mlp(784, 512, 512, CLASSES), (784,)),
    "mlp_64": (lambda: Mlp(64, 64, 64, CLASSES), (64,)),
    "lenet5": (LeNet5, (1, 28, 28)),
    "cnn3": (Cnn3, (3, 32, 32)),
    "resnet18": (lambda: ResNet18("cifar", CLASSES), (3, 32, 32)),
    "resnet18_224": (lambda: ResNet18("imagenet", 1000), (3, 224, 224)),
    "vit": (lambda: ViT((3, 32, 32), CLASSES), (3, 32, 32)),
    # With respect to embeddings.
    "gpt": (lambda: Gpt(CONTEXT, VOCABULARY), (CONTEXT, WIDTH)),
}
# On a GPU.
GPU_BATCHES = {"mlp_64": (1, 16, 256, 4096), "mlp_784": (16, 256, 4096), "lenet5": (256,),
               "cnn3": (256,), "resnet18": (16, 256), "resnet18_224": (64,)}
BATCHES = {"mlp_784": (1, 16, 256, 1024), "mlp_64": (1, 16, 256, 1024), "lenet5": (1, 16, 256),
           "cnn3": (1, 16, 256), "resnet18": (1, 16, 64), "resnet18_224": (1, 4),
           "vit": (1, 16, 64), "gpt": (1, 16)}
# Integrated Gradients: samples, and the nodes of the path that are evaluated as one batch, which is
# what was fastest on two cores.
PATHS = {"mlp_784": (16, 50), "lenet5": (16, 50), "cnn3": (16, 10), "resnet18": (4, 10)}
NODES = 50
ROWS = (
    [f"input_gradient/{m}/{b}" for m in MODELS for b in BATCHES[m]]
    + [f"integrated_gradients/{m}/{b}" for m, (b, _) in PATHS.items()]
    + [f"train_step/{m}/64" for m in ("mlp_784", "lenet5", "cnn3", "resnet18")]
    + ["train_step/gpt/16", "gemm/1024"]
)


DEVICE = "cpu"


def array(name, shape):
    return torch.from_numpy(formula.tensor(name, shape)).to(DEVICE)


def fingerprint(result):
    """Numbers that equal results share, as in bench/workload.h."""
    double = result.detach().double().flatten(1)
    probe = array("probe", tuple(double.shape)).double()
    projections = (double * probe).sum(1).sort().values
    at = lambda share: projections[int(share * (len(projections) - 1))].item()
    return {"norm": double.norm().item(), "row_norm": double.norm(dim=1).median().item(),
            "row_projection_25": at(0.25), "row_projection_50": at(0.5),
            "row_projection_75": at(0.75)}


def fold(model):
    """Batch norm becomes part of the convolution before it, and memory channels-last: what a user
    who tunes PyTorch by hand would do."""
    for module in list(model.modules()):
        for norm in [n for n, m in module._modules.items() if isinstance(m, nn.BatchNorm2d)]:
            # bn1 follows conv1; in a sequence, 1 follows 0.
            conv = norm.replace("bn", "conv") if norm.startswith("bn") else str(int(norm) - 1)
            module._modules[conv] = torch.nn.utils.fusion.fuse_conv_bn_eval(
                module._modules[conv], module._modules[norm])
            module._modules[norm] = nn.Identity()
    if any(isinstance(m, nn.BatchNorm2d) for m in model.modules()):
        raise RuntimeError("a batch norm is left")
    return model.to(memory_format=torch.channels_last)


def input_gradient(model_name, batch, mode, maybe_compile):
    make, shape = MODELS[model_name]
    model = formula.fill(make()).eval().requires_grad_(False).to(DEVICE)
    x = array("input", (batch, *shape))
    if mode == "folded":
        model = fold(model)
        if x.dim() == 4:
            x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    targets = (torch.arange(batch, device=DEVICE) % CLASSES)[:, None]
    scalar = maybe_compile(lambda x: model(x).gather(1, targets).sum())

    def step():
        (g,) = torch.autograd.grad(scalar(x), x)
        return g

    return captured(step) if mode == "graph" else step, fingerprint(step())


def captured(step):
    """The step as a CUDA graph that is replayed."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def integrated_gradients(model_name, batch, mode, maybe_compile):
    make, shape = MODELS[model_name]
    model = formula.fill(make()).eval().requires_grad_(False)
    if mode == "folded":
        model = fold(model)
    together = PATHS[model_name][1]
    x = array("input", (batch, *shape))
    targets = (torch.arange(batch) % CLASSES).repeat(together)[:, None]
    scalar = maybe_compile(lambda x: model(x).gather(1, targets).sum())
    nodes = (torch.arange(NODES) + 0.5) / NODES

    def step():
        total = torch.zeros_like(x)
        for some in nodes.split(together):
            rows = (some.view(-1, 1, *[1] * len(shape)) * x).flatten(0, 1)
            if mode == "folded" and rows.dim() == 4:
                rows = rows.contiguous(memory_format=torch.channels_last)
            rows.requires_grad_()
            (g,) = torch.autograd.grad(scalar(rows), rows)
            total += g.view(together, batch, *shape).sum(0)
        return x * total / NODES

    return step, fingerprint(step())


def numbers(name, shape, count):
    """By formula, below `count`."""
    return ((array(name, shape).double() + 1) / 2 * count).long()


def train_step(model_name, batch, mode, maybe_compile):
    if model_name == "gpt":  # predicts the next token at all positions
        make = lambda: Gpt(CONTEXT, VOCABULARY, logits="all")
        x, labels = (numbers(n, (batch, CONTEXT), VOCABULARY) for n in ("tokens", "next"))
    else:
        make, shape = MODELS[model_name]
        x, labels = array("input", (batch, *shape)), torch.arange(batch) % CLASSES
    model = formula.fill(make()).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss_of = maybe_compile(lambda x: F.cross_entropy(model(x).flatten(0, -2), labels.flatten()))

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x)
        loss.backward()
        optimizer.step()
        return loss

    losses = [step().item() for _ in range(4)]
    return step, {"loss": losses[0], "loss_after": losses[3]}


def gemm(size):
    a, b = array("a", (size, size)), array("b", (size, size))
    return lambda: a @ b, fingerprint(a @ b)


def prepare(row, mode, maybe_compile):
    kind, *rest = row.split("/")
    if mode == "folded" and kind not in ("input_gradient", "integrated_gradients"):
        return None
    if mode == "graph" and kind != "input_gradient":
        return None
    if kind == "gemm":
        return gemm(int(rest[0]))
    function = {"input_gradient": input_gradient, "integrated_gradients": integrated_gradients,
                "train_step": train_step}[kind]
    return function(rest[0], int(rest[1]), mode, maybe_compile)


def measure(step, min_time):
    """Calls until `min_time` seconds and 3 calls have passed, after a warm-up of a third of it."""
    wait = torch.cuda.synchronize if DEVICE == "cuda" else lambda: None
    calls = 0
    start = time.perf_counter()
    while time.perf_counter() < start + min_time / 3:
        step()
        wait()
        calls += 1
    together = 1
    if DEVICE == "cuda":
        together = max(1, min(100, int(1e-3 * calls / (time.perf_counter() - start))))
    times = []
    end = time.perf_counter() + min_time
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(together):
            step()
        wait()
        times.append((time.perf_counter() - start) / together)
    times.sort()
    pick = lambda q: times[min(len(times) - 1, int(q * len(times)))]
    return {"median_s": pick(0.5), "p10_s": pick(0.1), "p90_s": pick(0.9),
            "repetitions": len(times)}


def about(options):
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {"torch": torch.__version__, "mode": options.mode, "threads": torch.get_num_threads(),
            "mkldnn": torch.backends.mkldnn.is_available(),
            "mkl": torch.backends.mkl.is_available(),
            "capability": torch.backends.cpu.get_cpu_capability(),
            "cpu": cpu.group(1) if cpu else "unknown"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="default: all")
    parser.add_argument("--mode", choices=["eager", "compile", "folded", "graph"],
                        default="eager")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--min-time", type=float, default=0.5, help="seconds per row")
    parser.add_argument("--serve", action="store_true", help="read rows from standard input")
    parser.add_argument("--list", action="store_true", help="print the names of all rows")
    options = parser.parse_args()
    global DEVICE
    DEVICE = options.device
    torch.backends.cudnn.allow_tf32 = False  # f32 is f32, as in the plans beside it
    rows = ROWS
    if DEVICE == "cuda":
        rows = [f"input_gradient/{m}/{b}" for m, batches in GPU_BATCHES.items() for b in batches]
    if options.list:
        print("\n".join(rows))
        return 0
    torch.set_num_threads(options.threads)
    # Weights of one model are the same in every row, programs are not: forget them in between.
    maybe_compile = lambda f: f
    if options.mode == "compile":
        maybe_compile = torch.compile
        if DEVICE == "cuda":
            maybe_compile = lambda f: torch.compile(f, mode="max-autotune")
    prepared = {}
    for line in sys.stdin if options.serve else options.rows or rows:
        row = line.strip()
        if row == "?":
            print(json.dumps(about(options)), flush=True)
            continue
        if row not in rows:
            print(json.dumps({"name": row, "error": "no such row"}), flush=True)
            continue
        if row not in prepared:
            prepared.clear()
            torch.compiler.reset()
            prepared[row] = prepare(row, options.mode, maybe_compile)
        if prepared[row] is None:
            print(json.dumps({"name": row, "absent": f"not in mode {options.mode}"}), flush=True)
            continue
        step, check = prepared[row]
        print(json.dumps({"name": row, "mode": options.mode, **measure(step, options.min_time),
                          **check}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
