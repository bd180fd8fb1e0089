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
    ("l2-hop-skip-jump", "hsj"),
    ("semicircle", None),
    ("semicircle:subspace=2", None),
    ("surfree:n_ortho=10", "surfree_n10"),
    ("cgba:subspace=2", "cgba_f2"),
    ("cgba-h:subspace=2", "cgbah_f2"),
    ("ttba", "ttba"),
    ("ttba:subspace=2", "ttba_f2"),
    ("sign-opt", "signopt"),
    ("l2-geoda", "geoda_sub10"),
    ("l2-pointwise", "pointwise"),
    ("l0-pointwise", "pointwise0"),
    ("linf-query", None),
    ("adba", "adba_md"),
    ("rays", "rays"),
    ("linf-hop-skip-jump", "hsj"),
    ("linf-geoda", None),
)
CHECKPOINTS = (500, 1000, 2000, 5000, 10000)


def number(text):
    return math.inf if text in ("", None) else float(text)


def read_peers(file, count):
    """Rows, starts, by (name, norm, queries) the distances on the first rows, as many as were run but no more than
    count, and by name the milliseconds of a query."""
    data = json.loads(file.read_text())
    peers, milliseconds = {}, {}
    for key, attack in data["attacks"].items():
        named = re.fullmatch(r"(.+?)_(\d+)(_linf|_l2)?", key)
        if not named or not attack.get("n"):
            continue
        name, queries = named[1], int(named[2])
        distances = attack["distance"][:min(attack["n"], count)]
        peers[name, "l" + str(attack["norm"]), queries] = [number(d) for d in distances]
        if "cpu_seconds" in attack:  # of the whole run, which is read at several numbers of queries
            own = 1e3 * attack["cpu_seconds"] / attack["n"] / queries
            milliseconds[name] = min(milliseconds.get(name, math.inf), own)
    return data["indices"], data["starts"], peers, milliseconds


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


def table(measured, peers, peers_milliseconds):
    """The attacks that have an original on the samples that it was run on, the others on all."""
    print("| attack | samples | success | " + " | ".join(f"{c:,}" for c in CHECKPOINTS) + " | ms a query |\n|---|" +
          "--:|" * (len(CHECKPOINTS) + 3))

    def row(name, cells, milliseconds):
        given = [cell for cell in cells if cell]
        success = sum(map(math.isfinite, given[-1])) / len(given[-1])
        print(f"| {name} | {len(given[-1])} | {success:.2f} | " +
              " | ".join(f"{statistics.median(cell):.4g}" if cell else "" for cell in cells) +
              f" | {milliseconds:.2g} |")

    for spec, (found, milliseconds, _) in measured.items():
        norm = next(iter(found))[0]
        peer = dict(TABLE).get(spec)
        theirs = [peers.get((peer, norm, c)) for c in CHECKPOINTS]
        count = max((len(other) for other in theirs if other), default=None)
        row(f"`{spec}` ({norm})", [(found.get((norm, c)) or [])[:count] for c in CHECKPOINTS], milliseconds)
        if count:
            row("its original", theirs, peers_milliseconds.get(peer, math.nan))


def draw(lines, path):
    """The norms that several of foil's attacks minimise; dashed, in the colour of its attack, each original."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter

    own = [line for line in lines if not line["name"].startswith("peer: ")]
    every = sorted({line["norm"] for line in own})
    norms = [norm for norm in every if len({line["name"] for line in own if line["norm"] == norm}) > 1] or every
    figure, axes = plt.subplots(1, len(norms), figsize=(8.5 * len(norms), 5.5), constrained_layout=True, squeeze=False)
    for axis, norm in zip(axes.flat, norms):
        def points(name):
            return [(line["queries"], line["median"]) for line in lines
                    if line["norm"] == norm and line["name"] == name and math.isfinite(line["median"])]

        for place, name in enumerate(dict.fromkeys(line["name"] for line in own if line["norm"] == norm)):
            style = {"marker": "os^vD"[place // 10], "markersize": 4, "color": f"C{place % 10}"}
            axis.plot(*zip(*points(name)), label=name, linewidth=3 if name.endswith("-query") else 1.3, **style)
            if others := points(f"peer: {dict(TABLE).get(name)}"):
                axis.plot(*zip(*others), linewidth=1.1, linestyle="--", **style)
        axis.plot([], [], color="grey", linestyle="--", label="its original")
        axis.set_xscale("log")
        axis.set_yscale("log")
        for each in (axis.xaxis, axis.yaxis):
            each.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
        axis.tick_params(axis="y", which="minor", labelsize=7)
        axis.set_xlabel("queries per image")
        axis.set_ylabel(f"median {norm} distance")
        axis.grid(alpha=0.3, which="both")
        axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path, dpi=90)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("program", "onnx", "images", "labels", "out"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    parser.add_argument("--peers", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--budget", type=int, default=5000)
    parser.add_argument("--attacks", nargs="+", default=[""], help="parts of the names in the table; default: all")
    options = parser.parse_args()
    indices, starts, peers, peers_milliseconds = None, None, {}, {}
    if options.peers:
        indices, starts, peers, peers_milliseconds = read_peers(options.peers, options.count)
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
    table(measured, peers, peers_milliseconds)


if __name__ == "__main__":
    main()
