"""The guard, off unless asked for: a model that is to be kept stays until that request ends, is found again by the next prompt,
and every other one goes when a free asks for it. What the tool calls policy `strict`, on a live server.

The request is a keep flag of a loader of ComfyUI-MultiGPU (`keep_loaded`, or from v2.5.1 on `eject_models` turned round); for a loader
that has no such input it is that its file is named in guard.txt. It ends when that loader runs with the flag off, when a full cleanup
node runs, or when POST /free says `release_kept: true`.

Whatever goes wrong in here is logged, and ComfyUI does what it does without a guard.
"""

import copy
import functools
import inspect
import json
import logging
import os
import threading

import comfy.model_management as mm
import execution

log = logging.getLogger("residency guard")

SWITCH = "guard.txt"  # in this folder: the guard is on while it is there; a name a line
KEEP_INPUTS = {"eject_models": False, "keep_loaded": True}  # an input of a loader, and which value of it means "keep"; newest first


def or_without(function):
    """The guard's own failures stay here: None, and the caller goes on as if there were no guard."""

    @functools.wraps(function)
    def guarded(self, *args, **kwargs):
        try:
            return function(self, *args, **kwargs)
        except Exception:
            log.exception("residency guard: %s failed; ComfyUI does what it does without a guard", function.__name__)
            return None

    return guarded


def patcher_of(value):
    """The patcher that a node's value is, or has, as a CLIP, a VAE or a ControlNet; else None."""
    for candidate in (value, getattr(value, "patcher", None), getattr(value, "control_model_wrapped", None)):
        if hasattr(candidate, "load_device") and hasattr(candidate, "model"):
            return candidate
    return None


def parts_of(value):
    """(value, patcher) of what a node takes or gives: values in lists, in lists or a tuple."""
    if isinstance(value, (list, tuple)):
        return [part for item in value for part in parts_of(item)]
    patcher = patcher_of(value)
    return [] if patcher is None else [(value, patcher)]


def wrappers_round(value):
    """A CLIP or a VAE can be changed by whoever has it: everybody gets his own, round the same patcher."""
    if isinstance(value, (list, tuple)):
        return type(value)(wrappers_round(item) for item in value)
    return copy.copy(value) if patcher_of(value) not in (None, value) else value


def keep_inputs_of(loader):
    """(name, declaration) of the inputs by which a loader says it."""
    types = loader.INPUT_TYPES()
    declared = {**types.get("required", {}), **types.get("optional", {})}
    return [(name, declared[name]) for name in KEEP_INPUTS if name in declared]


def device_for(value):
    """Where a loader would put it now."""
    name = "text_encoder_device" if hasattr(value, "tokenize") else "vae_device" if hasattr(value, "decode") else "get_torch_device"
    return getattr(mm, name)()


class Loading:
    """A loader that runs; or has run with its keep flag on, and is kept."""

    def __init__(self, loader, keep):
        self.loader = loader
        self.keep = keep
        self.key = None  # its class, its files and every other input of the loader proper
        self.result = None  # what that returned
        self.parts = []  # of the result: value, patcher, the device that it was loaded for
        self.clones = {}  # by model, the newest


