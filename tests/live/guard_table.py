"""A table of evidence/guard/README.md from the lines of evidence/guard/VERSION.txt, or VERSION-SUFFIX.txt. Standard library only.

A field: what became of the models that were to be kept, in so many cells (a matrix and a device mode each), and how often at most one
of them was read from disk.
"""

import os
import re
import sys

VERSIONS = ("none", "01df082", "ae8bb7c", "07b429f", "dde3480", "62f98ed", "a38cbda")
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evidence", "guard")
WISHED = {"abc": "BC", "de": "DE", "none-kept": "", "beside-stock": "K", "abc-unets": "BC", "de-unets": "DE", "clone": "K",
          "base-clone-beside": "K", "own": "BCK"}
RELEASED = ("wish-off", "release-kept", "full-cleanup")  # flows that end keep requests


def lines_of(name):
    try:
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            for line in file:
                matrix, flow, mode, model, outcome = line.split(" ")[:5]
                yield flow, (matrix, mode), model, outcome, int(line.rsplit(" ", 1)[1])
    except FileNotFoundError:
        return


def fields(name):
    """By flow: the cells, the outcomes of models to be kept, the most reads of one."""
    table = {}
    for flow, cell, model, outcome, reads in lines_of(name):
        cells, outcomes, most = table.setdefault(flow, [set(), set(), [0]])
        cells.add(cell)
        if re.split(r"\+", model)[0] in WISHED[cell[0]] or flow in RELEASED:
            outcomes.add(outcome)
            most[0] = max(most[0], reads)
    return {flow: f"{'/'.join(sorted(outcomes))} {len(cells)}, {most[0]}×" for flow, (cells, outcomes, most) in table.items()}


def print_table(suffix=""):
    columns = {version: fields(f"{version}{suffix}.txt") for version in VERSIONS}
    columns = {version: column for version, column in columns.items() if column}
    print("| flow | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
    for flow in sorted({flow for column in columns.values() for flow in column}):
        print(f"| {flow} | " + " | ".join(column.get(flow, "") for column in columns.values()) + " |")


if __name__ == "__main__":
    print_table("".join("-" + suffix for suffix in sys.argv[1:]))
