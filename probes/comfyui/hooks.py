"""Where the probe stands: round the functions of ComfyUI that make models come and go.

Each wrapper is the outermost one. A pack that patches later goes outside of it; so before the worker waits, every place is looked
at again, and what is not ours any more is wrapped again. The older wrapper, now inside, sees that the function is already on its
way in this thread and only passes on. A wrapper calls what it wraps exactly once, with what it was given, and lets through what
that returns or raises; whatever goes wrong in the probe itself is logged, and stays here.
"""

import functools
import gc
import importlib
import inspect
import logging
import os
import sys
import threading
import weakref

import comfy.model_management as mm

from . import guard, plans
from .cells import Devices, Worker, order_outputs
from .journal import Journal
from .faults import Faults
from .now import Recent
from .observe import Observer, anchor_sets, modules_with

log = logging.getLogger("residency probe")


def optional(module, name=None):
    """What a version of ComfyUI may not have; None then."""
    try:
        found = importlib.import_module(module)
        return found if name is None else getattr(found, name, None)
    except Exception:
        return None


FAILURES_LOGGED = 5


def quietly(function):
    """The probe's own failures stay here; the first are logged, all are counted."""

    @functools.wraps(function)
    def guarded(self, *args, **kwargs):
        try:
            return function(self, *args, **kwargs)
        except Exception:
            self.failures += 1
            if self.failures <= FAILURES_LOGGED:
                log.exception("residency probe: %s failed", function.__name__)
            return None

    return guarded


def describe(error):
    try:
        return f"{type(error).__name__}: {error}"[:250]
    except Exception:  # an error that cannot say itself
        return type(error).__name__


def is_outermost(place):
    """Whether it is a wrapper of ours, and not one round it that has copied its attributes, as functools.wraps does."""
    return getattr(place, "residency_wrapper", None) == id(place)


