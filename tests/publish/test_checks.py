"""Each check finds what it is for, in a set that is sound but for that one thing, and what is allowed is on the card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.curate.benchmark import PROBLEM, RENAMED, known
from tests.curate.test_secrets import KEYS, pem
from tests.publish.small import MUTANTS, RECIPE, SmallBuild
from ttc_data.curate.contamination import Contamination
from ttc_data.edits import unified_diff
from ttc_data.errors import DatasetError, RecipeError
from ttc_data.publish import check_files, check_rows
from ttc_data.publish.card import record_findings
from ttc_data.publish.checks import CHECKS, Finding, check_dataset, inspect_dataset
from ttc_data.publish.findings import KEPT, Findings
from ttc_data.publish.rows import ROWS_A_GROUP, write_splits
from ttc_data.records import Baseline, FileText, Source, Tripwire
from ttc_data.row import Message, Row
from ttc_data.rules import CheckRules, TreeLimits
from ttc_data.store import quoted
from ttc_data.trees.foreign import TreeFile

REPOS = ("owner/alpha", "owner/beta")
IT = "tests/test_mod.py::test_it"
EDIT = Tripwire("tests/test_mod.py", 1, 2, "of", "off", "value", (IT,), ())


class Changed(SmallBuild):
    """A sound small build, but for a change of its rows or for files that its trees hold besides."""

    def __init__(
        self,
        folder: Path,
        change: Callable[[Row], Row] = lambda row: row,
        files: Mapping[str, str] | None = None,
        repos: tuple[str, ...] = REPOS,
        **recipe: Any,
    ) -> None:
        self._change = change
        self._files = files or {}
        self._rows: list[Row] = []
        super().__init__(folder, repos, RECIPE.model_copy(update=recipe))
        self.write()
        self.dataset = self.out / "dataset"

    def rows(self) -> Iterator[Row]:
        """The same each time, and changed once."""
        if not self._rows:
            self._rows = [self._change(replace(row, ttc_tripwires=(EDIT,))) for row in super().rows()]
        yield from self._rows

    def _source(self, repo: str) -> Source:
        source = super()._source(repo)
        files = [TreeFile(path, data, executable=False) for path, data in self.trees.files(source.tree)]
        files += [TreeFile(path, text.encode(), executable=False) for path, text in self._files.items()]
        return replace(source, tree=self.trees.put(files, TreeLimits()).tree)

    def found(self, *allow: str) -> dict[str, list[str]]:
        """Details by check, of what is not allowed."""
        found: dict[str, list[str]] = {}
        for one in check_dataset(self.dataset, allow=allow):
            if not one.allowed:
                found.setdefault(one.check, []).append(one.detail)
        return found


def is_first(row: Row) -> bool:
    return row.repo == REPOS[0] and row.ttc_target == "add"


def change(**columns: Any) -> Callable[[Row], Row]:
    return lambda row: replace(row, **columns) if is_first(row) else row


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Changed:
    return Changed(tmp_path_factory.mktemp("sound"))


def first_id(build: SmallBuild) -> str:
    return next(row.instance_id for row in build.rows() if is_first(row))


def test_a_sound_set_has_no_finding(sound: Changed) -> None:
    assert check_dataset(sound.dataset) == []
    inspection = inspect_dataset(sound.dataset)
    assert inspection.publishable
    assert inspection.rows == 6
    assert set(inspection.contaminated.values()) == {0}


# Rows


DEFECTS: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"license": ""}, "licence", "no licence"),
    ({"license": "GPL-3.0-only"}, "licence", "GPL-3.0-only, which license.allow does not allow"),
    ({"ttc_gold_passes": 2}, "proof", "passed 2 of 3 runs"),
    ({"ttc_gold_passes": 1, "ttc_gold_runs": 1}, "proof", "passed 1 of 1 runs"),
    ({"FAIL_TO_PASS": ()}, "proof", "FAIL_TO_PASS is empty"),
    (
        {"FAIL_TO_PASS": ("a",), "PASS_TO_PASS": ("a",), "ttc_first_look": ("a",)},
        "proof",
        "a is in FAIL_TO_PASS and in PASS_TO_PASS",
    ),
    ({"ttc_stubs_passed": 2}, "proof", "2 trivial bodies pass"),
    ({"ttc_first_look": ()}, "proof", "ttc_first_look is empty"),
    ({"ttc_first_look": (IT, "a")}, "proof", "a is in ttc_first_look and not in FAIL_TO_PASS"),
    ({"FAIL_TO_PASS": (IT, "a"), "ttc_first_look": ("a",)}, "proof", "1 mutants that FAIL_TO_PASS notices pass"),
    ({"ttc_left_out": (IT,)}, "proof", f"{IT} is in ttc_left_out and decides all the same"),
    ({"FAIL_TO_PASS": (IT,), "ttc_baselines": (Baseline("pass", (IT,)),)}, "proof", "the trivial body pass passes all"),
    ({"ttc_max_run_s": -1.0}, "schema", "ttc_max_run_s: Input should be greater than or equal to 0"),
    ({"ttc_tripwires": (EDIT,) * 7}, "proof", "7 tripwires, tests.tripwires is 6"),
    ({"ttc_mutation_score": 0.9}, "proof", "of ttc_mutants 0.5 are noticed"),
    (
        {"ttc_mutants": (MUTANTS[1],), "ttc_mutation_score": 0.0},
        "proof",
        "mutation score 0, tests.min_mutation_score is 0.5",
    ),
    ({"patch": ""}, "proof", "the reference does not apply"),
    ({"ttc_target": "missing"}, "proof", "has no missing with it"),
    ({"ttc_line_coverage": 1.5}, "schema", "ttc_line_coverage: Input should be less than or equal to 1"),
    ({"ttc_kind": "module"}, "schema", "ttc_kind: Input should be 'function', 'method' or 'class'"),
)


def test_a_row_without_proof_or_licence_is_found(tmp_path: Path) -> None:
    """Each row of this set has one defect, and one finding."""
    waiting = iter(DEFECTS)
    repos = tuple(f"owner/{name}" for name in "abcdefg")
    build = Changed(tmp_path, lambda row: replace(row, **next(waiting, ({}, "", ""))[0]), repos=repos)
    names = [row.instance_id for row in build.rows()]
    expected = {name: (check, words) for name, (_, check, words) in zip(names, DEFECTS, strict=False)}
    assert len(expected) == len(DEFECTS) == len(names) - 1
    findings = check_dataset(build.dataset)
    assert len(findings) == len(DEFECTS)
    for one in findings:
        name, _, detail = one.detail.partition(": ")
        check, words = expected.pop(name)
        assert one.check == check
        assert words in detail
        assert not one.allowed
    assert expected == {}


def test_a_set_in_which_no_row_has_a_tripwire_is_found_and_one_with_some_is_told_of(tmp_path: Path) -> None:
    none = Changed(tmp_path / "none", lambda row: replace(row, ttc_tripwires=()))
    assert none.found() == {"proof": ["6 of 6 rows without a tripwire: their reward rests on one session alone"]}
    some = Changed(tmp_path / "some", change(ttc_tripwires=()))
    (one,) = check_dataset(some.dataset)
    assert one.allowed
    assert one.detail.startswith("1 of 6 rows")


def test_an_id_that_two_rows_have_is_found(tmp_path: Path) -> None:
    build = Changed(tmp_path, lambda row: replace(row, instance_id=f"row-{row.ttc_kind}"))
    assert build.found() == {"ids": [f"row-{kind}: 2 rows have this id" for kind in ("class", "function", "method")]}


def test_a_repository_in_two_splits_is_found(sound: Changed, tmp_path: Path) -> None:
    dataset = copy_of(sound, tmp_path)
    (train,) = (dataset / "data").iterdir()
    train.with_name("test-00000-of-00001.parquet").write_bytes(train.read_bytes())
    details = [one.detail for one in check_dataset(dataset) if one.check == "splits"]
    assert details == [f"{repo} is in test and train: a repository belongs to one split" for repo in REPOS]


def copy_of(build: Changed, folder: Path) -> Path:
    """The dataset's folder, to be changed."""
    return Path(shutil.copytree(build.dataset, folder / "dataset"))


