#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""foil's engine beside PyTorch on the same network, interleaved, medians of many rounds.

    engine_torch.py ENGINE net.onnx net.pt [rounds]

ENGINE is the benchmark program `engine`; net.pt is the same network as TorchScript. PyTorch is asked for the
gradient of the input only: the parameters do not require one.
"""
import statistics
import subprocess
import sys
import time

import torch


def torch_time(network, x, gradient):
    """Median milliseconds per sample over at least 0.1 s."""
    times = []
    began = time.perf_counter()
    while not times or time.perf_counter() - began < 0.1 or len(times) < 5:
        start = time.perf_counter()
        if gradient:
            x.requires_grad_(True)
            logits = network(x)
            torch.autograd.grad(logits, x, torch.ones_like(logits))
        else:
            with torch.no_grad():
                network(x)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3 / x.shape[0]


def main():
    program, onnx, script = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 15
    network = torch.jit.load(script).eval()
    for p in network.parameters():
        p.requires_grad_(False)
    engine = subprocess.Popen([program, onnx, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def engine_time(batch, threads, gradient):
        print(batch, threads, int(gradient), file=engine.stdin, flush=True)
        return float(engine.stdout.readline())

    jobs = [(b, t, g) for t in (1, 2) for b in (1, 100) for g in (False, True)]
    ours = {job: [] for job in jobs}
    theirs = {job: [] for job in jobs}
    for round_number in range(rounds + 1):
        for job in jobs:
            batch, threads, gradient = job
            torch.set_num_threads(threads)
            x = torch.rand(batch, 1, 28, 28)
            for _ in range(3 if round_number == 0 else 1):
                torch_time(network, x, gradient)
            a, b = engine_time(*job), torch_time(network, x, gradient)
            if round_number > 0:  # the first round warms up
                ours[job].append(a)
                theirs[job].append(b)
    print(f"PyTorch {torch.__version__}, medians of {rounds} interleaved rounds, ms per sample")
    for job in jobs:
        batch, threads, gradient = job
        a, b = statistics.median(ours[job]), statistics.median(theirs[job])
        what = "forward + gradient" if gradient else "forward"
        print(f"batch {batch:3}, {threads} thread(s), {what:18} foil {a:.4f}  torch {b:.4f}  ratio {b / a:.2f}")
    engine.stdin.close()


if __name__ == "__main__":
    main()
