# What people look at: book, status, tape, on a terminal and in a pipe; listings without a sale; certificates.
load market.bash

setup_file() {
    market_start
    enrol vendor vendor
    enrol buyer buyer
    enrol reviewer reviewer
    enrol bank bank
    as bank bank deposit "$(party buyer)" 5000.00 --reference R1 --yes
    echo "licence document" >"$T/right.txt"
    as vendor listing publish --kind compute --title "空气质量 GPU hours" --rights "$T/right.txt" --place 上海 --category compute
    LISTING=$(approve_next reviewer)
    as vendor order ask "$LISTING" --price 99.00 --quantity unlimited
    as vendor order ask "$LISTING" --price 98.00 --quantity 40
    as buyer order bid "$LISTING" --price 90.00 --quantity 5 --yes
    export T MARKET URL BROKER BIN LISTING
}

teardown_file() {
    market_stop
}

# at_terminal NAME command…: what a person sees, 100 columns wide.
at_terminal() {
    local who=$1
    shift
    script -qec "stty cols 100; env -u NO_COLOR ${COLOR:-NO_COLOR=1} TERM=xterm LC_ALL=C.UTF-8 XDG_CONFIG_HOME=$T/$who/config XDG_STATE_HOME=$T/$who/state $BIN/tidemark $*" /dev/null | tr -d '\r'
}

@test "the book is a ladder: asks above bids, depth, sums, one's own orders, ∞" {
    at_terminal buyer book "$LISTING" >"$T/book"
    cat "$T/book"
    head -n 1 "$T/book" | grep -q "空气质量 GPU hours"
    grep -q "^Listing $LISTING  compute  open  last -  spread 8.00" "$T/book"
    grep -qE '^ask +99.00 .* ████████████████████████ *$' "$T/book"
    [ "$(grep -nE '^ask +99.00 +∞ +∞' "$T/book" | cut -d: -f1)" -lt "$(grep -nE '^ask +98.00 +40 +40' "$T/book" | cut -d: -f1)" ]
    grep -qE '^bid +90.00 +5 +5 +1 .* ◀ 5$' "$T/book"
    ! grep -q $'\e' "$T/book" || false
    COLOR=X=1 at_terminal buyer book "$LISTING" | grep -q $'\e\[3[12]m'
    [ "$(as buyer book "$LISTING" | head -n 1)" = "$(printf 'ask\t99.00\t0\tyes\t1')" ]
    [ "$(as buyer book "$LISTING" --json | json own 0 left)" = 5 ]
}

@test "status says who one is, what one has, what waits and which command deals with it" {
    at_terminal vendor status >"$T/vendor.status"
    cat "$T/vendor.status"
    grep -qE '^State +active$' "$T/vendor.status"
    grep -qE '^Market is +open$' "$T/vendor.status"
    as buyer order bid "$LISTING" --price 98.00 --quantity 1 --yes
    at_terminal vendor status >"$T/vendor.status"
    cat "$T/vendor.status"
    grep -qE '1  trades to grant +23h 59m  tidemark vend --once' "$T/vendor.status"
    [ "$(as vendor status --json | json waits 0 what)" = "trades to grant" ]
    at_terminal buyer status | grep -qE '^CNY +4[0-9]{3}\.00'
}

@test "the tape: a picture, and with --follow what happens" {
    as buyer tape >"$T/tape"
    cat "$T/tape"
    [ "$(cut -f 1 "$T/tape")" = "$LISTING" ]
    start buyer tape --follow --json
    for _ in $(seq 100); do grep -q picture "$T/buyer.log" && break; sleep 0.05; done
    sleep 0.5
    as buyer order bid "$LISTING" --price 98.00 --quantity 2 --yes
    for _ in $(seq 100); do grep -q '"what":"trade"' "$T/buyer.log" && break; sleep 0.05; done
    kill -INT "$STARTED"
    cat "$T/buyer.log"
    grep '"what":"trade"' "$T/buyer.log" | grep -q '"quantity":2'
}

# in_pipe NAME FILE command…: in the background into a pipe, for ten seconds at most; FOLLOWER is to be interrupted.
in_pipe() {
    local who=$1 file=$2
    shift 2
    timeout -s INT 10 env XDG_CONFIG_HOME="$T/$who/config" XDG_STATE_HOME="$T/$who/state" "$BIN/tidemark" "$@" \
        > >(cat >"$file") 2>"$file.errors" 3>&- &
    FOLLOWER=$!
}

# comes PATTERN FILE: the line is there, or comes within five seconds.
comes() {
    local i
    for i in $(seq 100); do
        grep -q -- "$1" "$2" && return 0
        sleep 0.05
    done
    cat "$2" "$2.errors"
    return 1
}

