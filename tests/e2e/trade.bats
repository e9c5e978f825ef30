# One trade through every part: vendor's program, buyer's terminal, regulator's feed.
load market.bash

setup_file() {
    market_start
    enrol vendor vendor
    enrol buyer buyer
    enrol reviewer reviewer
    enrol bank bank
    enrol regulator regulator
    as bank bank deposit "$(party buyer)" 500.00 --reference R1 --yes
    head -c 300000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    echo "For research." >"$T/terms.txt"
    echo "licence document" >"$T/right.txt"
    export T MARKET URL BROKER BIN
}

teardown_file() {
    [ -s "$T/vend.pid" ] && kill "$(cat "$T/vend.pid")" 2>/dev/null
    market_stop
}

@test "the vendor sells with one command, the reviewer approves, the ask rests" {
    as vendor sell "$T/data.csv" --title "Address blocks" --price 99.00 --quantity unlimited --terms "$T/terms.txt" \
        --rights "$T/right.txt" --keyword hardware --no-wait --yes
    listing=$(approve_next reviewer)
    as vendor order ask "$listing" --price 99.00 --quantity unlimited --yes
    [ "$(as buyer book "$listing" --json | json asks 0 price)" = 9900 ]
    echo "$listing" >"$T/listing"
}

@test "a search finds it by a word, a wrong word does not" {
    [ "$(as buyer search hardware --json | json listings 0 listing)" = "$(cat "$T/listing")" ]
    [ -z "$(as buyer search nothingofthekind --json | json listings 0 listing)" ]
}

@test "without a terminal money needs --yes, and nothing is sent" {
    run as buyer buy "$(cat "$T/listing")" -o "$T/x.csv" </dev/null
    [ "$status" -ne 0 ]
    [[ $output == *--yes* ]]
    [ "$(as buyer money show --json | json balances 0 available)" = 50000 ]
}

@test "the buyer buys, the file is the vendor's, age opens it too" {
    start vendor vend
    echo $STARTED >"$T/vend.pid"
    as buyer buy "$(cat "$T/listing")" -o "$T/bought.csv" --keep-sealed "$T/bought.age" --keep-key "$T/bought.key" --yes
    cmp "$T/data.csv" "$T/bought.csv"
    age -d -i "$T/bought.key" "$T/bought.age" | cmp - "$T/data.csv"
    kill "$(cat "$T/vend.pid")"
    rm "$T/vend.pid" # not to be ended twice: the number may be another's by then
}

@test "money: the buyer paid, the vendor has it less the fee" {
    [ "$(as buyer money show --json | json balances 0 available)" = 40100 ]
    [ "$(as buyer money show --json | json balances 0 escrow)" = 0 ]
    [ "$(as vendor money show --json | json balances 0 available)" = 9801 ]
}

@test "the receipt verifies offline; a changed one does not; without a key it says so" {
    run as buyer verify "$T/bought.csv.tide-receipt"
    [ "$status" -eq 0 ]
    [[ $output == *accepted* ]]
    sed 's/^total 9900$/total 9800/' "$T/bought.csv.tide-receipt" >"$T/forged"
    ! cmp -s "$T/forged" "$T/bought.csv.tide-receipt" || false
    run as buyer verify "$T/forged"
    [ "$status" -eq 8 ]
    run as stranger verify "$T/bought.csv.tide-receipt"
    [ "$status" -eq 8 ]
    [[ $output == *"log key unknown"* ]]
}

@test "the regulator sees every record; nobody else gets in" {
    as regulator audit follow --once --json >"$T/feed"
    [ "$(grep -c '"kind": *"settled"' "$T/feed")" = 1 ]
    [ "$(head -n 1 "$T/feed" | json kind)" = genesis ]
    run as buyer audit follow --once
    [ "$status" -ne 0 ]
}

@test "what age seals for a party opens with tidemark open" {
    age -r "$(as buyer key show --recipient)" -o "$T/letter.age" "$T/data.csv"
    as buyer open "$T/letter.age" -i "$T/buyer/config/tidemark/buyer.key" -o "$T/letter"
    cmp "$T/letter" "$T/data.csv"
}

@test "a second broker on the same directory is refused" {
    run "$BIN/tidemarkd" run "$MARKET" --port-base 0
    [ "$status" -ne 0 ]
    [[ $output == *"$MARKET"* ]]
}

@test "the journal decides again to the same bytes, after a clean stop as well" {
    "$BIN/tidemarkd" verify "$MARKET"
    BROKER=$(cat "$T/broker.pid")
    kill -TERM "$BROKER"
    for _ in $(seq 100); do kill -0 "$BROKER" 2>/dev/null || break; sleep 0.1; done
    ! kill -0 "$BROKER" 2>/dev/null || false
    "$BIN/tidemarkd" verify "$MARKET"
}
