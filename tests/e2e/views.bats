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
    ! grep -q $'\e' "$T/book"
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

@test "a certificate is shown, written, and verifies" {
    as buyer listing certificate "$LISTING" -o "$T/certificate"
    as buyer listing certificate "$LISTING" | grep -q "$LISTING"
    run as buyer verify "$T/certificate"
    echo "$output"
    [ "$status" -eq 0 ]
    at_terminal buyer verify "$T/certificate"
}
