"""Where proposed calls of the shapes are run: a folder, without the sandbox's walls."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from tests.lang.python.shapes import SHAPES
from ttc_data.extract import extract
from ttc_data.lang.python.generated.case import Case, Recorded
from ttc_data.lang.python.generated.proposals import proposals
from ttc_data.lang.python.generated.recording import recorded, recorder
from ttc_data.lang.python.generated.writing import generated_file
from ttc_data.records import FileText, Source, Target
from ttc_data.rules import ExtractRules

SOURCE = Source("git", "owner/name", "1", "MIT", "git:x", "tree", 1, 1, "")
RULES = ExtractRules(min_body_lines=1, min_docstring_words=0, min_docstring_chars=0)


def target_of(qualname: str, text: str = SHAPES) -> Target:
    found = extract(SOURCE, [("shapes.py", text.encode())], RULES)
    return next(t for t in found if isinstance(t, Target) and t.qualname == qualname)


def proposed(qualname: str, text: str = SHAPES, others: Mapping[str, str] | None = None, most: int = 30) -> list[Case]:
    return proposals(target_of(qualname, text), text, others or {}, Random(7), most)


class Place:
    """A folder with the module, in which pytest runs files: what the sandbox does, without its walls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "shapes.py").write_text(SHAPES, encoding="utf-8")

    def run(self, file: FileText, seed: int = 0) -> subprocess.CompletedProcess[str]:
        path = self.folder / file.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(file.text, encoding="utf-8")
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", file.path]
        environ = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": ".", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=60, check=False
        )

    def recorded(self, qualname: str, cases: Sequence[Case]) -> list[Recorded]:
        target = target_of(qualname)
        file = recorder(target, "shapes", cases)
        return recorded([self.run(file, seed).stdout for seed in (0, 1)], cases, target, SHAPES)

    def written(self, qualname: str) -> str:
        """The generated file of a target, seen to pass; empty when there is none."""
        file = generated_file(target_of(qualname), "shapes", self.recorded(qualname, proposed(qualname)))
        if file is None:
            return ""
        ran = self.run(file, 2)
        assert ran.returncode == 0, ran.stdout
        return file.text
