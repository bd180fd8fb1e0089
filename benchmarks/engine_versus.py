#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""foil's engine beside ONNX Runtime and PyTorch on the same networks: the table of docs/engine.md.

    engine_versus.py EXPORTS [--models models.py] [--networks resnet18 ...]

EXPORTS has a file NAME.onnx for each network, with an open batch. PyTorch's side is NAME.pt beside it (TorchScript), or
what models.py makes: build()[NAME] is a function and an input shape, make(function) the network; without either its
columns stay empty. Needs Python 3.11 with numpy, onnxruntime and torch, and a compiler ($CXX, g++).

Every side is a process of its own, on one thread; in every round they take turns. Ratios are taken within a round, of
processor time in user mode (of loading, all of it); medians over the rounds count. What is measured replaces the
network's earlier line in docs/figures/engine.csv, and the table is written anew after each network. The machine has to
be idle. A trial: --rounds 1 --seconds 0.05 --out somewhere.
"""
import argparse
import csv
import importlib.util
import math
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
NETWORKS = ("schott_cnn", "resnet18", "wrn16_4", "vgg11_bn", "preact_resnet18", "densenet121", "resnext50_32x4d",
            "mobilenet_v2", "efficientnet_b0", "efficientnet_lite0")
BATCHES = (1, 16, 100)
BEGIN, END = "<!-- made by engine_versus.py: begin -->\n", "<!-- made by engine_versus.py: end -->\n"


# ---- the sides: a first line of what loading cost and the logits, then a line of times for each line of a job

def megabytes(key):
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(key + ":"))


def now():
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime, time.perf_counter()


def inputs(shape):
    import numpy
    return ((numpy.arange(math.prod(shape)) * 37 % 101).astype(numpy.float32) / numpy.float32(101)).reshape(shape)


def onnxruntime_side(file):
    """Loads the network; returns its sample shape and what runs it on a batch, forward only."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    wanted = session.get_inputs()[0]
    return wanted.shape[1:], lambda x, gradient: session.run(None, {wanted.name: x})[0]


def torch_side(file, models):
    """The same of PyTorch, forward or with the input's gradient."""
    import torch
    torch.set_num_threads(1)
    script = pathlib.Path(file).with_suffix(".pt")
    if script.exists():
        network = torch.jit.load(str(script)).eval()
        shape = onnxruntime_side(file)[0]
    else:
        spec = importlib.util.spec_from_file_location("models", models)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        function, shape = module.build()[script.stem]
        network = module.make(function).eval()
    for parameter in network.parameters():
        parameter.requires_grad_(False)

    def run(x, gradient):
        with torch.set_grad_enabled(gradient):
            x = torch.from_numpy(x).requires_grad_(gradient)
            logits = network(x)
            return (torch.autograd.grad(logits, x, torch.ones_like(logits))[0] if gradient else logits).numpy()

    return shape, run


def serve(side, file, models):
    if side == "onnxruntime":
        import onnxruntime  # not a part of what loading costs
        onnxruntime.get_available_providers()
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before, start = megabytes("VmRSS"), time.process_time()
    shape, run = torch_side(file, models) if side == "torch" else onnxruntime_side(file)
    seconds, loaded = time.process_time() - start, megabytes("VmHWM") - before
    logits = run(inputs((1, *shape)), False)
    print(seconds, loaded, megabytes("VmHWM") - before, *logits.ravel(), flush=True)
    for line in sys.stdin:
        batch, _, gradient, seconds = (float(word) for word in line.split())
        x, calls = inputs((int(batch), *shape)), 0
        run(x, gradient != 0)
        start = end = now()
        while calls == 0 or end[1] - start[1] < seconds:
            run(x, gradient != 0)
            end, calls = now(), calls + 1
        print((end[0] - start[0]) / calls, (end[1] - start[1]) / calls, flush=True)


