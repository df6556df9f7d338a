"""Gives an older ComfyUI the four names that ComfyUI-MultiGPU a38cbda asks for when it is imported and a125cd84 lacks.

They are for a feature that the older one has not (dynamic load lists), so that nothing ever calls what stands behind them: with them
a38cbda is imported, and does what it does. A name that is there stays as it is. ComfyUI runs this before it imports any node.
"""

import sys
import types

import comfy
import comfy.model_patcher as model_patcher

try:
    import comfy.memory_management
except ImportError:
    comfy.memory_management = sys.modules["comfy.memory_management"] = types.ModuleType("comfy.memory_management")

if not hasattr(model_patcher, "QuantizedTensor"):
    model_patcher.QuantizedTensor = type("QuantizedTensor", (), {})
if not hasattr(model_patcher, "low_vram_patch_estimate_vram"):
    model_patcher.low_vram_patch_estimate_vram = lambda model, key: 0
if not hasattr(model_patcher, "ModelPatcherDynamic"):
    model_patcher.ModelPatcherDynamic = type("ModelPatcherDynamic", (model_patcher.ModelPatcher,), {})
