# A market with real processes, for the tests and the demo: source it, set BIN, call market_start, and market_stop in any
# case. Everything lies below $T, listens on 127.0.0.1 on free ports, and ends with market_stop.

BIN=${BIN:-${TIDEMARK_BUILD:?}}
export NO_COLOR=1

# as NAME command…: runs `tidemark` with the party's own configuration, state and identity.
as() {
    local who=$1
    shift
    env XDG_CONFIG_HOME="$T/$who/config" XDG_STATE_HOME="$T/$who/state" "$BIN/tidemark" "$@"
}

# start NAME command…: the same in the background; STARTED is the pid of tidemark itself, not of a shell around it.
start() {
    local who=$1
    shift
    env XDG_CONFIG_HOME="$T/$who/config" XDG_STATE_HOME="$T/$who/state" "$BIN/tidemark" "$@" >"$T/$who.log" 2>&1 3>&- &
    STARTED=$!
}

market_init() {
    T=$(mktemp -d "${TMPDIR:-/tmp}/tidemark.XXXXXX")
    MARKET=$T/market
    "$BIN/tidemarkd" init "$MARKET" --name "Example Data Exchange" --origin example.org/market >"$T/init.out" 2>/dev/null
}

# Starts the broker and waits until its doors are open.
broker_start() {
    # Each life of the broker has a log of its own: broker.log is the present one's.
    BROKER_LIFE=$((${BROKER_LIFE:-0} + 1))
    ln -sf "broker.log.$BROKER_LIFE" "$T/broker.log"
    "$BIN/tidemarkd" run "$MARKET" --port-base "${PORT_BASE:-0}" >"$T/broker.log.$BROKER_LIFE" 2>&1 3>&- &
    BROKER=$!
    echo $BROKER >"$T/broker.pid"
    local i
    for i in $(seq 300); do
        grep -q 'event=serving market=' "$T/broker.log" && break
        kill -0 $BROKER 2>/dev/null || { cat "$T/broker.log" >&2; return 1; }
        sleep 0.1
    done
    URL=$("$BIN/tidemarkd" info "$MARKET" --json | json url)
}

# json FIELD…: the value at that path of one JSON object on stdin; nothing if it is not there.
json() {
    /usr/bin/python3 -c '
import json, sys
line = sys.stdin.readline()
try:
    value = json.loads(line)
    for name in sys.argv[1:]:
        value = value[int(name)] if isinstance(value, list) else value[name]
except (ValueError, KeyError, IndexError):
    sys.exit()
print(value if isinstance(value, str) else json.dumps(value))' "$@"
}

broker_stop() {
    [ -n "${BROKER:-}" ] || return 0
    kill -TERM "$BROKER" 2>/dev/null || true
    local i
    for i in $(seq 200); do
        kill -0 "$BROKER" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "$BROKER" 2>/dev/null || true
    wait "$BROKER" 2>/dev/null || true
    BROKER=
}

# The broker and its children die at once, as in a crash of the machine's power but for the disk. The market's lock is free
# only when the last of them has ended.
broker_kill() {
    local children
    children=$(pgrep -P "$BROKER" || true)
    # shellcheck disable=SC2086
    kill -KILL "$BROKER" $children 2>/dev/null || true
    wait "$BROKER" 2>/dev/null || true
    BROKER=
    flock -w 30 "$MARKET/lock" true
}

market_start() {
    market_init && broker_start && operator_connect
}

market_stop() {
    broker_stop
    [ -n "${T:-}" ] && rm -rf "$T"
    return 0
}

operator_connect() {
    as operator connect "$URL" --identity "$MARKET/operator.key" --quiet >/dev/null
}

# enrol NAME ROLE…: makes an identity, asks, and is admitted by the operator.
enrol() {
    local who=$1 roles=() role
    shift
    for role in "$@"; do roles+=(--role "$role"); done
    as "$who" key new --name "$who" --quiet >/dev/null &&
        as "$who" connect "$URL" --identity "$who" --quiet >/dev/null &&
        as "$who" enrol --name "$who" "${roles[@]}" --jurisdiction CN --quiet >/dev/null &&
        as operator party admit "$(party "$who")" --quiet >/dev/null
}

party() {
    as "$1" key show --json | json party
}

# approve_next REVIEWER: waits for a listing that is completely stored, approves it, prints its number.
approve_next() {
    local listing i
    for i in $(seq 100); do
        listing=$(as "$1" review list --json | json listings 0 listing)
        [ -n "$listing" ] && break
        sleep 0.1
    done
    as "$1" review approve "$listing" >/dev/null && echo "$listing"
}
