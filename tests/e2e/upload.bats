# An upload goes on where it was, whoever dies: what the store has is not sent again.
load market.bash

setup() {
    market_init
    PORT_BASE=$(/usr/bin/python3 "$BATS_TEST_DIRNAME/long/free_ports.py" 8)
    broker_start && operator_connect
    enrol vendor vendor
    echo "licence document" >"$T/right.txt"
    openssl enc -aes-128-ctr -K 000102030405060708090a0b0c0d0e0f -iv 00000000000000000000000000000000 </dev/zero 2>/dev/null |
        head -c 300000000 >"$T/data.bin"
    N=$(((300000000 + 65535) / 65536))
}

teardown() {
    [ -n "${SELLER:-}" ] && kill -KILL "$SELLER" 2>/dev/null
    market_stop
}

sell() {
    start vendor sell "$T/data.bin" --title "Large" --price 10.00 --rights "$T/right.txt" --no-wait --yes "$@"
    SELLER=$STARTED
}

# Waits until the store has so many MiB, and the seller is still at it.
stored_wait() {
    local mib i
    for i in $(seq 3000); do
        mib=$(du -sm "$MARKET/blobs" 2>/dev/null | cut -f 1)
        [ "${mib:-0}" -ge "$1" ] && return 0
        kill -0 "$SELLER" || return 1
        sleep 0.02
    done
    return 1
}

sold() {
    wait "$SELLER"
    SELLER=
    [ "$(as vendor search --mine --json | json listings 0 state)" = pending ]
}

@test "a broker that dies twice is waited for, in the same command" {
    sell --json
    stored_wait 20
    broker_kill
    broker_start
    stored_wait 80
    broker_kill
    broker_start
    sold
    sent=$(tail -n 1 "$T/vendor.log" | json sent_chunks)
    echo "$sent chunks sent, of $N"
    [ "$sent" -ge "$N" ]
    [ "$sent" -le $((N + 2 * 16)) ] # what was under way at each death
}

@test "a client that is killed goes on with what is missing" {
    sell
    stored_wait 40
    kill -KILL "$SELLER"
    wait "$SELLER" || true
    sell --json
    sold
    sent=$(tail -n 1 "$T/vendor.log" | json sent_chunks)
    echo "$sent chunks sent, of $N"
    [ "$sent" -le $((N - 39 * 16)) ] # sixteen chunks a MiB
}

@test "while a broker is away it says so; Ctrl-C ends the wait, and the same command goes on" {
    sell
    stored_wait 20
    broker_kill
    for _ in $(seq 200); do
        grep -q "upload, waiting for the broker" "$T/vendor.log" && break
        sleep 0.1
    done
    cat "$T/vendor.log"
    grep -q "upload, waiting for the broker" "$T/vendor.log"
    kill -INT "$SELLER"
    status=0
    wait "$SELLER" || status=$?
    [ "$status" -eq 130 ]
    broker_start
    sell --json
    sold
    [ "$(tail -n 1 "$T/vendor.log" | json sent_chunks)" -le $((N - 19 * 16)) ]
}
