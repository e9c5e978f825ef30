# Two buyers, one licence.
load market.bash

setup() {
    market_start
    enrol vendor vendor
    enrol first buyer
    enrol second buyer
    enrol reviewer reviewer
    enrol bank bank
    for who in first second; do as bank bank deposit "$(party $who)" 200.00 --reference "R-$who" --yes; done
    head -c 70000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    echo licence >"$T/right.txt"
    as vendor sell "$T/data.csv" --title "One licence only" --price 50.00 --quantity 1 --rights "$T/right.txt" --no-wait --yes
    LISTING=$(approve_next reviewer)
    as vendor order ask "$LISTING" --price 50.00 --quantity 1 --yes
}

teardown() {
    market_stop
}

@test "two buyers who race for the last licence get one trade, and the loser's money rests with his bid" {
    as first order bid "$LISTING" --price 50.00 --quantity 1 --yes &
    one=$!
    as second order bid "$LISTING" --price 50.00 --quantity 1 --yes &
    two=$!
    wait $one
    wait $two
    n=0 held=0
    for who in first second; do
        [ -n "$(as $who trade list --json | json trades 0 trade)" ] && n=$((n + 1))
        held=$((held + $(as $who money show --json | json balances 0 held)))
    done
    [ "$n" = 1 ]
    [ "$held" = 5000 ]
    "$BIN/tidemarkd" verify "$MARKET"
}
