"""Everything that is looked at before a set is published. Nothing is run and nothing is asked of a network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ttc_data.dataset import recipe_of
from ttc_data.progress import Progress, Quiet
from ttc_data.publish.check_files import MOST_ROW_BYTES, SecretSearch, check_card, check_sizes, search_files
from ttc_data.publish.check_rows import RowChecks, check_ids
from ttc_data.publish.conformity import Conformity
from ttc_data.publish.findings import CHECKS, Finding, Findings

__all__ = ["CHECKS", "Finding", "Inspection", "check_dataset", "inspect_dataset"]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What all checks found."""

    findings: tuple[Finding, ...]
    contaminated: Mapping[str, int]
    """Rows that overlap, by benchmark."""
    rows: int

    @property
    def publishable(self) -> bool:
        """Whether nothing was found that is not allowed."""
        return all(one.allowed for one in self.findings)


def check_dataset(folder: Path, *, allow: Collection[str] = (), progress: Progress | None = None) -> list[Finding]:
    """Check a dataset's folder before it is published.

    Args:
        folder: holds `data/`, `README.md`, `recipe.yaml`, `environments/` and `trees/`.
        allow: findings that do not count, besides those of the recipe's `check.allow`: `CHECK` or `CHECK:TEXT`.
        progress: told of each row.

    Returns:
        What was found, in the checks' order; a set may be published when all of it is allowed.

    Raises:
        DatasetError: the folder is no dataset, or a file of it is damaged.
        RecipeError: `allow` names a check that there is none of.
    """
    return list(inspect_dataset(folder, allow=allow, progress=progress).findings)


def inspect_dataset(folder: Path, *, allow: Collection[str] = (), progress: Progress | None = None) -> Inspection:
    """Check a dataset's folder, and count on the way what its card says.

    Args:
        folder: as for `check_dataset`.
        allow: as for `check_dataset`.
        progress: told of each row.

    Raises:
        DatasetError: the folder is no dataset, or a file of it is damaged.
        RecipeError: `allow` names a check that there is none of.
    """
    progress = progress or Quiet()
    recipe, unknown = recipe_of(folder)
    findings = Findings([*recipe.check.allow, *allow])
    for key in unknown:
        findings.add("schema", f"recipe.yaml: {key}: no key of this ttcdata's recipes")
    conformity = Conformity(folder)
    for fault in conformity.faults:
        findings.add("schema", str(fault))
    if conformity.later:
        names = ", ".join(conformity.later)
        findings.add(
            "proof", f"schema {conformity.version} has no {names} yet: what they prove is not known; build again"
        )
    search = SecretSearch(findings)
    checks = RowChecks(recipe, findings, search_files(folder, search), conformity.later)
    check_ids(folder, findings)
    rows = 0
    progress.begin("check", None)
    try:
        for checked in conformity.rows():
            rows += 1
            for fault in checked.faults:
                findings.add("schema", str(fault))
            name = checked.row.instance_id if checked.row else f"row {rows}"
            search.see(checked.text, name, row=True)
            if len(checked.text) > MOST_ROW_BYTES:
                findings.add("sizes", f"{name}: {len(checked.text)} bytes, at most {MOST_ROW_BYTES} for a row")
            if checked.row:
                checks.see(checked.row)
            progress.advance(int(not checked.faults), int(bool(checked.faults)), 0)
    finally:
        progress.end()
    checks.end()
    search.end()
    check_card(folder, rows, findings)
    check_sizes(folder, findings)
    return Inspection(tuple(findings.listed()), dict(checks.contaminated), rows)
