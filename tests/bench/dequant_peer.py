#!/usr/bin/env python3
"""Dequantisation, one core: `residency bench dequant` beside ggml's own CPU code, in one run.

    python3 -m venv VENV && VENV/bin/pip install pywhispercpp numpy
    VENV/bin/python tests/bench/dequant_peer.py build/release/residency

pywhispercpp ships ggml as a shared library; its dequantize_row_* functions are called with as many elements, as often, on memory
aligned alike. Rates are elements a second of processor time, the median of five.
"""
import ctypes
import json
import subprocess
import sys
import sysconfig
import time

import numpy

ELEMENTS = 65536
WANTED = {"Q4_0": 1.0, "Q8_0": 1.0, "Q4_K": 1.0, "Q6_K": 2.0}
BLOCKS = {"Q4_0": (32, 18), "Q4_1": (32, 20), "Q5_0": (32, 22), "Q5_1": (32, 24), "Q8_0": (32, 34), "Q2_K": (256, 84),
          "Q3_K": (256, 110), "Q4_K": (256, 144), "Q5_K": (256, 176), "Q6_K": (256, 210), "IQ4_NL": (32, 18),
          "IQ4_XS": (256, 136)}


def peer_rate(library, name, elements, size):
    function = getattr(library, "dequantize_row_" + name.lower().replace("_k", "_K"))
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    blocks = numpy.random.default_rng(1).integers(0, 64, ELEMENTS // elements * size, dtype=numpy.uint8)
    values = numpy.zeros(ELEMENTS + 16, numpy.float32)
    target = (values.ctypes.data + 63) // 64 * 64
    rates = []
    for _ in range(5):
        rounds = 0
        started = time.thread_time_ns()
        while time.thread_time_ns() - started < 10_000_000:
            function(blocks.ctypes.data, target, ELEMENTS)
            rounds += 1
        rates.append(rounds * ELEMENTS / (time.thread_time_ns() - started))
    return sorted(rates)[2]


def main():
    text = subprocess.run([sys.argv[1], "bench", "dequant", "--store", "none", "--json"], check=True, capture_output=True,
                          text=True).stdout
    ours = {}
    for point in json.loads(text)["benches"][0]["points"]:
        if point["way"] == "exact":
            ours.setdefault(point["type"], {})[point["kernels"]] = point["elements_per_s"] / 1e9
    library = ctypes.CDLL(sysconfig.get_paths()["purelib"] + "/libggml-base.so")
    print("G elements/s   residency                                   ggml   times")
    for name, (elements, size) in BLOCKS.items():
        rate = peer_rate(library, name, elements, size)
        widest = next(iter(ours[name].values()))  # the first is the one that runs
        shown = ", ".join(f"{k} {v:.2f}" for k, v in ours[name].items())
        wanted = f"({WANTED[name]:g} is wanted)" if name in WANTED else ""
        print(f"{name:8} {shown:45} {rate:8.2f} {widest / rate:7.2f} {wanted}")


if __name__ == "__main__":
    main()
