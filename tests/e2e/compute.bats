# A market for computing time, from the command line alone: a bank and its withdrawals, an issuer and its vouchers, two
# vendors, three buyers; orders of every type, replaced and halted; a credential for each trade; statements of account.
load market.bash

# Whatever waits, waits a minute at most.
as() {
    local who=$1
    shift
    timeout 60 env XDG_CONFIG_HOME="$T/$who/config" XDG_STATE_HOME="$T/$who/state" "$BIN/tidemark" "$@"
}

# listed VENDOR TITLE TERMS [UNIT]: publishes computing time; approved by the reviewer. Prints its number.
listed() {
    as "$1" sell --kind compute --title "$2" --price 1.00 --rights "$T/right.txt" --terms "$3" --keyword gpu --no-wait \
        ${4:+--unit "$4"} --quiet >/dev/null
    approve_next reviewer
}

# available NAME [ROW]: fen, of CNY or of that row of its balances.
available() {
    as "$1" money show --json | json balances "${2:-0}" available
}

# terminal NAME command…: as on a terminal of 100 columns.
terminal() {
    local who=$1
    shift
    script -qec "stty cols 100; env TERM=xterm LC_ALL=C.UTF-8 XDG_CONFIG_HOME=$T/$who/config XDG_STATE_HOME=$T/$who/state $BIN/tidemark $*" \
        /dev/null </dev/null | tr -d '\r'
}

# A number or text that a test leaves to those behind it.
keep() {
    echo "$2" >"$T/kept.$1"
}
kept() {
    cat "$T/kept.$1"
}

setup_file() {
    market_start
    enrol vendor1 vendor
    enrol vendor2 vendor
    for buyer in buyer1 buyer2 buyer3; do enrol $buyer buyer; done
    enrol reviewer reviewer
    enrol bank bank
    enrol issuer issuer
    enrol arbiter arbiter
    export T MARKET URL BROKER BIN
    for buyer in buyer1 buyer2 buyer3; do
        as bank bank deposit "$(party $buyer)" 1000.00 --reference "in-$buyer" --yes --quiet
    done
    as bank bank deposit "$(party issuer)" 5000.00 --reference in-issuer --yes --quiet
    echo "licence to run a computing centre" >"$T/right.txt"
    for i in $(seq 30); do echo "Clause $i: no mining."; done >"$T/long.txt"
    echo "No mining." >"$T/short.txt"
    ACCEL=$(listed vendor1 "Accelerator hours" "$T/long.txt" "PFLOPS·month")
    CORES=$(listed vendor2 "Core hours" "$T/short.txt")
    export ACCEL CORES
}

teardown_file() {
    market_stop
}

@test "the listings are open, without content; listing show prints the usage terms whole" {
    [ "$(as buyer1 search gpu --kind compute --json | json listings 1 listing)" = "$ACCEL" ]
    [ "$(as buyer1 listing show "$ACCEL" --json | json row 0 state)" = open ]
    [ "$(as buyer1 listing show "$ACCEL" --json | json row 0 n_chunks)" = 0 ]
    [[ $(as buyer1 listing show "$ACCEL") == *"Clause 30: no mining."* ]]
    [ "$(as vendor1 sell --kind compute --title "Accelerator hours" --price 1.00 --rights "$T/right.txt" --no-wait --json |
        json listing)" = "$ACCEL" ] # run again, it goes on
}

@test "what one unit is stands in listing show, search and book" {
    [[ $(as buyer1 listing show "$ACCEL") == *$'\nunit\tPFLOPS·month\n'* ]]
    [ "$(as buyer1 search accelerator --json | json listings 0 unit)" = "PFLOPS·month" ]
    [[ $(terminal buyer1 search accelerator) == *"PFLOPS·month  Accelerator hours"* ]]
    [[ $(as buyer1 search accelerator) == *$'\tPFLOPS·month\tAccelerator hours' ]]
    [ "$(as buyer1 book "$ACCEL" --json | json unit)" = "PFLOPS·month" ]
    [ "$(as buyer1 book "$CORES" --json | json unit)" = "" ]
    [ "$(as buyer1 listing show "$ACCEL" --dcat --json | json tide:unit)" = "PFLOPS·month" ]
}

