"""What is where now, and what the last calls did: GET /residency/now, which begins no cell and changes nothing.

Models are known by weak references and calls by their names. While no one asks, the cost is one look at the loaded list before and
one after a wrapped call: no parameter is walked. A call that makes models come or go waits for a look that a client asked for, so
that no reference of ours is there while ComfyUI counts references and decides who goes.
"""

import collections
import threading
import time
import weakref

import comfy.model_management as mm
import torch

from . import ledger
from .blocks import Blocks
from .observe import anchor_sets, keep_of, kind_of

LAYOUT = 1  # of the answer; another number is another layout
CALLS_MAX = 48
LEFT_MAX = 64
CHANGES_MAX = 32  # told of one call
RUNS_MAX = 128
LOOKED_THROUGH = ("execute", "load_models_gpu")  # may take minutes, and a look in their midst disturbs nothing


class Seen:
    """A model, whichever patchers it has: clones share one."""

    def __init__(self, number, name, model, prompt):
        self.number = number
        self.name = name
        self.kind = kind_of(model)
        self.model = weakref.ref(model)
        self.patchers = []  # weak
        self.prompt = prompt  # in which it was made
        self.keep = None
        self.state = ""
        self.loaded_bytes = None
        self.departed = False

    def add(self, patcher):
        self.patchers = [known for known in self.patchers if known() is not None and known() is not patcher] + [weakref.ref(patcher)]

    def living(self):
        return [patcher for patcher in (known() for known in self.patchers) if patcher is not None]


class Call:
    def __init__(self, name, inside, began_ns):
        self.name = name
        self.inside = inside
        self.thread = threading.get_ident()
        self.began_ns = began_ns
        self.record = {"action": name, "inside": inside, "began_ns": began_ns, "duration_ns": 0, "count": 1, "exception": "",
                       "changes": []}


