"""Checks of a dataset's files: secrets in them, their sizes, and the card."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ttc_data.curate.contamination import homes_of
from ttc_data.curate.secrets import Secret, secrets_in
from ttc_data.errors import DatasetError, SourceRefused
from ttc_data.fields import quoted
from ttc_data.lang.python.syntax import is_test_path
from ttc_data.pins import read_environment
from ttc_data.plain import counted
from ttc_data.publish.findings import Findings
from ttc_data.reading import MOST_DESCRIPTION, json_in, parse_yaml, place_in, text_in
from ttc_data.rules import MIB, TreeLimits
from ttc_data.store import connect
from ttc_data.tables import parquet_files
from ttc_data.trees.foreign import TreeFile, tar_files

# What the Hub asks for: its documentation, "Repository limitations and recommendations".
MOST_FILE_BYTES = 20_000 * MIB
MOST_FILES = 100_000
MOST_IN_FOLDER = 10_000
# Its viewer reads whole row groups, and none that is larger than 286 MiB.
MOST_GROUP_BYTES = 286 * MIB
MOST_ROW_BYTES = 20 * MIB
SECTIONS = (
    "How to load, grade and prove again",
    "How to train on it",
    "How it was made",
    "Evidence",
    "Origins and licences",
    "Checks",
    "Known limits",
    "Citation",
)
"""Of every card, in this order."""
_ANY_SIZE = TreeLimits(max_archive_bytes=2**62, max_tree_bytes=2**62, max_file_bytes=2**40, max_files=2**40)


SPLIT_PATTERN = re.compile(r"data/[A-Za-z0-9_.*-]{1,200}")


@dataclass
class _Places:
    kind: str
    first: str
    files: int = 0
    rows: int = 0
    outside_tests: bool = False


@dataclass
class SecretSearch:
    """Looks for keys and tokens in all that is published, and names each once, however often it is there."""

    findings: Findings
    _found: dict[str, _Places] = field(default_factory=dict)

    def see(self, data: bytes, where: str, *, path: str = "", own: bool = False, row: bool = False) -> None:
        """Look at one file or row.

        Args:
            data: its bytes.
            where: for people.
            path: inside its repository, for a file of one.
            own: a text of ours.
            row: it is a row, whose texts come from files that are looked at as well.
        """
        for secret in secrets_in(data, own=own):
            places = self._found.setdefault(secret.digest, _Places(secret.kind, _place(where, secret, row=row)))
            places.rows += row
            places.files += not row
            places.outside_tests |= not row and not is_test_path(path)

    def end(self) -> None:
        """Report them. A private key that lies nowhere but among a project's tests is its test's own, and allowed."""
        for digest, one in sorted(self._found.items()):
            more = one.files + one.rows - 1
            theirs = one.kind == "private key" and one.files > 0 and not one.outside_tests
            self.findings.add(
                "secrets",
                f"{one.kind} {digest} in {one.first}"
                + (f" and {more} more places" if more else "")
                + (", a test's own" if theirs else ""),
                allowed=theirs,
            )


def _place(where: str, secret: Secret, *, row: bool) -> str:
    return where if row else f"{where}:{secret.line}"


def search_files(folder: Path, search: SecretSearch) -> dict[str, set[str]]:
    """Look for secrets in every file but the rows', those inside the trees with them.

    Returns:
        `owner/name` that a repository's metadata name as its home, by repository.

    Raises:
        DatasetError: a file is damaged.
    """
    homes: dict[str, set[str]] = {}
    repos = dict(_repositories(folder))
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix == ".parquet":
            continue
        name = str(path.relative_to(folder))
        place_in(folder, name)
        if not name.startswith("trees/"):
            search.see(path.read_bytes(), name, own="/" not in name)
            continue
        repo = repos.get(path.name.removesuffix(".tar.gz"), name)
        for inner, data in _tree_files(path):
            search.see(data, f"{repo} {inner}", path=inner)
            if inner == "PKG-INFO" and (found := homes_of(data.decode("utf-8", "replace"))):
                homes[repo] = found
    return homes


def _repositories(folder: Path) -> Iterator[tuple[str, str]]:
    """Trees and the repositories that they are of."""
    for path in sorted((folder / "environments").glob("*.json")):
        environment = read_environment(folder, path.stem)
        yield environment.tree, environment.repo


def _tree_files(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with gzip.open(path) as stream:
            for file in tar_files(stream, _ANY_SIZE):
                if isinstance(file, TreeFile):
                    yield file.path, file.data
    except (SourceRefused, OSError) as error:
        raise DatasetError(f"{path}: {error}; build the set again") from error


def check_sizes(folder: Path, findings: Findings) -> None:
    """Files, folders and row groups against what the Hub and its viewer take."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in files:
        if (size := path.stat().st_size) > MOST_FILE_BYTES:
            findings.add("sizes", f"{path.relative_to(folder)}: {size / 1e9:.1f} GB, the Hub takes 20 GB")
    if len(files) > MOST_FILES:
        findings.add("sizes", f"{len(files)} files, the Hub takes {MOST_FILES}")
    for inner in (folder, *(path for path in sorted(folder.rglob("*")) if path.is_dir())):
        if (count := sum(1 for _ in inner.iterdir())) > MOST_IN_FOLDER:
            findings.add(
                "sizes", f"{inner.relative_to(folder)}/: {count} files, the Hub takes {MOST_IN_FOLDER} in a folder"
            )
    connection = connect()
    groups = (
        "SELECT file_name, row_group_id, sum(total_uncompressed_size)::BIGINT AS size FROM"
        f" parquet_metadata({parquet_files(folder)}) GROUP BY ALL HAVING size > {MOST_GROUP_BYTES} ORDER BY ALL"
    )
    for name, group, size in connection.execute(groups).fetchall():
        findings.add(
            "sizes",
            f"{Path(name).name} row group {group}: {size / MIB:.0f} MiB, the Hub's viewer reads {MOST_GROUP_BYTES // MIB}",
        )
    connection.close()


