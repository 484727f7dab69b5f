"""What an answer brings runs in the order in which it is written, and means what the answer's own names mean."""

from __future__ import annotations

import pytest

from tests.solve.toys import FILE, FIRST, changed, code, fenced, holds, read

BOX = code('''
    class Box:
        """A box with a lid."""

        SIDES = 4
        made = 0

        def __init__(self, width, height=1):
            self._width = width
            self.height = height

        def area(self):
            return AREA

        def volume(self):
            return self._width * self.height * self.SIDES

        def __repr__(self):
            return f"Box({self._width})"
''')
PRODUCT = "self._width * self.height"
AREA = "Box(3, 5).area() == 15"
PLAIN = 'def first_part(text):\n    return text.split("-")[0]\n'
DISPATCH = f"from functools import singledispatch\n\n@singledispatch\n{PLAIN}\n"
LISTS = f"{FIRST} and first_part([5, 6]) == 5"


def box(area: str) -> str:
    return BOX.replace("AREA", area)


AFTER = {
    "a function with the class in its annotations": ("Box", f"{box(PRODUCT)}\ndef biggest(a: Box, b: Box) -> Box:\n    return a\n", f"{AREA} and biggest(1, 2) == 1"),
    "a helper with the class in its annotation": ("Box", f"{box('_area(self)')}\n\ndef _area(box: Box):\n    return box._width * box.height\n", AREA),
    "a subclass that it uses": ("Box", f"{box('_Flat.area_of(self)')}\n\nclass _Flat(Box):\n    @staticmethod\n    def area_of(box):\n        return box._width * box.height\n", AREA),
    "an object of it that it uses": ("Box", f"{box(PRODUCT + ' * _ONE._width')}\n\n_ONE = Box(1)\n", AREA),
    "an attribute that is an object of it": ("Box", f"{box(PRODUCT)}\n\nBox.ONE = Box(1)\n", f"{AREA} and Box.ONE.height == 1"),
    "a registered function": ("first_part", f"{DISPATCH}@first_part.register\ndef _(text: list):\n    return text[0]\n", LISTS),
    "a registered function with a name": ("first_part", f"{DISPATCH}@first_part.register(list)\ndef _first_of_list(text):\n    return text[0]\n", LISTS),
    "two registered functions": ("first_part", f"{DISPATCH}@first_part.register\ndef _(text: list):\n    return text[0]\n\n@first_part.register\ndef _(text: int):\n    return text\n", f"{LISTS} and first_part(3) == 3"),
    "a call that registers a lambda": ("first_part", f"{DISPATCH}first_part.register(list, lambda text: text[0])\n", LISTS),
    "a cache": ("first_part", PLAIN.replace("return", "first_part.cache[text] = 1\n    return") + "\nfirst_part.cache = {}\n", FIRST),
    "a decorator that is called": ("first_part", f"def kept(function):\n    return lambda text: function(text).strip()\n\n{PLAIN}\nfirst_part = kept(first_part)\n", FIRST),
    "a call with it": ("first_part", PLAIN.replace("return", "_KNOWN[0](1)\n    return") + "\n_KNOWN = []\n\ndef register(function):\n    _KNOWN.append(lambda _: 1)\n    return function\n\nregister(first_part)\n", FIRST),
    "setattr": ("first_part", PLAIN.replace("return", "first_part.number\n    return") + "\nsetattr(first_part, 'number', 3)\n", FIRST),
    "update_wrapper": ("first_part", f'import functools\n\ndef _impl(text):\n    """It."""\n\n{PLAIN}\nfunctools.update_wrapper(first_part, _impl)\n', f"{FIRST} and first_part.__name__ == '_impl'"),
    "a loop that sets it up": ("first_part", PLAIN.replace("return", "first_part.names\n    return") + "\nfirst_part.names = []\nfor name in ('a',):\n    first_part.names.append(name)\n", f"{FIRST} and first_part.names == ['a']"),
    "a table that a helper fills": ("first_part", "def first_part(text):\n    return text.split(_MARKS[0])[0]\n\n_MARKS = []\n\ndef _fill():\n    _MARKS.append('-')\n\n_fill()\n", FIRST),
    "constants that depend on each other": ("first_part", "def first_part(text):\n    return text.split(_CUT)[_AT]\n\n_CUT = '-'\n_AT = len(_CUT) - 1\n", FIRST),
    "an attribute of the class, set behind a method": ("Box.area", f"def area(self):\n    return {PRODUCT} * Box.FACTOR\n\nBox.FACTOR = 1\n", AREA),
    "a property made by a call": ("Box.area", f"class Box:\n    def _lid(self):\n        return {PRODUCT}\n\n    def area(self):\n        return self.lid\n\n    lid = property(_lid)\n", AREA),
    "several statements on a line": ("first_part", f"{PLAIN}\nfirst_part.a = 1; first_part.b = 2\n", f"{FIRST} and first_part.b == 2"),
}  # fmt: skip
LINES = {
    "a name bound in an expression": ("first_part", "(MARK := '-')\n\ndef first_part(text):\n    return text.split(MARK)[0]", FIRST),
    "an object that shows a method": ("Box.area", f"def area(self):\n    return {PRODUCT}\n\nbox = Box(undefined)\nbox.height = undefined\nprint(box.area())\n", AREA),
    "an object that shows a class": ("Box", f"{box(PRODUCT)}\nbox = Box(1)\nbox.height = undefined\nprint(box.area())\n", AREA),
    "imports on a line": ("first_part", 'import re; MARK = "-"\ndef first_part(text):\n    return re.split(MARK, text)[0]', FIRST),
    "statements on a line in it": ("first_part", 'import re; import os\ndef first_part(text): x = re.split("-", text); return x[0]', FIRST),
    "a class on a line": ("Box.area", f"class Box: area = lambda self: {PRODUCT}", AREA),
    "attributes on a line": ("Box.area", f"class Box:\n    F = 1; G = 1\n    def area(self): return {PRODUCT} * self.F * self.G", AREA),
}  # fmt: skip


