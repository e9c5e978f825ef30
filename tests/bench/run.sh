#!/bin/sh
# Every measure, one line each; the same as JSON in BUILD_DIR/bench.json. Takes some minutes, 4 GiB of disk and 4 GiB of
# memory disk.
set -eu
out=$1
export TIDEMARK_BENCH_JSON="$out/bench.json"
rm -f "$TIDEMARK_BENCH_JSON"
"$out/bench/bench_seal"
"$out/bench/bench_market" "$out/tidemarkd"
"$out/bench/bench_catalog"
"$out/bench/bench_transfers" "$out"
