# A file of 8 GiB is sold and bought while the broker and the client that is at work are killed five times each, in turn.
# It arrives whole, and a chunk goes over the wire again only if it was under way when somebody died. The broker's log, at
# level debug, says of every chunk that it came or went, in all of its lives.
# SALE_BYTES and SALE_KILLS make it smaller (below 1 GiB a transfer is over before all of its kills).
load ../market.bash

WINDOW=16    # chunks that a client has asked for and not written (client/lib/transfer.h)
IN_FLIGHT=8  # of them on the wire (client/lib/call.c)
MEMORY=65536 # KiB that a client, or a process of the broker, may take

setup() {
    SALE_BYTES=${SALE_BYTES:-8589934592} KILLS=${SALE_KILLS:-5}
    local room
    room=$(df --output=avail -B1 "${TMPDIR:-/tmp}" | tail -1)
    [ "$room" -gt $((SALE_BYTES * 3 + 2147483648)) ] || skip "three times $SALE_BYTES bytes do not fit into ${TMPDIR:-/tmp}"
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
    as bank bank deposit "$(party buyer)" 100.00 --reference R1 --yes --quiet
    echo licence >"$T/right.txt"
}

teardown() {
    [ -z "${STARTED:-}" ] || kill -KILL "$STARTED" 2>/dev/null || true
    market_stop
}

say() {
    echo "# $*" >&3
}

# chunks put|get: the number of every chunk that went over the wire, once for each time.
chunks() {
    cat "$T"/broker.log.* | sed -n "s/.* event=chunk_$1 .*chunk=\([0-9]*\).*/\1/p"
}

# last_chunk put|get: the one that went last in the broker's present life. Chunks go in their order.
last_chunk() {
    tail -c 2000 "$T/broker.log" | sed -n "s/.* event=chunk_$1 .*chunk=\([0-9]*\)$/\1/p" | tail -n 1
}

# peak PID: its peak resident memory in KiB; nothing once it has ended.
peak() {
    local name value rest
    while read -r name value rest; do
        if [ "$name" = VmHWM: ]; then echo "$value"; fi
    done 2>/dev/null <"/proc/$1/status" || true
}

# The higher of each peak until now is kept: a peak only rises, so that it need not be caught.
peaks_take() {
    local pid now
    now=$(peak "$STARTED")
    [ "${now:-0}" -le "$CLIENT_PEAK" ] || CLIENT_PEAK=$now
    for pid in $BROKER $(pgrep -P "$BROKER" || true); do
        now=$(peak "$pid")
        [ "${now:-0}" -le "$BROKER_PEAK" ] || BROKER_PEAK=$now
    done
}

# Waits until the transfer has come to a chunk; fails if the client ends before, or nothing moves for two minutes.
chunk_wait() {
    local way=$1 wanted=$2 at before=-1 still=0
    while [ "$still" -lt 2400 ]; do
        at=$(last_chunk "$way")
        [ "${at:--1}" -lt "$wanted" ] || return 0
        kill -0 "$STARTED" 2>/dev/null || return 1
        still=$((${at:--1} == before ? still + 1 : 0)) before=${at:--1}
        sleep 0.05
    done
    return 1
}

# Until it has ended, at most an hour; its exit code.
client_wait() {
    local i
    for i in $(seq 18000); do
        kill -0 "$STARTED" 2>/dev/null || break
        peaks_take
        sleep 0.2
    done
    wait "$STARTED"
}

# disturbed put|get N WHO COMMAND…: the command of N chunks, killed and its broker killed, in turn, and at last let finish.
disturbed() {
    local way=$1 n=$2 who=$3 i begun=$EPOCHREALTIME
    shift 3
    CLIENT_PEAK=0 BROKER_PEAK=0 HAD=0
    start "$who" "$@"
    for i in $(seq "$KILLS"); do
        chunk_wait "$way" $((n * (2 * i - 1) / (2 * KILLS + 1)))
        peaks_take
        kill -KILL "$STARTED"
        wait "$STARTED" || true
        HAD=$(chunks "$way" | wc -l)
        start "$who" "$@"
        chunk_wait "$way" $((n * 2 * i / (2 * KILLS + 1)))
        peaks_take
        broker_kill
        broker_start
    done
    client_wait
    STARTED=
    say "$1: $((SALE_BYTES / (${EPOCHREALTIME/./} - ${begun/./}))) MB/s with all interruptions," \
        "at most $((CLIENT_PEAK / 1024)) MiB in the client, $((BROKER_PEAK / 1024)) MiB in a process of the broker"
    [ "$CLIENT_PEAK" -gt 0 ]
    [ "$BROKER_PEAK" -gt 0 ]
    [[ "$BIN" == */asan ]] || [ "$CLIENT_PEAK" -le "$MEMORY" ]
    [[ "$BIN" == */asan ]] || [ "$BROKER_PEAK" -le "$MEMORY" ]
}

# bounded put|get N MOST: every chunk went, none more than twice, and at most so many twice.
bounded() {
    local n=$2 most=$3 all
    chunks "$1" | sort -n | uniq -c >"$T/times"
    all=$(awk '{ n += $1 } END { print n }' "$T/times")
    say "$1: $n chunks, $((all - n)) of them again ($most would be allowed)"
    [ "$(wc -l <"$T/times")" -eq "$n" ]
    [ "$(awk '$1 > 2' "$T/times" | wc -l)" -eq 0 ]
    [ $((all - n)) -le "$most" ]
}

@test "8 GiB are sold and bought through five deaths of either side each way, whole, and hardly a chunk twice" {
    local n=$(((SALE_BYTES + 65535) / 65536)) sum sent
    openssl enc -aes-128-ctr -K 000102030405060708090a0b0c0d0e0f -iv 00000000000000000000000000000000 </dev/zero 2>/dev/null |
        head -c "$SALE_BYTES" >"$T/data.bin"
    sum=$(sha256sum <"$T/data.bin")

    # What a dead client had on the wire may still arrive when the next one has asked what is missing. A dead broker had
    # written what it had taken, but for one chunk.
    disturbed put "$n" vendor sell "$T/data.bin" --title "Big" --price 10.00 --rights "$T/right.txt" --no-wait --yes --json
    bounded put "$n" $((KILLS * (IN_FLIGHT + 1)))
    # The last client outlived a broker, which never saw what was on the wire when it died.
    sent=$(tail -n 1 "$T/vendor.log" | json sent_chunks)
    say "the last seller sent $sent chunks, of which $(($(chunks put | wc -l) - HAD)) came"
    [ "$sent" -le $(($(chunks put | wc -l) - HAD + IN_FLIGHT)) ]
    rm "$T/data.bin" "$T/data.bin.tide"

    LISTING=$(approve_next reviewer)
    as vendor order ask "$LISTING" --price 10.00 --quantity unlimited --yes
    as buyer buy "$LISTING" -o "$T/bought.bin" --yes --no-wait
    as vendor vend --once

    # A dead buyer had not written what it had under way; what a dead broker had sent may be lost on the wire.
    disturbed get "$n" buyer buy "$LISTING" -o "$T/bought.bin" --yes
    bounded get "$n" $((KILLS * (WINDOW + IN_FLIGHT)))
    [ "$(sha256sum <"$T/bought.bin")" = "$sum" ]
    [ ! -e "$T/bought.bin.part" ]
    [ "$(as buyer trade list --json | json trades 0 state)" = settled ]
    broker_stop
    "$BIN/tidemarkd" verify "$MARKET"
}
