"""What the columns of The Stack, and of the sets made of it, are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ttc_data.records import SourceUnit
from ttc_data.rules import LicenseRules

# The first that is there counts: v1, v2 with contents, the-stack-smol.
NAMES: Mapping[str, tuple[str, ...]] = {
    "repo": ("max_stars_repo_name", "repo_name", "repository_name"),
    "path": ("max_stars_repo_path", "path"),
    "revision": ("max_stars_repo_head_hexsha", "revision_id"),
    "licenses": ("max_stars_repo_licenses", "detected_licenses", "licenses"),
    "content": ("content",),
    "language": ("lang", "language", "ext", "extension"),
    "stars": ("max_stars_count", "star_events_count"),
    "created_at": ("max_stars_repo_stars_event_min_datetime", "revision_date"),
    "hash": ("hexsha", "blob_id"),
}
KNOWN = frozenset(name for names in NAMES.values() for name in names)
NEEDED: Mapping[SourceUnit, tuple[str, ...]] = {
    "repository": ("repo", "path", "revision", "licenses", "content", "language"),
    "file": ("path", "content"),
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one set as SQL expressions."""

    repo: str
    """For single files one of its own where nobody says which: never null."""
    path: str
    revision: str
    """For single files the file's hash where nobody says which: never null."""
    licenses: str
    content: str
    is_python: str
    stars: str
    created_at: str
    hash: str
    bad: Mapping[str, str]
    """What is wrong with a cell that a row cannot do without, to the condition that it is."""

    @classmethod
    def of(cls, present: Collection[str], unit: SourceUnit) -> Columns:
        """Choose among the columns that are present, which are enough: see `missing`."""
        found = {field: next((name for name in names if name in present), None) for field, names in NAMES.items()}
        hash_ = found["hash"] or "md5(content)"
        path = f"ltrim({found['path']}, '/')"  # v2 writes `/src/x.py`
        repo, revision = found["repo"] or "NULL", found["revision"] or "NULL"
        alone = unit == "file"
        number = f"TRY_CAST({found['stars']} AS DOUBLE)"
        whole = f"CASE WHEN isfinite({number}) AND abs({number}) < 1e18 THEN CAST({number} AS BIGINT) END"
        needed = ("path", "content") if alone else ("repo", "path", "revision", "content")
        bad = {
            f"{found[field]} is missing": f"coalesce({found[field]}, '') = ''" for field in needed if field != "content"
        }
        bad["content is missing"] = "content IS NULL"
        if found["stars"]:
            bad[f"{found['stars']} is no number"] = f"{found['stars']} IS NOT NULL AND ({whole}) IS NULL"
        return cls(
            repo=f"coalesce({repo}, 'unknown/' || left({hash_}, 12))" if alone else repo,
            path=path,
            revision=f"coalesce({revision}, {hash_})" if alone else revision,
            licenses=(
                f"list_filter(coalesce({found['licenses']}, []), lambda x: coalesce(x, '') <> '')"
                if found["licenses"]
                else "[]::VARCHAR[]"
            ),
            content="content",
            is_python=_is_python(found["language"], path),
            stars=f"coalesce({whole}, 0)" if found["stars"] else "0::BIGINT",
            created_at=(
                f"strftime(TRY_CAST({found['created_at']} AS TIMESTAMPTZ) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
                if found["created_at"]
                else "''"
            ),
            hash=hash_,
            bad=bad,
        )

    def fault(self, licenses: LicenseRules) -> str:
        """Why a row cannot be mined, as a text in SQL: `REASON: DETAIL`, `''` where it can; `$allowed` are the licences."""
        cases = [f"WHEN {condition} THEN 'bad_cell: {words}'" for words, condition in self.bad.items()]
        if not licenses.allow_unknown:
            cases.append(f"WHEN len({self.licenses}) = 0 THEN 'license_unknown: no licence is named'")
        if licenses.allow:
            named = f"list_transform({self.licenses}, lambda x: lower(x))"
            told = f"array_to_string(list_sort(list_distinct({self.licenses})), ' AND ')"
            cases.append(
                f"WHEN NOT list_has_all($allowed, {named}) "
                f"THEN 'license_not_allowed: has ' || {told} || ', which license.allow does not allow'"
            )
        return f"CASE {' '.join(cases)} ELSE '' END"


def missing(present: Collection[str], unit: SourceUnit) -> list[str]:
    """Name the columns that are needed and not there, as The Stack v1 calls them."""
    return [
        " or ".join(NAMES[field]) if field == "language" else NAMES[field][0]
        for field in NEEDED[unit]
        if not set(NAMES[field]) & set(present)
    ]


def _is_python(column: str | None, path: str) -> str:
    if column is None:
        return f"suffix({path}, '.py')"
    named = f"{column} = 'Python'" if column in ("lang", "language") else f"{column} IN ('py', '.py')"
    return f"coalesce({named}, suffix({path}, '.py'), false)"
