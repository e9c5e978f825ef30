#!/bin/sh
# fuzz.sh DIR SECONDS TARGET…: builds each target with clang's libFuzzer and runs it on its corpus for so long.
set -eu
dir=$1 seconds=$2
shift 2
"$(dirname "$0")/../deps.sh" clang-14 libclang-rt-14-dev
mkdir -p "$dir"
for target in "$@"; do
    clang-14 -g -O1 -std=gnu11 -I. -Iclient/include -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -pthread \
        -fno-sanitize-recover=undefined -o "$dir/$target" "tests/fuzz/fuzz_$target.c" crypto/*.c storage/*.c broker/market/*.c \
        -lsodium -lcrypto -llmdb -lmsgpackc -lxxhash -lutf8proc -ljansson -lcurl
    mkdir -p "$dir/corpus_$target"
    "$dir/$target" -max_total_time="$seconds" -max_len=70000 -timeout=5 "$dir/corpus_$target" "tests/fuzz/corpus/$target"
done
