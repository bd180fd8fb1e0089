#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What PGD, its presets and their minimal forms reach with few and with many steps, beside BIM's constant steps.

    steps.py --evaluate FOIL_EVALUATE --model net.onnx --images IMAGES --labels LABELS [--count 100]
             [--steps 5 10 20 40 100] [--norms linf l2 l1] [--radii linf=0.1,0.15 l2=1,1.5 l1=6,10]
             [--minimal 40]

Attacks the first --count images that are classified correctly and prints Markdown tables: robust accuracy (those that
still stand, averaged over the radii of the norm), then the median distance of the minimal forms on the first
--minimal images (0: none). Marks in bold what is worse than BIM with as many steps.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

NAMES = {"bim": "BIM", "pgd": "PGD", "adam-pgd": "PGD, Adam", "adam-bim": "BIM, Adam"}


def run(args, count, attacks, radii=()):
    """The attacks' results, in the order given; those of all radii of one attack together."""
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "results.json"
        command = [args.evaluate, "--model", args.model, "--images", args.images, "--labels", args.labels,
                   "--correct-only", "--count", str(count), "--threads", str(args.threads), "--out", str(out)]
        for attack in attacks:
            command += ["--attack", attack]
        for radius in radii:
            command += ["--epsilon", radius]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return json.loads(out.read_text())["attacks"]


def print_table(args, title, measure, digits):
    print(f"\n| {title} | steps | " + " | ".join(NAMES.values()) + " |\n|---|--:|" + "--:|" * len(NAMES))
    for norm in args.norms:
        for steps in args.steps:
            figures = measure(norm, steps)
            cells = [f"{figure:.{digits}f}" for figure in figures]
            worse = [float(cell) > float(cells[0]) for cell in cells]
            cells = [f"**{cell}**" if bad else cell for cell, bad in zip(cells, worse)]
            print(f"| {norm.replace('inf', '∞').replace('l', 'L')} | {steps} | " + " | ".join(cells) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("evaluate", "model", "images", "labels"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--minimal", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, nargs="+", default=[5, 10, 20, 40, 100])
    parser.add_argument("--norms", nargs="+", default=["linf", "l2", "l1"])
    parser.add_argument("--radii", nargs="+", default=["linf=0.08,0.1,0.12,0.15", "l2=0.7,0.9,1.1,1.4", "l1=4,6,8,11"])
    args = parser.parse_args()
    radii = {norm: values.split(",") for norm, values in (text.split("=") for text in args.radii)}

    def robust(norm, steps):
        attacks = [f"{norm}-{name}:steps={steps}" for name in NAMES]
        results, each = run(args, args.count, attacks, radii[norm]), len(radii[norm])
        return [100 * sum(result["robust_accuracy"] for result in results[i * each:(i + 1) * each]) / each
                for i in range(len(NAMES))]

    def median(norm, steps):
        attacks = [f"minimal-{norm}-{name}:steps={steps}" for name in NAMES]
        return [result["median_distance"] for result in run(args, args.minimal, attacks)]

    if args.count:
        print_table(args, f"robust accuracy, % of {args.count}", robust, 1)
    if args.minimal:
        print_table(args, f"median distance, {args.minimal} images", median, 4)


if __name__ == "__main__":
    main()
