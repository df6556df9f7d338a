"""The probe's guard, on stand-ins for what it stands round. Standard library only: python3 tests/live/guard_test.py"""

import asyncio
import gc
import inspect
import logging
import os
import sys
import tempfile
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
    def __init__(self, file):
        self.file, self.place = file, "host"

    def to(self, device):
        self.place = device


class Patcher:
    def __init__(self, model, parent=None):
        self.model, self.parent, self.load_device = model, parent, mm.get_torch_device()

    def clone(self):
        return Patcher(self.model, self)

    def model_size(self):
        return 100


class Clip:
    def __init__(self, patcher):
        self.patcher = patcher

    def tokenize(self):
        pass


class LoadedModel:
    def __init__(self, patcher):
        self._model, self.device, self.real_model = weakref.ref(patcher), patcher.load_device, weakref.ref(patcher.model)
        patcher.model.place = patcher.load_device

    @property
    def model(self):
        return self._model()

    def model_unload(self, memory_to_free=None, unpatch_weights=True):
        self.model.model.place = "host"
        return True


def room(device):
    return mm.total_bytes - 100 * len([entry for entry in mm.current_loaded_models if entry.device == device])


def free_memory(need, device, keep_loaded=[]):
    gone = []
    for entry in list(mm.current_loaded_models):
        if mm.get_free_memory(device) <= need and entry.device == device and entry.model_unload(need):
            mm.current_loaded_models.remove(entry)
            gone.append(entry)
    return gone


def load_models_gpu(models, memory_required=0):
    for patcher in models:
        for entry in [entry for entry in mm.current_loaded_models if entry.model and entry.model.model is patcher.model]:
            mm.current_loaded_models.remove(entry)
    mm.free_memory(mm.asked_bytes or 110 * len(models) + 10, models[0].load_device)
    for patcher in models:
        mm.current_loaded_models.insert(0, LoadedModel(patcher))


def unload_all_models():
    mm.unloads += 1
    mm.current_loaded_models.clear()


async def get_output_data(prompt, number, node, inputs, *args, **kwargs):
    result = getattr(node, node.FUNCTION)(**{name: values[0] for name, values in inputs.items()})
    return [[value] for value in result], {}, False, False


mm = module("comfy.model_management", LoadedModel=LoadedModel, current_loaded_models=[], get_free_memory=room,
            minimum_inference_memory=lambda: 10, extra_reserved_memory=lambda: 0, unet_offload_device=lambda: "host",
            text_encoder_device=lambda: "gpu", vae_device=lambda: "gpu", soft_empty_cache=lambda: None)
execution = module("execution", get_output_data=get_output_data)
module("comfy", model_management=mm)
PLAIN = LoadedModel.model_unload


class UNETLoader:
    RETURN_TYPES = ("MODEL",)
    FUNCTION = "load_unet"
    reads = []

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"unet_name": (["A", "B"],), "weight_dtype": (["default", "fp8"],)}}

    def load_unet(self, unet_name, weight_dtype="default"):
        self.reads.append(unet_name)
        if unet_name == "broken":
            raise ValueError("the file is broken")
        return (Patcher(Model(unet_name)),)


class CLIPLoader(UNETLoader):
    FUNCTION = "load_clip"

    def load_clip(self, clip_name, data=None):
        self.reads.append(clip_name)
        return (Clip(Patcher(Model(clip_name))),)


def wrapped(cls, flag, default):
    """As ComfyUI-MultiGPU wraps a loader."""

    class Override(cls):
        FUNCTION = "override"
        allocations = []

        @classmethod
        def INPUT_TYPES(s):
            return {**cls.INPUT_TYPES(), "optional": {flag: ("BOOLEAN", {"default": default})}}

        def override(self, *args, allocation="", **kwargs):
            self.allocations.append(allocation)
            kwargs.pop(flag, None)
            return getattr(super(), cls.FUNCTION)(*args, **kwargs)

    return Override


class LoraLoader:
    FUNCTION = "patch"

    def patch(self, model):
        return (model.clone(),)


class FullCleanupMultiGPU:
    FUNCTION = "cleanup"

    @classmethod
    def INPUT_TYPES(cls):
        return {}

    def cleanup(self):
        return ()


sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "probes", "comfyui"))
import guard  # noqa: E402


