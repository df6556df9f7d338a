#!/usr/bin/env bash
# Patching a weight: residency against PyTorch, on one core, interleaved. The same steps on both sides: to float32, the adapter, and
# back to the weight's type (fp8 with stochastic rounding). Fails when residency is slower anywhere.
#
#	tests/bench/patch_against_pytorch.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

rounds=${1:-3}
binary=build/release/residency
venv=build/bench-venv

[ -x "$binary" ] || ./dev build
if ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet torch
fi
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
taskset=()
command -v taskset >/dev/null && taskset=(taskset -c 0)
exec "${taskset[@]}" "$venv/bin/python" tests/bench/patch_against_pytorch.py "$binary" "$rounds"