class Probe:
    def __init__(self):
        self.journal = Journal()
        self.observer = Observer(self.journal)
        self.recent = Recent(self.reason)
        self.local = threading.local()
        self.on = False
        self.failures = 0
        self.worker = Worker()
        self.faults = Faults()
        self.devices = Devices()
        self.death = ""
        self.death_told = False
        self.last_file = ""
        self.drop_node_flags = False
        self.places = []
        self.guards = {}
        self.missing = []  # hook points that this ComfyUI has not
        self.modules_seen = 0  # when planners were looked for last
        self.strict = None  # the guard, where it is on

    # ---- what is on its way in this thread ----

    @property
    def stack(self):
        if not hasattr(self.local, "stack"):
            self.local.stack = []
        return self.local.stack

    def in_worker(self):
        return threading.current_thread() is self.worker.thread

    @property
    def queue(self):
        return self.worker.queue

    def reason(self, known, died):
        stack = self.stack
        if died and known.model() is not None:
            return "died_by_refcount"
        if "gc.collect" in stack[-1:]:
            return "died_in_gc"
        if "free_memory" in stack and not died:
            if "unload_all_models" in stack:
                return "unloaded_by_core"
            return "evicted_by_load" if "execute" in stack else "evicted_by_pressure"
        if "unload_all_models" in stack:
            return "anchors_cleared" if died else "unloaded_by_policy"
        if "load_models_gpu" in stack and not died:
            return "superseded"
        if "execute" in stack and died:
            executor = self.observer.executor() if self.observer.executor else None
            if "DEPENDENCY" in str(getattr(executor, "cache_type", "")):
                return "died_with_cache"
            if known.prompt < self.observer.prompt:
                return "dropped_by_workflow"
        return "died_by_refcount" if died else "unloaded_by_core"

    @quietly
    def look(self):
        self.observer.check(self.reason)

    @quietly
    def tell(self, stage, exception=""):
        self.observer.check(self.reason)
        self.observer.stage(stage, exception)

    @quietly
    def note(self, tell, *args):
        """For GET /residency/now."""
        tell(*args)

    # ---- before and after each function ----

    @quietly
    def before(self, name, args):
        self.note(self.recent.begun, name)
        at_top = self.in_worker() and not self.stack
        if name in ("unload_all_models", "free_memory", "load_models_gpu", "gc.collect"):
            self.observer.check(self.reason)
        if name == "unload_all_models" and at_top:
            flags = self.queue_flags()
            self.observer.journal.put("request", after_snapshot=self.observer.snapshot, unload_models=True, free_memory=flags)
            self.tell("before_unload")
        if name == "reset" and args and getattr(args[0], "caches", None) is not None:
            self.observer.executor = weakref.ref(args[0])
            # the set itself goes at once; its caches are in cycles, and stay until a collection
            self.observer.drop_caches(getattr(args[0].caches, "all", ()))
        if name == "execute":
            self.observer.executor = weakref.ref(args[0])
            self.observer.prompt += 1
            self.flags_before = dict(self.queue.flags) if self.queue else {}
            self.faults.prompt_begins()

    def failure(self):
        """What ended the last prompt early: the executor keeps it to itself, and to its messages."""
        executor = self.observer.executor() if self.observer.executor else None
        for event, data in getattr(executor, "status_messages", ()):
            if event == "execution_error":
                return f"{data['exception_type']}: {data['exception_message']}".strip()[:250]
            if event == "execution_interrupted":
                return "InterruptProcessingException"
        return ""

    def queue_flags(self):
        return bool(getattr(self.local, "free_memory", False))

    @quietly
    def after(self, name, at_top, exception):
        self.note(self.recent.ended, name, exception)
        if name in ("unload_all_models", "free_memory", "load_models_gpu", "gc.collect", "execute"):
            self.observer.check(self.reason)
        if name == "gc.collect" and not exception:
            self.observer.collections += 1
        if exception and at_top and self.in_worker():
            self.death = exception
        if not (at_top and self.in_worker()):
            return
        stage = {"unload_all_models": "after_unload", "reset": "after_reset", "gc.collect": "after_gc",
                 "soft_empty_cache": "after_empty_cache"}.get(name)
        if name == "execute":
            self.faults.prompt_ends()
            if self.drop_node_flags and self.queue:
                self.queue.flags = self.flags_before
            stage = "loaded" if self.observer.prompt == 1 else "next_prompt"
            exception = exception or self.failure()
        self.local.pending = (stage, exception) if stage else None

    def flush(self):
        """A stage is told once its function is off the stack: what dies from here on did not die in it."""
        pending = getattr(self.local, "pending", None)
        self.local.pending = None
        if pending:
            self.tell(*pending)

    def wrap(self, name, inner):
        probe = self
        acting = self.strict.around(name, inner) if self.strict else inner

        @functools.wraps(inner)
        def outer(*args, **kwargs):
            stack = probe.stack
            if not probe.on or name in stack:
                return inner(*args, **kwargs)
            at_top = not stack
            probe.before(name, args)
            exception = ""
            stack.append(name)
            try:
                return acting(*args, **kwargs)
            except BaseException as error:
                exception = describe(error)
                raise
            finally:
                probe.after(name, at_top, exception)
                stack.pop()
                if at_top:
                    probe.flush()

        outer.residency_probe = self
        outer.residency_wrapper = id(outer)
        outer.residency_inner = inner
        return outer

    # ---- the places ----

    def is_there(self, owner, attribute, title, awaited=False):
        """Each place by itself: what is gone is told, and what is there is watched. awaited: it is a coroutine's, and must be one's."""
        place = getattr(owner, attribute, None)
        if isinstance(place, list) or (callable(place) and inspect.iscoroutinefunction(place) == awaited):
            return True
        self.missing.append(title)
        log.warning("residency probe: %s is not there, or is not what it was; what it would tell is not known", title)
        return False

    def watch(self, owner, attribute, name, title):
        if self.is_there(owner, attribute, title):
            self.places.append((owner, attribute, name))

    @quietly
    def settle_outermost(self):
        if not self.on:
            return
        for owner, attribute, name in self.places:
            now = getattr(owner, attribute, None)
            if callable(now) and not is_outermost(now):
                setattr(owner, attribute, self.wrap(name, now))
        if len(sys.modules) != self.modules_seen:
            self.modules_seen = len(sys.modules)
            self.listen_to_planners()

    def install(self):
        self.is_there(mm, "current_loaded_models", "current_loaded_models")
        executor, queue = optional("execution", "PromptExecutor"), optional("execution", "PromptQueue")
        self.watch(mm, "unload_all_models", "unload_all_models", "unload_all_models")
        self.watch(mm, "free_memory", "free_memory", "free_memory")
        self.watch(mm, "load_models_gpu", "load_models_gpu", "load_models_gpu")
        self.watch(mm, "soft_empty_cache", "soft_empty_cache", "soft_empty_cache")
        self.watch(gc, "collect", "gc.collect", "gc.collect")
        self.watch(executor, "reset", "reset", "PromptExecutor.reset")
        self.watch(executor, "execute", "execute", "PromptExecutor.execute")
        self.on = True
        self.guard(queue, "get", self.get, "PromptQueue.get")
        self.guard(queue, "get_flags", self.get_flags, "PromptQueue.get_flags")
        self.guard(optional("comfy.model_patcher", "ModelPatcher"), "__init__", self.made, "ModelPatcher.__init__")
        self.guard(optional("comfy.utils"), "load_torch_file", self.read, "load_torch_file")
        self.settle_outermost()
        self.watch_steps()

    def watch_steps(self):
        preview = optional("latent_preview")
        if callable(getattr(preview, "prepare_callback", None)):
            self.guard(preview, "prepare_callback", self.faults.watch_steps)
        else:
            log.warning("residency probe: no latent_preview.prepare_callback: no prompt can be stopped at a sampler's step")

    def listen_to_planners(self):
        """ComfyUI-MultiGPU's, which may be imported after us. A version without any places models in a way that we do not know."""
        for module, name in plans.planners():
            if (module, name) not in self.guards:
                self.guard(module, name, self.planned, name)
        there = any((module, name) in self.guards for module, name in plans.planners())
        title = "ComfyUI-MultiGPU's planner"
        if there and title in self.missing:
            self.missing.remove(title)
        if not there and title not in self.missing and any(modules_with("NODE_CLASS_MAPPINGS", "set_current_device")):
            self.missing.append(title)

    def guard(self, owner, attribute, function, title=None, awaited=False):
        """A place that is only listened at: function(inner, *args) must call inner once."""
        if not self.is_there(owner, attribute, title or f"{getattr(owner, '__name__', 'a module')}.{attribute}", awaited):
            return
        inner = getattr(owner, attribute)

        @functools.wraps(inner)
        def outer(*args, **kwargs):
            return function(inner, *args, **kwargs) if self.on else inner(*args, **kwargs)

        self.guards[(owner, attribute)] = (inner, outer)
        setattr(owner, attribute, outer)

    @quietly
    def switch_off(self):
        """Takes away what is still outermost, and makes the rest pass on; nothing else of ours stays."""
        self.on = False
        if self.strict:
            self.strict.release()
        for owner, attribute, _ in self.places:
            now = getattr(owner, attribute, None)
            if is_outermost(now):
                setattr(owner, attribute, now.residency_inner)
        for (owner, attribute), (inner, outer) in self.guards.items():
            if getattr(owner, attribute, None) is outer:
                setattr(owner, attribute, inner)
        self.devices.put_back()
        self.faults.clear()
        self.observer.forget()
        self.journal.clear()
        self.places, self.guards = [], {}

    @quietly
    def released(self):
        """No model's keep request is what it was: each is told again."""
        with self.observer.lock:
            for known in self.observer.objects if self.observer.watching else ():
                known.keep = "released"
                self.observer.tell_keep(known)

    # ---- the places that are only listened at ----

    def get(self, inner, queue, *args, **kwargs):
        self.worker.comes(queue)
        self.settle_outermost()
        self.worker.waiting = True
        try:
            item = inner(queue, *args, **kwargs)
        finally:
            self.worker.waiting = False
        if item is None and self.worker.leaves():
            raise SystemExit  # of this thread alone, and without a word
        if item is not None and self.observer.watching:
            self.order(item[0])
        return item

    @quietly
    def order(self, prompt):
        order_outputs(prompt)

    def get_flags(self, inner, queue, *args, **kwargs):
        self.faults.unseen = False
        flags = inner(queue, *args, **kwargs)
        self.local.free_memory = isinstance(flags, dict) and bool(flags.get("free_memory", False))
        return flags

    def made(self, inner, patcher, *args, **kwargs):
        result = inner(patcher, *args, **kwargs)
        self.note(self.recent.made, patcher, self.observer.prompt)
        self.settle_outermost()  # a loader may have patched on its way
        self.add(patcher)
        return result

    def planned(self, inner, target, string, *args, **kwargs):
        result = inner(target, string, *args, **kwargs)
        self.note_plan(target, string, result)
        return result

    @quietly
    def note_plan(self, target, string, result):
        self.observer.planned(target, string, result)

    @quietly
    def add(self, patcher):
        if self.in_worker():
            self.observer.add(patcher, self.last_file)

    def read(self, inner, path, *args, **kwargs):
        self.before_read(path)
        self.note(self.recent.read, self.last_file)
        return inner(path, *args, **kwargs)

    @quietly
    def before_read(self, path):
        self.observer.resolve_own()
        self.last_file = os.path.splitext(os.path.basename(str(path)))[0]

    # ---- what the tool asks ----

    def idle(self):
        queue = self.queue
        if queue is None:
            return False
        with queue.mutex:
            return self.worker.waiting and not queue.queue and not queue.currently_running and (
                not queue.flags or self.faults.unseen)

    def worker_alive(self):
        alive = self.worker.thread is None or self.worker.thread.is_alive()
        if not alive and not self.death_told:
            self.death_told = True
            self.tell("worker_died", self.death or "the prompt worker is gone")
        return alive

    def begin(self, cell, device_mode, node_flags, deep=False):
        """Everything that an earlier cell left goes: the worker, lists, anchors, MultiGPU's notes about models. What went wrong, or ""."""
        self.faults.clear()
        renews = self.worker.can_begin()
        if renews and not self.worker.retire():
            return "the worker does not end"
        if not renews and not self.worker_alive():
            return "the worker is dead: the server must be restarted"
        on, self.on = self.on, False
        try:
            self.observer.watching = False
            self.observer.holds = []
            if self.strict:
                self.strict.release()
            for anchors in anchor_sets():
                anchors.clear()
            for entry in list(mm.current_loaded_models):
                if entry.model is not None:
                    entry.model_unload()
            mm.current_loaded_models.clear()
            clear_stores()
            gc.collect()
            self.drop_node_flags = node_flags == "suppressed"
            self.devices.place(device_mode)
            self.journal.clear()
            self.failures = 0
            self.death, self.death_told = "", False
            self.observer.begin(cell, deep)
        finally:
            self.on = on
        return "" if not renews or self.worker.begin() else "no other worker begins"

    def direct(self, action, name, step=0):
        """An action past the queue. The worker is idle; at a release, held."""
        self.stack.append("direct")
        try:
            if action == "soft_empty":
                with self.queue.mutex:  # a worker that the call wakes goes to work once its stage is told
                    mm.soft_empty_cache(force=True)
                    self.tell("after_direct_soft_empty")
            elif action == "free_memory":
                with self.queue.mutex:
                    mm.free_memory(1e30, mm.get_torch_device())
                    self.tell("after_free_memory")
            elif action in ("hold_patcher", "hold_model"):
                self.hold(name, action == "hold_model")
            elif action == "drop_holds":
                self.observer.holds.clear()
            elif action == "arm":
                self.faults.arm(name, step)
            elif action == "release":
                self.faults.released.set()
            elif action == "set_flags_unheard":
                self.faults.set_flags_without_wake(self.queue, name.split())
            elif action == "foreign_unload":
                self.faults.patch_unload(name == "throw")
                self.settle_outermost()
            elif action == "end":
                self.tell("end", "" if self.worker_alive() else self.death)
                self.observer.watching = False
                self.observer.holds.clear()
            else:
                return f"there is no action {action}"
        finally:
            self.stack.pop()
        return ""

    def hold(self, name, model):
        """The newest object of the name; without one that is alive, nothing."""
        for known in reversed(self.observer.objects):
            target = known.model() if model else known.patcher()
            if known.name == name and target is not None:
                self.observer.holds.append(target)
                return


def clear_stores():
    """MultiGPU's notes outlive models, and apply to the next one of the same shape: of an earlier cell's, here."""
    for name in ("safetensor_allocation_store", "safetensor_settings_store", "model_allocation_store"):
        for module in modules_with(name):
            store = module.__dict__[name]
            if isinstance(store, dict):
                store.clear()


def install():
    probe = Probe()
    probe.strict = guard.start(probe)
    if probe.strict:
        probe.observer.manager_holds = probe.strict.holds
    probe.install()
    return probe
