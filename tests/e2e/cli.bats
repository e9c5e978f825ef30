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

# terminal COLUMNS NAME command…: as on a terminal of that width.
terminal() {
    local columns=$1 who=$2
    shift 2
    script -qec "stty cols $columns; env TERM=xterm LC_ALL=C.UTF-8 XDG_CONFIG_HOME=$T/$who/config XDG_STATE_HOME=$T/$who/state $BIN/tidemark $*" \
        /dev/null </dev/null | tr -d '\r'
}

@test "what is no party where one is needed: exit 2, and how to find one; a mistyped key too" {
    local wrong
    wrong=$(party buyer)
    wrong=${wrong%?}$([ "${wrong: -1}" = q ] && echo p || echo q)
    for command in "bank deposit lab 100 --reference R9 --yes" "voucher give 5 lab 1.00 --yes" "party show lab" "party admit lab" \
        "party suspend lab --reason x" "party regroup lab --group x --reason x" "party rekey lab --request x --reason x" \
        "party stop-rekey lab" "party keys lab" "market arbiter 5 lab" "card show lab" "key request lab -o $T/none" \
        "search x --vendor lab" "party show $wrong"; do
        # shellcheck disable=SC2086
        run as bank $command
        [ "$status" -eq 2 ]
        [[ $output == "tidemark: \""*"\" is not a party. A party is a tide1… key: tidemark key show prints yours, tidemark party list"* ]]
    done
}

@test "a context for an identity that is not there is refused with how to make it, exit 4" {
    run as nobody connect "$URL" --identity nobody
    [ "$status" -eq 4 ]
    [[ $output == *"tidemark key new --name nobody"* ]]
    run as nobody context list
    [[ $output == *"No market was saved yet"* ]]
}

@test "enrol: who is enrolled already hears it, with what comes next; roles that exclude each other are warned about at once" {
    before=$(n_signed)
    run as buyer enrol --name buyer --role buyer
    [ "$status" -eq 7 ]
    [[ $output == *"enrolled already, as buyer (active). tidemark status"*"key new"* ]]
    [ "$(n_signed)" = "$before" ]
    run as buyer enrol --name b --role bank --role vendor --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *"The roles bank and vendor exclude each other"* ]]
    run as buyer enrol --name b --role vendor --role issuer --dry-run
    [[ $output == *"vendor and issuer exclude"* ]]
    run as buyer enrol --name b --role vendor --role buyer --dry-run
    [[ $output != *exclude* ]]
}

@test "a listing that is not open is none to others: book, listing show, order bid say so alike" {
    echo hidden >"$T/hidden.txt"
    hidden=$(as vendor sell "$T/hidden.txt" --title "Hidden" --price 1.00 --rights "$T/right.txt" --no-wait --json | json listing)
    for command in "book $hidden" "listing show $hidden" "order bid $hidden --price 1.00 --quantity 1 --yes"; do
        # shellcheck disable=SC2086
        run as buyer $command
        [ "$status" -eq 7 ]
        [[ $output == *"there is no listing of that number, or it is not open yet"* ]]
    done
}

@test "a statement of account backwards, or of no such asset" {
    run as buyer money show --from 2026-02-01 --to 2026-01-01
    [ "$status" -eq 2 ]
    [[ $output == *"--from is later than --to"* ]]
    run as buyer money show --asset 999999
    [ "$status" -eq 7 ]
    [[ $output == *"there is no asset 999999. 0 is CNY"* ]]
}

@test "a settled trade is not accepted or claimed again: its state is looked at before anything is promised" {
    trade=$(as buyer trade list --json | json trades 0 trade)
    before=$(n_signed)
    run as buyer trade accept "$trade"
    [ "$status" -eq 0 ]
    [[ $output == *"is settled already"* && $output != *Pay* ]]
    run as vendor trade accept "$trade" --yes
    [[ $output != *"Accepting pays"* ]]
    [ "$status" -ne 0 ]
    run as buyer trade claim "$trade" --reasons "$T/right.txt" --yes
    [ "$status" -eq 7 ]
    [[ $output == *"it is settled. That is final"* && $output != *bond* ]]
    run as buyer trade fetch "$trade" -o "$T/again.csv"
    [ "$status" -eq 0 ]
    [[ $output == *"is settled: nothing is left to do"* && $output != *"Next:"* ]]
    [ "$(n_signed)" = "$before" ]
}

@test "order bid, ask and replace say what traded, what rests, what was closed unfilled" {
    as buyer order bid "$LISTING" --price 100.00 --quantity 2 --yes --json >"$T/out"
    [ "$(json traded <"$T/out")" = 2 ]
    [ "$(json left <"$T/out")" = 0 ]
    [ "$(json resting <"$T/out")" = false ]
    [ "$(json trades 0 price <"$T/out")" = 9900 ]
    [ "$(json trades 0 quantity <"$T/out")" = 2 ]
    [ "$(json trades 0 trade <"$T/out")" = "$(as buyer trade list --json | json trades 0 trade)" ]
    run as buyer order bid "$LISTING" --price 2.00 --quantity 3 --yes
    [[ $output == *"3 rest in the book."* && $output != *Traded* ]]
    order=$(as buyer order list --json | json orders 0 order)
    run as buyer order replace "$order" --price 99.00 --quantity 1 --yes
    [[ $output == *"Traded 1 at 99.00 CNY: trade "* ]]
    as buyer order bid "$LISTING" --price 2.00 --quantity 1 --tif ioc --yes --json >"$T/out"
    [ "$(json traded <"$T/out")$(json left <"$T/out")$(json resting <"$T/out")$(json trades <"$T/out")" = "01false[]" ]
    run as buyer order bid "$LISTING" --price 2.00 --quantity 1 --tif ioc --yes
    [[ $output == *"closed unfilled: 1."* ]]
    run as vendor order ask "$LISTING" --price 98.00 --quantity 4
    [[ $output == *"4 rest in the book."* ]]
    run as buyer order bid "$LISTING" --price 98.00 --quantity 5 --tif ioc --budget 1.00
    [ "$status" -eq 2 ]
}

@test "on a terminal too narrow for them keys are shortened, in a pipe and in JSON never; audit follow shows yuan and dates" {
    key=$(party buyer)
    run terminal 100 operator party list
    [[ $output == *"${key:0:8}…${key: -4}"* && $output == *regulator* ]]
    [[ $output != *"$key"* ]]
    while read -r line; do [ "$(printf %s "$line" | LC_ALL=C.UTF-8 wc -m)" -le 100 ]; done <<<"$output"
    [[ $(terminal 240 operator party list) == *"$key"* ]]
    [[ $(as operator party list) == *"$key"* ]]
    [[ $(as operator party list --json) == *"$key"* ]]
    run terminal 100 regulator audit follow --once
    [[ $output == *"deposit "*"party=${key:0:8}…${key: -4} amount=500.00 "* ]]
    [[ $output =~ due=20[0-9-]{8}' '[0-9:]{5} ]]
}

@test "key rotate and key request have a --dry-run that makes nothing; every command of tidemarkd has --help" {
    [ "$(as buyer key rotate --dry-run | json markets)" = '["default"]' ]
    [ ! -e "$T/buyer/config/tidemark/buyer.next.key" ]
    [ "$(as buyer key request "$(party vendor)" -o "$T/request" --dry-run | json party)" = "$(party vendor)" ]
    [ ! -e "$T/request" ]
    for command in init run broker auditor lobby verify info help version; do
        run "$BIN/tidemarkd" $command --help
        [ "$status" -eq 0 ]
        [[ $output == "Usage: tidemarkd $command"* ]]
    done
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
