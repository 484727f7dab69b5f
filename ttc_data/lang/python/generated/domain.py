"""Which calls somebody meant: what a target is given in examples, tests and code says what it takes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ttc_data.lang.python.facts import Function, last_name
from ttc_data.lang.python.generated.arguments import CallParameter, parameters
from ttc_data.lang.python.generated.bags import is_bag
from ttc_data.lang.python.generated.case import BUILTINS, TREES_HELD, Case, block_shared, bound_literal
from ttc_data.lang.python.generated.guesses import compared
from ttc_data.lang.python.generated.hints import from_hint
from ttc_data.lang.python.generated.module import Module, is_kind
from ttc_data.lang.python.generated.seen import calls_of, documented, public_attributes, variables_of

_ROWS = frozenset(("range", "iter", "endless", "list", "tuple"))
_SIGNS = re.compile(
    r"\b(negative|zero|positive|below|nonnegative|non-negative)\b|[<>]=? ?0\b|(?<![\w-])-\d", re.IGNORECASE
)


@dataclass
class Taken:
    """What one parameter is known to take."""

    hinted: bool
    """A type hint says what, so drawn values fit it."""
    signed: bool
    """Numbers that are not above zero were thought of: the body compares it, or the docstring speaks of them."""
    kinds: set[str] = field(default_factory=set)
    """`int`, `str`, `row`, `tuple` and so on, `other` for what is no literal; with `[...]` behind it for what a container holds."""
    fields: list[float] = field(default_factory=list)
    """Numbers that stand in tuples."""
    numbers: list[float] = field(default_factory=list)
    """Numbers that it was given."""
    iterated: bool = False
    """It was given an iterator."""

    def learn(self, node: ast.expr) -> None:
        """Take an argument for one that somebody meant."""
        self.kinds.update(_kinds(node))
        self.fields += _fields(node, ast.Tuple)
        self.numbers += _number(node)
        self.iterated = self.iterated or _is_iterator(node)

    def holds(self, node: ast.expr) -> bool:
        """Whether an argument is of a kind that was seen or is hinted at."""
        found = set(_kinds(node))
        return (
            self._ranges(node)
            and self._is_share(node)
            and self._types(found)
            and (self.signed or not {"int-", "int0", "float-", "float0"} & found - self.kinds)
        )

    def _ranges(self, node: ast.expr) -> bool:
        """Whether numbers that are fields of something, for they were seen in tuples, lie between those that were seen."""
        found = _fields(node, ast.Tuple, ast.List) if self.fields else ()
        return all(min(self.fields) <= number <= max(self.fields) for number in found)

    def _is_share(self, node: ast.expr) -> bool:
        """Whether a number lies between 0 and 1, where all that were seen do, and not only at the ends: a discount, a chance."""
        are_shares = all(0 <= number <= 1 for number in self.numbers) and any(0 < number < 1 for number in self.numbers)
        return not are_shares or all(0 <= number <= 1 for number in _number(node))

    def _types(self, found: set[str]) -> bool:
        if self.hinted or not self.kinds:
            return True
        known = {kind.rstrip("-0+") for kind in self.kinds}
        known |= {"tuple"} if "row" in known else set()
        is_held = any("[" in kind for kind in known)
        return all(kind.rstrip("-0+") in known or ("[" in kind and not is_held) for kind in found)

    @property
    def guessed(self) -> bool:
        """Whether nothing is known, and what is drawn for it may be nothing that it takes."""
        return not self.hinted and not self.kinds


class Domain:
    """What a target and the class of its instances are known to take."""

    def __init__(self, module: Module, others: Mapping[str, str]) -> None:
        speaks_of_repr = bool(re.search(r"\b(?:repr|__repr__)\b", module.target.docstring))
        self._shown = not isinstance(module.node, ast.ClassDef) or speaks_of_repr
        self._hidden = _hidden(module, others)
        self.meant = {(case.setup, case.call) for case in documented(module, others)}
        self._known: dict[str, tuple[list[CallParameter], dict[str, Taken]]] = {}
        written = [node for setup, call in self.meant for text in (*setup, call) for node in _calls(text)]
        for name, function, bound in _functions(module):
            found = [*calls_of(name, module, others), *(node for node in written if last_name(node.func) == name)]
            self._known[name] = _taken(function, found, module, bound=bound)

    def holds(self, case: Case) -> bool:
        """Whether everything that a case gives the target and the class is of a kind that they are known to take."""
        return (case.setup, case.call) in self.meant or all(
            taken[name].holds(node) for taken, given in self._given(case) for name, node in given if name in taken
        )

    def guesses(self, case: Case) -> bool:
        """Whether a case gives them something of which nothing is known."""
        return (case.setup, case.call) not in self.meant and any(
            taken[name].guessed for taken, given in self._given(case) for name, _ in given if name in taken
        )

    def iterated(self, name: str) -> frozenset[str]:
        """Parameters of a function that somebody gave an iterator."""
        return (
            frozenset(each for each, taken in self._known[name][1].items() if taken.iterated)
            if name in self._known
            else frozenset()
        )

    def is_private(self, case: Case) -> bool:
        """Whether a call reads what a class keeps on its instances, or how it shows them: nobody asked for either."""
        if case.call == "repr(instance)" and not self._shown:
            return (case.setup, case.call) not in self.meant
        return any(_reads(text, self._hidden) for text in (*case.setup, case.call))

    def without_private(self, case: Case) -> Case:
        """The same call, with an eye only on what somebody asked for."""
        return replace(case, observe=tuple(text for text in case.observe if not _reads(text, self._hidden)))

    def _given(self, case: Case) -> Iterator[tuple[dict[str, Taken], list[tuple[str, ast.expr]]]]:
        values = dict(pair for text in case.setup if (pair := bound_literal(text)))
        for text in (*case.setup, case.call):
            for call in _calls(text):
                if known := self._known.get(last_name(call.func)):
                    given = _given(call, known[0])
                    yield known[1], [(name, _value(node, values)) for name, node in given]


def _hidden(module: Module, others: Mapping[str, str]) -> frozenset[str]:
    """What a masked class sets on its instances, its docstring does not name, and no other file reads.

    A name that its docstring has for a parameter says nothing of an attribute.
    """
    if not isinstance(module.node, ast.ClassDef):
        return frozenset()
    made = module.method("__init__")
    given = {one.arg for one in ast.walk(made.args) if isinstance(one, ast.arg)} if made else set()
    said = set(re.findall(r"\w+", module.target.docstring)) - given
    read = {name for text in (module.target.docstring, *others.values()) for name in re.findall(r"\.(\w+)", text)}
    return frozenset(public_attributes(module)) - said - read


def _reads(text: str, hidden: frozenset[str]) -> bool:
    """Whether statements read one of these attributes of the instance."""
    return bool(hidden) and any(
        isinstance(node, ast.Attribute)
        and node.attr in hidden
        and isinstance(node.value, ast.Name)
        and node.value.id == "instance"
        for statement in block_shared(text) or ()
        for node in ast.walk(statement)
    )


def _functions(module: Module) -> Iterator[tuple[str, Function, bool]]:
    """The target, and what makes an instance: each with the name that it is called by, and whether its first is bound."""
    owner = module.owner
    if not isinstance(module.node, ast.ClassDef):
        yield module.name, module.node, owner is not None and not is_kind(module.node, "staticmethod")
    if owner and (made := module.method("__init__") or module.method("__new__")):
        yield owner.name, made, True
    if isinstance(module.node, ast.ClassDef):
        for function in module.methods():
            if not function.name.startswith("__"):
                yield function.name, function, not is_kind(function, "staticmethod")


def _taken(
    function: Function, calls: Sequence[ast.Call], module: Module, *, bound: bool
) -> tuple[list[CallParameter], dict[str, Taken]]:
    found = parameters(function, bound=bound, examples={})
    variables = variables_of(module)
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    every += [arg for arg in (function.args.vararg, function.args.kwarg) if arg]
    speaks = bool(_SIGNS.search(f"{ast.get_docstring(function)} {module.target.docstring}"))
    taken = {
        arg.arg: Taken(_is_understood(arg.annotation, variables), speaks or bool(compared(function, arg.arg)))
        for arg in every
    }
    for arg, default in _defaults(function):
        taken[arg].learn(default)
    for call in calls:
        for name, node in _given(call, found):
            if name in taken:
                taken[name].learn(node)
    return found, taken


def _defaults(function: Function) -> Iterator[tuple[str, ast.expr]]:
    both = [*function.args.posonlyargs, *function.args.args]
    for arg, default in zip(both[len(both) - len(function.args.defaults) :], function.args.defaults, strict=True):
        yield arg.arg, default
    for arg, given in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if given is not None:
            yield arg.arg, given


def _given(call: ast.Call, known: Sequence[CallParameter]) -> Iterator[tuple[str, ast.expr]]:
    """What a call gives each parameter; the one that takes all that is left is named once for each."""
    places = iter(known)
    parameter = next(places, None)
    for arg in call.args:
        if isinstance(arg, ast.Starred) or parameter is None or parameter.place in ("keyword", "double_star"):
            break
        yield parameter.name, arg
        parameter = parameter if parameter.place == "star" else next(places, None)
    yield from ((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg)


@lru_cache(maxsize=TREES_HELD)
def _calls(text: str) -> Sequence[ast.Call]:
    return [
        node for statement in block_shared(text) or () for node in ast.walk(statement) if isinstance(node, ast.Call)
    ]


def _value(node: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    """What a name stands for, where the setup gives it a literal."""
    return values.get(node.id, node) if isinstance(node, ast.Name) else node


def _is_understood(hint: ast.expr | None, variables: frozenset[str]) -> bool:
    """Whether a hint says what a parameter takes, and what that holds."""
    if isinstance(hint, ast.Subscript):
        parts = hint.slice.elts if isinstance(hint.slice, ast.Tuple) else [hint.slice]
        inner = [part for part in parts if not isinstance(part, (ast.Constant, ast.List))]
        return from_hint(hint, variables) is not None and all(_is_understood(part, variables) for part in inner)
    return is_bag(hint) or from_hint(hint, variables) is not None


def _is_iterator(node: ast.expr) -> bool:
    match node:
        case (
            ast.GeneratorExp()
            | ast.Call(func=ast.Name(id="iter" | "map" | "filter" | "zip" | "reversed" | "enumerate"))
        ):
            return True
        case _:
            return False


def _kinds(node: ast.expr) -> Iterator[str]:
    """What an argument is, and what it holds: `row`, `row[int`."""
    match node:
        case ast.Constant(value=bool() | None | str() | bytes() as value):
            yield type(value).__name__
        case ast.Constant(value=int() | float() as value):
            yield f"{type(value).__name__}{'+' if value > 0 else '0'}"
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            yield f"{type(value).__name__}-"
        case ast.List(elts=parts):
            yield "row"
            yield from _held("row", parts)
        case ast.Tuple(elts=parts):  # who takes tuples need not take lists
            yield "tuple"
            yield from _held("row", parts)
        case ast.Set(elts=parts):
            yield "set"
            yield from _held("set", parts)
        case ast.Dict(values=parts):
            yield "dict"
            yield from _held("dict", parts)
        case ast.Call(func=ast.Name(id=name), args=parts) if name in _ROWS:
            yield "row"
            for part in parts if name != "range" else ():
                yield from (kind for kind in _kinds(part) if "[" in kind)
        case ast.Lambda():
            yield "callable"
        case ast.Name(id=name):
            yield from ("callable",) if name in BUILTINS else ()  # a variable's name says nothing
        case _:
            yield "other"


def _held(outer: str, parts: Sequence[ast.expr]) -> Iterator[str]:
    for part in parts:
        for kind in _kinds(part):
            if "[" not in kind:
                yield f"{outer}[{kind.rstrip('-0+')}"


def _number(node: ast.expr) -> Iterator[float]:
    match node:
        case ast.Constant(value=bool()):
            return
        case ast.Constant(value=int() | float() as value):
            yield value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            yield -value
        case _:
            return


def _fields(node: ast.expr, *containers: type[ast.Tuple | ast.List]) -> Iterator[float]:
    for inner in ast.walk(node):
        for part in inner.elts if isinstance(inner, containers) else ():
            yield from _number(part)