@test "a service has no file, content has one: exit 2" {
    run as vendor1 sell "$T/right.txt" --kind compute --title X --price 1.00 --rights "$T/right.txt"
    [ "$status" -eq 2 ]
    run as vendor1 sell --title X --price 1.00 --rights "$T/right.txt"
    [ "$status" -eq 2 ]
    [[ $output == *FILE* ]]
}

@test "the issuer opens a programme, after being asked, and gives of it; the cap holds" {
    run as issuer voucher programme --name "Young firms" --kind compute --share 30% --top-price 10.00 --cap 100.00 \
        --fund 2000.00 --until +30d
    [ "$status" -eq 1 ]
    [[ $output == *"30%"*"--yes"* ]]
    programme=$(as issuer voucher programme --name "Young firms" --kind compute --kind api --share 30% --top-price 10.00 \
        --cap 100.00 --fund 2000.00 --until +30d --yes --json | json programme)
    keep programme "$programme"
    [ "$(available issuer)" = 300000 ]
    as issuer voucher give "$programme" "$(party buyer1)" 100.00 --yes
    as issuer voucher give "$programme" "$(party buyer2)" 20.00 --yes
    run as issuer voucher give "$programme" "$(party buyer1)" 0.01 --yes
    [ "$status" -eq 7 ]
    [[ $output == *"a party may be given 100.00 CNY, it was given 100.00 before"* ]]
    run as issuer voucher programme --name X --kind compute --share 140% --top-price 1 --cap 1 --fund 1 --until +1d
    [ "$status" -eq 2 ]
    [[ $output == *"0.01% to 100%"* ]]
    row=$(as buyer1 voucher list --json)
    [ "$(json programmes 0 programme <<<"$row")" = "$programme" ]
    [ "$(json programmes 0 available <<<"$row")" = 10000 ]
    [ "$(json programmes 0 share_bp <<<"$row")" = 3000 ]
    [[ $(as buyer1 voucher list) == *$'\t30%\t10.00\t'* ]]
    [ "$(as buyer1 money show --json | json balances 1 name)" = "Young firms" ]
    [ "$(available buyer1 1)" = 10000 ]
    run terminal buyer1 voucher list
    [[ $output == *"Young firms"*"100.00"*"issuer"* ]]
}

@test "asks: limit, good until a date, post-only; what contradicts itself is answered by flag, exit 2" {
    ask=$(as vendor1 order ask "$ACCEL" --price 8.00 --quantity 100 --json | json order)
    keep ask "$ask"
    gtd=$(as vendor1 order ask "$ACCEL" --price 9.00 --quantity 50 --expires +2h --post-only --json | json order)
    keep gtd "$gtd"
    [ "$(as vendor1 order show "$gtd" --json | json tif)" = gtd ]
    [ "$(as vendor1 order show "$gtd" --json | json post_only)" = true ]
    as vendor2 order ask "$CORES" --price 0.50 --quantity unlimited
    run as vendor1 order ask "$ACCEL" --price 8.00 --quantity 5 --tif gtd
    [ "$status" -eq 2 ]
    [[ $output == *--expires* ]]
    run as vendor1 order ask "$ACCEL" --type market --quantity 5 --tif gtc
    [ "$status" -eq 2 ]
    run as buyer1 order bid "$ACCEL" --price 9.00 --quantity 5 --post-only --yes
    [ "$status" -eq 7 ]
    run as buyer1 order bid "$ACCEL" --price 8.00 --quantity 500 --tif fok --yes
    [ "$status" -eq 7 ]
}

