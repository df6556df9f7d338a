"""For probe_cost.py: nodes of a small workflow, and an observer that knows models by weak references and wraps nothing of ComfyUI's.

GET /bench/state says who is listed and alive; ?count=1 also how many objects there are, after a collection. With RESIDENCY_BENCH_TIMES
set and the probe there, the time spent in the probe is added up, by what it was spent for.
"""

import ctypes
import gc
import os
import sys
import threading
import time
import weakref

import comfy.model_management as mm
import psutil
import server
import torch
from aiohttp import web

COLLECT = getattr(gc.collect, "__wrapped__", gc.collect)
KNOWN = []  # (weak reference to a patcher, weak reference to its model)
TIMES = {}  # name: [calls, seconds, longest]
LOCAL = threading.local()


def trim():
    """What the C library only keeps for later is no growth."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError, TypeError):
        pass


def look():
    for entry in mm.current_loaded_models:
        patcher = entry.model
        if patcher is not None and not any(known() is patcher for known, _ in KNOWN):
            KNOWN.append((weakref.ref(patcher), weakref.ref(patcher.model)))


def state_of(known):
    patcher, model = known[0](), known[1]()
    if model is None:
        return "dead"
    if patcher is None:
        return "model alone"
    listed = next((place for place, entry in enumerate(mm.current_loaded_models) if entry.model is patcher), -1)
    loaded = getattr(model, "current_weight_patches_uuid", None) is not None
    return f"{type(model).__name__} {'listed ' + str(listed) if listed >= 0 else 'unlisted'} {'loaded' if loaded else 'unloaded'}"


class BenchModel:
    """In place of conditioning and latent nodes: what a sampler needs, made of nothing."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"seed": ("INT", {"default": 0, "min": 0, "max": 2**31})}}

    RETURN_TYPES = ("CONDITIONING", "LATENT", "LATENT")
    FUNCTION = "make"
    CATEGORY = "bench"

    def make(self, seed):
        return ([[torch.zeros(1, 16, 4096), {}]], {"samples": torch.zeros(1, 16, 1, 8, 8)}, {"samples": torch.zeros(1, 16, 8, 8)})


class BenchEnd:
    """The end of a workflow: looks at the loaded list, and keeps nothing."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"latent": ("LATENT",)}, "optional": {"conditioning": ("CONDITIONING",), "image": ("IMAGE",)}}

    RETURN_TYPES = ()
    OUTPUT_NODE = True
    FUNCTION = "end"
    CATEGORY = "bench"

    def end(self, latent, conditioning=None, image=None):
        look()
        return {"ui": {}}


def timed(probe, name):
    """Adds up what the outermost of the probe's own doings takes. What they wrap is outside of all of them."""
    inner = getattr(probe, name)

    def outer(*args, **kwargs):
        if getattr(LOCAL, "inside", False):
            return inner(*args, **kwargs)
        LOCAL.inside = True
        began = time.thread_time()  # the processor's: another program's turn is no cost of the probe
        try:
            return inner(*args, **kwargs)
        finally:
            spent = time.thread_time() - began
            LOCAL.inside = False
            of = f"stage {args[0]}" if name == "tell" else f"{name} {args[0]}" if name in ("before", "after") else name
            told = TIMES.setdefault(of, [0, 0.0, 0.0])
            TIMES[of] = [told[0] + 1, told[1] + spent, max(told[2], spent)]

    setattr(probe, name, outer)


def find_probe():
    """The probe, by a wrapper of its own; node packs are imported in no certain order."""
    probe = getattr(gc.collect, "residency_probe", None)
    if probe is not None and not hasattr(probe, "is_timed") and os.environ.get("RESIDENCY_BENCH_TIMES"):
        probe.is_timed = True
        for doing in ("tell", "before", "after", "settle_outermost", "add", "before_read"):
            timed(probe, doing)
    return probe


@server.PromptServer.instance.routes.get("/bench/state")
async def state(request):
    queue, probe = server.PromptServer.instance.prompt_queue, find_probe()
    answer = {"states": [state_of(known) for known in KNOWN], "flags": dict(queue.flags), "times": TIMES,
              "waiting": not queue.get_tasks_remaining() and bool(queue.not_empty._waiters)}
    if request.query.get("count"):
        COLLECT()
        trim()
        answer["objects"] = len(gc.get_objects())
        answer["rss"] = psutil.Process().memory_info().rss
        answer["modules"] = len(sys.modules)
        if probe is not None:
            answer["journal"] = {"lines": len(probe.journal.lines), "bytes": probe.journal.bytes, "dropped": probe.journal.dropped,
                                 "failures": probe.failures, "objects": len(probe.observer.objects)}
    return web.json_response(answer)


NODE_CLASS_MAPPINGS = {"ResidencyBenchModel": BenchModel, "ResidencyBenchEnd": BenchEnd}
