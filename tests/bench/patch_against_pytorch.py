"""PyTorch's side of patch_against_pytorch.sh, and the comparison."""
import json
import statistics
import subprocess
import sys
import time

import torch

torch.set_num_threads(1)
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
          "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2}


def stochastic_round(value, dtype, seed):
    """The steps in half precision that the rounding is defined by (mantissa and exponent by hand)."""
    bits, bias, exponents = (3, 7, 15) if dtype == torch.float8_e4m3fn else (2, 15, 31)
    x = value.half()
    sign, a = torch.sign(x), x.abs()
    sign = torch.where(sign == 0, 0, sign)
    exponent = torch.clamp(torch.floor(torch.log2(a)) + bias, 0, exponents)
    normal = exponent != 0
    scaled = torch.where(normal, (a / (2.0 ** (exponent - bias)) - 1.0) * 2 ** bits, a / (2.0 ** (1 - bias - bits)))
    generator = torch.Generator().manual_seed(seed)
    scaled += torch.rand(scaled.size(), dtype=scaled.dtype, generator=generator)
    mantissa = scaled.floor() / 2 ** bits
    result = sign * torch.where(normal, 2.0 ** (exponent - bias) * (1.0 + mantissa), 2.0 ** (1 - bias) * mantissa)
    info = torch.finfo(dtype)
    return torch.clamp(result, info.min, info.max).to(dtype)


def patch(kind, weight, factors, scale, rank, out):
    value = weight.to(torch.float32, copy=True)
    factors = [f.to(torch.float32) for f in factors]
    difference = torch.mm(factors[0], factors[1])
    if kind == "loha":
        difference = difference * torch.mm(factors[2], factors[3])
    if kind == "dora":
        changed = value + difference
        norm = value.norm(dim=1, keepdim=True) + torch.finfo(torch.float32).eps
        changed *= scale.to(torch.float32) / norm
        changed -= value
        value += 0.75 * changed
    else:
        value += (0.75 * 1.0) * difference
    if weight.dtype in (torch.float8_e4m3fn, torch.float8_e5m2):
        out.copy_(stochastic_round(value, weight.dtype, 1))
    else:
        out.copy_(value)


def peer(point, repeats=5):
    rows, columns, rank, dtype = point["rows"], point["columns"], point["rank"], DTYPES[point["dtype"]]
    weight = (0.05 * torch.randn(rows, columns)).to(dtype)
    out = torch.empty_like(weight)
    factors = [(0.1 * torch.randn(*shape)).half() for shape in [(rows, rank), (rank, columns)] * 2]
    scale = torch.rand(rows, 1).half()
    times = []
    for i in range(repeats + 1):
        begun = time.perf_counter()
        patch(point["kind"], weight, factors, scale, rank, out)
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def main():
    binary, rounds = sys.argv[1], int(sys.argv[2])
    ours, theirs = {}, {}
    for _ in range(rounds):
        text = subprocess.run([binary, "bench", "patch", "--json", "--store", "none", "--repeats", "5"], check=True,
                              capture_output=True, text=True).stdout
        for point in find_points(json.loads(text)):
            key = (point["kind"], point["dtype"], point["rows"], point["columns"], point["rank"])
            ours.setdefault(key, []).append(point["median_ns"] / 1e9)
            theirs.setdefault(key, []).append(peer(point))
    slower = 0
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread, {rounds} rounds")
    for key in ours:
        mine, peers = statistics.median(ours[key]), statistics.median(theirs[key])
        slower += mine > peers
        print(f"{key[0]} rank {key[4]:3} {key[1]:7} {key[2]} x {key[3]}: residency {mine * 1e3:7.1f} ms, "
              f"PyTorch {peers * 1e3:7.1f} ms, {peers / mine:5.1f} times as fast")
    return 1 if slower else 0


def find_points(value):
    """The bench's points, wherever its JSON has them."""
    if isinstance(value, dict):
        if "points" in value:
            return value["points"]
        value = list(value.values())
    if isinstance(value, list):
        return [point for item in value for point in find_points(item)]
    return []


sys.exit(main())