class Recent:
    def __init__(self, reason):
        self.reason = reason  # (seen, died) -> why, by what is on its way in this thread
        self.lock = threading.RLock()
        self.seen = {}  # by the model's id
        self.number = 0
        self.open = []  # calls on their way, in the order they began, of all threads
        self.calls = collections.deque(maxlen=CALLS_MAX)
        self.left = collections.deque(maxlen=LEFT_MAX)
        self.file = ("", None)  # read last, and at which node
        self.server = None
        self.began_ns = time.monotonic_ns()
        self.looked_ns = 0
        self.models = []
        self.stale = 0  # entries of the loaded list that hold nothing any more

    # ---- what the wrappers tell ----

    def node(self):
        return getattr(self.server, "last_node_id", None)

    def read(self, file_name):
        self.file = (file_name, self.node())

    def made(self, patcher, prompt):
        """A patcher was made. The file that was read last names its model, if the same node read it."""
        with self.lock:
            self.know(patcher, self.file[0] if self.file[1] == self.node() else "", prompt)

    def begun(self, name):
        with self.lock:
            mine = [call for call in self.open if call.thread == threading.get_ident()]
            self.compare(mine[-1] if mine else None)
            self.open.append(Call(name, mine[-1].name if mine else "", time.monotonic_ns()))

    def ended(self, name, exception):
        with self.lock:
            call = next((c for c in reversed(self.open) if c.name == name and c.thread == threading.get_ident()), None)
            if call is None:
                return
            self.compare(call)
            self.open.remove(call)
            call.record["duration_ns"] = time.monotonic_ns() - call.began_ns
            call.record["exception"] = exception
            self.put(call.record)

    def put(self, record):
        """Calls that follow each other and did nothing are one line."""
        last = self.calls[-1] if self.calls else None
        if (last and not record["changes"] and not last["changes"] and not record["exception"] and not last["exception"]
                and (last["action"], last["inside"]) == (record["action"], record["inside"])):
            record["count"] += last["count"]
            self.calls.pop()
        self.calls.append(record)

    # ---- who left, who came ----

    def know(self, patcher, name, prompt):
        model = patcher.model
        seen = self.seen.get(id(model))
        if seen is None or seen.model() is not model:
            self.number += 1
            seen = self.seen[id(model)] = Seen(self.number, name or type(model).__name__, model, prompt)
        seen.add(patcher)
        return seen

    def listed(self):
        """Places in the loaded list by the number of the model; None where an entry holds nothing any more."""
        places = {}
        for place, entry in enumerate(list(mm.current_loaded_models)):
            patcher = getattr(entry, "model", None)
            if patcher is not None and getattr(patcher, "model", None) is not None:
                places.setdefault(self.know(patcher, "", 0).number, place)
        return places

    @staticmethod
    def state_of(seen, places):
        model = seen.model()
        if model is None:
            return "dead"
        loaded = getattr(model, "current_weight_patches_uuid", None) is not None
        if seen.number in places and loaded:
            return "resident"
        if not seen.living():
            return "leaked"
        return "loaded_unlisted" if loaded else "unloaded"

    def compare(self, call):
        """What is otherwise than at the last look came of this call, or of none."""
        places = self.listed()
        changes = []
        for key, seen in list(self.seen.items()):
            before, seen.state = seen.state, self.state_of(seen, places)
            model = seen.model()
            if model is not None:
                seen.keep = keep_of(model, next(iter(seen.living()), None))
            changes += self.change(seen, before, model, call)
            if seen.state == "dead":
                self.seen.pop(key, None)
        if call is None and changes:
            call = Call("", "", time.monotonic_ns())
            self.put(call.record)
        if changes:
            call.record["changes"] = (call.record["changes"] + changes)[:CHANGES_MAX]

    def change(self, seen, before, model, call):
        was, seen.loaded_bytes = seen.loaded_bytes, getattr(model, "model_loaded_weight_memory", None)
        told = {"model": seen.number, "name": seen.name}
        if seen.state == "resident":
            seen.departed = False
            if before != "resident":
                return [{**told, "what": "came"}]
            if isinstance(was, int) and isinstance(seen.loaded_bytes, int) and was != seen.loaded_bytes:
                return [{**told, "what": "moved", "before_bytes": was, "after_bytes": seen.loaded_bytes}]
            return []
        died = seen.state in ("dead", "leaked")
        if before == "resident" or (seen.state == "dead" and before):
            told.update(what="died" if seen.departed else "left", reason=self.reason(seen, died))
            if not seen.departed:
                seen.departed = True
                self.left.append({"model": seen.number, "name": seen.name, "kind": seen.kind, "keep": seen.keep,
                                  "reason": told["reason"], "action": call.name if call else "",
                                  "inside": call.inside if call else "", "time_ns": time.monotonic_ns()})
            return [told]
        return []

    # ---- what a client asks ----

    def busy(self):
        """Whether a call is running that decides what to free: then no look is taken."""
        return any(call.name not in LOOKED_THROUGH for call in self.open)

    def answer(self, observer):
        with self.lock:
            if not self.busy():
                if not self.open:
                    self.compare(None)
                places = self.listed()
                anchors = next(anchor_sets(), ())
                told = [self.tell(seen, places, observer, anchors) for seen in self.seen.values()]
                self.models = [model for model in told if model]
                self.stale = sum(getattr(entry, "model", None) is None for entry in list(mm.current_loaded_models))
                self.looked_ns = time.monotonic_ns()
            return {
                "layout": LAYOUT, "time_ns": time.monotonic_ns(), "began_ns": self.began_ns, "looked_ns": self.looked_ns,
                "devices": device_rows(self.models), "models": self.models, "stale": self.stale, "left": list(self.left), "actions": list(self.calls),
                "running": [{"action": call.name, "began_ns": call.began_ns} for call in self.open],
            }

    def tell(self, seen, places, observer, anchors):
        model = seen.model()
        if model is None:
            return None
        living = seen.living()
        keep = keep_of(model, living[-1] if living else None)
        try:
            blocks = Blocks(model)
        except RuntimeError:  # its modules change at this moment
            blocks = None
        by_device = None if blocks is None else collections.Counter()
        for name, size in blocks.bytes_on.items() if blocks else ():
            by_device[plain(name)] += size
        return {
            "model": seen.number, "name": seen.name, "kind": seen.kind, "keep": seen.keep if keep is None else keep,
            "state": self.state_of(seen, places), "listed": places.get(seen.number, -1),
            "device": plain(str(living[-1].load_device)) if living else "", "bytes": by_device,
            "blocks": [[plain(name), count] for _, count, name in (blocks.placed() if blocks else [])[:RUNS_MAX]],
            "holders": holders(model, living, seen.number in places, observer, anchors),
        }


