"""What is looked at: objects (patchers and their models), who lists and holds them, where their blocks are.

Nothing here keeps a model alive: objects are known by weak references, and what is looked at is let go before a function returns.
"""

import gc
import sys
import threading
import time
import weakref

import comfy.model_management as mm

# What each generation of ComfyUI-MultiGPU writes on a model: the attribute, and whether true means "keep".
KEEP_FLAGS = (
    ("_mgpu_keep_loaded", True),
    ("_mgpu_unload_distorch_model", False),
    ("_mgpu_eject_models", False),
)
ANCHOR_SETS = ("_MGPU_RETENTION_ANCHORS",)


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


def parameter_bytes(model):
    """Bytes by device, and a run-length list of (device, count) over the modules that have parameters of their own."""
    sizes, runs = {}, []
    for module in model.modules():
        device = None
        for parameter in module.parameters(recurse=False):
            device = device or str(parameter.device)
            name = str(parameter.device)
            sizes[name] = sizes.get(name, 0) + parameter.numel() * parameter.element_size()
        if device is None:
            continue
        if runs and runs[-1][0] == device:
            runs[-1][1] += 1
        else:
            runs.append([device, 1])
    return sizes, runs


def kind_of(model):
    names = {base.__name__ for base in type(model).__mro__}
    if "BaseModel" in names:
        return "unet"
    return "vae" if hasattr(model, "decode") else "clip"


def keep_of(model, patcher):
    """The wish that the newest flag says; None where there is no flag."""
    for holder in (patcher, model):
        for attribute, means_keep in KEEP_FLAGS:
            value = getattr(holder, attribute, None)
            if isinstance(value, bool):
                return value == means_keep
    return None


def modules_with(*names):
    """Modules that define all of these names. Their own dictionaries are asked: some modules say that they have any name."""
    for module in list(sys.modules.values()):
        own = getattr(module, "__dict__", {})
        if all(name in own for name in names):
            yield module


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
        self.dropped_caches = []  # weak: caches that a reset has let go
        self.executor = None  # weak
        self.holds = []  # foreign references that a scenario asked for: the only strong ones
        self.begun_ns = time.monotonic_ns()
        self.snapshot = 0
        self.prompt = 0
        self.cell = 0
        self.watching = False

    # ---- objects ----

    def begin(self, cell):
        with self.lock:
            self.objects, self.dropped_caches, self.holds = [], [], []
            self.snapshot = self.prompt = 0
            self.cell = cell
            self.begun_ns = time.monotonic_ns()
            self.watching = True

    def now_ns(self):
        return time.monotonic_ns() - self.begun_ns

    def add(self, patcher, file_name):
        """A patcher was made. A clone is known by its model; else the file that was read last names it."""
        with self.lock:
            if not self.watching:
                return
            base = next((k for k in self.objects if k.model() is patcher.model), None)
            name = f"{base.name.split('+')[0]}+clone" if base else file_name or type(patcher.model).__name__
            known = Known(len(self.objects) + 1, name, patcher, self.prompt)
            sizes, runs = parameter_bytes(patcher.model)
            known.record = {
                "model": known.number,
                "name": name,
                "generation": 1 + sum(k.name == name for k in self.objects),
                "inner": base.record["inner"] if base else known.number,
                "kind": kind_of(patcher.model),
                "size_bytes": sum(sizes.values()),
                "block_count": sum(count for _, count in runs),
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
            for known in self.objects:
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
            anchors = next(anchor_sets(), None)
            for known in self.objects:
                self.tell_keep(known)
            self.journal.put("snapshot", cell=self.cell, snapshot=self.snapshot, stage=name, time_ns=self.now_ns(),
                             anchor_count=-1 if anchors is None else len(anchors), listed_count=len(mm.current_loaded_models),
                             current_device=str(mm.get_torch_device()), exception=exception)
            for known in self.objects:
                self.put_residency(known, anchors)
                self.put_holders(known, anchors)

    def put_residency(self, known, anchors):
        model, patcher = known.model(), known.patcher()
        state = self.state_of(known)
        sizes, runs = parameter_bytes(model) if model is not None else ({}, [])
        total = sum(sizes.values())
        patched = model is not None and getattr(model, "current_weight_patches_uuid", None) is not None
        device = str(patcher.load_device) if patched and patcher is not None else ""
        here = sum(size for name, size in sizes.items() if same_device(name, device)) if patched else 0
        self.journal.put(
            "residency", snapshot=self.snapshot, model=known.number, state=state, listed=self.listed_at(known),
            patcher_alive=patcher is not None, model_alive=model is not None,
            anchored=-1 if anchors is None or patcher is None else int(patcher in anchors), device=device,
            foreign_patches=bool(patched and patcher is not None and patcher.patches_uuid != model.current_weight_patches_uuid),
            bytes_on_compute=here, bytes_elsewhere=total - here)
        first = 0
        for name, count in runs if patched and known.record["inner"] == known.number else ():
            self.journal.put("placement", snapshot=self.snapshot, model=known.number, first=first, count=count, device=name)
            first += count

    # ---- holders ----

    def put_holders(self, known, anchors):
        target = known.patcher()
        if target is None:
            target = known.model()
        if target is None:
            return

        def put(label, kind, strong=True):
            self.journal.put("holder", snapshot=self.snapshot, model=known.number, label=label, kind=kind, strong=strong)

        if self.listed_at(known) >= 0:
            put("loaded list", "list", False)
        if anchors is not None and target in anchors:
            put("retention anchors", "anchors")
        explained = self.put_caches(target, put)
        for held in self.holds:
            if held is target or held is known.model():
                put("foreign hold", "foreign")
                explained = True
        if not explained and self.state_of(known) != "resident":
            self.put_referrers(known, target, put)

    def put_caches(self, target, put):
        executor = self.executor() if self.executor else None
        caches = [(cache, "cache") for cache in getattr(getattr(executor, "caches", None), "all", ())]
        caches += [(reference(), "garbage") for reference in self.dropped_caches]
        found = False
        for cache, kind in caches:
            names = node_names(cache)
            for key, value in cached_values(cache):
                if reaches(value, target):
                    put(names.get(key, "a cached node"), kind)
                    found = True
        return found

    def put_referrers(self, known, target, put):
        """Whoever else refers to it, by the name of his type: where a leak is told of, somebody must be."""
        ours = (id(sys._getframe()), id(self.__dict__), id(known.__dict__))
        told = set()
        for referrer in gc.get_referrers(target):
            name = type(referrer).__name__
            if id(referrer) in ours or name in ("frame", "cell", "list_iterator") or name in told:
                continue
            if isinstance(referrer, dict):
                continue  # a __dict__ or a frame's names: its owner is who refers, and has been looked through above
            told.add(name)
            put(f"a {name}", "other")


def same_device(name, device):
    """cpu and cpu:0 are one device; the index of another kind matters."""
    return name == device or (name.split(":")[0] == "cpu" and device.split(":")[0] == "cpu")
