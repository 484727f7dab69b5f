"""A written dataset proven again, and answers to it graded. Both need nothing but the dataset's own folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ttc_data.bench import Bench, patched
from ttc_data.dataset import Dataset
from ttc_data.engine import Progress, Quiet
from ttc_data.environments.open import Cache, SandboxKind
from ttc_data.errors import DatasetError, PatchRejected, SandboxLost
from ttc_data.grading import Grade, grade, twin_defect
from ttc_data.row import Row


@dataclass(frozen=True, slots=True)
class RowResult:
    """What running one row again showed."""

    instance_id: str
    valid: bool
    reason: str
    """A snake_case defect, `""` when valid; `error` when our own infrastructure failed."""
    detail: str
    reference_passes: int
    runs: int


@dataclass(frozen=True, slots=True)
class Graded:
    """One prediction's result."""

    instance_id: str
    model_name_or_path: str
    solved: bool
    reward: float | None
    """0.0 or 1.0; None when our own infrastructure failed, which says nothing about the answer."""
    reason: str
    detail: str
    fail_to_pass: dict[str, str]
    """Test id to outcome."""
    pass_to_pass: dict[str, str]


def validate(
    dataset: str | Path,
    *,
    sandbox: SandboxKind = "auto",
    repeat: int = 1,
    limit: int = 0,
    workers: int = 0,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Iterator[RowResult]:
    """Run every row's proof again.

    The masked file must fail every FAIL_TO_PASS test, the reference must pass all, and fail every tripwire.

    Args:
        dataset: a folder or a Hub id.
        sandbox: where tests run.
        repeat: reference runs a row, each in another order and under another hash seed, time zone and locale.
        limit: only the first rows by id; 0 means all.
        workers: rows at the same time; 0 means one for each processor.
        progress: told of each row.
        cache: folders that builds share.

    Yields:
        One result a row, as they end.

    Raises:
        DatasetError: the set cannot be read.
        SandboxUnavailable: no sandbox of the asked kind.
    """
    progress = progress or Quiet()
    opened = Dataset(dataset)
    bench = Bench(opened, sandbox, workers, cache or Cache.default(), progress)
    total = opened.count()
    progress.begin("validate", min(total, limit) if limit else total)
    try:
        for result in bench.map(opened.rows(limit), lambda row: _prove_again(bench, row, repeat)):
            progress.advance(
                int(result.valid), int(not result.valid and result.reason != "error"), int(result.reason == "error")
            )
            yield result
    finally:
        bench.close()
        progress.end()


def _prove_again(bench: Bench, row: Row, repeat: int) -> RowResult:
    def failed(reason: str, detail: str, passes: int = 0) -> RowResult:
        return RowResult(row.instance_id, False, reason, detail, passes, repeat)

    if gone := bench.dataset.deprecated.get(row.instance_id):
        return failed("deprecated", gone.said)
    try:
        masked = grade(bench.run(row, {}), row.FAIL_TO_PASS, row.PASS_TO_PASS)
        if masked.solved:
            return failed("masked_passes", "every test passes without the reference")
        passing = [test for test, outcome in masked.fail_to_pass.items() if outcome in ("passed", "xfailed")]
        if passing:
            return failed("masked_passes", f"without the reference {passing[0]} passes")
        lost = [test for test, outcome in masked.pass_to_pass.items() if outcome not in ("passed", "xfailed")]
        if lost:
            return failed(
                "masked_fails_pass_to_pass", f"without the reference {lost[0]}: {masked.pass_to_pass[lost[0]]}"
            )
        reference = patched(row, row.patch, {})
        passes = 0
        for number in range(repeat):
            result = grade(bench.run(row, reference, number), row.FAIL_TO_PASS, row.PASS_TO_PASS)
            passes += result.solved
            if not result.solved:
                return failed("reference_fails", f"run {number + 1} of {repeat}: {_first_failure(result)}", passes)
        if row.ttc_tripwires:
            defect = twin_defect(bench.run_twin(row, reference), row.ttc_tripwires, row.FAIL_TO_PASS)
            if defect:
                return failed("tripwire_does_not_hold", f"{defect}: {row.ttc_tripwires[0].tests[0]}", passes)
    except PatchRejected as error:
        return failed("reference_does_not_apply", str(error))
    except SandboxLost as error:
        return failed("error", str(error))
    return RowResult(row.instance_id, True, "", "", passes, repeat)


def _first_failure(result: Grade) -> str:
    for test, outcome in {**result.fail_to_pass, **result.pass_to_pass}.items():
        if outcome not in ("passed", "xfailed"):
            return f"{test}: {outcome} ({result.reason})"
    return result.reason


@dataclass(frozen=True, slots=True)
class Prediction:
    """One line of a predictions file, as SWE-bench writes them."""

    instance_id: str
    model_name_or_path: str
    model_patch: str | None


def read_predictions(path: Path) -> list[Prediction]:
    """Read SWE-bench prediction lines.

    Raises:
        DatasetError: naming the line that is wrong, or an instance that two lines answer.
    """
    predictions: list[Prediction] = []
    adapter: TypeAdapter[Prediction] = TypeAdapter(Prediction)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"--predictions {path}: {error}; give a file of JSON lines") from error
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data: Any = json.loads(line)
            prediction = adapter.validate_python(data)
        except ValueError as error:
            cause = str(error)
            if isinstance(error, ValidationError):
                first = error.errors(include_url=False)[0]
                cause = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise DatasetError(
                f"{path}:{number}: must be a JSON object with instance_id, model_name_or_path, model_patch ({cause})"
            ) from error
        if prediction.instance_id in seen:
            raise DatasetError(f"{path}:{number}: {prediction.instance_id} is answered twice; keep one line of each")
        seen.add(prediction.instance_id)
        predictions.append(prediction)
    return predictions


