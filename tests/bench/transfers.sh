#!/bin/bash
# Parties, contents and trades for bench_transfers, in a market whose broker is running: four vendors with a sealed file each that
# nobody has seen yet, and four buyers, each with a granted trade. What the clients read and write lies below T, which
# should be a memory disk: the broker's disk is then the broker's alone. Prints a line a client:
#
#     upload URL IDENTITY STATE_DIR FILE
#     fetch URL IDENTITY STATE_DIR OUT TRADE
#
#     transfers.sh BIN_DIR MARKET T MIB
set -eu
BIN=$1
MARKET=$2
T=$3
. "$(dirname "$0")/../e2e/market.bash"

identity() { echo "$T/$1/config/tidemark/$1.key"; }
client() { echo "$1 $URL $(identity "$2") $T/$2/state/tidemark $T/$2/${1%load}.bin ${3:-}"; }

URL=$("$BIN/tidemarkd" info "$MARKET" --json | json url)
operator_connect
enrol reviewer reviewer
enrol bank bank
enrol seller vendor
echo licence >"$T/right.txt"
head -c $(($4 << 20)) /dev/urandom >"$T/data.bin"

as seller sell "$T/data.bin" -o "$T/seller/data.tide" --title Content --price 1.00 --rights "$T/right.txt" --no-wait --yes --quiet >/dev/null
listing=$(approve_next reviewer)
as seller order ask "$listing" --price 1.00 --quantity unlimited --yes --quiet >/dev/null
for i in 1 2 3 4; do
    enrol "buyer$i" buyer
    as bank bank deposit "$(party "buyer$i")" 10.00 --reference "B$i" --yes --quiet >/dev/null
    as "buyer$i" buy "$listing" -o "$T/buyer$i/fetch.bin" --yes --no-wait --quiet >/dev/null
done
as seller vend --once --quiet >/dev/null
for i in 1 2 3 4; do
    client fetch "buyer$i" "$(as "buyer$i" trade list --json | json trades 0 trade)"
done
for i in 1 2 3 4; do
    enrol "vendor$i" vendor
    ln "$T/data.bin" "$T/vendor$i/up.bin"
    as "vendor$i" seal "$T/vendor$i/up.bin" -o "$T/vendor$i/up.bin.tide" --quiet >/dev/null
    client upload "vendor$i"
done
