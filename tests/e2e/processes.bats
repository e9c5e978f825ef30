# The three processes of `tidemarkd run`: what becomes of the market when one of them dies.
load market.bash

setup() {
    market_start
}

teardown() {
    market_stop
}

# The children, in the order in which `run` starts them: broker, auditor, lobby.
child() {
    pgrep -P "$BROKER" | sort -n | sed -n "$1p" | grep .
}

@test "a lobby that dies comes back on its port, and the market does not notice" {
    enrol vendor vendor
    before=$(child 1)
    lobby=$(child 3)
    [ "$lobby" != "$before" ]
    kill -KILL "$lobby"
    as vendor money show
    enrol late buyer || { sleep 2; enrol later buyer; }
    [ "$(child 1)" = "$before" ]
    grep -q 'event=process_restarted process=lobby' "$T/broker.log"
}

@test "a broker that dies ends the run, and nobody is left behind" {
    children=$(pgrep -P "$BROKER")
    trade=$(child 1)
    kill -KILL "$trade"
    ended=0
    wait "$BROKER" || ended=$? # in this shell, whose child it is
    [ "$ended" -ne 0 ]
    for child in $children; do ! kill -0 "$child" 2>/dev/null || return 1; done
    BROKER=
}
