"""By which allocation string ComfyUI-MultiGPU placed a model, and where it wanted each block.

Its generations note the string in different places: in a table by a fingerprint of the model, which another model of the same shape
shares, or on the model itself. So the string that a model's own loader set and the one it was placed by may differ.
"""

import sys

# The table and the function that makes its key, of the generations that have them.
STORES = (
    ("safetensor_allocation_store", "create_safetensor_model_hash"),
    ("model_allocation_store", "create_model_hash"),
)
# What plans: (patcher or model, string, ...) -> {"block_assignments": {block: device}} or {"device_assignments": {device: [(block, ...)]}}
PLANNERS = ("analyze_safetensor_loading", "analyze_safetensor_loading_clip", "analyze_ggml_loading")


FOUND = {}  # names: (how many modules there were, the names of those that define them)


def modules_with(*names):
    """Modules that define all of these names. Their own dictionaries are asked: some modules say that they have any name. There are
    thousands, so they are gone through only when one has come since."""
    count, found = FOUND.get(names, (0, ()))
    if count != len(sys.modules):
        found = tuple(key for key, module in list(sys.modules.items()) if defines(module, names))
        FOUND[names] = (len(sys.modules), found)
    for key in found:
        module = sys.modules.get(key)
        if module is not None and defines(module, names):
            yield module


def defines(module, names):
    own = getattr(module, "__dict__", {})
    return all(name in own for name in names)


def planners():
    """(module, name) wherever a planner is defined; who imports one by name calls it there."""
    for name in PLANNERS:
        for module in modules_with(name):
            if callable(module.__dict__[name]):
                yield module, name


def own_allocation(model, patcher):
    """What the model's loader has noted; "" for nothing, None where there is no ComfyUI-MultiGPU to note it."""
    meta = getattr(model, "_distorch_v2_meta", None)
    if isinstance(meta, dict):
        return str(meta.get("full_allocation", ""))
    there = next(modules_with("NODE_CLASS_MAPPINGS", "set_current_device"), None) is not None
    # without its size, which a loader has always asked for, a patcher would write it down now: nothing changes for our sake
    if patcher is None or not getattr(patcher, "size", 0):
        return "" if there else None
    for store, fingerprint in STORES:
        for module in modules_with(store, fingerprint):
            there = True
            table = module.__dict__[store]
            if not isinstance(table, dict) or not table:
                continue
            found = table.get(module.__dict__[fingerprint](patcher, "residency"))
            if found:
                return str(found)
    return "" if there else None


def assignments(result):
    """{block: device} of what a planner answers; {} where it is not understood."""
    if not isinstance(result, dict):
        return {}
    blocks = result.get("block_assignments")
    if isinstance(blocks, dict):
        return {str(block): str(device) for block, device in blocks.items()}
    devices = result.get("device_assignments")
    if not isinstance(devices, dict):
        return {}
    return {str(item[0]): str(device) for device, items in devices.items() for item in items}


def remembered(patcher):
    """(string, {block: device}) as newer generations remember it on the patcher; (None, {}) where they do not."""
    string = getattr(patcher, "_distorch_last_allocations", None)
    if not isinstance(string, str):
        return None, {}
    return string, assignments(getattr(patcher, "_distorch_cached_assignments", None))
