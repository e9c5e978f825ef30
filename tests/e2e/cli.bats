# The manners of the command line: exit codes, errors in three parts, JSON, dry runs, identities, pipes, interruptions.
# The last test stops the broker: it is the one about a broker that is not there.
load market.bash

setup_file() {
    market_start
    enrol vendor vendor
    enrol buyer buyer
    enrol reviewer reviewer
    enrol bank bank
    enrol regulator regulator
    as bank bank deposit "$(party buyer)" 500.00 --reference R1 --yes
    head -c 100000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    echo "licence document" >"$T/right.txt"
    as vendor sell "$T/data.csv" --title "Address blocks" --price 99.00 --rights "$T/right.txt" --no-wait --yes
    LISTING=$(approve_next reviewer)
    as vendor order ask "$LISTING" --price 99.00 --quantity unlimited
    export T MARKET URL BROKER BIN LISTING
}

teardown_file() {
    market_stop
}

# start NAME command…: `as` in the background. $! of `as … &` would be a shell's, and a signal to it would not reach
# the program; this sets PID to the program's own. What it says is in $T/said.
start() {
    local who=$1
    shift
    env XDG_CONFIG_HOME="$T/$who/config" XDG_STATE_HOME="$T/$who/state" "$BIN/tidemark" "$@" >"$T/out" 2>"$T/said" \
        </dev/null 3>&- &
    PID=$!
}

# said TEXT: waits until the program has said that.
said() {
    for _ in $(seq 100); do grep -q "$1" "$T/said" && return; sleep 0.05; done
    cat "$T/said" >&2
    return 1
}

# ends SIGNAL: the program, sent this signal, ends within two seconds; $status is its exit code.
ends() {
    kill -"$1" "$PID"
    for _ in $(seq 40); do kill -0 "$PID" 2>/dev/null || break; sleep 0.05; done
    ! kill -0 "$PID" 2>/dev/null || { kill -KILL "$PID"; return 1; }
    status=0
    wait "$PID" || status=$?
}

# What the buyer has signed so far, whatever became of it.
n_signed() {
    as buyer outbox list | wc -l
}

available() {
    as buyer money show --json | json balances 0 available
}

@test "a typing error is answered with the nearest command or flag, exit 2" {
    run "$BIN/tidemark" byu
    [ "$status" -eq 2 ]
    [[ $output == *"Did you mean tidemark buy?"* ]]
    run "$BIN/tidemark" order bdi 1
    [ "$status" -eq 2 ]
    [[ $output == *"order bid"* ]]
    run "$BIN/tidemark" key show --recipeint
    [ "$status" -eq 2 ]
    [[ $output == *"--recipient"* ]]
    run "$BIN/tidemarkd" rnu
    [ "$status" -eq 2 ]
    [[ $output == *"Did you mean tidemarkd run?"* ]]
    run "$BIN/tidemarkd" backup-everything
    [ "$status" -eq 2 ]
    [[ $output != *"Did you mean"* ]]
}

@test "what is needed and missing on the command line is named, exit 2" {
    run as buyer buy "$LISTING"
    [ "$status" -eq 2 ]
    [[ $output == *--out* ]]
    run as buyer buy abc -o "$T/x"
    [ "$status" -eq 2 ]
    [[ $output == *abc* ]]
    run as buyer order bid "$LISTING" --quantity 1 --price 99.001
    [ "$status" -eq 2 ]
    [[ $output == *99.001* ]]
}

@test "a role that one does not have: exit 4" {
    run as buyer party admit "$(party vendor)"
    [ "$status" -eq 4 ]
    [[ $output == *role* ]]
    run as buyer audit follow --once
    [ "$status" -eq 4 ]
}

@test "not enough money: exit 7, and what is needed, what is there, what to do" {
    run as buyer buy "$LISTING" -o "$T/x.csv" --quantity 6 --yes --quiet
    [ "$status" -eq 7 ]
    [ "$output" = "tidemark: cannot bid on listing $LISTING: 594.00 CNY needed, 500.00 available. Ask your bank for a deposit, or lower --max-price." ]
    [ ! -e "$T/x.csv.tide-buy" ]
}

@test "what is there not, or is no receipt: exit 7, 8" {
    run as buyer listing show 999999
    [ "$status" -eq 7 ]
    run as buyer verify "$T/data.csv"
    [ "$status" -eq 8 ]
}

@test "with --json an error is one object on stderr, and stdout is empty" {
    for command in "buy $LISTING -o $T/x.csv --quantity 6 --yes" "buy $LISTING --quantiyt 6" "verify $T/data.csv"; do
        # shellcheck disable=SC2086
        as buyer $command --json >"$T/out" 2>"$T/said" && return 1
        [ ! -s "$T/out" ]
        python3 - "$T/said" <<'PYTHON'
import json, sys
lines = open(sys.argv[1]).read().splitlines()
assert len(lines) == 1, lines
outer = json.loads(lines[0])
assert list(outer) == ["error"], outer
error = outer["error"]
assert set(error) == {"code", "name", "message", "hint", "retry"}, error
assert type(error["code"]) is int and type(error["retry"]) is bool and error["message"] and error["name"], error
PYTHON
    done
}

@test "--dry-run prints what would be signed, and signs and sends nothing" {
    before=$(n_signed)
    [ "$(as buyer buy "$LISTING" -o "$T/x.csv" --dry-run | json price)" = 9900 ]
    as buyer order bid "$LISTING" --price 1.00 --quantity 1 --dry-run
    as bank bank deposit "$(party buyer)" 1.00 --reference R2 --dry-run
    [ "$(n_signed)" = "$before" ]
    [ "$(available)" = 50000 ]
    [ ! -e "$T/x.csv.tide-buy" ]
}