class Side:
    """A process that serves a network."""

    def __init__(self, *command):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=environment)
        first = self.process.stdout.readline().split()
        if not first:
            raise RuntimeError((self.process.stderr.read().strip().splitlines() or ["no answer"])[-1])
        self.load_seconds, self.load_mb, self.peak_mb, *self.logits = (float(word) for word in first)

    def __call__(self, batch, seconds, gradient=False, threads=1):
        """User and wall seconds per call."""
        print(batch, threads, int(gradient), seconds, file=self.process.stdin, flush=True)
        return tuple(float(word) for word in self.process.stdout.readline().split())

    def close(self):
        self.process.communicate()


# ---- measuring

def build(directory):
    """foil's program, for this machine and for any; those that the folder has are taken."""
    root, compiler = HERE.parent, os.environ.get("CXX", "g++")
    programs = {}
    for name, flags in (("foil", ["-march=native"]), ("portable", [])):
        programs[name] = pathlib.Path(directory).resolve() / name
        if programs[name].exists():
            continue
        subprocess.run([compiler, "-std=c++20", "-O3", "-DNDEBUG", *flags, f"-I{root}/include",
                        *(f"-isystem{path}" for path in ("/usr/include/eigen3", "/usr/local/include/eigen3")),
                        HERE / "engine_serve.cpp", "-o", programs[name], "-pthread"], check=True)
    return programs


def measure(file, programs, options):
    """One line of the table: a dictionary of medians."""
    def start(side):
        if side in programs:
            return Side(programs[side], file)
        return Side(sys.executable, __file__, "--side", side, file, "--models", options.models)

    loads = {}  # of fresh processes, in turns
    for _ in range(options.rounds):
        for side in ("foil", "onnxruntime"):
            process = start(side)
            process.close()
            loads.setdefault(side, []).append(process)
    line = {"network": file.stem, "file_mb": file.stat().st_size / 2**20}
    for side, processes in loads.items():
        for key in ("load_seconds", "load_mb", "peak_mb"):
            line[f"{side}_{key}"] = statistics.median(getattr(process, key) for process in processes)

    sides = {side: start(side) for side in (*programs, "onnxruntime")}
    if options.models != "none" or file.with_suffix(".pt").exists():
        sides["torch"] = start("torch")
    for name, side in sides.items():
        scale = max(abs(y) for y in side.logits)
        worst = max(abs(a - b) for a, b in zip(side.logits, sides["onnxruntime"].logits, strict=True)) / scale
        if not worst < 1e-4:
            raise RuntimeError(f"{name} differs from ONNX Runtime by {worst:.2g} of the logits' scale")
    for batch in BATCHES:
        for gradient in (False, True):
            times = {name: [] for name in sides if name != "onnxruntime" or not gradient}
            for _ in range(options.rounds):
                for name in times:
                    times[name].append(sides[name](batch, options.seconds, gradient)[0] / batch)
            key = f"{'gradient' if gradient else 'forward'}_{batch}"
            other = "torch" if gradient else "onnxruntime"
            line[f"foil_{key}"] = statistics.median(times["foil"])
            for name in set(times) - {"foil"}:
                pairs = zip(times[name], times["foil"], strict=True)
                line[f"{name}_{key}"] = statistics.median(a / b for a, b in pairs)
    gains = [sides["foil"](1, options.seconds)[1] / sides["foil"](1, options.seconds, threads=2)[1]
             for _ in range(options.rounds)]
    line["two_threads"] = statistics.median(gains)
    for side in sides.values():
        side.close()
    return line


# ---- the table

def mean(values):
    return math.exp(statistics.mean(math.log(value) for value in values)) if values else None


