"""Calls of a target that a person wrote: the examples of docstrings and pages, and call sites with plain arguments."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from ttc_data.lang.python.facts import definition_nodes, last_name
from ttc_data.lang.python.generated.case import (
    MOST_CHARACTERS,
    TREES_HELD,
    Case,
    Origin,
    block,
    block_shared,
    bound_names,
    expression,
    expression_shared,
    is_import,
    used_names,
)
from ttc_data.lang.python.generated.module import Module
from ttc_data.lang.python.generated.sites import PAGES, STANDARD, call_sites, docstrings

MOST_STATEMENTS = 12


def case_of(
    module: Module, setup: Sequence[str], call: str, origin: Origin, observe: Sequence[str] = ()
) -> Case | None:
    """Make a case of texts; None when they use a name that nothing binds, are too long, or are no Python."""
    node = expression_shared(call)
    if node is None or sum(map(len, [*setup, call])) > MOST_CHARACTERS:
        return None
    bound: set[str] = set()
    names: set[str] = set()
    for statement in setup:
        pairs = _names_of(statement)
        if pairs is None:
            return None
        for used, binds in pairs:
            names |= used - bound
            bound |= binds
    names |= used_names(node) - bound
    standard = {name for name in names & STANDARD if f"{name}." in call}
    if standard:
        setup, names = [*(f"import {name}" for name in sorted(standard)), *setup], names - standard
    # A variable that hides the target would be tested in its place.
    if not names <= module.names or module.target.qualname.partition(".")[0] in bound - _imported(setup):
        return None
    return Case(tuple(sorted(names)), tuple(setup), call, tuple(observe), origin)


@lru_cache(maxsize=TREES_HELD)
def _names_of(text: str) -> list[tuple[set[str], set[str]]] | None:
    """Of each statement the names that it uses and those that it binds; None when the text is no Python."""
    statements = block_shared(text)
    return None if statements is None else [(used_names(one), bound_names([one])) for one in statements]


def _imported(setup: Sequence[str]) -> set[str]:
    return {name for text in setup if is_import(text) for name in bound_names(block_shared(text) or [])}


def documented(module: Module, others: Mapping[str, str]) -> list[Case]:
    """The target's calls in its own docstring's examples, then in those of its module, then in the pages of the tree."""
    texts = [module.target.docstring]
    if module.owner:
        texts.append(ast.get_docstring(module.owner) or "")
    own = len(texts)
    texts += docstrings(module.text)
    texts += [text for path, text in sorted(others.items()) if path.endswith(PAGES) and ">>>" in text]
    cases: dict[tuple[tuple[str, ...], str], Case] = {}
    for number, text in enumerate(texts):
        if ">>>" in text and (number < own or module.name in text):
            for case in _examples(module, text):
                cases.setdefault((case.setup, case.call), case)
    return list(cases.values())


@dataclass(frozen=True)
class _Example:
    text: str
    nodes: list[ast.stmt]
    bound: set[str]
    used: set[str]
    failing: bool

    @property
    def is_import(self) -> bool:
        return all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in self.nodes)

    @property
    def prints(self) -> bool:
        match self.nodes:
            case [ast.Expr(value=ast.Call(func=ast.Name(id="print" | "pprint" | "help")))]:
                return True
            case _:
                return False


def _examples(module: Module, text: str) -> Iterator[Case]:
    try:
        parsed = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return
    earlier: list[_Example] = []
    for example in parsed:
        nodes = block(example.source)
        if nodes is None:
            continue
        used = {name for node in nodes for name in used_names(node)}
        earlier.append(_Example(example.source.strip(), nodes, bound_names(nodes), used, bool(example.exc_msg)))
        match nodes:
            case [ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=[shown], keywords=[]))]:
                call = ast.unparse(shown)
            case [ast.Expr(value=value)]:
                call = ast.unparse(value)
            case [ast.Assign(value=value)] | [ast.For(iter=value)] if _calls(module, value):
                call = ast.unparse(value)
            case _:
                continue
        needed = _slice(earlier[:-1], used)
        whole = [*(node for one in needed for node in one.nodes), *nodes]
        if len(needed) <= MOST_STATEMENTS and any(_mentions(module, node) for node in whole):
            case = case_of(module, [one.text for one in needed], call, "docstring")
            if case and (module.target.kind != "method" or _names_owner(module, whole)):
                yield case


def _slice(earlier: Sequence[_Example], names: set[str]) -> list[_Example]:
    """The examples before one that bind what it uses, or may have changed it."""
    needed = set(names)
    variables = {name for one in earlier if not one.is_import for name in one.bound}
    found: list[_Example] = []
    for one in reversed(earlier):
        if one.failing or one.prints:
            continue
        if one.bound & needed or one.used & needed & variables:
            found.append(one)
            needed |= one.used
    return found[::-1]


def _calls(module: Module, node: ast.AST) -> bool:
    """Whether the target itself is called, not given to something else."""
    return any(isinstance(inner, ast.Call) and last_name(inner.func) == module.name for inner in ast.walk(node))


def _mentions(module: Module, node: ast.AST) -> bool:
    """Whether the target is used: its name where a function or class is called or passed on, or `.name` for a method."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and inner.attr == module.name:
            return True
        if isinstance(inner, ast.Name) and inner.id == module.name and module.target.kind != "method":
            return True
    return False


