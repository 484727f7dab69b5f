"""For supervised training: chat messages that end with the reference, in the form that the prompt asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from ttc_data.errors import PatchRejected
from ttc_data.publish.exports.tasks import ExportedRow, SplitLines
from ttc_data.row import Row
from ttc_data.solve.blocks import in_blocks
from ttc_data.solve.task import reference_of


def write_tasks(tasks: Iterable[ExportedRow], folder: Path, say: Callable[[str], None]) -> int:
    """Write `SPLIT.jsonl`; the number of rows.

    A line has `messages`, `instance_id`, `repo` and `license`.

    Args:
        tasks: what to write.
        folder: empty.
        say: told of each row whose reference the form of the answer cannot say.
    """
    with SplitLines(folder) as lines:
        for task in tasks:
            row = task.row
            try:
                answer = reference_answer(row)
            except PatchRejected as error:
                say(f"{row.instance_id}: left out ({error})")
                continue
            messages = [*map(asdict, row.prompt), {"role": "assistant", "content": answer}]
            about = {"messages": messages, "instance_id": row.instance_id, "repo": row.repo, "license": row.license}
            lines.add(task.split, about)
    return sum(lines.counts.values())


def reference_answer(row: Row) -> str:
    """What a model would say to give a row's reference.

    Raises:
        PatchRejected: search/replace blocks cannot say it.
    """
    given = {file.path: file.text for file in row.ttc_files}
    reference = reference_of(row)
    if more := sorted(reference.keys() - given.keys()):
        raise PatchRejected(f"its patch makes {more[0]!r}, which is not among ttc_files")
    return "\n".join(in_blocks(path, given[path], text or "") for path, text in sorted(reference.items()))
