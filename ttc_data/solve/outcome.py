"""What became of one answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from ttc_data.records import JsonObject
from ttc_data.sandbox.judging import COUNTS_AS_PASSED
from ttc_data.sandbox.protocol import Report

TAMPERED = frozenset(("tampered", "tripwire_passed"))
"""Reasons of an answer that did not compute what its tests ask for, and passed them all the same."""
NOT_READ = frozenset(("no_answer", "nothing_changed", "patch_empty", "patch_rejected"))
"""Reasons of an answer that was never run."""
NOT_RUN = "not_run"
"""Of a test that the verdict did not need any more."""
MOST_MESSAGE_LINES = 12
MOST_LINE = 200


GRADING_PATIENCE = 20.0
"""An answer's session may take so many times as long as the reference's, unless the caller says otherwise."""
UNGRADED = frozenset(("unknown_instance", "deprecated", "no_prediction"))
"""Reasons for which an answer meets no row."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one answer to one row."""

    instance_id: str
    reason: str = ""
    """Why it does not solve the row, a snake_case defect; `""` when it does, `error` when our infrastructure failed."""
    detail: str = ""
    """The first test that decided it with the line of its message that says most, or the cause of an error."""
    fail_to_pass: Mapping[str, str] = field(default_factory=dict)
    """Test id to outcome; `missing` when the report does not name it, `not_run` when the first look had decided."""
    pass_to_pass: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    """Id of a test that did not pass to the last lines of its traceback."""
    paying: int = 0
    """FAIL_TO_PASS tests that no trivial body passes."""
    paid: int = 0
    """Of these, the ones that passed as written and failed where altered: what part pay is for."""
    trivial: bool = False
    """The answer is one of the bodies that anybody writes without reading the task: `return None`, an empty subclass."""
    calls: int | None = None
    """Generated calls that the answer was compared with the reference on; None where it was not."""
    files: Mapping[str, str | None] = field(default_factory=dict)
    """What the answer changed: path to new text, None for a file that it removes."""
    left_out: tuple[str, ...] = ()
    """What the answer brought and was not taken, in words."""
    seconds: float = 0.0
    """In the sandbox."""
    sessions: int = 0
    model: str = ""
    """Who answered, as the prediction says."""
    sample: int = 0
    """The number of the answer among those of its model to the row, in the order of the file."""

    @property
    def solved(self) -> bool:
        """Every test passed, and every altered one failed."""
        return not self.reason

    @property
    def failed(self) -> bool:
        """Whether our own infrastructure failed, which says nothing about the answer."""
        return self.reason == "error"

    @property
    def is_graded(self) -> bool:
        """Whether the row's tests had their say: there is a row and an answer, and our own infrastructure held."""
        return not self.failed and self.reason not in UNGRADED

    @property
    def reward(self) -> float | None:
        """1.0 for a solved row, 0.0 for any other; None where nothing was graded."""
        return float(self.solved) if self.is_graded else None

    @property
    def share(self) -> float:
        """Part pay, 0 to 1: 1 when solved, else the share of the paying tests that were passed beyond doubt."""
        if self.trivial or self.failed:
            return 0.0
        if self.solved:
            return 1.0
        return self.paid / self.paying if self.paying and self.reason not in TAMPERED else 0.0

    @property
    def read(self) -> bool:
        """There was code in it that fits the files and changes them."""
        return self.reason not in NOT_READ and not self.failed

    def line(self) -> JsonObject:
        """What is told of it, as JSON: without what the answer changed."""
        hidden = {"files", "model", "paying", "paid"}
        shown = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in hidden}
        shown["seconds"] = round(self.seconds, 3)
        verdict = {"solved": self.solved, "reward": self.reward, "share": round(self.share, 4)}
        name = shown.pop("instance_id")
        return {"instance_id": name, "model_name_or_path": self.model, **verdict, **shown}

    @property
    def tampered(self) -> bool:
        """It passed a test as written and as altered, or its session contradicts itself."""
        return self.reason in TAMPERED


def messages_of(reports: Iterable[Report], tests: Iterable[str]) -> dict[str, str]:
    """The last lines of what pytest says about each of some tests that did not pass; of a missing one, about its file."""
    wanted = list(tests)
    found: dict[str, str] = {}
    for report in reports:
        told = {test.id: test.message for test in report.tests if test.outcome not in COUNTS_AS_PASSED}
        files = dict(report.collect_errors)
        ran = {test.id for test in report.tests}
        for test in wanted:
            message = told.get(test, "" if test in ran else files.get(test.partition("::")[0], ""))
            if message:
                found[test] = "\n".join(message.strip().splitlines()[-MOST_MESSAGE_LINES:])
    return found


def line_of(message: str) -> str:
    """The line of a test's message that says most: the first that pytest marks as the error, else the last."""
    lines = [line.strip() for line in message.splitlines() if line.strip() not in ("", "E")]
    marked = [line.removeprefix("E").strip() for line in lines if line.startswith("E ")]
    return next(iter(marked), lines[-1] if lines else "")[:MOST_LINE]
