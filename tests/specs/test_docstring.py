"""The docstring as the text of a task."""

from __future__ import annotations

import doctest
import inspect

from hypothesis import example, given
from hypothesis import strategies as st

from ttc_data.records import Target
from ttc_data.rules import SpecRules
from ttc_data.specs.docstring import docstring_spec, normalise, without_answers

PARSER = doctest.DocTestParser()


def target_of(docstring: str) -> Target:
    return Target("source", "m.py", "f", "function", False, (0, 1), "def f(a):", docstring, (0, 0), (), ())


# Docstrings

lines = st.sampled_from(
    ["", "    ", "Say it.", "  indented", ">>> f(1)", "    >>> f(2)", "... more", ">>>no blank", ">>> ", "2", "Traceback (most recent call last):",
     "ValueError: no", "<BLANKLINE>", ">>> for a in b:", "...     a", "\ttab", "é \u2028 \x0c", ">>> f(3)  # doctest: +SKIP", "    ..."]
)  # fmt: skip
texts = st.lists(lines | st.text(max_size=12), max_size=12).map("\n".join)


def is_doctest(text: str) -> bool:
    try:
        PARSER.parse(text)
    except ValueError:
        return False
    return True


@given(texts)
def test_normalising_is_what_people_write_by_hand(text: str) -> None:
    normal = normalise(text)
    assert normalise(normal) == normal
    assert not any(line.endswith((" ", "\t")) for line in normal.split("\n"))
    assert "\n\n\n" not in normal
    assert normal.split() == text.expandtabs().split()


@given(texts)
@example(">>> f(1)\n1\n>>> f(2)\n2")
@example("Say it.\n\n    >>> for a in b:\n    ...     a\n    1\n    2\n\nAnd more.")
@example(">>>no blank after the prompt")
def test_no_expected_output_is_left(text: str) -> None:
    text = inspect.cleandoc(text)
    dropped = without_answers(text)
    if not is_doctest(text):
        assert dropped == text
        return
    before, after = PARSER.get_examples(text), PARSER.get_examples(dropped)
    assert all(not one.want for one in after)
    assert [one.source for one in before] == [one.source for one in after]


def test_prose_and_code_of_examples_stay_as_they_are() -> None:
    text = "Add.\n\n    >>> for a in b:\n    ...     a\n    1\n    2\n\nSee below.\n\n    >>> g()\n    Traceback (most recent call last):\n    ValueError\n"
    assert without_answers(text).split("\n") == [
        "Add.", "", "    >>> for a in b:", "    ...     a", "", "See below.", "", "    >>> g()", "",
    ]  # fmt: skip


def test_the_recipe_decides_whether_answers_stay() -> None:
    target = target_of("Add one.\n\n>>> f(1)\n2\n")
    keep = docstring_spec(target, SpecRules())
    drop = docstring_spec(target, SpecRules(doctest_answers="drop"))
    assert (keep.text, drop.text) == ("Add one.\n\n>>> f(1)\n2", "Add one.\n\n>>> f(1)")
    assert (keep.origin, keep.target_key, keep.model) == ("docstring", target.key, "")
    assert keep.key != drop.key
