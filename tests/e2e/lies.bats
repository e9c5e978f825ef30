# Every lie of a vendor and of a buyer, told with the real protocol (liar) to real processes. Each ends with every fen and every
# mark where docs/market.md puts it and nothing else moved, with a journal that decides again to the same, and, if it was
# disputed, with a regulator that finds the same in its own mirror. What commands say to people is in disputes.bats.
load market.bash

setup_file() {
    market_init
    PORT_BASE=$(/usr/bin/python3 "$BATS_TEST_DIRNAME/long/free_ports.py" 8)
    broker_start && operator_connect
    enrol vendor vendor
    enrol buyer buyer
    enrol reviewer reviewer
    enrol bank bank
    enrol regulator regulator
    BUYER=$(party buyer) VENDOR=$(party vendor)
    as bank bank deposit "$BUYER" 900.00 --reference R1 --yes --quiet
    # 22 chunks, no two of which are the same: one may be promised as a sample.
    openssl enc -aes-128-ctr -K 000102030405060708090a0b0c0d0e0f -iv 00000000000000000000000000000000 </dev/zero 2>/dev/null |
        head -c 1400000 >"$T/data.csv"
    echo "licence document" >"$T/right.txt"
    as vendor sell "$T/data.csv" --title "Good data" --price 10.00 --rights "$T/right.txt" --no-wait --yes --quiet
    LISTING=$(approve_next reviewer)
    asked "$LISTING"
    export T MARKET URL BROKER BIN PORT_BASE LISTING BUYER VENDOR
}

teardown_file() {
    BROKER=$(cat "$T/broker.pid")
    market_stop
}

teardown() {
    [ -z "${STARTED:-}" ] || kill "$STARTED" 2>/dev/null || true
}

setup() {
    books >"$T/before"
}

# ---- who does what ----

# liar PARTY MODE…: that party, with an outbox of its own.
liar() {
    local key=$T/$1/config/tidemark/$1.key
    [ "$1" = operator ] && key=$MARKET/operator.key
    env XDG_STATE_HOME="$T/liar-$1" "$BIN/e2e/liar" "$URL" "$key" "${@:2}"
}

# refused WORD MODE…: the buyer's lie, which the market does not take at all.
refused() {
    run liar buyer "${@:2}"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *" $1: "* ]]
}

asked() {
    as vendor order ask "$1" --price 10.00 --quantity unlimited --yes --quiet >/dev/null
}

# bid [LISTING]: prints the trade.
bid() {
    as buyer order bid "${1:-$LISTING}" --quantity 1 --price 10.00 --yes --quiet >/dev/null
    as buyer trade list --json | json trades 0 trade
}

# The same, granted as it should be.
granted() {
    local trade
    trade=$(bid "$@")
    as vendor vend --once --quiet >/dev/null
    echo "$trade"
}

# trade TRADE FIELD
trade() {
    as buyer trade show "$1" --json | json "$2"
}

# until_state TRADE STATE
until_state() {
    local i
    for i in $(seq 200); do
        [ "$(trade "$1" state)" = "$2" ] && return 0
        sleep 0.1
    done
    return 1
}

parameter() {
    as operator market params "$1" --reason "a test" --quiet >/dev/null
}

# ---- how it ends ----

books() {
    as buyer money show --json |
        jq -r '.balances[0] | "buyer.available \(.available)", "buyer.held \(.held)", "buyer.escrow \(.escrow)"'
    as vendor money show --json | jq -r '(.balances[0] // {available: 0, held: 0, escrow: 0}) |
        "vendor.available \(.available)", "vendor.held \(.held)", "vendor.escrow \(.escrow)"'
    echo "fees $(liar operator fees)"
    as operator party show "$BUYER" --json | jq -r '"buyer.unproven \(.unproven)", "buyer.faults \(.faults)"'
    as operator party show "$VENDOR" --json |
        jq -r '"vendor.settled \(.settled)", "vendor.missed \(.missed)", "vendor.faults \(.faults)", "vendor.unproven \(.unproven)"'
}

