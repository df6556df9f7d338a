"""What the probe observes, and what becomes of it where ComfyUI is otherwise: python3 tests/live/probe_snapshot_test.py"""

import functools
import gc
import json
import sys
import types
import unittest
import weakref

import probe_test as stand
from comfyui import hooks, journal, ledger, observe, paths, plans
from comfyui.blocks import Blocks, load_list

mm = stand.mm
MIB = 1 << 20


class Parameter:
    def __init__(self, count, device):
        self.count, self.device = count, device

    def numel(self):
        return self.count

    def element_size(self):
        return 2


class Module:
    """torch.nn.Module, as far as it is looked at."""

    def __init__(self, parameters=(), children=(), patched=False, casts=False):
        self._parameters = dict(parameters)
        self._modules = dict(children)
        self.comfy_patched_weights = patched
        if casts:
            self.comfy_cast_weights = False


def linear(count, device="cpu", patched=True):
    return Module({"weight": Parameter(count, device), "bias": None}, patched=patched, casts=True)


class Net(Module):
    """Three linears, one of them on the card, a norm without weights, and a parameter beside its children."""

    def __init__(self):
        super().__init__({"scale": Parameter(1, "cpu")}, {
            "first": linear(10, "cuda:0"),
            "middle": Module(children={"norm": Module(casts=True), "inner": linear(20), "act": Module()}),
            "last": linear(20),
            "again": None,
        })
        self._modules["again"] = self._modules["first"]
        self.current_weight_patches_uuid = None


class ProbeCase(unittest.TestCase):
    def setUp(self):
        self.probe = hooks.install()
        stand.Queue().get()  # this thread is the worker
        self.executor = stand.Executor()
        self.probe.observer.executor = weakref.ref(self.executor)
        self.probe.observer.begin(1)
        self.made = []

    def tearDown(self):
        self.probe.switch_off()
        getattr(mm, "current_loaded_models", []).clear()

    def records(self, kind):
        return [record for record in map(json.loads, self.probe.journal.since(0)[0]) if record["record"] == kind]

    def load(self, model=None, cached=True, name="B"):
        """A patcher that is loaded, and in the executor's cache."""
        sys.modules["comfy.utils"].load_torch_file(f"models/{name}.safetensors")
        patcher = stand.ModelPatcher(model or Net())
        patcher.size = 100
        patcher.load_device = "cuda:0"
        mm.current_loaded_models.insert(0, stand.LoadedModel(patcher))
        if cached:
            self.executor.caches.all[0].cache[name] = [patcher]
        return patcher

    def unload(self):
        mm.free_memory(1, "cpu")

    def stage(self, name="next_prompt"):
        self.probe.tell(name)

    def collect(self):
        gc.collect()  # as the worker does: after it a stage is told


class BlocksTest(unittest.TestCase):
    def test_blocks_are_the_leaves_in_the_loaders_order(self):
        blocks, others = load_list(Net())
        self.assertEqual([name for name, _ in blocks], ["first", "middle.norm", "middle.inner", "last"])
        self.assertEqual(len(others), 1)

    def test_bytes_count_once_and_outside_of_blocks_too(self):
        blocks = Blocks(Net())
        self.assertEqual(blocks.sizes, [20, 0, 40, 40])
        self.assertEqual(blocks.bytes_on, {"cuda:0": 20, "cpu": 82})

    def test_a_block_without_weights_splits_no_run(self):
        self.assertEqual(Blocks(Net()).placed(), [(0, 2, "cuda:0"), (2, 2, "cpu")])
        self.assertEqual(Blocks(Net()).planned({"last": "cpu:0"}, "cuda:0"), [(0, 3, "cuda:0"), (3, 1, "cpu")])

    def test_what_was_not_put_in_place_is_not_planned(self):
        net = Net()
        net._modules["last"].comfy_patched_weights = False
        self.assertEqual(Blocks(net).planned({}, "cuda:0"), [(0, 3, "cuda:0")])


