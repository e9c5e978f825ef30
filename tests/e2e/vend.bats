# The vendor's loop: every trade is granted, and once, whatever is killed, doubled or moved meanwhile; whoever lost its identity
# keeps nobody's money.
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
    as bank bank deposit "$(party buyer)" 900.00 --reference R1 --yes --quiet
    head -c 100000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    echo "licence document" >"$T/right.txt"
    as vendor sell "$T/data.csv" --title "Address blocks" --price 5.00 --rights "$T/right.txt" --no-wait --yes --quiet
    LISTING=$(approve_next reviewer)
    as vendor order ask "$LISTING" --price 5.00 --quantity unlimited --yes --quiet
    export T MARKET URL BROKER BIN LISTING PORT_BASE
}

teardown() {
    for pid in ${VENDS:-}; do kill -KILL "$pid" 2>/dev/null || true; done
}

teardown_file() {
    BROKER=$(cat "$T/broker.pid")
    market_stop
}

bid() {
    as buyer order bid "$LISTING" --quantity 1 --price 5.00 --yes --quiet >/dev/null
}

# states_wait STATE: until no trade of the buyer is in that state.
none_left() {
    local i
    for i in $(seq 300); do
        as buyer trade list --json >"$T/trades"
        grep -q "\"state\": *\"$1\"" "$T/trades" || return 0
        sleep 0.1
    done
    return 1
}

# Every trade in the journal has one grant, and no more.
granted_once() {
    as regulator audit follow --once --json >"$T/feed"
    /usr/bin/python3 - "$T/feed" <<'P'
import collections, json, sys
traded, granted, statements = set(), collections.Counter(), collections.Counter()
for line in open(sys.argv[1]):
    record = json.loads(line)
    if record["kind"] == "traded":
        traded.add(record["index"])
    if record["kind"] == "granted":
        granted[record["body"]["trade"]] += 1
    if record["kind"] == "grant":
        statements[record["body"]["trade"]] += 1
assert traded, "no trades"
assert set(granted) == traded, (traded, granted)
assert set(granted.values()) == {1} and statements == granted, (granted, statements)
print(len(traded), "trades, each granted once")
P
}

# machine NAME: another machine of the vendor's, which has its identity file and nothing else.
machine() {
    mkdir -p "$T/$1"
    cp "$T/vendor/config/tidemark/vendor.key" "$T/$1/only.key"
    as "$1" connect "$URL" --identity "$T/$1/only.key" --quiet
}

@test "killed again and again while trades come, it misses none and grants none twice" {
    for _ in $(seq 12); do
        start vendor vend
        VENDS=$STARTED
        bid
        sleep "0.$((RANDOM % 5))"
        kill -KILL "$STARTED"
        wait "$STARTED" || true
        bid
    done
    as vendor vend --once
    none_left matched
    granted_once
    as vendor outbox resend || [ $? -eq 3 ] # what was signed and cut off does no harm when it is sent again
    granted_once
}

@test "two at once, one of them on a machine that has the identity file alone" {
    machine elsewhere
    start vendor vend
    first=$STARTED
    start elsewhere vend
    VENDS="$first $STARTED"
    for _ in $(seq 10); do bid; done
    none_left matched
    kill -0 "$first"
    kill -0 "$STARTED" # neither gave up because the other was quicker
    kill -INT "$first" "$STARTED"
    for pid in "$first" "$STARTED"; do
        status=0
        wait "$pid" || status=$?
        [ "$status" -eq 130 ]
    done
    VENDS=
    granted_once
}

@test "a broker that dies and comes back finds its vendor still there" {
    start vendor vend
    VENDS=$STARTED
    bid
    none_left matched
    BROKER=$(cat "$T/broker.pid")
    BROKER_LIFE=10
    broker_kill
    broker_start
    for _ in 1 2 3; do bid; done
    none_left matched
    kill -0 "$STARTED"
    granted_once
}

@test "one trade that cannot be served is told, and keeps no other waiting" {
    # The older seed is taken away: the same party, that cannot make the key of its older listing.
    as vendor key rotate --quiet
    machine forgetful
    /usr/bin/python3 - "$T/forgetful/only.key" <<'P'
import sys
lines = open(sys.argv[1]).read().splitlines()
secrets = [i for i, line in enumerate(lines) if line.startswith("TIDE-SECRET-KEY-")]
assert len(secrets) == 2
open(sys.argv[1], "w").write("\n".join(lines[:secrets[1]] + lines[secrets[1] + 1:]) + "\n")
P
    bid
    start forgetful vend
    VENDS=$STARTED
    for _ in $(seq 100); do
        grep -q "Not served: trade" "$T/forgetful.log" && break
        sleep 0.1
    done
    cat "$T/forgetful.log"
    grep -q "Not served: trade" "$T/forgetful.log"
    kill -0 "$STARTED"
    [ "$(as buyer trade list --json | json trades 0 state)" = matched ]
    kill -KILL "$STARTED"
    wait "$STARTED" || true
    VENDS=
}

@test "a rotated identity, on another machine, grants for the older listing" {
    machine rotated
    [ "$(as buyer trade list --json | json trades 0 state)" = matched ]
    as rotated vend --once
    [ "$(as buyer trade list --json | json trades 0 state)" = granted ]
    granted_once
}

@test "a lost identity ends in a refund by the deadline, and in the vendor's marks" {
    as operator market params grant_ms=1s --reason "a test" --quiet
    before=$(as buyer money show --json | json balances 0 available)
    bid
    none_left matched
    [ "$(as buyer trade list --json | json trades 0 state)" = refunded ]
    [ "$(as buyer money show --json | json balances 0 available)" = "$before" ]
    [ "$(as buyer party show "$(party vendor)" --json | json missed)" = 1 ]
    [[ $(as buyer party show "$(party vendor)") == *"0 settled, 1 missed, 0 refunded at fault"* ]]
    [[ $(as buyer listing show "$LISTING") == *"0 settled, 1 missed, 0 at fault"* ]]
    [ "$(as buyer listing show "$LISTING" --json | json row 0 vendor_missed)" = 1 ]
    "$BIN/tidemarkd" verify "$MARKET"
}
