"""Faults that a scenario injects into a server.

A prompt that is held while it runs, until the tool has posted /free or /interrupt to it; one that fails, or runs out of memory, at
a sampler's step; another pack's patch of unload_all_models that throws; a request whose wake-up is lost.
"""

import threading

import comfy.model_management as mm

HELD_SECONDS_MOST = 30


class Faults:
    def __init__(self):
        self.kind = ""  # of the fault to inject into the next prompt
        self.step = self.steps = 0
        self.held = False  # a prompt is, and waits to be released
        self.released = threading.Event()
        self.unseen = False  # flags are set, and the worker does not know
        self.unpatched = None  # unload_all_models, while another pack's patch is outside of it

    def arm(self, kind, step):
        """running: held where it begins; interrupt: held at a step; fail, oom: raised there. Steps count from 0, over all samplers."""
        self.released.clear()
        self.kind, self.step, self.steps = kind, step, 0

    def hold(self):
        self.held = True
        self.released.wait(HELD_SECONDS_MOST)
        self.held = False

    def prompt_begins(self):
        if self.kind == "running":
            self.kind = ""
            self.hold()

    def prompt_ends(self):
        self.kind = ""  # one that has fewer steps is spared

    def step_taken(self):
        if not self.kind or self.kind == "running":
            return
        self.steps += 1
        if self.steps <= self.step:
            return
        kind, self.kind = self.kind, ""
        if kind == "fail":
            raise RuntimeError("a node failed")
        if kind == "oom":
            raise mm.OOM_EXCEPTION("allocation on device failed")
        self.hold()

    def watch_steps(self, inner, *args, **kwargs):
        """Round latent_preview.prepare_callback: what a sampler calls at each step."""
        callback = inner(*args, **kwargs)

        def stepped(*step_args, **step_kwargs):
            self.step_taken()
            return callback(*step_args, **step_kwargs)

        return stepped

    def patch_unload(self, throws):
        if throws and self.unpatched is None:

            def throwing(*args, **kwargs):
                raise RuntimeError("another pack's patch of unload_all_models throws")

            self.unpatched, mm.unload_all_models = mm.unload_all_models, throwing
        elif not throws and self.unpatched is not None:
            mm.unload_all_models, self.unpatched = self.unpatched, None

    def set_flags_without_wake(self, queue, names):
        """As POST /free does at a moment when the worker does not wait: it is not woken."""
        with queue.mutex:
            queue.flags.update({name: True for name in names})
            self.unseen = True

    def clear(self):
        self.kind, self.unseen = "", False
        self.released.set()
        self.patch_unload(False)
