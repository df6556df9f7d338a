"""The probe's wrappers, on stand-ins for what it wraps. Standard library only: python3 tests/live/probe_test.py"""

import gc
import logging
import os
import sys
import threading
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

    def modules(self):
        return []


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
    flags = {}

    def get(self):
        return None

    def get_flags(self):
        return {"free_memory": True}


def free_memory(need, device):
    for entry in mm.current_loaded_models:
        entry.model.model.current_weight_patches_uuid = None
    mm.current_loaded_models.clear()


mm = module("comfy.model_management", current_loaded_models=[], get_torch_device=lambda: "cpu", free_memory=free_memory,
            unload_all_models=lambda: mm.free_memory(1, "cpu"), load_models_gpu=lambda models: None,
            soft_empty_cache=lambda force=False: None)
patchers = module("comfy.model_patcher", ModelPatcher=ModelPatcher)
module("comfy.utils", load_torch_file=lambda path: {})
module("comfy", model_management=mm, model_patcher=patchers, utils=sys.modules["comfy.utils"])
module("execution", PromptExecutor=Executor, PromptQueue=Queue)
module("torch", device=str)
COLLECT = gc.collect
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "probes"))
from comfyui import hooks  # noqa: E402

import json  # noqa: E402


class ProbeTest(unittest.TestCase):
    def setUp(self):
        self.probe = hooks.install()
        self.queue = Queue()
        self.queue.get()  # this thread is the worker
        self.executor = Executor()
        self.probe.observer.begin(1)

    def tearDown(self):
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

    def test_a_dropped_cache_is_told_as_garbage(self):
        self.load()
        self.executor.reset()
        self.assertIn("garbage", [record["kind"] for record in self.records("holder")])

    def test_the_probe_keeps_no_model_alive(self):
        self.load()
        model = weakref.ref(self.executor.caches.all[0].cache["key"][0].model)
        self.executor.caches.all[0].cache.clear()
        self.assertIsNone(model())

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

    def test_other_threads_make_no_stages(self):
        thread = threading.Thread(target=gc.collect)
        thread.start()
        thread.join()
        self.assertEqual(self.stages(), [])

    def test_off_puts_everything_back(self):
        self.probe.switch_off()
        self.assertIs(gc.collect, COLLECT)
        self.assertIs(mm.free_memory, free_memory)
        self.assertFalse(hasattr(Executor.reset, "residency_probe"))

    def test_lines_that_are_asked_for_again_are_the_same(self):
        self.load()
        lines, first = self.probe.journal.since(0)
        self.assertEqual(self.probe.journal.since(0), (lines, first))
        self.assertEqual(self.probe.journal.since(2), (lines[2:], 2))


if __name__ == "__main__":
    unittest.main()
