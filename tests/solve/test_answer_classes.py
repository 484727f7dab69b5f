"""Classes and decorators: what the file shows and an answer does not repeat belongs to the file, unless the answer contradicts it."""

from __future__ import annotations

import pytest

from tests.solve.toys import PATH, changed, code, fenced, holds, read

STACK = code('''
    class Stack(list):
        """The last one first."""

        LIMIT = 9
        name: str = "s"

        def push(self, value):
            """Put it on top."""
            raise NotImplementedError

        def top(self):
            """The one on top."""
            raise NotImplementedError

        def size(self):
            return len(self)

        @property
        def empty(self):
            return not self
''')
STACKED = "[s := Stack(), s.push(1), s.push(2), s.top()][3] == 2"
KEPT = f"{STACKED} and Stack.LIMIT == 9 and Stack.name == 's' and Stack().size() == 0 and Stack().empty"
PUSH, TOP = "def push(self, value):\n    self.append(value)\n", "def top(self):\n    return self[-1]\n"


def deeper(text: str) -> str:
    return "".join(f"    {line}" for line in text.splitlines(keepends=True))


SEVERAL = {
    "one fence a method": fenced(PUSH) + "Then:\n" + fenced(TOP),
    "one fence a method, each as deep as in the class": f"```python\n{deeper(PUSH)}```\nThen:\n```python\n{deeper(TOP)}```\n",
    "one fence a method, each in the class": fenced(f"class Stack(list):\n{deeper(PUSH)}") + "Then:\n" + fenced(f"class Stack(list):\n{deeper(TOP)}"),
    "one fence a method, and one of imports": fenced("import operator") + fenced(PUSH) + fenced("def top(self):\n    return operator.itemgetter(-1)(self)"),
    "one fence a method, with a helper in one": fenced("def push(self, value):\n    self._add(value)\n\ndef _add(self, value):\n    self.append(value)") + fenced(TOP),
    "one fence a method, and how it is used": fenced(PUSH) + fenced(TOP) + fenced("s = Stack()\ns.push(1)\nprint(s.top())"),
    "one of the class and one of a method": fenced(f'class Stack(list):\n    """The last one first."""\n\n    LIMIT = 9\n\n{deeper(PUSH)}') + fenced(TOP),
}  # fmt: skip
WHOLE = {
    "the methods that were to be written": f"class Stack(list):\n{deeper(PUSH + TOP)}",
    "with the docstring": f'class Stack(list):\n    """The last one first."""\n\n{deeper(PUSH + TOP)}',
    "with others as stubs": f"class Stack(list):\n{deeper(PUSH + TOP)}    def size(self):\n        ...\n\n    def empty(self): ...\n",
    "with dots": f"class Stack(list):\n    ...\n\n{deeper(PUSH + TOP)}    ...\n",
    "with a comment for the rest": f"class Stack(list):\n    # ... existing code ...\n{deeper(PUSH + TOP)}    # rest unchanged\n",
    "with a private attribute more": f"class Stack(list):\n    _seen = 0\n{deeper(PUSH + TOP)}",
}  # fmt: skip


@pytest.mark.parametrize("form", SEVERAL)
def test_a_class_in_several_pieces_is_one_answer(form: str) -> None:
    assert holds(changed(SEVERAL[form], "Stack", STACK), KEPT)


@pytest.mark.parametrize("form", WHOLE)
def test_what_a_file_shows_of_a_class_stays(form: str) -> None:
    assert holds(changed(fenced(WHOLE[form]), "Stack", STACK), KEPT)


def test_of_two_pieces_with_the_same_method_the_last_counts() -> None:
    answer = fenced(f"class Stack(list):\n{deeper(PUSH)}") + fenced(f"class Stack(list):\n{deeper(PUSH + TOP)}")
    assert holds(changed(answer, "Stack", STACK), KEPT)


def test_a_method_that_the_answers_class_does_without_is_removed_and_said() -> None:
    masked = STACK.replace("raise NotImplementedError", "return None", 1).replace("def push", "def append")
    answer = read(fenced("class Stack(list):\n    pass"), "Stack", masked)
    text = answer.files[PATH] or ""
    assert holds(text, "Stack().append(1) is None and not hasattr(Stack, 'top') and Stack.LIMIT == 9")
    assert answer.left_out == ("`def top(self):`: removed, for the answer's Stack does not have it",)


CONTRADICTED = {
    "slots that the answer's attributes are not in": ("    __slots__ = ('_x',)\n", "    def push(self, value):\n        self._y = value\n", "vars(_made())['_y'] == 1", "__slots__"),
    "fields beside the answer's own": ("    height: int = 0\n", "    width: int = 0\n\n    def push(self, value):\n        pass\n", "'height' not in Stack.__annotations__", "height: int"),
    "a property that the answer sets": ("    @property\n    def last(self):\n        return 0\n", "    def push(self, value):\n        self.last = value\n", "_made().last == 1", "def last"),
    "an alias of a method that is gone": ("    add = top\n", "    def push(self, value):\n        pass\n", "not hasattr(Stack, 'add')", "add = top"),
}  # fmt: skip


