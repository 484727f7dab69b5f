"""What a push would replace: an older version of the same set, or another set, which nobody replaces by mistake."""

from __future__ import annotations

import json

from ttc_data.dataset import Dataset
from ttc_data.errors import PushFailed
from ttc_data.plain import counted
from ttc_data.publish.hub import HubRepository, Remote

MEANT = "push to another name, or with --overwrite if that is meant"
MOST_GONE = 0.5
"""Share of the published rows that a new version of the same set may leave out without withdrawing them."""


def check_replaced(hub: HubRepository, remote: Remote, ours: Dataset) -> None:
    """Look at what the branch holds before it is replaced.

    Args:
        hub: the repository.
        remote: the commit that the push goes over.
        ours: what is pushed.

    Raises:
        PushFailed: it is another set: of other columns, a newer schema, another name, or mostly other rows.
    """
    tables = sorted(path for path in remote.files if path.endswith(".parquet"))
    if not tables:
        data = sorted(path for path in remote.files if "/" in path)
        if data:
            raise PushFailed(f"{hub.name}: holds another set ({data[0]}, and no table of ours); {MEANT}")
        return
    theirs = set(hub.columns(remote.commit, tables))
    _check_schema(hub, remote, ours, tables, theirs)
    if "card.json" in remote.files:
        _check_name(hub, remote, ours)
    if "instance_id" in theirs:
        _check_rows(hub, remote, ours, tables)


def _check_schema(hub: HubRepository, remote: Remote, ours: Dataset, tables: list[str], theirs: set[str]) -> None:
    if "ttc_schema_version" not in theirs:
        raise PushFailed(f"{hub.name}: holds another set (no column ttc_schema_version in {tables[0]}); {MEANT}")
    schema, newest = ours.version, max(hub.schema_versions(remote.commit, tables), key=_numbers, default="0")
    if _numbers(newest) > _numbers(schema):
        raise PushFailed(f"{hub.name}: holds a set of schema {newest}, newer than this one's {schema}; {MEANT}")
    strange = sorted(theirs - set(ours.columns()))
    if strange:
        raise PushFailed(f"{hub.name}: holds a set with a column {strange[0]} that this one lacks; {MEANT}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _check_name(hub: HubRepository, remote: Remote, ours: Dataset) -> None:
    try:
        name = json.loads(hub.text(remote.commit, "card.json"))["name"]
    except (ValueError, KeyError, TypeError):
        return  # damaged, or not of ours: the rows say whose set it is
    if name != ours.recipe.name:
        raise PushFailed(f"{hub.name}: holds the set {name!r}, and this one is {ours.recipe.name!r}; {MEANT}")


def _check_rows(hub: HubRepository, remote: Remote, ours: Dataset, tables: list[str]) -> None:
    published = hub.instance_ids(remote.commit, tables)
    gone = len(published - ours.splits().keys() - ours.deprecated.keys())
    if gone > MOST_GONE * len(published):
        raise PushFailed(
            f"{hub.name}: holds another set: {gone} of its {counted(len(published), 'row')} not in this one; {MEANT}"
        )
