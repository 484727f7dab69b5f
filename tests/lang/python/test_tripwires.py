"""A twin is a test with another expectation: the reference fails it, and so does every other right solution."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.evidence.twins import draw
from ttc_data.lang.python import syntax
from ttc_data.lang.python.assertions.alterations import EXPECTED, RARE, RARE_WARNINGS, WARNINGS
from ttc_data.lang.python.assertions.expectations import Rank
from ttc_data.lang.python.assertions.tripwires import Proposal, altered, is_renamed, propose, renamed
from ttc_data.lang.python.doctests import doctest_file
from ttc_data.records import Target, Tripwire


def proposals(text: str, test: str = "test_it", target: str = "double") -> list[Proposal]:
    return propose(textwrap.dedent(text), [f"test_m.py::{test}"], target)


def places(text: str, test: str = "test_it", target: str = "double") -> list[str]:
    """What may be replaced, the best first."""
    return [one.tripwire.old for one in proposals(text, test, target)]


def body(*lines: str) -> str:
    return "def test_it():\n" + "".join(f"    {line}\n" for line in lines)


# Values


@pytest.mark.parametrize(
    ("claim", "place"),
    [
        ("assert double(2) == 4", "4"),
        ("assert 4 == double(2)", "4"),
        ("assert (double(2) == 4)", "4"),
        ("assert double(-1) == -2", "2"),
        ("assert double(.5) == 1.0", "1.0"),
        ("assert double(1e308) == 1e999, 'no number is beyond it'", "1e999"),
        ("assert double(1j) == 2j", "2j"),
        ("assert double('a') == 'aa'", "'aa'"),
        ("assert double(b'a') == rb'aa'", "rb'aa'"),
        ("assert double('') == ''", "''"),
        ("assert double('a') == 'a' 'a'", "'a' 'a'"),
        ('assert double("a") == """aa"""', '"""aa"""'),
        ("assert double(x) is True", "True"),
        ("assert double(x) is None", "None"),
        ("assert double([]) == []", "[]"),
        ("assert double({}) == {}", "{}"),
        ("assert double(()) == ()", "()"),
        ("assert double(set()) == set()", "set()"),
        ("assert double([1]) == [1, 1]", "1"),
        ("assert double(2) == 4 and double(3) == 6", "4"),
        ("assert all(double(x) == 0 for x in [0, 0])", "0"),
        ("assert sorted(double(x)) == sorted([1, 2])", "1"),
        ("assert double(2) == pytest.approx(4, abs=1)", "4"),
        ("assert 4.0 == pytest.approx(double(2), abs=2)", "4.0"),
        ("assert math.isclose(double(2), 4.0)", "4.0"),
        ("self.assertEqual(double(2), 4, 'says 4')", "4"),
        ("self.assertEqual(4, double(2))", "4"),
        ("self.assertListEqual(double([1]), [1, 1])", "1"),
        ("self.assertAlmostEqual(double(2), 4.0, places=1)", "4.0"),
        ("self.assertTrue(double(2) == 4)", "4"),
        ("self.assertIs(double(x), None)", "None"),
        ("np.testing.assert_allclose(double(2), 4, atol=1)", "4"),
        ("eq_(double(2), 4)", "4"),
    ],
)
def test_a_literal_on_the_expected_side_becomes_another(claim: str, place: str) -> None:
    assert places(body(claim))[0] == place


def test_the_question_is_left_as_it_is() -> None:
    """`double(3) == 4` would be another question, which the tests may leave open."""
    assert places(body("assert double(2) == double(1) + double(1)")) == ["double(1) + double(1)"]
    assert places(body("x = 2", "assert double(x) == x + x")) == ["x + x"]
    assert places(body("data = [1, 2]", "for a, b in zip(double(data), data):", "    assert a == b")) == ["b"]


def test_what_may_change_without_effect_is_replaced_as_a_whole() -> None:
    """`11 // 3` is as much as `10 // 3`, and `len("xb")` as `len("ab")`."""
    for expression in ("10 // 3", "len('ab')", "'text'[:2]", "[0 for _ in x]", "0 * y", "max(1, y)"):
        assert places(body(f"assert double(x) == {expression}")) == [expression]


@pytest.mark.parametrize(
    "claim",
    [
        "assert double(2) < 5", "assert double(2) >= 4", "assert double(2) != 5",
        "assert not double(2) == 5",
        "self.assertNotEqual(double(2), 5)", "self.assertFalse(double(2) == 5)",
        "self.assertLessEqual(double(2), 4)", "assert double(x) is 4",
    ],
)  # fmt: skip
def test_a_value_that_another_right_answer_could_meet_stays(claim: str) -> None:
    assert {one.rank for one in proposals(body(claim))} == {Rank.CLAIM}


def test_the_value_of_a_variable_is_changed_where_it_is_written() -> None:
    assert places(body("expected = [4]", "assert double(2) == expected"))[0] == "4"
    assert places(body("got, expected = double(2), 4", "assert got == expected"))[0] == "4"
    assert places(body("for x, y in [(1, 2), (3, 6)]:", "    assert double(x) == y"))[:2] == ["2", "6"]
    assert places(body("for x, y in {1: 2}.items():", "    assert double(x) == y"))[0] == "2"
    assert places("CASES = [(1, 2)]\n" + body("for x, y in CASES:", "    assert double(x) == y"))[0] == "2"
    assert places(body("a = 1", "a = 4", "assert double(2) == a", "a = 9"))[0] == "4"


def test_parameters_are_changed_in_the_decorator_and_those_of_the_named_test_first() -> None:
    text = """
        @pytest.mark.parametrize(("x", "y"), [(1, 2), pytest.param(3, 6), ([0], [0, 0])])
        def test_it(x, y):
            assert double(x) == y
        """
    assert places(text, "test_it[1-2]")[0] == "2"
    assert places(text, "test_it[3-6]")[0] == "6"
    assert places(text, "test_it[x2-y2]")[0] == "0"


def test_a_test_whose_parameter_changes_may_have_another_id() -> None:
    edit = Tripwire("test_m.py", 1, 0, "2", "3", "value", (), ())
    assert renamed(edit, ["test_m.py::t[2-2]"]) == ["test_m.py::t[3-2]", "test_m.py::t[2-3]"]
    assert renamed(edit, ["test_m.py::t2", "test_m.py::t[22]"]) == []
    word = Tripwire("test_m.py", 1, 0, "'\u00e9'", "'\u00e9~'", "value", (), ())
    assert renamed(word, ["test_m.py::t[\\xe9]"]) == ["test_m.py::t[\\xe9~]"]
    ids = ("test_m.py::t[2-2]", "test_m.py::t2", "test_m.py::t[22]", "test_m.py::t[\\xe9]")
    assert [test for test in ids if is_renamed(edit, test)] == [ids[0]]
    assert [test for test in ids if is_renamed(word, test)] == [ids[3]]


def test_who_asks_for_the_same_tests_again_in_another_order_finds_the_same_edits() -> None:
    """A proof asks three times, each time the tests of the first look come first; edits are kept by test."""
    text = "def test_one():\n    assert double(2) == 4\n\n\ndef test_two():\n    assert double(3) == 6\n"
    tests = ["test_m.py::test_one", "test_m.py::test_two"]
    first = propose(text, tests, "double")
    assert [proposal.tripwire.old for proposal in first] == ["4", "6"]
    assert propose(text, tests[::-1], "double") == first[::-1]
    changed = text.replace("== 4", "== 5")
    assert [proposal.tripwire.old for proposal in propose(changed, tests, "double")] == ["5", "6"]


def test_what_a_test_hands_to_its_helper_is_changed_at_the_call() -> None:
    text = """
        class TestIt:
            def check(self, given, wanted):
                self.assertEqual(double(given), wanted)

            def test_it(self):
                self.check(2, 4)
        """
    assert places(text, "TestIt::test_it")[0] == "4"
    assert places("def check(got, wanted):\n    assert got == wanted\n\n" + body("check(double(2), 4)"))[0] == "4"
    assert places(body("check_it(double(2), 4)"))[0] == "4", "a helper of another file"


def test_a_helpers_own_claims_come_last_because_other_tests_run_them_too() -> None:
    text = "def check():\n    assert double(2) == 4\n\n" + body("check()", "assert double(3) > 5")
    assert proposals(text)[0].rank == Rank.CLAIM
    assert proposals(text)[-1].rank > proposals(text)[0].rank
    assert "4" in places(text)


# Expressions, exceptions, and the claim turned round


@pytest.mark.parametrize(
    ("claim", "place"),
    [
        ("assert double(x) == y()", "y()"),
        ("assert double(x) == double(y)", "double(y)"),
        ("assert (double(x)  # ==\n        == y)", "y"),
        ("self.assertListEqual(double(x), y)", "y"),
        ("assert double(x) in (4, 5)", "(4, 5)"),
        ("assert double(x) in y", "y"),
        ("self.assertIn(double(x), [4, 5])", "[4, 5]"),
        ("assert 'error' in double(x)", "'error'"),
    ],
)
def test_where_no_literal_is_one_takes_the_place_of_what_is_expected(claim: str, place: str) -> None:
    """An object that equals everything may deny that it differs, so `!=` would not tell it from the right answer."""
    (only,) = proposals(body(claim))
    assert (only.tripwire.old, only.tripwire.kind) == (place, "value")


@pytest.mark.parametrize(
    ("claim", "start"),
    [
        ("assert double(x) < y", "double(x) == "),
        ("assert (double(x)) not  in (y)", "double(x) == "),
        ("assert 'a' in double(x)", "double(x) == "),
        ("assert y.z in double(x)[0]", "double(x)[0] == "),
        ("assert double(x) is not None", "double(x) == "),
        ("assert double(x)", "double(x) == "),
        ("assert(double(x))", "double(x) == "),
        ("assert not double(x).ready", "double(x).ready == "),
        ("assert isinstance(double(x), int), 'no'", "double(x) == "),
        ("self.assertTrue(double(x), 'no')", "self.assertEqual(double(x), "),
        ("self.assertIsInstance(double(x), int)", "self.assertEqual(double(x), "),
        ("self.assertIn(y, double(x))", "self.assertEqual(double(x), "),
    ],
)
def test_of_a_result_that_is_not_compared_it_is_said_that_it_equals_something(claim: str, start: str) -> None:
    """An object that equals everything passes the claim and this; the right answer equals nothing that is drawn."""
    (only,) = proposals(body(claim))
    assert only.tripwire.kind == "value"
    text = body(claim)
    for seed in range(10):
        (found,) = draw([only.tripwire], {"test_m.py": text}, Random(seed), ())
        assert found.new.startswith(start)
        assert found.old == only.tripwire.old


@pytest.mark.parametrize(
    ("claim", "change"),
    [
        ("assert double(x) or y", ("double(x) or y", "not (double(x) or y)")),
        ("assert 3 < double(2) < 5", ("assert", "assert not")),
        ("assert not 3 < double(2) < 5", ("assert not ", "assert ")),
        ("case.assertTrue(double(x))", ("assertTrue", "assertFalse")),
        ("assert double(\n        x) < 5", ("<", ">=")),
    ],
)
def test_every_other_claim_is_turned_round(claim: str, change: tuple[str, str]) -> None:
    (only,) = proposals(body(claim))
    assert (only.tripwire.old, only.tripwire.new, only.tripwire.kind) == (*change, "negation")


@pytest.mark.parametrize(
    ("claim", "place"),
    [
        ("with pytest.raises(ValueError):\n        double(x)", "ValueError"),
        ("with pytest.raises((ValueError, BufferError), match='x'):\n        double(x)", "(ValueError, BufferError)"),
        ("self.assertRaises(ValueError, double, x)", "ValueError"),
        ("with self.assertRaisesRegex(m.Bad, 'x'):\n        double(x)", "m.Bad"),
        ("with pytest.warns(UserWarning):\n        double(x)", "UserWarning"),
    ],
)
def test_another_exception_is_expected_first_one_that_tests_often_expect(claim: str, place: str) -> None:
    often, seldom = (one.tripwire for one in proposals(body(claim)))
    assert often.old == seldom.old == place
    assert often.new in (*EXPECTED, *WARNINGS)
    assert seldom.new in {*RARE, *RARE_WARNINGS} - {*EXPECTED, *WARNINGS}


def test_where_everything_may_be_raised_no_class_is_put_that_often_is() -> None:
    (only,) = proposals(body("with pytest.raises(Exception):\n        double(x)"))
    assert only.tripwire.new in {*RARE} - {*EXPECTED}


def test_claims_about_the_target_come_first() -> None:
    text = body("assert setup() == 1", "other = double(2)", "assert 7 == 7", "assert other == 4")
    assert places(text)[0] == "4"
    made = body("pile = Pile()", "assert len('abc') == 3", "pile.put(1)", "assert pile.things == [1]")
    assert places(made, target="Pile.put")[0] == "1"
    assert proposals(made, target="Pile.put")[0].rank == 0


def test_tests_are_found_where_pytest_finds_them() -> None:
    text = """
        class Shared:
            async def test_it(self):
                with self.subTest():
                    assert await double(2) == 4

        class TestA(Shared):
            class TestB:
                def test_it(self):
                    assert double(1) == 2
        """
    assert places(text, "TestA::test_it[x]")[0] == "4"
    assert places(text, "TestA::TestB::test_it")[0] == "2"
    assert places(text, "TestC::test_it") == []
    assert places(text, "test_m.double") == []
    assert propose("", [], "double") == []


# Docstring examples


def example(docstring: str) -> list[str]:
    target = Target("s", "m.py", "double", "function", False, (0, 1), "", textwrap.dedent(docstring), (0, 0), (), ())
    file = doctest_file(target, "m")
    assert file is not None
    found = propose(file.text, [f"{file.path}::test_docstring_examples"], "double")
    for one in found:
        syntax.parse(altered(file.text, [one.tripwire]).encode())
    return [one.tripwire.old for one in found]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (">>> double(2)\n4\n", "4"),
        (">>> 1 + 1\n2\n>>> double('a')\n'aa'\n", "'aa'"),
        (">>> double([1, 2])\n[1, 2,\n 1, 2]\n", "1"),
        (">>> double([1, 2])\n[1, ..., 2]\n", "[1, "),
        (">>> double(x)\n<Thing at 12>\n", "<Thing at 12>"),
        (">>> print(double('\\n'))\n<BLANKLINE>\nword\n", "word"),
        ("    >>> double(2)\n    4\n", "4"),
        (">>> double('\\\\')\n'aa\\\\\\\\'\n", "'aa"),
        (">>> double(x)\nTraceback (most recent call last):\n  ...\nm.Bad: no\n", "m.Bad"),
    ],
)
def test_the_result_of_an_example_becomes_another(text: str, place: str) -> None:
    assert example(text)[0] == place


# For every input

CLAIMS = st.sampled_from(
    [
        "assert double({a}) == {b}", "assert {b} == double({a})", "self.assertEqual(double({a}), {b})",
        "expected = {b}\n    assert double({a}) == expected", "assert double({a}) is {b}", "assert double({a}) < {b}",
        "with raises(ValueError): double({a})", "assert double({a}) == [{b}, {a}]", "check(double({a}), {b})",
        "for i, o in [({a}, {b})]: assert double(i) == o", "assert f'{{double(x)}}' == {b}", "assert {a}",
    ]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
).map(lambda value: repr(value).encode("utf-8", "replace").decode())
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@given(
    st.lists(st.tuples(CLAIMS, VALUES, VALUES), min_size=1, max_size=4),
    ENDS,
    st.sampled_from(["", "\ufeff"]),
    st.booleans(),
)
def test_every_proposed_edit_gives_a_file_that_parses(
    lines: list[tuple[str, str, str]], end: str, mark: str, closed: bool
) -> None:
    text = mark + "# \u00fc\x0c\n" + body(*(claim.format(a=a, b=b) for claim, a, b in lines)).rstrip("\n")
    text = text.replace("\n", end) + end * closed
    syntax.parse(text.encode())
    for one in propose(text, ["test_m.py::test_it"], "double"):
        edit = one.tripwire
        twin = altered(text, [edit])
        syntax.parse(twin.encode())
        start = next(at for at in range(len(text) + 1) if text[: at + 1] != twin[: at + 1])
        assert edit.old != edit.new
        assert len(twin) - len(text) == len(edit.new) - len(edit.old)
        assert len(text) - start >= 0


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_no_text_breaks_the_search(text: str) -> None:
    propose(text, ["test_m.py::test_it", "test_m.py::A::test_it[1]", "::", "", "x::["], "double")
    propose(text, ["ttc_doctests/test_m.py::test_docstring_examples"], "a.<locals>.b")


def test_code_that_is_nested_too_deeply_has_no_twin() -> None:
    assert places(body("assert double(2) == " + "(" * 5000 + "4" + ")" * 5000)) == []
    assert isinstance(places(body("assert double(2) == " + "-" * 900 + "4")), list)


Solution = Callable[[list[int]], list[int]]
