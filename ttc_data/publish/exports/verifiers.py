"""For `verifiers` 0.4: a package with a taskset of the rows, graded as `ttcdata grade` grades them.

The package names the set by its path or Hub id, and pins the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ttc_data import __version__
from ttc_data.dataset import Dataset
from ttc_data.publish.exports.tasks import ExportedRow, plain_name, write
from ttc_data.template import template

FILES = ("pyproject.toml", "README.md", "taskset.py")


def write_tasks(name: str, dataset: Dataset, tasks: Iterable[ExportedRow], folder: Path) -> int:
    """Write the package; the number of rows.

    Args:
        name: of the set, as the package will look for it: a path or a Hub id.
        dataset: opened.
        tasks: what to write.
        folder: empty.
    """
    rows = sorted(task.row.instance_id for task in tasks)
    package = f"ttcdata-{plain_name(dataset.recipe.name)}"
    module = package.replace("-", "_")
    words = {"package": package, "module": module, "dataset": name, "count": len(rows), "version": __version__}
    for file in FILES:
        text = template("ttc_data.publish", f"templates/verifiers/{file}.j2").render(**words)
        write(folder / (f"{module}/__init__.py" if file == "taskset.py" else file), text)
    write(folder / module / "rows.json", json.dumps(rows, indent=1) + "\n")
    return len(rows)
