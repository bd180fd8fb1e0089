#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""foil beside Foolbox: every attack that both have, on the same network, images, starting points and threads.

    versus.py --foil-evaluate PROGRAM --onnx net.onnx --torch net.pt --images images --labels labels [--starts rows.npy]

net.pt is the same network as TorchScript. --images and --labels are idx (plain or gzipped) or .npy, --starts has
for each sample attacked the row of the data set that the attacks with starting points start from. Needs Python 3.11
with torch and foolbox, and writes versus.md and versus.csv, anew after each repeat; rows that it does not measure stay
as they are if --out has them from the same versions. A single image at a time: --batch-size 1 --count 5. A trial:
--quick.

A foil-evaluate that was built with LibTorch runs foil on PyTorch; --foil-evaluate-plain names one without it for foil's
own engine, so that peak memory is foil's alone.

Every run is a process of its own; within a repeat, the sides take turns, attack by attack. Peak memory counts from
that of this process on, some 16 MB. The machine has to be idle: PyTorch's threads wait for each other, and
with company two are far slower than one.
"""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import attacks
import report

HERE = pathlib.Path(__file__).resolve().parent


class Refused(Exception):
    """What a child said before it failed."""


def child(command, threads=1):
    """What the command prints, and its peak memory in MB."""
    count = str(threads)
    environment = os.environ | {"OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count, "NUMBA_NUM_THREADS": count}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise Refused((errors.read().strip().splitlines() or [f"exit status {process.returncode}"])[-1])
        return out.read(), usage.ru_maxrss / 1024


class Versus:
    def __init__(self, options, data):
        self.options, self.data = options, data

    def foil(self, model, row, spec, threads, seed):
        results = self.data / "results.json"
        program = self.options.foil_evaluate if model == self.options.torch else self.options.foil_evaluate_plain
        command = [program, "--model", model, "--attack", spec, "--threads", threads,
                   "--seed", seed, "--batch-size", self.options.batch_size, "--out", results,
                   "--images", self.data / "images.npy", "--labels", self.data / "labels.npy"]
        if row.epsilon is not None:
            command += ["--epsilon", row.epsilon]
        if row.budget is not None:
            command += ["--budget", row.budget]
        if row.starts and self.options.starts:
            command += ["--starts", self.data / "starts.npy"]
        _, peak = child(command, threads)
        count, outcome = self.options.count, json.loads(results.read_text())["attacks"][0]
        distance = outcome["median_distance"]
        return {"success": outcome["success_rate"], "median_distance": math.inf if distance is None else distance,
                "forward": (outcome["forward"] + outcome["verification"]) / count,
                "backward": outcome["backward"] / count, "seconds": outcome["seconds"],
                "model_seconds": outcome.get("model_seconds"), "peak_mb": peak}

    def foolbox(self, row, threads, seed):
        command = [sys.executable, HERE / "foolbox_side.py", "--torch", self.options.torch, "--data", self.data,
                   "--attack", row.name, "--threads", threads, "--seed", seed,
                   "--batch-size", self.options.batch_size] + ["--quick"] * self.options.quick
        out, peak = child(command, threads)
        return json.loads(out.splitlines()[-1]) | {"peak_mb": peak}

    def engines(self):
        """foil's side on PyTorch, if this foil-evaluate can, and on foil's own engine."""
        try:
            self.foil(self.options.torch, attacks.TABLE[0], attacks.TABLE[0].specs()[0], 1, 0)
            yield "PyTorch", self.options.torch
        except Refused as refusal:
            print(f"left out: foil on PyTorch: {refusal}", file=sys.stderr)
        yield "own engine", self.options.onnx

    def runs(self, row, engines):
        """Pairs of a name and a function of threads and seed."""
        limit = "" if row.budget is None else f", {row.budget:,} queries"
        for spec in row.specs():
            for engine, model in engines:
                yield (f"foil, {engine}: `{spec}`{limit}",
                       lambda threads, seed, m=model, s=spec: self.foil(m, row, s, threads, seed))
        yield "Foolbox", lambda threads, seed: self.foolbox(row, threads, seed)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("foil-evaluate", "onnx", "torch", "images", "labels"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    parser.add_argument("--foil-evaluate-plain", type=pathlib.Path)
    parser.add_argument("--starts", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--count", type=int, default=100, help="images, the first that the network gets right")
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--attacks", nargs="+", default=[""], help="parts of the names in attacks.py; default: all")
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps, at most 10 images, one repeat")
    options = parser.parse_args()
    options.foil_evaluate_plain = options.foil_evaluate_plain or options.foil_evaluate
    if options.quick:
        options.count, options.repeats = min(options.count, 10), 1
    return options


def main():
    options = parse()
    rows = [row for row in attacks.table(options.quick)
            if any(part.lower() in row.name.lower() for part in options.attacks)]
    if not rows:
        sys.exit(f"no attack is called {' or '.join(options.attacks)}: "
                 + ", ".join(row.name for row in attacks.TABLE))
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        versus = Versus(options, pathlib.Path(directory))
        child([sys.executable, HERE / "samples.py", "--torch", options.torch, "--images", options.images,
               "--labels", options.labels, "--count", options.count, "--out", directory]
              + (["--starts", options.starts] if options.starts else []))
        load = os.getloadavg()[0]
        versions = [child([options.foil_evaluate, "--version"])[0].strip()]
        engines = list(versus.engines())
        results = {}
        for repeat in range(options.repeats):
            for row in rows:
                for threads in options.threads:
                    runs = list(versus.runs(row, engines))
                    sides = results.setdefault((threads, row.name), (row, {name: {} for name, _ in runs}))[1]
                    for name, run in runs[repeat % len(runs):] + runs[:repeat % len(runs)]:
                        try:
                            record = run(threads, repeat)
                        except Refused as refusal:
                            print(f"failed: {row.name}, {name}, {threads} thread(s): {refusal}", file=sys.stderr)
                            continue
                        sides[name][repeat] = record
                        print(f"repeat {repeat + 1}, {row.name}, {name}, {threads} thread(s): "
                              f"{record['seconds']:.3g} s", file=sys.stderr)
                        if name == "Foolbox" and record["versions"] not in versions:
                            versions.append(record["versions"])
            report.write(options.out, results, versions, load, options)


if __name__ == "__main__":
    try:
        main()
    except Refused as refusal:
        sys.exit(f"versus.py: {refusal}")
