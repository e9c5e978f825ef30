# Samples: the log draws them, the vendor's commands show them by themselves, and a listing is not open before.
load market.bash

setup_file() {
    market_start
    enrol vendor vendor
    enrol buyer buyer
    enrol reviewer reviewer
    enrol regulator regulator
    # 46 chunks: at most two may be promised. No two chunks are the same.
    openssl enc -aes-128-ctr -K 000102030405060708090a0b0c0d0e0f -iv 00000000000000000000000000000000 </dev/zero 2>/dev/null |
        head -c 3000000 >"$T/data.bin"
    echo "licence document" >"$T/right.txt"
    export T MARKET URL BROKER BIN
}

teardown() {
    for pid in ${PIDS:-}; do kill -KILL "$pid" 2>/dev/null || true; done
}

teardown_file() {
    market_stop
}

state() {
    as vendor listing show "$1" --json | json row 0 state
}

# state_wait LISTING STATE
state_wait() {
    local i
    for i in $(seq 200); do
        [ "$(state "$1")" = "$2" ] && return 0
        sleep 0.1
    done
    return 1
}

# shown LISTING FILE: what buyers see is what the file has there.
shown() {
    rm -f "$T/sample"
    as buyer listing sample "$1" -o "$T/sample" --json >"$T/sample.json"
    /usr/bin/python3 - "$T/sample.json" "$T/sample" "$2" <<'P'
import json, sys
report, shown, data = json.load(open(sys.argv[1])), open(sys.argv[2], "rb").read(), open(sys.argv[3], "rb").read()
at = 0
assert len(report["chunks"]) == 2
for chunk in report["chunks"]:
    n = chunk["chunk"]
    piece = data[n * 65536:(n + 1) * 65536]
    assert shown[at:at + len(piece)] == piece, n
    at += len(piece)
assert at == len(shown)
P
}

# publish TITLE FILE: a listing that promises two samples, approved; nobody answers yet.
publish() {
    cp "$T/data.bin" "$2"
    as vendor listing publish "$2" --title "$1" --rights "$T/right.txt" --sample 2 --quiet >/dev/null
    approve_next reviewer
}

@test "more than 5 % is refused before anything is sealed" {
    run as vendor sell "$T/data.bin" --title "Too much" --price 5.00 --rights "$T/right.txt" --sample 3 --yes
    [ "$status" -eq 7 ]
    [[ $output == *"46 chunks of 64 KiB, of which at most 2"* ]]
    [ ! -e "$T/data.bin.tide" ]
    run as vendor sell "$T/right.txt" --title "Too short" --price 5.00 --rights "$T/right.txt" --sample 1 --yes
    [ "$status" -eq 7 ]
    [[ $output == *"too short for any"* ]]
}

@test "sell waits for the approval, answers the draw and asks, in one command" {
    start vendor sell "$T/data.bin" --title "Sampled" --price 5.00 --rights "$T/right.txt" --sample 2 --yes --json
    PIDS=$STARTED
    listing=$(approve_next reviewer)
    wait "$STARTED"
    PIDS=
    [ "$(state "$listing")" = open ]
    [ "$(as buyer book "$listing" --json | json asks 0 price)" = 500 ]
    [[ $(as buyer listing show "$listing") == *"2 chunks, drawn by the log, signed and shown"* ]]
    shown "$listing" "$T/data.bin"
}

@test "a vendor's own program over the library answers it as well" {
    cp "$T/data.bin" "$T/program.bin"
    "$BIN/vendor" "$URL" "$T/vendor/config/tidemark/vendor.key" "$T/program.bin" "Program" 5.00 --rights "$T/right.txt" \
        --samples 2 --state-dir "$T/program" >"$T/program.log" 2>&1 3>&- &
    PIDS=$!
    listing=$(approve_next reviewer)
    state_wait "$listing" open
    shown "$listing" "$T/program.bin"
    for _ in $(seq 100); do grep -q "waiting for buyers" "$T/program.log" && break; sleep 0.1; done
    # What is drawn later is answered while it serves.
    later=$(publish "Later" "$T/later.bin")
    state_wait "$later" open
    shown "$later" "$T/later.bin"
    grep -q "samples of listing $later are shown" "$T/program.log"
    kill -INT "$PIDS"
    wait "$PIDS"
    PIDS=
}

@test "vend answers on another machine that has the identity alone: the content comes from the market" {
    listing=$(publish "Elsewhere" "$T/elsewhere.bin")
    [ "$(state "$listing")" = sampling ]
    [ "$(as vendor status --json | json to_sample)" = 1 ]
    [[ $(as vendor listing show "$listing") == *"2 chunks, drawn by the log, not signed yet"* ]]
    rm "$T/elsewhere.bin.tide"
    mkdir -p "$T/other"
    cp "$T/vendor/config/tidemark/vendor.key" "$T/other/only.key"
    as other connect "$URL" --identity "$T/other/only.key" --quiet
    as other vend --once
    state_wait "$listing" open
    shown "$listing" "$T/elsewhere.bin"
}

@test "two at once do no harm" {
    listing=$(publish "Twice" "$T/twice.bin")
    start vendor vend --once
    first=$STARTED
    start other vend --once
    PIDS="$first $STARTED"
    wait "$first"
    wait "$STARTED"
    PIDS=
    state_wait "$listing" open
    shown "$listing" "$T/twice.bin"
}

@test "killed at any point, the next round goes on" {
    listing=$(publish "Killed" "$T/killed.bin")
    for delay in 0.02 0.05 0.08 0.11 0.15 0.2; do
        start vendor vend
        PIDS=$STARTED
        sleep "$delay"
        kill -KILL "$STARTED"
        wait "$STARTED" || true
    done
    PIDS=
    as vendor vend --once
    state_wait "$listing" open
    shown "$listing" "$T/killed.bin"
    as regulator audit follow --once --json >"$T/feed"
    ! grep '"kind": *"sample_drawn"' "$T/feed" | grep -c "\"listing\": *$listing[,}]" | grep -v '^1$' || false
}

@test "a draw that cannot be answered is told, and others go on" {
    stuck=$(publish "Stuck" "$T/stuck.bin")
    # An identity that acts for the vendor, but did not seal what it has listed.
    as vendor key rotate --quiet
    mkdir -p "$T/forgetful"
    /usr/bin/python3 - "$T/vendor/config/tidemark/vendor.key" "$T/forgetful/only.key" <<'P'
import os, sys
lines = open(sys.argv[1]).read().splitlines()
secrets = [i for i, line in enumerate(lines) if line.startswith("TIDE-SECRET-KEY-")]
fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT, 0o600)
os.write(fd, ("\n".join(lines[:secrets[1]] + lines[secrets[1] + 1:]) + "\n").encode())
P
    as forgetful connect "$URL" --identity "$T/forgetful/only.key" --quiet
    cp "$T/data.bin" "$T/fine.bin"
    as forgetful listing publish "$T/fine.bin" --title "Fine" --rights "$T/right.txt" --sample 2 --quiet >/dev/null
    fine=$(approve_next reviewer)
    start forgetful vend
    PIDS=$STARTED
    state_wait "$fine" open
    shown "$fine" "$T/fine.bin"
    grep -q "Not served: listing $stuck" "$T/forgetful.log"
    [ "$(state "$stuck")" = sampling ]
    kill -0 "$STARTED"
    kill -KILL "$STARTED"
    wait "$STARTED" || true
    PIDS=
    as vendor vend --once # who has the older seed can
    state_wait "$stuck" open
    shown "$stuck" "$T/stuck.bin"
    "$BIN/tidemarkd" verify "$MARKET"
}
