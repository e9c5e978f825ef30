# seal and open: standard input and output, Ctrl-C and kill, going on, memory. No broker.
load market.bash

setup_file() {
    export T
    T=$(mktemp -d "${TMPDIR:-/tmp}/tidemark-seal.XXXXXX")
    as vendor key new --name vendor --quiet >/dev/null
    as other key new --name other --quiet >/dev/null
    export KEY=$T/vendor/config/tidemark/vendor.key OTHER=$T/other/config/tidemark/other.key
    # Another program's way from the identity to age's own key.
    /usr/bin/python3 "$BATS_TEST_DIRNAME/age_secret.py" "$KEY" >"$T/age.key"
    head -c 3000000 /dev/urandom >"$T/data"
    head -c 300000000 /dev/urandom >"$T/big"
}

teardown_file() {
    rm -rf "$T"
}

teardown() {
    [ -n "${STARTED:-}" ] && kill -KILL "$STARTED" 2>/dev/null
    rm -rf "$T/out" "$T/out".*
    rm -f "$T"/big.tide*
    return 0
}

# The same as the library makes of files: age opens it, and `age -d` is not ours.
opens_with_age() {
    age -d -i "$T/age.key" "$1" | cmp - "$2"
}

@test "seal and open from standard input to standard output, and mixed with files" {
    as vendor seal - -o - -i "$KEY" <"$T/data" >"$T/out.1" 2>"$T/out.log"
    opens_with_age "$T/out.1" "$T/data"
    grep -q content_root "$T/out.log" # the commitment is not among the data
    cat "$T/data" | as vendor seal - -o "$T/out.2" -i "$KEY" --quiet >/dev/null
    opens_with_age "$T/out.2" "$T/data"
    as vendor seal "$T/data" -o - -i "$KEY" --quiet 2>/dev/null | cat >"$T/out.3"
    opens_with_age "$T/out.3" "$T/data"
    for sealed in "$T"/out.[123]; do
        cat "$sealed" | as vendor open - -i "$KEY" -o - | cmp - "$T/data"
        as vendor open - -i "$KEY" -o - <"$sealed" | cat | cmp - "$T/data"
        as vendor open "$sealed" -i "$T/age.key" -o - | cmp - "$T/data"
        rm -f "$T/out"
        cat "$sealed" | as vendor open - -i "$KEY" -o "$T/out" --quiet
        cmp "$T/out" "$T/data"
    done
    age -r "$(as vendor key show vendor --json | json recipient)" <"$T/data" | as vendor open - -i "$KEY" -o - | cmp - "$T/data"
    : | as vendor seal - -o - -i "$KEY" 2>/dev/null | as vendor open - -i "$KEY" -o - | cmp - /dev/null
}

@test "with standard output for the data, --json puts the commitment on standard error" {
    as vendor seal - -o - -i "$KEY" --json <"$T/data" >"$T/out.1" 2>"$T/out.log"
    [ "$(tail -n 1 "$T/out.log" | json plaintext_len)" = 3000000 ]
    as vendor open "$T/out.1" -i "$KEY" -o - --json | cmp - "$T/data"
}

@test "pipes by name and devices are written into, never replaced" {
    mkfifo "$T/out.fifo"
    cat "$T/out.fifo" >"$T/out.1" &
    as vendor seal "$T/data" -o "$T/out.fifo" -i "$KEY" --quiet >/dev/null
    wait $!
    [ -p "$T/out.fifo" ]
    opens_with_age "$T/out.1" "$T/data"
    as vendor open <(cat "$T/out.1") -o "$T/out" -i "$KEY"
    cmp "$T/out" "$T/data"
    ln -s /dev/null "$T/out.null" # as a link, so that nothing worse than the link could be lost
    as vendor open "$T/out.1" -o "$T/out.null" -i "$KEY"
    [ -c "$T/out.null" ]
    as vendor seal "$T/data" -o "$T/out.null" -i "$KEY" --quiet >/dev/null
    [ -L "$T/out.null" ]
}

@test "a sealed file is not put on a terminal" {
    run script -qec "$BIN/tidemark seal $T/data -o - -i $KEY" "$T/out.log"
    [ "$status" -eq 2 ]
    [[ "$output" == *"terminal"*"pipe"* ]]
}

