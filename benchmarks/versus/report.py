# SPDX-License-Identifier: MIT
"""The table of versus.py as Markdown and as CSV. A run replaces its own rows of a table that is there already."""
import csv
import math
import os
import pathlib
import platform
import shlex
import statistics
import sys

import attacks

COLUMNS = ("attack", "norm", "ε", "run by", "success", "median distance", "calls per sample", "seconds", "overhead",
           "peak MB", "repeats", "Foolbox's seconds / these")
TEXTS = ("attack", "norm", "run_by", "versions")  # the other columns of the CSV are numbers
READ_IT = ("Each attack has one line per side, medians over the repeats; beyond steps and queries, each library's own "
           "defaults. Failures are infinitely far. Calls are forward + backward passes, the check of the result "
           "included; overhead is the time of the run divided by the time inside the network during the same run, at "
           "the same batch size; peak is of the whole process, libraries included; the last column is the median of "
           "the ratios within each repeat, above 1 where foil is faster. Foolbox's Adam-BIM classes take Adam's "
           "parameters but never use Adam (3.3.4): they are its BIM.")


def median(records, key):
    values = [record[key] for record in records if record.get(key) is not None]
    return statistics.median(values) if values else None


def overhead(records):
    ratios = [record["seconds"] / record["model_seconds"] for record in records if record.get("model_seconds")]
    return statistics.median(ratios) if ratios else None


def lines(results, versions, options):
    """A dictionary per line of the table. results: (threads, name) -> row, {run by: {repeat: record}}."""
    for (threads, _), (row, sides) in results.items():
        for side, by_repeat in sides.items():
            records = list(by_repeat.values())
            foolbox = sides.get("Foolbox", {})
            ratios = [foolbox[r]["seconds"] / by_repeat[r]["seconds"] for r in by_repeat if r in foolbox]
            line = {"threads": threads, "batch_size": options.batch_size, "images": options.count, "attack": row.name, "norm": row.norm, "epsilon": row.epsilon, "run_by": side,
                    "repeats": len(records), "overhead": overhead(records),
                    "foolbox_seconds_ratio": statistics.median(ratios) if ratios and side != "Foolbox" else None}
            for key in ("success", "median_distance", "forward", "backward", "seconds", "model_seconds", "peak_mb"):
                line[key] = median(records, key)
            yield line | {"versions": ", ".join(versions)}


def earlier(path, new):
    """Lines of a table that was made by the same versions, but for those that have been measured anew."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        old = [{key: text if key in TEXTS else float(text) if text else None for key, text in line.items()}
               for line in csv.DictReader(file)]
    measured = {(*section(line), line["attack"]) for line in new}
    return [line for line in old if line.keys() == new[0].keys() and line["versions"] == new[0]["versions"]
            and (*section(line), line["attack"]) not in measured]


def section(line):
    return line["threads"], -line["batch_size"], -line["images"]


def number(value, digits=".4g"):
    if value is None:
        return ""
    return "∞" if math.isinf(value) else format(value, digits)


def cells(line):
    calls = "" if line["forward"] is None else f"{line['forward']:,.0f} + {line['backward']:,.0f}"
    norm = line["norm"].upper().replace("INF", "∞")
    return (line["attack"], norm, number(line["epsilon"], "g"), line["run_by"], number(line["success"], ".0%"),
            number(line["median_distance"]), calls, number(line["seconds"], ".3g"), number(line["overhead"], ".2f"),
            number(line["peak_mb"], ".0f"), number(line["repeats"], ".0f"),
            number(line["foolbox_seconds_ratio"], ".2f"))


def processor():
    try:
        for text in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if text.startswith("model name"):
                return text.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def command():
    """As it was given, with the files by their names only."""
    return shlex.join(["versus.py"] + [pathlib.Path(word).name if os.sep in word else word for word in sys.argv[1:]])


def write(out, results, versions, load, options):
    new = list(lines(results, versions, options))
    old = earlier(out / "versus.csv", new)
    order = [row.name for row in attacks.TABLE]
    every = sorted(old + new, key=lambda line: (*section(line), order.index(line["attack"])))
    with open(out / "versus.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=new[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(line | {key: int(line[key]) for key in ("threads", "batch_size", "images", "repeats")}
                         for line in every)
    text = [f"Machine: {processor()}, {os.cpu_count()} cores, load {load:.1f} before the first run.  ",
            f"Versions: {', '.join(versions)}.  ",
            f"Command{' of the last part, the others were measured before in the same way' * bool(old)}: `{command()}`",
            "", READ_IT]
    for part in dict.fromkeys(section(line) for line in every):
        threads, batch_size, images = part[0], -part[1], -part[2]
        text += ["", f"### {threads:.0f} thread{'s' * (threads > 1)}, {images:.0f} images in batches of "
                     f"{batch_size:.0f}{', a tenth of the steps' * options.quick}", "",
                 "| " + " | ".join(COLUMNS) + " |", "|" + "---|" * 4 + "--:|" * (len(COLUMNS) - 4)]
        text += ["| " + " | ".join(cells(line)) + " |" for line in every if section(line) == part]
    (out / "versus.md").write_text("\n".join(text) + "\n", encoding="utf-8")
