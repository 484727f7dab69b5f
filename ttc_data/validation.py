"""A written dataset proven again, and answers to it graded. Both need nothing but the dataset's own folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from ttc_data.cache import Cache
from ttc_data.dataset import Dataset
from ttc_data.engine import in_threads
from ttc_data.errors import PatchRejected, RowUnfit, SandboxLost
from ttc_data.hosts.open import SandboxKind
from ttc_data.progress import Progress, Quiet
from ttc_data.row import Row
from ttc_data.rules import ReaderRules
from ttc_data.sandbox.judging import COUNTS_AS_PASSED
from ttc_data.solve.grader import Grader
from ttc_data.solve.outcome import GRADING_PATIENCE, Outcome
from ttc_data.solve.predictions import Prediction, numbered, read_predictions


def validate(
    dataset: str | Path,
    *,
    sandbox: SandboxKind = "auto",
    repeat: int = 1,
    limit: int = 0,
    workers: int = 0,
    reader: ReaderRules | None = None,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Iterator[Outcome]:
    """Run every row's proof again.

    The masked file must fail every FAIL_TO_PASS test and pass every PASS_TO_PASS test, the reference must pass all of them
    in every run, and it must be graded as an answer is: solved in the first look and in the sessions with altered tests.

    Args:
        dataset: a folder or a Hub id.
        sandbox: where tests run.
        repeat: reference runs a row, each in another order and under another hash seed, time zone and locale.
        limit: only the first rows by id; 0 means all.
        workers: rows at the same time; 0 means one for each processor.
        reader: limits and images that the set may ask for; the defaults when not given.
        progress: told of each row.
        cache: folders that builds share.

    Yields:
        One outcome a row, as they end: solved where the proof holds.

    Raises:
        DatasetError: the set cannot be read.
        SandboxUnavailable: no sandbox of the asked kind.
    """
    progress = progress or Quiet()
    grader = Grader(dataset, sandbox=sandbox, workers=workers, reader=reader, cache=cache, progress=progress)
    total = grader.dataset.count()
    progress.begin("validate", min(total, limit) if limit else total)
    try:
        for outcome in in_threads(
            grader.dataset.rows(limit),
            lambda row: grader.guarded(row.instance_id, lambda: _prove_again(grader, row, repeat)),
            grader.workers,
        ):
            progress.advance(int(outcome.solved), int(not outcome.solved and not outcome.failed), int(outcome.failed))
            yield outcome
    finally:
        grader.close()
        progress.end()


def _prove_again(grader: Grader, row: Row, repeat: int) -> Outcome:
    def failed(reason: str, detail: str) -> Outcome:
        return Outcome(row.instance_id, reason, detail)

    if gone := grader.dataset.deprecated.get(row.instance_id):
        return failed("deprecated", gone.said)
    try:
        masked = grader.run(row, {})
        for test in row.FAIL_TO_PASS:
            if masked.outcome(test) in COUNTS_AS_PASSED:
                return failed("masked_passes", f"without the reference {test} passes")
        for test in row.PASS_TO_PASS:
            if masked.outcome(test) not in COUNTS_AS_PASSED:
                return failed("masked_fails_pass_to_pass", f"without the reference {test}: {masked.outcome(test)}")
        reference = grader.rows.task(row).reference
        for number in range(repeat):
            seen = grader.run(row, reference, number)
            if seen.defect or seen.failing:
                first = f"{seen.failing[0]}: {seen.outcome(seen.failing[0])}" if seen.failing else ""
                cause = " ".join(part for part in (first, f"({seen.defect})" if seen.defect else "") if part)
                return failed("reference_fails", f"run {number + 1} of {repeat}: {cause}")
        if row.ttc_tripwires:
            seen = grader.run(row, reference, session=grader.rows.task(row).published)
            held = [place for place in row.ttc_tripwires if not seen.altered_failed(place)]
            if held or not seen.sound:
                test = held[0].tests[0] if held else (seen.failing or [seen.defect])[0]
                return failed("tripwire_does_not_hold", f"{test}: {seen.outcome(test)}")
        graded = grader.grade_reference(row)
        if graded.tampered:
            return failed("tripwire_does_not_hold", f"{graded.reason}: {graded.detail}")
        if not graded.solved:
            return failed("reference_fails", f"graded as an answer: {graded.reason}: {graded.detail}")
    except PatchRejected as error:
        return failed("reference_does_not_apply", str(error))
    except RowUnfit as error:
        return failed("row_does_not_fit", str(error))
    except SandboxLost as error:
        return failed("error", str(error))
    return graded


@dataclass(frozen=True)
class _Asked:
    """Answers, by what can be done with them."""

    count: int
    faults: Sequence[Prediction]
    """Lines of a file that hold no answer."""
    by_row: Mapping[str, Sequence[Prediction]]
    known: frozenset[str]
    """Rows that the set has and did not withdraw."""

    def ungraded(self, dataset: Dataset, name: str) -> Iterator[Outcome]:
        """What becomes of the answers that meet no row of a dataset, which the caller knows by a name."""
        for answer in self.faults:
            yield Outcome(answer.instance_id, "no_prediction", answer.fault.removeprefix(f"{answer.instance_id}: "))
        for row in sorted(self.by_row.keys() - self.known):
            gone = dataset.deprecated.get(row)
            told = ("deprecated", gone.said) if gone else ("unknown_instance", f"not in {name}")
            for answer in self.by_row[row]:
                yield Outcome(row, *told, model=answer.model, sample=answer.sample)

    def pairs(self, dataset: Dataset) -> Iterator[tuple[Row, Prediction]]:
        """The other answers with their rows."""
        for row in dataset.rows(names=sorted(self.known)):
            for answer in self.by_row[row.instance_id]:
                yield row, answer


def _asked(predictions: Path | str | Sequence[Prediction], dataset: Dataset) -> _Asked:
    """Read answers, and see which of them meet a row of a dataset."""
    answers = read_predictions(predictions) if isinstance(predictions, (str, Path)) else numbered(predictions)
    by_row: dict[str, list[Prediction]] = {}
    faults: list[Prediction] = []
    for answer in answers:
        (faults if answer.fault else by_row.setdefault(answer.instance_id, [])).append(answer)
    known = {row.instance_id for row in dataset.rows(names=list(by_row))}
    return _Asked(len(answers), faults, by_row, frozenset(known - set(dataset.deprecated)))


def grade_predictions(
    dataset: str | Path,
    predictions: Path | str | Sequence[Prediction],
    *,
    sandbox: SandboxKind = "auto",
    deep: bool = False,
    patience: float = GRADING_PATIENCE,
    workers: int = 0,
    reader: ReaderRules | None = None,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Iterator[Outcome]:
    """Grade answers to a dataset's rows by running the rows' tests.

    Edits of test files and of what configures them have no effect: those files are put back before the tests run. An
    answer that passes the first look meets all tests of its row, some of them altered, and must fail those.

    Args:
        dataset: a folder or a Hub id.
        predictions: a file of answers (see `read_predictions`), `-` for standard input, or the answers themselves; a row may
            be answered any number of times.
        sandbox: where tests run.
        deep: an answer that solves its row must also do with up to 200 generated calls what the reference does.
        patience: a session may take so many times as long as the reference's, which is run once a row, and 2 s at least; with 0,
            as long as the set's recipe says.
        workers: answers at the same time; 0 means one for each processor.
        reader: limits and images that the set may ask for; the defaults when not given.
        progress: told of each answer.
        cache: folders that builds share.

    Yields:
        One outcome an answer, as they end. An id that is not in the set is `unknown_instance`, a withdrawn one `deprecated`; a line of the
        file that holds no answer is `no_prediction`.

    Raises:
        DatasetError: the set or the file cannot be read.
        SandboxUnavailable: no sandbox of the asked kind.
    """
    progress = progress or Quiet()
    opened = Dataset(dataset)
    asked = _asked(predictions, opened)
    grader = Grader(
        opened,
        sandbox=sandbox,
        deep=deep,
        patience=patience,
        workers=workers,
        reader=reader,
        cache=cache,
        progress=progress,
    )
    progress.begin("grade", asked.count)
    try:
        graded = in_threads(asked.pairs(opened), lambda pair: _grade_one(grader, *pair), grader.workers)
        for outcome in chain(asked.ungraded(opened, str(dataset)), graded):
            progress.advance(*_counts(outcome))
            yield outcome
    finally:
        grader.close()
        progress.end()


def _counts(outcome: Outcome) -> tuple[int, int, int]:
    """Where an answer counts: solved, unsolved, not graded."""
    return int(outcome.solved), int(outcome.is_graded and not outcome.solved), int(not outcome.is_graded)


def _grade_one(grader: Grader, row: Row, answer: Prediction) -> Outcome:
    grade = grader.grade_patch if answer.is_patch else grader.grade_text
    return replace(grade(row, answer.text), model=answer.model, sample=answer.sample)