@pytest.mark.parametrize("form", [*AFTER, *LINES])
def test_what_stands_behind_a_definition_runs_behind_it(form: str) -> None:
    target, answer, check = (AFTER | LINES)[form]
    assert holds(changed(fenced(answer), target), check)


WRONG: dict[str, tuple[str, type[Exception] | tuple[type[Exception], ...]]] = {
    "a default that is defined behind it": ("def first_part(text, cut=_CUT):\n    return text.split(cut)[0]\n\n_CUT = '-'\n", NameError),
    "an object of it before it": ("_FIRST = first_part('a-b')\n\ndef first_part(text):\n    return _FIRST or text.split('-')[0]\n", (NameError, NotImplementedError)),
}  # fmt: skip


@pytest.mark.parametrize("form", WRONG)
def test_a_wrong_order_stays_wrong(form: str) -> None:
    answer, error = WRONG[form]
    with pytest.raises(error):
        holds(changed(fenced(answer), "first_part"), FIRST)


SHOWN = {
    "a result": "result = first_part('a-b')",
    "a loop that prints": "for text in ('a-b',):\n    print(first_part(text))",
    "an example that fails": "example = first_part(undefined)",
    "its tests' call": "def test_first_part():\n    assert first_part('a-b') == 'b'\n\ntest_first_part()",
    "help": "help(first_part)",
    "what it is asked on": "text = input()\nprint(first_part(text))",
    "what is made of a result": "result = first_part('a-b')\nlonger = result.undefined",
    "what is set on a result": "result = first_part('a-b')\nresult.seen = undefined",
    "doctest": "import doctest\ndoctest.testmod()",
}


@pytest.mark.parametrize("form", SHOWN)
def test_what_shows_the_target_does_not_run(form: str) -> None:
    answer = read(fenced(f"{PLAIN}\n{SHOWN[form]}\n"), "first_part")
    (text,) = answer.files.values()
    assert holds(text or "", FIRST)
    assert answer.left_out


