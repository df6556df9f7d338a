"""What is looked at: objects (patchers and their models), who lists and holds them, where their blocks are.

Nothing here keeps a model alive: objects are known by weak references, and what is looked at is released before a function returns.
"""

import threading
import time
import weakref

import comfy.model_management as mm

from . import ledger, paths, plans
from .blocks import Blocks, runs
from .plans import modules_with

# What each generation of ComfyUI-MultiGPU writes on a model: the attribute, and whether true means "keep". The newest first.
KEEP_FLAGS = (
    ("_mgpu_eject_models", False),
    ("_mgpu_unload_distorch_model", False),
    ("_mgpu_keep_loaded", True),
)
ANCHOR_SETS = ("_MGPU_RETENTION_ANCHORS",)
OBJECTS_MAX = 4096  # of one cell; each is told of at every stage, so that more would cost more than is allowed


class Known:
    """An object that was told of: the n-th patcher made for a name."""

    def __init__(self, number, name, patcher, prompt):
        self.number = number
        self.name = name
        self.patcher = weakref.ref(patcher)  # no callback: CPython gives everybody the same reference, dead or alive
        self.model = weakref.ref(patcher.model)
        self.prompt = prompt  # in which it was made
        self.state = None
        self.departed = False
        self.keep = None
        self.record = {}
        self.staged = None  # its state at the last stage
        self.told_placement = None  # where its blocks were when that was told last
        self.told_sizes = False
        self.own = None  # the allocation string of its loader; None: not known yet
        self.used, self.plan = None, {}  # the one it was placed by, and the blocks' devices
        self.load_device = ""  # for blocks that the plan does not name
        self.unowned_at = None  # how many collections there had been when it had no known holder


def kind_of(model):
    names = {base.__name__ for base in type(model).__mro__}
    if "BaseModel" in names:
        return "unet"
    return "vae" if hasattr(model, "decode") else "clip"


def keep_of(model, patcher):
    """What the newest flag asks for; None where there is no flag."""
    for holder in (patcher, model):
        for attribute, means_keep in KEEP_FLAGS:
            value = getattr(holder, attribute, None)
            if isinstance(value, bool):
                return value == means_keep
    return None


def anchor_sets():
    for name in ANCHOR_SETS:
        for module in modules_with(name):
            if isinstance(module.__dict__[name], set):
                yield module.__dict__[name]
                return  # modules that import it share the set


def cached_values(cache):
    """(key, value) of what an executor's cache holds, in subcaches too; of whatever version."""
    for key, value in list(getattr(cache, "cache", {}).items()):
        yield key, value
    for subcache in list(getattr(cache, "subcaches", {}).values()):
        yield from cached_values(subcache)


def node_names(cache):
    """"node 7" by the key of its slot."""
    keys = getattr(getattr(cache, "cache_key_set", None), "keys", None)
    return {key: f"node {node}" for node, key in list(keys.items())} if isinstance(keys, dict) else {}


def reaches(value, patcher, depth=0):
    """Whether a node's output holds a patcher: itself, in a CLIP or a VAE, or through its clones."""
    if value is patcher:
        return True
    if depth > 6:
        return False
    if isinstance(value, (list, tuple)):
        return any(reaches(item, patcher, depth + 1) for item in value)
    if isinstance(value, dict):
        return any(reaches(item, patcher, depth + 1) for item in list(value.values()))
    inner = getattr(value, "patcher", None) or getattr(value, "parent", None)
    if inner is not None:
        return reaches(inner, patcher, depth + 1)
    outputs = getattr(value, "outputs", None)  # later versions wrap an entry
    return isinstance(outputs, (list, tuple)) and reaches(outputs, patcher, depth + 1)