# Secrets


def test_a_token_in_a_tree_is_found_and_not_told(tmp_path: Path) -> None:
    build = Changed(tmp_path, files={"pkg/settings.py": f"\nTOKEN = '{KEYS['GitHub token']}'\n"})
    (detail,) = build.found()["secrets"]
    assert detail.startswith("GitHub token ")
    assert "pkg/settings.py:2 and 1 more places" in detail, "two repositories have it"
    assert KEYS["GitHub token"] not in (build.dataset / "README.md").read_text(encoding="utf-8")


def test_a_private_key_among_tests_is_their_own_and_elsewhere_it_is_not(tmp_path: Path) -> None:
    tests = Changed(tmp_path / "tests", files={"tests/certs/server.pem": pem()})
    (own,) = check_dataset(tests.dataset)
    assert (own.check, own.allowed) == ("secrets", True)
    assert "a test's own" in own.detail
    key = pem()
    both = Changed(tmp_path / "both", files={"tests/certs/server.pem": key, "deploy/server.pem": key})
    assert "deploy/server.pem" in both.found()["secrets"][0]


def test_a_token_in_a_row_and_a_password_in_the_recipe_are_found(tmp_path: Path) -> None:
    build = Changed(tmp_path, change(ttc_docstring=f"Use {KEYS['Hugging Face token']}."))
    with (build.dataset / "recipe.yaml").open("a", encoding="utf-8") as recipe:
        recipe.write("# https://me:Zk3kPq9sVw@git.host/x\n")
    found = build.found()["secrets"]
    assert [detail.split()[0] for detail in sorted(found)] == ["Hugging", "password"]
    assert first_id(build) in min(found)