class PlacementTest(ProbeCase):
    def test_sizes_are_told_once_and_places_when_they_change(self):
        patcher = self.load()
        self.stage()
        self.stage()
        self.assertEqual([(r["first"], r["count"], r["size_bytes"]) for r in self.records("block")], [(0, 1, 20), (1, 1, 0), (2, 2, 40)])
        self.assertEqual([r["snapshot"] for r in self.records("placement")], [1, 1])
        patcher.model._modules["first"]._parameters["weight"].device = "cpu"
        self.stage()
        self.assertEqual([(r["first"], r["count"], r["device"]) for r in self.records("placement") if r["snapshot"] == 3], [(0, 4, "cpu")])
        self.assertEqual(self.records("model")[0]["block_count"], 4)

    def plan(self, **names):
        """A generation of ComfyUI-MultiGPU, with a planner that puts the last block on the CPU."""
        pack = stand.module("multigpu", NODE_CLASS_MAPPINGS={}, set_current_device=print, **names)
        pack.analyze_safetensor_loading = lambda patcher, string: {"block_assignments": {"first": "cuda:0", "last": "cpu"}}
        self.addCleanup(sys.modules.pop, "multigpu", None)
        self.addCleanup(lambda: self.assertFalse(hasattr(pack.analyze_safetensor_loading, "__wrapped__")))
        self.addCleanup(self.probe.switch_off)
        stand.Queue().get()
        return pack

    def test_a_plan_is_told_with_the_string_it_was_made_by(self):
        table = {}
        pack = self.plan(safetensor_allocation_store=table, create_safetensor_model_hash=lambda patcher, caller: "same")
        patcher = self.load()
        table["same"] = "#cuda:0;1.0;cpu"
        pack.analyze_safetensor_loading(patcher, table["same"])
        self.stage()
        self.assertEqual([(r["first"], r["count"], r["device"]) for r in self.records("planned")], [(0, 3, "cuda:0"), (3, 1, "cpu")])
        self.assertEqual([(r["own"], r["used"]) for r in self.records("allocation")], [("#cuda:0;1.0;cpu", "#cuda:0;1.0;cpu")])

    def test_a_model_placed_by_anothers_string_of_the_same_shape_has_both(self):
        table = {}
        pack = self.plan(safetensor_allocation_store=table, create_safetensor_model_hash=lambda patcher, caller: "same")
        first = self.load(name="A")
        table["same"] = "#cuda:0;1.0;cpu"
        second = self.load(name="B")
        table["same"] = "#cuda:0;9.0;cpu"
        pack.analyze_safetensor_loading(first, table["same"])
        pack.analyze_safetensor_loading(second, table["same"])
        self.stage()
        self.assertEqual([(r["own"], r["used"]) for r in self.records("allocation")],
                         [("#cuda:0;1.0;cpu", "#cuda:0;9.0;cpu"), ("#cuda:0;9.0;cpu", "#cuda:0;9.0;cpu")])

    def test_the_string_of_later_generations_is_on_the_model(self):
        pack = self.plan()
        patcher = self.load()
        patcher.model._distorch_v2_meta = {"full_allocation": "#cuda:0;2.0;cpu"}
        pack.analyze_safetensor_loading(patcher, "#cuda:0;2.0;cpu")
        self.stage()
        self.assertEqual(self.records("allocation")[0]["own"], "#cuda:0;2.0;cpu")

    def test_what_the_newest_remembers_does_without_its_planner(self):
        self.plan()
        patcher = self.load()
        patcher._distorch_last_allocations = "#cuda:0;2.0;cpu"
        patcher._distorch_cached_assignments = {"device_assignments": {"cpu": [("last", None, "Linear", 1)]}}
        self.stage()
        self.assertEqual([(r["first"], r["device"]) for r in self.records("planned")], [(0, "cuda:0"), (3, "cpu")])

    def test_a_clone_that_is_placed_places_the_model_of_both(self):
        patcher = self.load()
        clone = stand.ModelPatcher(patcher.model)
        clone.load_device = "cuda:0"
        self.probe.note_plan(clone, "#cuda:0;1.0;cpu", {"block_assignments": {"last": "cpu"}})
        self.stage()
        self.assertEqual([(r["model"], r["first"], r["device"]) for r in self.records("planned")], [(1, 0, "cuda:0"), (1, 3, "cpu")])

    def test_the_first_generations_planner_names_a_model(self):
        patcher = self.load()
        self.probe.note_plan(patcher.model, "cuda:0,0.5", {"device_assignments": {"cpu": [("last", None, "Linear")]}})
        self.stage()
        self.assertEqual(self.records("allocation")[0]["used"], "cuda:0,0.5")

    def test_a_patcher_that_was_not_asked_for_its_size_is_not_asked_now(self):
        self.plan(safetensor_allocation_store={"x": "y"}, create_safetensor_model_hash=lambda patcher, caller: self.fail("asked"))
        patcher = self.load()
        patcher.size = 0
        self.stage()
        self.assertEqual(self.records("allocation"), [])
        self.assertEqual(plans.own_allocation(patcher.model, patcher), "")

    def test_a_multigpu_without_a_planner_is_told_as_missing(self):
        pack = self.plan()
        self.assertNotIn("ComfyUI-MultiGPU's planner", self.probe.missing)
        self.probe.switch_off()
        del pack.analyze_safetensor_loading
        pack.analyze_safetensor_loading = None  # for the clean-up: there is no such function
        self.probe = hooks.install()
        self.assertIn("ComfyUI-MultiGPU's planner", self.probe.missing)


