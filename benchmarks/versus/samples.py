# SPDX-License-Identifier: MIT
"""Child of versus.py: writes what both sides attack, the first samples that the network classifies correctly."""
import argparse
import gzip
import pathlib
import struct

import numpy
import torch


def read(path):
    """An array from .npy, or from idx as the MNIST files are, plain or gzipped; images of bytes scaled to [0, 1]."""
    if path.suffix == ".npy":
        array = numpy.load(path)
        return array / numpy.float32(255) if array.dtype == numpy.uint8 and array.ndim > 1 else array
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        data = file.read()
    dimensions = data[3]
    shape = struct.unpack_from(f">{dimensions}I", data, 4)
    array = numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * dimensions).reshape(shape)
    return array if dimensions == 1 else (array / numpy.float32(255))[:, None]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("torch", "images", "labels", "out"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    parser.add_argument("--starts", type=pathlib.Path)
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()

    images, labels = read(options.images).astype(numpy.float32), read(options.labels).astype(numpy.int64)
    network = torch.jit.load(options.torch).eval()
    chosen = []
    for first in range(0, len(images), 500):
        with torch.no_grad():
            answers = network(torch.from_numpy(images[first:first + 500])).argmax(1).numpy()
        chosen.extend(first + numpy.flatnonzero(answers == labels[first:first + 500]))
        if len(chosen) >= options.count:
            break
    if len(chosen) < options.count:
        raise SystemExit(f"--count {options.count}: only {len(chosen)} images are classified correctly")
    chosen = chosen[:options.count]
    numpy.save(options.out / "images.npy", images[chosen])
    numpy.save(options.out / "labels.npy", labels[chosen])
    if options.starts:
        rows = numpy.load(options.starts)
        if len(rows) < options.count:
            raise SystemExit(f"--starts: expected a row of the data set for each of the {options.count} samples")
        numpy.save(options.out / "starts.npy", images[rows[:options.count]])


if __name__ == "__main__":
    main()