@test "book --follow and tape --follow in a pipe: one trade is the level that changed, and what happened" {
    left=$(as vendor book "$LISTING" | awk -F '\t' '$1 == "ask" && $2 == "98.00" { print $3 }')
    in_pipe vendor "$T/book.pipe" book "$LISTING" --follow
    book=$FOLLOWER
    in_pipe vendor "$T/tape.pipe" tape --follow
    tape=$FOLLOWER
    comes "^ask"$'\t'"98.00"$'\t'"$left"$'\t'"no"$'\t'"1$" "$T/book.pipe"
    comes $'\t'"picture"$'\t'"$LISTING"$'\t' "$T/tape.pipe"
    n_levels=$(wc -l <"$T/book.pipe")
    as buyer order bid "$LISTING" --price 98.00 --quantity 3 --yes
    comes "^ask"$'\t'"98.00"$'\t'"$((left - 3))"$'\t'"no"$'\t'"1$" "$T/book.pipe"
    comes $'\t'"trade"$'\t'"$LISTING"$'\t'"3 @ 98.00, the bid came later$" "$T/tape.pipe"
    comes $'\t'"top"$'\t'"$LISTING"$'\t'".*ask $((left - 3)) @ 98.00$" "$T/tape.pipe"
    [ "$(wc -l <"$T/book.pipe")" -eq $((n_levels + 1)) ] # the other levels are not said again
    kill -INT "$book" "$tape"
    for pid in $book $tape; do
        status=0
        wait "$pid" || status=$?
        [ "$status" -ne 0 ] && [ "$status" -ne 124 ] # stopped, not timed out
    done
}

@test "status --json: what waits for a bank, an arbiter and an issuer" {
    enrol arbiter arbiter
    enrol issuer issuer
    [ "$(as arbiter status --json | json claims)" = 0 ]
    as buyer money withdraw 1.00 --to "account 7" --yes
    as bank status --json >"$T/duties"
    [ "$(json withdrawals <"$T/duties")" = 1 ]
    [ "$(json waits 0 what <"$T/duties")" = "withdrawals to pay out" ]
    [ "$(json waits 0 command <"$T/duties")" = "tidemark bank list" ]

    echo "ssh key" >"$T/credential"
    as vendor vend --once --credential "$T/credential"
    trade=$(as buyer trade list --json | json trades 0 trade)
    echo "No answer." >"$T/reasons"
    as buyer trade claim "$trade" --reasons "$T/reasons" --yes
    as arbiter status --json >"$T/duties"
    [ "$(json claims <"$T/duties")" = 1 ]
    [ "$(json waits 0 what <"$T/duties")" = "claims to rule on" ]
    [ "$(json waits 0 command <"$T/duties")" = "tidemark claim list" ]
    [ "$(json waits 0 due <"$T/duties")" -gt "$(json now_ms <"$T/duties")" ]

    as bank bank deposit "$(party issuer)" 100.00 --reference R2 --yes
    as issuer voucher programme --name "Soon" --kind compute --share 30% --top-price 10.00 --cap 10.00 --fund 50.00 --until +3d --yes
    as issuer voucher programme --name "Later" --kind compute --share 30% --top-price 10.00 --cap 10.00 --fund 50.00 --until +30d --yes
    as issuer status --json >"$T/duties"
    [ "$(json programmes_ending <"$T/duties")" = 1 ]
    [ "$(json waits 0 what <"$T/duties")" = "programmes that end this week" ]
    [ "$(json waits 0 command <"$T/duties")" = "tidemark voucher list --mine" ]
}

@test "a revision takes over what is not said, and says what it revises; search finds it" {
    as vendor listing revise "$LISTING" --title "空气质量 GPU hours, faster" >/dev/null
    newer=$(approve_next reviewer)
    [ "$(as buyer listing show "$newer" --json | json row 0 revises)" = "$LISTING" ]
    [ "$(as buyer listing show "$newer" --json | json published 0 place)" = 上海 ]
    [ "$(as buyer search --revises "$LISTING" --json | json listings 0 listing)" = "$newer" ]
    [ "$(as buyer search --category compute --class general --place 上海 --vendor "$(party vendor)" --json | json listings 1 listing)" = "$LISTING" ]
    [ -z "$(as buyer search --class important --json | json listings 0 listing)" ]
    run as vendor listing revise "$LISTING" --kind dataset
    [ "$status" -eq 2 ]
}

@test "a certificate is shown, written, and verifies in words; a changed one does not" {
    as buyer listing certificate "$LISTING" -o "$T/certificate"
    as buyer listing certificate "$LISTING" | grep -q "$LISTING"
    run as buyer verify "$T/certificate"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(as buyer verify "$T/certificate" --json | json listing)" = "$LISTING" ]
    at_terminal buyer verify "$T/certificate" >"$T/words"
    cat "$T/words"
    grep -qE "Listing $LISTING, \"空气质量 GPU hours\", was registered as certificate 1 of example.org/market on 20[0-9-]+T" "$T/words"
    grep -q "Vendor     $(party vendor)" "$T/words"
    grep -q "Reviewer   $(party reviewer)" "$T/words"
    grep -q "signed the certificate" "$T/words"
    grep -q "It does not prove: that the data is what its title says" "$T/words"
    [ "$(grep -c settlement "$T/words")" = 0 ]
    sed 's/GPU hours/GPU years/' "$T/certificate" >"$T/forged"
    [ "$(cmp "$T/forged" "$T/certificate" | wc -l)" = 1 ]
    run as buyer verify "$T/forged"
    [ "$status" -eq 8 ]
    [[ $output != *genuine* ]]
}
