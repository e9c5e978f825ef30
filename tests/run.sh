#!/bin/bash
# Runs the tests of one build and ends with "N passed, N failed[, N skipped]". Everything prints TAP lines, which are counted.
#   tests/run.sh BUILD_DIR all|short|long
set -u
out=$1 what=$2
cd "$(dirname "$0")/.." || exit 1
export TIDEMARK_BUILD=$PWD/$out
export TIDEMARK_AGE_VECTORS=${out%/*}/vectors/node_modules/cctv-age
export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS="halt_on_error=1 suppressions=$PWD/tests/tsan.supp"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0

# run NAME COMMAND…: its TAP lines are counted; a non-zero exit without a "not ok" is a failure of its own.
run() {
    local name=$1 status ok bad skip
    shift
    "$@" >"$log" 2>&1 </dev/null
    status=$?
    skip=$(grep -cE '^(not )?ok .*# *(SKIP|skip)' "$log")
    ok=$(grep -E '^ok ' "$log" | grep -vcE '# *(SKIP|skip)')
    bad=$(grep -E '^not ok ' "$log" | grep -vcE '# *(SKIP|skip)')
    if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    if [ "$bad" -ne 0 ]; then
        printf '%s: FAILED (exit %s)\n' "$name" "$status"
        grep -vE '^ok ' "$log" | tail -n 60
    else
        printf '%s: %s ok%s\n' "$name" "$ok" "$([ "$skip" -gt 0 ] && echo ", $skip skipped")"
    fi
    grep -E '# *(SKIP|skip)' "$log"
}

run layers sh -c 'tests/layers.sh && echo "ok 1 - includes follow the layers"'
for test in "$out"/unit/test_*; do
    [ -f "tests/unit/$(basename "$test").c" ] || continue
    run "$(basename "$test")" timeout 300 "$test"
done
run scenario timeout 300 "$out/scenario" --docs docs/market.md tests/scenario/*.market
case $what in
all) run model timeout 900 "$out/model/test_model" ;;
long) run "model (seed 20261123)" timeout 7200 "$out/model/test_model" --seed 20261123 --statements 1000000 ;;
esac
if [ "$what" != short ]; then
    for replay in "$out"/replay/fuzz_*; do
        [ -x "$replay" ] && run "$(basename "$replay")" timeout 120 "$replay" "tests/fuzz/corpus/${replay##*/fuzz_}"
    done
fi
case $what in
short) suites=tests/e2e/trade.bats ;;
all) suites=$(ls tests/e2e/*.bats) ;;
long) suites=$(ls tests/e2e/*.bats tests/e2e/long/*.bats 2>/dev/null) ;;
esac
for suite in $suites; do
    run "$(basename "$suite" .bats)" timeout "$([ "$suite" = "${suite#tests/e2e/long/}" ] && echo 900 || echo 7200)" bats --tap "$suite"
done

printf '%s passed, %s failed%s\n' $passed $failed "$([ $skipped -gt 0 ] && echo ", $skipped skipped")"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
