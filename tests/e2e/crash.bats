# kill -9 at random moments under load: what was acknowledged is there, once, and the journal decides again to the same bytes.
load market.bash

setup() {
    market_start
    enrol vendor vendor
    enrol reviewer reviewer
    head -c 5000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    echo licence >"$T/right.txt"
    as vendor sell "$T/data.csv" --title "Crash test" --price 50.00 --quantity 1 --rights "$T/right.txt" --no-wait --yes
    LISTING=$(approve_next reviewer)
    KEY=$T/vendor/config/tidemark/vendor.key
}

teardown() {
    [ -n "$LOAD" ] && kill "$LOAD" 2>/dev/null
    market_stop
}

@test "a broker killed five times under load keeps every acknowledged statement, once" {
    for round in 1 2 3 4 5; do
        "$BIN/e2e/load" run "$URL" "$KEY" "$T/load.$round" "$LISTING" "$T/acks" 20 >"$T/load.log" 2>&1 3>&- &
        LOAD=$!
        sleep "$((1 + RANDOM % 2)).$((RANDOM % 10))"
        broker_kill
        kill "$LOAD" && wait "$LOAD" || true
        LOAD=
        "$BIN/tidemarkd" verify "$MARKET"
        broker_start
    done
    [ "$(wc -l <"$T/acks")" -gt 20 ]
    "$BIN/e2e/load" check "$URL" "$KEY" "$T/check" "$T/acks"
    "$BIN/tidemarkd" verify "$MARKET"
}

@test "after a kill, resending what was left without an answer does no harm" {
    "$BIN/e2e/load" run "$URL" "$KEY" "$T/vendor/state/tidemark" "$LISTING" "$T/acks" 20 >"$T/load.log" 2>&1 3>&- &
    LOAD=$!
    sleep 1
    broker_kill
    kill "$LOAD" && wait "$LOAD" || true
    LOAD=
    broker_start
    as vendor connect "$URL" --identity vendor
    for _ in 1 2 3 4 5 6; do # 3: accepted, but no checkpoint covers it yet
        run as vendor outbox resend
        [ "$status" -eq 0 ] && break
        [ "$status" -eq 3 ]
        sleep 1
    done
    [ "$status" -eq 0 ]
    "$BIN/e2e/load" check "$URL" "$KEY" "$T/check" "$T/acks"
    "$BIN/tidemarkd" verify "$MARKET"
}
