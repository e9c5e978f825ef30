"""The tutorial as a test.

    tutorial.py script PAGE >FILE      its shell blocks, in order, as one bash script that stops at the first failure
    tutorial.py compare PAGE LOG       what the page promises, against what that script printed

```sh is typed; ```sh refused must fail. Each line of the ```text behind a block must occur, as a whole line and in that order,
in what the block printed: any white space counts as one, and … stands for anything.
"""
import re
import sys

MARK = "@@block "


def blocks(page):
    """(line number, info string, text) of each fenced block."""
    info = None
    for number, line in enumerate(open(page, encoding="utf-8"), 1):
        if info is None and line.startswith("```"):
            info, start, body = line[3:].strip(), number, []
        elif info is not None and line.startswith("```"):
            yield start, info, "".join(body)
            info = None
        elif info is not None:
            body.append(line)


def script(page):
    print("set -euo pipefail")
    print("trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT")
    for number, info, text in blocks(page):
        if info.startswith("sh"):
            print(f"echo; echo '{MARK}{number}'")
        if info == "sh":
            print(text, end="")
        elif info == "sh refused":
            print(f"if {text.rstrip()}; then echo 'line {number}: not refused'; exit 1; fi")
    print(f"echo; echo '{MARK}end'")


def words(line):
    return " ".join(line.rsplit("\r", 1)[-1].split())


def pattern(line):
    return re.compile(r"\s*".join(".*" if part == "…" else re.escape(part) for part in re.split(r"\s*(…)\s*", words(line))))


def compare(page, log):
    printed, current = {}, None
    for line in open(log, encoding="utf-8", errors="replace", newline="\n"):
        line = line.rstrip("\r\n")
        if line.startswith(MARK):
            current = printed.setdefault(line[len(MARK):], [])
        elif current is not None:
            current.append(words(line))
    wrong, typed = [], None
    for number, info, text in blocks(page):
        if info.startswith("sh"):
            typed = str(number)
            if typed not in printed:
                wrong.append(f"line {number}: the block was not reached")
        elif info == "text":
            rest = iter(printed.get(typed, []))
            for line in text.splitlines():
                if not any(pattern(line).fullmatch(seen) for seen in rest):
                    wrong.append(f"line {number}: not printed, or not in this order: {line}")
                    break
    if "end" not in printed:
        wrong.append("the script did not get to its end")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1] == "script":
        script(sys.argv[2])
    else:
        sys.exit(compare(sys.argv[2], sys.argv[3]))
