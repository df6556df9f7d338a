"""Blocks: the modules of a model that ComfyUI's loader moves one by one, in its order.

A block is a module that has parameters, or knows how to cast them, while none of its children has any. Parameters of other modules
count as bytes, but lie in no block.
"""

NAMES = {}  # of devices: making a new one for each parameter would be most of the work


def device_name(device):
    name = NAMES.get(device)
    if name is None:
        name = NAMES[device] = str(device)
    return name


def load_list(model):
    """[(name, module)] of the blocks, and the modules with parameters that are none. One that is there twice counts where it came first."""
    found, others = [], []
    visit(model, "", found, others, {})
    return found, others


def visit(module, name, found, others, known):
    """Whether it or a child has parameters. (No function in a function: that would be a cycle, and keep the modules until a collection.)"""
    if id(module) in known:
        return known[id(module)]
    known[id(module)] = False
    place, below = len(found), False
    for key, child in module._modules.items():
        if child is not None and visit(child, f"{name}.{key}" if name else key, found, others, known):
            below = True
    own = any(parameter is not None for parameter in module._parameters.values())
    if not below and (own or hasattr(module, "comfy_cast_weights")):
        found.insert(place, (name, module))
    elif own:
        others.append(module)
    known[id(module)] = own or below
    return known[id(module)]


class Blocks:
    """Where a model's weights are now: numbers and names only, so that it keeps nothing alive."""

    def __init__(self, model):
        self.bytes_on = {}  # by device, of all parameters
        self.names, self.sizes, self.devices, self.in_place = [], [], [], []
        blocks, others = load_list(model)
        for name, module in blocks:
            size, device = self.count(module)
            self.names.append(name)
            self.sizes.append(size)
            self.devices.append(device)
            self.in_place.append(device is not None and getattr(module, "comfy_patched_weights", False) is True)
        for module in others:
            self.count(module)

    def count(self, module):
        total, first = 0, None
        for parameter in module._parameters.values():
            if parameter is None:
                continue
            device = device_name(parameter.device)
            size = parameter.numel() * parameter.element_size()
            self.bytes_on[device] = self.bytes_on.get(device, 0) + size
            total += size
            first = first or device
        return total, first

    @property
    def total(self):
        return sum(self.bytes_on.values())

    def placed(self):
        """[(first, count, device)]; a block without parameters is where the one before it is."""
        devices, last = [], next((device for device in self.devices if device), None)
        for device in self.devices:
            last = device or last
            devices.append(last and without_index(last))
        return [run for run in runs(devices) if run[2]]

    def planned(self, plan, else_device):
        """The same of a plan {name: device}: of blocks that have been put in place, for the others are elsewhere by decision."""
        wanted = []
        for name, device, here in zip(self.names, self.devices, self.in_place):
            if device is None and wanted:
                wanted.append(wanted[-1])
            else:
                wanted.append(without_index(plan.get(name, else_device)) if here else None)
        return [run for run in runs(wanted) if run[2]]


def without_index(name):
    """There is one cpu, whichever index its name has."""
    return "cpu" if name.startswith("cpu:") else name


def runs(values):
    """[(first, count, value)] of equal neighbours."""
    found = []
    for index, value in enumerate(values):
        if found and found[-1][2] == value:
            found[-1] = (found[-1][0], found[-1][1] + 1, value)
        else:
            found.append((index, 1, value))
    return found
