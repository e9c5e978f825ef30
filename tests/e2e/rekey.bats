# Other keys for the same party: what was listed, sold and bought before still works, and an interruption goes on.
load market.bash

setup_file() {
    market_start
    enrol vendor vendor
    enrol buyer buyer
    enrol reviewer reviewer
    enrol bank bank
    as bank bank deposit "$(party buyer)" 500.00 --reference R1 --yes
    head -c 100000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    echo "licence document" >"$T/right.txt"
    as vendor sell "$T/data.csv" --title "Address blocks" --price 99.00 --rights "$T/right.txt" --no-wait --yes
    LISTING=$(approve_next reviewer)
    as vendor order ask "$LISTING" --price 99.00 --quantity unlimited
    as buyer buy "$LISTING" -o "$T/first.csv" --yes --no-wait
    export T MARKET URL BROKER BIN LISTING
}

teardown_file() {
    market_stop
}

@test "a vendor changes its keys: the old file stays, the new one holds, nothing is pending" {
    before=$(party vendor)
    run as vendor key rotate
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(party vendor)" != "$before" ]
    config=$T/vendor/config/tidemark
    [ "$(as vendor key show "$config"/vendor.old-*.key)" = "$before" ]
    [ "$(stat -c %a "$config/vendor.key")" = 600 ]
    [ ! -e "$config/vendor.next.key" ]
    [ "$(as vendor status --json | json state)" = active ]
    [ "$(as vendor party keys --json | json keys 1 key)" = "$(party vendor)" ]
}

@test "the old key is in force no more" {
    run as vendor order ask "$LISTING" --price 98.00 --quantity 1 -i "$(echo "$T"/vendor/config/tidemark/vendor.old-*.key)"
    [ "$status" -ne 0 ]
}

@test "an older listing's trade is granted, and the buyer opens what it bought under its own older key" {
    as vendor vend --once
    [ "$(as buyer trade list --json | json trades 0 state)" = granted ]
    run as buyer key rotate
    echo "$output"
    [ "$status" -eq 0 ]
    trade=$(as buyer trade list --json | json trades 0 trade)
    as buyer trade fetch "$trade" -o "$T/first.csv"
    cmp "$T/first.csv" "$T/data.csv"
    as buyer trade accept "$trade" --yes
    [ "$(as buyer trade list --json | json trades 0 state)" = settled ]
    as buyer trade receipt "$trade" -o "$T/receipt"
    [[ $(as buyer verify "$T/receipt") == *"The vendor had changed its key before it signed"* ]]
    [ "$(as buyer verify "$T/receipt" --json | json vendor_rekeyed)" = true ]
    [ "$(as buyer verify "$T/receipt" --json | json buyer_rekeyed)" = true ]
    script -qec "env TERM=xterm LC_ALL=C.UTF-8 XDG_CONFIG_HOME=$T/buyer/config XDG_STATE_HOME=$T/buyer/state $BIN/tidemark verify $T/receipt" \
        /dev/null | tr -d '\r' >"$T/words"
    cat "$T/words"
    [ "$(grep -c "under its later key tide1" "$T/words")" = 2 ]
}

@test "everything is signed with the new keys from then on, and can be bought and sold" {
    as buyer buy "$LISTING" -o "$T/second.csv" --yes --no-wait
    as vendor vend --once
    as buyer buy "$LISTING" -o "$T/second.csv" --yes
    cmp "$T/second.csv" "$T/data.csv"
}

@test "stopped before or after the statement, the same command goes on with the same keys" {
    config=$T/bank/config/tidemark
    mv "$MARKET" "$MARKET.away" 2>/dev/null || true
    mv "$MARKET.away" "$MARKET"
    broker_pid=$(cat "$T/broker.pid")
    kill -STOP "$broker_pid" $(pgrep -P "$broker_pid")
    timeout -s INT 2 env XDG_CONFIG_HOME="$T/bank/config" XDG_STATE_HOME="$T/bank/state" "$BIN/tidemark" key rotate || status=$?
    kill -CONT "$broker_pid" $(pgrep -P "$broker_pid")
    [ "$status" -ne 0 ]
    [ -e "$config/bank.next.key" ]
    next=$(as bank key show "$config/bank.next.key")
    as bank key rotate
    [ "$(party bank)" = "$next" ]
    [ "$(as bank status --json | json state)" = active ]
}

@test "a lost key: the party asks, an operator announces, the party can stop it" {
    lost=$(party reviewer)
    as lost key new --name lost --quiet
    as lost connect "$URL" --identity lost --quiet
    as lost key request "$lost" -o "$T/request.json"
    as operator party rekey "$lost" --request "$T/request.json" --reason "seen in person"
    [ -n "$(as reviewer party show --json | json rekey_at)" ]
    [ "$(as reviewer party show --json | json rekey_at)" != 0 ]
    as reviewer party stop-rekey
    [ "$(as reviewer party show --json | json rekey_at)" = 0 ]
}

@test "a contact card is set, seen by its party, and erased" {
    echo '{"mail":"desk@example.org"}' >"$T/card.json"
    as vendor card set "$T/card.json"
    [[ $(as vendor card show --json | json card) == *desk@example.org* ]]
    as vendor card erase
    run as vendor card show --json
    [[ $output != *desk@example.org* ]]
}
