"""Nodes for test workflows: conditioning and latents that hold no model, so that a model's only consumers are those under test."""

import torch


class ResidencyConstantConditioning:
    """Zeros in the shape that the tool's own small models take."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"seed": ("INT", {"default": 0, "min": 0, "max": 2**64 - 1})}}

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "make"
    CATEGORY = "residency"

    def make(self, seed):
        return ([[torch.zeros(1, 8, 4096), {"pooled_output": torch.zeros(1, 2048)}]],)


class ResidencyConstantLatent:
    """An 8 by 8 latent of 16 channels."""

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"seed": ("INT", {"default": 0, "min": 0, "max": 2**64 - 1})}}

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "make"
    CATEGORY = "residency"

    def make(self, seed):
        return ({"samples": torch.zeros(1, 16, 8, 8)},)


NODE_CLASS_MAPPINGS = {
    "ResidencyConstantConditioning": ResidencyConstantConditioning,
    "ResidencyConstantLatent": ResidencyConstantLatent,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "ResidencyConstantConditioning": "Constant Conditioning (residency)",
    "ResidencyConstantLatent": "Constant Latent (residency)",
}
