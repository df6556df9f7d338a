"""Compares stores of live runs with measured retention, cell by cell and stage by stage. Standard library only.

    compare.py [--data DIR] STORE...    with DIR/stages.csv.gz and DIR/verdicts.csv (default: ../shared/conformance/retention)
    compare.py --write DIR STORE...     writes both tables of the stores into DIR, in the same layout
    --without FLOW,...                  leaves these out

Prints what differs, then a line a policy, device mode, cache and node flags: cells that are equal, that differ, that the data has not.
Exit code 1 where something differs. The newest run of a cell counts. What dies in one collection dies in no order, and the tables
have none: a stage is compared as a whole.
"""

import argparse
import collections
import csv
import glob
import gzip
import io
import json
import os
import re
import sqlite3
import sys

KEY = ("policy", "dev", "cache", "node_flags", "matrix", "flow")
STAGE = KEY + ("order", "cycle", "stage", "model", "generation", "state", "listed", "patcher_alive", "model_alive", "anchored",
               "exception")
VERDICT = KEY + ("model", "keep", "first_lost_at", "first_lost_state", "end_state", "died_at", "disk_loads", "reason")
MATRICES = {"abc": "M1", "de": "M2", "none-kept": "M3", "beside-stock": "M4", "abc-unets": "M1u", "de-unets": "M2u",
            "none-kept-unets": "M3u", "clone": "ML1", "clone-beside": "ML1s", "base-clone": "ML2", "base-clone-beside": "ML2s",
            "clone-base": "ML3", "clone-base-beside": "ML3s"}
VERSIONS = {"a38cbda": "a38cbda+shim"}  # it needs tests/live/nodes/newer_comfyui here
REASONS = (  # how the data's sentences begin, what they hold, our code
    ("core free_memory", "in unload_all_models", "unloaded_by_core"), ("MultiGPU loop", "", "unloaded_by_policy"),
    ("core free_memory", "in executing", "evicted_by_load"), ("core free_memory", "in direct free_memory", "evicted_by_pressure"),
    ("patcher+inner died in gc.collect", "", "died_in_gc"), ("cache-none removed", "", "died_with_cache"),
    ("next workflow lacks the node", "", "dropped_by_workflow"), ("anchor set cleared", "", "anchors_cleared"),
    ("popped from the list by load_models_gpu (clone sibling)", "", "superseded"),
    ("dropped from the list without unload", "", "superseded"),
    ("patcher died, inner model still referenced", "", "died_by_refcount"), ("resident at every stage", "", ""))


def flow_aliases():
    """both -> F1, of the built-in flows."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenarios", "flows")
    flows = [json.load(open(path, encoding="utf-8")) for path in glob.glob(os.path.join(folder, "*.json"))]
    return {flow["name"]: flow.get("alias") or flow["name"] for flow in flows}


def text(value):
    return "" if value is None else str(value)


# ---- what a store has ----


def version_of(environment):
    """"01df082", or "stock": what the server said of itself."""
    found = re.search(r"ComfyUI-MultiGPU \S* ?([0-9a-f]{7})", json.loads(environment).get("subject", ""))
    return VERSIONS.get(found[1], found[1]) if found else "stock"


def object_name(name, generation):
    return name if generation == 1 else f"{name}#{generation}"


def stages_of(db, run, cell):
    """[(order, cycle, stage, [rows])]; the list's row first."""
    stages = []
    for order, (snapshot, cycle, stage, anchors, exception) in enumerate(db.execute(
            "SELECT snapshot, cycle, stage, anchor_count, exception FROM v_stages WHERE run = ? AND cell = ? ORDER BY snapshot",
            (run, cell)), 1):
        objects = list(db.execute(
            "SELECT name, generation, state, listed, patcher_alive, model_alive, anchored FROM v_timeline"
            " WHERE run = ? AND cell = ? AND snapshot = ? ORDER BY name, generation", (run, cell, snapshot)))
        listed = sorted((o[3], ("" if o[4] else "inner of ") + object_name(o[0], o[1])) for o in objects if o[3] is not None)
        anchors = "" if anchors is None or anchors < 0 else str(anchors)
        rows = [("*", "", "", ";".join(name for _, name in listed), "", "", anchors, text(exception))]
        rows += [tuple(text(value) for value in o) + ("",) for o in objects]
        stages.append((str(order), str(cycle), stage, rows))
    return stages


def verdicts_of(db, run, cell):
    """{model: (keep, first_lost_at, first_lost_state, end_state, died_at, disk_loads, reason)} of the objects that the data tells of."""
    keep = {None: "", 0: "False", 1: "True"}
    return {object_name(name, generation): (keep[request], text(lost), text(state), text(end), text(died), str(loads), text(reason))
            for name, generation, request, lost, state, end, died, loads, reason in db.execute(
                "SELECT name, generation, keep, first_lost_stage, first_lost_state, end_state, died_stage, disk_loads, reason"
                " FROM v_models WHERE run = ? AND cell = ?", (run, cell))}