@test "a bid with a voucher: shows who pays what, with the first lines of the terms; refused early where it does not fit" {
    programme=$(kept programme)
    run as buyer1 order bid "$ACCEL" --price 7.00 --quantity 10 --voucher "$programme"
    [ "$status" -eq 1 ] # nobody to ask
    [[ $output == *"Bid       10 PFLOPS·month at 7.00 CNY at most"* ]]
    [[ $output == *"Voucher   21.00 CNY at most, of Young firms"* ]] # 30 % of 7.00, ten times
    [[ $output == *"Yourself  49.00 CNY at most"* ]]
    [[ $output == *"Clause 12"*"18 more lines: tidemark listing show $ACCEL"* ]]
    [[ $output != *"Clause 13:"* ]]
    run as buyer3 order bid "$ACCEL" --price 7.00 --quantity 10 --voucher "$programme" --yes
    [ "$status" -eq 7 ]
    [[ $output == *"nothing available of voucher programme $programme"* ]]
    run as buyer1 order bid "$ACCEL" --price 7.00 --quantity 1 --voucher 999999 --yes
    [ "$status" -eq 7 ]
    [ "$(as buyer1 order bid "$ACCEL" --price 7.00 --quantity 10 --voucher "$programme" --dry-run | json voucher)" = "$programme" ]
    bid=$(as buyer1 order bid "$ACCEL" --price 7.00 --quantity 10 --voucher "$programme" --yes --json | json order)
    keep bid "$bid"
    [ "$(available buyer1)" = 95100 ]
    [ "$(available buyer1 1)" = 7900 ]
    [[ $(as buyer1 order list) == *$'\tgtc\t\t'"$programme"$'\t'* ]]
}

@test "replaced: less keeps its priority and asks nothing, more is asked about and held" {
    bid=$(kept bid)
    as buyer1 order replace "$bid" --quantity 8
    [ "$(available buyer1)" = 96080 ]
    run as buyer1 order replace "$bid" --quantity 20 --price 7.50
    [ "$status" -eq 1 ] # nobody to ask
    [[ $output == *"Wants     20 PFLOPS·month at 7.50 CNY, now 8 PFLOPS·month at 7.00"* ]]
    [[ $output == *"Priority  lost"* ]]
    as buyer1 order replace "$bid" --quantity 20 --price 7.50 --yes
    [ "$(as buyer1 order show "$bid" --json | json left)" = 20 ]
    [ "$(available buyer1)" = 89500 ] # 20 × (7.50 − 2.25)
    [ "$(available buyer1 1)" = 5500 ]
    run as buyer1 order replace "$bid" --quantity unlimited
    [ "$status" -eq 2 ]
    run as buyer1 order replace "$bid"
    [ "$status" -eq 2 ]
    as buyer1 order cancel "$bid"
    [ "$(available buyer1)" = 100000 ]
    [ "$(available buyer1 1)" = 10000 ]
    run as buyer1 order replace "$bid" --quantity 1
    [ "$status" -eq 7 ]
}

@test "a vendor's replaced ask and a market order meet; both sign what they signed up to" {
    as vendor1 order replace "$(kept ask)" --price 6.00
    run as buyer3 order bid "$ACCEL" --type market --quantity 5
    [ "$status" -eq 2 ]
    [[ $output == *--budget* ]]
    as buyer3 order bid "$ACCEL" --type market --quantity 5 --budget 30.00 --yes
    [ "$(as buyer3 trade list --json | json trades 0 price)" = 600 ]
    [ "$(as buyer3 trade list --json | json trades 0 state)" = matched ]
    keep market_trade "$(as buyer3 trade list --json | json trades 0 trade)"
}

@test "halted: no order gets in, also for one listing; the parameters say so; resumed" {
    as operator market halt --reason "a drill"
    [[ $(as operator market params 2>&1) == *"halted since"* ]]
    run as buyer2 order bid "$ACCEL" --price 1.00 --quantity 1 --yes
    [ "$status" -eq 5 ]
    as operator market resume
    as operator market halt "$CORES" --reason "another drill"
    run as buyer2 buy "$CORES" -o "$T/cores" --yes
    [ "$status" -eq 7 ]
    as operator market resume "$CORES"
    [ "$(as buyer2 listing show "$CORES" --json | json row 0 state)" = open ]
    run as buyer2 market halt --reason "mine"
    [ "$status" -eq 4 ]
}

