"""An altered test looks like any other: code that knows all that our source may write cannot tell which ones are."""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import re
import runpy
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Self

import pytest

from tests.scripted import played
from ttc_data.evidence.twins import draw, find_tripwires, ids, twin_files
from ttc_data.lang.python.assertions import alterations, places, replacements, wording
from ttc_data.lang.python.assertions.tripwires import propose
from ttc_data.records import Tripwire
from ttc_data.sandbox.protocol import Job, Report

Answer = Callable[..., Any]
PATH = "test_words.py"
DRAWS = 6
ROWS = {
    "numbers": """
        def test_sum():
            assert answer([1, 2]) == 3

        def test_float():
            assert answer([0.5, 1.0]) == 1.5
        """,
    "strings": """
        def test_upper():
            assert answer("word") == "drow"

        def test_phrase():
            assert answer("Two words") == "sdrow owT"
        """,
    "nothing": """
        def test_empty():
            assert answer("") == ""

        def test_list():
            assert answer([]) == []

        def test_none():
            assert answer(None) is None
        """,
    "containers": """
        def test_pairs():
            assert answer({"a": 1}) == {1: "a"}

        def test_members():
            expected = [3, 2, 1]
            assert answer([1, 2, 3], back=True) == expected
        """,
    "expressions": """
        def test_reversed():
            word = "some"
            assert answer(word) == word[::-1]

        def test_again():
            assert answer(answer("more")) == "".join(["mo", "re"])
        """,
    "claims": """
        def test_text():
            assert answer("word")

        def test_type():
            assert isinstance(answer("a"), str)

        def test_none():
            assert answer("b") is not None
        """,
    "members": """
        def test_in():
            assert answer("ab") in ("ba", "ab ")

        def test_more():
            assert "dro" in answer("word")

        def test_less():
            assert answer([1, 2]) < 4
        """,
    "exceptions": """
        def test_refuses():
            with pytest.raises(TypeError):
                answer(object())

        def test_value():
            assert answer([4]) == 4
        """,
    "parameters": """
        @pytest.mark.parametrize(("given", "expected"), [("ab", "ba"), ("xyz", "zyx"), ("left", "tfel")])
        def test_each(given, expected):
            assert answer(given) == expected
        """,
    "booleans": """
        def test_true():
            assert answer(True) == False

        def test_number():
            assert answer([2, 2]) == 4
        """,
}  # fmt: skip


def reference(given: Any, back: bool = False) -> Any:
    match given:
        case bool():
            return not given
        case list():
            return given[::-1] if back or not given else sum(given)
        case dict():
            return {value: key for key, value in given.items()}
        case str():
            return given[::-1]
        case None:
            return None
        case _:
            raise TypeError(given)


@dataclass(frozen=True)
class Row:
    """A test file, the tests that decide, and the places that were found in it."""

    text: str
    tests: tuple[str, ...]
    tripwires: tuple[Tripwire, ...]


def outcomes(text: str, answer: Answer, folder: Path) -> dict[str, str]:
    """Run a test file's functions on an answer, with their parameters."""
    file = folder / PATH
    file.write_text(text, encoding="utf-8")
    names = runpy.run_path(str(file), {"answer": answer})
    found: dict[str, str] = {}
    for name, test in [(name, test) for name, test in names.items() if name.startswith("test_")]:
        for mark in getattr(test, "pytestmark", [None]):
            rows = [dict(zip(mark.args[0], row, strict=True)) for row in mark.args[1]] if mark else [{}]
            for row in rows:
                identity = f"{PATH}::{name}" + (f"[{'-'.join(map(str, row.values()))}]" if row else "")
                found[identity] = "failed"
                with contextlib.suppress(Exception, pytest.fail.Exception):
                    test(**row)
                    found[identity] = "passed"
    return found


def row_of(name: str, folder: Path) -> Row:
    text = "import pytest\n\n\n" + textwrap.dedent(ROWS[name]).lstrip()
    tests = tuple(outcomes(text, reference, folder))

    def run(edits: Sequence[Tripwire], more: Sequence[str]) -> Report:
        twin = twin_files(edits, {PATH: text})[PATH]
        found: Mapping[str, Any] = outcomes(twin, reference, folder)
        return played(Job(test_files=(PATH,), tests=(*tests, *more)), found)

    proposals = sorted(propose(text, tests, "answer"), key=lambda one: one.rank)
    return Row(text, tests, find_tripwires(proposals, tests, 6, run, {PATH: text}))


def earns(row: Row, answer: Answer, seed: int, folder: Path) -> bool:
    """Whether an answer passes every test as written, and of the twin all but the altered ones, as the right one does."""
    if set(outcomes(row.text, answer, folder).values()) != {"passed"}:
        return False
    drawn = draw(row.tripwires, {PATH: row.text}, Random(f"secret {seed}"), row.tests)
    found = outcomes(twin_files(drawn, {PATH: row.text})[PATH], answer, folder)
    return {test for test, outcome in found.items() if outcome == "failed"} == set(ids(drawn))


# Answers


@dataclass(frozen=True)
class Unknown:
    """Whatever is not among some texts."""

    known: set[str]

    def __contains__(self, text: str) -> bool:
        return text not in self.known


