#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Asks PyTorch about the adversarials that foil-evaluate wrote: other software rounds differently.

    confirm.py --torch net.pt --images images --labels labels DIRECTORY

DIRECTORY is what --adversarials named; images and labels are idx (plain or gzipped) or .npy. A line for each attack:
how many of its adversarials PyTorch classifies as something other than the label, by how much the best other
class leads where it leads least (negative: not adversarial there), and the largest logit to compare that with.
"""
import argparse
import pathlib

import numpy
import torch

import samples


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("torch", "images", "labels"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    parser.add_argument("directory", type=pathlib.Path)
    options = parser.parse_args()

    network = torch.jit.load(options.torch).eval()
    rows = numpy.load(options.directory / "indices.npy")
    clean = samples.read(options.images)[rows].astype(numpy.float32)
    labels = torch.from_numpy(samples.read(options.labels)[rows].astype(numpy.int64))[:, None]
    for path in sorted(options.directory.glob("*.npy")):
        if path.name == "indices.npy":
            continue
        adversarials = numpy.load(path)
        changed = (adversarials != clean).reshape(len(rows), -1).any(1)  # a failure is the image itself
        if not changed.any():
            print(f"{path.stem}: no adversarials")
            continue
        with torch.no_grad():
            logits = network(torch.from_numpy(adversarials)).double()
        own = logits.gather(1, labels)[:, 0]
        lead = (logits.scatter(1, labels, -torch.inf).amax(1) - own)[torch.from_numpy(changed)]
        print(f"{path.stem}: confirms {(lead > 0).sum()} of {len(lead)}, smallest lead {lead.min():.3g}, "
              f"largest logit {logits.abs().max():.3g}")


if __name__ == "__main__":
    main()