@test "parameters: typed with units, shown with units, kept raw" {
    as operator market params fee_compute_bp=2.5% accept_ms=36h claim_bond_fen=5.00 --reason "as agreed"
    params=$(as buyer1 market params)
    [[ $params == *$'fee_compute_bp\t2.5%'* ]]
    [[ $params == *$'accept_ms\t36h'* ]]
    [[ $(as operator market params grant_ms=12h --reason x --dry-run) == *'"value":43200000'* ]]
    run as operator market params grant_ms=12 --reason x
    [ "$status" -eq 2 ]
    [[ $output == *24h* ]]
    run as operator market params garnt_ms=12h --reason x
    [ "$status" -eq 2 ]
    [[ $output == *grant_ms* ]]
}

@test "the credential goes sealed to each buyer, by trade, by listing, or to all; buy opens it, for nobody else to read" {
    mkdir "$T/credentials"
    echo "token for the market order" >"$T/credentials/$(kept market_trade)"
    echo "token for all" >"$T/token"
    start vendor1 vend --credential "$T/token" --credential-dir "$T/credentials"
    vend=$STARTED
    as buyer1 buy "$ACCEL" -o "$T/bought1" --quantity 10 --voucher "$(kept programme)" --yes --json --timeout 50 >"$T/bought.json"
    as buyer3 trade fetch "$(kept market_trade)" -o "$T/bought3"
    kill "$vend"
    cmp "$T/token" "$T/bought1"
    [ "$(stat -c %a "$T/bought1")" = 600 ]
    [ "$(cat "$T/bought3")" = "token for the market order" ]
    ! grep -q "token" "$T/vendor1.log" || false # never printed
    [ "$(json total <"$T/bought.json")" = 6000 ]
    [ "$(json voucher <"$T/bought.json")" = 1800 ]
    [ "$(available buyer1)" = 95800 ]
    [ "$(available buyer1 1)" = 8200 ]
    as buyer3 trade accept "$(kept market_trade)" --yes --quiet
}

@test "the receipt names the voucher's part; the vendor cannot withdraw that part yet" {
    as buyer1 verify "$T/bought1.tide-receipt"
    grep -q "^voucher 1800 $(kept programme)$" "$T/bought1.tide-receipt"
    # 60.00 less 2.5 %, and 30.00 at the fee of when it was traded, 1 %
    [ "$(available vendor1)" = 8820 ]
    [ "$(as vendor1 money show --json | json balances 0 locked)" = 1800 ]
    run as vendor1 money withdraw 80.00 --to "account 7" --yes
    [ "$status" -eq 7 ]
}

@test "a credential that is not there yet leaves its trade waiting; vend --once goes on with it" {
    as buyer2 buy "$CORES" -o "$T/bought2" --quantity 4 --yes --no-wait
    run as vendor2 vend --once
    [ "$status" -eq 0 ]
    [[ $output == *"waits for its credential"* ]]
    run as vendor2 vend --once --credential "$T/none"
    [ "$status" -eq 1 ]
    head -c 5000 /dev/zero >"$T/large"
    run as vendor2 vend --once --credential "$T/large"
    [ "$status" -eq 1 ]
    [[ $output == *"4,096"* ]]
    echo "ssh key" >"$T/credentials/$CORES"
    as vendor2 vend --once --credential-dir "$T/credentials"
    as buyer2 buy "$CORES" -o "$T/bought2" --quantity 4 --yes --timeout 50
    [ "$(cat "$T/bought2")" = "ssh key" ]
}

