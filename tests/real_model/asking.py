"""What tests with a real model share: prompts as a build sends them, and the processes of a program."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.projects import SHAPES
from ttc_data.extract import extract
from ttc_data.llm.leash import descendants
from ttc_data.llm.request import Reply, Request, Sampling
from ttc_data.records import Source, Target
from ttc_data.rules import ExtractRules, SpecRules
from ttc_data.specs.rewrite import Asked, SpecWriter

MODEL = Path(sys.prefix) / "model"
"""`make test-llm` puts it there."""
LOOK_S = 0.2


def spec_requests(sampling: Sampling, code: str = SHAPES) -> list[Request]:
    """What a model is asked about each documented definition of a file."""
    source = Source("git", "owner/name", "1", "MIT", "git:x", "0" * 64, 1, 1, "")
    rules = ExtractRules(min_docstring_chars=1, min_docstring_words=1, min_body_lines=1)
    asked: list[Request] = []

    def ask(request: Request) -> Reply:
        asked.append(request)
        return Reply(request.key, "", "stop", 0, 0, 0.0)

    writer = SpecWriter(ask, SpecRules(origin="model", attempts=1), sampling)
    for target in extract(source, [("shapes.py", code.encode())], rules):
        if isinstance(target, Target):
            writer.write(Asked(target, code.encode(), target.qualname, [], [], lambda examples: ""))
    return asked


@dataclass(frozen=True)
class Ran:
    """A program that has ended."""

    code: int
    said: str
    """On both outputs, each blank or line end as one blank."""
    names: dict[int, str]
    """Of every process that it started, by process id: the last that each had."""


def run(command: Sequence[str], log: Path, timeout_s: float) -> Ran:
    """Run a program and watch which processes it starts, and those that these start."""
    names: dict[int, str] = {}
    until = time.monotonic() + timeout_s
    with log.open("w+", encoding="utf-8") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            while process.poll() is None and time.monotonic() < until:
                names.update((pid, name) for pid in descendants(process.pid) if (name := name_of(pid)))
                time.sleep(LOOK_S)
        finally:
            process.kill()
            process.wait()
        file.seek(0)
        return Ran(process.returncode, " ".join(file.read().split()), names)


def name_of(pid: int) -> str:
    """What a process was started as or calls itself; nothing where there is none, or only its entry is left."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""