def test_a_finding_is_allowed_by_its_check_or_by_what_its_line_holds(tmp_path: Path) -> None:
    files = {"a.py": KEYS["npm token"], "b.py": KEYS["GitLab token"]}
    build = Changed(tmp_path, files=files)
    assert len(build.found()["secrets"]) == 2
    assert build.found("secrets") == {}
    assert len(build.found("secrets:a.py")["secrets"]) == 1
    assert build.found("secrets:a.py", "secrets:GitLab") == {}
    assert len(build.found("proof")["secrets"]) == 2
    with pytest.raises(RecipeError, match="did you mean 'secrets'"):
        check_dataset(build.dataset, allow=["secret"])


# Contamination


def contaminated(row: Row) -> Row:
    """A row whose reference is a benchmark's problem with other names."""
    if not is_first(row):
        return row
    masked = "def widest(ys, eps):\n    raise NotImplementedError\n"
    patch = unified_diff({row.path: masked}, {row.path: RENAMED})
    return replace(row, ttc_target="widest", ttc_files=(FileText(row.path, masked),), patch=patch)


def test_a_benchmarks_problem_is_found_in_prompts_and_references(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_rows, "known_contamination", lambda: Contamination(known()))
    asked = Changed(tmp_path / "asked", change(prompt=(Message("user", PROBLEM),)))
    (detail,) = asked.found()["contamination"]
    assert detail.startswith(f"{first_id(asked)}: Walks Walks/1: ")
    assert "runs of 13 words" in detail
    solved = Changed(tmp_path / "solved", contaminated)
    (detail,) = solved.found()["contamination"]
    assert "a function that is 100% alike" in detail
    assert inspect_dataset(solved.dataset).contaminated["Walks"] == 1


def test_a_repository_of_swe_bench_is_found_under_any_name(tmp_path: Path) -> None:
    named = Changed(tmp_path / "named", repos=("pypi/django", "owner/alpha"))
    assert named.found()["contamination"] == [
        "pypi/django, 3 rows: SWE-bench takes its tasks from django/django (by the name of pypi/django)"
    ]
    assert inspect_dataset(named.dataset).contaminated["SWE-bench"] == 3
    metadata = "Name: alpha\nHome-page: https://github.com/sympy/sympy\n\n"
    at_home = Changed(tmp_path / "home", files={"PKG-INFO": metadata}, repos=("pypi/alpha",))
    assert "its metadata name sympy/sympy" in at_home.found()["contamination"][0]


# The card and the files