@test "a voucher pays for data as well; one for other kinds, or that has ended, is refused before anything is signed" {
    head -c 100000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    as vendor2 sell "$T/data.csv" --title "Address blocks" --price 10.00 --rights "$T/right.txt" --no-wait --quiet
    data=$(approve_next reviewer)
    as vendor2 order ask "$data" --price 10.00 --quantity unlimited
    run as buyer2 buy "$data" -o "$T/data.out" --voucher "$(kept programme)" --yes
    [ "$status" -eq 7 ]
    [[ $output == *"does not pay for dataset listings"* ]]
    [ ! -e "$T/data.out.tide-buy" ]
    brief=$(as issuer voucher programme --name "Brief" --kind dataset --share 1% --top-price 10.00 --cap 10.00 --fund 10.00 \
        --until +2s --yes --json | json programme)
    as issuer voucher give "$brief" "$(party buyer2)" 10.00 --yes
    half=$(as issuer voucher programme --name "Half" --kind dataset --share 50% --top-price 8.00 --cap 10.00 --fund 10.00 \
        --until +1h --yes --json | json programme)
    as issuer voucher give "$half" "$(party buyer2)" 10.00 --yes
    before=$(available buyer2)
    start vendor2 vend
    as buyer2 buy "$data" -o "$T/data.out" --voucher "$half" --yes --quiet --timeout 50
    kill "$STARTED"
    cmp "$T/data.csv" "$T/data.out"
    [ "$(available buyer2)" = $((before - 600)) ]
    grep -q "^voucher 400 $half$" "$T/data.out.tide-receipt"
    for _ in $(seq 50); do
        [ "$(as buyer2 voucher list --json | json programmes 1 state)" = ended ] && break
        sleep 0.2
    done
    run as buyer2 buy "$data" -o "$T/data.again" --voucher "$brief" --yes
    [ "$status" -eq 7 ]
    [[ $output == *"voucher programme $brief has ended"* ]]
}

@test "a claim: the bond is shown and held, the arbiter rules, the money comes back" {
    as buyer2 buy "$CORES" -o "$T/bad" --quantity 2 --yes --no-wait
    as vendor2 vend --once --credential-dir "$T/credentials"
    trade=$(as buyer2 trade list --json | json trades 0 trade)
    echo "The machine never answered." >"$T/reasons.txt"
    before=$(available buyer2)
    run as buyer2 trade claim "$trade" --reasons "$T/reasons.txt"
    [ "$status" -eq 1 ]
    [[ $output == *"bond of 5.00 CNY"* ]]
    as buyer2 trade claim "$trade" --reasons "$T/reasons.txt" --yes
    [ "$(available buyer2)" = $((before - 500)) ]
    claim=$(as arbiter claim list --json)
    [ "$(json claims 0 trade <<<"$claim")" = "$trade" ]
    run terminal arbiter claim list
    [[ $output == *"buyer2"*"vendor2"*"Core hours"* ]]
    [ "$(json claims 0 reasons <<<"$claim")" = "$(sha256sum <"$T/reasons.txt" | cut -d' ' -f1)" ]
    run as arbiter rule "$trade" perhaps --reasons "$T/reasons.txt" --yes
    [ "$status" -eq 2 ]
    as arbiter rule "$trade" refund --reasons "$T/reasons.txt" --yes
    [ "$(as buyer2 trade show "$trade" --json | json state)" = refunded ]
    [ "$(available buyer2)" = $((before + 100)) ] # the bond was not in it
    [ "$(as buyer2 party show "$(party vendor2)" --json | json faults)" = 1 ]
}

