# Bad deliveries, from the outside: a vendor that lies with the real protocol (liar), a buyer whose `buy` finds it, a broker that
# judges. Each lie ends with the money where docs/market.md puts it.
load market.bash

setup_file() {
    market_start
    enrol vendor vendor
    enrol buyer buyer
    enrol reviewer reviewer
    enrol bank bank
    enrol regulator regulator
    as bank bank deposit "$(party buyer)" 500.00 --reference R1 --yes --quiet
    head -c 2000000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    echo "licence document" >"$T/right.txt"
    echo "token-4711" >"$T/credential"
    export T MARKET URL BROKER BIN
}

teardown_file() {
    market_stop
}

teardown() {
    [ -z "${STARTED:-}" ] || { kill "$STARTED" 2>/dev/null || true; }
}

# liar MODE…: the vendor, with an outbox of its own.
liar() {
    env XDG_STATE_HOME="$T/liar" "$BIN/e2e/liar" "$URL" "$T/vendor/config/tidemark/vendor.key" "$@"
}

# offered TITLE [FLAG…]: a listing of the data (a copy of its own: a sealed file is listed once), approved and on offer for 10 yuan.
offered() {
    local file=$T/$1.csv listing
    cp "$T/data.csv" "$file"
    as vendor sell "$file" --title "$1" --price 10.00 --rights "$T/right.txt" --no-wait --yes --quiet "${@:2}" >/dev/null
    listing=$(approve_next reviewer)
    as vendor order ask "$listing" --price 10.00 --quantity unlimited --yes --quiet >/dev/null
    echo "$listing"
}

# bid LISTING FILE: the buyer's bid, and no more; prints the trade.
bid() {
    as buyer buy "$1" -o "$2" --yes --no-wait --quiet >/dev/null
    as buyer trade list --json | json trades 0 trade
}

available() {
    as "$1" money show --json | json balances 0 available
}

mark() {
    as operator party show "$(party "$1")" --json | json "$2"
}

@test "a wrong key: buy says so, shows what a dispute reveals, without a terminal it stops with exit 8" {
    listing=$(offered wrongkey)
    trade=$(bid "$listing" "$T/w.csv")
    echo "$listing" >"$T/wrongkey.listing"
    echo "$trade" >"$T/wrongkey.trade"
    liar wrong-key "$trade"
    run as buyer buy "$listing" -o "$T/w.csv" --yes </dev/null
    echo "$output"
    [ "$status" -eq 8 ]
    [[ $output == *"not the one that the listing commits to"* ]]
    [[ $output == *"the one-time secret of your bid"* ]]
    [[ $output == *"Example Data Exchange"* ]]
    [[ $output == *"regulator"* ]]
    [[ $output == *"tidemark trade dispute $trade"* ]]
    [ ! -e "$T/w.csv" ]
    [ "$(as buyer trade show "$trade" --json | json state)" = granted ]
}

@test "trade dispute files it, the verdict gives the money back and marks the vendor" {
    trade=$(cat "$T/wrongkey.trade")
    before=$(available buyer)
    run as buyer trade dispute "$trade" --yes
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *wrong_key* ]]
    [ "$(as buyer trade show "$trade" --json | json state)" = refunded ]
    [ "$(as buyer trade show "$trade" --json | json finding)" = wrong_key ]
    [ "$(available buyer)" -eq $((before + 1000)) ]
    [ "$(mark vendor faults)" = 1 ]
    # Said once more it is the same, and changes nothing.
    run as buyer trade dispute "$trade" --yes
    [ "$status" -eq 0 ]
    [ "$(available buyer)" -eq $((before + 1000)) ]
    # The purchase ends with it.
    run as buyer buy "$(cat "$T/wrongkey.listing")" -o "$T/w.csv" --yes
    [ "$status" -eq 8 ]
    [[ $output == *"money"* ]]
    [ ! -e "$T/w.csv.tide-buy" ]
}

