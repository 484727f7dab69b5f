"""A build whose every target is described by a model, at a server that fails; it may be killed and started again.

    python -m tests.llm.rewriting --targets 1000 --kill

prints what was asked, paid and written. The server's answers say what each target is to end as.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.llm.server import Behaviour, Serving, serving
from tests.projects import commit, write_files
from ttc_data.funnel import open_records

TTCDATA = Path(sys.executable).parent / "ttcdata"
AT_A_FILE = 20
AT_ONCE = 32
ENDS = (
    *(8 * ["model"]), "second", "model_answer_is_no_spec", "spec_invents_parameter", "spec_example_fails", "model_refused_prompt",
)  # fmt: skip
"""What a target ends as, by its number: a spec of the first answer or of the second, or a reject."""
PYPROJECT = '[project]\nname = "numbers"\nversion = "1.0"\nlicense = "MIT"\n'
FUNCTION = '''def shift_{0}(value, step=3):
    """Move the value up by {0} steps of the given size, and not above {1}{2}."""
    moved = value + {0} * step
    return min(moved, {1})


'''
FAULTS = 0.2


def end_of(number: int) -> str:
    return ENDS[number % len(ENDS)]


def project(folder: Path, targets: int) -> Path:
    """A repository of so many small documented functions, each with a test that reaches it."""
    files: dict[str, str | bytes] = {"pyproject.toml": PYPROJECT, "LICENSE": "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n"}  # fmt: skip
    for first in range(0, targets, AT_A_FILE):
        numbers = range(first, min(first + AT_A_FILE, targets))
        words = {number: ", unanswerable" if end_of(number) == "model_refused_prompt" else "" for number in numbers}
        texts = [FUNCTION.format(number, 1_000 + number, words[number]) for number in numbers]
        files[f"moves_{first}.py"] = "".join(texts)
        checks = "".join(f"    assert moves_{first}.shift_{number}(1, 1) == {1 + number}\n" for number in numbers)
        files[f"tests/test_moves_{first}.py"] = f"import moves_{first}\n\n\ndef test_all():\n{checks}"
    commit(write_files(folder, files))
    return folder


def answer(prompt: str, asked: dict[str, Any]) -> str:
    """What the model says: for a second answer to a prompt the seed is odd."""
    found = re.search(r"Now specify the function `shift_(\d+)`", prompt)
    assert found, prompt
    number = int(found[1])
    end, is_second = end_of(number), asked["seed"] % 2 == 1
    if end == "model_answer_is_no_spec":
        return "I would rather not."
    invents = end == "spec_invents_parameter" or (end == "second" and not is_second)
    examples = [{"call": f"shift_{number}(1)", "result": "-1"}] if end == "spec_example_fails" else []
    return json.dumps(
        {
            "purpose": f"Gives the value after {number} steps of the same size upwards, held below a fixed bound of this function.",
            "parameters": [
                {"name": "value", "type": "a number", "meaning": "where the move begins"},
                {"name": "leap" if invents else "step", "type": "a number, 3", "meaning": "how far each of the moves goes"},
            ],
            "returns": f"The number that is reached, or {1_000 + number} where that is smaller.",
            "examples": examples,
        }
    )  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """What a build ended with, and what its server saw."""

    targets: int
    ends: Counter[str]
    """`model`, or the reason of a reject."""
    twice: int
    """Targets with two ends."""
    asked: int
    paid: int
    answers: int
    """Different ones that were paid for."""
    kept: int
    """Answers in the journal."""
    lost: int
    """Paid for and not in the journal when the build was killed."""
    faults: Counter[str]
    seconds: float

    @property
    def expected(self) -> Counter[str]:
        """What the answers lead to."""
        return Counter("model" if (end := end_of(number)) == "second" else end for number in range(self.targets))


def command(project: Path, out: Path, server: Serving) -> Sequence[str]:
    """A build as anybody starts it; one row is enough, and the specs are written before."""
    settings = {
        "spec.origin": "model", "spec.on_reject": "drop", "spec.attempts": 2, "llm.at_once": AT_ONCE, "llm.silence_s": 2,
        "tests.runs": 2, "tests.mutants": 1,
    }  # fmt: skip
    changes = [f"--set={name}={value}" for name, value in settings.items()]
    return [
        str(TTCDATA), "build", "stack-impl", f"--source=git:{project}", "--local", "--limit=1", f"--out={out}",
        "--llm", server.url, *changes,
    ]  # fmt: skip


def kept(out: Path) -> list[str]:
    """The keys of the journal's whole lines."""
    files = sorted((out / "records" / "answers").glob("answers-*.jsonl"))
    return [json.loads(line)["key"] for file in files for line in file.read_bytes().split(b"\n")[:-1]]


def killed(asking: Sequence[str], out: Path, server: Serving, at: int) -> int:
    """Kill a build when so many answers are paid for; gives how many of them it has not kept."""
    with (out.parent / "killed").open("wb") as said, subprocess.Popen(asking, stdout=said, stderr=said) as process:
        while server.counts.paid.total() < at and process.poll() is None:
            time.sleep(0.002)
        assert process.poll() is None, (out.parent / "killed").read_text(encoding="utf-8")[-2_000:]
        os.kill(process.pid, signal.SIGKILL)
    while server.counts.working:
        time.sleep(0.01)
    return server.counts.paid.total() - len(kept(out))


def rewritten(folder: Path, targets: int, *, kill: bool) -> Figures:
    """Build, and count."""
    out, began = folder / "out", time.monotonic()
    behaviour = Behaviour(latency_s=0.05, faults=FAULTS, models=("scripted",), answer=answer)
    with serving(behaviour) as server:
        asking = command(project(folder / "numbers", targets), out, server)
        lost = killed(asking, out, server, targets // 2) if kill else 0
        subprocess.run(asking, check=True, stdout=subprocess.DEVNULL)
        seconds, counts = time.monotonic() - began, server.counts
    with open_records(out) as records:
        told = records.execute(
            "SELECT key, reason FROM specify_rejects UNION ALL SELECT target_key, origin FROM specify"
        ).fetchall()
        found = {key for (key,) in records.execute("SELECT key FROM extract").fetchall()}
    assert {key for key, _ in told} == found, "a target has no end, or is no target"
    return Figures(
        targets=len(found), ends=Counter(end for _, end in told), twice=len(told) - len(found), asked=counts.asked.total(),
        paid=counts.paid.total(), answers=len(+counts.paid), kept=len(kept(out)), lost=lost, faults=counts.faults, seconds=seconds,
    )  # fmt: skip


def main() -> None:
    """Build and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=1_000)
    parser.add_argument("--kill", action="store_true", help="in the middle, and start it again")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        print(rewritten(Path(folder), options.targets, kill=options.kill))


if __name__ == "__main__":
    main()
