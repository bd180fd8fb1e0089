# SPDX-License-Identifier: MIT
"""Times foil's clipping-aware rescaling beside its authors' implementation, in turns, one thread each.

    PYTHONPATH=<checkout of jonasrauber/clipping-aware-rescaling> python3 rescale_reference.py <the rescale benchmark>

Needs that checkout's requirements (eagerpy) and PyTorch. Prints the medians of the
processor time in ns per entry and their ratios.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from clipping_aware_rescaling import l2_clipping_aware_rescaling

ROUNDS = 15
torch.set_num_threads(1)


def seconds(call):
    start = time.thread_time()
    call()
    return time.thread_time() - start


def compare(program, samples, features, epsilon):
    random = np.random.default_rng(1)
    x = random.random((samples, features), dtype=np.float32)
    d = random.standard_normal((samples, features), dtype=np.float32)
    tx, td = torch.from_numpy(x), torch.from_numpy(d)
    references = {
        "NumPy": lambda: l2_clipping_aware_rescaling(x, d, epsilon),
        "PyTorch": lambda: l2_clipping_aware_rescaling(tx, td, epsilon),
    }
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "batch")
        with open(file, "wb") as out:
            out.write(x.tobytes() + d.tobytes())
        command = [program, str(samples), str(features), str(epsilon), file]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as foil:
            eta = np.array(foil.stdout.readline().split(), dtype=float)
            times = {name: [] for name in ("foil", "reading", *references)}
            for _ in range(ROUNDS):
                for name, call in references.items():
                    times[name].append(seconds(call))
                foil.stdin.write("go\n")
                foil.stdin.flush()
                rescaling, reading = map(float, foil.stdout.readline().split())
                times["foil"].append(rescaling)
                times["reading"].append(reading)
            foil.stdin.close()

    clipped = np.clip(x + eta[:, None] * d.astype(float), 0, 1) - x
    error = np.abs(np.linalg.norm(clipped, axis=1) / epsilon - 1).max()
    difference = np.abs(references["PyTorch"]().numpy().ravel() / eta - 1).max()
    median = {name: statistics.median(values) for name, values in times.items()}
    print(f"{samples} x {features}, epsilon {epsilon}: norm reached to {error:.1e}, eta within {difference:.1e} of PyTorch's")
    for name, value in median.items():
        print(f"  {name:8} {1e9 * value / x.size:9.3f} ns / entry {value / median['foil']:9.2f} x foil")


for shape in ((128, 784, 3.6), (16, 150528, 20.0)):
    compare(sys.argv[1], *shape)