def table(lines, command, versions):
    def ratio(value):
        return "" if value is None else format(value, ".2f" if value < 10 else ".1f")

    def row(name, line):
        cells = [name]
        for side, key in (("onnxruntime", "forward"), ("torch", "gradient")):
            cells += [ratio(line.get(f"{side}_{key}_{batch}")) for batch in BATCHES]
        cells += [ratio(line.get(f"portable_{key}_16")) for key in ("forward", "gradient")]
        cells += [ratio(line.get("two_threads"))]
        return cells

    def markdown(heads, rows):
        out = ["| " + " | ".join(heads) + " |", "|---|" + "--:|" * (len(heads) - 1)]
        return "\n".join(out + ["| " + " | ".join(cells) + " |" for cells in rows]) + "\n"

    keys = {key for line in lines for key in line if isinstance(line[key], float)}
    means = {key: mean([line[key] for line in lines if line.get(key)]) for key in keys}
    ratios = markdown(
        ["network", *(f"forward, {batch}" for batch in BATCHES), *(f"gradient, {batch}" for batch in BATCHES),
         "portable forward, 16", "portable gradient, 16", "two threads, 1"],
        [row(line["network"], line) for line in lines] + [row("geometric mean", means)])
    costs = markdown(
        ["network", *(f"forward, {batch}" for batch in BATCHES), *(f"gradient, {batch}" for batch in BATCHES),
         "file, MB", "loading, s", "ORT's", "its peak, MB", "ORT's", "peak at batch 1, MB", "ORT's"],
        [[line["network"]]
         + [format(line.get(f"foil_{key}_{batch}", math.nan) * 1e3, ".3g")
            for key in ("forward", "gradient") for batch in BATCHES]
         + [format(line["file_mb"], ".1f")]
         + [format(line[f"{side}_{key}"], ".3f" if key == "load_seconds" else ".0f")
            for key in ("load_seconds", "load_mb", "peak_mb") for side in ("foil", "onnxruntime")]
         for line in lines])
    return (f"{versions}\n\n{ratios}\n"
            "*forward*: ONNX Runtime's time over foil's; *gradient*: PyTorch's over foil's, forward and backward to the "
            "input; at batch 1, 16 and 100, above 1 where foil is faster. *portable*: foil's time without "
            "`-march=native` over that with it. *two threads*: what they gain on one image, on the clock.\n\n"
            f"{costs}\nfoil's milliseconds per sample; what loading takes, and the peak of memory after it and after one "
            f"image, counted from before.\n\nCommand: `{command}`.\n")


def write(options, lines):
    options.out.mkdir(parents=True, exist_ok=True)
    figures = options.out / "figures"
    figures.mkdir(exist_ok=True)
    order = {name: at for at, name in enumerate(NETWORKS)}
    lines.sort(key=lambda line: order.get(line["network"], len(order)))
    keys = list(dict.fromkeys(key for line in lines for key in line))
    with open(figures / "engine.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, keys)
        writer.writeheader()
        writer.writerows({key: format(value, ".6g") if isinstance(value, float) else value
                          for key, value in line.items()} for line in lines)
    page = options.out / "engine.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(before + BEGIN + table(lines, "python3 benchmarks/engine_versus.py EXPORTS --models models.py",
                                           options.versions) + END + after, encoding="utf-8")


def earlier(path):
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [{key: text if key == "network" else float(text) for key, text in line.items() if text}
                for line in csv.DictReader(file)]


def versions():
    from importlib.metadata import version
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        processor = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "")
    compiler = subprocess.run([os.environ.get("CXX", "g++"), "--version"], capture_output=True, text=True, check=True)
    return (f"ONNX Runtime {version('onnxruntime')}, PyTorch {version('torch').split('+')[0]}, Python "
            f"{platform.python_version()}, {compiler.stdout.splitlines()[0]}; {processor}, one thread, user time.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exports", type=pathlib.Path, metavar="EXPORTS")
    parser.add_argument("--models", default="none", help="a Python file that makes the networks for PyTorch")
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="of each timing")
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "docs", help="a folder for engine.md")
    parser.add_argument("--programs", type=pathlib.Path, help="a folder that keeps foil's programs for the next run")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        return serve(options.side, str(options.exports), options.models)
    options.versions = versions()
    lines = earlier(options.out / "figures" / "engine.csv")
    with tempfile.TemporaryDirectory() as directory:
        programs = build(options.programs or directory)
        for name in options.networks:
            try:
                line = measure(options.exports / f"{name}.onnx", programs, options)
            except (OSError, RuntimeError) as problem:
                print(f"left out: {name}: {problem}", file=sys.stderr)
                continue
            print(f"measured: {name}", file=sys.stderr)
            lines = [old for old in lines if old["network"] != name] + [line]
            write(options, lines)


if __name__ == "__main__":
    main()