class Card:
    """torch.cuda, of a card of 1 GiB of which 300 MiB are taken, 100 of them by torch's allocator, 40 of those free."""

    @staticmethod
    def is_available():
        return True

    @staticmethod
    def device_count():
        return 2

    @staticmethod
    def current_device():
        return 0

    @staticmethod
    def get_device_properties(device):
        return types.SimpleNamespace(total_memory=1024 * MIB)

    @staticmethod
    def memory_stats(device):
        return {"reserved_bytes.all.current": 100 * MIB, "allocated_bytes.all.current": 60 * MIB}

    @staticmethod
    def mem_get_info(device):
        assert device.index == 0, "the other card is not used, and must not be asked"
        return 724 * MIB, 1024 * MIB


class Tensor(sys.modules["torch"].Tensor):
    def __init__(self, address, size, device="cpu"):
        self.address, self.size, self.device = address, size, device

    def untyped_storage(self):
        return types.SimpleNamespace(data_ptr=lambda: self.address, nbytes=lambda: self.size)


class LedgerTest(ProbeCase):
    def setUp(self):
        sys.modules["torch"].cuda = Card
        super().setUp()

    def tearDown(self):
        super().tearDown()
        del sys.modules["torch"].cuda

    def lines(self, device):
        return {r["line"]: r["size_bytes"] for r in self.records("memory") if r["device"] == device}

    def test_the_lines_of_a_card_make_up_what_it_says_is_used(self):
        self.probe.observer.ledger.context = {"cuda:0": 200 * MIB}
        self.load()
        self.executor.caches.all[0].cache["latent"] = [[{"samples": Tensor(1, 7 * MIB, "cuda:0")}, Tensor(1, 7 * MIB, "cuda:0")]]
        self.stage()
        lines = self.lines("cuda:0")
        self.assertEqual(lines["used"], 300 * MIB)
        self.assertEqual((lines["weights"], lines["cache"], lines["other"]), (20, 40 * MIB, 7 * MIB))
        self.assertEqual(sum(lines[name] for name in ("context", "weights", "cache", "other", "unattributed")), lines["used"])

    def test_what_was_taken_when_the_cell_began_is_context(self):
        self.assertEqual(self.probe.observer.ledger.context["cuda:0"], 260 * MIB)

    def test_of_main_memory_whatever_is_left_is_noise(self):
        self.load()
        self.stage()
        lines = self.lines("cpu")
        if ledger.psutil is not None:
            self.assertGreater(lines["noise"], lines["unattributed"])
            self.assertEqual(lines["weights"], 82)

    def test_a_card_that_is_not_used_is_not_asked(self):
        self.stage()
        self.assertEqual(self.lines("cuda:1"), {})
        names = {row["name"]: row for row in self.probe.recent.answer(self.probe.observer)["devices"]}
        self.assertEqual((names["cuda:0"]["free_bytes"], names["cuda:1"]["free_bytes"]), (724 * MIB, None))
        self.assertEqual(names["cuda:1"]["total_bytes"], 1024 * MIB)

    def test_of_a_card_that_is_used_later_what_torch_has_not_taken_is_context(self):
        self.probe.observer.ledger.context = {}
        self.stage()
        self.assertEqual(self.lines("cuda:0")["context"], 200 * MIB)

    def test_a_card_that_does_not_answer_has_no_lines(self):
        self.addCleanup(setattr, Card, "memory_stats", Card.memory_stats)
        Card.memory_stats = staticmethod(lambda device: 1 / 0)
        self.load()
        self.stage()
        self.assertEqual(self.lines("cuda:0"), {})
        self.assertEqual(self.probe.failures, 0)