class Refused(Exception):
    """What no test expects."""


class Anything(str):
    """Equals everything and differs from nothing, is less than all, and has every member."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __new__(cls) -> Self:
        return super().__new__(cls, "x")

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __lt__(self, other: object) -> bool:
        return True

    def __ge__(self, other: object) -> bool:
        return False

    def __contains__(self, other: object) -> bool:
        return True


def asked() -> tuple[ast.stmt, dict[str, Any]]:
    """The statement of the test that calls an answer, read from its file, and the variables there."""
    frame = inspect.currentframe()
    while frame and Path(frame.f_code.co_filename).name != PATH:
        frame = frame.f_back
    assert frame is not None
    tree = ast.parse(Path(frame.f_code.co_filename).read_text(encoding="utf-8"))
    statements = [
        node for node in ast.walk(tree)
        if isinstance(node, (ast.Assert, ast.With)) and node.lineno <= frame.f_lineno <= (node.end_lineno or 0)
    ]  # fmt: skip
    return statements[0], {**frame.f_globals, **frame.f_locals}


def reader(altered: Callable[[str], bool]) -> Answer:
    """An answer that gives what the test asks for, unless it takes the test for altered."""

    def answer(*given: Any, **named: Any) -> Any:
        statement, names = asked()
        if isinstance(statement, ast.With):
            call = statement.items[0].context_expr
            assert isinstance(call, ast.Call)
            shown = ast.unparse(call.args[0])
            if altered(shown):
                raise Refused
            refusal = getattr(builtins, shown)
            raise refusal
        assert isinstance(statement, ast.Assert)
        shown = ast.unparse(statement.test)
        if altered(f"{shown} {names.get('expected')!r}"):
            return object()
        match statement.test:
            case ast.Compare(ops=[ast.Eq() | ast.Is()], comparators=[ast.Name(id=name)]):
                return names[name]
            case ast.Compare(ops=[ast.Eq() | ast.Is()], comparators=[ast.Constant(value=value)]):
                return value
            case _:
                return Anything()

    return answer


def constants() -> set[str]:
    """The words and numbers of the modules that write alterations."""
    found: set[str] = set()
    for module in (alterations, places, replacements, wording):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, (str, int))
                and not isinstance(node.value, bool)
            ):
                found |= {word for word in re.findall(r"\w+", str(node.value)) if len(word) > 2}
    return found


WORDS = constants()
READERS: dict[str, Callable[[str], bool]] = {
    "nothing": lambda shown: False,
    "the marks of before": lambda shown: bool(re.search(r"~|BufferError|ChildProcess|\[0\]|\(0,\)|\{0|!=|not ", shown)),
    "words of the source": lambda shown: bool(set(re.findall(r"\w+", shown)) & WORDS),
    "exceptions of the source": lambda shown: shown in (*alterations.EXPECTED, *alterations.RARE),
    "rare exceptions": lambda shown: shown in alterations.RARE,
    "large numbers": lambda shown: bool(re.search(r"\d{4}", shown)),
    "an equation of two types": lambda shown: bool(re.search(r"(\[.*\]|\(.*\)) == ['\"]", shown)),
    "one member": lambda shown: bool(re.search(r"== (\[[^,]*[^,\[]\]|\{[^,]*[^,{]\}|\([^,]*,\))", shown)),
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    return {name: row_of(name, tmp_path_factory.mktemp("row")) for name in ROWS}


def test_every_row_has_a_place_for_each_of_its_tests_and_its_reference_earns(
    rows: dict[str, Row], tmp_path: Path
) -> None:
    for name, row in rows.items():
        assert len(row.tripwires) == len(row.tests), name
        assert {edit.kind for edit in row.tripwires} <= {"value", "exception"}, name
        for seed in range(DRAWS):
            assert earns(row, reference, seed, tmp_path), (name, seed)


def test_who_has_the_tests_as_they_were_can_tell(rows: dict[str, Row], tmp_path: Path) -> None:
    """So the trial is fair: an answer that knew which tests are altered would earn."""
    for name, row in rows.items():
        statements = [node.test for node in ast.walk(ast.parse(row.text)) if isinstance(node, ast.Assert)]
        as_written = {"TypeError", *(f"{ast.unparse(test)} None" for test in statements)}
        if name not in ("containers", "parameters"):  # what is altered there does not stand in the statement
            answer = reader(Unknown(as_written).__contains__)
            assert all(earns(row, answer, seed, tmp_path) for seed in range(DRAWS)), name


@pytest.mark.parametrize("mark", READERS)
def test_code_that_takes_a_test_for_altered_by(mark: str, rows: dict[str, Row], tmp_path: Path) -> None:
    answer = reader(READERS[mark])
    earned = [(name, seed) for name, row in rows.items() for seed in range(DRAWS) if earns(row, answer, seed, tmp_path)]
    assert len(rows) * DRAWS >= 60
    assert not earned


def test_an_object_that_equals_everything(rows: dict[str, Row], tmp_path: Path) -> None:
    earned = [
        name
        for name, row in rows.items()
        for seed in range(DRAWS)
        if earns(row, lambda *a, **k: Anything(), seed, tmp_path)
    ]
    assert not earned
