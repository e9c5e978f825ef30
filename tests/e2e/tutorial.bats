# docs/tutorial.md, typed: its shell blocks in one bash on a terminal of their own, and what they print compared with the page.
load market.bash

PAGE=$BATS_TEST_DIRNAME/../../docs/tutorial.md
CHECK=$BATS_TEST_DIRNAME/tutorial.py

setup() {
    T=$(mktemp -d "${TMPDIR:-/tmp}/tidemark.XXXXXX")
}

# Everything that was typed runs in the terminal's session, whatever became of its shell.
teardown() {
    local session signal
    session=$(cat "$T/session" 2>/dev/null || true)
    if [ -n "$session" ]; then
        for signal in TERM KILL; do
            pkill -$signal -s "$session" || break
            for _ in $(seq 50); do
                pgrep -s "$session" >/dev/null || break
                sleep 0.1
            done
        done
    fi
    rm -rf "$T"
}

@test "the tutorial does what it says, and leaves nothing running" {
    /usr/bin/python3 "$CHECK" script "$PAGE" >"$T/typed.sh"
    cat >"$T/terminal.sh" <<TERMINAL
ps -o sid= \$\$ | tr -d ' ' >"$T/session"
stty cols 140 rows 50
cd "$T"
exec bash typed.sh
TERMINAL
    PATH="$BIN:$PATH" timeout -k 5 240 script -q -e -c "bash '$T/terminal.sh'" /dev/null >"$T/log" </dev/null 2>&1 3>&- ||
        { echo "exit $?"; tail -n 30 "$T/log"; /usr/bin/python3 "$CHECK" compare "$PAGE" "$T/log" || true; return 1; }
    /usr/bin/python3 "$CHECK" compare "$PAGE" "$T/log" || { tail -n 200 "$T/log"; return 1; }
    ! pgrep -s "$(cat "$T/session")" || false
}
