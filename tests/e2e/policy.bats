# What a listing allows: a bid that does not fit its policy is refused, and one that fits is accepted.
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
    as vendor sell "$T/data.csv" --title "Address blocks" --price 99.00 --rights "$T/right.txt" \
        --purposes "research teaching" --no-wait --yes
    LISTING=$(approve_next reviewer)
    as vendor order ask "$LISTING" --price 99.00 --quantity unlimited
    export T MARKET URL BROKER BIN LISTING
}

teardown_file() {
    market_stop
}

@test "listing show names the purposes that are allowed" {
    [ "$(as buyer listing show "$LISTING" | awk -F'\t' '$1 == "purposes" {print $2}')" = "research teaching" ]
}

@test "a bid without a purpose, or for another, is refused: nothing is held, and the hint names what is allowed" {
    run as buyer buy "$LISTING" -o "$T/bought.csv" --yes --json
    [ "$status" -eq 7 ]
    [ "$(json error name <<<"$output")" = not_allowed_for ]
    [[ $(json error hint <<<"$output") == *--purpose*"research teaching"* ]]
    run as buyer order bid "$LISTING" --price 99.00 --quantity 1 --purpose resale --yes
    [ "$status" -eq 7 ]
    [[ $output == *"research teaching"* ]]
    [ "$(as buyer money show --json | json balances 0 available)" = 50000 ]
    [ ! -e "$T/bought.csv.tide-buy" ]
}

@test "a purpose longer than a bid can carry never leaves the house" {
    run as buyer order bid "$LISTING" --price 99.00 --quantity 1 --purpose "$(printf 'x%.0s' {1..33})" --yes
    [ "$status" -ne 0 ]
    [[ $output == *purpose* ]]
    [ -z "$(as buyer order list --json | json orders 0 order)" ]
}

@test "--dry-run shows the purpose in the body that would be signed" {
    [ "$(as buyer order bid "$LISTING" --price 99.00 --quantity 1 --purpose research --dry-run | json purpose)" = research ]
}

@test "with a purpose that is allowed it is bought, by either command, and the journal's bid says what for" {
    as buyer order bid "$LISTING" --price 99.00 --quantity 1 --purpose teaching --yes
    as vendor vend --once
    as buyer buy "$LISTING" -o "$T/first.csv" --yes # goes on with that bid
    cmp "$T/data.csv" "$T/first.csv"
    as buyer buy "$LISTING" -o "$T/second.csv" --purpose research --no-wait --yes
    as vendor vend --once
    as buyer buy "$LISTING" -o "$T/second.csv"
    cmp "$T/data.csv" "$T/second.csv"
    enrol regulator regulator
    [ "$(as regulator audit follow --once --json | grep -c '"kind": *"order".*"purpose": *"\(teaching\|research\)"')" = 2 ]
}
