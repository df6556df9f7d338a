#!/usr/bin/env python3
"""Loading a safetensors file: `residency bench load` beside the safetensors package, in one run.

    python3 -m venv VENV && VENV/bin/pip install safetensors numpy
    VENV/bin/python tests/bench/load_peer.py build/release/residency [SIZE_MIB]

Both read the same amount from the page cache and end with every byte in private memory. The package is asked the way its users
ask: load_file, which gives numpy arrays; whether they own their memory is checked.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy
from safetensors.numpy import load_file, save_file


def peer_seconds(path):
    started = time.perf_counter()
    tensors = load_file(path)
    elapsed = time.perf_counter() - started
    for tensor in tensors.values():
        base = tensor
        while isinstance(base, numpy.ndarray) and base.base is not None:
            base = base.base
        if "mmap" in type(base).__name__.lower():
            raise SystemExit("the package mapped the file: its bytes are not in private memory")
    return elapsed


def main():
    binary = sys.argv[1]
    mib = int(sys.argv[2]) if len(sys.argv) > 2 else 4096
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "peer.safetensors")
        block = numpy.random.default_rng(1).integers(0, 65535, 32 << 20, dtype=numpy.uint16)
        count = mib // 64
        save_file({f"blocks.{i}.weight": block for i in range(count)}, path)
        peer_seconds(path)  # the page cache has it now
        ours = []
        bare = []
        theirs = []
        for _ in range(3):  # in turns, so that what else the machine does falls on both
            theirs.append((count * 64 << 20) / peer_seconds(path))
            text = subprocess.run([binary, "bench", "load", "--largest", f"{count * 64}MiB", "--repeats", "1", "--store", "none",
                                   "--json"], check=True, capture_output=True, text=True,
                                  env=dict(os.environ, TMPDIR=folder)).stdout
            ways = {w["way"]: w["bytes_per_s"] for w in json.loads(text)["benches"][0]["ways"]}
            ours.append(ways["into place"])
            bare.append(ways["bare read"])
    for name, rates in (("bare read", bare), ("residency", ours), ("safetensors", theirs)):
        print(f"{name:12} {sorted(rates)[1] / 1e9:6.2f} GB/s  ({min(rates) / 1e9:.2f} to {max(rates) / 1e9:.2f})")
    print(f"residency is {sorted(ours)[1] / sorted(theirs)[1]:.2f} times as fast as the package (2 is wanted), "
          f"{sorted(ours)[1] / sorted(bare)[1]:.2f} of the bare read (0.9)")


if __name__ == "__main__":
    main()
