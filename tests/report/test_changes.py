"""What is shown of a patch are its lines, at their numbers, from the header of what it changes."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ttc_data.edits import unified_diff
from ttc_data.report.changes import DiffWindow, read_diff, widened

# Lines that look like a diff's own words, line ends that are none in a diff, and code.
line = st.sampled_from(
    ["def f():", "    def g(self):", "class A:", "    return 1", "", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "\\ No newline", "a\r",
     "\x0c", "\u2028", "@decorated", "    '''", "-", "+", " "]
)  # fmt: skip
texts = st.builds(lambda lines, end: "\n".join(lines) + end, st.lists(line, max_size=30), st.sampled_from(["", "\n"]))


def numbered(text: str) -> dict[int, str]:
    return dict(enumerate(text.split("\n"), 1))


def sides(window: DiffWindow) -> tuple[dict[int, str], dict[int, str]]:
    before = dict(enumerate((text for tag, text in window.lines if tag != "+"), window.old))
    return before, window.after


@given(texts, texts)
def test_every_shown_line_is_the_files_line_of_that_number(before: str, after: str) -> None:
    hunks = read_diff(unified_diff({"m.py": before}, {"m.py": after})).get("m.py", [])
    for windows in (hunks, widened(hunks, before)):
        for window in windows:
            old, new = sides(window)
            assert old.items() <= numbered(before).items()
            assert new.items() <= numbered(after).items()


@given(texts, texts)
def test_what_is_shown_holds_every_change_once(before: str, after: str) -> None:
    hunks = read_diff(unified_diff({"m.py": before}, {"m.py": after})).get("m.py", [])
    wide = widened(hunks, before)

    def changed(windows: list[DiffWindow]) -> list[tuple[str, str]]:
        return [line for window in windows for line in window.lines if line[0] != " "]

    assert changed(wide) == changed(hunks)
    for one, other in itertools.pairwise(wide):
        assert one.old + one.size_old < other.old, "windows that meet are one"


BEFORE = '''\
import math


def first():
    return 1


class Box:
    @property
    def size(self):
        """Words.

        More words.
        And more.
        And more.
        """
        raise NotImplementedError

    def other(self):
        raise NotImplementedError
'''


def test_a_method_is_shown_from_its_decorators_on() -> None:
    after = BEFORE.replace("raise NotImplementedError", "return self.n", 1)
    (window,) = widened(read_diff(unified_diff({"m.py": BEFORE}, {"m.py": after}))["m.py"], BEFORE)
    assert window.lines[0] == (" ", "    @property")
    assert (window.old, window.new) == (9, 9)


def test_both_methods_of_a_class_are_one_window() -> None:
    after = BEFORE.replace("raise NotImplementedError", "return self.n\n        # so")
    (window,) = widened(read_diff(unified_diff({"m.py": BEFORE}, {"m.py": after}))["m.py"], BEFORE)
    assert [text.strip() for tag, text in window.lines if tag == "+"] == ["return self.n", "# so"] * 2


def test_a_file_that_a_patch_adds_is_its_lines() -> None:
    (window,) = read_diff(unified_diff({}, {"tests/test_new.py": "a\n\nb"}))["tests/test_new.py"]
    assert window.lines == (("+", "a"), ("+", ""), ("+", "b"))
    assert (window.old, window.new) == (1, 1)


@given(st.text())
def test_what_is_no_diff_is_no_change_and_no_error(text: str) -> None:
    for windows in read_diff(text).values():
        widened(windows, text)
