#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains the small invertible network whose metamers the program beside this script shows, and writes it to a folder.

Usage: train_flow.py [--data FOLDER] [--out FOLDER] [--epochs N] [--seed S]

--data holds the images and labels that examples/data ships: the first 800 train, the last 200 are looked at once, when
training is over. Written to --out, by default the folder flow beside this script:

  flow.txt                the steps in order; docs/invariance.md says how to read it
  coupling_01.onnx, ...   what couplings add, or scale and add
  codes.npy               codes of the last five images as PyTorch computes them in double precision
  log_determinants.npy    and the logarithms of the determinants there

Needs NumPy, PyTorch and, of PyTorch 2, the package onnx. With the same versions, on the same kind of processor, every
run writes the same bytes: one thread, fixed seed, deterministic kernels.
"""

import argparse
import copy
import gzip
import hashlib
import importlib.util
import inspect
import math
import platform
import struct
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad

BATCH = 50
PEAK_LEARNING_RATE = 3e-3
MAX_SHIFT = 1  # pixels
TRAINED_ON = 800
LIKELIHOOD_WEIGHT = 0.3  # of the negative log-likelihood in nats per pixel, beside the cross-entropy
LOGIT_DEVIATION = 2.0  # that of the normal distribution whose likelihood is meant; of nuisances 1
NOISE = 0.1  # added to pixels, uniform from 0
RECORDED = 5
REQUIRED_ACCURACY = 0.85


def read_idx(path):
    """Returns the unsigned bytes of a gzipped idx file as an array of the shape that its header states."""
    data = gzip.decompress(path.read_bytes())
    zero, kind, rank = struct.unpack_from(">HBB", data)
    if zero != 0 or kind != 8:
        raise SystemExit(f"{path}: not an idx file of unsigned bytes")
    shape = struct.unpack_from(f">{rank}I", data, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def numbers(tensor):
    return " ".join(f"{x:.9g}" for x in tensor.detach().float().flatten().tolist())


class Squeeze(nn.Module):
    def forward(self, x):
        n, c, h, w = x.shape
        x = x.view(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4)
        return x.reshape(n, 4 * c, h // 2, w // 2), 0

    def lines(self, _):
        return ["squeeze 2"]


class Flatten(nn.Module):
    def forward(self, x):
        return x.reshape(x.shape[0], -1, 1, 1), 0

    def lines(self, _):
        return ["flatten"]


class Scale(nn.Module):
    """Scales and shifts each channel; what it begins with."""

    def __init__(self, channels, scale=1.0, shift=0.0, learned=True):
        super().__init__()
        self.logs = nn.Parameter(torch.full((channels,), math.log(scale)), requires_grad=learned)
        self.shift = nn.Parameter(torch.full((channels,), shift), requires_grad=learned)

    def forward(self, x):
        y = x * self.logs.exp().view(1, -1, 1, 1) + self.shift.view(1, -1, 1, 1)
        return y, self.logs.sum() * (x.shape[2] * x.shape[3])

    def lines(self, _):
        return [f"scale {numbers(self.logs.exp())}", f"shift {numbers(self.shift)}"]


class Mix(nn.Module):
    """A 1 x 1 convolution that begins as a random rotation."""

    def __init__(self, channels):
        super().__init__()
        self.matrix = nn.Parameter(torch.linalg.qr(torch.randn(channels, channels))[0])

    def forward(self, x):
        y = torch.einsum("oc,nchw->nohw", self.matrix, x)
        return y, torch.linalg.slogdet(self.matrix)[1] * (x.shape[2] * x.shape[3])

    def lines(self, _):
        return [f"mix {numbers(self.matrix)}"]


class Reverse(nn.Module):
    def forward(self, x):
        return x.flip(1), 0

    def lines(self, _):
        return ["reverse"]


class Front(nn.Module):
    """Moves some entries to the front; the others follow in their order."""

    def __init__(self, entries, size):
        super().__init__()
        self.entries = list(entries)
        chosen = set(self.entries)
        self.order = self.entries + [i for i in range(size) if i not in chosen]

    def forward(self, x):
        return x[:, self.order], 0

    def lines(self, _):
        return ["front " + " ".join(map(str, self.entries))]


class Coupling(nn.Module):
    """Changes the second half of the channels by a function of the first."""

    def __init__(self, network, affine, flat):
        super().__init__()
        self.network, self.affine, self.flat = network, affine, flat

    def forward(self, x):
        first, second = x.chunk(2, 1)
        said = self.network(first.flatten(1) if self.flat else first).reshape(x.shape[0], -1, *x.shape[2:])
        if not self.affine:
            return torch.cat([first, second + said], 1), 0
        h, shift = said.chunk(2, 1)
        scale = torch.sigmoid(h + 2)
        return torch.cat([first, scale * second + shift], 1), torch.log(scale).flatten(1).sum(1)

    def lines(self, file):
        return [f"sigmoid {file}" if self.affine else f"additive {file}"]


def convolutions(inputs, hidden, outputs):
    layers = [
        nn.Conv2d(inputs, hidden, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(hidden, hidden, 1),
        nn.ReLU(),
        nn.Conv2d(hidden, outputs, 3, padding=1),
        nn.Flatten(),
    ]
    nn.init.zeros_(layers[-2].weight)
    nn.init.zeros_(layers[-2].bias)
    return nn.Sequential(*layers)


def perceptron(size, hidden):
    layers = [nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, size)]
    nn.init.normal_(layers[-1].weight, std=1e-2)
    nn.init.zeros_(layers[-1].bias)
    return nn.Sequential(*layers)


class Flow(nn.Module):
    def __init__(self):
        super().__init__()
        steps = [Scale(1, 2.0, -1.0, learned=False), Squeeze()]
        for _ in range(4):
            steps += [Scale(4), Mix(4), Coupling(convolutions(2, 16, 2), False, False)]
        steps += [Squeeze()]
        for i in range(4):  # a scale in each of them makes the inverse wild
            steps += [Scale(16), Mix(16), Coupling(convolutions(8, 32, 16 if i == 0 else 8), i == 0, False)]
        steps += [Flatten()]
        for _ in range(3):
            steps += [Reverse(), Coupling(perceptron(392, 64), False, True)]
        steps += [Front(range(392, 402), 784)]
        self.steps = nn.ModuleList(steps)

    def forward(self, x):
        log_det = torch.zeros(x.shape[0], dtype=x.dtype)
        for step in self.steps:
            x, change = step(x)
            log_det = log_det + change
        return x.flatten(1), log_det


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
    generator = torch.Generator().manual_seed(seed)  # the order of the images, their shifts and noise
    flow = Flow().train()
    chosen = [p for p in flow.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(chosen, weight_decay=1e-3)
    steps = len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, epochs * steps)
    start = time.monotonic()
    for epoch in range(epochs):
        errors, likelihoods = 0.0, 0.0
        for rows in torch.randperm(len(images), generator=generator).split(BATCH):
            x = shift(images[rows], generator)
            x = x + NOISE * torch.rand(x.shape, generator=generator)
            codes, log_det = flow(x)
            error = cross_entropy(codes[:, :10], labels[rows])
            squares = codes[:, 10:].square().sum(1) + codes[:, :10].square().sum(1) / LOGIT_DEVIATION**2
            constant = 0.5 * 784 * math.log(2 * math.pi) + 10 * math.log(LOGIT_DEVIATION)
            likelihood = (0.5 * squares + constant - log_det).mean() / 784
            optimizer.zero_grad()
            (error + LIKELIHOOD_WEIGHT * likelihood).backward()
            nn.utils.clip_grad_norm_(chosen, 5.0)
            optimizer.step()
            schedule.step()
            errors += error.item() / steps
            likelihoods += likelihood.item() / steps
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}/{epochs}: cross-entropy {errors:.4f}, {likelihoods:.4f} nats per pixel, "
                  f"{time.monotonic() - start:.0f} s", flush=True)
    return flow.eval().requires_grad_(False)


def export(network, example, path):
    options = {
        "opset_version": 13,
        "input_names": ["x"],
        "output_names": ["y"],
        "dynamic_axes": {"x": {0: "N"}, "y": {0: "N"}},
    }
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False  # the exporter that PyTorch 1.13 has too
    torch.onnx.export(network, example, str(path), **options)


def write(flow, images, out):
    """The folder that foil::onnx::load_flow reads."""
    out.mkdir(parents=True, exist_ok=True)
    lines, files, x = ["foil-flow 1", "input 1 28 28"], [], images[:1]
    for step in flow.steps:
        file = f"coupling_{len(files) + 1:02d}.onnx"
        if isinstance(step, Coupling):
            first = x.chunk(2, 1)[0]
            export(step.network, first.flatten(1) if step.flat else first, out / file)
            files.append(out / file)
        lines += step.lines(file)
        x, _ = step(x)
    lines += ["semantics 10"]
    (out / "flow.txt").write_text("\n".join(lines) + "\n")
    codes, log_det = copy.deepcopy(flow).double()(images[-RECORDED:].double())
    np.save(out / "codes.npy", codes.numpy())
    np.save(out / "log_determinants.npy", log_det.numpy())
    return [out / "flow.txt", *files, out / "codes.npy", out / "log_determinants.npy"]


def main():
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Trains a flow; see the head of this file.")
    parser.add_argument("--data", type=Path, default=here.parent / "data", help="folder with images and labels")
    parser.add_argument("--out", type=Path, default=here / "flow", help="folder to write to")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    if not torch.__version__.startswith("1.") and importlib.util.find_spec("onnx") is None:
        raise SystemExit("PyTorch 2 exports only with the Python package onnx: install it first")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    print(f"Python {platform.python_version()}, PyTorch {torch.__version__}, NumPy {np.__version__}")

    bytes_ = read_idx(options.data / "mnist-test-1000-images.idx3-ubyte.gz")
    images = torch.from_numpy(bytes_.astype(np.float32) / np.float32(255)).unsqueeze(1)
    labels = torch.from_numpy(read_idx(options.data / "mnist-test-1000-labels.idx1-ubyte.gz").astype(np.int64))

    flow = train(images[:TRAINED_ON], labels[:TRAINED_ON], options.epochs, options.seed)
    said = flow(images[TRAINED_ON:])[0][:, :10].argmax(1)
    accuracy = (said == labels[TRAINED_ON:]).double().mean().item()
    print(f"{sum(p.numel() for p in flow.parameters())} parameters, accuracy on the other images {accuracy:.1%}")
    if accuracy < REQUIRED_ACCURACY:
        raise SystemExit(f"accuracy below {REQUIRED_ACCURACY:.0%}: nothing written")
    for file in write(flow, images, options.out):
        print(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}")


if __name__ == "__main__":
    main()
