"""A small build as `ttcdata build` leaves it, without running anything: made-up repositories, real rows, real files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ttc_data.edits import unified_diff
from ttc_data.extract import extract
from ttc_data.lang.python.masking import interface, mask
from ttc_data.publish.rows import Proven, make_row
from ttc_data.publish.write import write_dataset
from ttc_data.recipe import Recipe
from ttc_data.records import (
    Baseline,
    Environment,
    Evidence,
    FileText,
    GoldRun,
    Mutation,
    Reject,
    Sample,
    Source,
    Target,
    Tripwire,
    Variation,
    Verdict,
)
from ttc_data.row import Row
from ttc_data.rules import PypiSource, TreeLimits
from ttc_data.specs.docstring import docstring_spec
from ttc_data.store import Build
from ttc_data.trees.foreign import TreeFile
from ttc_data.trees.store import TreeStore

RECIPE = Recipe(name="small", description="Made up.", sources=(PypiSource(projects=("alpha",)),))
MUTANTS = (
    Mutation("arithmetic", 10, "+", "-", "killed", ("tests/test_mod.py::test_it",)),
    Mutation("constant", 10, "1", "0", "survived", ()),
)
MODULE = '''\
"""A module."""


def add(a, b):
    """Add two numbers and say the sum.

    >>> add(1, 2)
    3
    """
    total = a + b
    return total


class Counter:
    """Counts what it is shown, one thing at a time."""

    def __init__(self):
        self.seen = {}

    def show(self, thing):
        """Count one more thing and say how many there are."""
        self.seen[thing] = self.seen.get(thing, 0) + 1
        return self.seen[thing]
'''


class SmallBuild:
    """Rows of some repositories that all hold the same module.

    Args:
        folder: for the build and its cache.
        repos: `owner/name` of each.
        recipe: what it was made by.
    """

    def __init__(self, folder: Path, repos: Sequence[str], recipe: Recipe = RECIPE) -> None:
        self.out = folder / "small"
        self.recipe = recipe
        self.trees = TreeStore(folder / "trees")
        self.sources = [self._source(repo) for repo in repos]
        self.environments = [self._environment(source) for source in self.sources]

    def _source(self, repo: str) -> Source:
        files = [
            TreeFile("pkg/mod.py", MODULE.encode(), executable=False),
            TreeFile("tests/test_mod.py", f"# of {repo}\n".encode(), executable=False),
        ]
        stored = self.trees.put(files, TreeLimits())
        return Source("git", repo, "abc", "MIT", f"git:{repo}", stored.tree, stored.files, stored.size, "2026-01-02")

    def _environment(self, source: Source) -> Environment:
        return Environment(
            source.key, source.repo, source.tree, "pkg", "1.0", "3.11", "linux", "", ("",), (), (), ("tests/test_mod.py",), ()
        )  # fmt: skip

    def targets(self, source: Source) -> list[Target]:
        """What is masked in each repository: a function, a class, a method."""
        found = extract(source, [("pkg/mod.py", MODULE.encode())], self.recipe.extract)
        return [target for target in found if isinstance(target, Target)]

    def rows(self) -> Iterator[Row]:
        """Every row, by repository."""
        for source, environment in zip(self.sources, self.environments, strict=True):
            for target in self.targets(source):
                yield self._row(source, environment, target)

    def _row(self, source: Source, environment: Environment, target: Target) -> Row:
        spec = docstring_spec(target, self.recipe.spec)
        text = mask(MODULE.encode(), target, spec.text, self.recipe.mask.mode).text.decode()
        test = FileText(f"ttc_doctests/test_{target.key[:6]}.py", "def test_docstring_examples():\n    pass\n")
        sample = Sample(
            target_key=target.key,
            source_key=source.key,
            environment_key=environment.key,
            spec_key=spec.key,
            mask=self.recipe.mask.mode,
            path=target.path,
            qualname=target.qualname,
            masked=text,
            interface=interface(MODULE.encode(), target, spec.text) if self.recipe.mask.mode == "whole" else "",
            patch=unified_diff({target.path: text}, {target.path: MODULE}),
            tests=(test,),
            candidates=(f"{test.path}::test_docstring_examples", "tests/test_mod.py::test_it"),
            neighbours=(),
            spec_overlap=0.0,
            needs="",
        )
        edit = Tripwire("tests/test_mod.py", 1, 2, "of", "off", "value", ("tests/test_mod.py::test_it",), ())
        evidence = Evidence(
            sample.key, Verdict("valid"), (GoldRun(Variation(), True),) * 3, sample.candidates,
            ("tests/test_mod.py::test_other[a-b]",), sample.tests, 1.0, 0.5, MUTANTS, ("pass",), "repository",
            (edit,) if target.kind == "function" else (), first_look=("tests/test_mod.py::test_it",),
            left_out=("tests/test_mod.py::test_slow",) if target.kind == "class" else (),
            baselines=(Baseline("pass", ()), Baseline("return_first_argument", sample.candidates[:1])),
        )  # fmt: skip
        return make_row(Proven(evidence, sample, target, spec, source, environment), self.recipe, "build")

    def write(self) -> dict[str, int]:
        """Write records, dataset, card and recipe; rows a split."""
        build = Build(self.out)
        try:
            mined = build.stage("mine", Source)
            for source in self.sources:
                mined.write(source.key, [source], [], 0.1)
            refused = Reject("key", "mine", "license_not_allowed", "[GPL-3.0]", "pypi/beta")
            mined.write("refused", [], [refused], 0.1)
            mined.compact({*(source.key for source in self.sources), "refused"})
        finally:
            build.close()
        return write_dataset(
            self.out,
            self.rows,
            recipe=self.recipe,
            environments={environment.key: environment for environment in self.environments},
            sources={source.key: source for source in self.sources},
            trees=self.trees,
        )
