"""A repository's files as git has them: one commit for each row, everything that rows share written once.

A row's files are a folder laid over its repository's, and a list of what must not be seen any more.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from ttc_data.errors import DatasetError, TtcError
from ttc_data.hosts.host import date_files
from ttc_data.plain import one_line
from ttc_data.records import Environment
from ttc_data.row import Row
from ttc_data.trees.store import TreeStore

TESTBED = "testbed"
BRANCH = "refs/heads/main"
TIMEOUT_S = 300.0
LONG_AGO = "2000-01-01T00:00:00+00:00"
# What a tree's own .gitattributes say would change bytes on their way in and out.
AS_IT_IS = "* -text -ident -filter -working-tree-encoding\n"


@dataclass(frozen=True)
class Laid:
    """Files to lay over an image."""

    folder: Path
    """Holds what is added, at its place below the image's root."""
    gone: tuple[str, ...]
    """Paths below the image's root that must not be seen any more."""


class Repository:
    """The files of an environment and their git objects, in `folder/testbed`, without a commit.

    Each file and each folder is one loose object, so that a row can take away those that hold its reference.

    Args:
        folder: empty.
        environment: of the rows; one of single files has no tree.
        trees: where the tree lies.

    Raises:
        BuildError: the tree is missing or damaged.
        DatasetError: git cannot hold it.
    """

    def __init__(self, folder: Path, environment: Environment, trees: TreeStore) -> None:
        self._folder = folder / TESTBED
        self._folder.mkdir()
        if environment.tree:
            trees.unpack(environment.tree, self._folder)
        for file in environment.generated:
            place = self._folder / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.text.encode("utf-8"))
        date_files(self._folder)
        files = sum(1 for path in self._folder.rglob("*") if path.is_file())
        self._git("init", "--quiet", "--template=", "--initial-branch=main")
        (self._folder / ".git/info").mkdir()
        (self._folder / ".git/info/attributes").write_text(AS_IT_IS, encoding="utf-8")
        self._git("add", "--all", "--force", ".")
        self._tree = self._git("write-tree")
        self._modes: dict[str, str] = {}
        self._blobs: dict[str, str] = {}
        for entry in self._git("ls-files", "--stage", "-z").split("\0")[:-1]:
            about, _, path = entry.partition("\t")
            self._modes[path], self._blobs[path] = about.split()[:2]
        (self._folder / ".git/index").unlink()  # each row has its own
        if len(self._blobs) != files:
            raise DatasetError(f"{environment.repo}: git takes {len(self._blobs)} of {files} files of the tree")

    @property
    def laid(self) -> Laid:
        """What all rows of the repository share; the untouched tree of its environment is hidden."""
        return Laid(self._folder.parent, ("environment/tree",))

    def row(self, row: Row, folder: Path) -> Laid:
        """Write a row's only commit: the files that a solver is given.

        Args:
            row: of this repository.
            folder: empty; gets the row's files.

        Raises:
            DatasetError: the file that holds the reference lies in the tree under another name as well.
        """
        git = folder / TESTBED / ".git"
        (git / "refs/heads").mkdir(parents=True)
        (git / "objects").mkdir()
        own = {
            "GIT_INDEX_FILE": str(git / "index"),
            "GIT_OBJECT_DIRECTORY": str(git / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self._folder / ".git/objects"),
        }
        self._git("read-tree", self._tree, env=own)
        for file in row.ttc_files:
            data = file.text.encode("utf-8")
            mode = self._modes.get(file.path, "100644")
            blob = self._git("hash-object", "-w", "--stdin", "--no-filters", given=data, env=own)
            self._git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{file.path}", env=own)
            place = folder / TESTBED / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            place.chmod(int(mode[-3:], 8))
        tree = self._git("write-tree", env=own)
        when = row.created_at or LONG_AGO
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _who(when).items()}
        commit = self._git("commit-tree", tree, "-m", one_line(f"{row.repo} {row.base_commit}"), env={**own, **who})
        (git / BRANCH).write_text(f"{commit}\n", encoding="ascii")
        hidden = self._hidden([file.path for file in row.ttc_files])
        return Laid(folder, tuple(f"{TESTBED}/.git/objects/{one[:2]}/{one[2:]}" for one in hidden))

    def _hidden(self, paths: list[str]) -> list[str]:
        """Objects that hold the reference, and the folders that name those: no commit leads there."""
        hidden = {self._tree: None}
        for path in paths:
            blob = self._blobs.get(path)
            if blob is None:
                continue
            other = next((one for one, its in self._blobs.items() if its == blob and one not in paths), None)
            if other is not None:
                raise DatasetError(f"{path}: lies in the tree as {other} too, where its reference could be read")
            above = [str(folder) for folder in PurePosixPath(path).parents if str(folder) != "."]
            hidden |= dict.fromkeys([blob, *(self._git("rev-parse", f"{self._tree}:{one}") for one in above)])
        return list(hidden)

    def _git(self, *arguments: str, given: bytes = b"", env: Mapping[str, str] = MappingProxyType({})) -> str:
        """Run git without anybody's configuration."""
        settings: Mapping[str, str] = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CEILING_DIRECTORIES": str(self._folder.parent),
            **env,
        }
        command = ["git", "-c", "core.autocrlf=false", "-c", "core.fileMode=true", *arguments]
        try:
            done = subprocess.run(
                command, cwd=self._folder, env=settings, input=given, capture_output=True, timeout=TIMEOUT_S
            )
        except FileNotFoundError as error:
            raise TtcError("no `git` on PATH; install git to make the images of rows") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"ended with {done.returncode}"]
            raise DatasetError(
                f"git {arguments[0]}: {said[-1]}; the row or its tree is damaged, fetch the dataset again"
            )
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


def _who(when: str) -> dict[str, str]:
    """The revision's date; git wants a time, and a time zone that is not this machine's."""
    date = when if "T" in when else f"{when}T00:00:00"
    return {"NAME": "ttcdata", "EMAIL": "ttcdata@example.invalid", "DATE": date if _has_zone(date) else f"{date}+00:00"}


def _has_zone(date: str) -> bool:
    return date.endswith("Z") or any(sign in date.partition("T")[2] for sign in "+-")