@test "what is damaged stops, with exit code 8, and says what has come out" {
    as vendor seal "$T/data" -o "$T/out.1" -i "$KEY" --quiet >/dev/null
    printf x | dd of="$T/out.1" bs=1 seek=2000000 conv=notrunc status=none
    status=0
    cat "$T/out.1" | as vendor open - -i "$KEY" -o - >"$T/out" 2>"$T/out.log" || status=$?
    [ "$status" -eq 8 ]
    grep -q 'damaged.*not all' "$T/out.log"
    [ "$(stat -c %s "$T/out")" -lt 2000000 ]
    cmp -n "$(stat -c %s "$T/out")" "$T/out" "$T/data" # only what was sealed
    head -c 2000000 "$T/out.1" >"$T/out.2"
    run as vendor open "$T/out.2" -i "$KEY" -o "$T/out.3"
    [ "$status" -eq 8 ]
    [ ! -e "$T/out.3" ]
    run as other open "$T/out.1" -i "$OTHER" -o "$T/out.3"
    [ "$status" -eq 4 ]
    run as vendor open - -i "$KEY" -o "$T/out.3" <"$T/data"
    [ "$status" -ne 0 ]
    [ -z "$(ls "$T"/out.3* 2>/dev/null)" ]
}

# stopped_halfway SIGNAL PART COMMAND…: starts it and sends the signal while it is at work on PART; its exit code in STATUS.
stopped_halfway() {
    local signal=$1 part=$2 i
    shift 2
    start vendor "$@"
    for i in $(seq 3000); do
        [ "$(stat -c %s "$part" 2>/dev/null || echo 0)" -gt 20000000 ] && break
        kill -0 "$STARTED" 2>/dev/null || break
        sleep 0.01
    done
    kill "-$signal" "$STARTED" 2>/dev/null || true
    STATUS=0
    wait "$STARTED" || STATUS=$?
    STARTED=
}

@test "Ctrl-C and kill -9 in the middle: the same command goes on, and says so" {
    for signal in INT KILL; do
        rm -f "$T"/big.tide* "$T/out"*
        for try in 1 2 3 4 5; do # a machine may be done before it is stopped
            stopped_halfway $signal "$T/big.tide.tidemark-part" seal "$T/big" -o "$T/big.tide" -i "$KEY"
            [ "$STATUS" -ne 0 ] && break
            rm -f "$T/big.tide"
        done
        [ "$STATUS" -eq "$([ $signal = INT ] && echo 130 || echo 137)" ]
        [ ! -e "$T/big.tide" ]
        [ -s "$T/big.tide.tidemark-part" ]
        [ $signal = KILL ] || grep -q 'same command' "$T/vendor.log"
        as vendor seal "$T/big" -o "$T/big.tide" -i "$KEY" >/dev/null 2>"$T/out.log"
        grep -q 'Goes on after [1-9][0-9]* %' "$T/out.log"
        [ ! -e "$T/big.tide.tidemark-part" ]
        opens_with_age "$T/big.tide" "$T/big"

        for try in 1 2 3 4 5; do
            stopped_halfway $signal "$T/out.tidemark-part" open "$T/big.tide" -o "$T/out" -i "$KEY"
            [ "$STATUS" -ne 0 ] && break
            rm -f "$T/out"
        done
        [ "$STATUS" -ne 0 ]
        [ ! -e "$T/out" ]
        as vendor open "$T/big.tide" -o "$T/out" -i "$KEY" 2>"$T/out.log"
        grep -q 'Goes on after [1-9][0-9]* %' "$T/out.log"
        cmp "$T/out" "$T/big"
        [ ! -e "$T/out.tidemark-part" ]
    done
}

@test "a pipe that is silent can be stopped" {
    mkfifo "$T/out.fifo"
    exec 9<>"$T/out.fifo"
    "$BIN/tidemark" seal - -o "$T/out" -i "$KEY" <&9 >/dev/null 2>&1 3>&- & # not `start`, whose input is empty
    STARTED=$!
    for i in $(seq 1000); do
        [ -n "$(ls "$T"/out.tmp-* 2>/dev/null)" ] && break
        sleep 0.01
    done
    kill -INT "$STARTED"
    STATUS=0
    wait "$STARTED" || STATUS=$?
    STARTED=
    exec 9>&-
    [ "$STATUS" -eq 130 ]
    [ -z "$(ls "$T/out" "$T"/out.tmp-* 2>/dev/null)" ]
}

# peak COMMAND…: its peak memory in KiB.
peak() {
    /usr/bin/python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}

@test "memory stays below 64 MiB, from pipes too" {
    [[ "$BIN" != */asan ]] || skip "a sanitizer has its own memory"
    as vendor seal "$T/big" -o "$T/big.tide" -i "$KEY" --quiet >/dev/null
    [ "$(peak "$BIN/tidemark" seal "$T/big" -o "$T/out" -i "$KEY" --quiet)" -lt 65536 ]
    rm "$T/out"
    [ "$(peak "$BIN/tidemark" open "$T/big.tide" -o "$T/out" -i "$KEY" --quiet)" -lt 65536 ]
    [ "$(peak sh -c "cat '$T/big' | '$BIN/tidemark' seal - -o - -i '$KEY' | '$BIN/tidemark' open - -o - -i '$KEY' | cmp - '$T/big'")" -lt 65536 ]
}
