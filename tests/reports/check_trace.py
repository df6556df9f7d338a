#!/usr/bin/env python3
"""Checks a file against the rules of the Trace Event Format: check_trace.py FILE prints counts, or says what is wrong.

Phases and the keys each needs, their types; process and thread names; slices that nest; times in order, lane by lane.
"""
import json
import sys
from collections import Counter

NEEDED = {"M": {"args"}, "X": {"ts", "dur"}, "i": {"ts", "s"}, "C": {"ts", "args"}, "B": {"ts"}, "E": {"ts"}}
NAMES = {"process_name", "process_labels", "process_sort_index", "thread_name", "thread_sort_index"}
ROUNDING_US = 0.0005


def fail(text):
    sys.exit(f"check_trace: {text}")


def check_keys(at, event):
    phase = event.get("ph")
    if phase not in NEEDED:
        fail(f"event {at}: the phase {phase!r} is none of {sorted(NEEDED)}")
    missing = {"pid", "tid", "name"} | NEEDED[phase]
    missing -= event.keys()
    if missing:
        fail(f"event {at} ({phase}): {sorted(missing)} are missing")
    if not isinstance(event["name"], str) or not event["name"]:
        fail(f"event {at}: its name is no text")
    for key in ("pid", "tid"):
        if type(event[key]) is not int or not 0 <= event[key] < 2**31:
            fail(f"event {at}: {key} is {event[key]!r}")
    for key in ("ts", "dur"):
        if key in event and (type(event[key]) not in (int, float) or event[key] < 0):
            fail(f"event {at}: {key} is {event[key]!r}")
    if phase == "i" and event["s"] not in ("g", "p", "t"):
        fail(f"event {at}: an instant's scope is {event['s']!r}")
    if phase == "C" and not (event["args"] and all(type(v) in (int, float) for v in event["args"].values())):
        fail(f"event {at}: a counter needs numbers, not {event['args']!r}")
    if phase == "M" and (event["name"] not in NAMES or not event["args"]):
        fail(f"event {at}: the metadata {event['name']!r} is unknown or empty")


def check_nesting(lane, slices):
    open_ends = []
    for start, end, name in sorted(slices, key=lambda s: (s[0], -s[1])):
        while open_ends and open_ends[-1] <= start + ROUNDING_US:
            open_ends.pop()
        if open_ends and end > open_ends[-1] + ROUNDING_US:
            fail(f"lane {lane}: {name!r} from {start} to {end} sticks out of the slice around it, which ends at {open_ends[-1]}")
        open_ends.append(end)


def check(path):
    with open(path, encoding="utf-8") as file:
        trace = json.load(file)
    if not isinstance(trace.get("traceEvents"), list):
        fail("there is no list traceEvents")
    if trace.get("displayTimeUnit") not in ("ms", "ns"):
        fail("displayTimeUnit is neither ms nor ns")
    newest, slices, begun, named, used = {}, {}, Counter(), set(), set()
    counts = Counter()
    for at, event in enumerate(trace["traceEvents"]):
        check_keys(at, event)
        phase, lane = event["ph"], (event["pid"], event["tid"])
        counts[phase] += 1
        if phase == "M":
            if event["name"] == "thread_name":
                named.add(lane)
            continue
        if phase != "C":
            used.add(lane)
        track = lane + (phase, event["name"] if phase == "C" else "")
        if event["ts"] < newest.get(track, 0):
            fail(f"event {at}: {event['ts']} comes after {newest[track]} in lane {track}")
        newest[track] = event["ts"]
        if phase == "X":
            slices.setdefault(lane, []).append((event["ts"], event["ts"] + event["dur"], event["name"]))
        begun[lane] += (phase == "B") - (phase == "E")
        if begun[lane] < 0:
            fail(f"event {at}: an end without a begin in lane {lane}")
    if any(begun.values()):
        fail("a begin without its end")
    for lane, list_ in slices.items():
        check_nesting(lane, list_)
    if used - named:
        fail(f"lanes without a name: {sorted(used - named)[:5]}")
    lanes = {"lanes": len(used)}
    print(json.dumps({**counts, **lanes}))


if __name__ == "__main__":
    check(sys.argv[1])