class HoldersTest(ProbeCase):
    def setUp(self):
        super().setUp()
        self.pack = stand.module("comfy_pack", CACHE={})
        self.pack.__file__ = "/packs/leaky/nodes.py"
        stand.module("nodes", LOADED_MODULE_DIRS={"leaky": "/packs/leaky"})

    def tearDown(self):
        super().tearDown()
        for name in ("comfy_pack", "nodes"):
            sys.modules.pop(name, None)

    def holders(self):
        return [(r["label"], r["kind"]) for r in self.records("holder") if r["snapshot"] == self.probe.observer.snapshot]

    def path(self):
        return next((r["path"] for r in self.records("path") if r["snapshot"] == self.probe.observer.snapshot), None)

    def test_nobody_is_asked_who_refers_unless_a_user_wants_it(self):
        asked, gc.get_referrers = gc.get_referrers, lambda *objects: self.fail("asked")
        self.addCleanup(setattr, gc, "get_referrers", asked)
        kept = self.load(cached=False)
        self.stage()
        self.unload()
        self.stage()
        self.collect()
        self.stage("end")
        self.assertEqual(self.probe.failures, 0)
        self.assertIsNotNone(kept)

    def test_a_cached_model_that_was_unloaded_has_its_path(self):
        self.load()
        self.stage()
        self.unload()
        self.stage()
        self.assertEqual(self.path(), "executor -> caches -> a cached node -> patcher B")
        self.assertEqual(self.records("path")[0]["length"], 2)

    def test_what_a_node_pack_keeps_is_found_there(self):
        self.pack.CACHE["models"] = [types.SimpleNamespace(unet=self.load(cached=False))]
        self.stage()
        self.unload()
        self.stage()
        self.assertEqual(self.path(), "node pack leaky -> comfy_pack -> CACHE -> models -> SimpleNamespace -> unet -> patcher B")
        self.assertEqual(self.holders(), [("node pack leaky, comfy_pack", "other")])

    def test_an_unknown_holder_is_told_after_a_collection_and_not_before(self):
        hidden = iter([self.load(cached=False)])
        self.stage()
        self.unload()
        self.stage("after_unload")
        self.assertEqual(self.holders(), [])
        self.collect()
        self.assertEqual(self.holders(), [("unknown holder", "other")])
        self.assertIn("--deep", self.path())
        self.assertIsNotNone(hidden)

    def test_deep_names_whoever_refers(self):
        self.probe.observer.begin(1, deep=True)
        sys.modules["comfy_pack"].hidden = iter([self.load(cached=False)])
        self.stage()
        self.unload()
        self.collect()
        self.assertTrue(self.path().startswith("module comfy_pack -> hidden -> "), self.path())
        self.assertIn(("a list", "other"), self.holders())
        self.assertEqual(self.probe.failures, 0)

    def test_a_dropped_cache_leads_to_garbage(self):
        self.load()
        self.stage()
        self.unload()
        self.executor.reset()
        self.assertEqual(self.path(), "unreachable: garbage until the next collection")

    def test_a_search_ends(self):
        loop = {"n": 0}
        for index in range(paths.OBJECTS_MAX + 10):
            loop = {"next": loop, "n": index}
        self.assertEqual(paths.search([(("a root",), loop)], [object()]), {})


