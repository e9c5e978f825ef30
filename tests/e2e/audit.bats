# A regulator's mirror: a standard tlog-tiles directory, resumed after kill -9, checked offline; and what was changed in it, or by
# a broker that goes back, is found.
load market.bash

# The root over the entry bundles of a mirror, and the size, by its checkpoint and tlog-tiles alone: nothing of ours.
read_by_others() {
    /usr/bin/python3 - "$1" <<'PYTHON'
import base64, hashlib, os, sys
dir = sys.argv[1]
origin, size, root = open(dir + "/checkpoint").read().split("\n\n")[0].split("\n")
size = int(size)
def path(level, n, width):
    digits = "%03d" % n
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    groups = [digits[i:i + 3] for i in range(0, len(digits), 3)]
    name = "/".join(["x" + g for g in groups[:-1]] + groups[-1:])
    return f"{dir}/tile/{level}/{name}" + (f".p/{width}" if width < 256 else "")
def read(level, n, width):
    return open(path(level, n, width), "rb").read()
leaves = []
for n in range((size + 255) // 256):
    width = min(256, size - 256 * n)
    bundle = read("entries", n, width)
    tile = b""
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        tile += hashlib.sha256(b"\0" + bundle[2:2 + length]).digest()
        bundle = bundle[2 + length:]
    assert tile == read(0, n, width), "tile and bundle"
    leaves += [tile[i:i + 32] for i in range(0, len(tile), 32)]
def tree(hashes):
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return hashlib.sha256(b"\1" + tree(hashes[:k]) + tree(hashes[k:])).digest()
assert len(leaves) == size and tree(leaves) == base64.b64decode(root), "root"
up = [tree(leaves[256 * i:256 * i + 256]) for i in range(size // 256)]
for n in range((len(up) + 255) // 256):
    width = min(256, len(up) - 256 * n)
    assert read(1, n, width) == b"".join(up[256 * n:256 * n + width]), "level 1"
print(origin, size)
PYTHON
}

check() {
    as regulator audit check "$@"
}

# flip FILE: another byte in its middle.
flip() {
    /usr/bin/python3 -c '
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[1], "wb").write(data)' "$1"
}

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
    as vendor sell "$T/data.csv" --title "Address blocks" --price 99.00 --quantity unlimited --rights "$T/right.txt" \
        --no-wait --yes
    LISTING=$(approve_next reviewer)
    as vendor order ask "$LISTING" --price 99.00 --quantity unlimited --yes
    as buyer buy "$LISTING" -o "$T/bought.csv" --yes --no-wait
    as vendor key rotate --quiet # the grant is signed by a later key than the trade names
    as vendor vend --once
    as buyer trade accept "$(as buyer trade list --json | json trades 0 trade)" --yes
    : >"$T/acks" # enough for three bundles, however slow the machine
    for _ in $(seq 60); do
        [ "$(wc -l <"$T/acks")" -gt 300 ] && break
        "$BIN/e2e/load" run "$URL" "$T/vendor/config/tidemark/vendor.key" "$T/vendor/state/tidemark" "$LISTING" "$T/acks" 1
    done
    export T MARKET URL BROKER BIN LISTING
}

teardown_file() {
    [ -s "$T/broker.pid" ] && BROKER=$(cat "$T/broker.pid")
    market_stop
}

@test "only a regulator mirrors" {
    run as buyer audit mirror "$T/none"
    [ "$status" -eq 4 ]
}

@test "a mirror is a tlog-tiles directory that others read, and checks offline" {
    as regulator audit mirror "$T/mirror" --json >"$T/report"
    [ "$(json size <"$T/report")" -gt 600 ]
    [ "$(json added <"$T/report")" = "$(json size <"$T/report")" ]
    [ "$(read_by_others "$T/mirror")" = "example.org/market $(json size <"$T/report")" ]
    run check "$T/mirror" --json
    [ "$status" -eq 0 ]
    [ "$(json size <<<"${lines[0]}")" = "$(json size <"$T/report")" ]
    [ "$(json settlements <<<"${lines[0]}")" = 1 ]
    [ "$(json n_alarms <<<"${lines[0]}")" = 0 ]
    [ "$(json signatures <<<"${lines[0]}")" -gt "$(json statements <<<"${lines[0]}")" ] # carried requests, settlement lines
}

@test "a second run adds nothing; two at once are refused" {
    [ "$(as regulator audit mirror "$T/mirror" --json | json added)" = 0 ]
    exec 9>"$T/mirror/.lock"
    flock 9
    run as regulator audit mirror "$T/mirror"
    exec 9>&-
    [ "$status" -eq 1 ]
    [[ $output == *"another mirror"* ]]
}

@test "killed at any moment, it goes on where it was and ends the same" {
    local round unfinished=0 resumed=0 size i
    size=$(as regulator audit mirror "$T/whole" --json | json size)
    for round in 1 2 3 4 5 6; do
        rm -rf "$T/killed"
        start regulator audit mirror "$T/killed"
        for i in $(seq 4000); do
            [ -e "$T/killed/tile/entries/00$((round % 3))" ] && break
            kill -0 "$STARTED" 2>/dev/null || break
        done
        kill -KILL "$STARTED" 2>/dev/null || true
        wait "$STARTED" 2>/dev/null || true
        [ -e "$T/killed/checkpoint" ] || unfinished=$((unfinished + 1))
        added=$(as regulator audit mirror "$T/killed" --json | json added)
        [ "$added" -le "$size" ]
        [ "$added" -eq "$size" ] || resumed=$((resumed + 1))
        diff -r -x .lock -x '*.tmp' "$T/whole" "$T/killed"
    done
    [ "$unfinished" -gt 0 ] # else nothing was tried
    [ "$resumed" -gt 0 ]
    check "$T/killed"
}

@test "it follows the log" {
    start regulator audit mirror "$T/killed" --follow
    echo $STARTED >"$T/follow.pid"
    as bank bank deposit "$(party buyer)" 1.00 --reference R2 --yes
    for _ in $(seq 200); do
        [ "$(sed -n 2p "$T/killed/checkpoint")" -gt "$(json size <"$T/report")" ] && break
        sleep 0.1
    done
    kill -INT "$STARTED"
    local code=0
    wait "$STARTED" || code=$?
    [ "$code" -eq 130 ]
    [ "$(sed -n 2p "$T/killed/checkpoint")" -gt "$(json size <"$T/report")" ]
    read_by_others "$T/killed"
    check "$T/killed"
}

@test "a dispute's evidence is mirrored, and its verdict judged again" {
    local trade code=0
    as buyer buy "$LISTING" -o "$T/again.csv" --yes --no-wait
    as vendor vend --once
    trade=$(as buyer trade list --json | json trades 0 trade)
    as buyer trade dispute "$trade" --chunk 1 --yes || code=$?
    [ "$code" -eq 7 ] # there is nothing wrong with it
    as regulator audit mirror "$T/disputed" --json >"$T/disputed.json"
    [ "$(json wanted <"$T/disputed.json")" = 0 ]
    [ -s "$T/disputed/evidence/$trade" ]
    check "$T/disputed" --json >"$T/checked.json"
    [ "$(json disputes 0 trade <"$T/checked.json")" = "$trade" ]
    [ "$(json disputes 0 judged <"$T/checked.json")" = not_proven ]
    [ "$(json disputes 0 outcome <"$T/checked.json")" = right ]
    flip "$T/disputed/evidence/$trade"
    run check "$T/disputed"
    [ "$status" -eq 8 ]
    [[ $output == *"evidence of trade $trade"* ]]
    rm "$T/disputed/evidence/$trade"
    run check "$T/disputed"
    [ "$status" -eq 8 ]
    [[ $output == *"is not in the mirror"* ]]
    run as vendor audit check "$T/disputed" # not sealed to that one
    [ "$status" -eq 8 ]
}

@test "what was changed in a mirror is found: a record, a tile, a head, a bundle that is gone" {
    cp -r "$T/mirror" "$T/changed"
    flip "$T/changed/tile/entries/001"
    run check "$T/changed" --json
    [ "$status" -eq 8 ]
    rm -rf "$T/changed" && cp -r "$T/mirror" "$T/changed"
    flip "$T/changed/tile/0/001"
    run check "$T/changed"
    [ "$status" -eq 8 ]
    [[ $output == *"tile/0/001"* ]]
    rm -rf "$T/changed" && cp -r "$T/mirror" "$T/changed"
    sed -i '2s/.*/&0/' "$T/changed/checkpoint"
    run check "$T/changed"
    [ "$status" -eq 8 ]
    run as regulator audit mirror "$T/changed"
    [ "$status" -eq 8 ]
    rm -rf "$T/changed" && cp -r "$T/mirror" "$T/changed"
    rm "$T/changed/tile/entries/000"
    run check "$T/changed"
    [ "$status" -eq 8 ]
    [[ $output == *"records 0 to 255"* ]]
}

@test "a broker that goes back, or on from an old copy, is refused, and both heads are kept" {
    kill -TERM "$(cat "$T/broker.pid")"
    for _ in $(seq 200); do kill -0 "$(cat "$T/broker.pid")" 2>/dev/null || break; sleep 0.05; done
    cp -r "$MARKET" "$T/old"
    broker_start
    as regulator connect "$URL" --identity regulator --quiet
    as bank connect "$URL" --identity bank --quiet
    as bank bank deposit "$(party buyer)" 2.00 --reference R3 --yes
    as regulator audit mirror "$T/mirror"
    seen=$(cat "$T/mirror/checkpoint")
    broker_stop
    rm -rf "$MARKET" && mv "$T/old" "$MARKET"
    broker_start
    as regulator connect "$URL" --identity regulator --quiet
    run as regulator audit mirror "$T/other" # this machine remembers heads besides the mirror
    [ "$status" -eq 8 ]
    [ "$(cat "$T/other/fork/seen")" = "$seen" ]
    [ ! -e "$T/other/checkpoint.seen" ] # the one that was refused is not believed
    rm -rf "$T/regulator/state"
    run as regulator audit mirror "$T/mirror"
    [ "$status" -eq 8 ]
    [ "$(cat "$T/mirror/checkpoint")" = "$seen" ]
    [ "$(cat "$T/mirror/fork/seen")" = "$seen" ]
    [ "$(sed -n 2p "$T/mirror/fork/shown")" -lt "$(sed -n 2p "$T/mirror/fork/seen")" ]
    rm -rf "$T/mirror/fork" "$T/regulator/state" "$T/bank/state" # the bank's machine would refuse this broker as well
    as bank connect "$URL" --identity bank --quiet
    for i in 4 5 6; do as bank bank deposit "$(party buyer)" 3.00 --reference "R$i" --yes; done
    for _ in $(seq 100); do # until a head covers them
        rm -rf "$T/fresh"
        [ "$(as regulator audit mirror "$T/fresh" --json | json size)" -gt "$(sed -n 2p "$T/mirror/checkpoint")" ] && break
        sleep 0.1
    done
    run as regulator audit mirror "$T/mirror"
    [ "$status" -eq 8 ]
    [ "$(sed -n 2p "$T/mirror/fork/shown")" -gt "$(sed -n 2p "$T/mirror/fork/seen")" ]
    ! cmp -s "$T/mirror/fork/seen" "$T/mirror/fork/shown" || false
    check "$T/mirror" # what is there is as true as it was
    broker_stop
}
