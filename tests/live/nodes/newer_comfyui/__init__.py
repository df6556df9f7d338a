"""Names of a newer ComfyUI, for tests: see prestartup_script.py, which does it. No nodes."""

NODE_CLASS_MAPPINGS = {}