@test "a withdrawal: held, seen by the bank, paid; another comes back" {
    first=$(as vendor1 money withdraw 50.00 --to "account 7" --yes --json | json withdrawal)
    second=$(as vendor1 money withdraw 10.00 --to "account 8 of the computing centre at its bank in the city" --yes --json | json withdrawal)
    [ "$(available vendor1)" = 2820 ]
    [ "$(as bank bank list --json | json withdrawals 1 withdrawal)" = "$first" ]
    run terminal bank bank list
    [[ $output == *"account 8 of the computing centre at its bank in the city"*vendor1* ]]
    run as bank bank paid "$first" --reference out-1
    [ "$status" -eq 1 ]
    [[ $output == *"50.00 CNY by vendor1 to account 7"* ]]
    as bank bank paid "$first" --reference out-1 --yes
    as bank bank returned "$second" --reference out-2 --yes
    [ "$(available vendor1)" = 3820 ]
    [ -z "$(as bank bank list)" ]
    [ "$(as vendor1 money withdrawals | cut -f 4 | tr '\n' ' ')" = "returned paid " ]
    run as bank bank paid "$first" --reference out-3 --yes
    [ "$status" -eq 7 ]
    run as bank bank paid 999999 --reference out-4 --yes
    [ "$status" -eq 7 ]
}

@test "the statement of account: opening, every entry, closing; the period counts" {
    as buyer1 money show --from 2020-01-01 --json >"$T/statement"
    [ "$(json opening <"$T/statement")" = 0 ]
    [ "$(json closing <"$T/statement")" = 95800 ]
    [ "$(json entries 0 what <"$T/statement")" = deposited ]
    [ "$(json entries 0 amount <"$T/statement")" = 100000 ]
    /usr/bin/python3 - "$T/statement" <<'PYTHON'
import json, sys
s = json.load(open(sys.argv[1]))
balance = s["opening"]
for entry in s["entries"]:
    balance += entry["amount"]
    assert balance == entry["balance"], entry
assert balance == s["closing"]
PYTHON
    [ "$(as buyer1 money show --from +1h --json | json opening)" = 95800 ]
    [ "$(as buyer1 money show --to 2020-01-01 --json | json closing)" = 0 ]
    [ "$(as buyer1 money show --asset "$(kept programme)" --from 2020-01-01 --json | json closing)" = 8200 ]
    rows=$(as buyer1 money show --from 2020-01-01)
    [ "$(head -n 1 <<<"$rows" | cut -f 3,6)" = $'opening\t0.00' ]
    [ "$(tail -n 1 <<<"$rows" | cut -f 3,6)" = $'closing\t958.00' ]
    [[ $rows == *$'\t-42.00\t'* ]]
}

@test "parties: listed by role, regrouped, reinstated" {
    [ "$(as operator party list --role vendor --json | json parties 1 name)" = vendor2 ]
    as operator party regroup "$(party vendor2)" --group "Cores Holding" --reason "a merger"
    [ "$(as operator party list --role vendor --json | json parties 1 group)" = "Cores Holding" ]
    [ "$(as operator party list --role vendor --json | json parties 1 jurisdiction)" = CN ]
    as operator party suspend "$(party buyer3)" --reason "asked for it"
    run as buyer3 order bid "$ACCEL" --price 1.00 --quantity 1 --yes
    [ "$status" -eq 4 ]
    as operator party reinstate "$(party buyer3)" --reason "took it back"
    as buyer3 order bid "$ACCEL" --price 1.00 --quantity 1 --yes
}

@test "what --dry-run prints is not signed" {
    before=$(as issuer outbox list | wc -l)
    as issuer voucher give "$(kept programme)" "$(party buyer3)" 1.00 --dry-run
    as issuer money withdraw 1.00 --to x --dry-run
    as issuer voucher programme --name X --kind api --share 1% --top-price 1 --cap 1 --fund 1 --until +1d --dry-run
    [ "$(as issuer outbox list | wc -l)" = "$before" ]
    before=$(as operator outbox list | wc -l)
    as operator market halt --reason x --dry-run
    as operator market resume --dry-run
    as operator market arbiter 5 "$(party arbiter)" --dry-run
    as operator party reinstate "$(party buyer3)" --reason x --dry-run
    as operator party regroup "$(party buyer3)" --group y --reason x --dry-run
    [ "$(as operator outbox list | wc -l)" = "$before" ]
}

@test "the journal decides again to the same bytes, and every asset sums to zero" {
    timeout 120 "$BIN/tidemarkd" verify "$MARKET"
}
