"""The probe's wrappers, on stand-ins for what it wraps. Standard library only: python3 tests/live/probe_test.py"""

import asyncio
import gc
import logging
import os
import sys
import threading
import time
import types
import unittest
import weakref

logging.disable(logging.CRITICAL)


def module(name, **names):
    made = types.ModuleType(name)
    made.__dict__.update(names)
    sys.modules[name] = made
    return made


class Model:
    def __init__(self):
        self.current_weight_patches_uuid = None
        self._modules, self._parameters = {}, {}


class ModelPatcher:
    def __init__(self, model):
        self.model, self.load_device, self.patches_uuid, self.parent = model, "cpu", 1, None


class LoadedModel:
    def __init__(self, patcher):
        self._model = weakref.ref(patcher)
        patcher.model.current_weight_patches_uuid = 1

    @property
    def model(self):
        return self._model()


class Cache:
    def __init__(self):
        self.cache, self.subcaches, self.itself = {}, {}, self


class Executor:
    def __init__(self):
        self.caches = None
        self.reset()

    def reset(self):
        self.caches = types.SimpleNamespace(all=[Cache()])

    def execute(self, work):
        return work()


class Queue:
    def __init__(self):
        self.flags, self.queue, self.currently_running = {}, [], {}
        self.mutex = threading.RLock()
        self.not_empty = threading.Condition(self.mutex)

    def get(self, timeout=0):
        with self.not_empty:
            if not self.queue:
                self.not_empty.wait(timeout)
            return self.queue.pop(0) if self.queue else None

    def get_flags(self):
        return {"free_memory": True}


def free_memory(need, device):
    for entry in mm.current_loaded_models:
        entry.model.model.current_weight_patches_uuid = None
    mm.current_loaded_models.clear()


mm = module("comfy.model_management", cpu_state="cpu", CPUState=types.SimpleNamespace(CPU="cpu"), OOM_EXCEPTION=MemoryError,
            text_encoder_device=lambda: "cpu", current_loaded_models=[], get_torch_device=lambda: "cpu", free_memory=free_memory,
            unload_all_models=lambda: mm.free_memory(1, "cpu"), load_models_gpu=lambda models: None,
            soft_empty_cache=lambda force=False: None, get_total_memory=lambda device: 1000, get_free_memory=lambda device: 400)
patchers = module("comfy.model_patcher", ModelPatcher=ModelPatcher)
module("comfy.utils", load_torch_file=lambda path: {})
module("comfy", model_management=mm, model_patcher=patchers, utils=sys.modules["comfy.utils"])
module("execution", PromptExecutor=Executor, PromptQueue=Queue)
module("server", PromptServer=types.SimpleNamespace(instance=None))
module("latent_preview", prepare_callback=lambda steps: lambda step: steps - step)


class Device(str):
    """torch.device, as far as it is looked at."""

    @property
    def type(self):
        return self.split(":")[0]

    @property
    def index(self):
        return int(self.split(":")[1])


module("torch", device=lambda kind, index=None: Device(kind if index is None else f"{kind}:{index}"), Tensor=type("Tensor", (), {}))
COLLECT = gc.collect
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "probes"))
from comfyui import cells as hooks_cells, hooks, version  # noqa: E402

import json  # noqa: E402