@test "a grant for another recipient: buy --dispute is refunded, and says that it was bad" {
    listing=$(offered recipient)
    before=$(available buyer)
    trade=$(bid "$listing" "$T/r.csv")
    liar other-recipient "$trade"
    run as buyer buy "$listing" -o "$T/r.csv" --yes --dispute </dev/null
    echo "$output"
    [ "$status" -eq 8 ]
    [[ $output == *grant_unreadable* ]]
    [[ $output == *"available again"* ]]
    [ "$(available buyer)" = "$before" ]
    [ "$(mark vendor faults)" = 2 ]
    [ ! -e "$T/r.csv" ]
}

@test "at a terminal it asks, though --yes was given: another word files nothing, yes does" {
    ask() {
        env XDG_CONFIG_HOME="$T/buyer/config" XDG_STATE_HOME="$T/buyer/state" expect -c "set timeout 20
            spawn -noecho $BIN/tidemark buy $listing -o $T/t.csv --yes
            expect {Type yes} {send \"$1\r\"} timeout {exit 99}
            expect eof
            exit [lindex [wait] 3]"
    }
    listing=$(offered terminal)
    trade=$(bid "$listing" "$T/t.csv")
    liar wrong-key "$trade"
    run ask y
    [ "$status" -eq 8 ]
    [ "$(as buyer trade show "$trade" --json | json state)" = granted ]
    run ask yes
    echo "$output"
    [ "$status" -eq 8 ]
    [[ $output == *"Dispute trade $trade?"* ]]
    [ "$(as buyer trade show "$trade" --json | json state)" = refunded ]
    [[ $(as buyer trade show "$trade") == *"wrong_key: the key that was granted"* ]]
}

@test "a chunk spoilt before it was committed to: it is named, and proven with that chunk alone" {
    listing=$(liar bad-before "$T/data.csv" 17)
    [ "$(approve_next reviewer)" = "$listing" ]
    as vendor order ask "$listing" --price 10.00 --quantity unlimited --yes --quiet
    before=$(available buyer)
    trade=$(bid "$listing" "$T/b.csv")
    as vendor vend --once
    run as buyer buy "$listing" -o "$T/b.csv" --yes </dev/null
    echo "$output"
    [ "$status" -eq 8 ]
    [[ ${output,,} == *"chunk 17 of 31 does not decrypt"* ]]
    [ ! -e "$T/b.csv" ]
    run as buyer trade dispute "$trade" --dry-run --json
    [ "$(json finding <<<"$output")" = bad_ciphertext ]
    [ "$(json chunk <<<"$output")" = 17 ]
    [ "$(json reveals <<<"$output")" = "the one-time secret of the bid, and chunk 17 as it was sealed" ]
    [ "$(json judges 1 name <<<"$output")" = regulator ]
    [ "$(as buyer trade show "$trade" --json | json state)" = granted ]
    run as buyer buy "$listing" -o "$T/b.csv" --yes --dispute --json </dev/null
    echo "$output"
    [ "$status" -eq 8 ]
    [ "$(as buyer trade show "$trade" --json | json finding)" = bad_ciphertext ]
    [ "$(available buyer)" = "$before" ]
}

@test "samples of other data: what was shown and what was delivered differ, and the vendor signed the difference" {
    cp "$T/data.csv" "$T/s.csv"
    listing=$(as vendor listing publish "$T/s.csv" --title Sampled --rights "$T/right.txt" --sample 1 --json | json listing)
    [ "$(approve_next reviewer)" = "$listing" ]
    liar sample-other "$listing"
    for _ in $(seq 100); do
        [ "$(as buyer listing show "$listing" --json | json row 0 state)" = open ] && break
        sleep 0.1
    done
    as vendor order ask "$listing" --price 10.00 --quantity unlimited --yes --quiet
    run as buyer listing sample "$listing" -o "$T/sample" --json
    echo "$output"
    [ "$status" -eq 0 ]
    chunk=$(json chunks 0 chunk <<<"$output")
    [ "$(json chunks 0 hash <<<"$output")" = "$(sha256sum <"$T/sample" | cut -d' ' -f1)" ]
    before=$(available buyer)
    trade=$(bid "$listing" "$T/sb.csv")
    as vendor vend --once
    run as buyer buy "$listing" -o "$T/sb.csv" --yes --dispute </dev/null
    echo "$output"
    [ "$status" -eq 8 ]
    [[ ${output,,} == *"chunk $chunk of 31 is not what the vendor signed"* ]]
    [[ $output == *sample_mismatch* ]]
    [ ! -e "$T/sb.csv" ]
    [ "$(available buyer)" = "$before" ]
    [ "$(mark vendor faults)" = 5 ]
}

@test "a good delivery: nothing is wrong, nothing is filed; a chunk named all the same is not proven, and the buyer is marked" {
    listing=$(offered good)
    trade=$(bid "$listing" "$T/g.csv")
    as vendor vend --once
    run as buyer trade fetch "$trade" -o "$T/g.csv" --json
    [ "$status" -eq 0 ]
    [ "$(json finding <<<"$output")" = not_proven ]
    [ "$(json fetched_chunks <<<"$output")" = 31 ]
    run as buyer trade dispute "$trade" --yes
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"nothing was filed"* ]]
    [ "$(as buyer trade show "$trade" --json | json state)" = granted ]
    run as buyer trade dispute "$trade" --chunk 31 --yes
    [ "$status" -eq 2 ]
    # A dry run says what naming it all the same would reveal.
    run as buyer trade dispute "$trade" --chunk 3 --dry-run --json
    [ "$status" -eq 0 ]
    [ "$(json reveals <<<"$output")" = "the one-time secret of the bid, and chunk 3 as it was sealed" ]
    [ "$(as buyer trade show "$trade" --json | json dispute)" = 0 ]
    run as buyer trade dispute "$trade" --chunk 3 --yes
    echo "$output"
    [ "$status" -eq 7 ]
    [[ $output == *not_proven* ]]
    [ "$(as buyer trade show "$trade" --json | json state)" = granted ]
    [ "$(mark buyer unproven)" = 1 ]
    # It may still be accepted.
    rm "$T/g.csv"
    as buyer buy "$listing" -o "$T/g.csv" --yes
    cmp "$T/g.csv" "$T/data.csv"
    [ "$(as buyer trade show "$trade" --json | json state)" = settled ]
}

