# A peer that does not play fair, and an honest one beside it. `hostile` prints its own TAP; each of its lines is shown here.
load market.bash

setup() {
    market_start
    enrol vendor vendor
}

teardown() {
    market_stop
}

@test "hostile frames, statements and crowds get their code or nothing, and service goes on" {
    run "$BIN/e2e/hostile" "$URL" "$T/vendor/config/tidemark/vendor.key"
    echo "$output"
    [ "$status" -eq 0 ]
    ! grep -q '^not ok' <<<"$output" || false
}

@test "the broker's memory stays bounded while it is attacked" {
    # Sanitizers keep freed memory aside, up to 256 MiB of it, and need more for each block.
    case $BIN in */asan | */tsan) limit=1048576 ;; *) limit=196608 ;; esac
    before=$(awk '/VmHWM/ {print $2}' "/proc/$(pgrep -P "$BROKER" | head -n 1)/status")
    for _ in 1 2 3; do "$BIN/e2e/hostile" "$URL" "$T/vendor/config/tidemark/vendor.key" >/dev/null; done
    for child in $(pgrep -P "$BROKER"); do
        peak=$(awk '/VmHWM/ {print $2}' "/proc/$child/status")
        [ "$peak" -lt $((before + limit)) ]
    done
}
