"""Whether a task is one of a benchmark's: the same words in a row, a function of the same shape, or the same repository."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from ttc_data.curate.fingerprints import LEAST_SHINGLES, Fingerprint, known_fingerprints
from ttc_data.curate.likeness import function_sketches, gram_hashes, likeness, words
from ttc_data.lang.python.syntax import parse

LIKE = 0.6
"""Of two functions, from where they count as one. The most alike of 12,167 functions of seventeen projects and of Python's own
library had 0.40 with a benchmark's; copies with other names and another layout have 1.0."""
REPOSITORIES: dict[str, tuple[str, ...]] = {
    "SWE-bench": (
        "astropy/astropy", "django/django", "matplotlib/matplotlib", "mwaskom/seaborn", "pallets/flask", "psf/requests",
        "pydata/xarray", "pylint-dev/pylint", "pytest-dev/pytest", "scikit-learn/scikit-learn", "sphinx-doc/sphinx",
        "sympy/sympy",
    ),
    "SWE-bench dev": (
        "marshmallow-code/marshmallow", "pvlib/pvlib-python", "pydicom/pydicom", "pylint-dev/astroid", "pyvista/pyvista",
        "sqlfluff/sqlfluff",
    ),
}  # fmt: skip
BENCHMARKS = ("HumanEval", "MBPP", "SWE-bench Lite", *REPOSITORIES)
# Their projects on the package index, where the name is another.
_PROJECTS = {"pvlib-python": "pvlib"}
_GITHUB = re.compile(r"github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?(?:[/#?\s]|$)", re.IGNORECASE)
_HOME = re.compile(
    r"^(?:Home-page:|Project-URL:\s*(?:home ?page|home|source|source code|repository|code|github)\s*,)\s*(\S+)\s*$",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a task shares with a benchmark."""

    benchmark: str
    item: str
    """The problem's id, or the repository."""
    how: Literal["words", "shape", "repository"]
    detail: str


class Contamination:
    """Looks texts up among what is known of the benchmarks. Holds their 1,461 fingerprints and nothing of what it is shown.

    Args:
        known: problems of benchmarks.
    """

    def __init__(self, known: Sequence[Fingerprint]) -> None:
        self._known = known
        self._grams: dict[int, int] = {}
        self._sketches: list[tuple[int, tuple[int, ...]]] = []
        self._by_hash: dict[int, list[int]] = {}
        for number, one in enumerate(self._known):
            for value in one.grams:
                self._grams.setdefault(value, number)
            for made in one.functions:
                for value in made:
                    self._by_hash.setdefault(value, []).append(len(self._sketches))
                self._sketches.append((number, made))

    def overlaps(self, texts: Collection[str], code: str) -> Iterator[Overlap]:
        """What a task's texts share with the benchmarks, one for each problem and way.

        Args:
            texts: all that a solver or a trainer reads, the reference with it.
            code: the reference: the definition alone, as Python.
        """
        copied: Counter[int] = Counter()
        first: dict[int, str] = {}
        for text in texts:
            found = words(text)
            for at, value in enumerate(gram_hashes(found)):
                if (number := self._grams.get(value)) is not None:
                    copied[number] += 1
                    first.setdefault(number, " ".join(found[at : at + 6]))
        for number, count in sorted(copied.items()):
            one = self._known[number]
            yield Overlap(
                one.benchmark, one.item, "words", f"{count} runs of 13 words, the first: {first[number]!r} ..."
            )
        for number, share in sorted(self._alike(code).items()):
            one = self._known[number]
            yield Overlap(one.benchmark, one.item, "shape", f"a function that is {share:.0%} alike, names aside")

    def _alike(self, code: str) -> dict[int, float]:
        try:
            made = function_sketches(parse(code.encode("utf-8", "replace")), LEAST_SHINGLES)
        except SyntaxError:
            return {}
        found: dict[int, float] = {}
        for one in made:
            shared = Counter(place for value in one for place in self._by_hash.get(value, ()))
            for place, count in shared.items():
                number, other = self._sketches[place]
                if count >= LIKE * LEAST_SHINGLES and (share := likeness(one, other)) >= LIKE:
                    found[number] = max(share, found.get(number, 0.0))
        return found


@cache
def known_contamination() -> Contamination:
    """With the fingerprints that the package carries; the same one for all who ask, for nothing in it changes."""
    return Contamination(known_fingerprints())


def repository_overlap(repo: str, homes: Collection[str] = ()) -> Overlap | None:
    """Whether a repository is one that SWE-bench takes its tasks from, under its own name or another owner's.

    Args:
        repo: `owner/name`, or `pypi/NAME`.
        homes: what its metadata name as its home, as `homes_of` gives them.
    """
    name = _plain(repo.rpartition("/")[2])
    for benchmark, members in REPOSITORIES.items():
        for member in members:
            own = _plain(member.rpartition("/")[2])
            if name in (own, _PROJECTS.get(own)):
                return Overlap(benchmark, member, "repository", "" if repo == member else f"by the name of {repo}")
            if member in homes:
                return Overlap(benchmark, member, "repository", f"its metadata name {member} as its home")
    return None


def homes_of(metadata: str) -> set[str]:
    """The `owner/name`, in lower case, of the GitHub repositories that a `PKG-INFO` names as the project's home or source."""
    headers = metadata.partition("\n\n")[0]
    return {match[1].lower() for url in _HOME.findall(headers) if (match := _GITHUB.search(url))}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
