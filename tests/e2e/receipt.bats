# A receipt in the hands of others: what `verify` says of it, and openssl on each of its signatures, with the commands of
# docs/formats.md.
load market.bash

# The commands of "Checking a receipt with openssl", with this market's key in place of the example's.
commands() {
    awk '/^### /{on = 0} /^### Checking a receipt with openssl$/{on = 1} on' "$BATS_TEST_DIRNAME/../../docs/formats.md" |
        awk '/^```sh$/{on = 1; next} /^```$/{on = 0} on' | sed "s|^VKEY=.*|VKEY='$VKEY'|"
}

# openssl_check RECEIPT: runs them on it, in an empty folder, until one fails.
openssl_check() {
    rm -rf "$T/openssl"
    mkdir "$T/openssl"
    cp "$1" "$T/openssl/trade.tide-receipt"
    (cd "$T/openssl" && commands >check.sh && bash -euo pipefail check.sh)
}

setup_file() {
    market_start
    enrol vendor vendor
    enrol buyer buyer
    enrol reviewer reviewer
    enrol bank bank
    as bank bank deposit "$(party buyer)" 500.00 --reference R1 --yes
    head -c 100000 /usr/share/ieee-data/oui.csv >"$T/data.csv"
    echo "licence document" >"$T/right.txt"
    as vendor sell "$T/data.csv" --title "Address blocks" --price 99.00 --quantity unlimited --rights "$T/right.txt" \
        --no-wait --yes
    LISTING=$(approve_next reviewer)
    as vendor order ask "$LISTING" --price 99.00 --quantity unlimited --yes
    as buyer buy "$LISTING" -o "$T/bought.csv" --yes --no-wait
    as vendor vend --once
    TRADE=$(as buyer trade list --json | json trades 0 trade)
    as buyer trade accept "$TRADE" --yes
    as buyer trade receipt "$TRADE" -o "$T/receipt"
    VKEY=$(as buyer verify "$T/receipt" --json | json log_key)
    export T MARKET URL BROKER BIN VKEY LISTING TRADE
}

teardown_file() {
    market_stop
}

@test "verify says who signed, under which key, why the money moved, and what is not proven" {
    script -qec "env XDG_CONFIG_HOME=$T/buyer/config XDG_STATE_HOME=$T/buyer/state $BIN/tidemark verify $T/receipt" /dev/null |
        tr -d '\r' >"$T/words"
    grep -q "Trade $TRADE on example.org/market was settled: the buyer accepted the delivery" "$T/words"
    grep -A1 "^  Vendor .*$(party vendor)" "$T/words" | grep -q "signed the settlement text under that key"
    grep -A1 "^  Buyer .*$(party buyer)" "$T/words" | grep -q "signed the settlement text under that key"
    grep -q "signed the settlement text under the log's key" "$T/words"
    grep -qF "Log's key  $VKEY" "$T/words"
    grep -q "does not prove: that the data is good" "$T/words"
    grep -q "no witness" "$T/words"
}

@test "openssl verifies every signature of the receipt, as the docs say" {
    openssl_check "$T/receipt" >"$T/openssl.out"
    [ "$(grep -c '^Signature Verified Successfully$' "$T/openssl.out")" = 4 ]
}

@test "openssl refuses a receipt whose text, or whose checkpoint, was changed" {
    sed 's/^total 9900$/total 9800/' "$T/receipt" >"$T/forged"
    ! cmp -s "$T/forged" "$T/receipt" || false
    ! openssl_check "$T/forged" >"$T/openssl.out" 2>&1 || false
    ! grep -q 'Verified Successfully' "$T/openssl.out" || false
    # The size of the checkpoint, which stands below the market's name behind the proof.
    awk '/^c2sp.org\/tlog-proof@v1$/{proof = 1} proof && last == "example.org/market"{$0 = $0 + 1} {last = $0; print}' \
        "$T/receipt" >"$T/forged"
    ! cmp -s "$T/forged" "$T/receipt" || false
    ! openssl_check "$T/forged" >"$T/openssl.out" 2>&1 || false
    [ "$(grep -c '^Signature Verified Successfully$' "$T/openssl.out")" = 3 ] # all but the checkpoint's
    run as buyer verify "$T/forged"
    [ "$status" -eq 8 ]
}

@test "each line of the note is needed: without the vendor's, or under another's key, it is refused" {
    grep -v "^— $(party vendor) " "$T/receipt" >"$T/forged"
    run as buyer verify "$T/forged"
    [ "$status" -eq 8 ]
    grep -v "^— $(party buyer) " "$T/receipt" >"$T/forged"
    run as buyer verify "$T/forged"
    [ "$status" -eq 8 ]
    as stranger key new --name stranger --quiet
    sed "s/$(party vendor)/$(party stranger)/" "$T/receipt" >"$T/forged"
    run as buyer verify "$T/forged"
    [ "$status" -eq 8 ]
}
