#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What foil-evaluate takes around the model: files, bookkeeping and memory, as in docs/benchmarks.md.

    streaming.py --foil-evaluate PROGRAM [--folder FOLDER] [--gigabytes G] [--rounds N]
    streaming.py --foil-evaluate PROGRAM --mnist MODEL IMAGES LABELS [--samples N ...]

The first makes G (1) gigabytes of images of 3 x 56 x 56, as float32 and as bytes, and a network that costs next to
nothing, in a folder with as much room four times. In turns it copies the file with `cp`, has it read
(--correct-only --count 1: all rows are looked at, one is attacked), and has all of it attacked by FGSM, without and
with --adversarials; it prints the medians of N (3) rounds. The second repeats the images of two idx files until there
are so many samples, and prints the time of PGD over that in the model, and the peak of memory. Needs NumPy, GNU
time, and the first the package onnx.
"""

import argparse
import gzip
import json
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np

SHAPE = (3, 56, 56)


def timed(command):
    """Seconds by the clock and of the processor, and the peak of memory in MB. By a small program between the
    two: a child's peak is at least what its parent held."""
    with tempfile.NamedTemporaryFile("r") as told:
        between = ["time", "-f", "%e %U %S %M", "-o", told.name]
        subprocess.run([*between, *map(str, command)], stdout=subprocess.DEVNULL, check=True)
        clock, user, system, memory = map(float, told.read().split())
    return clock, user + system, memory / 1024


def make_network(path, weights):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants = {"begin": [0, 0], "end": [4, 4], "axes": [2, 3]}
    initializers = [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in constants.items()]
    initializers.append(numpy_helper.from_array(weights, "weights"))
    nodes = [
        helper.make_node("Slice", ["x", "begin", "end", "axes"], ["corner"]),
        helper.make_node("Flatten", ["corner"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "corner",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *SHAPE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", weights.shape[1]])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)


def make_images(folder, kind, size, weights, random):
    """Images of so many bytes, and what the network says of them."""
    rows = int(size) // (np.dtype(kind).itemsize * int(np.prod(SHAPE)))
    images = np.lib.format.open_memmap(
        folder / f"{kind}.npy", mode="w+", dtype=kind, shape=(rows, *SHAPE)
    )
    labels = []
    for first in range(0, rows, 1000):
        some = images[first : first + 1000]
        if kind == "uint8":
            some[:] = random.integers(0, 256, some.shape, np.uint8)
        else:
            some[:] = random.random(some.shape, np.float32)
        corner = some[:, :, :4, :4].reshape(len(some), -1).astype(np.float32)
        labels.append((corner @ weights).argmax(1))
    images.flush()
    np.save(folder / f"{kind}-labels.npy", np.concatenate(labels))
    return rows


def measure_files(options, folder):
    random = np.random.default_rng(0)
    weights = random.standard_normal((SHAPE[0] * 16, 10)).astype(np.float32)
    make_network(folder / "network.onnx", weights)
    for kind in ("float32", "uint8"):
        images, copy, out = folder / f"{kind}.npy", folder / "copy.npy", folder / "out"
        rows = make_images(folder, kind, options.gigabytes * 1e9, weights, random)
        common = [options.foil_evaluate, "--quiet", "--model", folder / "network.onnx", "--images", images]
        common += ["--labels", folder / f"{kind}-labels.npy", "--attack", "fgsm", "--epsilon", "0.01"]
        common += ["--out", out / "results.json", "--threads", str(options.threads)]
        ways = {
            "cp": ["cp", images, copy],
            "read": [*common, "--correct-only", "--count", "1"],
            "attacked": common,
            "attacked, adversarials written": [*common, "--adversarials", out / "found"],
        }
        taken = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, command in ways.items():
                copy.unlink(missing_ok=True)
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                taken[way].append(timed(command))
        print(f"{kind}: {rows} images, {images.stat().st_size / 1e9:.2f} GB")
        for way, rounds in taken.items():
            clock, processor, memory = (statistics.median(column) for column in zip(*rounds))
            print(f"  {way:32} {clock:7.2f} s, {processor:6.2f} s of the processor, {memory:5.0f} MB")
        copy.unlink(missing_ok=True)
        images.unlink()


def read_idx(path):
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def measure_network(options, folder):
    model, images, labels = options.mnist
    images, labels = read_idx(Path(images)), read_idx(Path(labels))
    print("samples  attack / model  of the processor  peak of memory")
    for samples in options.samples:
        rows = np.arange(samples) % len(images)
        np.save(folder / "images.npy", images[rows][:, None])
        np.save(folder / "labels.npy", labels[rows].astype(np.int64))
        for more in ([], ["--adversarials", folder / "found", "--sheet", folder / "sheet.png",
                          "--curve", folder / "curve.csv", "--resume"]):  # fmt: skip
            command = [options.foil_evaluate, "--quiet", "--model", model, "--images", folder / "images.npy"]
            command += ["--labels", folder / "labels.npy", "--attack", options.attack, "--epsilon", "0.1"]
            command += ["--out", folder / "results.json", "--threads", str(options.threads), *more]
            _, processor, memory = timed(command)
            attack = json.loads((folder / "results.json").read_text())["attacks"][0]
            ratio = attack["seconds"] / attack["model_seconds"]
            print(f"{samples:7}  {ratio:14.3f}  {processor:14.1f} s  {memory:11.1f} MB"
                  + (", all files written" if more else ""))  # fmt: skip


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--foil-evaluate", required=True)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mnist", nargs=3)
    parser.add_argument("--samples", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--attack", default="linf-pgd")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        (measure_network if options.mnist else measure_files)(options, Path(folder))


if __name__ == "__main__":
    main()
