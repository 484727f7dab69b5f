"""Symbolic links of a tree on its way into the store: those that stay inside become copies of what they lead to."""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ttc_data.errors import SourceRefused
from ttc_data.fields import is_text, path_fault

# As Linux: more links on the way to one file than this are taken for a loop.
MOST_HOPS = 40
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class TreeLink:
    """A symbolic link on its way into a tree."""

    path: str
    """Relative, with forward slashes."""
    target: str
    """As written: relative to the link's folder, or absolute."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A link that is not in the stored tree, and why."""

    path: str
    reason: str
    """`link_escapes`, `link_loops`, `link_dangles`, `link_to_code` or `path_too_long`."""
    detail: str


def ignore(_: LeftOut) -> None:
    """What is left out is nobody's concern."""


class _Refused(Exception):
    def __init__(self, reason: str, why: str) -> None:
        super().__init__(reason, why)
        self.reason = reason
        self.why = why


@dataclass(slots=True)
class Links:
    """The links of one tree, whose files are known.

    Args:
        files: paths of the tree's ordinary files.
        links: path to target; where a file has the same path, the file counts.
        code: of `files`, those that a copy would give away: what is masked in them would stand in the copy.
        left_out: told of each link that gives nothing, or less than it leads to.
        most: links that are followed; two in each of twenty folders, to the next one, are a million.
    """

    files: Collection[str]
    links: Mapping[str, str]
    code: Collection[str]
    left_out: Callable[[LeftOut], None]
    most: int
    _sorted: list[str] = field(init=False)
    _met: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._sorted = sorted({*self.files, *self.links})

    def copies(self) -> Iterator[tuple[str, str]]:
        """Path of each copy, and of the file that it is a copy of; whoever takes them limits their number.

        Raises:
            SourceRefused: `too_many_files`.
        """
        for path in sorted(self.links):
            if path not in self.files:
                yield from self._of(path, path, ())

    def _of(self, place: str, link: str, above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """What a link gives at a place: its own, or below a copy of the folder that it lies in."""
        self._met += 1
        if self._met > self.most:
            raise SourceRefused("too_many_files", f"links that lead to links make more than {self.most} (max_files)")
        try:
            found = self._followed(link)
            if found in self.files:
                yield self._copy(place, found)
                return
            inside = list(self._below(found))
            if not inside:
                raise _Refused("link_dangles", "which is not in the tree")
            if found in above or _lies_in(link, found) or _lies_in(place, found):
                raise _Refused("link_loops", "a folder that it lies in itself")
        except _Refused as refused:
            self._leave(place, link, refused)
            return
        without: dict[str, _Refused] = {}
        for path in inside:
            new = posixpath.join(place, path[len(found) + 1 if found else 0 :])
            if path not in self.files:
                yield from self._of(new, path, (*above, found))
                continue
            try:
                yield self._copy(new, path)
            except _Refused as refused:
                without.setdefault(refused.reason, refused)
        for reason in without.values():  # once a link, not once a file
            self._leave(place, link, reason)

    def _copy(self, place: str, path: str) -> tuple[str, str]:
        if path in self.code:
            raise _Refused("link_to_code", f"and a copy of {path!r} would show what is masked in it")
        if fault := path_fault(place):
            raise _Refused(fault, "and the copy's path is no path of a tree")
        return place, path

    def _leave(self, place: str, link: str, refused: _Refused) -> None:
        aim = self.links[link][:MOST_SHOWN]
        self.left_out(LeftOut(shown(place), refused.reason, f"{link!r} leads to {aim!r}, {refused.why}"))

    def _below(self, folder: str) -> Iterator[str]:
        prefix = f"{folder}/" if folder else ""
        for path in self._sorted[bisect_left(self._sorted, prefix) :]:
            if not path.startswith(prefix):
                return
            yield path

    def _followed(self, link: str) -> str:
        """Where a link leads, as a kernel finds it: component by component, through further links."""
        waiting = link.split("/")[::-1]
        found: list[str] = []
        hops = 0
        while waiting:
            part = waiting.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not found:
                    raise _Refused("link_escapes", "outside the tree")
                found.pop()
                continue
            found.append(part)
            path = "/".join(found)
            if path in self.links and path not in self.files:
                hops += 1
                target = self.links[path]
                if hops > MOST_HOPS:
                    raise _Refused("link_loops", "which leads back to it")
                if target.startswith("/") or "\0" in target:
                    raise _Refused("link_escapes", "outside the tree")
                found.pop()
                waiting += target.split("/")[::-1]
        return "/".join(found)


def shown(path: str) -> str:
    """A path as a record can hold it: what is no UTF-8 is escaped."""
    return path if is_text(path) else ascii(path)


def _lies_in(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")
