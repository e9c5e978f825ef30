# Sealing and opening what is large: a sparse file of 10 GiB, stopped with kill -9 on the way, and a real one of 1 GiB.
load ../market.bash

setup() {
    T=$(mktemp -d "${TMPDIR:-/tmp}/tidemark-big.XXXXXX")
    as vendor key new --name vendor --quiet >/dev/null
    KEY=$T/vendor/config/tidemark/vendor.key
    /usr/bin/python3 "$BATS_TEST_DIRNAME/../age_secret.py" "$KEY" >"$T/age.key"
}

teardown() {
    [ -n "${STARTED:-}" ] && kill -KILL "$STARTED" 2>/dev/null
    rm -rf "$T"
}

# needs_room GIB
needs_room() {
    local room
    room=$(df --output=avail -B1 "$T" | tail -1)
    [ "$room" -gt $(($1 * 1073741824)) ] || skip "there is no room for $1 GiB in ${TMPDIR:-/tmp}"
}

# peak COMMAND…: its peak memory in KiB.
peak() {
    /usr/bin/python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}

@test "10 GiB, sparse: sealed with a kill on the way, opened, in at most 64 MiB" {
    needs_room 12
    truncate -s 10G "$T/sparse"
    start vendor seal "$T/sparse" -o "$T/sparse.tide" -i "$KEY"
    for i in $(seq 30000); do
        [ "$(stat -c %s "$T/sparse.tide.tidemark-part" 2>/dev/null || echo 0)" -gt 3000000000 ] && break
        kill -0 "$STARTED"
        sleep 0.01
    done
    kill -KILL "$STARTED"
    wait "$STARTED" || true
    STARTED=
    [ ! -e "$T/sparse.tide" ]
    memory=$(peak "$BIN/tidemark" seal "$T/sparse" -o "$T/sparse.tide" -i "$KEY" 2>"$T/log")
    grep -q 'Goes on after [2-9][0-9] %' "$T/log"
    [[ "$BIN" == */asan ]] || [ "$memory" -lt 65536 ]
    [ "$(stat -c %s "$T/sparse.tide")" -eq $((168 + 16 + 10737418240 + 163840 * 16)) ]
    as vendor open "$T/sparse.tide" -o - -i "$KEY" --quiet | cmp - "$T/sparse"
}

@test "1 GiB of noise: sealed and opened, by age as well" {
    needs_room 4
    head -c 1G /dev/urandom >"$T/noise"
    as vendor seal "$T/noise" -o "$T/noise.tide" -i "$KEY" --quiet >/dev/null
    as vendor open "$T/noise.tide" -o "$T/noise.out" -i "$KEY" --quiet
    cmp "$T/noise" "$T/noise.out"
    rm "$T/noise.out"
    age -d -i "$T/age.key" "$T/noise.tide" | cmp - "$T/noise"
}
