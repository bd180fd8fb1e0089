#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Median distance of the Brendel & Bethge attacks against gradient calls, as a table and a figure.

    brendel_bethge.py --evaluate FOIL_EVALUATE --model net.onnx --images IMAGES --labels LABELS [--starts ROWS.npy]
                      [--count 100] [--steps 100 200 500 1000] [--others OTHERS.csv] --out DIRECTORY

Attacks the first --count images that are classified correctly, in L0, L1, L2 and Linf. OTHERS.csv adds what other
tools reach: lines of norm,name,calls,median,mean. Writes brendel_bethge.csv and brendel_bethge.png (matplotlib).
"""
import argparse
import csv
import json
import pathlib
import subprocess
import tempfile

NORMS = {"L2": "l2", "Linf": "linf", "L1": "l1", "L0": "l0"}


def measure(args, norm, steps):
    """What one run reaches: a row of the table."""
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "results.json"
        command = [args.evaluate, "--model", args.model, "--images", args.images, "--labels", args.labels,
                   "--correct-only", "--count", str(args.count), "--batch-size", "100", "--out", str(out),
                   "--attack", f"{NORMS[norm]}-brendel-bethge:steps={steps}"]
        if args.starts:
            command += ["--starts", args.starts]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        attack = json.loads(out.read_text())["attacks"][0]
    distances = [sample["distance"] for sample in attack["samples"] if sample["success"]]
    return {"norm": norm, "name": "foil, Brendel & Bethge", "calls": steps, "median": attack["median_distance"],
            "mean": sum(distances) / len(distances), "success": attack["success_rate"]}


def draw(rows, path):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9, 6.5), constrained_layout=True)
    names = list(dict.fromkeys(row["name"] for row in rows))
    for axis, norm in zip(axes.flat, NORMS):
        for name in names:
            points = sorted((float(r["calls"]), float(r["median" if norm != "L0" else "mean"]))
                            for r in rows if r["norm"] == norm and r["name"] == name)
            if points:
                axis.plot(*zip(*points), marker="o", color=f"C{names.index(name)}", label=name,
                          linewidth=2.5 if name.startswith("foil") else 1.2)
        axis.set_xscale("log")
        calls = sorted({int(r["calls"]) for r in rows})
        axis.set_xticks(calls, calls)
        axis.minorticks_off()
        axis.set_xlabel("gradient calls per image")
        axis.set_ylabel(f"{'mean' if norm == 'L0' else 'median'} {norm} distance")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("evaluate", "model", "images", "labels", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--starts")
    parser.add_argument("--others")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 200, 500, 1000])
    args = parser.parse_args()

    out = pathlib.Path(args.out)
    fields = ["norm", "name", "calls", "median", "mean", "success"]
    with open(out / "brendel_bethge.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        rows = []
        for norm in NORMS:
            for steps in args.steps:
                rows.append(measure(args, norm, steps))
                writer.writerow(rows[-1])
                print(*rows[-1].values(), flush=True)
        if args.others:
            with open(args.others, newline="") as others:
                for row in csv.DictReader(others):
                    rows.append(row)
                    writer.writerow(row)
    draw(rows, out / "brendel_bethge.png")


if __name__ == "__main__":
    main()
