"""Oracles of small functions of ours, in a real sandbox."""

from __future__ import annotations

from textwrap import dedent

from tests.lang.python.place import RULES, SOURCE
from tests.sandboxes import Place
from ttc_data.extract import extract
from ttc_data.lang.python.oracle import Compared, Oracle
from ttc_data.records import Environment, Target
from ttc_data.sandbox.protocol import Job, Report

PATH = "toy.py"
FACTORIAL = '''
def factorial(n):
    """Give the product of the whole numbers from 1 to n, which is 1 for zero; negative ones are a ValueError.

    >>> factorial(3)
    6
    """
    if n < 0:
        raise ValueError(f"no factorial of {n}")
    found = 1
    for number in range(2, n + 1):
        found *= number
    return found
'''
PAIRS = '''
def pairs(items):
    """Give each element together with the next one, lazily.

    >>> list(pairs([1, 2, 3]))
    [(1, 2), (2, 3)]
    >>> list(pairs("ab"))
    [('a', 'b')]
    """
    items = iter(items)
    for one in items:
        for other in items:
            yield one, other
            one = other
'''
COUNTED = '''
def counted(words, least=1, reverse=False):
    """Give the words that are there at least so often, the most frequent first, then by the alphabet.

    >>> counted(["b", "a", "b"])
    ['b', 'a']
    >>> counted(["b", "a", "b"], least=2)
    ['b']
    >>> counted(["b", "a", "b"], reverse=True)
    ['a', 'b']
    >>> counted([])
    []
    """
    found = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    order = sorted((word for word in found if found[word] >= least), key=lambda word: (-found[word], word))
    return order[::-1] if reverse else order
'''
SLUG = '''
def slug(text, join="-"):
    """Make lower-case words of letters and digits out of a text, joined; whatever else is there is left out.

    >>> slug("Hello, World")
    'hello-world'
    """
    words = "".join(one if one.isalnum() else " " for one in text.lower()).split()
    return join.join(words)
'''
WITHOUT = '''
def without(items, unwanted):
    """Give a new list of the items that are not unwanted.

    >>> without([1, 2, 3], [2])
    [1, 3]
    """
    return [item for item in items if item not in unwanted]
'''
PILE = '''
class Pile:
    """Things one upon the other."""

    def __init__(self, things=()):
        self._things = list(things)

    def put(self, thing):
        """Put a thing on top of the pile, and give the number of things.

        >>> Pile([1]).put(2)
        2
        """
        self._things.append(thing)
        return len(self._things)

    def __iter__(self):
        return iter(self._things)
'''
MEAN = '''
def mean(numbers):
    """Give the mean of numbers.

    >>> mean([1, 2])
    1.5
    """
    return sum(numbers) / len(numbers)
'''


class Toy:
    """A module with a documented reference, and answers to it."""

    def __init__(self, place: Place, qualname: str, reference: str, others: dict[str, str] | None = None) -> None:
        text = dedent(reference)
        found = extract(SOURCE, [(PATH, text.encode())], RULES)
        self.target = next(one for one in found if isinstance(one, Target) and one.qualname == qualname)
        self.place = place
        self.jobs: list[Job] = []
        self.reports: list[Report] = []
        given = {PATH: 'raise NotImplementedError("what the solver is given")\n'}
        self.oracle = Oracle(self.target, text, given, place.environment, others or {}, self._run, 0)

    def _run(self, environment: Environment, job: Job) -> Report:
        self.jobs.append(job)
        self.reports.append(self.place.warm().run(job))
        return self.reports[-1]

    def compared(self, answer: str, *more: str) -> Compared:
        """What the oracle says of a module in the reference's place."""
        (found,) = self.oracle.compare([{PATH: dedent(answer)}])
        assert found.knows, f"{found.calls} calls"
        return found
