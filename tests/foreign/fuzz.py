"""Set descriptions, trees, locks, predictions, patches and recipes, made unsound by a seeded draw: no traceback, no hang, no byte outside.

    python -m tests.foreign.fuzz --seconds 3600
    python -m tests.foreign.fuzz --seed 7 --family rows --case 1234

An hour by hand, and one case again. `make test` runs `CASES`, with seed 0.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import pytest
from packaging.requirements import Requirement
from rich.console import Console

from tests.foreign.archives import packed
from tests.foreign.hostile import HostileSet
from tests.foreign.mutate import TEXTS, garbled, mutated
from tests.foreign.sound import ABSENT, ANSWER, LOCK, PATCH, PATCHES, RECIPE, YAML
from tests.foreign.watch import Watch
from tests.publish.small import MODULE
from ttc_data.agreement import environment_fault, row_fault, tests_fault, tree_fault
from ttc_data.dataset import ROW, Dataset, read_deprecated
from ttc_data.edits import apply_patch
from ttc_data.errors import DatasetError, PatchRejected, TtcError
from ttc_data.fields import MOST_LOCK_LINES, is_pinned
from ttc_data.hosts import host
from ttc_data.hosts.host import EnvironmentStore
from ttc_data.hunks import apply_hunks, read_sections
from ttc_data.pins import ENVIRONMENT, read_environment, read_pins
from ttc_data.plain import plain
from ttc_data.proof_view import shown_of
from ttc_data.publish.exports.sft import reference_answer
from ttc_data.publish.facts import read_facts
from ttc_data.publish.script import eval_script
from ttc_data.reader import require_granted
from ttc_data.reading import validated
from ttc_data.recipe import load_recipe, published_recipe
from ttc_data.report.changes import read_diff
from ttc_data.rules import ReaderRules, TreeLimits
from ttc_data.show import published_funnel
from ttc_data.solve.answer import read_answer
from ttc_data.solve.predictions import read_predictions
from ttc_data.solve.task import hidden_tests
from ttc_data.train.rules import load_training
from ttc_data.trees.foreign import tar_files
from ttc_data.trees.store import TreeStore

CASES = {
    "environments": 3_500, "rows": 3_800, "locks": 5_800, "recipes": 2_200, "files": 800, "predictions": 1_600, "hunks": 1_500, "patches": 200,
    "archives": 400, "views": 200,
}  # fmt: skip
"""Of a run in CI; 20,000 in all. git takes 20 ms for a patch."""
CASE_S = 20.0
"""Of one case, on a busy machine; the longest takes a tenth of a second on an idle one."""


@dataclass(frozen=True)
class Failed:
    """A case that did what no case may."""

    family: str
    case: int
    seed: str
    trace: str

    def __str__(self) -> str:
        again = f"python -m tests.foreign.fuzz --seed {self.seed} --family {self.family} --case {self.case}"
        return f"{again}\n{self.trace}"


class Fuzzer:
    """The families of cases, over one small set.

    Args:
        folder: an empty place, all that a case may touch.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hostile = HostileSet(folder / "hostile")
        self.set = self.hostile.folder
        self.trees = TreeStore(folder / "trees")
        for archive in (self.set / "trees").iterdir():
            self.trees.add_archive(archive)
        opened = Dataset(self.set)
        self.recipe = opened.recipe
        self.row = next(opened.rows())
        self.sound_row = json.loads(json.dumps(asdict(self.row)))
        self.environment = json.loads(json.dumps({**asdict(self.hostile.environment), "lock": LOCK}))
        self.given = {file.path: file.text for file in self.row.ttc_files}
        self.given_bytes = {"pkg/mod.py": MODULE.encode()}

    def environments(self, random: Random) -> None:
        """A description; one that passes is laid out as an environment, without its packages."""
        value = mutated(random, self.environment)
        environment = validated(ENVIRONMENT, value, "a set")
        assert all(map(is_pinned, environment.lock.splitlines()))
        if fault := environment_fault(environment):
            raise DatasetError(fault)
        if fault := tree_fault(environment, [path for path, _ in self.trees.files(environment.tree)]):
            raise DatasetError(fault)
        eval_script(environment, self.row.FAIL_TO_PASS, (), self.recipe.tests)
        place = self.folder / "environments"
        EnvironmentStore(place, self.trees, 10**9).ensure(environment)
        shutil.rmtree(place)

    def rows(self, random: Random) -> None:
        """A row as DuckDB gives it; one that passes is turned into its task and its answer's places."""
        row = validated(ROW, mutated(random, self.sound_row), "a set")
        assert row.instance_id not in (".", "..")
        assert "/" not in row.instance_id
        for path in (row.path, *(file.path for file in row.ttc_files), *(wire.path for wire in row.ttc_tripwires)):
            place = (self.set / path).resolve() if "\0" not in path else self.set.parent
            assert place.is_relative_to(self.set.resolve())

    def archives(self, random: Random) -> None:
        """A tree's archive, its members, headers or bytes changed; one that is taken is unpacked below a folder."""
        data = bytearray(packed(random))
        for _ in range(random.choice((0, 0, 1, 3))):
            data[random.randrange(min(len(data), 2_048))] = random.randrange(256)
        place = self.folder / f"{'0' * 64}.tar.gz"
        place.write_bytes(gzip.compress(data, 1)[: random.choice((None, None, None, 200))])
        found = self.folder / "unpacked"
        try:
            with gzip.open(place) as stream:
                stored = self.trees.put(tar_files(stream, TreeLimits()), TreeLimits())
            self.trees.unpack(stored.tree, found)
            assert all(path.is_dir() or path.is_file() for path in found.rglob("*"))
            assert not any(path.is_symlink() for path in found.rglob("*"))
            self.trees.path(stored.tree).unlink()
        finally:
            shutil.rmtree(found, ignore_errors=True)

    def views(self, random: Random) -> None:
        """A row that passes, as every command shows it: its proof, its task, its page, its exports."""
        value = self.sound_row
        for _ in range(20):
            value = mutated(random, self.sound_row)
            try:
                row = validated(ROW, value, "a set")
            except TtcError:
                continue
            if fault := row_fault(row):
                raise DatasetError(fault)
            break
        else:
            return
        read_diff(row.patch)
        read_diff(row.test_patch)
        files = self.trees.files(self.hostile.environment.tree)
        with contextlib.suppress(PatchRejected):
            tests_fault(row, {path for path, _ in files} | set(hidden_tests(row)))
        for part in shown_of(row):
            Console(file=io.StringIO(), width=100).print(part)
        reference_answer(row)

    def locks(self, random: Random) -> None:
        """A lock; one that passes holds nothing but what `packaging` reads as a plain, pinned requirement."""
        text = garbled(random, LOCK)
        environment = validated(ENVIRONMENT, {**self.environment, "lock": text}, "a set")
        lines = environment.lock.split("\n")
        assert lines.pop() == ""
        assert len(lines) <= MOST_LOCK_LINES
        for line in lines:
            read = Requirement(line.split(" --hash=")[0])
            assert (read.url, read.extras, len(read.specifier)) == (None, set(), 1)
            assert next(iter(read.specifier)).operator == "=="
            assert not set("$\\`\r\0") & set(line)
            assert line[0].isalnum()

    def recipes(self, random: Random) -> None:
        """A recipe of a person, a setting, a training recipe, and a set's recipe as it lies there."""
        kind = random.randrange(4)
        place = self.folder / "mine.yaml"
        pieces = YAML if random.random() < 0.7 else TEXTS
        text = garbled(random, RECIPE if kind < 3 else "name: x\ngrpo: {max_steps: 3}\nreader: {grant: {}}\n", pieces)
        place.write_text(text, encoding="utf-8", errors="surrogatepass")
        if kind == 0:
            require_granted(published_recipe(place)[0], ReaderRules(), "a set")
        elif kind == 1:
            load_recipe(str(place))
        elif kind == 2:
            setting = garbled(random, "tests.runs=5", YAML)
            load_recipe("demo", [setting], [garbled(random, "pypi:toolz==1.2.0")])
        else:
            load_training(str(place))

    def files(self, random: Random) -> None:
        """A file of a set with other bytes, and all that is read of it."""
        key = self.hostile.environment.key
        names: dict[str, tuple[int, Callable[[], object]]] = {
            "recipe.yaml": (
                8,
                lambda: require_granted(published_recipe(self.set / "recipe.yaml")[0], ReaderRules(), "a set"),
            ),
            "recipe.lock.yaml": (8, lambda: read_pins(self.set, self.recipe.hash)),
            "deprecated.jsonl": (8, lambda: read_deprecated(self.set)),
            "card.json": (4, lambda: published_funnel("a set", read_facts(self.set / "card.json"))),
            f"environments/{key}.json": (8, lambda: read_environment(self.set, key)),
            "data/train-00000-of-00001.parquet": (1, lambda: list(Dataset(self.set).rows())),
        }
        (name,) = random.choices(list(names), [share for share, _ in names.values()])
        place = self.set / name
        before = place.read_bytes() if place.is_file() else None
        sound = before.decode("latin-1") if before else ABSENT[name].replace("HASH", self.recipe.hash)
        text = garbled(random, sound)
        place.write_bytes(text.encode("latin-1" if name.startswith("data") else "utf-8", "replace"))
        try:
            names[name][1]()
        finally:
            if before is None:
                place.unlink()
            else:
                place.write_bytes(before)

    def predictions(self, random: Random) -> None:
        """A file of answers; those in it are read as answers to the row."""
        sound = {"instance_id": self.row.instance_id, "model": "m", "completion": ANSWER}
        if random.random() < 0.5:
            value = mutated(random, [sound, {**sound, "completions": [ANSWER]}, {"id": "x", "patch": PATCH}])
            text = json.dumps(value, default=str)
        elif random.random() < 0.1:
            text = random.choice(('{"a":', "[", '[{"instance_id":"x","completion":[')) * random.choice((900, 30_000))
        else:
            text = garbled(random, json.dumps(sound) + "\n" + json.dumps(sound) + "\n")
        place = self.folder / "answers.jsonl"
        place.write_bytes(text.encode("utf-8", "surrogatepass" if random.random() < 0.1 else "replace"))
        for answer in read_predictions(place):
            answer.instance_id.encode("utf-8")
            if not answer.is_patch:
                said = (
                    garbled(random, answer.text, random.choice((TEXTS, PATCHES)))
                    if random.random() < 0.7
                    else answer.text
                )
                found = read_answer(said, self.given, self.row.path, self.row.ttc_target)
                assert set(found.files) <= set(self.given)

    def hunks(self, random: Random) -> None:
        """A diff as it is read where git does not take it."""
        for section in read_sections(garbled(random, PATCH, PATCHES)):
            if not section.binary:
                apply_hunks(MODULE, section)

    def patches(self, random: Random) -> None:
        """A diff, applied: no path of what changes leaves the tree."""
        for path in apply_patch(self.given_bytes, garbled(random, PATCH, PATCHES)):
            assert not path.startswith("/")
            assert ".." not in path.split("/")
            assert ".git" not in path.lower().split("/")