CLASHING = code('''
    import re
    from itertools import chain as join

    split = 3
    size = len


    def first_part(text):
        """The part."""
        raise NotImplementedError


    def other():
        return (list(join([1], [2])), split, size("ab"))
''')
CLASHES = {
    "in the function": "from re import split\n\ndef first_part(text):\n    return split('-', text)[0]",
    "in a helper": "from os.path import join\n\ndef _whole(text):\n    return join('', text)\n\ndef first_part(text):\n    return _whole(text.split('-')[0])",
    "in a default": "from re import split\n\ndef first_part(text, cut=split):\n    return cut('-', text)[0]",
    "as a decorator": "from functools import lru_cache as split\n\n@split\ndef first_part(text):\n    return text.split('-')[0]",
    "in a lambda": "from re import split\n\nfirst_part = lambda text: split('-', text)[0]",
    "in a class": "from re import split\n\nclass _Cut:\n    by = split\n\n    def go(self, text):\n        return split('-', text)\n\ndef first_part(text):\n    return _Cut().go(text)[0]",
    "as a parent": "from collections import UserString as size\n\nclass _Text(size):\n    pass\n\ndef first_part(text):\n    return str(_Text(text).split('-')[0])",
    "in a constant": "from re import compile as split\n\n_CUT = split('-')\n\ndef first_part(text):\n    return _CUT.split(text)[0]",
    "in an annotation": "from typing import Any as split\n\ndef first_part(text: split) -> split:\n    return text.split('-')[0]",
    "in a function on one line": "from re import split\n\ndef first_part(text): return split('-', text)[0]",
    "in a function inside": "from re import split\n\ndef first_part(text):\n    def cut():\n        return split('-', text)\n\n    return cut()[0]",
    "beside a parameter of the name": "from re import split\n\ndef _keep(split):\n    return split\n\ndef first_part(text, cut=split):\n    return _keep(cut('-', text)[0])",
    "beside a comprehension with the name": "from re import split\n\ndef first_part(text, cut=split):\n    return [split for split in cut('-', text)][0]",
    "as a module": "import re as split\n\nclass _Cut:\n    made = split.compile('-')\n\ndef first_part(text):\n    return _Cut.made.split(text)[0]",
    "with other names in the import": "from re import split, compile as made\n\n_CUT = made('-')\n\ndef first_part(text, cut=split):\n    return cut(_CUT, text)[0]",
    "in a formatted text": "from re import split\n\nclass _Cut:\n    said = f\"{split('-', 'a-b')[0]}\"\n\ndef first_part(text):\n    return _Cut.said",
}  # fmt: skip


@pytest.mark.parametrize("form", CLASHES)
def test_an_import_of_a_name_that_the_file_has_means_what_it_says(form: str) -> None:
    text = changed(fenced(CLASHES[form]), "first_part", CLASHING)
    assert holds(text, f"{FIRST} and other() == ([1, 2], 3, 2)")


OWN = {
    "by its module": "from shop.core import Box",
    "by its package": "from shop import Box",
    "from beside it": "from .core import Box",
    "out of its package": "from . import Box",
}


@pytest.mark.parametrize("form", OWN)
def test_an_import_of_what_the_file_defines_is_what_it_defines(form: str) -> None:
    answer = f"{OWN[form]}\n\nclass _Flat(Box):\n    pass\n\ndef first_part(text):\n    return _Flat(text)._width.split('-')[0]"
    file = FILE.replace("def first_part", f"{box('0')}\n\ndef first_part")
    assert holds(changed(fenced(answer), "first_part", file), FIRST)


FUTURES = {
    "code on the docstring's line": '"""M."""; import os\n\ndef one(x):\n    raise NotImplementedError\n',
    "another future on the docstring's line": '"""M."""; from __future__ import division\nimport os\n\ndef one(x):\n    raise NotImplementedError\n',
    "a docstring of several lines with code behind": '"""M.\n"""; import os\n\ndef one(x):\n    raise NotImplementedError\n',
    "line ends of Windows": '"""M."""; import os\r\n\r\ndef one(x):\r\n    raise NotImplementedError\r\n',
}  # fmt: skip


@pytest.mark.parametrize("form", FUTURES)
def test_a_future_import_goes_between_a_docstring_and_the_code_on_its_line(form: str) -> None:
    answer = fenced("from __future__ import annotations; import re\n\ndef one(x: Undefined):\n    return re and x")
    text = changed(answer, "one", FUTURES[form])
    assert holds(text, "one(1) == 1 and os and __doc__.strip() == 'M.'")
    assert "\r\n" not in FUTURES[form] or text.count("\r\n") == text.count("\n")
