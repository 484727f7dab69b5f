"""What is drawn for a tripwire's place: of the same kind, unequal for everybody, and another with each seed."""

from __future__ import annotations

import ast
import builtins
import re
import textwrap
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.errors import DatasetError
from ttc_data.evidence.twins import draw
from ttc_data.lang.python.assertions.places import every_exception
from ttc_data.lang.python.assertions.siblings import Siblings
from ttc_data.lang.python.assertions.tripwires import altered, propose
from ttc_data.records import Tripwire

PATH = "test_m.py"
SEEDS = range(20)


def places(text: str, test: str = "test_it") -> list[Tripwire]:
    return [one.tripwire for one in propose(text, [f"{PATH}::{test}"], "double")]


def body(*lines: str) -> str:
    return "def test_it():\n" + "".join(f"    {line}\n" for line in lines)


def drawn(text: str, edit: Tripwire, tests: Sequence[str] = (), seeds: Sequence[int] = SEEDS) -> list[Tripwire]:
    return [draw([edit], {PATH: text}, Random(seed), tests)[0] for seed in seeds]


def news(claim: str, *around: str) -> list[str]:
    """What twenty seeds put in the best place of a claim."""
    text = body(claim, *around)
    return [edit.new for edit in drawn(text, places(text)[0])]


# Values of every kind

NUMBERS = st.integers(0, 10**9) | st.floats(0, 1e12, allow_nan=False, allow_infinity=False)
TEXTS = (
    st.text(max_size=30)
    | st.binary(max_size=20)
    | st.sampled_from(["Hello, World", "1.2.3-rc.1", "  ", "\n", "'", "\\n"])
)
VALUES = NUMBERS | TEXTS | st.none() | st.booleans()


def written(value: object) -> str:
    return repr(value).encode("utf-8", "replace").decode()


@given(VALUES, st.integers())
def test_a_literal_becomes_an_unequal_one_of_its_type(value: object, seed: int) -> None:
    text = body(f"assert double(x) == {written(value)}")
    for edit in places(text)[:1]:
        if edit.kind != "value":
            continue
        (other,) = drawn(text, edit, seeds=[seed])
        assert other == drawn(text, edit, seeds=[seed])[0], "nothing but the seed chooses"
        changed = ast.parse(altered(text, [other])).body[0]
        assert isinstance(changed, ast.FunctionDef)
        claim = changed.body[0]
        assert isinstance(claim, ast.Assert)
        assert isinstance(claim.test, ast.Compare)
        new = ast.literal_eval(claim.test.comparators[0])
        assert new != value
        assert value is None or type(new) is type(value)
        if isinstance(value, str) and any(character.isalnum() for character in value):
            assert new.casefold().strip() != value.casefold().strip()
        if isinstance(value, float):
            assert abs(new - value) > 0.01 * value
        if isinstance(value, int):
            assert new >= 0


