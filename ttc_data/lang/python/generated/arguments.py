"""Argument lists for a function: each parameter's strategy, and how it is written in a call."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

from ttc_data.lang.python.facts import Function
from ttc_data.lang.python.generated import draws
from ttc_data.lang.python.generated.draws import Draw
from ttc_data.lang.python.generated.guesses import compared, constants, formats, guess
from ttc_data.lang.python.generated.hints import from_hint

Place: TypeAlias = Literal["positional", "either", "keyword", "star", "double_star"]
_CHANGES = frozenset(
    [
        "append",
        "extend",
        "insert",
        "sort",
        "reverse",
        "pop",
        "popitem",
        "remove",
        "clear",
        "update",
        "setdefault",
        "add",
        "discard",
        "appendleft",
        "popleft",
        "difference_update",
        "intersection_update",
        "heapify",
        "heappush",
        "heappop",
        "heapreplace",
        "shuffle",
    ]
)


@dataclass(frozen=True)
class CallParameter:
    """One parameter of a function."""

    name: str
    place: Place
    required: bool
    draw: Draw | None
    """None where nothing but the default is known to fit."""


@dataclass(frozen=True, slots=True)
class Argument:
    """What one parameter is given."""

    parameter: str
    text: str
    keyword: bool

    def written(self, text: str = "") -> str:
        """As it stands in a call, or another text in its place."""
        return f"{self.parameter}={text or self.text}" if self.keyword else text or self.text


def parameters(
    function: Function, *, bound: bool, examples: Mapping[str, Sequence[str]], variables: frozenset[str] = frozenset()
) -> list[CallParameter]:
    """A function's parameters with their strategies.

    Args:
        function: whose.
        bound: leave out the first, which is the instance or the class.
        examples: expressions that parameters were seen to be given, by name.
        variables: names of the module's type variables.
    """
    found = function.args
    both = [*found.posonlyargs, *found.args]
    defaults: list[ast.expr | None] = [*[None] * (len(both) - len(found.defaults)), *found.defaults]
    every: list[tuple[ast.arg, Place, ast.expr | None]] = [
        (arg, "positional" if number < len(found.posonlyargs) else "either", default)
        for number, (arg, default) in enumerate(zip(both, defaults, strict=True))
    ]
    every = every[1:] if bound else every
    if found.vararg:
        every.append((found.vararg, "star", None))
    every += [(arg, "keyword", default) for arg, default in zip(found.kwonlyargs, found.kw_defaults, strict=True)]
    if found.kwarg:
        every.append((found.kwarg, "double_star", None))
    texts = constants(function)
    result = []
    for arg, place, default in every:
        draw = from_hint(arg.annotation, variables) or guess(function, arg.arg, default)
        if draw is draws.TEXT and (given := formats(function, arg.arg)):
            draw = draws.sampled(given)
        elif draw is draws.TEXT and texts:
            draw = draws.one_of(draw, draws.sampled(texts), _around(texts))
        if seen := compared(function, arg.arg):
            draw = draws.one_of(draw, draws.sampled(seen)) if draw else draws.sampled(seen)
        if seen := [*examples.get(arg.arg, ())]:
            draw = draws.mostly(draws.sampled(seen), draw) if draw else draws.sampled(seen)
        result.append(
            CallParameter(arg.arg, place, place in ("positional", "either", "keyword") and default is None, draw)
        )
    return result


def _around(texts: Sequence[str]) -> Draw:
    """Words with one of the body's strings between them."""

    def draw(random: Random) -> str:
        middle = ast.literal_eval(random.choice(texts))
        return repr(random.choice(("a", "ab", "1", "", "x y")) + middle + random.choice(("b", "2", "", "Cd", middle)))

    return draw


def drawn(parameters: Sequence[CallParameter], random: Random) -> list[Argument]:
    """One list of arguments; what has a default is left out half of the time."""
    given: list[Argument] = []
    skipped = False
    for parameter in parameters:
        name, draw = parameter.name, parameter.draw
        if parameter.place == "star":
            if not skipped and draw:
                given += [Argument(name, draw(random), False) for _ in range(random.choice((0, 1, 1, 2, 2, 3)))]
        elif parameter.place == "double_star":
            if random.random() < 0.3:
                given.append(Argument("extra", draws.SMALL(random), True))
        elif draw is None or (not parameter.required and random.random() < 0.5):
            skipped = skipped or parameter.place != "keyword"
        elif parameter.place == "positional" and skipped:
            continue
        else:
            named = parameter.place != "positional" and (skipped or not parameter.required)
            given.append(Argument(name, draw(random), named or parameter.place == "keyword"))
            skipped = skipped or named
    return given


def given_in(call: ast.Call, parameters: Sequence[CallParameter]) -> dict[str, str]:
    """What a call gives each parameter, as text."""
    found: dict[str, str] = {}
    places = iter(parameters)
    parameter = next(places, None)
    for arg in call.args:
        if isinstance(arg, ast.Starred) or parameter is None or parameter.place in ("keyword", "double_star"):
            break
        found[parameter.name] = ast.unparse(arg)
        parameter = parameter if parameter.place == "star" else next(places, None)
    for keyword in call.keywords:
        if keyword.arg:
            found[keyword.arg] = ast.unparse(keyword.value)
    return found


def is_changed(function: Function, name: str) -> bool:
    """Whether the body changes what a parameter is bound to: sets an element, or calls a method that does."""
    for node in ast.walk(function):
        match node:
            case (
                ast.Subscript(value=ast.Name(id=found), ctx=ast.Store() | ast.Del())
                | ast.AugAssign(target=ast.Name(id=found))
            ) if found == name:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id=found), attr=called)) if found == name:
                if called in _CHANGES:
                    return True
            case ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called), args=[ast.Name(id=found), *_]) if (
                found == name and called in _CHANGES
            ):
                return True
            case _:
                continue
    return False