def _names_owner(module: Module, nodes: Sequence[ast.stmt]) -> bool:
    owner = module.owner.name if module.owner else ""
    return any(isinstance(node, ast.Name) and node.id == owner for one in nodes for node in ast.walk(one))


def calls_of(name: str, module: Module, others: Mapping[str, str]) -> list[ast.Call]:
    """Calls of a name, anywhere in the repository's code and docstrings, whose arguments stand for themselves.

    Everybody's: who has them must not change them.
    """
    nodes = [expression_shared(text) for text in call_sites(name, module.text, others)]
    return [node for node in nodes if isinstance(node, ast.Call)]


def written(function: str, call: ast.Call) -> str:
    """A call's arguments, given to another function."""
    parts = [ast.unparse(one) for one in call.args]
    parts += [f"{one.arg}={ast.unparse(one.value)}" for one in call.keywords]
    return f"{function}({', '.join(parts)})"


def changed(case: Case, random: Random) -> Case:
    """The case with one or two of its call's literals changed; itself when there is nothing to change."""
    node = expression(case.call)
    if node is None:
        return case
    for _ in range(random.choice((1, 1, 2))):
        places = [one for one in ast.walk(node) if _changeable(one)]
        if not places:
            return case
        _change(random.choice(places), random)
    return Case(case.names, case.setup, ast.unparse(node), case.observe, case.origin)


def _changeable(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | bytes()):
            return True
        case ast.List(elts=parts, ctx=ast.Load()):
            return bool(parts)
        case _:
            return False


def _change(node: ast.AST, random: Random) -> None:
    if isinstance(node, ast.List):
        node.elts = random.choice((node.elts[1:], node.elts[::-1], [*node.elts, node.elts[0]], node.elts[:-1], []))
    elif isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            node.value = not value
        elif isinstance(value, (int, float)):
            node.value = random.choice((value + 1, max(value - 1, 0), value * 2, 0, 1, value + 2))
        elif isinstance(value, str):
            node.value = random.choice((value[1:], value[::-1], value.upper(), value + value[:1], value + " x", ""))
        elif isinstance(value, bytes):
            node.value = random.choice((value[1:], value[::-1], value + value[:1]))


def variables_of(module: Module) -> frozenset[str]:
    """Names of the module's type variables."""
    return frozenset(
        target.id
        for node in module.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and last_name(node.value) == "TypeVar"
        for target in node.targets
        if isinstance(target, ast.Name)
    )


def public_attributes(module: Module) -> list[str]:
    """What the methods of the owner set on `self` and do not hide."""
    found: dict[str, None] = {}
    for owner in module.bases:
        for function in definition_nodes(owner.body):
            for node in ast.walk(function):
                match node:
                    case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()) if name[0] != "_":
                        found[name] = None
                    case _:
                        continue
    return list(found)