def check_card(folder: Path, rows: int, findings: Findings) -> None:
    """The card's header, sections and counts against what is there.

    Args:
        folder: a dataset's folder.
        rows: that it has.
        findings: told what is wrong.
    """
    try:
        text = text_in(folder, "README.md", MOST_DESCRIPTION)
        stated = int(json_in(folder, "card.json")["rows"])
    except (DatasetError, ValueError, LookupError, TypeError, OverflowError) as error:
        findings.add("card", f"no card, or none of this version ({type(error).__name__}: {error}); build the set again")
        return
    if stated != rows:
        findings.add("card", f"card.json says {counted(stated, 'row')}, there are {rows}")
    for defect in (*_header_defects(folder, text), *_section_defects(text)):
        findings.add("card", defect)


def _header_defects(folder: Path, text: str) -> Iterator[str]:
    head = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    try:
        header: Any = parse_yaml(head[1]) if head else None
        named = [one["path"] for config in header["configs"] for one in config["data_files"]]
        if not all(isinstance(one, str) and SPLIT_PATTERN.fullmatch(one) for one in named):
            raise ValueError(f"{quoted(named)} are not all like data/train-*.parquet")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        yield f"README.md: no header that says which files are which split ({' '.join(str(error).split())[:160]})"
        return
    found = {path for pattern in named for path in folder.glob(pattern)}
    yield from (f"README.md: no file is {pattern}" for pattern in named if not any(folder.glob(pattern)))
    yield from (
        f"README.md: {path.relative_to(folder)} belongs to no split"
        for path in sorted((folder / "data").glob("*.parquet"))
        if path not in found
    )
    if not header.get("license"):
        yield "README.md: no license in the header"


def _section_defects(text: str) -> Iterator[str]:
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    for name in SECTIONS:
        if not found.get(name, "").strip():
            yield f"README.md: section {name!r} is {'empty' if name in found else 'missing'}"
