#!/bin/bash
# demo.sh BUILD_DIR [FILE]: one real trade on this machine, said step by step. Leaves nothing running and nothing behind.
set -euo pipefail
BIN=$(realpath "$1")
DATASET=${2:-/usr/share/ieee-data/oui.csv}
# shellcheck source=tests/e2e/market.bash
. "$(dirname "$0")/e2e/market.bash"
VEND=
finish() {
    local status=$?
    [ -z "$VEND" ] || kill "$VEND" 2>/dev/null || true
    [ $status -eq 0 ] || { echo; echo "The demo stopped here (exit $status). The broker's last lines:"; tail -n 20 "$T/broker.log" "$T/vendor.log" 2>/dev/null || true; }
    market_stop
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

step=0
say() { step=$((step + 1)); printf '\n\033[1m%2d. %s\033[0m\n' $step "$*"; }
note() { printf '    %s\n' "$*"; }
show() { sed 's/^/    │ /'; }

echo "Tidemark: one trade, from the vendor's file to the regulator's log. The data: $DATASET ($(stat -c %s "$DATASET") bytes)."

say "A market opens."
market_init
broker_start
show <"$T/init.out"
note "Three processes now serve it on free ports of 127.0.0.1. The line above is all that a party needs to know: it holds the"
note "market's identity and keys, so nobody can answer in its place."

say "Five parties make themselves keys and ask to be enrolled; the operator admits them."
operator_connect
enrol vendor vendor
enrol buyer buyer
enrol reviewer reviewer
enrol bank bank
enrol regulator regulator
for who in vendor buyer reviewer bank regulator; do note "$who is $(party $who)"; done
note "A party is its signing key. Whatever it says from now on is signed, and stands in one journal."

say "The bank reports a deposit for the buyer."
as bank bank deposit "$(party buyer)" 500.00 --reference DEMO-1 --yes | show
as buyer money show | show

say "The vendor's own program, linked with libtidemark, seals the file, lists it and uploads the ciphertext."
cp "$DATASET" "$T/dataset"
echo "The document of the right to operate this data." >"$T/right.txt"
"$BIN/vendor" "$URL" "$T/vendor/config/tidemark/vendor.key" "$T/dataset" "Registry of hardware address blocks" 99.00 \
    --rights "$T/right.txt" --once 1 --state-dir "$T/vendor/state/tidemark" >"$T/vendor.log" 2>&1 &
VEND=$!
for _ in $(seq 200); do grep -q 'waiting for a reviewer' "$T/vendor.log" && break; kill -0 $VEND 2>/dev/null || break; sleep 0.1; done
show <"$T/vendor.log"
note "The broker stores ciphertext only; the key stays with the vendor."

say "A reviewer looks at it and approves."
LISTING=$(approve_next reviewer)
note "listing $LISTING is open."

say "The buyer searches, and buys: the bid is matched, the money goes into escrow, the vendor's program grants the key."
for _ in $(seq 200); do as buyer book "$LISTING" --json | grep -q '"asks": *\[{' && break; sleep 0.1; done
as buyer search hardware | show
as buyer buy "$LISTING" -o "$T/bought.csv" --keep-sealed "$T/bought.age" --keep-key "$T/bought.key" --yes 2>&1 | show

say "What arrived is, byte for byte, what the vendor sealed."
cmp "$DATASET" "$T/bought.csv"
note "cmp: $(sha256sum <"$T/bought.csv" | cut -c1-16)… twice."
note "The same purchase, opened by age, a program that knows nothing of Tidemark:"
age -d -i "$T/bought.key" "$T/bought.age" >"$T/by-age.csv"
cmp "$DATASET" "$T/by-age.csv"
note "age -d: the same bytes."

say "The vendor is paid, less the market's fee."
wait $VEND && VEND=
tail -n 2 "$T/vendor.log" | show
as vendor money show | show
as buyer trade list | show

say "The receipt is checked offline, with nothing but the log's public key."
show <"$T/bought.csv.tide-receipt"
as buyer verify "$T/bought.csv.tide-receipt" | show

say "A regulator reads every record; each was checked against a checkpoint the broker signed."
as regulator audit follow --once | tail -n 8 | show

say "The whole journal is decided again: every event must come out the same, byte for byte."
"$BIN/tidemarkd" verify "$MARKET" 2>/dev/null | show
broker_stop
echo
echo "Done. Nothing is left running; $T is removed."
