# A payload at its vendor's own https location: what the vendor does, and is told.
load market.bash

setup_file() {
    market_init
    mkdir "$T/web" "$T/keys"
    "$BATS_TEST_DIRNAME/https_server.py" "$T/web" "$T/keys" >"$T/web.port" 2>"$T/web.err" 3>&- &
    WEB=$!
    for _ in $(seq 100); do [ -s "$T/web.port" ] && break; sleep 0.1; done
    WEB_URL=https://127.0.0.1:$(cat "$T/web.port")
    sed -i "s|^location_local = no|location_local = yes\nlocation_ca = $T/keys/ca.pem|" "$MARKET/tidemark.conf"
    broker_start && operator_connect
    enrol vendor vendor
    enrol reviewer reviewer
    head -c 3000000 /dev/urandom >"$T/data.bin"
    echo "licence document" >"$T/right.txt"
    export T MARKET URL BROKER BIN WEB WEB_URL
}

teardown_file() {
    kill -KILL "$WEB" 2>/dev/null || true
    market_stop
}

state() {
    as vendor listing show "$1" --json | json row 0 state
}

state_wait() {
    local i
    for i in $(seq 400); do
        [ "$(state "$1")" = "$2" ] && return 0
        sleep 0.1
    done
    return 1
}

@test "an address that the market would refuse is refused before anything is sealed" {
    for url in "http://127.0.0.1/x" "https://" "https://127.0.0.1/a b"; do
        run as vendor listing publish "$T/data.bin" --title "Bad" --rights "$T/right.txt" --location "$url"
        [ "$status" -eq 7 ]
        [[ $output == *https* ]]
    done
    run as vendor listing publish --kind api --title "Bad" --rights "$T/right.txt" --location "$WEB_URL/x"
    [ "$status" -eq 7 ]
    [ ! -e "$T/data.bin.tide" ]
}

@test "nothing but the manifest is uploaded; what the market finds wrong is shown to its vendor" {
    as vendor listing publish "$T/data.bin" --title "There" --rights "$T/right.txt" --sample 2 --location "$WEB_URL/payload" \
        --json >"$T/out" 2>"$T/err"
    listing=$(json listing <"$T/out")
    [ "$(as vendor listing show "$listing" --json | json row 0 elsewhere)" = true ]
    [ "$(json sent_chunks <"$T/out")" = 0 ]
    for _ in $(seq 100); do
        as vendor listing show "$listing" | grep -q "status 404" && break
        sleep 0.1
    done
    [[ $(as vendor listing show "$listing" --json | json trouble) == *"status 404"* ]]
    tail -c +169 "$T/data.bin.tide" >"$T/web/payload.new" # as publish says it
    mv "$T/web/payload.new" "$T/web/payload"
    state_wait "$listing" pending
    [ -z "$(as vendor listing show "$listing" --json | json trouble)" ]
    echo "$listing" >"$T/listing"
}

@test "its samples are answered from there, and one that cannot be reached keeps no other waiting" {
    there=$(cat "$T/listing")
    as reviewer review approve "$there" --quiet
    rm "$T/data.bin.tide"
    head -c 3000000 /dev/urandom >"$T/here.bin"
    as vendor listing publish "$T/here.bin" --title "Here" --rights "$T/right.txt" --sample 1 --quiet
    here=$(approve_next reviewer)
    start vendor vend --location-ca "$T/keys/ca.pem" # in a private network, which is not allowed here
    vend=$STARTED
    state_wait "$here" open
    for _ in $(seq 100); do
        grep -q "Not served: listing $there" "$T/vendor.log" && break
        sleep 0.1
    done
    grep -q "Not served: listing $there" "$T/vendor.log"
    kill -0 "$vend"
    kill -KILL "$vend"
    wait "$vend" || true
    [ "$(state "$there")" = sampling ]
    as vendor vend --once --location-ca "$T/keys/ca.pem" --location-local
    state_wait "$there" open
    [[ $(as vendor listing show "$there") == *"$WEB_URL/payload"* ]]
}