class ProbeTest(unittest.TestCase):
    def setUp(self):
        self.probe = hooks.install()
        self.queue = Queue()
        self.queue.get()  # this thread is the worker
        self.executor = Executor()
        self.probe.observer.begin(1)

    def tearDown(self):
        if not self.probe.in_worker():
            self.probe.worker.retire()
        self.probe.switch_off()
        mm.current_loaded_models.clear()

    def records(self, kind):
        lines, _ = self.probe.journal.since(0)
        return [record for record in map(json.loads, lines) if record["record"] == kind]

    def load(self):
        """A prompt that loads B and leaves it in the executor's cache."""

        def work():
            sys.modules["comfy.utils"].load_torch_file("models/B.safetensors")
            patcher = ModelPatcher(Model())
            mm.current_loaded_models.insert(0, LoadedModel(patcher))
            self.executor.caches.all[0].cache["key"] = [patcher]

        self.executor.execute(work)

    def stages(self):
        return [record["stage"] for record in self.records("snapshot")]

    def serve_flags(self):
        self.queue.get_flags()
        mm.unload_all_models()
        self.executor.reset()
        gc.collect()
        mm.soft_empty_cache()

    def test_a_free_passes_all_stages_and_each_departure_has_its_reason(self):
        self.load()
        self.serve_flags()
        self.assertEqual(self.stages(), ["loaded", "before_unload", "after_unload", "after_reset", "after_gc", "after_empty_cache"])
        self.assertEqual([record["state"] for record in self.records("residency")],
                         ["resident", "resident", "unloaded", "unloaded", "dead", "dead"])
        self.assertEqual(self.records("departure")[0]["reason"], "unloaded_by_core")

    def test_a_base_that_is_there_only_in_its_clones_name_is_told_as_superseded(self):
        model = Model()
        base = ModelPatcher(model)
        clone = ModelPatcher(model)
        self.executor.execute(lambda: mm.current_loaded_models.insert(0, LoadedModel(clone)))
        self.assertEqual([(r["model"], r["reason"]) for r in self.records("departure")], [(1, "superseded")])
        self.assertEqual([r["state"] for r in self.records("residency")], ["loaded_unlisted", "resident"])
        del base

    def test_a_dropped_cache_is_told_as_garbage(self):
        self.load()
        self.executor.reset()
        self.assertIn("garbage", [record["kind"] for record in self.records("holder")])

    def test_the_probe_keeps_no_model_alive(self):
        self.load()
        model = weakref.ref(self.executor.caches.all[0].cache["key"][0].model)
        self.executor.caches.all[0].cache.clear()
        self.assertIsNone(model())

    def test_a_place_that_is_awaited_is_listened_at_and_none_that_is_not(self):
        async def run():
            return 7

        async def twice(inner):
            return 2 * await inner()

        place = module("awaited", run=run, other=run, plain=lambda: 7)
        self.probe.guard(place, "run", twice, awaited=True)
        self.assertEqual(asyncio.run(place.run()), 14)
        self.probe.guard(place, "plain", twice, awaited=True)
        self.probe.guard(place, "other", twice)
        self.assertEqual(place.plain(), 7)
        self.assertEqual(self.probe.missing, ["awaited.plain", "awaited.other"])

    def test_who_patches_later_is_inside_again_before_the_worker_waits(self):
        inner = mm.unload_all_models
        mm.unload_all_models = lambda: inner()
        self.queue.get()
        self.assertIs(mm.unload_all_models.residency_probe, self.probe)
        mm.unload_all_models()
        self.assertEqual(self.stages(), ["before_unload", "after_unload"])

    def test_a_failure_of_the_probe_stays_in_it_and_is_counted(self):
        self.probe.observer.stage = None
        self.load()
        self.serve_flags()
        self.assertGreater(self.probe.failures, 0)

    def test_what_the_wrapped_function_raises_goes_through_and_kills_the_worker_by_name(self):
        def broken():
            raise AttributeError("'NoneType' object has no attribute 'model'")

        mm.unload_all_models, saved = broken, mm.unload_all_models
        try:
            self.queue.get()
            with self.assertRaises(AttributeError):
                mm.unload_all_models()
        finally:
            mm.unload_all_models = saved
        self.assertIn("AttributeError", self.probe.death)
        self.assertEqual(self.stages(), ["before_unload", "after_unload"])
        self.assertIn("AttributeError", self.records("snapshot")[1]["exception"])

    def test_other_threads_make_no_stages(self):
        thread = threading.Thread(target=gc.collect)
        thread.start()
        thread.join()
        self.assertEqual(self.stages(), [])

    def test_off_puts_everything_back(self):
        self.probe.devices.place("split")
        self.assertEqual(mm.get_torch_device(), "cpu:0")
        self.probe.switch_off()
        self.assertEqual(mm.get_torch_device(), "cpu")
        self.assertIs(gc.collect, COLLECT)
        self.assertIs(mm.free_memory, free_memory)
        self.assertFalse(hasattr(Executor.reset, "residency_probe"))

    def test_lines_that_are_asked_for_again_are_the_same(self):
        self.load()
        lines, first = self.probe.journal.since(0)
        self.assertEqual(self.probe.journal.since(0), (lines, first))
        self.assertEqual(self.probe.journal.since(2), (lines[2:], 2))

    def serve(self):
        """A worker that does what main.py's does, as far as it matters here."""
        queue = Queue()

        def prompt_worker(served, server):
            while True:
                item = served.get(60)
                if item:
                    served.currently_running[0] = item
                    self.executor.execute(item[0][2]["work"])
                    served.currently_running.clear()

        self.probe.worker.queue = queue
        sys.modules["__main__"].prompt_worker = prompt_worker
        self.addCleanup(delattr, sys.modules["__main__"], "prompt_worker")
        self.probe.worker.thread = None
        self.assertTrue(self.probe.worker.begin())
        return queue

    def put(self, queue, work, outputs=()):
        with queue.mutex:
            queue.queue.append(((0, "id", {"work": work, "9": {}, "10": {}}, {}, list(outputs)), 0))
            queue.not_empty.notify()
            return queue.queue[0][0]

    def until(self, true):
        self.assertTrue(hooks_cells.wait_until(true))

    def test_a_cell_begins_with_a_worker_of_its_own(self):
        self.serve()
        first = self.probe.worker.thread
        self.assertEqual(self.probe.begin(2, "split", "real"), "")
        self.assertFalse(first.is_alive())
        self.assertTrue(self.probe.worker.thread.is_alive())

    def test_a_worker_that_died_is_followed_by_another(self):
        queue = self.serve()
        threading.excepthook, saved = lambda arguments: None, threading.excepthook
        self.addCleanup(setattr, threading, "excepthook", saved)
        self.put(queue, lambda: 1 / 0)
        self.until(lambda: not self.probe.worker.thread.is_alive())
        self.assertFalse(self.probe.worker_alive())
        self.assertEqual(self.stages()[-1], "worker_died")
        self.assertEqual(self.probe.begin(2, "split", "real"), "")
        self.assertTrue(self.probe.worker_alive())
        self.assertTrue(self.probe.idle())

    def test_a_worker_that_works_is_not_ended(self):
        queue, go = self.serve(), threading.Event()
        self.put(queue, go.wait)
        self.until(lambda: queue.currently_running)
        hooks_cells.SECONDS_MOST, saved = 0.1, hooks_cells.SECONDS_MOST
        self.addCleanup(setattr, hooks_cells, "SECONDS_MOST", saved)
        self.assertEqual(self.probe.begin(2, "split", "real"), "the worker does not end")
        go.set()

    def test_outputs_run_in_the_order_of_the_workflow(self):
        queue = self.serve()
        item = self.put(queue, lambda: None, ["10", "9"])
        self.until(lambda: self.probe.idle() and self.stages())
        self.assertEqual(item[4], ["9", "10"])

    def test_a_prompt_is_held_until_it_is_released(self):
        queue, done = self.serve(), threading.Event()
        self.probe.direct("arm", "running", 0)
        self.put(queue, done.set)
        self.until(lambda: self.probe.faults.held)
        self.assertFalse(done.is_set())
        self.probe.direct("release", "", 0)
        self.assertTrue(done.wait(5))

    def test_a_mishap_befalls_the_step_that_was_named_and_no_other(self):
        self.probe.direct("arm", "fail", 1)
        callback = sys.modules["latent_preview"].prepare_callback(3)
        self.assertEqual(callback(1), 2)
        self.assertRaises(RuntimeError, callback, 2)
        self.assertEqual(callback(3), 0)

    def test_a_prompt_with_fewer_steps_is_spared_and_so_is_the_next(self):
        self.probe.direct("arm", "oom", 1)
        self.executor.execute(lambda: sys.modules["latent_preview"].prepare_callback(1)(1))
        self.assertEqual(sys.modules["latent_preview"].prepare_callback(1)(1), 0)

    def test_another_packs_patch_throws_and_is_taken_away(self):
        self.probe.direct("foreign_unload", "throw", 0)
        self.assertRaises(RuntimeError, mm.unload_all_models)
        self.assertEqual(self.stages(), ["before_unload", "after_unload"])
        self.probe.direct("foreign_unload", "none", 0)
        mm.unload_all_models()
        self.assertEqual(self.stages()[2:], ["before_unload", "after_unload"])

    def test_a_worker_that_a_direct_call_wakes_waits_for_the_calls_stage(self):
        queue = self.serve()

        def wake(force):
            with queue.mutex:
                queue.queue.append(((0, "id", {"work": lambda: None}, {}, []), 0))
                queue.not_empty.notify()
            time.sleep(0.05)

        mm.soft_empty_cache, saved = wake, mm.soft_empty_cache
        self.addCleanup(setattr, mm, "soft_empty_cache", saved)
        self.probe.direct("soft_empty", "", 0)
        self.until(lambda: len(self.stages()) == 2)
        self.assertEqual(self.stages(), ["after_direct_soft_empty", "loaded"])

    def test_flags_that_nobody_hears_are_set(self):
        self.probe.direct("set_flags_unheard", "unload_models free_memory", 0)
        self.assertEqual(self.probe.queue.flags, {"unload_models": True, "free_memory": True})

    def test_a_worker_that_does_not_know_of_flags_is_idle(self):
        queue = self.serve()
        self.probe.direct("set_flags_unheard", "free_memory", 0)
        self.assertTrue(self.probe.idle())
        queue.get_flags()
        queue.flags = {"free_memory": True}
        self.assertFalse(self.probe.idle())

    def test_a_prompts_failure_is_told_with_its_stage(self):
        self.executor.status_messages = [("execution_error", {"exception_type": "RuntimeError", "exception_message": "too hot"})]
        self.load()
        self.assertEqual(self.records("snapshot")[0]["exception"], "RuntimeError: too hot")

    def test_where_a_guard_is_on_it_acts_and_stages_are_told_all_the_same(self):
        self.probe.switch_off()
        acts = []
        self.probe = hooks.Probe()
        self.probe.strict = types.SimpleNamespace(around=lambda name, inner: lambda *args: acts.append(name), release=lambda: None)
        self.probe.install()
        self.queue.get()
        self.probe.observer.begin(1)
        mm.unload_all_models()
        mm.free_memory(1, "cpu")
        self.assertEqual((acts, self.stages()), (["unload_all_models", "free_memory"], ["before_unload", "after_unload"]))

    def test_what_a_guard_holds_is_told_as_the_managers(self):
        self.probe.observer.manager_holds = lambda target: True
        self.load()
        self.assertIn(("kept", "manager"), [(record["label"], record["kind"]) for record in self.records("holder")])

    def test_requests_that_have_ended_are_told_again(self):
        self.load()
        before = len(self.records("model"))
        self.probe.released()
        self.assertGreater(len(self.records("model")), before)

    def test_devices_are_offered_where_a_cell_needs_them(self):
        offered = ["cpu"]
        module("multigpu.device_utils", _DEVICE_LIST_CACHE=None, get_device_list=lambda: offered)
        self.addCleanup(sys.modules.pop, "multigpu.device_utils")
        self.probe.devices.place("split")
        self.assertEqual(offered, ["cpu", "cpu:0"])
        self.probe.devices.place("same")
        self.assertEqual(offered, ["cpu"])

    def test_a_tool_of_another_version_is_warned_of_and_one_of_another_schema_refused(self):
        self.assertEqual(version.disagreement(version.PROBE_VERSION, version.RECORD_SCHEMA), ("", ""))
        error, warning = version.disagreement("9.9.9", version.RECORD_SCHEMA)
        self.assertEqual(error, "")
        self.assertIn("the tool 9.9.9", warning)
        error, warning = version.disagreement("9.9.9", 99)
        self.assertIn("reads 99", error)
    # ---- GET /residency/now ----

    def now(self):
        return self.probe.recent.answer(self.probe.observer)

    def in_another_thread(self, function):
        found = []
        thread = threading.Thread(target=lambda: found.append(function()))
        thread.start()
        thread.join()
        return found[0]

    def test_now_tells_what_is_where_without_a_cell(self):
        self.probe.observer.watching = False
        self.load()
        told = self.now()["models"][0]
        self.assertEqual((told["name"], told["state"], told["listed"], told["device"]), ("B", "resident", 0, "cpu"))
        self.assertEqual([(h["label"], h["kind"], h["strong"]) for h in told["holders"]],
                         [("loaded list", "list", False), ("a cached node", "cache", True)])
        self.assertEqual(self.probe.journal.since(0)[0], [])

    def test_now_tells_who_else_holds_a_model(self):
        self.load()
        patcher = self.executor.caches.all[0].cache["key"][0]
        self.probe.observer.manager_holds = lambda target: target is patcher
        self.probe.observer.holds.append(patcher)
        kinds = [holder["kind"] for holder in self.now()["models"][0]["holders"]]
        self.assertEqual(kinds, ["list", "cache", "manager", "foreign"])

    def test_now_knows_a_model_that_was_there_before_the_probe_by_its_class(self):
        patcher = ModelPatcher(Model())
        self.probe.recent.seen.clear()
        mm.current_loaded_models.append(LoadedModel(patcher))
        self.assertEqual([told["name"] for told in self.now()["models"]], ["Model"])

    def test_entries_that_hold_nothing_are_counted(self):
        mm.current_loaded_models.append(LoadedModel(ModelPatcher(Model())))
        self.assertEqual((self.now()["stale"], self.now()["models"]), (1, []))

    def test_a_file_that_another_node_read_names_no_model(self):
        self.probe.recent.server = types.SimpleNamespace(last_node_id="1")
        self.probe.recent.read("lora")
        self.probe.recent.server.last_node_id = "2"
        patcher = ModelPatcher(Model())
        self.assertEqual([told["name"] for told in self.now()["models"]], ["Model"])
        del patcher

    def test_who_left_is_told_with_the_innermost_call_that_made_him_go(self):
        self.load()
        model = self.executor.caches.all[0].cache["key"][0].model
        model._mgpu_keep_loaded = True
        del model
        self.serve_flags()
        left = self.now()["left"][0]
        self.assertEqual((left["name"], left["keep"], left["reason"], left["action"], left["inside"]),
                         ("B", True, "unloaded_by_core", "free_memory", "unload_all_models"))

    def test_who_came_and_who_died_are_told_with_their_calls(self):
        self.load()
        self.serve_flags()
        changes = {call["action"]: [(c["name"], c["what"]) for c in call["changes"]] for call in self.now()["actions"]}
        self.assertEqual(changes["execute"], [("B", "came")])
        self.assertEqual(changes["free_memory"], [("B", "left")])
        self.assertEqual(changes["gc.collect"], [("B", "died")])

    def test_what_died_between_calls_is_told_of_no_call(self):
        self.load()
        self.executor.caches.all[0].cache.clear()
        self.assertEqual(self.in_another_thread(self.now)["left"][0]["action"], "")

    def test_a_part_that_went_is_told_with_its_bytes(self):
        self.load()
        model = self.executor.caches.all[0].cache["key"][0].model
        model.model_loaded_weight_memory = 100
        self.now()
        mm.load_models_gpu(setattr(model, "model_loaded_weight_memory", 60))
        moved = [change for call in self.now()["actions"] for change in call["changes"] if change["what"] == "moved"]
        self.assertEqual((moved[0]["before_bytes"], moved[0]["after_bytes"]), (100, 60))

    def test_a_clone_is_no_other_model(self):
        self.load()
        base = self.executor.caches.all[0].cache["key"][0]
        clone = ModelPatcher(base.model)
        mm.current_loaded_models[:] = [LoadedModel(clone)]
        told = self.now()
        self.assertEqual([(m["name"], m["state"]) for m in told["models"]], [("B", "resident")])
        self.assertEqual(told["left"], [])

    def test_nobody_looks_while_a_call_decides_who_goes(self):
        self.load()
        self.now()
        seen = []

        def look_from_the_server():
            seen.append(self.in_another_thread(lambda: (self.probe.recent.busy(), self.now())))

        mm.soft_empty_cache, saved = lambda force=False: look_from_the_server(), mm.soft_empty_cache
        try:
            self.queue.get()
            mm.soft_empty_cache()
        finally:
            mm.soft_empty_cache = saved
        busy, told = seen[0]
        self.assertTrue(busy)
        self.assertLess(told["looked_ns"], told["running"][0]["began_ns"])
        self.assertEqual(told["running"][0]["action"], "soft_empty_cache")

    def test_calls_that_did_nothing_are_one_line_and_the_lists_are_bounded(self):
        for _ in range(1000):
            mm.soft_empty_cache()
        self.assertEqual([(call["action"], call["count"]) for call in self.now()["actions"]][-1:], [("soft_empty_cache", 1000)])
        for index in range(1000):
            mm.soft_empty_cache() if index % 2 else mm.load_models_gpu([])
        self.assertLessEqual(len(self.now()["actions"]), 48)

    def test_what_the_list_now_keeps_holds_no_model(self):
        self.load()
        self.now()
        model = weakref.ref(self.executor.caches.all[0].cache["key"][0].model)
        self.executor.caches.all[0].cache.clear()
        self.assertIsNone(model())

    def test_a_look_that_fails_is_counted_and_the_call_goes_on(self):
        self.probe.recent.compare = None
        self.load()
        self.assertEqual(len(mm.current_loaded_models), 1)
        self.assertGreater(self.probe.failures, 0)


if __name__ == "__main__":
    unittest.main()
