# The three processes of `tidemarkd run`: what becomes of the market when one of them dies.
load market.bash

setup() {
    market_start
}

teardown() {
    market_stop
}

# The process that serves DOOR, by the port it listens on.
door_pid() {
    local port child
    port=$(awk -v door="$1" '$1 == door {print $2}' "$MARKET/ports")
    for child in $(pgrep -P "$BROKER"); do
        ls -l "/proc/$child/fd" | grep -oE 'socket:\[[0-9]+\]' | tr -dc '0-9\n' |
            grep -qxFf <(awk -v port="$(printf '%04X' "$port")" '$2 ~ ":" port "$" && $4 == "0A" {print $10}' /proc/net/tcp) &&
            echo "$child"
    done | head -n 1 | grep .
}

@test "a lobby that dies comes back on its port, and the market does not notice" {
    enrol vendor vendor
    before=$(door_pid trade)
    lobby=$(door_pid lobby)
    [ "$lobby" != "$before" ]
    kill -KILL "$lobby"
    as vendor money show
    enrol late buyer || { sleep 2; enrol later buyer; }
    [ "$(door_pid trade)" = "$before" ]
    grep -q 'event=process_restarted process=lobby' "$T/broker.log"
}

@test "a broker that dies ends the run, and nobody is left behind" {
    children=$(pgrep -P "$BROKER")
    trade=$(door_pid trade)
    kill -KILL "$trade"
    run wait "$BROKER"
    [ "$status" -ne 0 ]
    for child in $children; do ! kill -0 "$child" 2>/dev/null; done
    BROKER=
}
