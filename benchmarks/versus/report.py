# SPDX-License-Identifier: MIT
"""The table of versus.py as Markdown and as CSV."""
import csv
import math
import os
import pathlib
import platform
import shlex
import statistics
import sys

COLUMNS = ("attack", "norm", "ε", "run by", "success", "median distance", "calls per sample", "seconds", "overhead",
           "peak MB", "Foolbox's seconds / these")
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


def lines(results):
    """A dictionary per line of the table. results: (threads, name) -> row, {run by: {repeat: record}}."""
    for (threads, _), (row, sides) in results.items():
        for side, by_repeat in sides.items():
            records = list(by_repeat.values())
            foolbox = sides.get("Foolbox", {})
            ratios = [foolbox[r]["seconds"] / by_repeat[r]["seconds"] for r in by_repeat if r in foolbox]
            line = {"threads": threads, "attack": row.name, "norm": row.norm, "epsilon": row.epsilon, "run_by": side,
                    "repeats": len(records), "overhead": overhead(records),
                    "foolbox_seconds_ratio": statistics.median(ratios) if ratios and side != "Foolbox" else None}
            for key in ("success", "median_distance", "forward", "backward", "seconds", "model_seconds", "peak_mb"):
                line[key] = median(records, key)
            yield line


def number(value, digits=".4g"):
    if value is None:
        return ""
    return "∞" if math.isinf(value) else format(value, digits)


def cells(line):
    calls = "" if line["forward"] is None else f"{line['forward']:,.0f} + {line['backward']:,.0f}"
    norm = line["norm"].upper().replace("INF", "∞")
    return (line["attack"], norm, number(line["epsilon"], "g"), line["run_by"], number(line["success"], ".0%"),
            number(line["median_distance"]), calls, number(line["seconds"], ".3g"), number(line["overhead"], ".2f"),
            number(line["peak_mb"], ".0f"), number(line["foolbox_seconds_ratio"], ".2f"))


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
    every = list(lines(results))
    with open(out / "versus.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=every[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(every)
    text = [f"Machine: {processor()}, {os.cpu_count()} cores, load {load:.1f} before the first run.  ",
            f"Versions: {', '.join(versions)}.  ",
            f"Command: `{command()}`", "", READ_IT]
    done = max(line["repeats"] for line in every)
    for threads in dict.fromkeys(line["threads"] for line in every):
        text += ["", f"### {threads} thread{'s' * (threads > 1)}, {options.count} images in batches of "
                     f"{options.batch_size}, repeats: {done}{', a tenth of the steps' * options.quick}", "",
                 "| " + " | ".join(COLUMNS) + " |", "|" + "---|" * 4 + "--:|" * (len(COLUMNS) - 4)]
        text += ["| " + " | ".join(cells(line)) + " |" for line in every if line["threads"] == threads]
    (out / "versus.md").write_text("\n".join(text) + "\n", encoding="utf-8")
