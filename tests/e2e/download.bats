# What was bought comes once, from the market's store or from its vendor's own server, whoever dies on the way.
load market.bash

setup_file() {
    market_init
    mkdir "$T/web" "$T/keys"
    "$BATS_TEST_DIRNAME/https_server.py" "$T/web" "$T/keys" >"$T/web.port" 2>"$T/web.err" 3>&- &
    WEB=$!
    for _ in $(seq 100); do [ -s "$T/web.port" ] && break; sleep 0.1; done
    WEB_URL=https://127.0.0.1:$(cat "$T/web.port")
    sed -i "s|^location_local = no|location_local = yes\nlocation_ca = $T/keys/ca.pem|" "$MARKET/tidemark.conf"
    PORT_BASE=$(/usr/bin/python3 "$BATS_TEST_DIRNAME/long/free_ports.py" 8)
    export PORT_BASE
    broker_start && operator_connect
    enrol vendor vendor
    enrol buyer buyer
    enrol reviewer reviewer
    enrol bank bank
    as bank bank deposit "$(party buyer)" 500.00 --reference R1 --yes --quiet
    head -c 3000000 /dev/urandom >"$T/data.bin"
    head -c 200000000 /dev/urandom >"$T/large.bin"
    echo "licence document" >"$T/right.txt"
    export T MARKET URL BROKER BIN WEB WEB_URL
}

teardown_file() {
    kill -KILL "$WEB" 2>/dev/null || true
    BROKER=$(cat "$T/broker.pid")
    market_stop
}

teardown() {
    [ -z "${STARTED:-}" ] || { kill -KILL "$STARTED" 2>/dev/null || true; }
}

# on_offer FILE TITLE [FLAG…]: prints the listing.
on_offer() {
    local listing
    as vendor sell "$1" --title "$2" --price 10.00 --rights "$T/right.txt" --no-wait --yes --quiet "${@:3}" >/dev/null
    if [ -n "${PAYLOAD:-}" ]; then tail -c +169 "$1.tide" >"$T/web/new" && mv "$T/web/new" "$T/web/$PAYLOAD"; fi
    for _ in $(seq 300); do
        listing=$(as reviewer review list --json | json listings 0 listing)
        [ -n "$listing" ] && break
        sleep 0.1
    done
    as reviewer review approve "$listing" --quiet >/dev/null
    as vendor order ask "$listing" --price 10.00 --quantity unlimited --yes --quiet >/dev/null
    echo "$listing"
}

# granted LISTING FILE: bought as far as the grant.
granted() {
    as buyer buy "$1" -o "$2" --yes --no-wait --quiet >/dev/null
    as vendor vend --once --quiet >/dev/null
}

@test "from the vendor's own server: by ranges of several chunks, and only if it may be believed" {
    listing=$(PAYLOAD=payload on_offer "$T/data.bin" There --location "$WEB_URL/payload")
    granted "$listing" "$T/there"
    : >"$T/keys/requests.log"
    run as buyer buy "$listing" -o "$T/there" --yes --location-ca "$T/keys/ca.pem"
    [ "$status" -eq 8 ]
    [[ $output == *"own server"* ]]
    [ ! -s "$T/keys/requests.log" ]
    run as buyer buy "$listing" -o "$T/there" --yes --location-local # an authority that nobody knows
    echo "$output"
    [ "$status" -eq 8 ]
    [[ $output == *certificate* ]]
    [ ! -e "$T/there" ]
}

@test "what it gives is held against the manifest; what came right is not asked for again" {
    listing=$(as buyer trade list --json | json trades 0 listing)
    mv "$T/web/payload" "$T/kept"
    cp "$T/kept" "$T/web/payload"
    printf 'xxxx' | dd of="$T/web/payload" bs=1 seek=$((16 + 40 * 65552)) conv=notrunc status=none
    run as buyer buy "$listing" -o "$T/there" --yes --location-ca "$T/keys/ca.pem" --location-local
    echo "$output"
    [ "$status" -eq 8 ]
    [[ $output == *"chunk 40 "* ]]
    [ ! -e "$T/there" ]
    mv "$T/kept" "$T/web/payload"
    : >"$T/keys/requests.log"
    run as buyer buy "$listing" -o "$T/there" --yes --json --location-ca "$T/keys/ca.pem" --location-local
    echo "$output"
    [ "$status" -eq 0 ]
    cmp "$T/there" "$T/data.bin"
    [ "$(tail -n 1 <<<"$output" | json fetched_chunks)" = 6 ] # 40 to 45
    grep -q "bytes=$((16 + 40 * 65552))-" "$T/keys/requests.log"
    [ "$(wc -l <"$T/keys/requests.log")" -lt 3 ]
}

@test "a server that is not there is waited for; Ctrl-C ends it, and the same command goes on" {
    head -c 2000000 /dev/urandom >"$T/late.bin"
    listing=$(PAYLOAD=late on_offer "$T/late.bin" Late --location "$WEB_URL/late")
    granted "$listing" "$T/late"
    kill -STOP "$WEB"
    start buyer buy "$listing" -o "$T/late" --yes --location-ca "$T/keys/ca.pem" --location-local
    for _ in $(seq 100); do [ -e "$T/late.part" ] && break; sleep 0.1; done
    [ -e "$T/late.part" ]
    kill -INT "$STARTED"
    ended=0
    wait "$STARTED" || ended=$?
    STARTED=
    kill -CONT "$WEB"
    [ "$ended" -eq 130 ]
    as buyer buy "$listing" -o "$T/late" --yes --location-ca "$T/keys/ca.pem" --location-local
    cmp "$T/late" "$T/late.bin"

    # It answers, but not with the payload, until it is put back.
    mv "$T/web/late" "$T/kept"
    rm "$T/late" "$T/late.tide-receipt"
    trade=$(as buyer trade list --json | json trades 0 trade)
    start buyer trade fetch "$trade" -o "$T/late" --location-ca "$T/keys/ca.pem" --location-local
    for _ in $(seq 100); do grep -q "late bytes=.* 404" "$T/keys/requests.log" && break; sleep 0.1; done
    mv "$T/kept" "$T/web/late"
    wait "$STARTED"
    STARTED=
    cmp "$T/late" "$T/late.bin"
}

# The part of a download that is there.
part() {
    stat -c %s "$T/large.part" 2>/dev/null || echo 0
}

part_wait() {
    local i
    for i in $(seq 1000); do
        [ "$(part)" -gt "$1" ] && return 0
        kill -0 "$STARTED" 2>/dev/null || return 1
        sleep 0.01
    done
    return 1
}

@test "the broker is killed and comes back: the same command goes on; the buyer is killed: the next one goes on" {
    listing=$(on_offer "$T/large.bin" Large)
    granted "$listing" "$T/large"
    BROKER=$(cat "$T/broker.pid")
    start buyer buy "$listing" -o "$T/large" --yes
    buyer=$STARTED
    part_wait 20000000
    broker_kill
    sleep 1 # away for a while
    broker_start
    kill -0 "$buyer"
    part_wait 60000000
    kill -KILL "$buyer"
    wait "$buyer" || true
    STARTED=
    had=$(part)
    run as buyer buy "$listing" -o "$T/large" --yes --json --quiet
    echo "$output"
    [ "$status" -eq 0 ]
    cmp "$T/large" "$T/large.bin"
    # What the file was long enough for is not fetched again, but for chunks that were under way out of order.
    fetched=$(tail -n 1 <<<"$output" | json fetched_chunks)
    [ "$fetched" -le $(((200000000 - had) / 65536 + 17)) ]
}
