"""What each device's memory is used for, as far as it can be told from here; the rest is shown as unattributed.

    used          what the device says is taken; of main memory, by this process
    context          taken when the cell began, or the device was first used: contexts, libraries, other processes
    weights          of the models that were told of
    cache          kept by torch's allocator
    other          results of nodes in the executor's cache (latents, conditioning, images)
    unattributed  used, less all of these
    noise          how much of that may be workspaces, lazily loaded libraries, and, in main memory, anything: below it it says nothing
"""

import comfy.model_management as mm
import torch

try:
    import psutil
except ImportError:
    psutil = None

ACCELERATORS = ("cuda", "xpu", "npu", "mlu")
NOISE_BYTES = 256 << 20  # of an accelerator: cuBLAS's and cuDNN's workspaces, kernels that are loaded when first used


def accelerators():
    """torch.device of each; none where ComfyUI was told to use the CPU."""
    state = getattr(getattr(mm, "cpu_state", None), "name", "")
    if state == "CPU":
        return []
    if state == "MPS":
        return [torch.device("mps")]
    found = []
    for kind in ACCELERATORS:
        backend = getattr(torch, kind, None)
        if backend is not None and backend.is_available():
            found += [torch.device(kind, index) for index in range(backend.device_count())]
    return found


def process_bytes():
    """Resident in main memory; None where unknown. ComfyUI brings psutil."""
    try:
        return int(psutil.Process().memory_info().rss)
    except Exception:
        return None


def capacity(device):
    """In bytes, asked without using it."""
    properties = getattr(getattr(torch, device.type, None), "get_device_properties", None)
    return int(properties(device).total_memory if properties else mm.get_total_memory(device))


def is_used(device):
    """Whether this process uses it yet. One that it does not is not asked what is free: the question alone would take memory there."""
    if device.type != "cuda":
        return True
    has_context = getattr(getattr(torch, "_C", None), "_cuda_hasPrimaryContext", None)
    return bool(has_context(device.index)) if has_context else device.index == torch.cuda.current_device()


def taken(device):
    """(used, allocated by torch, cache of torch's allocator) in bytes."""
    if device.type == "mps":
        used, allocated = int(torch.mps.driver_allocated_memory()), int(torch.mps.current_allocated_memory())
        return used, allocated, used - allocated
    backend = getattr(torch, device.type)
    stats = backend.memory_stats(device)
    reserved = int(stats.get("reserved_bytes.all.current", 0))
    allocated = int(stats.get("allocated_bytes.all.current", 0))
    used = reserved
    if hasattr(backend, "mem_get_info"):
        free, total = backend.mem_get_info(device)
        used = int(total) - int(free)
    return used, allocated, max(0, reserved - allocated)


def tensor_bytes(value, seen, found, depth=0):
    """Adds the bytes of the tensors in a node's results to found, by device; each storage once."""
    if depth > 8 or value is None or isinstance(value, (str, int, float, bool, bytes)):
        return
    if isinstance(value, torch.Tensor):
        storage = value.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            name = str(value.device)
            found[name] = found.get(name, 0) + storage.nbytes()
    elif isinstance(value, dict):
        for item in list(value.values()):
            tensor_bytes(item, seen, found, depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            tensor_bytes(item, seen, found, depth + 1)
    elif isinstance(getattr(value, "outputs", None), (list, tuple)):  # later versions wrap an entry
        tensor_bytes(value.outputs, seen, found, depth + 1)


def on_device(found, name):
    """Of a table by device: cpu and cpu:0 are one."""
    if name != "cpu":
        return found.get(name, 0)
    return sum(size for key, size in found.items() if key.split(":")[0] == "cpu")


class Ledger:
    def __init__(self):
        self.context = {}

    def used(self):
        """[(device's name, used, cache, noise)]"""
        main = process_bytes()
        found = [] if main is None else [("cpu", main, 0, int(mm.get_total_memory(torch.device("cpu"))))]
        for device in accelerators():
            try:
                if not is_used(device):
                    continue
                used, allocated, cache = taken(device)
            except Exception:  # a device that does not say: no line of it, and the others' all the same
                continue
            self.context.setdefault(str(device), max(0, used - allocated - cache))
            found.append((str(device), used, cache, NOISE_BYTES))
        return found

    def begin(self):
        self.context = {name: used - cache for name, used, cache, _ in self.used()}

    def lines(self, weights, results):
        """[(device, line, bytes)] of all devices; weights and results are bytes by device."""
        found = []
        for name, used, cache, noise in self.used():
            known = {"context": min(used, self.context.get(name, 0)), "weights": on_device(weights, name), "cache": cache,
                     "other": on_device(results, name)}
            rest = used - sum(known.values())
            found += [(name, "used", used), *((name, line, size) for line, size in known.items()),
                      (name, "noise", noise), (name, "unattributed", max(0, rest))]
        return found