def plain(name):
    """cpu:0 is the cpu, and mps:0 mps: there is one of each."""
    return name.split(":")[0] if name.split(":")[0] in ("cpu", "mps") else name


def holders(model, living, is_listed, observer, anchors):
    found = []

    def put(label, kind, strong=True):
        holder = {"label": label, "kind": kind, "strong": strong}
        if holder not in found:
            found.append(holder)

    if is_listed:
        put("loaded list", "list", False)
    if any(patcher in anchors for patcher in living):
        put("retention anchors", "anchors")
    for patcher in living:
        for label, kind in observer.caches_with(patcher):
            put(label, kind)
    if any(observer.manager_holds(patcher) for patcher in living):
        put("kept", "manager")
    if any(held is model or held in living for held in observer.holds):
        put("foreign hold", "foreign")
    return found


# ---- devices ----


def device_rows(models):
    weights = collections.Counter()
    for told in models:
        weights.update(told["bytes"] or {})
    rows = [main_row(weights.pop("cpu", 0))]
    rows += [accelerator_row(device, weights.pop(plain(str(device)), 0)) for device in ledger.accelerators()]
    current = mm.get_torch_device()
    if plain(str(current)) not in [row["name"] for row in rows]:
        name = plain(str(current))
        rows.append(row(name, int(mm.get_total_memory(current)), int(mm.get_free_memory(current)), weights.pop(name, 0)))
    return rows + [row(name, None, None, size) for name, size in sorted(weights.items()) if name not in [r["name"] for r in rows]]


def row(name, total, free, weights, other=None, cache=None):
    """What is used is weights, other tensors or memory of this process, cache that its allocator holds, and what is not reported."""
    rest = None if total is None or free is None else max(0, total - free - weights - (other or 0) - (cache or 0))
    return {"name": name, "total_bytes": total, "free_bytes": free, "weights_bytes": weights, "other_bytes": other,
            "cache_bytes": cache, "unattributed_bytes": rest}


def main_row(weights):
    device = torch.device("cpu")
    process = ledger.process_bytes()
    other = None if process is None else max(0, process - weights)
    return row("cpu", int(mm.get_total_memory(device)), int(mm.get_free_memory(device)), weights, other)


def accelerator_row(device, weights):
    name, total = plain(str(device)), ledger.capacity(device)
    try:
        used, allocated, cache = ledger.taken(device) if ledger.is_used(device) else (None, 0, 0)
    except Exception:  # a device that does not say
        used = None
    if used is None:
        return row(name, total, None, weights)
    return row(name, total, max(0, total - used), weights, max(0, allocated - weights), cache)


# ---- the queue ----


def queue_row(instance):
    """Of the running prompt, the node that is executed; of a /free that the worker has not come to yet, its flags."""
    queue = instance.prompt_queue
    with queue.mutex:
        running = list(queue.currently_running.values())
        pending = len(queue.queue)
        flags = sorted(str(name) for name, value in queue.flags.items() if value)
    node = getattr(instance, "last_node_id", None) if running else None
    prompt = running[0][2] if running and len(running[0]) > 2 and isinstance(running[0][2], dict) else {}
    known = prompt.get(node)
    return {"running": len(running), "pending": pending, "flags": flags, "node": None if node is None else str(node),
            "class": str(known.get("class_type", "")) if isinstance(known, dict) else ""}