class Guard:
    def __init__(self, names):
        self.names = set(names)
        self.kept = {}  # by key; the only strong references. Replaced and never changed, so that any thread may look
        self.lock = threading.Lock()  # of who replaces it
        self.loading = None
        self.load_bytes = float("inf")  # the most that the load that runs has use for
        self.displaces = False
        self.settle = self.released = lambda: None

    def keeps(self, patcher):
        """Whether a patcher's model is to stay."""
        return any(patcher.model is part.model for kept in self.kept.values() for _, part, _ in kept.parts)

    def holds(self, thing):
        """Whether it is a patcher, or a patcher's model, that the guard itself refers to."""
        held = [part for kept in self.kept.values() for part in [*(part for _, part, _ in kept.parts), *kept.clones.values()]]
        return any(thing is part or thing is part.model for part in held)

    def release(self):
        self.released()  # before anything can die of it
        with self.lock:
            self.kept = {}

    # ---- a free, and pressure ----

    def around(self, name, inner):
        """What the probe's outermost wrapper calls in place of inner."""
        act = {"unload_all_models": self.unload_all_models, "free_memory": self.free_memory, "load_models_gpu": self.load}.get(name)
        return functools.partial(act, inner) if act else inner

    def unload_all_models(self, inner, *args, **kwargs):
        return None if self.unload_others() else inner(*args, **kwargs)

    @or_without
    def unload_others(self):
        """On every device. The list is edited in place; an entry whose patcher is dead leaves it when its model dies."""
        for entry in list(mm.current_loaded_models):
            if entry.model is not None and not self.keeps(entry.model):
                self.take_out(entry)
            elif entry.model is None and entry.real_model and entry.real_model() is not None:
                entry.real_model().to(mm.unet_offload_device())
        mm.soft_empty_cache()
        return True

    def take_out(self, entry):
        self.displaces = True
        try:
            entry.model_unload()
        finally:
            self.displaces = False
        mm.current_loaded_models[:] = [other for other in mm.current_loaded_models if other is not entry]

    def model_unload(self, inner, entry, *args, **kwargs):
        """Whoever unloads comes through here; false means that it is still loaded."""
        return False if self.refuses(entry) else inner(entry, *args, **kwargs)

    @or_without
    def refuses(self, entry):
        return not self.displaces and entry.model is not None and self.keeps(entry.model)

    def free_memory(self, inner, need, device, *args, **kwargs):
        """Kept models go last, and for want of room alone."""
        freed = inner(need, device, *args, **kwargs)
        if not self.lacks(need, device):
            return freed
        self.displaces = True
        try:
            return (freed or []) + (inner(need, device, *args, **kwargs) or [])
        finally:
            self.displaces = False

    @or_without
    def lacks(self, need, device):
        """A loader that asks for the whole device, so that others go, lacks no more than its model's size."""
        kept = any(entry.device == device and entry.model and self.keeps(entry.model) for entry in mm.current_loaded_models)
        return kept and mm.get_free_memory(device) < min(need, self.load_bytes)

    def load(self, inner, *args, **kwargs):
        before = self.load_bytes
        self.load_bytes = self.bytes_for(*args, **kwargs) or before
        try:
            return inner(*args, **kwargs)
        finally:
            self.load_bytes = before

    @or_without
    def bytes_for(self, models, memory_required=0, *args, **kwargs):
        """As core reckons it."""
        listed = [entry.model.model for entry in mm.current_loaded_models if entry.model is not None]
        size = sum(patcher.model_size() for patcher in models if not any(patcher.model is model for model in listed))
        return size * 1.1 + max(mm.minimum_inference_memory(), memory_required + mm.extra_reserved_memory())

    # ---- nodes ----

    async def run_node(self, inner, *args, **kwargs):
        self.begin(*args)
        try:
            output = self.found()
            if output is None:
                output = await inner(*args, **kwargs)
            self.end(output)
            return output
        finally:
            self.loading = None

    @or_without
    def begin(self, prompt, number, node, inputs, *args):
        self.loading = None
        loader = node if isinstance(node, type) else type(node)
        if loader.__name__ == "FullCleanupMultiGPU":
            self.release()
        keep = None if parts_of(list(inputs.values())) else self.keep_request(loader, inputs)
        if keep is not None:
            self.loading = Loading(loader, keep)
            if not self.stand_in(loader):  # no function to stand round: all of the node's inputs count
                self.loading.key = self.key(inputs)

    def keep_request(self, loader, inputs):
        """True, false, or None where neither a flag nor a name says."""
        for name, declared in keep_inputs_of(loader):
            return inputs.get(name, [declared[1].get("default")])[0] == KEEP_INPUTS[name]
        for text in (value for values in inputs.values() for value in values if isinstance(value, str)):
            file = os.path.basename(text.replace("\\", "/"))
            if self.names & {text, file, os.path.splitext(file)[0]}:
                return True
        return None

    def key(self, inputs, *args):
        """None where inputs cannot be compared."""
        try:
            return self.loading.loader, json.dumps([args, {name: inputs[name] for name in inputs if name not in KEEP_INPUTS}], sort_keys=True)
        except TypeError:
            log.warning("residency guard: what %s loads depends on more than names and numbers; it is not kept", self.loading.loader)
            return None

    def stand_in(self, loader):
        """Round the function of the loader proper. What ComfyUI-MultiGPU has wrapped round it runs: another allocation may have come."""
        proper = next((base for base in loader.__mro__ if hasattr(base, "FUNCTION") and not keep_inputs_of(base)), loader)
        if not isinstance(inspect.getattr_static(proper, "FUNCTION"), str):
            return False
        inner = getattr(proper, proper.FUNCTION)
        if getattr(inner, "residency_guard", None) is not self:

            @functools.wraps(inner)
            def outer(node, *args, **kwargs):
                loading = self.loading if self.loading and self.loading.key is None else None  # else no loader's, or one within another
                found = self.find(loading, args, kwargs) if loading else None
                if found is not None:
                    return found
                result = inner(node, *args, **kwargs)
                if loading:
                    loading.result = result
                return result

            outer.residency_guard = self
            setattr(proper, proper.FUNCTION, outer)
        return True

    @or_without
    def find(self, loading, args, kwargs):
        """What is kept of the loader that runs."""
        loading.key = self.key(kwargs, *args)
        return self.found()

    @or_without
    def found(self):
        kept = self.kept.get(self.loading.key) if self.loading else None
        if kept is None:
            return None
        for number, (value, patcher, device) in enumerate(kept.parts):
            if device_for(value) != device:
                kept.parts[number] = (value, patcher, self.place_again(value, patcher, device))
        self.loading.result, self.loading.parts, self.loading.clones = kept.result, kept.parts, kept.clones
        log.info("residency guard: %s: the kept copy is used", kept.key[1])
        return wrappers_round(kept.result)

    def place_again(self, value, patcher, device):
        """Another compute device: it goes from where it is, and its next load brings it there. One that was pinned elsewhere stays."""
        if patcher.load_device == device:
            for entry in [entry for entry in mm.current_loaded_models if entry.model and entry.model.model is patcher.model]:
                self.take_out(entry)
            patcher.load_device = device_for(value)
            if value is not patcher:
                value.device = patcher.load_device
        return device_for(value)

    @or_without
    def end(self, output):
        """Before any consumer runs."""
        self.settle()
        loading = self.loading
        if loading is None:
            return self.note_clones(parts_of(output[0])) if self.kept else None
        if loading.keep and loading.key and not loading.parts:
            loading.result = wrappers_round(output if loading.result is None else loading.result)
            loading.parts = [(value, patcher, device_for(value)) for value, patcher in parts_of(loading.result)]
        with self.lock:
            others = {key: kept for key, kept in self.kept.items() if key != loading.key}
            self.kept = {**others, loading.key: loading} if loading.keep and loading.parts else others
        return None

    def note_clones(self, parts):
        """Of a base and its clones the base and the newest clone are kept; that holds whom it was cloned from."""
        for _, patcher in parts:
            for kept in self.kept.values():
                if getattr(patcher, "parent", None) and any(patcher.model is part.model for _, part, _ in kept.parts):
                    kept.clones[id(patcher.model)] = patcher


def start(probe):
    """The guard, where it was asked for and can be; else None."""
    try:
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), SWITCH), encoding="utf-8") as file:
            guard = Guard(line.strip() for line in file if line.strip() and not line.startswith("#"))
    except FileNotFoundError:
        return None

    import server
    from aiohttp import web

    @web.middleware
    async def hear(request, handler):
        try:
            if request.method == "POST" and request.path in ("/free", "/api/free") and (await request.json()).get("release_kept") is True:
                guard.release()
        except Exception:
            log.exception("residency guard: it could not read a request to free")
        return await handler(request)

    try:
        guard.settle, guard.released = probe.settle_outermost, probe.released
        server.PromptServer.instance.app.middlewares.append(hear)
        if not inspect.iscoroutinefunction(getattr(execution, "get_output_data", None)):
            log.error("residency guard: this ComfyUI runs no node by awaiting execution.get_output_data; nothing is kept")
            return None
        probe.guard(mm.LoadedModel, "model_unload", guard.model_unload)
        probe.guard(execution, "get_output_data", guard.run_node, awaited=True)
    except Exception:
        log.exception("residency guard: it could not start, and keeps nothing")
        return None
    log.info("residency guard: on; names: %s", ", ".join(sorted(guard.names)) or "none")
    return guard
