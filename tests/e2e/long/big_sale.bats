# A file of 8 GiB is sold and bought while the broker and the client that is at work are killed five times each. It arrives whole,
# and a chunk goes over the wire again only if it was under way when somebody died. SALE_BYTES makes it smaller.
load ../market.bash

WINDOW=16 # chunks that a client has under way
KILLS=5

setup() {
    SALE_BYTES=${SALE_BYTES:-8589934592}
    local room
    room=$(df --output=avail -B1 "${TMPDIR:-/tmp}" | tail -1)
    [ "$room" -gt $((SALE_BYTES * 5 + 2147483648)) ] || skip "five times $SALE_BYTES bytes do not fit into ${TMPDIR:-/tmp}"
    market_init
    sed -i 's/^level *=.*/level = debug/' "$MARKET/tidemark.conf"
    grep -q '^level = debug' "$MARKET/tidemark.conf"
    # Whoever is at work goes on with a broker that comes back, so it comes back at the same place.
    PORT_BASE=$(/usr/bin/python3 "$BATS_TEST_DIRNAME/free_ports.py" 8)
    broker_start && operator_connect
    enrol vendor vendor
    enrol reviewer reviewer
    enrol bank bank
    enrol buyer buyer
    as bank bank deposit "$(party buyer)" 100.00 --reference R1 --quiet
    echo licence >"$T/right.txt"
}

teardown() {
    [ -n "${STARTED:-}" ] && kill -KILL "$STARTED" 2>/dev/null
    market_stop
}

# chunks put|get: the numbers of the chunks that went over the wire, in all lives of the broker.
chunks() {
    sed -n "s/.* event=chunk_$1 .*chunk=\([0-9]*\).*/\1/p" "$T"/broker.log.*
}

# Waits until so many chunks went over the wire in that direction; fails if the client ends before.
chunks_wait() {
    local i
    for i in $(seq 6000); do
        [ "$(chunks "$1" | sort -u | wc -l)" -ge "$2" ] && return 0
        kill -0 "$STARTED" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# disturbed put|get N WHO COMMAND…: the command of N chunks, killed and its broker killed, in turn, and at last let finish.
disturbed() {
    local way=$1 n=$2 who=$3 i
    shift 3
    start "$who" "$@"
    for i in $(seq $KILLS); do
        chunks_wait "$way" $((n * (2 * i - 1) / (2 * KILLS + 2)))
        kill -KILL "$STARTED" && wait "$STARTED" || true
        start "$who" "$@"
        chunks_wait "$way" $((n * 2 * i / (2 * KILLS + 2)))
        broker_kill
        broker_start
    done
    wait "$STARTED"
    STARTED=
}

# Nothing is missing, and what came twice was under way when somebody was killed.
bounded() {
    local way=$1 n=$2 all
    all=$(chunks "$way" | wc -l)
    [ "$(chunks "$way" | sort -u | wc -l)" -eq "$n" ]
    echo "# $way: $n chunks, $((all - n)) of them again" >&3
    [ $((all - n)) -le $((2 * KILLS * WINDOW)) ]
}

@test "8 GiB are sold and bought through ten kills, whole, and hardly a chunk twice" {
    local n=$(((SALE_BYTES + 65535) / 65536))
    openssl enc -aes-128-ctr -K 000102030405060708090a0b0c0d0e0f -iv 00000000000000000000000000000000 </dev/zero 2>/dev/null |
        head -c "$SALE_BYTES" >"$T/data.bin"
    local sum
    sum=$(sha256sum <"$T/data.bin")

    disturbed put "$n" vendor sell "$T/data.bin" --title "Big" --price 10.00 --rights "$T/right.txt" --no-wait --yes
    bounded put "$n"
    LISTING=$(approve_next reviewer)
    as vendor order ask "$LISTING" --price 10.00 --quantity unlimited --yes
    rm "$T/data.bin" "$T/data.bin.tide"

    as buyer buy "$LISTING" -o "$T/bought.bin" --yes --no-wait
    as vendor vend --once
    disturbed get "$n" buyer buy "$LISTING" -o "$T/bought.bin" --yes
    bounded get "$n"
    [ "$(sha256sum <"$T/bought.bin")" = "$sum" ]
    [ "$(as buyer trade list --json | json trades 0 state)" = settled ]
    "$BIN/tidemarkd" verify "$MARKET"
}