def read_store(path, cells):
    """Adds {key: (stages, verdicts)}; a cell that is not whole is none."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    flows = flow_aliases()
    for run, cell, environment, matrix, flow, cache, mode, flags, verdict in list(db.execute(
            "SELECT c.run, cell, environment, matrix, flow, cache, device_mode, node_flags, verdict FROM v_cells c"
            " JOIN v_runs r ON r.run = c.run ORDER BY started_wall_ns, cell")):
        if verdict not in ("PASS", "FAIL"):
            print(f"{path}: cell {cell}, {matrix} {flow}: {verdict}, left out", file=sys.stderr)
            continue
        key = (version_of(environment), "cpu0" if mode == "split" else "cpu", cache, flags, MATRICES.get(matrix, matrix),
               flows.get(flow, flow))
        cells[key] = (stages_of(db, run, cell), verdicts_of(db, run, cell))
    db.close()


# ---- what the data has ----


def rows_of(path):
    opened = gzip.open(path, "rt", encoding="utf-8", newline="") if path.endswith(".gz") else open(path, encoding="utf-8", newline="")
    with opened as file:
        yield from csv.DictReader(file)


def reason_code(sentence):
    """Our code for the data's sentence; None where it says nothing of the cause."""
    return next((code for begins, holds, code in REASONS if sentence.startswith(begins) and holds in sentence),
                sentence if re.fullmatch("[a-z_]+", sentence) else None)


def read_data(folder):
    stages, verdicts = collections.defaultdict(dict), collections.defaultdict(dict)
    for row in rows_of(os.path.join(folder, "stages.csv.gz")):
        stage = stages[tuple(row[k] for k in KEY)].setdefault(row["order"], (row["order"], row["cycle"], row["stage"], []))
        stage[3].append(tuple(row[column] or "" for column in STAGE[9:]))
    for row in rows_of(os.path.join(folder, "verdicts.csv")):
        verdicts[tuple(row[k] for k in KEY)][row["model"]] = tuple(row[c] or "" for c in VERDICT[7:13]) + (reason_code(row["reason"]),)
    return {key: (list(found.values()), verdicts[key]) for key, found in stages.items()}


# ---- the comparison ----


def plain(rows):
    """The rows of a stage, of an exception only whether there is one: the texts are Python's."""
    return sorted(row[:7] + (bool(row[7]),) for row in rows)


def differences(ours, theirs):
    found = []
    stages, verdicts = ours
    wanted_stages, wanted_verdicts = theirs
    names = [f"c{stage[1]}.{stage[2]}" for stage in stages]
    wanted = [f"c{stage[1]}.{stage[2]}" for stage in wanted_stages]
    if names != wanted:
        return [f"stages {' '.join(names)}, not {' '.join(wanted)}"]
    for name, stage, other in zip(names, stages, wanted_stages):
        mine, their = plain(stage[3]), plain(other[3])
        found += [f"{name}: {','.join(map(str, row))}" for row in mine if row not in their]
        found += [f"{name}: not {','.join(map(str, row))}" for row in their if row not in mine]
    for model, verdict in wanted_verdicts.items():
        if verdict[6] is None:
            verdict, mine = verdict[:6], verdicts.get(model, ())[:6]
        else:
            mine = verdicts.get(model, ())
        if mine != verdict:
            found.append(f"{model}: {','.join(mine)}, not {','.join(verdict)}")
    return found


def compare(cells, data):
    counts = collections.defaultdict(collections.Counter)
    for key, ours in sorted(cells.items()):
        if key not in data:
            counts[key[:4]]["not in the data"] += 1
            continue
        found = differences(ours, data[key])
        counts[key[:4]]["differ" if found else "equal"] += 1
        for line in found:
            print(f"{' '.join(key)}: {line}")
    for key, counter in sorted(counts.items()):
        print(f"{' '.join(key)}: {counter['equal']} equal, {counter['differ']} differ, {counter['not in the data']} not in the data")
    return any(counter["differ"] for counter in counts.values())


# ---- the tables ----


def write(folder, cells):
    stages, verdicts = io.StringIO(newline=""), io.StringIO(newline="")
    stage_rows, verdict_rows = csv.writer(stages, lineterminator="\n"), csv.writer(verdicts, lineterminator="\n")
    stage_rows.writerow(STAGE)
    verdict_rows.writerow(VERDICT)
    for key, (found, models) in sorted(cells.items()):
        for order, cycle, stage, rows in found:
            stage_rows.writerows(key + (order, cycle, stage) + row for row in rows)
        verdict_rows.writerows(key + (model,) + verdict for model, verdict in sorted(models.items()))
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "verdicts.csv"), "w", encoding="utf-8", newline="") as file:
        file.write(verdicts.getvalue())
    with open(os.path.join(folder, "stages.csv.gz"), "wb") as file:  # without a time: the same rows are the same bytes
        file.write(gzip.compress(stages.getvalue().encode(), 9, mtime=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", metavar="STORE")
    parser.add_argument("--data", metavar="DIR", default="../shared/conformance/retention")
    parser.add_argument("--write", metavar="DIR")
    parser.add_argument("--without", metavar="FLOWS", default="")
    arguments = parser.parse_args()
    cells = {}
    for path in arguments.stores:
        try:
            read_store(path, cells)
        except sqlite3.Error as error:
            parser.error(f"{path}: {error}")
    cells = {key: found for key, found in cells.items() if key[5] not in arguments.without.split(",")}
    if arguments.write:
        write(arguments.write, cells)
        return 0
    try:
        data = read_data(arguments.data)
    except OSError as error:
        parser.error(f"--data: {error}")
    return 1 if compare(cells, data) else 0


if __name__ == "__main__":
    sys.exit(main())
