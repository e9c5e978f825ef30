# A full disk: what cannot be kept is refused, what was acknowledged is there, and the broker goes on when there is room.
load market.bash

setup() {
    SMALL=$(mktemp -d "${TMPDIR:-/tmp}/tidemark-small.XXXXXX")
    mount -t tmpfs -o size=24m none "$SMALL" 2>/dev/null || { rmdir "$SMALL"; SMALL=; skip "a small file system cannot be mounted here (root only)"; }
    OUTSIDE=$(mktemp -d "${TMPDIR:-/tmp}/tidemark.XXXXXX")
    TMPDIR=$SMALL market_start
    enrol vendor vendor
    enrol reviewer reviewer
    head -c 5000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    echo licence >"$T/right.txt"
    as vendor sell "$T/data.csv" --title "Full disk" --price 50.00 --quantity 1 --rights "$T/right.txt" --no-wait --quiet
    LISTING=$(approve_next reviewer)
    KEY=$T/vendor/config/tidemark/vendor.key
}

teardown() {
    market_stop
    [ -n "$SMALL" ] && umount "$SMALL" && rmdir "$SMALL"
    [ -n "$OUTSIDE" ] && rm -rf "$OUTSIDE"
    return 0
}

@test "a full disk refuses with 102, loses nothing, and room ends it" {
    head -c 100M /dev/zero >"$SMALL/filler" || true
    refused=
    for _ in $(seq 30); do # until the room that was asked for ahead is used up
        "$BIN/e2e/load" run "$URL" "$KEY" "$OUTSIDE/state" "$LISTING" "$OUTSIDE/acks" 1
        as vendor order ask "$LISTING" --price 60.00 --quantity 1 || { refused=yes && break; }
    done
    [ -n "$refused" ] # its outbox is on the full disk as well: refused here or there
    rm "$SMALL/filler"
    sleep 1
    as vendor order ask "$LISTING" --price 60.00 --quantity 1
    "$BIN/e2e/load" run "$URL" "$KEY" "$OUTSIDE/state" "$LISTING" "$OUTSIDE/acks" 1
    "$BIN/e2e/load" check "$URL" "$KEY" "$OUTSIDE/check" "$OUTSIDE/acks"
    TMPDIR=$OUTSIDE "$BIN/tidemarkd" verify "$MARKET"
}
