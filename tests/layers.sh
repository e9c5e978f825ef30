#!/bin/sh
# Each library is included by the folder that owns it, and data goes one way: client and broker -> storage -> crypto.
set -u
failed=0
# forbid WHAT REGEX FOLDER…: no #include matching REGEX below the folders.
forbid() {
    what=$1 regex=$2
    shift 2
    if grep -rnE "^[[:space:]]*#[[:space:]]*include[[:space:]]+[<\"]($regex)" --include='*.c' --include='*.h' "$@"; then
        echo "check-layers: $what" >&2
        failed=1
    fi
}
forbid "only crypto/ includes sodium and openssl" 'sodium|openssl/' storage broker client
forbid "only storage/ includes lmdb, msgpack, xxhash, utf8proc and curl" 'lmdb|msgpack|xxhash|utf8proc|curl/' crypto broker client
forbid "zmq belongs to broker/server and client/lib" 'zmq' crypto storage broker/market client/cli client/include client/examples
forbid "crypto/ includes nothing above it" 'storage/|broker/|client/' crypto
forbid "storage/ includes nothing above it" 'broker/|client/' storage
forbid "broker/ and client/ do not know each other" 'client/|tidemark.h' broker
forbid "broker/ and client/ do not know each other" 'broker/' client
forbid "the CLI and the examples use the public header alone" 'storage/|crypto/|client/lib/' client/cli client/examples
forbid "the market has no server" 'broker/server' broker/market
if grep -nE '\b(clock_gettime|gettimeofday|time|getrandom|rand|random|random_bytes)\(' broker/market/*.c; then
    echo "check-layers: broker/market reads no clock and no random numbers" >&2
    failed=1
fi
exit $failed
