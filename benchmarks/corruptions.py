# SPDX-License-Identifier: MIT
"""Times foil's common corruptions beside imagecorruptions, in turns, one thread each.

    python3 corruptions.py <the corrupt_serve benchmark> [side]

Needs imagecorruptions, opencv-python-headless, scikit-image, scipy and Pillow. Prints, for each corruption, the processor
time of its five severities in ms (medians of the rounds) and the ratio, and the mean levels of what both make of the image.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../tests/evaluation/corruptions"))
from fixtures import NAMES, picture  # makes imagecorruptions run on today's libraries

import cv2
import imagecorruptions

ROUNDS = 5
SEVERITIES = range(1, 6)
cv2.setNumThreads(1)


def seconds(call):
    start = time.thread_time()
    result = call()
    return time.thread_time() - start, float(np.mean(result))


side = int(sys.argv[2]) if len(sys.argv) > 2 else 224
image = picture(side, side)
frost = os.path.join(os.path.dirname(imagecorruptions.__file__), "frost")
times = {(name, who): [] for name in NAMES for who in ("foil", "theirs")}
levels = {key: [] for key in times}
with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, "image")
    image.tofile(file)
    textures = os.path.join(folder, "textures.txt")
    with open(textures, "w") as out:  # imagecorruptions draws among the first five of six
        out.writelines(f"{os.path.join(frost, name)}\n" for name in sorted(os.listdir(frost)) if name[5] in "12345")
    command = [sys.argv[1], str(side), str(side), file, textures]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as foil:
        for _ in range(ROUNDS + 1):
            for name in NAMES:
                spent = {"foil": 0.0, "theirs": 0.0}
                for severity in SEVERITIES:
                    took, level = seconds(lambda: imagecorruptions.corrupt(image, severity, name))
                    spent["theirs"] += took
                    levels[name, "theirs"].append(level)
                    foil.stdin.write(f"{name} {severity}\n")
                    foil.stdin.flush()
                    took, level = map(float, foil.stdout.readline().split())
                    spent["foil"] += took
                    levels[name, "foil"].append(level)
                for who, took in spent.items():
                    times[name, who].append(took)
        foil.stdin.close()

total = {"foil": 0.0, "theirs": 0.0}
print(f"{side} x {side}, five severities   imagecorruptions      foil    ratio   mean levels")
for name in NAMES:
    median = {who: statistics.median(times[name, who][1:]) for who in total}  # the first round warms up
    for who, value in median.items():
        total[who] += value
    means = [statistics.mean(levels[name, who]) for who in ("theirs", "foil")]
    print(
        f"{name:28} {1e3 * median['theirs']:13.1f} ms {1e3 * median['foil']:6.1f} ms"
        f" {median['theirs'] / median['foil']:8.1f}   {means[0]:.1f} {means[1]:.1f}"
    )
print(f"{'all':28} {1e3 * total['theirs']:13.1f} ms {1e3 * total['foil']:6.1f} ms {total['theirs'] / total['foil']:8.1f}")
