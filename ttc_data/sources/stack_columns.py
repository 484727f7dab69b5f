"""What the columns of The Stack, and of the sets made of it, are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ttc_data.records import SourceUnit

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

    @classmethod
    def of(cls, present: Collection[str], unit: SourceUnit) -> Columns:
        """Choose among the columns that are present, which are enough: see `missing`."""
        found = {field: next((name for name in names if name in present), None) for field, names in NAMES.items()}
        hash_ = found["hash"] or "md5(content)"
        path = f"ltrim({found['path']}, '/')"  # v2 writes `/src/x.py`
        repo, revision = found["repo"] or "NULL", found["revision"] or "NULL"
        alone = unit == "file"
        return cls(
            repo=f"coalesce({repo}, 'unknown/' || left({hash_}, 12))" if alone else repo,
            path=path,
            revision=f"coalesce({revision}, {hash_})" if alone else revision,
            licenses=f"coalesce({found['licenses']}, [])" if found["licenses"] else "[]::VARCHAR[]",
            content="content",
            is_python=_is_python(found["language"], path),
            stars=f"CAST(coalesce({found['stars']}, 0) AS BIGINT)" if found["stars"] else "0::BIGINT",
            created_at=(
                f"strftime(TRY_CAST({found['created_at']} AS TIMESTAMPTZ) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
                if found["created_at"]
                else "''"
            ),
            hash=hash_,
        )


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
    return f"{column} = 'Python'" if column in ("lang", "language") else f"{column} IN ('py', '.py')"