REFUSED = (TtcError, PatchRejected)
"""What a case may end in: one line for a person."""


def no_packages(*given: object, **named: object) -> None:
    """In the place of uv: what a lock may say is a family of its own."""


class Ending:
    """How a case ended, whatever it raised."""

    def __init__(self) -> None:
        self.trace = ""
        self.refused = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> bool:
        self.refused = isinstance(error, REFUSED)
        if error is None or self.refused:
            return True
        self.trace = "".join(traceback.format_exception(kind, error, at, limit=-12))
        return isinstance(error, Exception)


def run(
    cases: Iterator[tuple[str, int]], seed: str, watch: Watch, taken: Counter[str] | None = None
) -> Iterator[Failed]:
    """Run cases, and give those that failed.

    Args:
        cases: families and numbers.
        seed: of the draws.
        watch: of this process.
        taken: counts the cases that were sound enough to be taken, by family.
    """
    folder = Path(tempfile.mkdtemp(prefix="ttcdata-fuzz-"))
    fuzzer = Fuzzer(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "install", no_packages)
        patch.setattr(tempfile, "tempdir", str(folder))
        for family, case in cases:
            with Ending() as ending, watch.over(CASE_S, folder):
                getattr(fuzzer, family)(Random(f"{seed}:{family}:{case}"))
            if ending.trace:
                yield Failed(family, case, seed, ending.trace)
            elif taken is not None and not ending.refused:
                taken[family] += 1
    shutil.rmtree(folder, ignore_errors=True)


