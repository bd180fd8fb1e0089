# SPDX-License-Identifier: MIT
"""Child of versus.py: runs one of Foolbox's attacks on PyTorch and prints one line of JSON.

Time in the model is that of the forward passes and of Tensor.backward during the run itself. The parameters do not
require gradients, so that PyTorch computes only those of the input. A first run on two samples and a few bare calls
of the network at the batch size are not counted: they compile.
"""
import argparse
import json
import pathlib
import platform
import statistics
import time

import foolbox
import numpy
import torch

import attacks


class Meter(torch.nn.Module):
    """The network, counting samples and seconds of its forward and backward passes."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.reset()
        backward = torch.Tensor.backward

        def timed_backward(*arguments, **options):
            start = time.perf_counter()
            backward(*arguments, **options)
            self.seconds += time.perf_counter() - start
            self.backward_calls += self.batch

        torch.Tensor.backward = timed_backward

    def reset(self):
        self.seconds, self.forward_calls, self.backward_calls, self.batch = 0.0, 0, 0, 0

    def forward(self, x):
        start = time.perf_counter()
        logits = self.network(x)
        self.seconds += time.perf_counter() - start
        self.batch = len(x)
        self.forward_calls += self.batch
        return logits


def distances(norm, x, adversarials):
    d = (adversarials.double() - x.double()).flatten(1).abs()
    if norm == "l0":
        return (d > 1e-6).sum(1).double()
    return torch.linalg.vector_norm(d, float(norm[1:]), dim=1)


def run(row, model, meter, samples, batch_size):
    """The adversarials of all batches and the seconds that they took, in all and in the network."""
    images, labels, starts = samples
    kind, options = getattr(foolbox.attacks, row.foolbox), dict(row.arguments)
    if issubclass(kind, foolbox.attacks.base.FlexibleDistanceMinimizationAttack):
        options["distance"] = getattr(foolbox.distances, row.norm)
    attack = kind(**options)
    if isinstance(attack, foolbox.attacks.DatasetAttack):
        attack.feed(model, images)  # not counted: foil-evaluate too has asked about these images before
    meter.reset()
    found = []
    start = time.perf_counter()
    for first in range(0, len(images), batch_size):
        part = slice(first, first + batch_size)
        extra = {"starting_points": starts[part]} if row.starts and starts is not None else {}
        found.append(attack(model, images[part], labels[part], epsilons=row.epsilon, **extra)[1])
    return torch.cat(found), time.perf_counter() - start, meter.seconds


def warm_up(row, model, meter, samples, batch_size):
    run(row, model, meter, [None if array is None else array[:2] for array in samples], 2)
    for _ in range(5):  # after the run: TorchScript compiles again for another batch size
        x = samples[0][:batch_size].clone().requires_grad_()
        meter(x).sum().backward()
        with torch.no_grad():
            meter(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="what samples.py wrote")
    parser.add_argument("--attack", required=True, help="name of a row in attacks.py")
    for name in ("threads", "seed", "batch-size"):
        parser.add_argument("--" + name, type=int, required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    row = next(row for row in attacks.table(options.quick) if row.name == options.attack)
    torch.set_num_threads(options.threads)

    paths = [options.data / f"{name}.npy" for name in ("images", "labels", "starts")]
    samples = [torch.from_numpy(numpy.load(path)) if path.exists() else None for path in paths]
    meter = Meter(torch.jit.load(options.torch)).eval()
    for parameter in meter.parameters():
        parameter.requires_grad = False
    model = foolbox.PyTorchModel(meter, bounds=(0, 1), device="cpu")
    warm_up(row, model, meter, samples, options.batch_size)

    torch.manual_seed(options.seed)
    numpy.random.seed(options.seed)
    adversarials, seconds, model_seconds = run(row, model, meter, samples, options.batch_size)
    count, forward, backward = len(adversarials), meter.forward_calls, meter.backward_calls

    images, labels, _ = samples
    with torch.no_grad():
        success = meter(adversarials).argmax(1) != labels
    reached = distances(row.norm, images, adversarials).masked_fill(~success, float("inf"))
    print(json.dumps({"success": success.double().mean().item(),
                      "median_distance": statistics.median(reached.tolist()),
                      "forward": forward / count, "backward": backward / count,
                      "seconds": seconds, "model_seconds": model_seconds,
                      "versions": f"Foolbox {foolbox.__version__}, PyTorch {torch.__version__}, "
                                  f"NumPy {numpy.__version__}, Python {platform.python_version()}"}))


if __name__ == "__main__":
    main()
