"""What the page says of one row: a line of the list, the text that a search looks through, and the whole when it is opened."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ttc_data.records import JsonObject, Mutation
from ttc_data.report.changes import DiffWindow, read_diff, widened
from ttc_data.row import Row

LISTED = (
    "id", "repo", "path", "target", "kind", "origin", "split", "score", "tests", "mutants", "survivors", "tripwires"
)  # fmt: skip


def listed(row: Row, split: str) -> tuple[object, ...]:
    """The values of `LISTED`."""
    survivors = sum(mutant.fate in ("survived", "equivalent") for mutant in row.ttc_mutants)
    return (
        row.instance_id,
        row.repo,
        row.path,
        row.ttc_target,
        row.ttc_kind,
        row.ttc_test_origin,
        split,
        round(row.ttc_mutation_score, 4),
        len(row.FAIL_TO_PASS),
        len(row.ttc_mutants),
        survivors,
        len(row.ttc_tripwires),
    )


def searched(row: Row) -> str:
    """What a search looks through: names, the spec, the code that is asked for, and the deciding tests."""
    return "\n".join(
        (
            row.instance_id,
            row.repo,
            row.path,
            row.ttc_target,
            row.license,
            row.problem_statement,
            row.patch,
            *row.FAIL_TO_PASS,
        )
    )


def body(row: Row, split: str, runs: JsonObject | None) -> JsonObject:
    """All that the page says of an opened row.

    Args:
        row: of the dataset.
        split: that it is in.
        runs: what a build's records hold of it beside the row: `gold`, the runs of the reference, and `stubs`.
    """
    files = _files(row)
    after = {number: text for window in files.get(row.path, []) for number, text in window.after.items()}
    places = {test: number for number, test in enumerate(row.FAIL_TO_PASS)}
    added = {path: _text(windows) for path, windows in read_diff(row.test_patch).items()}
    return {
        "id": row.instance_id,
        "facts": _facts(row, split),
        "score": row.ttc_mutation_score,
        "coverage": [row.ttc_line_coverage, row.ttc_branch_coverage],
        "gold": [row.ttc_gold_passes, row.ttc_gold_runs],
        "stubs_passed": row.ttc_stubs_passed,
        "solver": [row.ttc_solver_attempts, row.ttc_solver_pass_at_1, row.ttc_solver_pass_at_k],
        "spec": {
            "text": row.problem_statement,
            "origin": row.ttc_spec_origin,
            "model": row.ttc_spec_model,
            "rejected": row.ttc_spec_rejected,
            "overlap": row.ttc_spec_overlap,
        },
        "prompt": [[message.role, _parts(row, message.content)] for message in row.prompt],
        "language": row.language,
        "mask": row.ttc_mask,
        "files": [{"path": path, "windows": [_window(window) for window in found]} for path, found in files.items()],
        "fail_to_pass": row.FAIL_TO_PASS,
        "first_look": [places[test] for test in row.ttc_first_look if test in places],
        "left_out": row.ttc_left_out,
        "max_run_s": row.ttc_max_run_s,
        "baselines": [[one.name, len(one.passed)] for one in row.ttc_baselines],
        "pass_to_pass": row.PASS_TO_PASS,
        "added": [[path, text] for path, text in added.items()],
        "mutants": [_mutant(mutant, after, places) for mutant in row.ttc_mutants],
        "tripwires": [asdict(edit) for edit in row.ttc_tripwires],
        "runs": runs,
        "script": row.eval_script,
    }


def _facts(row: Row, split: str) -> list[tuple[str, str]]:
    return [
        ("repository", row.repo),
        ("revision", f"{row.base_commit}, {row.created_at}".removesuffix(", ")),
        ("licence", row.license or "none declared"),
        ("file", row.path),
        ("target", f"{row.ttc_kind} {row.ttc_target}"),
        ("split", split),
        ("environment", row.ttc_environment),
        ("image", row.image),
        ("recipe", row.ttc_recipe_hash),
        ("build", row.ttc_build),
        ("schema", row.ttc_schema_version),
    ]


def _window(window: DiffWindow) -> JsonObject:
    return {"old": window.old, "new": window.new, "lines": window.lines}  # `asdict` takes 0.16 ms a row


def _files(row: Row) -> dict[str, list[DiffWindow]]:
    given = {file.path: file.text for file in row.ttc_files}
    return {
        path: widened(windows, given[path]) if path in given else windows
        for path, windows in read_diff(row.patch).items()
    }


def _text(windows: list[DiffWindow]) -> str:
    return "\n".join(text for window in windows for _, text in window.lines)


def _parts(row: Row, content: str) -> list[Any]:
    """A message's text, with a number of lines in place of each masked file: most of a prompt, and shown above."""
    parts: list[Any] = [content]
    for file in row.ttc_files:
        if file.text and isinstance(parts[-1], str) and file.text in parts[-1]:
            before, _, after = parts.pop().partition(file.text)
            parts += [before, {"path": file.path, "lines": len(file.text.splitlines())}, after]
    return parts


def _mutant(mutant: Mutation, after: dict[int, str], places: dict[str, int]) -> JsonObject:
    """A mutant, and the line it changes as it was and as it became; the changed part alone where it is longer."""
    line = after.get(mutant.line, "")
    first, *more = mutant.old.split("\n")
    whole = not more and line.count(first) == 1
    return {
        "operator": mutant.operator,
        "line": mutant.line,
        "fate": mutant.fate,
        "before": line.strip() if whole else mutant.old,
        "after": line.replace(first, mutant.new).strip() if whole else mutant.new,
        "tests": [places.get(test, test) for test in mutant.tests],
    }