class RobustnessTest(ProbeCase):
    def without(self, owner, attribute, replacement=None):
        """The probe on a ComfyUI that lacks something."""
        self.probe.switch_off()
        saved = getattr(owner, attribute)
        self.addCleanup(setattr, owner, attribute, saved)
        if replacement is None:
            delattr(owner, attribute)
        else:
            setattr(owner, attribute, replacement)
        self.probe = hooks.install()
        stand.Queue().get()
        self.probe.observer.begin(1)
        return self.probe.missing

    def stages(self):
        return [r["stage"] for r in self.records("snapshot")]

    def test_a_place_that_is_gone_is_named_and_the_others_are_watched(self):
        self.assertEqual(self.without(mm, "soft_empty_cache"), ["soft_empty_cache"])
        mm.unload_all_models()
        self.assertEqual(self.stages(), ["before_unload", "after_unload"])

    def test_a_list_that_is_gone_is_named(self):
        self.assertIn("current_loaded_models", self.without(mm, "current_loaded_models"))

    def test_a_class_that_is_gone_names_each_of_its_places(self):
        missing = self.without(sys.modules["execution"], "PromptExecutor")
        self.assertEqual(missing, ["PromptExecutor.reset", "PromptExecutor.execute"])
        self.assertEqual(self.probe.failures, 0)

    def test_a_place_that_has_become_asynchronous_is_left_alone(self):
        async def later(models):
            return models

        self.assertEqual(self.without(mm, "load_models_gpu", later), ["load_models_gpu"])
        self.assertIs(mm.load_models_gpu, later)

    def test_a_wrapper_that_copies_our_attributes_is_not_ours(self):
        inner = mm.free_memory

        @functools.wraps(inner)
        def foreign(*args):
            return inner(*args)

        mm.free_memory = foreign
        stand.Queue().get()
        self.assertIsNot(mm.free_memory, foreign)
        self.probe.switch_off()
        self.assertIs(mm.free_memory, foreign)
        mm.free_memory = stand.free_memory

    def test_who_patches_while_a_model_is_loaded_is_inside_at_once(self):
        inner = mm.unload_all_models
        mm.unload_all_models = foreign = lambda: inner()
        stand.ModelPatcher(Net())
        self.assertIsNot(mm.unload_all_models, foreign)
        mm.unload_all_models = mm.unload_all_models.residency_inner

    def test_flags_of_another_kind_do_no_harm(self):
        self.without(stand.Queue, "get_flags", lambda queue: [("free_memory", True)])
        self.assertEqual(stand.Queue().get_flags(), [("free_memory", True)])

    def test_an_error_that_cannot_say_itself_goes_through(self):
        class Mute(RuntimeError):
            def __str__(self):
                raise ValueError("no words")

        def broken():
            raise Mute()

        self.without(mm, "unload_all_models", broken)
        with self.assertRaises(Mute):
            mm.unload_all_models()
        self.assertEqual(self.probe.death, "Mute")

    def test_off_leaves_nothing(self):
        patcher = self.load()
        self.stage()
        self.probe.switch_off()
        self.assertEqual((self.probe.journal.lines, self.probe.observer.objects), (type(self.probe.journal.lines)(), []))
        model = weakref.ref(patcher.model)
        self.executor.caches.all[0].cache.clear()
        del patcher
        self.assertIsNone(model())
        stand.Queue().get()
        self.assertIs(mm.free_memory, stand.free_memory)

    def test_after_a_cell_nothing_more_is_written(self):
        self.load()
        self.stage()
        self.probe.direct("end", "")
        told = self.probe.journal.next
        self.unload()
        self.collect()
        self.assertEqual(self.probe.journal.next, told)

    def test_a_stage_keeps_nothing_alive(self):
        patcher = self.load()
        self.probe.note_plan(patcher, "#cpu;1;cpu", {"block_assignments": {"last": "cpu"}})
        self.stage("end")
        model = weakref.ref(patcher.model)
        self.executor.caches.all[0].cache.clear()
        del patcher
        self.assertIsNone(model())

    def test_objects_past_the_most_are_counted_as_dropped(self):
        self.addCleanup(setattr, observe, "OBJECTS_MAX", observe.OBJECTS_MAX)
        observe.OBJECTS_MAX = 2
        for name in "ABCD":
            self.load(name=name)
        self.assertEqual((len(self.records("model")), self.probe.journal.dropped), (2, 2))


class JournalTest(unittest.TestCase):
    def test_it_does_not_grow_past_its_bytes(self):
        saved, journal.BYTES_MAX = journal.BYTES_MAX, 1000
        self.addCleanup(setattr, journal, "BYTES_MAX", saved)
        lines = journal.Journal()
        for number in range(100):
            lines.put("holder", number=number)
        self.assertLessEqual(lines.bytes, 1000)
        self.assertEqual(lines.dropped + len(lines.lines), 100)
        kept, first = lines.since(0)
        self.assertEqual(json.loads(kept[0])["number"], first)

    def test_what_was_fetched_goes(self):
        lines = journal.Journal()
        for number in range(10):
            lines.put("holder", number=number)
        lines.since(10)
        self.assertEqual((len(lines.lines), lines.bytes, lines.dropped), (0, 0, 0))


if __name__ == "__main__":
    unittest.main()
