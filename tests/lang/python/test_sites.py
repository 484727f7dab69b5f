"""Calls of a target as its repository writes them: what a model is told, and what generated tests begin with."""

from __future__ import annotations

from ttc_data.lang.python.generated.sites import call_sites

OWN = '''
def put(pile, thing):
    """Put it on top.

    >>> put([], 1)
    [1]
    """
    return [*pile, thing]


def twice(thing, pile):
    return put(put(pile, thing), thing), put([], 2), put([], 1)
'''


def test_calls_with_arguments_that_stand_for_themselves_are_shown_as_written() -> None:
    others = {
        "b.py": "import a\nstack.put(range(3), key=len)\na.put(unknown, 1)\nput(*[1])\nput(**{})\nmake()(1)\n",
        "a.py": "print(a.put([], 'é'))\noutput(3)\n",
    }
    found = call_sites("put", OWN, others)
    assert found == ["put([], 1)", "put([], 2)", "a.put([], 'é')", "stack.put(range(3), key=len)"]
    assert call_sites("put", OWN, {"page.rst": ">>> put([3], 4)", "notes.cfg": "put([5], 6)"})[-1] == "put([3], 4)"


def test_what_nobody_calls_and_what_is_no_python_gives_nothing() -> None:
    assert call_sites("twice", OWN, {"a.py": "twice(1, 2", "b.py": ""}) == []
    assert call_sites("put", "put(1", {}) == []
    assert call_sites("put", 'def f():\n    """>>> put(1\n    >>>bad"""\n', {}) == []
    assert call_sites("put", "put('" + 300 * "x" + "')\n", {}) == []