def grade_predictions(
    dataset: str | Path,
    predictions: Path,
    *,
    sandbox: SandboxKind = "auto",
    workers: int = 0,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Iterator[Graded]:
    """Grade answers to a dataset's rows by running the rows' tests.

    Edits of test files and of what configures them have no effect: those files are put back before the tests run. An
    answer that solves its row is run again with the row's tripwires in place, and must fail those.

    Args:
        dataset: a folder or a Hub id.
        predictions: SWE-bench prediction lines.
        sandbox: where tests run.
        workers: answers at the same time; 0 means one for each processor.
        progress: told of each answer.
        cache: folders that builds share.

    Yields:
        One result a prediction, as they end.

    Raises:
        DatasetError: the set or the file cannot be read, or an instance is not in the set.
        SandboxUnavailable: no sandbox of the asked kind.
    """
    progress = progress or Quiet()
    opened = Dataset(dataset)
    answers = {prediction.instance_id: prediction for prediction in read_predictions(predictions)}
    known = {row.instance_id for row in opened.rows()} if answers else set()
    for name in answers:
        if name in opened.deprecated:
            raise DatasetError(f"{opened.deprecated[name].said}; remove it from {predictions}")
        if name not in known:
            raise DatasetError(f"{predictions}: {name} is not in {dataset}; grade against the set that was answered")
    bench = Bench(opened, sandbox, workers, cache or Cache.default(), progress)
    progress.begin("grade", len(answers))
    asked = ((row, answers[row.instance_id]) for row in opened.rows() if row.instance_id in answers)
    try:
        for result in bench.map(asked, lambda pair: _grade_one(bench, *pair)):
            progress.advance(int(result.solved), int(result.reward == 0.0), int(result.reward is None))
            yield result
    finally:
        bench.close()
        progress.end()


def _grade_one(bench: Bench, row: Row, prediction: Prediction) -> Graded:
    def without_run(reward: float | None, reason: str, detail: str) -> Graded:
        return Graded(row.instance_id, prediction.model_name_or_path, False, reward, reason, detail, {}, {})

    if not (prediction.model_patch or "").strip():
        return without_run(0.0, "patch_empty", "")
    try:
        tree = bench.tree(row)
        files = patched(row, prediction.model_patch or "", tree)
        result = bench.grade(row, files)
    except PatchRejected as error:
        return without_run(0.0, "patch_rejected", str(error))
    except SandboxLost as error:
        return without_run(None, "error", str(error))
    detail = "" if result.solved else _first_failure(result)
    return Graded(
        row.instance_id,
        prediction.model_name_or_path,
        result.solved,
        result.reward,
        result.reason,
        detail,
        result.fail_to_pass,
        result.pass_to_pass,
    )
