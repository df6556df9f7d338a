"""The probe node of residency: tells a residency tool which model is where in this ComfyUI, and what made it leave.

Import never fails and nothing here is ever raised into ComfyUI: a probe that cannot start says so in the log and stays out.
"""

import logging

NODE_CLASS_MAPPINGS = {}
NODE_DISPLAY_NAME_MAPPINGS = {}

try:
    from . import constants, hooks, routes

    NODE_CLASS_MAPPINGS.update(constants.NODE_CLASS_MAPPINGS)
    NODE_DISPLAY_NAME_MAPPINGS.update(constants.NODE_DISPLAY_NAME_MAPPINGS)
    PROBE = hooks.install()
    routes.install(PROBE)
except Exception:  # whatever it is, ComfyUI must start
    logging.exception("residency probe: it could not start, and watches nothing")

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
