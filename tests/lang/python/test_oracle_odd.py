"""The oracle gives arguments without end that never repeat, functions that fail and instances of derived classes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lang.python.oracles import Toy
from tests.sandboxes import Place, opened

pytestmark = pytest.mark.local
UNIQUE = '''
def unique(seq):
    """Give the elements of a sequence that did not come before.

    >>> list(unique([1, 2, 1, 3]))
    [1, 2, 3]
    >>> list(unique((3, 1, 1)))
    [3, 1]
    """
    seen = set()
    for item in seq:
        if item not in seen:
            seen.add(item)
            yield item
'''
DO = '''
def do(func, x):
    """Call a function with a value for what it does besides, and give the value.

    >>> do(abs, 1)
    1
    >>> do(lambda value: value + 1, 2)
    2
    >>> do(abs, -3)
    -3
    """
    func(x)
    return x
'''
STEP = '''
class Step:
    """A number of steps."""

    def __init__(self, number=0):
        self.number = number

    def next(self, by=1):
        """Give the step that comes after so many.

        >>> Step(1).next()
        Step(2)
        >>> Step(1).next(2)
        Step(3)
        """
        return type(self)(self.number + by)

    def __repr__(self):
        return f"{type(self).__name__}({self.number})"
'''
CASES = {
    "an eager answer, where all that repeats is known after four elements": (
        "unique", UNIQUE,
        "def unique(seq):\n    found = set()\n    return iter([x for x in seq if x not in found and not found.add(x)])\n",
        "def unique(seq):\n    found = []\n    for x in seq:\n        if x not in found:\n            found.append(x)\n            yield x\n",
    ),
    "a failure that is swallowed": (
        "do", DO,
        "def do(func, x):\n    try:\n        func(x)\n    except Exception:\n        pass\n    return x\n",
        "def do(func, x):\n    result = func(x)\n    del result\n    return x\n",
    ),
    "the class that it was written in": (
        "Step.next", STEP, STEP.replace("type(self)(", "Step("), STEP.replace("type(self)(", "self.__class__("),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with opened("local", tmp_path_factory.mktemp("odd")) as place:
        yield place


@pytest.mark.parametrize("name", CASES)
def test_an_answer_is_told_by_an_odd_argument_and_a_right_one_is_not(name: str, local: Place) -> None:
    target, reference, wrong, right = CASES[name]
    toy = Toy(local, target, reference)
    assert toy.compared(wrong).differences
    assert toy.compared(right).agrees, toy.compared(right).difference