@test "what is right already is not fetched again" {
    listing=$(offered resumed)
    trade=$(bid "$listing" "$T/p.csv")
    as vendor vend --once
    as buyer trade fetch "$trade" -o "$T/whole" --keep-sealed "$T/whole.age" --quiet
    size=$((16 + 31 * 16 + $(stat -c %s "$T/data.csv")))
    tail -c "$size" "$T/whole.age" | head -c $((16 + 20 * 65552)) >"$T/p.csv.part"
    printf 'xxxx' | dd of="$T/p.csv.part" bs=1 seek=$((16 + 5 * 65552 + 100)) conv=notrunc status=none
    run as buyer buy "$listing" -o "$T/p.csv" --yes --json
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(tail -n 1 <<<"$output" | json fetched_chunks)" = 12 ] # the spoilt one, and the last eleven
    cmp "$T/p.csv" "$T/data.csv"
    [ ! -e "$T/p.csv.part" ]
}

@test "a credential: a file for its owner alone; printed only on --show" {
    as vendor listing publish --kind api --title Service --rights "$T/right.txt" --quiet >/dev/null
    listing=$(approve_next reviewer)
    as vendor order ask "$listing" --price 10.00 --quantity unlimited --yes --quiet
    trade=$(bid "$listing" "$T/c")
    as vendor vend --once --credential "$T/credential"
    run as buyer trade fetch "$trade"
    [ "$status" -eq 2 ]
    [ "$(as buyer trade fetch "$trade" --show)" = token-4711 ]
    [ "$(as buyer trade fetch "$trade" --show --json | json credential)" = token-4711 ]
    run as buyer trade fetch "$trade" -o - # no file of that name
    [ "$status" -eq 2 ]
    run as buyer trade dispute "$trade" --chunk 0 --yes
    [ "$status" -eq 2 ]
    [[ $output == *"no chunks"* ]]
    run as buyer trade fetch "$trade" -o "$T/c"
    [ "$status" -eq 0 ]
    [[ $output == *"The credential opens"* ]]
    [[ $output != *token-4711* ]]
    [ "$(stat -c %a "$T/c")" = 600 ]
    cmp "$T/c" "$T/credential"
}

@test "the journal decides again to the same bytes" {
    "$BIN/tidemarkd" verify "$MARKET"
}
