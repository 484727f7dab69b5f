"""Ways to change a call that somebody meant into one beside it, where hurried code goes wrong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from random import Random

from ttc_data.lang.python.facts import last_name
from ttc_data.lang.python.generated.arguments import CallParameter
from ttc_data.lang.python.generated.case import Case, copied, expression_shared
from ttc_data.lang.python.generated.module import Module, is_kind

NOTHING = "None"
GIVEN = "nothing"
"""A value that no target makes itself: where it is in a result, it came through."""
_ITERABLES = frozenset(("iterable", "iterables", "iterator", "iterators", "it"))
SPEAKS_OF_BYTES = re.compile(r"\bbyte(s|strings?|arrays?)\b")
_DIGIT = re.compile(r"(?<!\d)\d(?!\d)")


def words(case: Case) -> Iterator[str]:
    """The texts of a case's call."""
    node = expression_shared(case.call)
    for one in ast.walk(node) if node else ():
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def nothing_inside(call: ast.Call) -> Iterator[ast.Call]:
    """None in place of the first element of a list or tuple, or of the first value of a dict."""
    yield from (first for first, _ in nothing_in_two_places(call))


def nothing_in_two_places(call: ast.Call) -> Iterator[tuple[ast.Call, ast.Call | None]]:
    """None in place of the first element, and of the second where that stands between others."""
    held = [
        one for given in _given(call) for one in ast.walk(given) if isinstance(one, (ast.List, ast.Tuple, ast.Dict))
    ]
    for node in held:
        parts = _parts(node)
        if parts and all(isinstance(part, ast.Constant) and part.value is not None for part in parts):
            yield _with_nothing(call, node, 0), _with_nothing(call, node, 1) if len(parts) > 2 else None


def _with_nothing(call: ast.Call, node: ast.AST, at: int) -> ast.Call:
    other, held = next(_copies(call, [node]))
    _parts(held)[at] = ast.Constant(None)
    return other