@pytest.mark.parametrize("form", CONTRADICTED)
def test_what_an_answers_class_contradicts_is_removed_and_said(form: str) -> None:
    shown, own, check, said = CONTRADICTED[form]
    file = (
        f"class Stack:\n    def push(self, value):\n        raise NotImplementedError\n\n    def top(self):\n        raise NotImplementedError\n\n"
        f"{shown}\n\ndef _made():\n    stack = Stack()\n    stack.push(1)\n    return stack\n"
    )
    answer = read(fenced(f"class Stack:\n{own}"), "Stack", file)
    assert holds(answer.files[PATH] or "", check)
    assert any(said in words and "removed" in words for words in answer.left_out)


def test_a_class_of_dots_says_nothing() -> None:
    for body in ("...", "# ... 20 lines left out ...\n    pass"):
        answer = read(fenced(f"class Stack(list):\n    {body}"), "Stack", STACK)
        assert answer.files == {}
        assert answer.left_out == ("Stack: its body is still to be written",)


ACCESSORS = code("""
    class Box:
        def __init__(self):
            self._width = 1

        @property
        def width(self):
            raise NotImplementedError

        @width.setter
        def width(self, value):
            raise NotImplementedError
""")


def test_a_getter_and_its_setter_without_the_class_are_both_put_in() -> None:
    answer = "@property\ndef width(self):\n    return self._width\n\n@width.setter\ndef width(self, value):\n    self._width = value"
    assert holds(changed(fenced(answer), "Box", ACCESSORS), "[b := Box(), setattr(b, 'width', 3), b.width][2] == 3")


DECORATED = code('''
    import functools


    def doubled(function):
        return lambda *args: 2 * function(*args)


    def raised(function):
        return lambda *args: 1 + function(*args)


    class Box:
        @property
        def area(self):
            """It."""
            raise NotImplementedError

        @classmethod
        def make(cls, n):
            """It."""
            raise NotImplementedError


    @doubled
    def one(x):
        """It."""
        raise NotImplementedError


    @doubled
    @raised
    def two(x):
        """It."""
        raise NotImplementedError
''')
DECORATORS = {
    "none": ("one", "def one(x):\n    return x", "one(4) == 8"),
    "the file's": ("one", "@doubled\ndef one(x):\n    return x", "one(4) == 8"),
    "one of its own": ("one", "@functools.lru_cache\ndef one(x):\n    return x", "one(4) == 8"),
    "both": ("one", "@doubled\n@functools.lru_cache\ndef one(x):\n    return x", "one(4) == 8"),
    "one of two": ("two", "@doubled\ndef two(x):\n    return x", "two(4) == 10"),
    "the inner one of two": ("two", "@raised\ndef two(x):\n    return x", "two(4) == 10"),
    "one of its own between two": ("two", "@doubled\n@functools.lru_cache\n@raised\ndef two(x):\n    return x", "two(4) == 10"),
    "the file's, written beside it too": ("one", "def doubled(function):\n    return lambda *args: 2 * function(*args)\n\n@doubled\ndef one(x):\n    return x", "one(4) == 8"),
    "the file's, called behind it": ("one", "def one(x):\n    return x\n\none = doubled(one)", "one(4) == 8"),
    "none on a lambda": ("one", "one = lambda x: x", "one(4) == 8"),
    "the file's round a lambda": ("one", "one = doubled(lambda x: x)", "one(4) == 8"),
    "none on a lambda for a property": ("Box.area", "area = lambda self: 3", "Box().area == 3"),
    "one of its own on a property": ("Box.area", "@functools.lru_cache\ndef area(self):\n    return 3", "Box().area == 3"),
    "another kind of property": ("Box.area", "@functools.cached_property\ndef area(self):\n    return 3", "Box().area == 3"),
    "another kind of method": ("Box.make", "@staticmethod\ndef make(n):\n    return n", "Box.make(2) == 2"),
    "the file's kind and one of its own": ("Box.make", "@classmethod\n@functools.lru_cache\ndef make(cls, n):\n    return n", "Box.make(2) == 2"),
}  # fmt: skip


@pytest.mark.parametrize("form", DECORATORS)
def test_a_files_decorators_stay_whether_an_answer_repeats_them_or_not(form: str) -> None:
    target, answer, check = DECORATORS[form]
    assert holds(changed(fenced(answer), target, DECORATED), check)


def test_a_decorator_that_another_takes_the_place_of_is_said() -> None:
    answer = read(fenced(DECORATORS["another kind of method"][1]), "Box.make", DECORATED)
    assert answer.left_out == ("`@classmethod`: the answer's decorators take its place",)
