"""Runs in a Harbor task's container: reads what `eval.sh` printed, and writes the reward.

Arguments: `tests.json`, the log, the exit status of `eval.sh`, and the folder for `reward.json` and `reward.txt`. Nothing is
written, and the exit status is 1, where the tests could not be run: that is no reward of 0.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

START, END = ">>>>> Start Test Output", ">>>>> End Test Output"
# The shell's words for a program that is not there or does not start, and those of `timeout` for itself.
NOT_RUN = (125, 126, 127)
PASSED = ("PASSED", "XFAIL")


def outcomes(log: str, tests: list[str]) -> dict[str, str]:
    """Outcome by test id: the last word about a test counts. An id may have blanks in it, and ` - ` ends it."""
    found: dict[str, str] = {}
    wanted = set(tests)
    for line in log.split("\n"):
        word, _, rest = line.partition(" ")
        if word in ("PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL"):
            parts = rest.split(" - ")
            found.update(
                (test, word) for test in (" - ".join(parts[: n + 1]) for n in range(len(parts))) if test in wanted
            )
    return found


def main(named: str, log: str, status: str, folder: str) -> int:
    """Grade and write; 0 when there is a reward."""
    text = Path(log).read_text(encoding="utf-8", errors="replace")
    wanted = json.loads(Path(named).read_text(encoding="utf-8"))
    if START not in text or END not in text or int(status) in NOT_RUN:
        print(f"the tests were not run (status {status}): no reward", file=sys.stderr)
        return 1
    tests = [test for name in ("FAIL_TO_PASS", "PASS_TO_PASS") for test in wanted[name]]
    found = outcomes(text.split(START, 1)[1].split(END, 1)[0], tests)
    passed = [test for test in tests if found.get(test) in PASSED]
    # Tests that all pass in a session that ends otherwise: something else wrote those lines.
    reward = float(passed == tests and int(status) == 0)
    Path(folder, "reward.json").write_text(json.dumps({"reward": reward}) + "\n", encoding="utf-8")
    Path(folder, "reward.txt").write_text(f"{reward}\n", encoding="utf-8")
    print(f"{len(passed)} of {len(tests)} tests pass: reward {reward}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