class Observer:
    def __init__(self, journal):
        self.journal = journal
        self.lock = threading.RLock()
        self.objects = []
        self.dropped_caches = []  # weak: caches that a reset has released
        self.executor = None  # weak
        self.holds = []  # foreign references that a scenario asked for: the only strong ones
        self.begun_ns = time.monotonic_ns()
        self.snapshot = 0
        self.snapshot_stage = ""
        self.prompt = 0
        self.cell = 0
        self.watching = False
        self.deep = False  # everybody is asked who refers to a leak: gc.get_referrers, a walk through all objects each time
        self.collections = 0  # whole ones, asked for
        self.ledger = ledger.Ledger()
        self.manager_holds = lambda target: False  # the guard's own reference

    # ---- objects ----

    def begin(self, cell, deep=False):
        with self.lock:
            self.objects, self.dropped_caches, self.holds = [], [], []
            self.snapshot = self.prompt = 0
            self.cell, self.deep = cell, deep
            self.ledger.begin()
            self.begun_ns = time.monotonic_ns()
            self.watching = True

    def forget(self):
        """Off: nothing is known any more, and nothing held."""
        with self.lock:
            self.watching = False
            self.objects, self.dropped_caches, self.holds, self.executor = [], [], [], None

    def now_ns(self):
        return time.monotonic_ns() - self.begun_ns

    def add(self, patcher, file_name):
        """A patcher was made. A clone is known by its model; else the file that was read last names it."""
        with self.lock:
            if not self.watching:
                return
            if len(self.objects) >= OBJECTS_MAX:
                self.journal.drop()
                return
            base = next((k for k in self.objects if k.model() is patcher.model), None)
            name = f"{base.name.split('+')[0]}+clone" if base else file_name or type(patcher.model).__name__
            known = Known(len(self.objects) + 1, name, patcher, self.prompt)
            blocks = Blocks(patcher.model)
            known.record = {
                "model": known.number,
                "name": name,
                "generation": 1 + sum(k.name == name for k in self.objects),
                "inner": base.record["inner"] if base else known.number,
                "kind": kind_of(patcher.model),
                "size_bytes": blocks.total,
                "block_count": len(blocks.names),
            }
            self.objects.append(known)
            self.journal.put("model", **known.record, keep=None)
            if base is None:
                self.journal.put("load", model=known.number, after_snapshot=self.snapshot, from_disk=True, time_ns=self.now_ns())

    def tell_keep(self, known):
        model, patcher = known.model(), known.patcher()
        keep = keep_of(model, patcher) if model is not None else known.keep
        if keep != known.keep:
            known.keep = keep
            self.journal.put("model", **known.record, keep=keep)

    def resolve_own(self):
        """Notes the strings of loaders that have run: before the next one reads, and at a stage."""
        with self.lock:
            for known in self.objects if self.watching else ():
                model, patcher = known.model(), known.patcher()
                if known.own is None and model is not None:
                    known.own = plans.own_allocation(model, patcher)

    def planned(self, target, string, result):
        """A planner has placed a patcher, or its model, by a string. Clones share the model, and so where it is."""
        with self.lock:
            known = next((k for k in self.objects if target is not None and (target is k.patcher() or target is k.model())), None)
            if known is not None:
                first = self.objects[known.record["inner"] - 1]
                first.used, first.plan = str(string), plans.assignments(result)
                first.load_device = str(getattr(known.patcher(), "load_device", ""))
                first.told_placement = None

    # ---- states ----

    @staticmethod
    def listed_at(known):
        for index, entry in enumerate(mm.current_loaded_models):
            if getattr(entry, "_model", None) is known.patcher:
                return index
        return -1

    def state_of(self, known):
        model = known.model()
        if model is None:
            return "dead"
        if known.patcher() is None:
            return "leaked"
        if getattr(model, "current_weight_patches_uuid", None) is None:
            return "unloaded"
        return "resident" if self.listed_at(known) >= 0 else "loaded_unlisted"

    def check(self, reason_of):
        """Tells of objects that have left since the last look, with the reason that reason_of(known, died) gives."""
        with self.lock:
            for known in self.objects if self.watching else ():
                state = self.state_of(known)
                if state == "resident":
                    known.departed = False
                elif known.state == "resident" or (state == "dead" and known.state not in (None, "dead") and not known.departed):
                    known.departed = True
                    reason = reason_of(known, state in ("dead", "leaked"))
                    self.journal.put("departure", model=known.number, after_snapshot=self.snapshot, reason=reason,
                                     time_ns=self.now_ns())
                elif state == "loaded_unlisted" and known.state in (None, "unloaded"):
                    # never listed itself: another patcher of its model has been loaded, and the weights are there in that one's name
                    self.journal.put("departure", model=known.number, after_snapshot=self.snapshot, reason="superseded",
                                     time_ns=self.now_ns())
                known.state = state

    # ---- a stage ----

    def stage(self, name, exception=""):
        with self.lock:
            if not self.watching:
                return
            self.snapshot += 1
            self.snapshot_stage = name
            self.resolve_own()
            anchors = next(anchor_sets(), None)
            for known in self.objects:
                self.tell_keep(known)
            self.journal.put("snapshot", cell=self.cell, snapshot=self.snapshot, stage=name, time_ns=self.now_ns(),
                             anchor_count=-1 if anchors is None else len(anchors), listed_count=len(mm.current_loaded_models),
                             current_device=str(mm.get_torch_device()), exception=exception)
            weights = {}
            unexplained = []
            for known in self.objects:
                blocks = self.put_residency(known, anchors)
                if blocks and known.record["inner"] == known.number:
                    self.put_placement(known, blocks)
                    for device, size in blocks.bytes_on.items():
                        weights[device] = weights.get(device, 0) + size
                if not self.put_holders(known, anchors):
                    unexplained.append(known)
            self.put_reasons(name, unexplained)
            self.put_memory(weights)
            for known in self.objects:
                known.staged = self.state_of(known)

    def put_residency(self, known, anchors):
        model, patcher = known.model(), known.patcher()
        state = self.state_of(known)
        blocks = Blocks(model) if model is not None else None
        patched = model is not None and getattr(model, "current_weight_patches_uuid", None) is not None
        device = str(patcher.load_device) if patched and patcher is not None else ""
        here = sum(size for name, size in blocks.bytes_on.items() if same_device(name, device)) if patched else 0
        self.journal.put(
            "residency", snapshot=self.snapshot, model=known.number, state=state, listed=self.listed_at(known),
            patcher_alive=patcher is not None, model_alive=model is not None,
            anchored=-1 if anchors is None or patcher is None else int(patcher in anchors), device=device,
            foreign_patches=bool(patched and patcher is not None and patcher.patches_uuid != model.current_weight_patches_uuid),
            bytes_on_compute=here, bytes_elsewhere=blocks.total - here if blocks else 0)
        return blocks

    def put_placement(self, known, blocks):
        """Where blocks are, and where the plan wants them, when something has moved."""
        model, patcher = known.model(), known.patcher()
        patched = getattr(model, "current_weight_patches_uuid", None) is not None
        placed = blocks.placed()
        if known.told_placement == (placed, patched):
            return
        known.told_placement = (placed, patched)
        if not known.told_sizes:
            known.told_sizes = True
            for first, count, size in runs(blocks.sizes):
                self.journal.put("block", model=known.number, first=first, count=count, size_bytes=size)
        for first, count, device in placed:
            self.journal.put("placement", snapshot=self.snapshot, model=known.number, first=first, count=count, device=device)
        used, plan = (known.used, known.plan) if known.used else plans.remembered(patcher)
        load_device = known.load_device or str(getattr(patcher, "load_device", ""))
        if not patched or not used:
            return
        self.journal.put("allocation", snapshot=self.snapshot, model=known.number, own=(known.own or "")[:255], used=used[:255])
        for first, count, device in blocks.planned(plan, load_device):
            self.journal.put("planned", snapshot=self.snapshot, model=known.number, first=first, count=count, device=device)

    def put_memory(self, weights):
        executor = self.executor() if self.executor else None
        seen, results = set(), {}
        for cache in getattr(getattr(executor, "caches", None), "all", ()):
            for _, value in cached_values(cache):
                ledger.tensor_bytes(value, seen, results)
        for device, line, size in self.ledger.lines(weights, results):
            self.journal.put("memory", snapshot=self.snapshot, device=device, line=line, size_bytes=max(0, size))

    # ---- holders ----

    def put_holder(self, known, label, kind, strong=True):
        self.journal.put("holder", snapshot=self.snapshot, model=known.number, label=label[:63], kind=kind, strong=strong)

    def put_holders(self, known, anchors):
        """By walking known owners. Whether that explains why it is alive, or nothing needs to."""
        target = known.patcher()
        if target is None:
            target = known.model()
        if target is None:
            return True
        explained = self.state_of(known) == "resident"
        if self.listed_at(known) >= 0:
            self.put_holder(known, "loaded list", "list", False)
        if anchors is not None and target in anchors:
            self.put_holder(known, "retention anchors", "anchors")
            explained = True
        if self.manager_holds(target):
            self.put_holder(known, "kept", "manager")
            explained = True
        for label, kind in self.caches_with(target):
            self.put_holder(known, label, kind)
            explained = True
        for held in self.holds:
            if held is target or held is known.model():
                self.put_holder(known, "foreign hold", "foreign")
                explained = True
        if explained:
            known.unowned_at = None
        return explained

    def drop_caches(self, caches):
        """A reset lets them go. Those of earlier ones that are gone are forgotten."""
        self.dropped_caches = [reference for reference in self.dropped_caches if reference() is not None]
        self.dropped_caches += [weakref.ref(cache) for cache in caches]

    def all_caches(self):
        """(cache, kind)"""
        executor = self.executor() if self.executor else None
        for cache in getattr(getattr(executor, "caches", None), "all", ()):
            yield cache, "cache"
        for reference in self.dropped_caches:
            cache = reference()
            if cache is not None:
                yield cache, "garbage"

    def caches_with(self, target):
        for cache, kind in self.all_caches():
            names = node_names(cache)
            for key, value in cached_values(cache):
                if reaches(value, target):
                    yield names.get(key, "a cached node"), kind

    # ---- why something is alive, where that is evidence ----

    def wants_path(self, known, stage, unexplained):
        state = self.state_of(known)
        if state == "dead":
            return False
        if stage == "end":
            return state != "resident" or known.keep is not True or known.record["generation"] > 1
        if known.staged is None:
            return known.record["generation"] > 1
        return state != "resident" and (state != known.staged or (known in unexplained and stage == "after_gc"))

    def put_reasons(self, stage, unexplained):
        wanted = [known for known in self.objects if self.wants_path(known, stage, unexplained)]
        targets = {known.number: known.patcher() or known.model() for known in wanted}
        found = paths.search(self.roots(), targets.values()) if targets else {}
        if any(id(target) not in found for target in targets.values()):
            found = {**paths.search(paths.packs(), targets.values()), **found}
        for known in wanted:
            self.put_path(known, targets[known.number], found.get(id(targets[known.number])), known in unexplained)
        for known in unexplained:
            if known not in wanted:
                self.note_unowned(known, stage)

    def roots(self):
        for cache, kind in self.all_caches():
            names = node_names(cache)
            for key, value in cached_values(cache):
                owner = ("executor", "caches") if kind == "cache" else ("",)
                yield (*owner, names.get(key, "a cached node")), value
        for anchors in anchor_sets():
            yield ("retention anchors",), anchors
        yield ("foreign hold",), self.holds
        yield ("loaded list",), mm.current_loaded_models

    def put_path(self, known, target, labels, unexplained):
        kind = "patcher" if known.patcher() is target else "model"
        if labels and labels[0] == "":
            length, text = 0, "unreachable: garbage until the next collection"
        elif labels:
            length, text = paths.text(labels, kind, known.name)
            if unexplained:
                self.put_holder(known, labels[0] if len(labels) < 2 else f"{labels[0]}, {labels[1]}", "other")
        elif self.deep:
            length, text = self.ask_everybody(known, target, kind, unexplained)
        else:
            length, text = 0, "no owner that the probe knows; --deep asks everybody"
            if unexplained:
                self.note_unowned(known, "")
        self.journal.put("path", snapshot=self.snapshot, model=known.number, length=length, path=text[:255])

    def note_unowned(self, known, stage):
        """Alive after a whole collection, and no known holder: then an unknown one holds it, and not by chance."""
        if known.unowned_at is None:
            known.unowned_at = self.collections - (self.snapshot_stage == "after_gc")
        if self.collections > known.unowned_at:
            self.put_holder(known, "unknown holder", "other")

    def ask_everybody(self, known, target, kind, unexplained):
        ours = (id(self.__dict__), id(known.__dict__), id(self.holds))
        labels, direct = paths.others(target, ours)
        for name in sorted(set(direct)) if unexplained else ():
            if name not in ("cell", "list_iterator", "frame"):
                self.put_holder(known, f"a {name}", "other")
        if labels:
            return paths.text(labels, kind, known.name)
        return 0, "unreachable: garbage until the next collection" if not direct else "no named object leads to it"


def same_device(name, device):
    """cpu and cpu:0 are one device; the index of another kind matters."""
    return name == device or (name.split(":")[0] == "cpu" and device.split(":")[0] == "cpu")
