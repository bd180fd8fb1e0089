#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What foil's gradient attacks reach beside other tools, sample by sample: the tables of docs/gradient-attacks.md.

    peers.py --foil-evaluate PROGRAM --onnx net.onnx --images IMAGES --labels LABELS PEERS.json ... [--torch net.pt]
             [--attacks PART ...]

PEERS.json holds what others reach on the same network: `indices`, rows of the data set, and for each of its
`attacks` the `norm`, an `epsilon` or null, and `distance`, a number for each row in turn, null where nothing was
found; `forwards_per_sample` and `backwards_per_sample` or `calls_per_attacked`, `success`. Attacks those rows. With
--torch, the same network as TorchScript, PyTorch is asked about every adversarial (needs torch and numpy); --margin, by how much
a class has to lead, makes good for its other rounding.
"""
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile

# What foil-evaluate's --attack gets, the radius, and the attacks of PEERS.json that it stands beside.
TABLE = (
    ("l2-closest:gradients=100", None, ("closest",)),
    ("l2-closest", None, ("closest",)),
    ("l2-brendel-bethge", None, ("bb_l2",)),
    ("l2-ddn", None, ("ddn", "advlib_ddn_100")),
    ("l2-alma:steps=100", None, ("advlib_alma_l2_100",)),
    ("l2-alma:steps=1000", None, ("advlib_alma_l2_1000",)),
    ("l2-fmn", None, ("fmn_l2", "advlib_fmn_l2_100")),
    ("l2-fab", None, ("advlib_fab_l2_100",)),
    ("l2-deepfool", None, ("deepfool_l2",)),
    ("l2-super-deepfool", None, ("advlib_sdf_l2",)),
    ("l2-carlini-wagner", None, ("cw_l2",)),
    ("l2-pdgd", None, ("advlib_pdgd_l2_100",)),
    ("l2-pdpgd", None, ("advlib_pdpgd_l2_100",)),
    ("l2-trust-region", None, ()),
    ("newtonfool", None, ("newtonfool",)),
    ("linf-closest:gradients=100", None, ("closest",)),
    ("linf-closest", None, ("closest",)),
    ("linf-brendel-bethge", None, ("bb_linf",)),
    ("linf-fmn", None, ("fmn_linf", "advlib_fmn_linf_100")),
    ("linf-fmn:steps=1000", None, ("advlib_fmn_linf_1000",)),
    ("linf-fab", None, ("advlib_fab_linf_100",)),
    ("linf-deepfool", None, ("deepfool_linf",)),
    ("minimal-linf-apgd", None, ("advlib_apgd_min_linf",)),
    ("linf-carlini-wagner", None, ()),
    ("linf-pdpgd", None, ("advlib_pdpgd_linf_100",)),
    ("linf-trust-region", None, ("advlib_tr_linf",)),
    ("l1-closest:gradients=100", None, ("closest",)),
    ("l1-closest", None, ("closest",)),
    ("l1-brendel-bethge", None, ("bb_l1",)),
    ("l1-alma:steps=100", None, ("advlib_alma_l1_100",)),
    ("l1-alma:steps=1000", None, ("advlib_alma_l1_1000",)),
    ("l1-fmn", None, ("fmn_l1", "advlib_fmn_l1_100")),
    ("l1-fab", None, ("advlib_fab_l1_100",)),
    ("l1-pdpgd:steps=100", None, ("advlib_pdpgd_l1_100",)),
    ("l1-pdpgd:steps=1000", None, ("advlib_pdpgd_l1_1000",)),
    ("ead", None, ("ead",)),
    ("l0-closest:gradients=100", None, ("closest",)),
    ("l0-closest", None, ("closest",)),
    ("l0-brendel-bethge", None, ("bb_l0",)),
    ("sigma-zero:steps=100", None, ("advlib_sigma_zero_100",)),
    ("sigma-zero", None, ("advlib_sigma_zero_1000",)),
    ("l0-fmn", None, ("fmn_l0", "advlib_fmn_l0_100")),
    ("vfga", None, ("advlib_vfga",)),
    ("l0-pdpgd", None, ("advlib_pdpgd_l0_100",)),
    ("l0-carlini-wagner", None, ()),
    ("jsma", None, ()),
    ("fgsm", 0.1, ("fgsm_0.1",)),
    ("linf-bim", 0.1, ("bim_linf_0.1",)),
    ("linf-mifgsm", 0.1, ("mifgsm_0.1",)),
    ("linf-pgd:steps=40", 0.1, ("pgd_linf_0.1",)),
    ("linf-apgd", 0.1, ("aa_apgd_ce_linf_0.1",)),
    ("linf-apgd-t", 0.1, ("aa_apgd_t_linf_0.1",)),
    ("linf-pgd:steps=40", 0.05, ("pgd_linf_0.05",)),
    ("linf-apgd", 0.05, ("aa_apgd_ce_linf_0.05",)),
    ("l2-fgm", 1.0, ("fgm_1",)),
    ("l2-pgd:steps=50", 1.0, ("pgd_l2_1",)),
    ("l2-apgd", 1.0, ("aa_apgd_ce_l2_1.0",)),
    ("l2-apgd-t", 1.0, ("aa_apgd_t_l2_1.0",)),
    ("l2-vat", 2.0, ("vat_2",)),
    ("l1-pgd:steps=50", 10.0, ("pgd_l1_10",)),
    ("sparse-l1-descent", 10.0, ("sparse_l1_10",)),
    ("l1-apgd", 6.0, ("aa_apgd_ce_l1_6",)),
    ("l1-apgd-t", 6.0, ("aa_apgd_t_l1_6",)),
)


def number(value):
    return math.inf if value is None else float(value)


def read_peers(files):
    """The rows, and by name (norm, epsilon, distances, what a sample costs) of each attack; and the closest per norm."""
    indices, peers, closest = None, {}, {}
    for file in files:
        data = json.loads(file.read_text())
        if indices is not None and data["indices"] != indices:
            sys.exit(f"{file}: other rows than in {files[0]}")
        indices = data["indices"]
        for name, attack in data["attacks"].items():
            norm, distances = "l" + str(attack["norm"]), [number(d) for d in attack["distance"]]
            peers[name] = attack | {"distance": distances}
            best = closest.setdefault(norm, [math.inf] * len(indices))
            for row, distance in enumerate(distances):
                best[row] = min(best[row], distance)
    return indices, peers, closest


def attack(options, spec, epsilon, indices, directory):
    """What foil finds for those rows, and how many of its adversarials PyTorch confirms."""
    out = directory / "results.json"
    command = [options.foil_evaluate, "--model", options.onnx, "--images", options.images, "--labels", options.labels,
               "--correct-only", "--count", len(indices), "--first", min(indices), "--out", out, "--attack", spec,
               "--margin", options.margin, "--adversarials", directory / "adversarials"]
    if epsilon is not None:
        command += ["--epsilon", epsilon]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    result = json.loads(out.read_text())["attacks"][0]
    if [sample["index"] for sample in result["samples"]] != indices:
        sys.exit("the network does not classify the same rows correctly as that of the peers")
    confirmed = confirm(options, directory / "adversarials" / result["adversarials"], result["samples"])
    return result, confirmed


def confirm(options, file, samples):
    if not options.torch:
        return None
    import numpy
    import torch

    network = torch.jit.load(options.torch).eval()
    found = [row for row, sample in enumerate(samples) if sample["success"]]
    if not found:
        return 0
    with torch.no_grad():
        given = network(torch.from_numpy(numpy.load(file)[found])).argmax(1).numpy()
    return int((given != numpy.array([samples[row]["label"] for row in found])).sum())


def text(value):
    return "-" if value is None or math.isinf(value) else f"{value:.4g}"


def calls(result, count):
    return f"{result['forward'] / count:.0f} + {result['backward'] / count:.0f}"


def peer_calls(peer):
    if "calls_per_attacked" in peer:
        made = peer["calls_per_attacked"]
        return " + ".join(f"{value:.0f}" for value in made) if isinstance(made, list) else str(made)
    return f"{peer['forwards_per_sample']:.0f} + {peer['backwards_per_sample']:.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("foil-evaluate", "onnx", "images", "labels"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    parser.add_argument("--torch", type=pathlib.Path)
    parser.add_argument("--margin", type=float, default=3e-4)
    parser.add_argument("--attacks", nargs="+", default=[""], help="parts of the names in the table; default: all")
    parser.add_argument("peers", type=pathlib.Path, nargs="+")
    options = parser.parse_args()
    indices, peers, closest = read_peers(options.peers)
    count = len(indices)
    chosen = [row for row in TABLE if any(part in row[0] for part in options.attacks)]
    if not chosen:
        sys.exit(f"--attacks {' '.join(options.attacks)}: no part of a name in the table")

    print("| attack | success | median | mean | calls | beside | its median or success | its calls | closer / same / farther |"
          " PyTorch confirms |\n|---|--:|--:|--:|--:|---|--:|--:|--:|--:|", flush=True)
    failed = False
    for spec, epsilon, names in chosen:
        with tempfile.TemporaryDirectory() as directory:
            try:
                result, confirmed = attack(options, spec, epsilon, indices, pathlib.Path(directory))
            except subprocess.CalledProcessError as failure:
                print(f"{spec}: {failure.stderr.decode().strip().splitlines()[-1]}", file=sys.stderr)
                failed = True
                continue
        distances = [number(sample["distance"]) if sample["success"] else math.inf for sample in result["samples"]]
        found = [distance for distance in distances if distance < math.inf]
        ours = (f"| `{spec}`{'' if epsilon is None else f', {epsilon:g}'} | {len(found)} |"
                f" {text(statistics.median(distances)) if epsilon is None else ''} |"
                f" {text(statistics.fmean(found)) if epsilon is None and found else ''} | {calls(result, count)} |")
        told = f"{confirmed} of {len(found)}" if confirmed is not None else ""
        known = [name for name in names if name == "closest" or name in peers]
        if not known:
            print(f"{ours} | | | | {told} |", flush=True)
        for name in known:
            if name == "closest":
                theirs, beside, cost = closest[result["norm"]], "the closest of all", ""
            else:
                theirs, beside, cost = peers[name]["distance"], name, peer_calls(peers[name])
            if epsilon is None:
                counts = (sum(a < 0.999 * b for a, b in zip(distances, theirs)),
                          sum(0.999 * b <= a <= 1.001 * b for a, b in zip(distances, theirs)))
                judged = f"{counts[0]} / {counts[1]} / {len(theirs) - sum(counts)}"
                print(f"{ours} {beside} | {text(statistics.median(theirs))} | {cost} | {judged} | {told} |", flush=True)
            else:
                of = len(theirs)
                print(f"{ours} {beside} | {sum(d < math.inf for d in theirs)} of {of} | {cost} |"
                      f" {sum(d < math.inf for d in distances[:of])} of {of} | {told} |", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