def planned() -> Iterator[tuple[str, int]]:
    """Those of CI."""
    for family, most in CASES.items():
        yield from ((family, case) for case in range(most))


def endless(seconds: float) -> Iterator[tuple[str, int]]:
    """All families in turn, by their shares, until the time is over."""
    until = time.monotonic() + seconds
    families = [family for family, most in CASES.items() for _ in range(most // 200)]
    for case in count():
        for number, family in enumerate(families):
            if time.monotonic() > until:
                return
            yield family, case * len(families) + number


def main() -> int:
    """Run by hand; 1 where a case failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0, help="run so long, with a seed of its own")
    parser.add_argument("--seed", default="")
    parser.add_argument("--family", choices=list(CASES))
    parser.add_argument("--case", type=int)
    options = parser.parse_args()
    seed = options.seed or (str(time.time_ns()) if options.seconds else "0")
    cases = endless(options.seconds) if options.seconds else planned()
    if options.family:
        numbers = range(CASES[options.family]) if options.case is None else [options.case]
        cases = ((options.family, number) for number in numbers)
    ran, began = dict.fromkeys(CASES, 0), time.monotonic()

    def counted() -> Iterator[tuple[str, int]]:
        for family, case in cases:
            ran[family] += 1
            yield family, case

    failed = 0
    for one in run(counted(), seed, Watch()):
        failed += 1
        print(plain(str(one)), flush=True)
    shares = ", ".join(f"{family} {number}" for family, number in ran.items())
    print(f"seed {seed}: {sum(ran.values())} cases in {time.monotonic() - began:.1f} s, {failed} failed ({shares})")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
