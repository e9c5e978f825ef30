# Sealed detail parts: kept by the market unread, opened by their vendor to parties of its choice before they buy.
load market.bash

setup_file() {
    market_start
    enrol vendor vendor
    enrol buyer buyer
    enrol other buyer
    enrol reviewer reviewer
    enrol regulator regulator
    head -c 100000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    printf 'column,meaning\noui,the first 24 bits\n' >"$T/detail.txt"
    echo "licence document" >"$T/right.txt"
    as vendor sell "$T/data.csv" --title "Described" --price 5.00 --rights "$T/right.txt" --detail "$T/detail.txt" \
        --no-wait --yes --quiet
    LISTING=$(approve_next reviewer)
    export T MARKET URL BROKER BIN LISTING
}

teardown_file() {
    market_stop
}

records() {
    as regulator audit follow --once --json | wc -l
}

@test "its sealed form stays beside the content's, and says nothing" {
    [ -s "$T/data.csv.tide.detail" ]
    ! grep -q "first 24 bits" "$T/data.csv.tide.detail" || false
    [[ $(as buyer listing show "$LISTING") == *detail_len* ]]
    [ "$(as buyer listing show "$LISTING" --json | json row 0 detail_len)" = 37 ]
    as vendor open "$T/data.csv.tide.detail" -o "$T/opened"
    cmp "$T/opened" "$T/detail.txt"
    ! grep -rq "first 24 bits" "$MARKET" || false
}

@test "nobody reads it before it was opened to it" {
    run as buyer listing detail "$LISTING" -o "$T/early"
    [ "$status" -ne 0 ]
    [[ $output == *"not opened to you"* ]]
    [ ! -e "$T/early" ]
    run as vendor listing detail "$LISTING"
    [ "$status" -eq 0 ]
    [[ $output == *"Nobody but its vendor"* ]]
    run as vendor listing detail "$LISTING" -o "$T/early"
    [ "$status" -ne 0 ]
    [[ $output == *"It is yours"* ]]
}

@test "a dry run says to whom it would be opened, and signs nothing" {
    before=$(records)
    run as vendor listing detail "$LISTING" --grant "$(party buyer)" --dry-run
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"would be opened to buyer ($(party buyer))"* ]]
    [ "$(records)" -eq "$before" ]
}

@test "another recipient than the party's own is refused, and signs nothing" {
    before=$(records)
    run as vendor listing detail "$LISTING" --grant "$(party buyer)" --recipient "$(as other key show --recipient)"
    [ "$status" -eq 8 ]
    [ "$(records)" -eq "$before" ]
}

@test "opened to one party, that party reads it, and no other" {
    as vendor listing detail "$LISTING" --grant "$(party buyer)" --recipient "$(as buyer key show --recipient)"
    as buyer listing detail "$LISTING" -o "$T/read"
    cmp "$T/read" "$T/detail.txt"
    run as other listing detail "$LISTING" -o "$T/stolen"
    [ "$status" -ne 0 ]
    [ ! -e "$T/stolen" ]
    run as other listing detail "$LISTING" --grant "$(party other)"
    [ "$status" -ne 0 ]
    [ "$(as vendor listing detail "$LISTING" --json | json parties 0 party)" = "$(party buyer)" ]
    [ -z "$(as vendor listing detail "$LISTING" --json | json parties 1 party)" ]
}

@test "after a change of keys it is opened again, to the new ones, which the log proves" {
    as other key rotate --quiet
    run as vendor listing detail "$LISTING" --grant "$(party other)" --json
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(echo "$output" | json 0 proven)" = true ]
    as other listing detail "$LISTING" -o "$T/read.other"
    cmp "$T/read.other" "$T/detail.txt"
}

@test "from a machine that has the identity alone it is opened as well, by a rotated identity too" {
    as vendor key rotate --quiet
    mkdir -p "$T/elsewhere"
    cp "$T/vendor/config/tidemark/vendor.key" "$T/elsewhere/only.key"
    as elsewhere connect "$URL" --identity "$T/elsewhere/only.key" --quiet
    as elsewhere listing detail "$LISTING" --grant "$(party reviewer)"
    as reviewer listing detail "$LISTING" -o "$T/read.reviewer"
    cmp "$T/read.reviewer" "$T/detail.txt"
}

@test "what has no content can have one; the same words go on, another text is not taken for it" {
    as vendor sell --kind api --title "Interface" --price 5.00 --rights "$T/right.txt" --detail "$T/detail.txt" --no-wait --yes --quiet
    listing=$(approve_next reviewer)
    [ "$(as vendor listing show "$listing" --json | json row 0 state)" = open ]
    run as vendor sell --kind api --title "Interface" --price 5.00 --rights "$T/right.txt" --detail "$T/detail.txt" --no-wait --yes --json
    [ "$(echo "$output" | tail -n 1 | json listing)" = "$listing" ]
    as vendor listing detail "$listing" --grant "$(party buyer)"
    as buyer listing detail "$listing" -o "$T/read.api"
    cmp "$T/read.api" "$T/detail.txt"
    cp "$T/data.csv" "$T/second.csv"
    printf 'something else\n' >"$T/second.txt"
    cp "$T/data.csv.tide.detail" "$T/second.csv.tide.detail"
    run as vendor sell "$T/second.csv" --title "Second" --price 5.00 --rights "$T/right.txt" --detail "$T/second.txt" --no-wait --yes
    [ "$status" -ne 0 ]
    [[ $output == *"holds something else"* ]]
}

@test "a revision has a detail part of its own" {
    cp "$T/data.csv" "$T/third.csv"
    printf 'newer\n' >"$T/third.txt"
    as vendor listing revise "$LISTING" "$T/third.csv" --detail "$T/third.txt" --quiet
    revision=$(approve_next reviewer)
    [ "$(as buyer listing show "$revision" --json | json row 0 revises)" = "$LISTING" ]
    run as buyer listing detail "$revision" -o "$T/x"
    [ "$status" -ne 0 ]
    as vendor listing detail "$revision" --grant "$(party buyer)"
    as buyer listing detail "$revision" -o "$T/read.third"
    cmp "$T/read.third" "$T/third.txt"
    "$BIN/tidemarkd" verify "$MARKET"
}
