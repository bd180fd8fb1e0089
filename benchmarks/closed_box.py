#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Median distance of the attacks that see labels only against queries: a table beside other tools, a CSV and a figure.

    closed_box.py --program CLOSED_BOX --onnx net.onnx --images IMAGES --labels LABELS [--peers PEERS.json]
                  [--count 100] [--budget 5000] [--attacks PART ...] --out DIRECTORY

PEERS.json holds what others reach on the same network, as for peers.py, and `starts`: for each of its `indices` the row
of the images that everybody starts from. Its attacks are called NAME_QUERIES, NAME_QUERIES_linf, or NAME_QUERIES_l2.
A peer that was run on fewer samples is compared on those. Writes closed_box.csv and closed_box.png (matplotlib; numpy).
"""
import argparse
import csv
import io
import json
import math
import pathlib
import re
import statistics
import subprocess
import tempfile

# What the program CLOSED_BOX gets, and the attack of PEERS.json whose original it is or that stands beside it.
TABLE = (
    ("l2-query", None),
    ("boundary", None),
    ("l2-hop-skip-jump", None),
    ("semicircle", None),
    ("semicircle:subspace=2", None),
    ("surfree:n_ortho=10", "surfree_n10"),
    ("cgba:subspace=2", "cgba_f2"),
    ("cgba-h:subspace=2", "cgbah_f2"),
    ("ttba", "ttba"),
    ("ttba:subspace=2", "ttba_f2"),
    ("sign-opt", "signopt"),
    ("l2-geoda", "geoda_sub10"),
    ("linf-query", None),
    ("adba", "adba_md"),
    ("rays", "rays"),
    ("linf-hop-skip-jump", None),
    ("linf-geoda", None),
)
CHECKPOINTS = (500, 1000, 2000, 5000, 10000)


def number(text):
    return math.inf if text in ("", None) else float(text)


def read_peers(file):
    """Rows, starts, and by (name, norm, queries) the distances on the first rows, as many as were run."""
    data = json.loads(file.read_text())
    peers = {}
    for key, attack in data["attacks"].items():
        named = re.fullmatch(r"(.+?)_(\d+)(_linf|_l2)?", key)
        if not named or not attack.get("n"):
            continue
        norm = "L" + str(attack["norm"])
        peers[named[1], norm, int(named[2])] = [number(d) for d in attack["distance"][:attack["n"]]]
    return data["indices"], data["starts"], peers


def measure(options, spec, starts):
    """By (norm, queries) the distances, and the milliseconds of a query."""
    import numpy

    with tempfile.TemporaryDirectory() as directory:
        file = "-"
        if starts:
            file = pathlib.Path(directory) / "starts.npy"
            numpy.save(file, numpy.array(starts, dtype=numpy.int64))
        command = [options.program, options.onnx, options.images, options.labels, options.count, file, options.budget,
                   spec]
        told = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    found, milliseconds, rows = {}, math.nan, []
    for line in csv.DictReader(io.StringIO(told)):
        found.setdefault((line["norm"], int(line["queries"])), []).append(number(line["distance"]))
        milliseconds = float(line["milliseconds"])
        if not rows or rows[-1] != int(line["row"]):
            rows.append(int(line["row"]))
    return found, milliseconds, rows


def table(measured, peers):
    print("| attack | " + " | ".join(f"{c:,}" for c in CHECKPOINTS) + " | ms a query |\n|---|" + "--:|" *
          (len(CHECKPOINTS) + 1))
    for spec, (found, milliseconds, _) in measured.items():
        norm = next(iter(found))[0]
        cells = [found.get((norm, c)) for c in CHECKPOINTS]
        print(f"| `{spec}` ({norm}) | " + " | ".join(f"{statistics.median(c):.4g}" if c else "" for c in cells) +
              f" | {milliseconds:.2g} |")
        peer = dict(TABLE).get(spec)
        theirs = [peers.get((peer, norm, c)) for c in CHECKPOINTS]
        if not any(theirs):
            continue
        told = []
        for ours, other in zip(cells, theirs):
            told.append("" if not (ours and other) else
                        f"{statistics.median(other):.4g}; foil there {statistics.median(ours[:len(other)]):.4g}")
        print(f"| {peer}, {max(len(o) for o in theirs if o)} samples | " + " | ".join(told) + " | |")


def draw(lines, path):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    norms = sorted({line["norm"] for line in lines})
    figure, axes = plt.subplots(1, len(norms), figsize=(6.5 * len(norms), 5), constrained_layout=True, squeeze=False)
    for axis, norm in zip(axes.flat, norms):
        names = list(dict.fromkeys(line["name"] for line in lines if line["norm"] == norm))
        for place, name in enumerate(names):
            points = [(line["queries"], line["median"]) for line in lines
                      if line["norm"] == norm and line["name"] == name and math.isfinite(line["median"])]
            if not points:
                continue
            own = name.endswith("-query")
            axis.plot(*zip(*points), marker="os^vD"[place // 10], markersize=4, color=f"C{place % 10}", label=name,
                      linewidth=2.8 if own else 1.2, linestyle="--" if name.startswith("peer: ") else "-")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("queries per image")
        axis.set_ylabel(f"median {norm} distance")
        axis.grid(alpha=0.3, which="both")
        axis.legend(fontsize=7)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("program", "onnx", "images", "labels", "out"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    parser.add_argument("--peers", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--budget", type=int, default=5000)
    parser.add_argument("--attacks", nargs="+", default=[""], help="parts of the names in the table; default: all")
    options = parser.parse_args()
    indices, starts, peers = read_peers(options.peers) if options.peers else (None, None, {})
    measured = {}
    for spec, _ in TABLE:
        if any(part in spec for part in options.attacks):
            measured[spec] = measure(options, spec, starts)
            if indices and measured[spec][2] != indices[:options.count]:
                raise SystemExit("the network does not classify the same rows correctly as that of the peers")
            print(spec, "done", flush=True)
    lines = [{"name": spec, "norm": norm, "queries": queries, "samples": len(distances),
              "median": statistics.median(distances)}
             for spec, (found, _, _) in measured.items() for (norm, queries), distances in found.items()]
    beside = {peer for spec, peer in TABLE if spec in measured}
    lines += [{"name": "peer: " + name, "norm": norm, "queries": queries, "samples": len(distances),
               "median": statistics.median(distances)}
              for (name, norm, queries), distances in sorted(peers.items())
              if name in beside and any(line["norm"] == norm and dict(TABLE).get(line["name"]) == name
                                        for line in lines)]
    options.out.mkdir(parents=True, exist_ok=True)
    with open(options.out / "closed_box.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["name", "norm", "queries", "samples", "median"])
        writer.writeheader()
        writer.writerows(lines)
    draw(lines, options.out / "closed_box.png")
    table(measured, peers)


if __name__ == "__main__":
    main()
