"""Why something is alive: the shortest chain of references from an owner that is known by name.

Owners are the executor's caches, sets of anchors, a scenario's own holds, entries of the loaded list, and what node packs keep in
their modules and classes. No others are searched, so that the cost is bounded; `others` searches all, and only where a user wants it.
"""

import collections
import gc
import itertools
import os
import sys
import time
import types

OBJECTS_MAX = 5_000  # looked at in one search
COMES_WITH_COMFYUI = ("comfy_extras", "comfy_api_nodes")  # many, and no place to keep a model
ITEMS_MAX = 500  # of one container
SIMPLE = (str, bytes, bytearray, int, float, complex, bool, type(None), types.ModuleType, type, types.CodeType)


def children(value):
    """[(label, what it refers to)]; the label is "" where a container holds it."""
    if isinstance(value, dict):
        return [(key if isinstance(key, str) and len(key) <= 40 else "", item) for key, item in first_of(value.items())]
    if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
        return [("", item) for item in first_of(value)]
    if isinstance(value, types.MethodType):
        return [("method of", value.__self__)]
    if isinstance(value, types.FunctionType):
        return [("closure", cell.cell_contents) for cell in value.__closure__ or () if cell_is_full(cell)]
    if isinstance(value, SIMPLE) or hasattr(type(value), "untyped_storage"):
        return []
    own = getattr(value, "__dict__", None)
    if not isinstance(own, dict) or "_parameters" in own:
        return []  # nothing of ours is reached through a network's modules
    return first_of(own.items())


def first_of(items):
    try:
        return list(itertools.islice(items, ITEMS_MAX))
    except RuntimeError:  # another thread has changed it
        return []


def cell_is_full(cell):
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def search(roots, targets):
    """{id: [label, ...]} of the targets that are reached; roots are (labels, object)."""
    wanted = {id(target) for target in targets}
    found, seen = {}, set()
    queue = collections.deque((tuple(labels), value) for labels, value in roots)
    while queue and len(found) < len(wanted) and len(seen) < OBJECTS_MAX:
        labels, value = queue.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if id(value) in wanted:
            found.setdefault(id(value), labels)
        for label, item in children(value):
            if not isinstance(item, SIMPLE) and id(item) not in seen and len(queue) < OBJECTS_MAX:
                queue.append((labels + (label or type_label(item),), item))
    return found


def type_label(item):
    """A container's items go by their type: "CLIP". A container in a container goes by none."""
    return "" if isinstance(item, (dict, list, tuple, set, frozenset, collections.deque)) else type(item).__name__


def text(labels, kind, name):
    """(references, "executor -> caches -> node 7 -> CLIP -> patcher B")"""
    told = [label for index, label in enumerate(labels) if label and (index == 0 or label != labels[index - 1])]
    if len(told) > 1 and told[-1] == "ModelPatcher":
        told.pop()  # the end says so itself
    return max(1, len(told) - 1), " -> ".join([*told, f"{kind} {name}"])


def packs():
    """Roots in what node packs keep: [((pack, module, name), object)]."""
    loaded = getattr(sys.modules.get("nodes"), "LOADED_MODULE_DIRS", None)
    folders = {str(folder) + os.sep: os.path.basename(folder) for folder in (loaded or {}).values()
               if os.path.basename(folder) not in COMES_WITH_COMFYUI}
    ours, prefixes = os.path.dirname(os.path.abspath(__file__)) + os.sep, tuple(folders)
    found = []
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not file.startswith(prefixes) or file.startswith(ours):
            continue
        pack = next(name for folder, name in folders.items() if file.startswith(folder))
        for name, value in list(vars(module).items()):
            if not name.startswith("__"):
                found += kept_in(module, pack, name, value)
    return found


def kept_in(module, pack, name, value):
    """What a name of a module keeps: itself, or, of a class of the module's own, its attributes."""
    if isinstance(value, type) and value.__module__ == module.__name__:
        return [((f"node pack {pack}", name, key), item) for key, item in list(vars(value).items())
                if not isinstance(item, (*SIMPLE, types.FunctionType, classmethod, staticmethod, property))]
    if isinstance(value, (*SIMPLE, types.FunctionType)):
        return []
    return [((f"node pack {pack}", module.__name__.split(".")[-1].split(os.sep)[-1], name), value)]


# ---- everybody ----

STEPS_MAX = 8
NEIGHBOURS_MAX = 200  # of one object: what more refer to is no evidence
VISITS_MAX = 400  # each costs a walk through all objects there are
SECONDS_MAX = 5.0


def owner_of(referrer, modules):
    """The name that ends a search: a module's names, a running function, a class."""
    if id(referrer) in modules:
        return f"module {modules[id(referrer)]}"
    if isinstance(referrer, types.FrameType):
        return f"function {referrer.f_code.co_name}, running"
    if isinstance(referrer, type):
        return f"class {referrer.__name__}"
    return None


def others(target, ours):
    """(labels from an owner that has a name down to the target, or (), types of all that refer to it). `ours` are ids to leave out."""
    modules = {id(vars(module)): os.path.basename(name) for name, module in list(sys.modules.items()) if hasattr(module, "__dict__")}
    skip = {id(target), *ours}
    direct = []
    queue = collections.deque([((), target, 0)])
    visits, end = 0, time.monotonic() + SECONDS_MAX
    while queue and visits < VISITS_MAX and time.monotonic() < end:
        labels, value, steps = queue.popleft()
        visits += 1
        referrers = gc.get_referrers(value)
        skip |= {id(queue), id(referrers), id(skip), id(modules), id(direct)}
        for referrer in referrers[:NEIGHBOURS_MAX]:
            if id(referrer) in skip or is_ours(referrer):
                continue
            skip.add(id(referrer))
            owner = owner_of(referrer, modules)
            label = label_in(referrer, value)
            if value is target and not isinstance(referrer, dict):
                direct.append(type(referrer).__name__)
            if owner:
                return (owner, *((label,) if label else ()), *labels), direct
            if steps < STEPS_MAX:
                named = () if isinstance(referrer, (dict, types.CellType)) else (type(referrer).__name__,)
                queue.append((named + ((label,) if label else ()) + labels, referrer, steps + 1))
        del referrers
    return (), direct


def is_ours(referrer):
    """Frames of this module, and what a search holds itself."""
    return isinstance(referrer, types.FrameType) and referrer.f_globals.get("__name__", "").endswith(__name__)


def label_in(referrer, value):
    if isinstance(referrer, dict):
        return next((str(key)[:40] for key, item in list(referrer.items()) if item is value), "")
    return ""