def test_the_card_says_what_was_allowed_and_what_was_found(tmp_path: Path) -> None:
    build = Changed(
        tmp_path,
        files={"a.py": KEYS["npm token"], "b.py": KEYS["GitLab token"]},
        check=CheckRules(allow=("secrets:npm",)),
    )
    card = (build.dataset / "README.md").read_text(encoding="utf-8")
    assert "| secrets | 1 that speak against publishing, 1 allowed |" in card
    published = card.partition("Published in spite of:")[2]
    assert "npm token" in published
    assert "GitLab token" not in published
    findings = check_dataset(build.dataset, allow=["secrets:GitLab"])
    record_findings(build.dataset, findings)
    card = (build.dataset / "README.md").read_text(encoding="utf-8")
    assert "| secrets | 2 allowed |" in card
    assert "GitLab token" in card.partition("Published in spite of:")[2]
    assert check_dataset(build.dataset, allow=["secrets"]) == findings


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("## Evidence\n", "", "section 'Evidence' is missing"),
        ("## Known limits\n", "## Known limits\n\n## Limits\n", "section 'Known limits' is empty"),
        ("data/train-*", "data/other-*", "no file is data/other-*"),
        ("license:", "licence:", "no license in the header"),
        ("---\n", "", "no header"),
    ],
)
def test_a_card_that_lacks_something_is_found(sound: Changed, tmp_path: Path, old: str, new: str, words: str) -> None:
    dataset = copy_of(sound, tmp_path)
    card = dataset / "README.md"
    card.write_text(card.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    found = check_dataset(dataset)
    assert {one.check for one in found} == {"card"}
    assert any(words in one.detail for one in found)


def test_a_card_of_other_rows_and_no_card_are_found(sound: Changed, tmp_path: Path) -> None:
    dataset = copy_of(sound, tmp_path)
    facts = json.loads((dataset / "card.json").read_text(encoding="utf-8"))
    (dataset / "card.json").write_text(json.dumps({**facts, "rows": 7}), encoding="utf-8")
    assert check_dataset(dataset) == [Finding("card", "card.json says 7 rows, there are 6", allowed=False)]
    (dataset / "card.json").unlink()
    assert "no card, or none of this version" in check_dataset(dataset)[0].detail


def test_files_that_the_hub_does_not_take_are_found(
    sound: Changed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = copy_of(sound, tmp_path)
    with (dataset / "large.bin").open("wb") as file:
        file.truncate(check_files.MOST_FILE_BYTES + 1)  # a hole: takes no space
    monkeypatch.setattr(check_files, "MOST_GROUP_BYTES", 1_000)
    monkeypatch.setattr(check_files, "MOST_IN_FOLDER", 1)
    findings = Findings()
    check_files.check_sizes(dataset, findings)
    details = [one.detail for one in findings.listed()]
    assert any(detail.startswith("large.bin: 21.0 GB") for detail in details)
    assert any("trees/: 2 files" in detail for detail in details)
    assert any("row group 0" in detail for detail in details)


def test_row_groups_are_small_enough_for_the_hubs_viewer(sound: Changed, tmp_path: Path) -> None:
    """A row has 60 KB: DuckDB's own 122,880 rows a group would be 7 GB, of which the viewer shows nothing."""
    row = next(sound.rows())
    rows = [
        replace(row, instance_id=f"row-{number:06}", ttc_files=(), prompt=()) for number in range(2 * ROWS_A_GROUP + 1)
    ]
    write_splits(lambda: iter(rows), {row.repo: "train"}, tmp_path)
    with duckdb.connect() as connection:
        groups = connection.execute(
            f"SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata({quoted(tmp_path / '*.parquet')}) ORDER BY 1"
        ).fetchall()
    assert groups == [(0, ROWS_A_GROUP), (1, ROWS_A_GROUP), (2, 1)]


def test_a_damaged_tree_and_a_folder_without_recipe_are_errors(sound: Changed, tmp_path: Path) -> None:
    dataset = copy_of(sound, tmp_path)
    tree = next((dataset / "trees").iterdir())
    tree.write_bytes(tree.read_bytes()[:50])
    with pytest.raises(DatasetError, match=r"trees/.*build the set again"):
        check_dataset(dataset)
    (dataset / "recipe.yaml").unlink()
    with pytest.raises(DatasetError, match=r"no recipe\.yaml"):
        check_dataset(dataset)


# Findings


def test_findings_beyond_those_that_are_kept_are_counted() -> None:
    findings = Findings(["ids:even"])
    for number in range(2 * KEPT + 20):
        findings.add("ids", f"{'odd' if number % 2 else 'even'} {number}")
    listed = findings.listed()
    assert len(listed) == 2 * KEPT + 2
    assert [one.detail for one in listed if one.detail.startswith("and")] == ["and 10 more"] * 2
    assert {one.allowed for one in listed if one.detail.startswith("and")} == {True, False}


def test_checks_are_listed_in_their_order() -> None:
    findings = Findings()
    for name in reversed(CHECKS):
        findings.add(name, "x")
    assert [one.check for one in findings.listed()] == list(CHECKS)