@given(
    st.recursive(
        VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    st.integers(),
)
def test_no_other_byte_of_the_file_changes(value: object, seed: int) -> None:
    text = "# \u00fc\r\n" + body(f"assert double(x) == {written(value)}", "assert double(y) == 17").replace(
        "\n", "\r\n"
    )
    source = text.encode()
    for edit in places(text):
        (other,) = drawn(text, edit, seeds=[seed])
        twin = altered(text, [other]).encode()
        ast.parse(twin)
        before = sum(map(len, source.splitlines(keepends=True)[: edit.line - 1])) + edit.column
        after = len(source) - before - len(edit.old.encode())
        assert twin[:before] == source[:before]
        assert twin[len(twin) - after :] == source[len(source) - after :]
        lines = text.splitlines()
        assert (
            max(map(len, altered(text, [other]).splitlines())) <= max(79, *map(len, lines)) or edit.kind == "negation"
        )


@pytest.mark.parametrize(
    ("claim", "least"),
    [
        ("assert double(x) == 4", 6),
        ("assert double(x) == 1024", 10),
        ("assert double(x) == 3.25", 10),
        ("assert double(x) == 'two words'", 10),
        ("assert double(x) == ''", 8),
        ("assert double(x) == []", 8),
        ("assert double(x) == {}", 10),
        ("assert double(x) == y(x)", 15),
        ("assert double(x) in (4, 5)", 10),
        ("with raises(ValueError): double(x)", 6),
        ("with warns(UserWarning): double(x)", 4),
        ("assert double(x) is None", 2),
    ],
)
def test_seeds_draw_enough_that_is_different(claim: str, least: int) -> None:
    assert len(set(news(claim))) >= least


def test_what_the_file_has_already_is_put_in_its_places() -> None:
    found = news("assert double(x) == 'cherry'", "words = ['apple', 'banana', 'orchid']")
    assert {"'apple'", "'banana'", "'orchid'"} & set(found)
    assert "4321" in news("assert double(x) == 1234", "other = 4321")


def test_a_number_keeps_its_form() -> None:
    assert all(new.startswith("0x") for new in news("assert double(x) == 0x1f"))
    assert all(new.count("_") == 2 for new in news("assert double(x) == 1_000_000"))
    assert all(new.endswith("j") for new in news("assert double(x) == 2j"))
    assert all(len(new) <= 5 and int(new) > 0 for new in news("assert double(x) == 1024"))


def test_where_a_tolerance_is_anywhere_in_the_file_numbers_are_further_apart() -> None:
    for claim, least in (
        ("assert double(2) == pytest.approx(4, abs=3)", 7.5),
        ("assert double(2) == pytest.approx(4, rel=0.5)", 5),
        ("self.assertAlmostEqual(double(2), 4, places=0)", 2.5),
        ("self.assertAlmostEqual(double(2), 4, delta=TOLERANCE)", 25),
    ):
        assert all(abs(float(new) - 4) >= least for new in news(claim)), claim


def test_no_member_of_the_container_that_a_result_is_in_stays() -> None:
    for new in news("assert double(x) in [1, 2, 3, 4, 5]"):
        members = ast.literal_eval(new)
        assert len(members) == len(set(members)) == 5
        assert not {1, 2, 3, 4, 5} & set(members)


def test_a_member_of_a_set_does_not_become_its_neighbour() -> None:
    for new in news("assert set(double(x)) == {1, 2, 3}"):
        assert int(new) > 3 or int(new) == 0


def test_what_is_compared_as_an_object_stays_a_name() -> None:
    assert set(news("assert double(x) is None")) == {"True", "False"}
    assert set(news("self.assertIs(double(x), None)")) == {"True", "False"}


def test_a_list_is_asserted_to_equal_a_list() -> None:
    assert all(isinstance(ast.literal_eval(new), list) for new in news("self.assertListEqual(double(x), y)"))
    assert all(isinstance(ast.literal_eval(new), dict) for new in news("self.assertDictEqual(double(x), y)"))


# Exceptions


def classes(text: str) -> list[type[BaseException]]:
    return [getattr(builtins, name) for name in re.findall(r"\w+", text)]


@pytest.mark.parametrize(
    "expected", ["ValueError", "(KeyError, TypeError)", "OSError", "LookupError", "UnicodeDecodeError"]
)
def test_another_exception_is_no_relative_of_the_expected(expected: str) -> None:
    text = body(f"with pytest.raises({expected}):", "    double(x)")
    old = classes(expected)
    for edit in places(text):
        (whole,) = [every_exception(edit, Siblings.of(text.encode()))]
        every = classes(whole.new)
        for one in drawn(text, edit):
            new = classes(one.new)
            assert len(new) == len(old)
            for kind in new:
                assert kind in every, "who fails all of them at once fails each"
                for known in old:
                    assert not issubclass(kind, known)
                    assert not issubclass(known, kind)


def test_a_name_that_the_file_gives_to_something_else_is_no_exception() -> None:
    text = "from m import KeyError, TypeError as IndexError\n" + body(
        "with pytest.raises(ValueError):", "    double(x)"
    )
    found = {edit.new for place in places(text) for edit in drawn(text, place)}
    assert found
    assert not found & {"KeyError", "IndexError"}
    assert all(hasattr(builtins, name) for name in found)


def test_which_exceptions_may_be_drawn_does_not_depend_on_what_was_drawn_before() -> None:
    text = body("with pytest.raises(m.Bad):", "    double(x)")
    often, seldom = places(text)
    assert {edit.new for edit in drawn(text, often)} & {"TypeError", "ValueError", "KeyError"}
    assert not {edit.new for edit in drawn(text, seldom)} & {"TypeError", "ValueError", "KeyError"}


# Ids

PARAMETERS = """
import pytest

@pytest.mark.parametrize(("x", "y"), [(1, 2), (3, 6), (1, 9)])
def test_it(x, y):
    assert double(x) == y

@pytest.mark.parametrize("word", ["some", "other"])
def test_word(word):
    assert double("x") == word
"""


def test_the_ids_of_parametrised_tests_follow_the_value() -> None:
    edit = next(one for one in places(PARAMETERS, "test_it[1-2]") if one.old == "2")
    published = Tripwire(
        PATH, edit.line, edit.column, "2", "5", "value", (f"{PATH}::test_it[1-5]",), (f"{PATH}::test_it[1-2]",)
    )
    for found in drawn(PARAMETERS, published, [f"{PATH}::test_it[{one}]" for one in ("1-2", "3-6", "1-9")]):
        assert found.tests == (f"{PATH}::test_it[1-{found.new}]",)
        assert found.renamed == published.renamed
        assert found.new != "9", "another test has that id"


def test_a_word_in_an_id_stays_one() -> None:
    edit = next(one for one in places(PARAMETERS, "test_word[some]") if one.old == '"some"')
    new = edit.new.strip('"')
    published = Tripwire(
        PATH,
        edit.line,
        edit.column,
        edit.old,
        edit.new,
        "value",
        (f"{PATH}::test_word[{new}]",),
        (f"{PATH}::test_word[some]",),
    )
    for found in drawn(PARAMETERS, published, [f"{PATH}::test_word[some]", f"{PATH}::test_word[other]"]):
        assert found.tests == (f"{PATH}::test_word[{found.new.strip(chr(34))}]",)
        assert found.new not in ('"some"', '"other"')


# Docstring examples


def test_the_result_of_an_example_becomes_another_as_it_would_be_printed() -> None:
    text = (
        'DOCSTRING = """\\\n>>> double(2)\n4\n>>> double("a b")\n\'a b\'\n>>> double(x)\n<Thing with 12 parts>\n"""\n'
    )
    path = "ttc_doctests/test_m.py"
    for number, old in ((3, "4"), (5, "'a b'"), (7, "<Thing with 12 parts>")):
        edit = Tripwire(path, number, 0, old, old, "value", (), ())
        found = {draw([edit], {path: text}, Random(seed), ())[0].new for seed in SEEDS}
        assert len(found) > 4
        assert old not in found
        if number == 3:
            assert all(new.isdigit() for new in found)
        else:
            assert all(new[0] == old[0] and new[-1] == old[-1] for new in found)


# Faults


def test_a_claim_turned_round_stays_as_it_is() -> None:
    text = textwrap.dedent(body("assert 3 < double(x) < 5"))
    (edit,) = places(text)
    assert set(drawn(text, edit)) == {edit}


def test_a_file_that_is_not_there_is_named() -> None:
    edit = Tripwire(PATH, 1, 0, "4", "5", "value", (), ())
    for texts in ({}, {PATH: "def"}):
        with pytest.raises(DatasetError, match=r"test_m\.py: a tripwire is in it"):
            draw([edit], texts, Random(0), ())