# moved NAME+N…: these have moved since the test began, by so much, and nothing else has.
moved() {
    books >"$T/after"
    paste -d ' ' "$T/before" "$T/after" | awk '$2 != $4 {printf "%s%+d\n", $1, $4 - $2}' | sort >"$T/moved"
    if [ $# -eq 0 ]; then : >"$T/expected"; else printf '%s\n' "$@" | sort >"$T/expected"; fi
    [ "$(wc -l <"$T/after")" -eq 13 ]
    diff "$T/expected" "$T/moved"
}

# found TRADE FINDING STATE: the verdict, the journal, and the regulator's own judgement.
found() {
    local i row=
    for i in $(seq 200); do
        [ "$(trade "$1" verdict)" != 0 ] && break
        sleep 0.1
    done
    [ "$(trade "$1" finding)" = "$2" ]
    [ "$(trade "$1" state)" = "$3" ]
    for i in $(seq 100); do # until a checkpoint covers the verdict
        as regulator audit mirror "$T/mirror" --quiet
        as regulator audit check "$T/mirror" --json >"$T/checked"
        row=$(jq -c ".disputes[] | select(.trade == $1 and .verdict != 0)" "$T/checked")
        [ -n "$row" ] && break
        sleep 0.1
    done
    echo "$row"
    [ "$(json judged <<<"$row")" = "$2" ]
    [ "$(json stated <<<"$row")" = "$2" ]
    [ "$(json outcome <<<"$row")" = right ]
    [ "$(json n_alarms <"$T/checked")" = 0 ]
    decided
}

decided() {
    "$BIN/tidemarkd" verify "$MARKET" >"$T/verified"
}

# The vendor is at fault: the buyer has all its money back.
refunded() {
    found "$1" "$2" refunded
    moved vendor.faults+1
}

# Nothing is proven: the money stays where it was; it may still be accepted, and is.
unproven() {
    found "$1" "$2" granted
    moved buyer.available-1000 buyer.escrow+1000 buyer.unproven+1
    as buyer trade accept "$1" --yes --quiet >/dev/null
    settled buyer.unproven+1
}

settled() {
    moved buyer.available-1000 vendor.available+990 fees+10 vendor.settled+1 "$@"
}

# ---- a vendor's lies ----

@test "vendor: a wrong key" {
    t=$(bid)
    liar vendor wrong-key "$t"
    moved buyer.available-1000 buyer.escrow+1000
    as buyer trade dispute "$t" --yes --quiet
    refunded "$t" wrong_key
}

@test "vendor: a grant for another recipient" {
    t=$(bid)
    liar vendor other-recipient "$t"
    as buyer trade dispute "$t" --yes --quiet
    refunded "$t" grant_unreadable
}

@test "vendor: ciphertext spoilt before it was committed to; buy finds it, says what a dispute reveals, and files it on yes" {
    listing=$(liar vendor bad-before "$T/data.csv" 17)
    [ "$(approve_next reviewer)" = "$listing" ]
    asked "$listing"
    start vendor vend
    run env XDG_CONFIG_HOME="$T/buyer/config" XDG_STATE_HOME="$T/buyer/state" timeout 60 expect -c "set timeout 20
        spawn -noecho $BIN/tidemark buy $listing -o $T/spoilt.csv
        expect {Type yes} {send yes\r} timeout {exit 99} eof {exit 98}
        expect {Dispute trade} {} timeout {exit 97} eof {exit 96}
        expect {Type yes} {send yes\r} timeout {exit 95} eof {exit 94}
        expect eof {} timeout {exit 93}
        exit [lindex [wait] 3]"
    kill "$STARTED"
    echo "$output"
    [ "$status" -eq 8 ]
    [[ $output == *"Chunk 17 of 22 does not decrypt with the key that was granted"* ]]
    revealed=${output%%"Dispute trade"*}
    [[ $revealed == *"the one-time secret of your bid"* ]]
    [[ $revealed == *"chunk 17 of the content, as the vendor sealed it"* ]]
    [[ $revealed == *"Example Data Exchange"* ]]
    [[ $revealed == *"the regulator  regulator"* ]]
    [[ ${output#*"Dispute trade"} == *"10.00 CNY are available again"* ]]
    [ ! -e "$T/spoilt.csv" ]
    refunded "$(as buyer trade list --json | json trades 0 trade)" bad_ciphertext
}

@test "vendor: ciphertext spoilt after it was committed to; the store refuses it, and nothing can be bought" {
    for lie in bad-after bad-manifest; do
        run liar vendor $lie "$T/data.csv" 3
        echo "$output"
        [ "$status" -eq 1 ]
        [[ $output == *" bad_content: "* ]]
        listing=${lines[0]}
        [ "$(as vendor listing show "$listing" --json | json row 0 state)" = awaiting ]
        [ "$(as reviewer review list --json | json listings 0 listing)" = "" ]
        run as reviewer review approve "$listing"
        [ "$status" -eq 7 ]
        run as vendor order ask "$listing" --price 10.00 --quantity unlimited --yes
        [ "$status" -eq 7 ]
        run as buyer order bid "$listing" --quantity 1 --price 10.00 --yes
        [ "$status" -eq 7 ]
    done
    moved
    decided
}

@test "vendor: a sample of other data" {
    cp "$T/data.csv" "$T/sampled.csv"
    listing=$(as vendor listing publish "$T/sampled.csv" --title Sampled --rights "$T/right.txt" --sample 1 --json | json listing)
    [ "$(approve_next reviewer)" = "$listing" ]
    liar vendor sample-other "$listing"
    for _ in $(seq 100); do
        [ "$(as vendor listing show "$listing" --json | json row 0 state)" = open ] && break
        sleep 0.1
    done
    asked "$listing"
    t=$(granted "$listing")
    as buyer trade dispute "$t" --yes --quiet
    refunded "$t" sample_mismatch
}

@test "vendor: silence" {
    parameter grant_ms=1s
    t=$(bid)
    parameter grant_ms=24h
    until_state "$t" refunded
    moved vendor.missed+1
    as vendor vend --once --quiet # too late
    [ "$(trade "$t" state)" = refunded ]
    refused too_late unfounded "$t"
    moved vendor.missed+1
    decided
}

@test "vendor: a credential that is sealed to another" {
    as vendor listing publish --kind api --title Service --rights "$T/right.txt" --quiet >/dev/null
    listing=$(approve_next reviewer)
    asked "$listing"
    t=$(bid "$listing")
    liar vendor credential-other "$t"
    run as buyer trade fetch "$t" --show
    [ "$status" -eq 8 ]
    [[ $output == *"does not open"* ]]
    as buyer trade dispute "$t" --yes --quiet
    refunded "$t" grant_unreadable
}

# ---- a buyer's lies ----

@test "buyer: random bytes as evidence" {
    t=$(granted)
    liar buyer random "$t"
    unproven "$t" evidence_invalid
}

@test "buyer: a made-up chunk" {
    t=$(granted)
    liar buyer made-up "$t"
    unproven "$t" evidence_invalid
}

@test "buyer: the secret of another order" {
    other=$(granted)
    t=$(granted)
    as buyer trade accept "$other" --yes --quiet
    books >"$T/before"
    liar buyer foreign-secret "$t" "$other"
    found "$t" evidence_invalid granted
    moved buyer.unproven+1
    as buyer trade accept "$t" --yes --quiet
    moved buyer.escrow-1000 vendor.available+990 fees+10 vendor.settled+1 buyer.unproven+1
}

@test "buyer: a chunk under another's number, on its own path" {
    t=$(granted)
    liar buyer other-chunk "$t" 2 5 2
    unproven "$t" evidence_invalid
}

@test "buyer: a chunk under another's number, on the other's path" {
    t=$(granted)
    liar buyer other-chunk "$t" 2 5 5
    unproven "$t" evidence_invalid
}

@test "buyer: the broker cannot open the evidence, the regulator can" {
    t=$(granted)
    liar buyer deaf-judge "$t" 0
    unproven "$t" evidence_invalid
}

@test "buyer: nothing is wrong" {
    t=$(granted)
    liar buyer other-chunk "$t" 4 4 4
    unproven "$t" not_proven
}

@test "buyer: disputed late" {
    parameter accept_ms=1s
    t=$(granted)
    parameter accept_ms=24h
    until_state "$t" settled
    settled
    refused too_late unfounded "$t"
    refused wrong_state random "$t"
    settled
    decided
}

@test "buyer: disputed twice" {
    t=$(granted)
    liar buyer hold-back "$t" "$T/evidence"
    [ "$(trade "$t" state)" = disputed ]
    # While one waits there is no other, and no other evidence.
    refused wrong_state unfounded "$t"
    refused already_disputed random "$t"
    liar buyer hand-in "$t" "$T/evidence"
    found "$t" evidence_invalid granted # about a grant that is good
    moved buyer.available-1000 buyer.escrow+1000 buyer.unproven+1
    # Nor is there one afterwards.
    refused already_disputed unfounded "$t"
    refused wrong_state random "$t"
    unproven "$t" evidence_invalid
}

@test "buyer: disputed after acceptance" {
    t=$(granted)
    as buyer trade accept "$t" --yes --quiet
    refused wrong_state unfounded "$t"
    refused wrong_state random "$t"
    run as buyer trade dispute "$t" --yes
    [ "$status" -eq 7 ]
    settled
    decided
}

# ---- a crash between the two ----

@test "the broker is killed after the dispute, and after its evidence: one verdict, one refund" {
    t=$(bid)
    liar vendor wrong-key "$t"
    liar buyer hold-back "$t" "$T/evidence"
    [ "$(trade "$t" state)" = disputed ]
    broker_kill
    broker_start
    [ "$(trade "$t" state)" = disputed ]
    moved buyer.available-1000 buyer.escrow+1000
    liar buyer hand-in "$t" "$T/evidence"
    broker_kill # before or after the verdict
    broker_start
    refunded "$t" wrong_key
    [ "$(grep -c "event=judged trade=$t " "$T"/broker.log.* | awk -F: '{n += $2} END {print n}')" -ge 1 ]
    as regulator audit follow --once --json >"$T/feed"
    [ "$(jq -s --argjson t "$t" '[.[] | select(.kind == "verdict" and .body.trade == $t)] | length' "$T/feed")" -eq 1 ]
}
