# What a person does twice at once, or with what is no file: nothing is bought twice, and nothing is begun that cannot go on.
load market.bash

setup_file() {
    market_start
    enrol vendor vendor
    enrol buyer buyer
    enrol reviewer reviewer
    enrol bank bank
    as bank bank deposit "$(party buyer)" 900.00 --reference R1 --yes --quiet
    head -c 300000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    echo "licence document" >"$T/right.txt"
    as vendor sell "$T/data.csv" --title "Address blocks" --price 5.00 --rights "$T/right.txt" --no-wait --yes --quiet
    LISTING=$(approve_next reviewer)
    as vendor order ask "$LISTING" --price 5.00 --quantity unlimited --yes --quiet
    export T MARKET URL BROKER BIN LISTING
}

teardown() {
    [ -z "${FIRST:-}" ] || kill -KILL "$FIRST" 2>/dev/null || true
}

teardown_file() {
    market_stop
}

# orders: how many bids the buyer ever made.
orders() {
    as buyer order list --json | /usr/bin/python3 -c 'import json, sys; print(len(json.loads(sys.stdin.read())["orders"]))'
}

@test "a second buy into the same file is refused while the first is under way, and bids nothing" {
    start buyer buy "$LISTING" -o "$T/got.csv" --yes
    FIRST=$STARTED
    for _ in $(seq 100); do grep -q "waiting for the vendor" "$T/buyer.log" && break; sleep 0.1; done
    grep -q "waiting for the vendor" "$T/buyer.log"

    run as buyer buy "$LISTING" -o "$T/got.csv" --yes
    [ "$status" -eq 1 ]
    [[ "$output" == *"another process buys into $T/got.csv"*"choose another -o"* ]]
    [ "$(orders)" -eq 1 ]

    # The first one dies: its lock does not keep anybody from going on with it.
    kill -KILL "$FIRST"
    wait "$FIRST" || true
    FIRST=
    as vendor vend --once --quiet
    as buyer buy "$LISTING" -o "$T/got.csv" --yes --quiet
    cmp "$T/got.csv" "$T/data.csv"
    [ "$(orders)" -eq 1 ]
    [ -z "$(find "$T" -maxdepth 1 -name 'got.csv.tide-buy*')" ]
    [ ! -e "$T/got.csv.part" ]
}

# two_trades FILE: one order that makes two trades, the first of which is granted by the vendor; SECOND is the other one.
two_trades() {
    as vendor order ask "$LISTING" --price 4.00 --quantity 1 --yes --quiet
    as buyer buy "$LISTING" -o "$1" --quantity 2 --max-price 5.00 --yes --no-wait --quiet
    SECOND=$(as buyer trade list --open --json | json trades 0 trade)
    [ "$(as buyer trade list --open --json | json trades 1 quantity)" = 1 ]
}

@test "of an order with two trades the content comes once, and each is accepted" {
    two_trades "$T/two.csv"
    as vendor vend --once --quiet
    as buyer buy "$LISTING" -o "$T/two.csv" --yes --quiet
    cmp "$T/two.csv" "$T/data.csv"
    [ -e "$T/two.csv.tide-receipt" ] && [ -e "$T/two.csv.tide-receipt.2" ]
}

@test "a later trade's grant that does not open what came with the first one is not accepted" {
    two_trades "$T/bad.csv"
    env XDG_STATE_HOME="$T/liar" "$BIN/e2e/liar" "$URL" "$T/vendor/config/tidemark/vendor.key" wrong-key "$SECOND"
    as vendor vend --once --quiet
    run as buyer buy "$LISTING" -o "$T/bad.csv" --yes
    [ "$status" -eq 8 ]
    [[ "$output" == *"The delivery of trade $SECOND is bad"* ]]
    [ "$(as buyer trade show "$SECOND" --json | json state)" = granted ]
}

@test "what is no file is not sold: standard input, a pipe, a device" {
    mkfifo "$T/pipe"
    for input in - "$T/pipe" /dev/null; do
        run as vendor sell "$input" --title "Stream" --price 5.00 --rights "$T/right.txt" --no-wait --yes </dev/null
        [ "$status" -eq 2 ]
        [[ "$output" == *"cannot be sold"*"Write it to a file, and sell that."* ]]
    done
    [ ! -e "$T/pipe.tide" ]
    [ "$(as vendor search Stream --json | json listings 0 listing)" = "" ]
}
