"""What stands where its neighbour should: another method, a copy that is none, a step left out, something lazy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from ttc_data.lang.python.finding import Edit, Finder, Readers, last_word

_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "sorted": ("list",), "list": ("sorted",), "reversed": ("list",), "set": ("list",), "frozenset": ("set",),
    "tuple": ("list",), "str": ("repr",), "repr": ("str",), "int": ("round", "float"), "OrderedDict": ("dict",),
}  # fmt: skip
_ANYWHERE: dict[str, tuple[str, ...]] = {
    "any": ("all",), "all": ("any",), "min": ("max",), "max": ("min",), "sum": ("max",), "round": ("int",),
    "floor": ("ceil",), "ceil": ("floor",), "deepcopy": ("copy",), "zip_longest": ("zip",), "takewhile": ("filter",),
    "dropwhile": ("filterfalse",), "filterfalse": ("filter",), "match": ("search", "fullmatch"), "search": ("match",),
    "fullmatch": ("match", "search"), "nlargest": ("nsmallest",), "nsmallest": ("nlargest",),
}  # fmt: skip
_METHODS: dict[str, tuple[str, ...]] = {
    "strip": ("lstrip", "rstrip"), "lstrip": ("rstrip", "strip"), "rstrip": ("lstrip", "strip"),
    "removeprefix": ("lstrip", "removesuffix"), "removesuffix": ("rstrip", "removeprefix"),
    "split": ("rsplit", "partition"), "rsplit": ("split", "rpartition"), "splitlines": ("split",),
    "partition": ("rpartition", "split"), "rpartition": ("partition", "rsplit"), "startswith": ("endswith",),
    "endswith": ("startswith",), "find": ("rfind", "index"), "rfind": ("find", "rindex"), "index": ("rindex", "find"),
    "rindex": ("index", "rfind"), "upper": ("lower", "title"), "lower": ("upper", "casefold"), "casefold": ("lower",),
    "title": ("capitalize",), "capitalize": ("title", "upper"), "isdigit": ("isdecimal", "isalnum"),
    "isdecimal": ("isdigit",), "isnumeric": ("isdigit",), "isalpha": ("isalnum",), "isalnum": ("isalpha",),
    "islower": ("isupper",), "isupper": ("islower",), "ljust": ("rjust",), "rjust": ("ljust",), "zfill": ("rjust",),
    "append": ("extend",), "extend": ("append",), "appendleft": ("append",), "extendleft": ("extend",),
    "popleft": ("pop",), "add": ("update",), "update": ("add",), "remove": ("discard",), "discard": ("remove",),
    "keys": ("values",), "values": ("keys",), "items": ("values",), "setdefault": ("get",), "union": ("intersection",),
    "intersection": ("union",), "difference": ("symmetric_difference",), "symmetric_difference": ("union",),
    "issubset": ("issuperset",), "issuperset": ("issubset",), "bit_count": ("bit_length",), "findall": ("finditer",),
}  # fmt: skip
_COPIES = frozenset({"list", "dict", "set", "tuple", "frozenset", "bytearray", "copy", "deepcopy"})
_EAGER = frozenset({"list", "tuple", "iter"})
_LAZY = frozenset({"map", "filter", "zip", "reversed", "islice", "chain", "from_iterable", "enumerate"})
_NO_STEPS = frozenset({
    "len", "range", "super", "type", "next", "open", "print", "any", "all", "sum", "min", "max", "isinstance", "callable",
    "vars", "dir", "id", "hash", "bool",
})  # fmt: skip
_PLAIN_STEPS = frozenset(
    {"strip", "lstrip", "rstrip", "lower", "upper", "casefold", "title", "capitalize", "normalize"}
)
_CAN_LACK: dict[str, tuple[str, int]] = {
    "get": ("dropped_default", 1), "pop": ("dropped_default", 1), "getattr": ("dropped_default", 2),
    "next": ("dropped_default", 1), "split": ("removed_argument", 1), "rsplit": ("removed_argument", 1),
    "round": ("removed_argument", 1), "sum": ("removed_argument", 1), "enumerate": ("removed_argument", 1),
    "int": ("removed_argument", 1), "replace": ("removed_argument", 2), "strip": ("removed_argument", 0),
    "lstrip": ("removed_argument", 0), "rstrip": ("removed_argument", 0), "find": ("removed_argument", 1),
    "index": ("removed_argument", 1),
}  # fmt: skip
"""Calls that mean something without their last argument too, which stands at this place."""
_SINGLE = (cst.Name, cst.Attribute)


def _call(at: Finder, node: cst.Call) -> Iterator[Edit]:
    name = last_word(node.func)
    plain = [arg.value for arg in node.args if not arg.star and not arg.keyword]
    if len(plain) != len(node.args):
        plain = []
    yield from _similar(at, node, name)
    yield from _without(at, node, name, plain)
    if isinstance(node.func, cst.Name):
        if name == "isinstance" and len(plain) == 2 and isinstance(plain[1], _SINGLE):
            thing, kind = (at.text(at.outer(value)) for value in plain)
            yield at.edit("identity", at.span(node), f"(type({thing}) is {kind})")
        if name in ("sorted", "reversed") and node.args and isinstance(node.args[0].value, _SINGLE):
            thing = at.text(at.outer(node.args[0].value))
            rest = ", ".join(at.text(at.span(arg)) for arg in node.args[1:])
            method = "sort" if name == "sorted" else "reverse"
            yield at.edit("mutates", at.span(node), f"({thing}.{method}({rest}) or {thing})")
    yield from _step(at, node, name, plain)


def _similar(at: Finder, node: cst.Call, name: str) -> Iterator[Edit]:
    is_method = isinstance(node.func, cst.Attribute)
    if not isinstance(node.func, (cst.Attribute, cst.Name)):
        return
    known = {**(_METHODS if is_method else _FUNCTIONS), **_ANYWHERE}
    word = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    for other in known.get(name, ()):
        if {name, other} == {"split", "rsplit"} and len(node.args) < 2:
            continue  # the same, where the text is split everywhere
        if (name, other) in (("split", "partition"), ("rsplit", "rpartition")) and len(node.args) != 1:
            continue
        if name in ("int", "str", "round", "list", "tuple", "set") and len(node.args) != 1:
            continue
        yield at.edit("similar_name", at.span(word), other)


def _without(at: Finder, node: cst.Call, name: str, plain: Sequence[cst.BaseExpression]) -> Iterator[Edit]:
    """A call without an argument that it can do without; `get` without any default."""
    operator, place = _CAN_LACK.get(name, ("", -1))
    if plain and place == len(plain) - 1:
        start = at.outer(plain[place - 1])[1] if place else at.outer(plain[place])[0]
        yield at.edit(operator, (start, at.outer(plain[place])[1]), "")
    if name == "range" and len(plain) == 2:
        yield at.edit("removed_argument", (at.outer(plain[0])[0], at.outer(plain[1])[0]), "")
    if not isinstance(node.func, cst.Attribute):
        return
    if name == "get" and len(plain) == 1:
        thing, key = at.text(at.outer(node.func.value)), at.text(at.outer(plain[0]))
        yield at.edit("dropped_default", at.span(node), f"{thing}[{key}]")
    if name == "pop" and (not node.args or at.text(at.outer(node.args[0].value)) == "0"):
        thing = at.text(at.outer(node.func.value))
        yield at.edit("first_last", at.span(node), f"{thing}.pop({'' if node.args else '0'})")


def _step(at: Finder, node: cst.Call, name: str, plain: Sequence[cst.BaseExpression]) -> Iterator[Edit]:
    """What is given to a call in place of the call."""
    on = node.func.value if isinstance(node.func, cst.Attribute) else None
    if on and not node.args and (name == "copy" or name in _PLAIN_STEPS):
        yield at.edit("alias" if name == "copy" else "skipped_step", at.span(node), at.text(at.outer(on)))
    if len(plain) != 1 or name in _NO_STEPS or name[:1].isupper() or (on and not _is_own(on, name)):
        return
    (given,) = plain
    is_lazy = last_word(given) in _LAZY or isinstance(given, cst.GeneratorExp)
    operator = "lazy" if name in _EAGER and is_lazy else "alias" if name in _COPIES else "skipped_step"
    text = at.text(at.outer(given))
    yield at.edit(operator, at.span(node), text if isinstance(given, (*_SINGLE, cst.Call)) else f"({text})")


def _is_own(on: cst.BaseExpression, name: str) -> bool:
    """Whether a call is of a method of the object itself, or of a function of the module `copy`."""
    return isinstance(on, cst.Name) and (on.value in ("self", "cls") or (on.value == "copy" and name in _COPIES))


def _comparison(at: Finder, node: cst.Comparison) -> Iterator[Edit]:
    """One kind of equality for the other, truth for `None`."""
    if len(node.comparisons) != 1:
        return
    (part,) = node.comparisons
    kind, right = part.operator, part.comparator
    if isinstance(kind, (cst.Is, cst.IsNot)):
        if last_word(right) == "None":
            thing = at.text(at.outer(node.left))
            yield at.edit("truthiness", at.span(node), thing if isinstance(kind, cst.IsNot) else f"not {thing}")
        elif last_word(right) not in ("True", "False"):
            yield at.edit("identity", at.span(kind), "==" if isinstance(kind, cst.Is) else "!=")
    elif isinstance(kind, cst.Equal) and all(isinstance(side, _COMPARED) for side in (node.left, right)):
        yield at.edit("identity", at.span(kind), "is")


_COMPARED = (cst.Name, cst.Attribute, cst.Subscript, cst.Call)


def _condition(at: Finder, node: cst.If | cst.While | cst.IfExp) -> Iterator[Edit]:
    """`None` for truth."""
    match node.test:
        case cst.UnaryOperation(operator=cst.Not(), expression=cst.Name() | cst.Attribute() as thing):
            yield at.edit("truthiness", at.span(node.test), f"{at.text(at.outer(thing))} is None")
        case cst.Name(value=name) if name not in ("True", "False", "TYPE_CHECKING"):
            yield at.edit("truthiness", at.span(node.test), f"{name} is not None")
        case cst.Attribute():
            yield at.edit("truthiness", at.span(node.test), f"{at.text(at.span(node.test))} is not None")


def _subscript(at: Finder, node: cst.Subscript) -> Iterator[Edit]:
    """The last for the first, the other end of a slice, what was copied itself."""
    if len(node.slice) != 1 or node in at.targets:
        return
    thing = at.text(at.outer(node.value))
    match node.slice[0].slice:
        case cst.Index(value=cst.Integer(value="0") as place):  # [-1] becomes [0] as the 1 in it becomes 0
            yield at.edit("first_last", at.span(place), "-1")
        case cst.Slice(lower=None, upper=None, step=None):
            yield at.edit("alias", at.span(node), thing)
        case cst.Slice(lower=cst.BaseExpression() as bound, upper=None, step=None):
            yield at.edit("first_last", at.span(node), f"{thing}[:{at.text(at.outer(bound))}]")
        case cst.Slice(lower=None, upper=cst.BaseExpression() as bound, step=None):
            yield at.edit("first_last", at.span(node), f"{thing}[{at.text(at.outer(bound))}:]")


def _kept(at: Finder, node: cst.Return | cst.Assign | cst.AnnAssign) -> Iterator[Edit]:
    """Something lazy for a list, a list for something lazy, where it is kept or handed on."""
    match node.value:
        case cst.ListComp():
            start, end = at.span(node.value)
            yield at.edit("lazy", (start, end), f"({at.text((start + 1, end - 1))})")
        case cst.GeneratorExp(lpar=[_, *_]):
            yield at.edit("lazy", at.outer(node.value), f"[{at.text(at.span(node.value))}]")
        case cst.SetComp():
            start, end = at.span(node.value)
            yield at.edit("similar_name", (start, end), f"[{at.text((start + 1, end - 1))}]")


def _yielded(at: Finder, node: cst.Yield) -> Iterator[Edit]:
    if isinstance(node.value, cst.From):
        yield at.edit("yielded", at.span(node.value), at.text(at.outer(node.value.item)))
    elif node.value and isinstance(node.value, (*_SINGLE, cst.Call)):
        yield at.edit("yielded", at.outer(node.value), f"from {at.text(at.outer(node.value))}")


def _awaited(at: Finder, node: cst.Await) -> Iterator[Edit]:
    yield at.edit("lazy", at.span(node), at.text(at.outer(node.expression)))


def _formatted(at: Finder, node: cst.FormattedStringExpression) -> Iterator[Edit]:
    """A value without its format, or in letters of the other case."""
    if node.format_spec:
        span = at.span(node.format_spec[0])[0], at.span(node.format_spec[-1])[1]
        spec = at.text(span)
        yield at.edit("format", span, "")
        if spec[-1:] in ("x", "X", "e", "E", "g", "G"):
            yield at.edit("format", span, spec[:-1] + spec[-1].swapcase())


NEIGHBOURS: Readers = {
    cst.Call: _call,
    cst.Comparison: _comparison,
    cst.If: _condition,
    cst.While: _condition,
    cst.IfExp: _condition,
    cst.Subscript: _subscript,
    cst.Return: _kept,
    cst.Assign: _kept,
    cst.AnnAssign: _kept,
    cst.Yield: _yielded,
    cst.Await: _awaited,
    cst.FormattedStringExpression: _formatted,
}
