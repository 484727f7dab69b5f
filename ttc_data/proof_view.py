"""One row's proof as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from ttc_data.dataset import Dataset, build_of
from ttc_data.errors import DatasetError, PatchRejected
from ttc_data.funnel import open_records
from ttc_data.plain import plain
from ttc_data.records import Mutation
from ttc_data.row import Row
from ttc_data.solve.task import reference_of

STYLES = {"killed": "green", "limit": "green", "survived": "red", "equivalent": "yellow"}


def proof_view(name: str | Path, instance: str) -> Iterator[RenderableType]:
    """Everything that was seen of a row.

    Args:
        name: a build's folder, a dataset's, or a Hub id; the runs of the reference are known where the build's records are.
        instance: a row's id, or a part of it that no other has.

    Raises:
        DatasetError: there is no such row, or several.
    """
    dataset = Dataset(name)
    row = dataset.row(instance)
    records = build_of(name)
    ran = records and any((records / "records").glob("prove.*"))
    try:
        yield from shown_of(row, list(_runs(records, row)) if records and ran else ())
    except PatchRejected as error:
        raise DatasetError(f"{dataset.folder}: {error}") from error


def shown_of(row: Row, runs: Iterable[RenderableType] = ()) -> Iterator[RenderableType]:
    """What a row itself says.

    Args:
        row: as published.
        runs: what is known of the reference's runs.

    Raises:
        PatchRejected: its patch does not make the reference; before anything is given.
    """
    reference = reference_of(row)
    yield Text(plain(f"{row.instance_id}\n{row.path}  {row.ttc_kind} {row.ttc_target}  ({row.license})"), style="bold")
    yield Text(
        f"reference passed {row.ttc_gold_passes} of {row.ttc_gold_runs} runs; {row.ttc_line_coverage:.0%} of its lines"
        f" run, {row.ttc_branch_coverage:.0%} of its branches taken; {row.ttc_stubs_passed} trivial bodies pass"
    )
    yield from runs
    yield _tests(row)
    if row.ttc_left_out:
        longest = f"they take longer than {row.ttc_max_run_s:g} s together with the others"
        yield Text(plain(f"left out, because {longest}: {', '.join(row.ttc_left_out)}"))
    yield _mutants(row, (reference[row.path] or "").split("\n"))
    if row.ttc_baselines:
        yield _baselines(row)
    if row.ttc_tripwires:
        wires = Table(
            *(Column(name, overflow="fold") for name in ("tripwire", "old", "new", "must fail")),
            box=None,
            header_style="bold",
            pad_edge=False,
        )
        for edit in row.ttc_tripwires:
            tests = ", ".join(edit.tests)
            wires.add_row(
                Text(plain(f"{edit.path}:{edit.line}")),
                Text(plain(edit.old)),
                Text(plain(edit.new)),
                Text(plain(tests)),
            )
        yield wires


def _runs(folder: Path, row: Row) -> Iterator[RenderableType]:
    connection = open_records(folder)
    known = connection.execute(
        "SELECT gold, stubs, sample_key FROM prove WHERE starts_with(sample_key, ?)",
        [row.instance_id.rpartition("-")[2]],
    ).fetchall()
    connection.close()
    for gold, stubs, _ in known:
        table = Table(
            "run",
            "hash seed",
            "order",
            "time zone",
            "locale",
            "date",
            "",
            box=None,
            header_style="bold",
            pad_edge=False,
        )
        for number, run in enumerate(gold):
            one = run["variation"]
            order = f"shuffled by {one['order']}" if one["order"] else "as collected"
            date = f"{one['days']} days ahead" if one["days"] else "today"
            passed = Text("passed", "green") if run["passed"] else Text("failed", "red")
            table.add_row(str(number + 1), str(one["hash_seed"]), order, one["timezone"], one["locale"], date, passed)
        yield table
        yield Text(plain(f"trivial bodies that fail: {', '.join(stubs)}"))


def _tests(row: Row) -> Table:
    """The first look one by one; of the others how many there are, unless an older set has no first look."""
    named = row.first_look
    names = ("first look" if row.ttc_first_look else "deciding test", "mutants killed", "by it alone")
    # A long id goes on in the next line: cut short, it can neither be told from others nor be copied.
    table = Table(Column(names[0], overflow="fold"), *names[1:], box=None, header_style="bold", pad_edge=False)
    for test in named:
        mine = [mutant for mutant in row.ttc_mutants if test in mutant.tests]
        alone = sum(len(mutant.tests) == 1 for mutant in mine)
        table.add_row(Text(plain(test)), str(len(mine)), str(alone))
    others = len(row.FAIL_TO_PASS) - len(named)
    table.caption = (
        f"{row.origin_told}; {'1 other decides' if others == 1 else f'{others} others decide'} too,"
        f" {len(row.PASS_TO_PASS)} must go on passing;"
        f" in {row.ttc_max_run_s:g} s at most"
    )
    return table


def _baselines(row: Row) -> Table:
    total = len(row.FAIL_TO_PASS)
    table = Table("trivial body", f"passes of {total} deciding tests", box=None, header_style="bold", pad_edge=False)
    for baseline in sorted(row.ttc_baselines, key=lambda baseline: -len(baseline.passed)):
        table.add_row(Text(plain(baseline.name)), str(len(baseline.passed)))
    return table


def _mutants(row: Row, lines: list[str]) -> Table:
    count = sum(mutant.fate in ("killed", "limit") for mutant in row.ttc_mutants)
    table = Table(
        "mutant",
        "line",
        "change",
        box=None,
        header_style="bold",
        pad_edge=False,
        title=f"mutation score {row.ttc_mutation_score:.0%}: {count} of {len(row.ttc_mutants)}",
        title_justify="left",
    )
    for mutant in sorted(row.ttc_mutants, key=lambda one: (one.fate in ("killed", "limit"), one.line)):
        fate = Text(plain(f"{mutant.fate}"), STYLES[mutant.fate])
        table.add_row(fate, str(mutant.line), _change(mutant, lines))
    return table


def _change(mutant: Mutation, lines: list[str]) -> Text:
    """The line as it was and as it became; the changed part alone where it is longer."""
    first, *more = mutant.old.split("\n")
    before = lines[mutant.line - 1].strip() if mutant.line <= len(lines) else ""
    if more or before.count(first) != 1:
        return Text(plain(f"{mutant.operator}: {mutant.old}  ->  {mutant.new or '(removed)'}"))
    return Text(plain(f"- {before}\n+ {before.replace(first, mutant.new)}"))
