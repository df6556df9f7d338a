"""Makes collections quick, for tests on a busy machine: what ComfyUI has imported so far is set aside, and never looked through again.

Nothing of it could ever be garbage; models, caches and executors come later, and are collected as ever. A collection takes a few
hundredths of a second in place of tenths, and a prompt is less likely to last longer than the 10 s between two of them.
"""

import gc

gc.collect()
gc.freeze()

NODE_CLASS_MAPPINGS = {}