def _parts(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Dict(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return parts
        case _:
            return []


def nothing_by_default(call: ast.Call, known: Sequence[CallParameter], module: Module) -> Iterator[ast.Call]:
    """None for a parameter that has another default."""
    given = {keyword.arg for keyword in call.keywords}
    others = _defaults(module, ast.Name, ast.Attribute)
    for number, parameter in enumerate(known):
        is_open = number >= len(call.args) and parameter.name not in given and parameter.place in ("either", "keyword")
        if is_open and parameter.name in others:
            other = copied(call)
            other.keywords.append(ast.keyword(parameter.name, ast.Constant(None)))
            yield other


def nothing_beside_another(call: ast.Call, known: Sequence[CallParameter], module: Module) -> Iterator[ast.Call]:
    """None for an element, and another value to give for nothing: None is there, so it is no nothing."""
    for other in nothing_inside(call):
        given = {keyword.arg for keyword in other.keywords}
        for number, parameter in enumerate(known):
            is_open = number >= len(other.args) and parameter.name not in given
            if is_open and parameter.place in ("either", "keyword") and parameter.name in _given_for_nothing(module):
                more = copied(other)
                more.keywords.append(ast.keyword(parameter.name, ast.Constant(GIVEN)))
                yield more


def _given_for_nothing(module: Module) -> frozenset[str]:
    return _defaults(module, ast.Name, ast.Attribute, ast.Constant)


def as_bytes(call: ast.Call) -> Iterator[ast.Call]:
    """Bytes for every text that is given, where the docstring speaks of bytes."""
    other = copied(call)
    texts = _texts(other)
    for node in texts:
        node.value = str(node.value).encode("utf-8", "replace")
    if texts:
        yield other


def emptied(call: ast.Call, known: Sequence[CallParameter], module: Module) -> Iterator[tuple[ast.Call, ast.Call]]:
    """Nothing in a container that the call gives, with a value and with None to give in its place.

    Each call comes with the one beside it, which differs in that value.
    """
    given = {keyword.arg: keyword for keyword in call.keywords}
    defaults = _given_for_nothing(module)
    for number, arg in enumerate(call.args):
        empty = _empty(arg)
        for at, parameter in enumerate(known) if empty else ():
            if parameter.name not in defaults or at == number or parameter.place not in ("either", "keyword"):
                continue
            if at < len(call.args) and parameter.name not in given:
                continue  # given by its place
            pair = []
            for value in (GIVEN, None):
                other = copied(call)
                other.args[number] = copied(empty) if empty else arg
                other.keywords = [one for one in other.keywords if one.arg != parameter.name]
                other.keywords.append(ast.keyword(parameter.name, ast.Constant(value)))
                pair.append(other)
            yield pair[0], pair[1]


def _empty(node: ast.expr) -> ast.expr | None:
    """The same kind of container with nothing in it; None for anything else, and for one that is empty already."""
    match node:
        case ast.List(elts=[_, *_]) | ast.Call(func=ast.Name(id="range" | "iter"), args=[_, *_]):
            return ast.List([], ast.Load())
        case ast.Tuple(elts=[_, *_]):
            return ast.Tuple([], ast.Load())
        case ast.Dict(keys=[_, *_]):
            return ast.Dict([], [])
        case _:
            return None


def _defaults(module: Module, *kinds: type[ast.expr]) -> frozenset[str]:
    """Parameters whose default is an expression of a kind; of constants None alone, which stands for nothing given."""
    assert not isinstance(module.node, ast.ClassDef)
    given = module.node.args
    both = [*given.posonlyargs, *given.args]
    pairs = [*zip(both[len(both) - len(given.defaults) :], given.defaults, strict=True)]
    pairs += [(arg, value) for arg, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value]
    return frozenset(
        arg.arg
        for arg, value in pairs
        if isinstance(value, kinds) and not (isinstance(value, ast.Constant) and value.value is not None)
    )


def iterators(call: ast.Call, known: Sequence[CallParameter], asked: frozenset[str]) -> Iterator[ast.Call]:
    """An iterator over a list, where any iterable is asked for."""
    for number in range(len(call.args)):
        parameter = known[min(number, len(known) - 1)] if known else None
        if parameter and parameter.name in asked and isinstance(call.args[number], (ast.List, ast.Tuple)):
            other = copied(call)
            other.args[number] = ast.Call(ast.Name("iter", ast.Load()), [other.args[number]], [])
            yield other


def asking_iterables(module: Module) -> frozenset[str]:
    """Parameters that ask for any iterable, by their names or their hints."""
    assert not isinstance(module.node, ast.ClassDef)
    given = module.node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, *([given.vararg] if given.vararg else [])]
    return frozenset(
        arg.arg
        for arg in every
        if arg.arg in _ITERABLES or (arg.annotation and last_name(_outer(arg.annotation)) in ("Iterable", "Iterator"))
    )


def _outer(hint: ast.expr) -> ast.expr:
    return hint.value if isinstance(hint, ast.Subscript) else hint


def other_letters(call: ast.Call, letters: str, random: Random) -> Iterator[ast.Call]:
    """A letter of a text changed to another one of its kind, of those that stand in such texts."""
    long = [node for node in _texts(call) if len(str(node.value)) > 1]
    for other, node in _copies(call, long):
        text = str(node.value) if isinstance(node, ast.Constant) else ""
        places = [at for at, letter in enumerate(text) if letter.isalnum()]
        if not isinstance(node, ast.Constant) or not places:
            continue
        at = random.choice(places)
        alike = [one for one in letters if one.isalnum() and one != text[at]]
        if alike:
            node.value = f"{text[:at]}{random.choice(alike)}{text[at + 1 :]}"
            yield other


def texts_within(call: ast.Call) -> Iterator[ast.Call]:
    """One text in the middle of another, and once more at its beginning and its end.

    What asks for its beginning or its end does not ask for the middle, and takes it once.
    """
    direct = [one for one in _given(call) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    inner = [str(one.value) for one in direct if one.value]
    for place in ("middle", "beginning", "end"):
        for other, node in _copies(call, direct):
            text = str(node.value) if isinstance(node, ast.Constant) else ""
            found = next((word for word in inner if word != text), None)
            if isinstance(node, ast.Constant) and len(text) > 1 and found:
                text = text.replace(found, "") if place == "middle" and len(text.replace(found, "")) > 1 else text
                at = {"middle": len(text) // 2, "beginning": 0, "end": len(text)}[place]
                node.value = f"{text[:at]}{found}{text[at:]}"
                yield other


def repeated(call: ast.Call) -> Iterator[ast.Call]:
    """The first element of a list or tuple once more at its end, as a value that is equal."""
    held = [one for one in _given(call) if isinstance(one, (ast.List, ast.Tuple)) and len(one.elts) > 1]
    for other, node in _copies(call, held):
        parts = _parts(node)
        if all(isinstance(part, ast.Constant) for part in parts) and ast.unparse(parts[0]) != ast.unparse(parts[-1]):
            parts.append(copied(parts[0]))
            yield other


def alike(call: ast.Call, module: Module) -> Iterator[ast.Call]:
    """One argument once more in place of another of its kind: of two texts, or of two that have the same hint.

    And among what another one holds: who is told to leave out the days may be asked for days.
    """
    kinds = [_alike(node) for node in call.args]
    hints = [arg.annotation for arg in _positional(module)]
    hints += [None] * (len(call.args) - len(hints))
    texts = [ast.unparse(hint) if hint else "" for hint in hints]
    pairs = [(at, place) for at in range(len(kinds)) for place in range(len(kinds)) if at != place and kinds[at]]
    for at, place in pairs:
        taker = call.args[place]
        hint = hints[place]
        inner = last_name(hint.slice) if isinstance(hint, ast.Subscript) else ""
        held = _parts(taker) if not isinstance(taker, ast.Dict) else None
        is_held = isinstance(taker, (ast.List, ast.Tuple, ast.Set)) and all(
            _alike(one) == kinds[at] for one in held or ()
        )
        if is_held and inner in ("", kinds[at]):
            other = copied(call)
            _parts(other.args[place]).append(copied(call.args[at]))
            yield other
    for at, place in pairs:
        is_hinted = texts[at] == texts[place] != ""
        if at < place and kinds[at] == kinds[place] and (kinds[at] != "int" or is_hinted):
            other = copied(call)
            other.args[place] = copied(call.args[at])
            yield other


def _alike(node: ast.expr) -> str:
    """What two arguments have to have in common: their type, or the class whose attributes they are; empty for anything else."""
    match node:
        case ast.Constant(value=str() | int() as value) if not isinstance(value, bool):
            return type(value).__name__
        case ast.Attribute(value=ast.Name(id=name)):
            return name
        case _:
            return ""


def _positional(module: Module) -> list[ast.arg]:
    assert not isinstance(module.node, ast.ClassDef)
    found = [*module.node.args.posonlyargs, *module.node.args.args]
    is_bound = module.owner is not None and not is_kind(module.node, "staticmethod")
    return found[1:] if is_bound else found


def longer_numbers(call: ast.Call) -> Iterator[ast.Call]:
    """A number of two digits where a text has one of one digit: as text, 10 comes before 9."""
    for other, node in _copies(call, _texts(call)):
        if isinstance(node, ast.Constant):
            changed = longer_number(str(node.value))
            if changed != node.value:
                node.value = changed
                yield other


def longer_number(text: str) -> str:
    """A text with the last of its numbers of one digit made longer; itself where it has none."""
    found = list(_DIGIT.finditer(text))
    if not found:
        return text
    first, last = found[-1].span()
    return f"{text[:first]}{int(found[-1].group()) + 9 if found[-1].group() != '0' else 10}{text[last:]}"


def _texts(call: ast.Call) -> list[ast.Constant]:
    """Texts that a call gives, also in containers and in calls."""
    return [
        one
        for given in _given(call)
        for one in ast.walk(given)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]


def _given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _copies(call: ast.Call, places: Sequence[ast.AST]) -> Iterator[tuple[ast.Call, ast.AST]]:
    """A copy of a call for each of its nodes, with that node in the copy."""
    for place in places:
        other = copied(call)
        yield other, next(twin for node, twin in zip(ast.walk(call), ast.walk(other), strict=True) if node is place)
