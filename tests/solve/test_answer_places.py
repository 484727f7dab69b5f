"""Right answers for targets wherever they stand in a file: each becomes a file that works when it is run."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.solve.test_answer_beside import BESIDE
from tests.solve.test_answer_forms import BLOCKS, DIFFS, FENCES, SEVERAL, THOUGHTS
from tests.solve.toys import FILE, block, changed, code, fenced, holds

AREA = "Box(3, 5).area() == 15"
METHOD = "    def area(self):\n        return self._width * self.height\n"
METHODS = {
    "a method at the margin": code(METHOD),
    "a method indented as in its class": METHOD,
    "a method in its class": f"class Box:\n{METHOD}",
    "a method in its class with others shown as stubs": f"class Box:\n    def __init__(self, width, height=1): ...\n\n{METHOD}\n    def volume(self):\n        ...\n",
    "a method with a helper beside it": "def _product(self):\n    return self._width * self.height\n\ndef area(self):\n    return self._product()\n",
    "a method with a helper after it": "def area(self):\n    return self._product()\n\ndef _product(self):\n    return self._width * self.height\n",
    "a method with a helper in its class": "class Box:\n    def _product(self):\n        return self._width * self.height\n\n    def area(self):\n        return self._product()\n",
    "a method with a static helper": "@staticmethod\ndef _product(a, b):\n    return a * b\n\ndef area(self):\n    return self._product(self._width, self.height)\n",
    "a method with a constant of the class": "class Box:\n    FACTOR = 1\n\n    def area(self):\n        return self._width * self.height * self.FACTOR\n",
    "a method with a constant of the class at its level": "FACTOR = 1\n\ndef area(self):\n    return self._width * self.height * self.FACTOR\n",
    "a method with a constant of the module": "FACTOR = 1\n\ndef area(self):\n    return self._width * self.height * FACTOR\n",
    "a method with a function of the module": "import operator\n\ndef _product(a, b):\n    return operator.mul(a, b)\n\nclass Box:\n    def area(self):\n        return _product(self._width, self.height)\n",
    "a method with a function of the module, without the class": "def _product(a, b):\n    return a * b\n\ndef area(self):\n    return _product(self._width, self.height)\n",
    "a method with a line of the class that stands there": "    def area(self):\n        return self._width * self.height\n    SIDES = 4\n",
    "a method as a lambda": "area = lambda self: self._width * self.height",
    "a method as a lambda in its class": "class Box:\n    area = lambda self: self._width * self.height",
    "a method that becomes another's name": "class Box:\n    def _product(self):\n        return self._width * self.height\n\n    area = _product\n",
    "a method with a changed method that it needs": "class Box:\n    def __init__(self, width, height=1):\n        self.width = self._width = width\n        self.height = height\n\n    def area(self):\n        return self.width * self.height\n",
    "a method with a changed method that it calls": "class Box:\n    def volume(self):\n        return self._width * self.height * 4\n\n    def area(self):\n        return self.volume() // 4\n",
    "a method's body alone": "return self._width * self.height",
    "a method's body alone, as deep as in the file": "        area = self._width\n        return area * self.height",
    "a completion whose first line has no indent": "area = self._width\n        return area * self.height",
    "a method with a text of several lines": 'def area(self):\n    text = """\n  a\n"""\n    assert text == "\\n  a\\n"\n    return self._width * self.height\n',
    "a method with a formatted text of several lines": 'def area(self):\n    text = f"""\n  {self.height}\nb"""\n    assert text == f"\\n  {self.height}\\nb"\n    return self._width * self.height\n',
    "a method whose texts hold quotes and backslashes": 'def area(self):\n    assert """a\\\n  b""" == "a  b"\n    return self._width * self.height\n',
    "a method with a continued line": "def area(self):\n    return self._width \\\n        * self.height\n",
    "a method with a comment at the margin": "def area(self):\n# so\n    return (self._width *\nself.height)\n",
    "a method with tabs": "def area(self):\n\tif self:\n\t\treturn self._width * self.height\n",
    "the whole class": FILE[FILE.index("class Box") : FILE.index("\n\ndef total")].replace("raise NotImplementedError", "return self._width * self.height"),
    "the whole file, for a method": FILE.replace('lid."""\n        raise NotImplementedError', 'lid."""\n        return self._width * self.height'),
    "an excerpt of the class": "# ... 30 lines left out ...\n        raise NotImplementedError\n\n" + METHOD + "    SIDES = 4\n",
}  # fmt: skip


@pytest.mark.parametrize("form", METHODS)
def test_a_method_goes_into_its_class(form: str) -> None:
    answer = (
        METHODS[form]
        if form.startswith("a completion")
        else f"```python\n{METHODS[form]}```\n"
        if METHODS[form].endswith("\n")
        else f"```python\n{METHODS[form]}\n```\n"
    )
    text = changed(answer, "Box.area")
    assert holds(text, AREA)
    assert holds(text, "Box(2).volume() == 8 and repr(Box(2)) == 'Box(2)' and total([Box(1), Box(2)]) == 2")


@dataclass(frozen=True)
class Place:
    """A file, its target, an answer, and what is true then."""

    text: str
    target: str
    answer: str
    check: str


PROPERTY = code('''
    class Box:
        def __init__(self):
            self._width = 1

        @property
        def width(self):
            """In centimetres."""
            raise NotImplementedError

        @width.setter
        def width(self, value):
            self._width = value

        @width.deleter
        def width(self):
            self._width = 0
''')  # fmt: skip
SETTER = PROPERTY.replace("raise NotImplementedError", "return self._width * 2").replace(
    "self._width = value", "raise NotImplementedError"
)
USED = "[box := Box(), setattr(box, 'width', 4), box.width, delattr(box, 'width'), box.width][2::2] == [8, 0]"
IMPORTED = code('''
    try:
        from fastsplit import halves
    except ImportError:
        def halves(values):
            """Two halves."""
            raise NotImplementedError
    else:
        halves = None
''')  # fmt: skip
HALVES = 'def halves(values):\n    """Two halves."""\n    return values[:1], values[1:]\n'
WHETHER = "halves([1, 2]) == ([1], [2])"


def within(header: str, end: str = "") -> str:
    return f'import contextlib\nKIND = 1\n{header}def halves(values):\n        """Two halves."""\n        raise NotImplementedError\n{end}'


TWICE = code('''
    import sys

    def halves(values):
        """Two halves."""
        raise NotImplementedError

    kept = halves

    def halves(values):
        return None
''')  # fmt: skip
OVERLOADS = code('''
    from typing import overload

    @overload
    def halves(values: str) -> tuple: ...
    @overload
    def halves(values: list) -> tuple: ...
    def halves(values):
        """Two halves."""
        raise NotImplementedError
''')  # fmt: skip
NESTED = code('''
    def outer(factor):
        offset = 1

        def inner(x):
            """Times the factor."""
            raise NotImplementedError

        return inner(3) + offset
''')  # fmt: skip
ASYNC = code('''
    import asyncio

    async def halves(values):
        """Two halves."""
        raise NotImplementedError
''')  # fmt: skip
DECORATED = code('''
    import functools

    def doubled(function):
        return lambda *args: 2 * function(*args)

    @doubled
    @functools.lru_cache(
        maxsize=None
    )
    def one(x):
        """It."""
        raise NotImplementedError
''')  # fmt: skip
INNER = code('''
    class Outer:
        """With a class in it."""

        class Inner:
            def get(self):
                """Seven."""
                raise NotImplementedError

        def get(self):
            return self.Inner().get()
''')  # fmt: skip
CLASS = code('''
    class Stack(list):
        """The last one first."""

        def push(self, value):
            """Put it on top."""
            raise NotImplementedError

        def top(self):
            """The one on top."""
            raise NotImplementedError

        def size(self):
            return len(self)
''')  # fmt: skip
STACKED = "[s := Stack(), s.push(1), s.push(2), s.top(), s.size()][3:] == [2, 2]"
ONE_LINE = "def one(x): raise NotImplementedError\n\n\ndef two(x): return one(x) + 1\n"

PLACES = {
    "a getter, beside setter and deleter": Place(PROPERTY, "Box.width", fenced("def width(self):\n    return self._width * 2"), USED),
    "a getter with its decorator": Place(PROPERTY, "Box.width", fenced("@property\ndef width(self):\n    return self._width * 2"), USED),
    "a getter with its setter and deleter": Place(PROPERTY, "Box.width", fenced(PROPERTY[PROPERTY.index("    @property") :].replace("raise NotImplementedError", "return self._width * 2")), USED),
    "a getter in its class, with the others": Place(PROPERTY, "Box.width", fenced(PROPERTY.replace("raise NotImplementedError", "return self._width * 2")), USED),
    "a getter alone in its class": Place(PROPERTY, "Box.width", fenced("class Box:\n    @property\n    def width(self):\n        return self._width * 2"), USED),
    "a getter's body alone": Place(PROPERTY, "Box.width", fenced("return self._width * 2"), USED),
    "a setter beside its getter": Place(SETTER, "Box.width", fenced("@width.setter\ndef width(self, value):\n    self._width = value"), USED),
    "a setter without its decorator": Place(SETTER, "Box.width", fenced("def width(self, value):\n    self._width = value"), USED),
    "a setter with the whole class": Place(SETTER, "Box.width", fenced(SETTER.replace("raise NotImplementedError", "self._width = value")), USED),
    "a getter that brings a setter": Place(PROPERTY[: PROPERTY.index("    @width.setter")], "Box.width", fenced("@property\ndef width(self):\n    return self._width * 2\n\n@width.setter\ndef width(self, value):\n    self._width = value"), "[box := Box(), setattr(box, 'width', 4), box.width][2] == 8"),
    "below except ImportError": Place(IMPORTED, "halves", fenced(HALVES), WHETHER),
    "below except ImportError, with the whole statement": Place(IMPORTED, "halves", fenced(IMPORTED.replace("raise NotImplementedError", "return values[:1], values[1:]")), WHETHER),
    "below except ImportError, with a helper": Place(IMPORTED, "halves", fenced("def _cut(v):\n    return v[:1], v[1:]\n\ndef halves(values):\n    return _cut(values)"), WHETHER),
    "below except ImportError, as a lambda": Place(IMPORTED, "halves", fenced("halves = lambda values: (values[:1], values[1:])"), WHETHER),
    "below except ImportError, as a body": Place(IMPORTED, "halves", fenced("return values[:1], values[1:]"), WHETHER),
    "below if": Place(within("if KIND:\n    "), "halves", fenced(HALVES), WHETHER),
    "below else": Place(within("if not KIND:\n    pass\nelse:\n    "), "halves", fenced(HALVES), WHETHER),
    "below elif": Place(within("if not KIND:\n    pass\nelif KIND:\n    "), "halves", fenced(HALVES), WHETHER),
    "below finally": Place(within("try:\n    pass\nfinally:\n    "), "halves", fenced(HALVES), WHETHER),
    "below with": Place(within("with contextlib.suppress(ValueError):\n    "), "halves", fenced(HALVES), WHETHER),
    "below for": Place(within("for number in range(1):\n    "), "halves", fenced(HALVES), WHETHER),
    "below match": Place(within("match KIND:\n  case 1:\n    "), "halves", fenced(HALVES), WHETHER),
    "below match, with the file's other lines": Place(within("match KIND:\n  case 1:\n    "), "halves", fenced(within("match KIND:\n  case 1:\n    ").replace("raise NotImplementedError", "return values[:1], values[1:]")), WHETHER),
    "below if and else, each with one": Place(within("if KIND:\n    ", "else:\n    def halves(values):\n        return None\n"), "halves", fenced(HALVES), WHETHER),
    "the first of two": Place(TWICE, "halves", fenced(HALVES), "kept([1, 2]) == ([1], [2]) and halves(1) is None"),
    "the first of two, with the file": Place(TWICE, "halves", fenced(TWICE.replace("raise NotImplementedError", "return values[:1], values[1:]")), "kept([1, 2]) == ([1], [2]) and halves(1) is None"),
    "beside overloads": Place(OVERLOADS, "halves", fenced(HALVES), WHETHER),
    "with its overloads": Place(OVERLOADS, "halves", fenced(OVERLOADS.replace("raise NotImplementedError", "return values[:1], values[1:]")), WHETHER),
    "with overloads that are new": Place(OVERLOADS[OVERLOADS.index("def halves(values):") :], "halves", fenced(OVERLOADS.replace("raise NotImplementedError", "return values[:1], values[1:]")), WHETHER),
    "a function in a function": Place(NESTED, "outer.<locals>.inner", fenced("def inner(x):\n    return x * factor"), "outer(5) == 16"),
    "a function in a function, with the outer one": Place(NESTED, "outer.<locals>.inner", fenced(NESTED.replace("raise NotImplementedError", "return x * factor")), "outer(5) == 16"),
    "a function in a function, with a helper": Place(NESTED, "outer.<locals>.inner", fenced("def times(x):\n    return x * factor\n\ndef inner(x):\n    return times(x)"), "outer(5) == 16"),
    "a function in a function, as a body": Place(NESTED, "outer.<locals>.inner", fenced("return x * factor"), "outer(5) == 16"),
    "an asynchronous function": Place(ASYNC, "halves", fenced("async " + HALVES), "asyncio.run(halves([1, 2])) == ([1], [2])"),
    "an asynchronous function's body that awaits": Place(ASYNC, "halves", fenced("await asyncio.sleep(0)\nreturn values[:1], values[1:]"), "asyncio.run(halves([1, 2])) == ([1], [2])"),
    "a decorated function without its decorators": Place(DECORATED, "one", fenced("def one(x):\n    return x"), "one(4) == 8"),
    "a decorated function with its decorators": Place(DECORATED, "one", fenced(DECORATED[DECORATED.index("@doubled") :].replace("raise NotImplementedError", "return x")), "one(4) == 8"),
    "a decorated function with one decorator": Place(DECORATED, "one", fenced("@doubled\ndef one(x):\n    return x"), "one(4) == 8"),
    "a method of an inner class": Place(INNER, "Outer.Inner.get", fenced("def get(self):\n    return 7"), "Outer().get() == 7"),
    "a method of an inner class in that class": Place(INNER, "Outer.Inner.get", fenced("class Inner:\n    def get(self):\n        return self._seven()\n\n    def _seven(self):\n        return 7"), "Outer().get() == 7"),
    "a method of an inner class in both": Place(INNER, "Outer.Inner.get", fenced("class Outer:\n    class Inner:\n        def get(self):\n            return 7"), "Outer().get() == 7"),
    "an inner class": Place(INNER, "Outer.Inner", fenced("class Inner:\n    def get(self):\n        return 7"), "Outer().get() == 7"),
    "a class": Place(CLASS, "Stack", fenced(CLASS.replace("raise NotImplementedError", "self.append(value)", 1).replace("raise NotImplementedError", "return self[-1]")), STACKED),
    "a class with a helper of the module": Place(CLASS, "Stack", fenced("def _last(values):\n    return values[-1]\n\n" + CLASS.replace("raise NotImplementedError", "self.append(value)", 1).replace("raise NotImplementedError", "return _last(self)")), STACKED),
    "a class's methods without the class": Place(CLASS, "Stack", fenced("def push(self, value):\n    self.append(value)\n\ndef top(self):\n    return self[-1]"), STACKED),
    "a class made by a call": Place(CLASS, "Stack", fenced("def _push(self, value):\n    self.append(value)\n\nStack = type('Stack', (list,), {'push': _push, 'top': lambda self: self[-1], 'size': lambda self: len(self)})"), STACKED),
    "a function on one line": Place(ONE_LINE, "one", fenced("def one(x):\n    return x"), "two(1) == 2"),
    "a function on one line, as a body": Place(ONE_LINE, "one", fenced("y = x\nreturn y"), "two(1) == 2"),
    "a generator's body": Place('def ones(n):\n    """So many."""\n    raise NotImplementedError\n', "ones", fenced("for _ in range(n):\n    yield 1"), "list(ones(2)) == [1, 1]"),
    "a file without a last line end": Place('def one(x):\n    raise NotImplementedError', "one", fenced("def one(x):\n    return x\n\none.calls = 0"), "one(1) == 1 and one.calls == 0"),
    "a file that imports from the future": Place('"""M."""\nfrom __future__ import annotations\n\ndef one(x):\n    raise NotImplementedError\n', "one", fenced("from __future__ import annotations\nfrom math import floor\n\ndef one(x: Undefined):\n    return floor(x)"), "one(1.5) == 1"),
    "a file with its docstring first, and an answer from the future": Place('"""M."""\nimport os\n\ndef one(x):\n    raise NotImplementedError\n', "one", fenced("from __future__ import annotations\n\ndef one(x: Undefined):\n    return x"), "one(1) == 1 and __doc__ == 'M.'"),
    "a block with a heading's underline": Place('"""Halves\n=======\n"""\n\n\ndef one(x):\n    """One\n    =====\n    """\n    raise NotImplementedError\n', "one", block('    """One\n    =====\n    """\n    raise NotImplementedError', '    """One\n    =====\n    """\n    return x'), "one(2) == 2 and '=====' in one.__doc__"),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_the_target_is_found_where_it_stands(place: str) -> None:
    case = PLACES[place]
    assert holds(changed(case.answer, case.target, case.text), case.check)


def test_enough_forms_are_tried() -> None:
    tables: tuple[dict[str, str] | dict[str, Place], ...] = (
        FENCES,
        THOUGHTS,
        BESIDE,
        SEVERAL,
        BLOCKS,
        DIFFS,
        METHODS,
        PLACES,
    )
    assert sum(len(table) for table in tables) >= 120
