"""A statement says which of several definitions of one name it asks for."""

from __future__ import annotations

from ttc_data.edits import unified_diff
from ttc_data.extract import extract
from ttc_data.lang.python.masking import mask
from ttc_data.publish.rows import prompt_of
from ttc_data.records import MaskMode, Reject, Sample, Source, Spec
from ttc_data.rules import ExtractRules

FILE = '''import functools
from typing import overload


class Box:
    """A box that holds a value, and says what became of it."""

    @property
    def value(self):
        """Give the value that is in the box, if there is one."""
        found = self._value
        return found

    @value.deleter
    def value(self):
        """Take the value out of the box, and leave it empty."""
        self._value = None
        self.empty = True

    def size(self):
        """Give the number of things that are in the box."""
        count = len(self._value)
        return count


@functools.singledispatch
def told(thing):
    """Say in words what the thing is."""
    words = str(thing)
    return words


@told.register(int)
def _(thing):
    """Say the number in words, with its sign."""
    words = f"{thing:+}"
    return words


@overload
def twice(thing: int) -> int: ...
@overload
def twice(thing: str) -> str: ...
def twice(thing):
    """Give the thing twice, one after the other."""
    found = thing + thing
    return found


def size():
    """Give the number of boxes that were made."""
    count = len(Box.made)
    return count


if functools:
    def either():
        """Give the one or the other of the two."""
        found = 1
        return found
else:
    def either():
        """Give the other or the one of the two."""
        found = 2
        return found
'''
SOURCE = Source("git", "owner/name", "1", "MIT", "git:x", "tree", 1, 1, "")
RULES = ExtractRules(min_docstring_words=1, kinds=("function", "method"))


def asked(mode: MaskMode) -> dict[str, str]:
    """The first line of the prompt of each definition, by the first line of its docstring."""
    found = {}
    for target in extract(SOURCE, [("box.py", FILE.encode())], RULES):
        if isinstance(target, Reject):
            continue
        masked = mask(FILE.encode(), target, target.docstring, mode).text.decode()
        sample = Sample(
            target.key,
            SOURCE.key,
            "",
            "",
            mode,
            "box.py",
            target.qualname,
            masked,
            "",
            unified_diff({"box.py": masked}, {"box.py": FILE}),
            (),
            (),
            (),
            0.0,
            "",
        )
        _, user = prompt_of(sample, target, Spec(target.key, "docstring", target.docstring), SOURCE)
        found[target.docstring.split(",")[0]] = user.content.splitlines()[0]
        if "(line " in user.content:
            line = int(user.content.partition("(line ")[2].partition(",")[0].partition(")")[0])
            start = FILE.encode()[: target.span[0]].count(b"\n") + 1
            assert line == start
    return found


def test_a_name_with_several_definitions_is_told_by_line_and_decorator() -> None:
    prompts = asked("body")
    where = "in `box.py` of the repository owner/name."
    assert prompts == {
        "Give the value that is in the box": f"Implement the method `Box.value` (line 8, `@property`) {where}",
        "Take the value out of the box": f"Implement the method `Box.value` (line 14, `@value.deleter`) {where}",
        "Give the number of things that are in the box.": f"Implement the method `Box.size` {where}",
        "Say in words what the thing is.": f"Implement the function `told` {where}",
        "Say the number in words": f"Implement the function `_` (line 33, `@told.register(int)`) {where}",
        "Give the thing twice": f"Implement the function `twice` {where}",
        "Give the number of boxes that were made.": f"Implement the function `size` {where}",
        "Give the one or the other of the two.": f"Implement the function `either` (line 57) {where}",
        "Give the other or the one of the two.": f"Implement the function `either` (line 62) {where}",
    }


def test_of_a_definition_that_is_gone_the_line_is_told_where_it_began() -> None:
    prompts = asked("whole")
    assert prompts["Take the value out of the box"].startswith(
        "The method `Box.value` (line 14, `@value.deleter`) is missing from"
    )
    assert prompts["Give the number of things that are in the box."].startswith("The method `Box.size` is missing from")