@test "in a pipe: tabs, no header, no colour, full dates" {
    [ "$(as buyer money show)" = "$(printf 'CNY\t500.00\t0.00\t0.00\t0.00\t')" ]
    row=$(as buyer search)
    [ "$(wc -l <<<"$row")" -eq 1 ]
    [[ $row == *"Address blocks"* && $row == *$'\t'* && $row != *$'\e'* ]]
    [[ $(as regulator audit follow --once | head -n 1 | cut -f 2) =~ ^20[0-9-]{8}T[0-9:.]{12}Z$ ]]
}

@test "an identity that others can read is refused, exit 4" {
    chmod 0644 "$T/buyer/config/tidemark/buyer.key"
    run as buyer money show
    chmod 0600 "$T/buyer/config/tidemark/buyer.key"
    [ "$status" -eq 4 ]
    [[ $output == *"chmod 600"* ]]
}

@test "key new never replaces a file, and what it writes is 0600" {
    cp "$T/buyer/config/tidemark/buyer.key" "$T/kept"
    run as buyer key new --name buyer
    [ "$status" -eq 1 ]
    cmp "$T/kept" "$T/buyer/config/tidemark/buyer.key"
    [ "$(stat -c %a "$T/buyer/config/tidemark/buyer.key")" = 600 ]
}

@test "a passphrase makes the identity an age file; it opens with the right one only" {
    (umask 077 && echo "tide and mark" >"$T/right" && echo "tide and bark" >"$T/wrong")
    as locked key new --name locked --passphrase-file "$T/right"
    [ "$(head -n 1 "$T/locked/config/tidemark/locked.key")" = "-----BEGIN AGE ENCRYPTED FILE-----" ] ||
        [ "$(head -c 21 "$T/locked/config/tidemark/locked.key")" = age-encryption.org/v1 ]
    [[ $(as locked key show locked --passphrase-file "$T/right") == tide1* ]]
    run as locked key show locked --passphrase-file "$T/wrong"
    [ "$status" -eq 4 ]
    run setsid --wait env XDG_CONFIG_HOME="$T/locked/config" "$BIN/tidemark" key show locked </dev/null
    [ "$status" -eq 4 ]
    [[ $output == *--passphrase-file* ]]
}

@test "at a terminal \"yes\" is asked: anything else sends nothing, yes goes on" {
    ask() {
        env XDG_CONFIG_HOME="$T/bank/config" XDG_STATE_HOME="$T/bank/state" expect -c "set timeout 5
            spawn -noecho $BIN/tidemark bank deposit $(party buyer) 1.00 --reference R3
            expect {Type yes} {send \"$1\r\"} timeout {exit 99}
            expect eof
            exit [lindex [wait] 3]"
    }
    run ask y
    [ "$status" -eq 1 ]
    [ "$(available)" = 50000 ]
    run ask yes
    [ "$status" -eq 0 ]
    [ "$(available)" = 50100 ]
}

@test "SIGTERM ends what waits at once, exit 130; in the background of a script too" {
    start vendor vend
    said "Waiting for trades"
    ends TERM
    [ "$status" -eq 130 ]
    start regulator audit follow
    for _ in $(seq 100); do [ -s "$T/out" ] && break; sleep 0.05; done
    ends TERM
    [ "$status" -eq 130 ]
    as late key new --name late --quiet
    as late connect "$URL" --identity late --quiet
    start late enrol --name late --role buyer --wait
    said "waiting for an operator"
    ends TERM
    [ "$status" -eq 130 ]
    as operator party admit "$(party late)" --quiet
    as late enrol --name late --role buyer --wait
}

@test "Ctrl-C and SIGTERM while a purchase waits for its grant lose nothing: the same command goes on" {
    start buyer buy "$LISTING" -o "$T/bought.csv" --yes
    said "waiting for the vendor's grant"
    ends INT
    [ "$status" -eq 130 ]
    grep -q "nothing is lost" "$T/said"
    start buyer buy "$LISTING" -o "$T/bought.csv" --yes
    said "waiting for the vendor's grant"
    ends TERM
    [ "$status" -eq 130 ]
    [ "$(available)" = 40200 ]
    as vendor vend --once
    as buyer buy "$LISTING" -o "$T/bought.csv"
    cmp "$T/data.csv" "$T/bought.csv"
    [ ! -e "$T/bought.csv.tide-buy" ]
    [ "$(as buyer trade list | wc -l)" -eq 1 ]
}

@test "verify says what is proven, on which basis, and what is not; on a terminal in sentences" {
    run as buyer verify "$T/bought.csv.tide-receipt"
    [ "$status" -eq 0 ]
    [[ $output == *$'\nwords\tTrade '*"the buyer accepted"* ]]
    [[ $output == *$'\nnot_proven\t'* ]]
    [[ $(as buyer verify "$T/bought.csv.tide-receipt" --json | json words) == "Trade "* ]]
    run script -qec "env XDG_CONFIG_HOME=$T/buyer/config $BIN/tidemark verify $T/bought.csv.tide-receipt" /dev/null
    [[ $output == *"The receipt is genuine"*"In short: Trade "*"It does not prove:"* ]]
}

@test "a broker that is not there: exit 5, within --timeout; vend waits for it, and SIGTERM still ends it" {
    BROKER=$(cat "$T/broker.pid")
    broker_stop
    before=$SECONDS
    run as buyer buy "$LISTING" -o "$T/later.csv" --timeout 1 --yes --json
    [ "$status" -eq 5 ]
    [ $((SECONDS - before)) -le 4 ]
    [ "$(json error retry <<<"$output")" = true ]
    start vendor vend
    said "Waiting for trades"
    ends TERM
    [ "$status" -eq 130 ]
}
