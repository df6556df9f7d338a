#!/usr/bin/env bash
# import_speed.sh - how long `residency import` takes for 100 MB of each kind of log, on one core, in processor time. Makes the files from the samples in
# tests/data/logs, in a folder of its own that goes again. Exit 1 where one takes two seconds or more.
#
#	tests/bench/import_speed.sh [build/release/residency]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

binary=$(readlink -f "${1:-build/release/residency}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
slow=0

# Copies of the samples until there are 100 MB.
make_log() {
	local to=$1
	shift
	cat "$@" >"$folder/piece"
	local size
	size=$(stat -c %s "$folder/piece")
	for ((i = 0; i * size < 100000000; i++)); do cat "$folder/piece"; done >"$to"
}

measure() {
	local name=$1 log=$folder/big code=0 TIMEFORMAT='%U %S' ms
	shift
	make_log "$log" "$@"
	{ time taskset -c 0 "$binary" import --store "$folder/store.db" "$log" >"$folder/out" 2>&1; } 2>"$folder/times" || code=$?
	ms=$(awk '{ printf "%d", ($1 + $2) * 1000 }' "$folder/times")
	rm -f "$folder"/store.db*
	[ "$code" -le 5 ] || { cat "$folder/out" && exit 1; }
	printf '%-28s %4d MB in %5d ms\n' "$name" $(($(stat -c %s "$log") / 1000000)) "$ms"
	[ "$ms" -lt 2000 ] || slow=1
}

measure 'memory points and lists' tests/data/logs/older-build-20250928.txt
measure 'tables' tests/data/logs/tables-01df082.log
measure 'all text samples' tests/data/logs/*.txt tests/data/logs/*.log
measure 'JSONL' tests/data/logs/newest-info.jsonl
exit $slow