class Request:
    method, path = "POST", "/api/free"

    def __init__(self, body):
        self.body = body

    async def json(self):
        return self.body


class Probe:
    """What the guard needs of it, as hooks.py does it."""

    def __init__(self):
        self.listed_when_told = None

    def released(self):
        self.listed_when_told = len(mm.current_loaded_models)

    def settle_outermost(self):
        pass

    def guard(self, owner, attribute, function, awaited=False):
        inner = getattr(owner, attribute)
        assert inspect.iscoroutinefunction(inner) == awaited
        setattr(owner, attribute, lambda *args, **kwargs: function(inner, *args, **kwargs))


class GuardTest(unittest.TestCase):
    def setUp(self):
        mm.current_loaded_models, mm.total_bytes, mm.asked_bytes, mm.unloads = [], 1000, 0, 0
        mm.get_torch_device = lambda: "gpu"
        mm.unload_all_models, mm.free_memory, mm.load_models_gpu = unload_all_models, free_memory, load_models_gpu
        UNETLoader.reads = []
        self.app = types.SimpleNamespace(middlewares=[])
        module("server", PromptServer=types.SimpleNamespace(instance=types.SimpleNamespace(app=self.app)))
        module("aiohttp", web=types.SimpleNamespace(middleware=lambda function: function))
        self.folder = tempfile.TemporaryDirectory()
        guard.__file__ = os.path.join(self.folder.name, "guard.py")
        self.write("# a comment\nE\n\nF.safetensors\n")
        self.probe = Probe()
        self.guard = guard.start(self.probe)
        for name in ("unload_all_models", "free_memory", "load_models_gpu"):
            setattr(mm, name, self.guard.around(name, getattr(mm, name)))
        self.Keeping = wrapped(UNETLoader, "keep_loaded", True)
        self.Ejecting = wrapped(UNETLoader, "eject_models", True)

    def tearDown(self):
        LoadedModel.model_unload, execution.get_output_data = PLAIN, get_output_data
        self.folder.cleanup()

    def write(self, text):
        with open(os.path.join(self.folder.name, "guard.txt"), "w", encoding="utf-8") as file:
            file.write(text)

    def run_node(self, cls, **inputs):
        output = asyncio.run(execution.get_output_data("prompt", "1", cls(), {name: [value] for name, value in inputs.items()}))
        return output[0][0][0] if output[0] else None

    def use(self, cls, **inputs):
        """A loader and its sampler; nobody but the guard has the model afterwards."""
        value = self.run_node(cls, **inputs)
        mm.load_models_gpu([guard.patcher_of(value)])
        return weakref.ref(guard.patcher_of(value))

    def listed(self):
        return sorted(entry.model.model.file for entry in mm.current_loaded_models if entry.model)

    def test_it_is_off_without_its_file(self):
        os.remove(os.path.join(self.folder.name, "guard.txt"))
        self.assertIsNone(guard.start(self.probe))

    def test_what_is_to_be_kept_outlives_a_free_and_a_collection_and_the_rest_goes_from_the_same_list(self):
        kept, other = self.use(self.Keeping, unet_name="A"), self.run_node(self.Keeping, unet_name="B", keep_loaded=False)
        mm.load_models_gpu([other])
        before = mm.current_loaded_models
        mm.unload_all_models()
        gc.collect()
        self.assertEqual((self.listed(), kept().model.place, other.model.place), (["A"], "gpu", "host"))
        self.assertIs(mm.current_loaded_models, before)
        self.assertEqual(mm.unloads, 0)

    def test_the_next_prompt_uses_the_kept_copy_and_reads_nothing(self):
        first = self.use(self.Keeping, unet_name="A")
        mm.unload_all_models()
        self.assertIs(self.use(self.Keeping, unet_name="A")(), first())
        self.assertEqual(UNETLoader.reads, ["A"])

    def test_another_allocation_reaches_what_is_wrapped_round_the_loader(self):
        self.use(self.Keeping, unet_name="A", allocation="gpu,0.5")
        self.use(self.Keeping, unet_name="A", allocation="gpu,0.1")
        self.assertEqual(self.Keeping.allocations, ["gpu,0.5", "gpu,0.1"])
        self.assertEqual(UNETLoader.reads, ["A"])

    def test_other_weights_and_another_loader_are_another_model(self):
        self.use(self.Keeping, unet_name="A")
        self.use(self.Keeping, unet_name="A", weight_dtype="fp8")
        self.use(UNETLoader, unet_name="A")
        self.assertEqual(UNETLoader.reads, ["A", "A", "A"])

    def test_another_compute_device_takes_the_same_copy_there(self):
        first = self.use(self.Keeping, unet_name="A")
        mm.get_torch_device = lambda: "other gpu"
        again = self.run_node(self.Keeping, unet_name="A")
        self.assertEqual((first().model.place, self.listed()), ("host", []))
        mm.load_models_gpu([again])
        self.assertEqual((first().model.place, UNETLoader.reads), ("other gpu", ["A"]))

    def test_a_flag_turned_off_uses_the_copy_and_releases_it(self):
        self.use(self.Keeping, unet_name="A")
        kept = self.use(self.Keeping, unet_name="A", keep_loaded=False)
        self.assertEqual(UNETLoader.reads, ["A"])
        mm.unload_all_models()
        gc.collect()
        self.assertEqual((self.listed(), kept()), ([], None))

    def test_not_to_eject_is_the_request_of_later_versions_and_the_default_counts(self):
        ejecting, kept = self.use(self.Ejecting, unet_name="A"), self.use(self.Ejecting, unet_name="B", eject_models=False)
        gc.collect()
        self.assertIsNone(ejecting())
        self.assertIsNotNone(kept())

    def test_names_are_kept_where_no_loader_can_say_it(self):
        kept = [self.use(UNETLoader, unet_name=name) for name in ("E", "folder\\E.safetensors", "folder/F.safetensors")]
        other = [self.use(UNETLoader, unet_name=name) for name in ("F", "G")]
        said = self.use(self.Keeping, unet_name="E", keep_loaded=False)
        gc.collect()
        self.assertNotIn(None, [patcher() for patcher in kept])
        self.assertEqual([patcher() for patcher in other], [None, None])
        self.assertIsNone(said())

    def test_a_full_cleanup_node_ends_all_requests(self):
        kept = self.use(self.Keeping, unet_name="A")
        self.run_node(FullCleanupMultiGPU)
        mm.unload_all_models()
        gc.collect()
        self.assertEqual((self.listed(), kept(), self.probe.listed_when_told), ([], None, 1))

    def hear(self, body):
        async def handler(request):
            return "answered"

        return asyncio.run(self.app.middlewares[0](Request(body), handler))

    def test_a_request_that_releases_ends_all_requests_and_others_do_not(self):
        kept = self.use(self.Keeping, unet_name="A")
        for body in ({"free_memory": True}, {"release_kept": False}, {"release_kept": "yes"}, None, []):
            self.assertEqual(self.hear(body), "answered")
        gc.collect()
        self.assertIsNotNone(kept())
        self.probe.released = self.guard.released = lambda: self.assertIsNotNone(kept())  # told before it can die
        self.assertEqual(self.hear({"release_kept": True}), "answered")
        gc.collect()
        self.assertIsNone(kept())

    def test_a_load_that_asks_for_the_whole_device_takes_nothing_kept_from_it(self):
        self.use(self.Keeping, unet_name="A")
        mm.asked_bytes = 1100
        other = self.run_node(self.Ejecting, unet_name="B")
        mm.load_models_gpu([other])
        self.assertEqual(self.listed(), ["A", "B"])

    def test_for_want_of_room_kept_models_go_last_and_come_back_from_the_host(self):
        kept = self.use(self.Keeping, unet_name="A")
        other, third = (self.run_node(UNETLoader, unet_name=name) for name in ("B", "C"))
        mm.total_bytes = 250
        mm.load_models_gpu([other])
        mm.load_models_gpu([third])
        self.assertEqual(self.listed(), ["A", "C"])
        mm.total_bytes = 150
        mm.load_models_gpu([other])
        self.assertEqual((self.listed(), kept().model.place), (["B"], "host"))
        mm.load_models_gpu([self.run_node(self.Keeping, unet_name="A")])
        self.assertEqual((kept().model.place, UNETLoader.reads), ("gpu", ["A", "B", "C"]))

    def test_a_direct_call_for_all_memory_is_want_of_room(self):
        kept = self.use(self.Keeping, unet_name="A")
        self.assertEqual(len(mm.free_memory(1e30, "gpu")), 1)
        self.assertEqual((self.listed(), kept().model.place), ([], "host"))

    def test_who_unloads_a_kept_entry_by_himself_is_refused(self):
        kept = self.use(self.Keeping, unet_name="A")
        self.assertFalse(mm.current_loaded_models[0].model_unload())
        self.assertEqual(kept().model.place, "gpu")

    def test_of_a_base_and_its_clones_the_base_and_the_newest_are_held(self):
        base = self.run_node(self.Keeping, unet_name="A")
        first, second = (weakref.ref(self.run_node(LoraLoader, model=base)) for _ in range(2))
        base = weakref.ref(base)
        gc.collect()
        self.assertIsNone(first())
        self.assertTrue(self.guard.holds(base()) and self.guard.holds(second()) and self.guard.holds(base().model))
        self.assertFalse(self.guard.holds(self))

    def test_a_kept_clip_gets_a_new_wrapper_round_its_patcher(self):
        Loader = wrapped(CLIPLoader, "keep_loaded", True)
        first = self.run_node(Loader, clip_name="B")
        first.layer = -2
        second = self.run_node(Loader, clip_name="B")
        self.assertIs(second.patcher, first.patcher)
        self.assertFalse(hasattr(second, "layer"))
        self.assertEqual(UNETLoader.reads, ["B"])

    def test_a_loader_whose_function_cannot_be_wrapped_is_adopted_whole(self):
        V3 = type("V3", (), {"FUNCTION": property(lambda self: "go"), "INPUT_TYPES": self.Keeping.INPUT_TYPES,
                             "go": lambda self, **inputs: (Patcher(Model("A")),)})
        first = self.run_node(V3, unet_name="A")
        self.assertIs(self.run_node(V3, unet_name="A"), first)
        self.assertIsNot(self.run_node(V3, unet_name="B"), first)

    def test_a_loader_within_a_loader_is_one_loader(self):
        class Advanced(UNETLoader):
            def load_unet(self, unet_name, weight_dtype="fp8"):
                return super().load_unet(unet_name, weight_dtype)

        Loader = wrapped(Advanced, "keep_loaded", True)
        self.use(self.Keeping, unet_name="A", weight_dtype="fp8")
        first = self.run_node(Loader, unet_name="A")
        self.assertIs(self.run_node(Loader, unet_name="A"), first)
        self.assertEqual(UNETLoader.reads, ["A", "A"])

    def test_what_cannot_be_compared_is_not_kept(self):
        kept = self.use(wrapped(CLIPLoader, "keep_loaded", True), clip_name="B", data=object())
        gc.collect()
        self.assertIsNone(kept())

    def test_a_dead_patchers_model_leaves_the_device_and_stays_listed(self):
        patcher = self.run_node(UNETLoader, unet_name="A")
        mm.load_models_gpu([patcher])
        model = patcher.model
        del patcher
        gc.collect()
        mm.unload_all_models()
        self.assertEqual((model.place, len(mm.current_loaded_models)), ("host", 1))

    def test_what_a_loader_raises_goes_through(self):
        with self.assertRaises(ValueError):
            self.run_node(self.Keeping, unet_name="broken")
        self.assertEqual(self.guard.kept, {})

    def test_a_guard_that_fails_says_so_and_comfyui_does_its_own(self):
        self.use(self.Keeping, unet_name="A")

        def fails(*args):
            raise KeyError("the guard's own")

        self.guard.keeps = self.guard.keep_request = self.guard.note_clones = self.guard.bytes_for = fails
        logging.disable(logging.NOTSET)
        with self.assertLogs("residency guard", "ERROR") as said:
            mm.unload_all_models()
            self.run_node(LoraLoader, model=self.run_node(self.Keeping, unet_name="B"))
        logging.disable(logging.CRITICAL)
        self.assertEqual((mm.unloads, UNETLoader.reads), (1, ["A", "B"]))
        self.assertIn("ComfyUI does what it does without a guard", said.output[0])

    def test_a_guard_that_cannot_start_is_none(self):
        del execution.get_output_data
        self.assertIsNone(guard.start(self.probe))


if __name__ == "__main__":
    unittest.main()
