#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How far FGSM gets on a sigmoid network as its hidden layers saturate: the table of docs/saturation.md.

    saturation.py --foil-evaluate PROGRAM --mnist FOLDER [--count N] [--out FOLDER]

Trains a network 784-100-100-10 with sigmoids on the four original files of MNIST in FOLDER, multiplies weights and
biases of its hidden layers by 1, 10, 100 and 1,000, and attacks the first N test images (1,000) with plain
gradients, with --stabilise, with --surrogate-slopes and with both. Needs NumPy, PyTorch and, for PyTorch 2, the
package onnx. The networks stay in --out, if that is given. With the same versions every run trains the same network.
"""

import argparse
import gzip
import inspect
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

WAYS = ((), ("--stabilise",), ("--surrogate-slopes",), ("--stabilise", "--surrogate-slopes"))
FACTORS = (1, 10, 100, 1000)


def read(path, offset):
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=offset)


def train(images, labels):
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Linear(784, 100), nn.Sigmoid(), nn.Linear(100, 100), nn.Sigmoid(), nn.Linear(100, 10)
    )
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(6):
        for rows in torch.randperm(len(images)).split(128):
            loss = nn.functional.cross_entropy(network(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval().requires_grad_(False)


def export(network, path):
    options = {
        "opset_version": 13,
        "input_names": ["images"],
        "output_names": ["logits"],
        "dynamic_axes": {"images": {0: "N"}, "logits": {0: "N"}},
    }
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False
    torch.onnx.export(network, torch.zeros(1, 784), str(path), **options)


def attack(options, network, count, folder, ways):
    """Clean accuracy, the share of the right ones that FGSM at 0.1 fools, and that of samples without a gradient."""
    out = folder / "results.json"
    subprocess.run(
        [options.foil_evaluate, "--model", network, "--images", folder / "images.npy", "--labels",
         folder / "labels.npy", "--count", str(count), "--attack", "fgsm", "--epsilon", "0.1", "--out", out, *ways],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    results = json.loads(out.read_text())
    run = results["attacks"][0]
    clean = results["clean_accuracy"]
    right = round(clean * count)
    fooled = 1 - run["robust_accuracy"] * count / right
    return clean, fooled, run["zero_gradients"] / max(run["backward"], 1)


def main():
    parser = argparse.ArgumentParser(description="FGSM on saturated networks; see the head of this file.")
    parser.add_argument("--foil-evaluate", required=True)
    parser.add_argument("--mnist", type=Path, required=True, help="folder with the four gzipped idx files")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    def images(name):
        return torch.from_numpy(read(options.mnist / name, 16).reshape(-1, 784).astype(np.float32) / 255)

    labels = torch.from_numpy(read(options.mnist / "train-labels-idx1-ubyte.gz", 8).astype(np.int64))
    network = train(images("train-images-idx3-ubyte.gz"), labels)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "images.npy", images("t10k-images-idx3-ubyte.gz")[: options.count].numpy())
        np.save(folder / "labels.npy", read(options.mnist / "t10k-labels-idx1-ubyte.gz", 8)[: options.count].astype(np.int64))
        print("| hidden weights times | accuracy | plain | without a gradient | " +
              " | ".join(f"`{' '.join(ways)}`" for ways in WAYS[1:]) + " |")
        print("|---" * (len(WAYS) + 3) + "|")
        for factor in FACTORS:
            scaled = scaled_by(network, factor)
            path = folder / f"sigmoid_{factor}.onnx"
            export(scaled, path)
            rows = [attack(options, path, options.count, folder, ways) for ways in WAYS]
            cells = [f"{factor:,}", f"{rows[0][0]:.1%}", f"{rows[0][1]:.1%}", f"{rows[0][2]:.1%}"]
            print("| " + " | ".join(cells + [f"{fooled:.1%}" for _, fooled, _ in rows[1:]]) + " |", flush=True)


def scaled_by(network, factor):
    """The same network with hidden weights and biases times `factor`."""
    copy = nn.Sequential(*[nn.Linear(m.in_features, m.out_features) if isinstance(m, nn.Linear) else nn.Sigmoid()
                           for m in network])
    copy.load_state_dict(network.state_dict())
    for layer in (copy[0], copy[2]):
        layer.weight.data *= factor
        layer.bias.data *= factor
    return copy.eval().requires_grad_(False)


if __name__ == "__main__":
    main()
