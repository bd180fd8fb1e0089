#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains the small MNIST network that foil's examples attack, and writes everything that lies beside this script.

Usage: train_mnist_cnn.py --mnist FOLDER --out FOLDER [--epochs N] [--seed S]

--mnist holds the four original files (train-images-idx3-ubyte.gz, ...). Written to --out:

  mnist_cnn.onnx                         the network: N x 1 x 28 x 28 pixels in [0, 1] -> N x 10 logits, opset 13
  mnist_cnn_logits.npy                   PyTorch's float32 logits of the first 100 test images
  mnist-test-1000-images.idx3-ubyte.gz   the first 1,000 test images
  mnist-test-1000-labels.idx1-ubyte.gz   and their labels

Needs NumPy and PyTorch 1.13; PyTorch 2 also needs the package onnx for the export. With the same versions, on the
same kind of processor, every run writes the same bytes: one thread, fixed seed, deterministic kernels. The test
images choose nothing: they are looked at once, when training is over.
"""

import argparse
import gzip
import hashlib
import importlib.util
import inspect
import platform
import struct
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad
from torch.nn.utils.fusion import fuse_conv_bn_eval

BATCH = 128
PEAK_LEARNING_RATE = 4e-3
MAX_SHIFT = 2  # pixels
SHIPPED_IMAGES = 1000
SHIPPED_LOGITS = 100
REQUIRED_ACCURACY = 0.99


def read_idx(path):
    """Returns the unsigned bytes of a gzipped idx file as an array of the shape that its header states."""
    data = gzip.decompress(path.read_bytes())
    zero, kind, rank = struct.unpack_from(">HBB", data)
    if zero != 0 or kind != 8:
        raise SystemExit(f"{path}: not an idx file of unsigned bytes")
    shape = struct.unpack_from(f">{rank}I", data, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def write_idx(path, array):
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes(), compresslevel=9, mtime=0))


def to_pixels(images):
    """Bytes to float32 in [0, 1], divided in float32 as a C++ reader would: N x 28 x 28 -> N x 1 x 28 x 28."""
    return torch.from_numpy(images.astype(np.float32) / np.float32(255)).unsqueeze(1)


def make_network():
    def block(inputs, outputs, *rest):
        return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(), *rest]

    return nn.Sequential(
        *block(1, 16, nn.MaxPool2d(2)),
        *block(16, 32, nn.MaxPool2d(2)),
        *block(32, 64),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def fold_batch_normalisation(network):
    """The same function without the batch normalisations: each becomes part of the convolution before it."""
    layers = []
    for layer in network.eval():
        if isinstance(layer, nn.BatchNorm2d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
        else:
            layers.append(layer)
    return nn.Sequential(*layers).requires_grad_(False)


def shift(images, generator):
    """Moves every image by its own whole number of pixels, at most MAX_SHIFT each way; zeros come in."""
    count, _, height, width = images.shape
    padded = pad(images, [MAX_SHIFT] * 4)
    down, right = torch.randint(2 * MAX_SHIFT + 1, (2, count, 1, 1), generator=generator)
    rows = down + torch.arange(height).view(1, -1, 1)
    columns = right + torch.arange(width).view(1, 1, -1)
    return padded[torch.arange(count).view(-1, 1, 1), 0, rows, columns].unsqueeze(1)


def train(images, labels, epochs, seed):
    torch.manual_seed(seed)  # the initial weights
    generator = torch.Generator().manual_seed(seed)  # the order of the images and their shifts
    network = make_network().train()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    steps = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, epochs * steps)
    for epoch in range(epochs):
        start, total = time.monotonic(), 0.0
        for rows in torch.randperm(len(images), generator=generator)[: steps * BATCH].split(BATCH):
            loss = cross_entropy(network(shift(images[rows], generator)), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{epochs}: loss {total / steps:.4f}, {time.monotonic() - start:.0f} s", flush=True)
    return network


def classify(network, images):
    return torch.cat([network(part) for part in images.split(1000)])


def export(network, path):
    options = {
        "opset_version": 13,
        "input_names": ["images"],
        "output_names": ["logits"],
        "dynamic_axes": {"images": {0: "N"}, "logits": {0: "N"}},
    }
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False  # the exporter that 1.13 has too
    torch.onnx.export(network, torch.zeros(1, 1, 28, 28), str(path), **options)


def main():
    parser = argparse.ArgumentParser(description="Trains mnist_cnn.onnx; see the head of this file.")
    parser.add_argument("--mnist", type=Path, required=True, help="folder with the four gzipped idx files")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    if not torch.__version__.startswith("1.") and importlib.util.find_spec("onnx") is None:
        raise SystemExit("PyTorch 2 exports only with the Python package onnx: install it first")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    print(f"Python {platform.python_version()}, PyTorch {torch.__version__}, NumPy {np.__version__}")

    train_images = to_pixels(read_idx(options.mnist / "train-images-idx3-ubyte.gz"))
    train_labels = torch.from_numpy(read_idx(options.mnist / "train-labels-idx1-ubyte.gz").astype(np.int64))
    test_images = read_idx(options.mnist / "t10k-images-idx3-ubyte.gz")
    test_labels = read_idx(options.mnist / "t10k-labels-idx1-ubyte.gz")

    network = fold_batch_normalisation(train(train_images, train_labels, options.epochs, options.seed))
    logits = classify(network, to_pixels(test_images)).numpy()
    wrong = int((logits.argmax(1) != test_labels).sum())
    accuracy = 1 - wrong / len(test_labels)
    parameters = sum(p.numel() for p in network.parameters())
    print(f"{parameters} parameters, {wrong} of {len(test_labels)} test images wrong: accuracy {accuracy:.2%}")
    if accuracy < REQUIRED_ACCURACY:
        raise SystemExit(f"accuracy below {REQUIRED_ACCURACY:.0%}: nothing written")

    options.out.mkdir(parents=True, exist_ok=True)
    files = [
        options.out / "mnist_cnn.onnx",
        options.out / "mnist_cnn_logits.npy",
        options.out / "mnist-test-1000-images.idx3-ubyte.gz",
        options.out / "mnist-test-1000-labels.idx1-ubyte.gz",
    ]
    export(network, files[0])
    np.save(files[1], classify(network, to_pixels(test_images[:SHIPPED_LOGITS])).numpy())
    write_idx(files[2], test_images[:SHIPPED_IMAGES])
    write_idx(files[3], test_labels[:SHIPPED_IMAGES])
    for file in files:
        print(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}")


if __name__ == "__main__":
    main()
