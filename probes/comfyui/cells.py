"""What a cell needs of a server: devices as on a machine with a GPU, outputs in the workflow's order, a worker as after the start."""

import sys
import threading
import time

import comfy.model_management as mm
import server
import torch

from .observe import modules_with

SECONDS_MOST = 5  # for a worker to end, and for the next one to begin


class Devices:
    """On a machine without a GPU, `split` makes cpu:0 the load device, so that it is not the offload device, as on a GPU."""

    def __init__(self):
        self.found = None  # the functions that were there

    def place(self, device_mode):
        if mm.cpu_state != mm.CPUState.CPU:
            return
        split = device_mode == "split"
        device = torch.device("cpu:0" if split else "cpu")
        for module in modules_with("_DEVICE_LIST_CACHE", "get_device_list"):
            devices = module.get_device_list()  # what its loaders offer; made at the first call
            if split and "cpu:0" not in devices:
                devices.append("cpu:0")
            elif not split and "cpu:0" in devices:
                devices.remove("cpu:0")
        if self.found is None:
            self.found = (mm.get_torch_device, mm.text_encoder_device)
        mm.get_torch_device = mm.text_encoder_device = lambda: device

    def put_back(self):
        if self.found is not None:
            mm.get_torch_device, mm.text_encoder_device = self.found
            self.found = None


def order_outputs(item):
    """ComfyUI runs a prompt's outputs in the order of a set, which no two servers share; here in the order of the workflow."""
    _, _, prompt, _, outputs = item[:5]
    places = {node: place for place, node in enumerate(prompt)}
    outputs.sort(key=lambda node: places.get(node, len(places)))


def wait_until(true):
    end = time.monotonic() + SECONDS_MOST
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return true()


class Worker:
    """The thread that runs prompts. It keeps to itself its executor and when it last collected: what a cell would leave to the next."""

    def __init__(self):
        self.thread = None
        self.retiring = None
        self.queue = None  # of the server, once the worker has come
        self.waiting = False  # for work

    def comes(self, queue):
        self.queue = queue
        if self.thread is None or not self.thread.is_alive():
            self.thread = threading.current_thread()

    def leaves(self):
        """Whether the worker, back from its wait with nothing to do, is to end."""
        return self.retiring is threading.current_thread()

    def retire(self):
        """Ends it; an idle one only. Whether it is gone, or was."""
        if self.thread is None:
            return True
        if self.thread.is_alive():
            self.retiring = self.thread
            with self.queue.mutex:
                self.queue.not_empty.notify_all()
            self.thread.join(SECONDS_MOST)
            self.retiring = None
        return not self.thread.is_alive()

    def begin(self):
        """Another one, after retire(). False where this ComfyUI's main has none to begin."""
        work = getattr(sys.modules["__main__"], "prompt_worker", None)
        if work is None or self.queue is None:
            return False
        with self.queue.mutex:  # what one that died has left
            self.queue.queue, self.queue.flags = [], {}
            self.queue.currently_running.clear()
        self.thread = None
        threading.Thread(target=work, daemon=True, args=(self.queue, server.PromptServer.instance)).start()
        return wait_until(lambda: self.waiting)

    def can_begin(self):
        return hasattr(sys.modules["__main__"], "prompt_worker")
