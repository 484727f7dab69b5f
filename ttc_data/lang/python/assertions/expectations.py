"""A test file, and the edits that would change what one of its tests expects."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import islice
from random import Random
from typing import TypeAlias
from unittest import TestCase

from ttc_data.lang.python.assertions.alterations import OPPOSITES, exceptions, other_operator
from ttc_data.lang.python.assertions.claims import Claim, Names, claims, derived, in_order, mentions
from ttc_data.lang.python.assertions.places import replaced
from ttc_data.lang.python.assertions.scopes import Scope, Trail, parameters
from ttc_data.lang.python.assertions.siblings import Siblings
from ttc_data.lang.python.assertions.wording import folded
from ttc_data.lang.python.facts import Function, definition_nodes, is_dunder, last_name
from ttc_data.records import Tripwire, TripwireKind

MOST_A_CLAIM = 3
MOST_CALLS = 2
LONG = 60
ANYTHING = frozenset({"Exception", "BaseException", "Warning"})
MOST_REPLACED = 120
"""Characters of an expression that a literal takes the place of."""
TRANSPARENT = frozenset(
    {"approx", "set", "list", "tuple", "frozenset", "dict", "sorted", "deque", "Counter", "OrderedDict", "array"}
)
MADE = re.compile(r"_*[A-Z]|timedelta$")
"""Calls that make a value of what they are given."""
HELPERS = re.compile(r"_?(check|assert|verify|expect|compare)")
NO_EQUALITY = re.compile(r"(?i)not|less|greater|in$|raises|warn|contains|between|range|regex|match|true|false")


class Rank(IntEnum):
    """What is changed, the better first; values also catch who reads them in the caller's frame or in the file."""

    LITERAL = 0
    VARIABLE = 1
    PARAMETER = 2
    INSIDE_CALL = 3
    MODULE = 4
    EXPRESSION = 5
    EXCEPTION = 6
    RARE_EXCEPTION = 7
    CLAIM = 8
    NEGATION = 9
    UNRELATED = 10
    """Added where nothing of the target is in the claim."""
    SHARED = 20
    """Added where other tests run the changed line too."""


Ranked: TypeAlias = tuple[int, Tripwire]


@dataclass(frozen=True)
class _Place:
    """A test function, or one that it calls to do the checking."""

    function: ast.AST
    scope: Scope
    names: Names
    """Of the target, and of what came out of it."""
    claims: tuple[Claim, ...]
    sides: frozenset[int]
    """The variables, by the identity of their nodes, that stand where something is expected."""
    functions: tuple[Function, ...]
    """Itself, and those defined in it."""
    loads: tuple[ast.Name, ...]
    """Its variables where they are read."""

    @classmethod
    def of(cls, function: ast.AST, scope: Scope, names: Names) -> _Place:
        known = derived(function, names)
        made = tuple(claims(function, known))
        parts: list[ast.AST] = [expected for claim in made for expected in claim.expected]
        parts += [claim.node.msg for claim in made if isinstance(claim.node, ast.Assert) and claim.node.msg]
        sides = frozenset(id(part) for node in parts for part in ast.walk(node) if isinstance(part, ast.Name))
        nodes = list(ast.walk(function))
        own = [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        loads = [node for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
        return cls(function, scope, known, made, sides, tuple(own), tuple(loads))

    def expects_alone(self, followed: Trail) -> bool:
        """Whether variables are used for nothing but to say what is expected: they may not be in the question too."""
        names = {node.id for node in self.loads if id(node) in followed}
        return all(id(node) in self.sides or id(node) in followed for node in self.loads if node.id in names)


class TestFile:
    """A parsed test file.

    Raises:
        SyntaxError: it does not parse.
    """

    __test__ = False  # not a test class, whatever pytest thinks of its name

    def __init__(self, source: bytes, path: str, target: str) -> None:
        self.source = source
        self.path = path
        self.file = Siblings.of(source)
        self.starts = self.file.starts
        self.tree = self.file.tree
        self.module = Scope(tuple(self.tree.body))
        words = [word for word in target.split(".") if word != "<locals>"]
        self.target: Names = frozenset(words[-2:] if is_dunder(words[-1]) else words[-1:])

    def edits(self, test: str) -> Iterator[Ranked]:
        """The edits that one test would notice, in the order of the text."""
        head, _, chosen = test.partition("[")
        function, classes = self._located(head.split("::")[1:])
        if function is None:
            return
        given = parameters(function, classes, self.module, chosen.removesuffix("]"))
        yield from self._edits_in(function, Scope(tuple(in_order(function)), given, self.module), self.target, classes)

    def _located(self, names: Sequence[str]) -> tuple[Function | None, list[ast.ClassDef]]:
        """A test's function, and the classes around it; a method may stand in a base class of the same file."""
        block: Sequence[ast.stmt] = self.tree.body
        classes: list[ast.ClassDef] = []
        for name in names[:-1]:
            found = [n for n in definition_nodes(block) if isinstance(n, ast.ClassDef) and n.name == name]
            if not found:
                return None, classes
            classes.append(found[-1])
            block = found[-1].body
        return (self._function(names[-1], classes) if names else None), classes

    def _function(self, name: str, classes: Sequence[ast.ClassDef]) -> Function | None:
        blocks = [node.body for node in self._with_bases(classes[-1])] if classes else [self.tree.body]
        for block in blocks:
            functions = [node for node in definition_nodes(block) if not isinstance(node, ast.ClassDef)]
            for node in reversed(functions):
                made_many = any(last_name(one) == "expand" for one in node.decorator_list)
                if node.name == name or (made_many and name.startswith(f"{node.name}_")):
                    return node
        return None

    def _with_bases(self, node: ast.ClassDef) -> list[ast.ClassDef]:
        known = {one.name: one for one in definition_nodes(self.tree.body) if isinstance(one, ast.ClassDef)}
        found = [node]
        for one in found:  # grows on the way
            bases = [known[last_name(base)] for base in one.bases if last_name(base) in known]
            found += [base for base in bases if base not in found]
        return found

    def _edits_in(
        self, function: ast.AST, scope: Scope, names: Names, classes: Sequence[ast.ClassDef], depth: int = 0
    ) -> Iterator[Ranked]:
        place = _Place.of(function, scope, names)
        for claim in place.claims:
            less = Rank.UNRELATED * (not claim.relevant)
            for expected in claim.expected:
                for rank, edit in islice(self._values(expected, place, frozenset()), MOST_A_CLAIM):
                    yield rank + less, edit
            yield from ((rank + less, edit) for rank, edit in self._opposites(claim))
        if depth < MOST_CALLS:
            checked = {id(claim.node) for claim in place.claims if claim.expected}
            for node in in_order(function):
                if isinstance(node, ast.Call) and id(node) not in checked:
                    yield from self._through(node, place, classes, depth)

    def _through(self, call: ast.Call, place: _Place, classes: Sequence[ast.ClassDef], depth: int) -> Iterator[Ranked]:
        """What a test hands to a function that does the checking."""
        name = last_name(call.func)
        is_method = isinstance(call.func, ast.Attribute)
        if name in self.target or not isinstance(call.func, (ast.Name, ast.Attribute)):
            return
        inner = [n for n in place.functions if n.name == name and n is not place.function]
        helper = inner[-1] if inner and not is_method else self._function(name, classes if is_method else [])
        less = Rank.UNRELATED * (not mentions(call, place.names))
        if helper is None or helper is place.function:
            if HELPERS.match(name) and not NO_EQUALITY.search(name) and not hasattr(TestCase, name):
                for argument in reversed(call.args):
                    if not mentions(argument, place.names):
                        found = islice(self._values(argument, place, frozenset()), MOST_A_CLAIM)
                        yield from ((Rank.INSIDE_CALL + less, edit) for _, edit in found)
            return
        every = [argument.arg for argument in (*helper.args.posonlyargs, *helper.args.args)]
        handed = list(zip(every[is_method:], call.args, strict=False))
        handed += [(keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg]
        given = {name: [(value, place.scope)] for name, value in handed if not isinstance(value, ast.Starred)}
        told = {name for name, value in handed if mentions(value, place.names)}
        scope = Scope(tuple(in_order(helper)), given, self.module)
        for rank, edit in self._edits_in(helper, scope, place.names | told, classes, depth + 1):
            first, last = helper.lineno, helper.end_lineno or helper.lineno
            stands_in_helper = first <= edit.line <= last and not inner
            yield rank + Rank.SHARED * stands_in_helper, edit

    def _values(self, expected: ast.expr, place: _Place, trail: Trail) -> Iterator[Ranked]:
        """Other values for what stands in an expression, or for where its variables come from."""
        later: list[Ranked] = []
        for part, in_call in self._parts(expected, False):
            if isinstance(part, ast.Name):
                if id(part) not in trail:
                    later += self._from_variable(part, place, trail)
                continue
            if (edit := self._value(part)) is not None:
                yield (Rank.INSIDE_CALL if in_call else Rank.LITERAL), edit
        yield from later

    def _from_variable(self, name: ast.Name, place: _Place, trail: Trail) -> Iterator[Ranked]:
        sources = place.scope.sources(name.id, trail | {id(name)}, name.lineno)
        for value, scope, way in sources[:MOST_A_CLAIM]:
            if not place.expects_alone(way):
                continue
            less = (
                Rank.VARIABLE
                if scope is place.scope
                else Rank.PARAMETER
                if name.id in place.scope.given
                else Rank.MODULE
            )
            inside = place if scope is place.scope else replace(place, scope=scope)
            found = self._values(value, inside, way)
            yield from ((max(rank, less), edit) for rank, edit in islice(found, MOST_A_CLAIM))

    def _parts(self, node: ast.expr, in_call: bool) -> Iterator[tuple[ast.expr, bool]]:
        """Literals and variables that decide what an expression gives: (node, in a call).

        What the target is asked is left out, and what may be changed without effect: `10 // 3`, `text[:5]`, `len("ab")`.
        """
        children: list[ast.expr | None] = []
        match node:
            case ast.Constant() | ast.Name() | ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
                yield node, in_call
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                children = [*parts]
            case ast.Dict(keys=keys, values=values):
                children = [part for pair in zip(keys, values, strict=True) for part in pair]
            case ast.Starred(value=value) | ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=value):
                children = [value]
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
                children = [left, right]
            case ast.Call(func=func, args=arguments) if not mentions(func, self.target):
                name = last_name(func)
                if not arguments and not node.keywords:
                    yield node, in_call
                elif name in TRANSPARENT or MADE.match(name):
                    in_call = in_call or name not in TRANSPARENT
                    children = [*arguments[: 1 if name == "approx" else None]]
                    children += [] if name == "approx" else [keyword.value for keyword in node.keywords]
        for child in children:
            if child is not None:
                yield from self._parts(child, in_call)

    def _opposites(self, claim: Claim) -> Iterator[Ranked]:
        """Another exception expected, a literal for what a result is compared with, or the claim turned round."""
        node = claim.node
        if claim.exception is not None:
            text = self.file.text(claim.exception)
            wide = exceptions(text, self.file, warning=claim.warning)
            rare = exceptions(text, self.file, warning=claim.warning, narrow=True)
            for rank, names in (
                (Rank.EXCEPTION, [] if text in ANYTHING else wide),
                (Rank.RARE_EXCEPTION, [name for name in rare if name not in wide]),
            ):
                if names:
                    edit = self._edit(*self.file.span(claim.exception), "", "exception")
                    yield rank, replace(edit, new=self._random(edit).choice(names))
            return
        if claim.side is not None:
            # An object that equals everything may deny that it differs: `!=` would not tell it from the right answer.
            literal = self._value(claim.side)
            if literal is not None:
                yield Rank.EXPRESSION, literal
                return
        if claim.subject is not None and (equation := self._equation(node, claim.subject)) is not None:
            yield Rank.CLAIM, equation
            return
        if isinstance(node, ast.Assert):
            yield Rank.NEGATION, self._negated(node)
        elif (name := last_name(node.func)) in OPPOSITES:
            end = self.file.span(node.func)[1]
            start = end - len(name)
            if self.source[start:end] == name.encode():
                yield Rank.NEGATION, self._edit(start, end, OPPOSITES[name], "negation")

    def _equation(self, node: ast.Assert | ast.Call, subject: ast.expr) -> Tripwire | None:
        """That a result equals something, instead of what is claimed of it: who equals everything passes both."""
        whole = node.test if isinstance(node, ast.Assert) else node
        text = self.file.text(whole)
        if (
            "\n" in text
            or "\r" in text
            or len(text) > MOST_REPLACED
            or (isinstance(node, ast.Call) and not isinstance(self.file.parents[id(node)], ast.Expr))
        ):
            return None
        if isinstance(node, ast.Assert):
            new = f"{self.file.text(subject)} == 0"
        elif (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "self"
        ):
            new = f"self.assertEqual({self.file.text(subject)}, 0)"
        else:
            return None
        edit = self._edit(*self.file.span(whole), new, "value")
        return replaced(edit, self.file, self._random(edit))

    def _negated(self, node: ast.Assert) -> Tripwire:
        test = node.test
        start = self.file.span(node)[0]
        match test:
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                first, last = self.file.span(left)[1], self.file.span(right)[0]
                if found := other_operator(operator, self.source[first:last]):
                    return self._edit(first + found[0], first + found[1], found[2], "negation")
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                first = self.file.span(test)[0]
                negated = re.match(rb"not[ \t]+", self.source[first : self.file.span(operand)[0]])
                if negated:
                    rest = self.source[start:first]
                    old = rest + negated[0]
                    return self._edit(start, start + len(old), rest.decode(), "negation")
            case ast.BoolOp() | ast.IfExp() | ast.Lambda() | ast.NamedExpr():
                return self._edit(*self.file.span(test), f"not ({self.file.text(test)})", "negation")
        return self._edit(start, start + len("assert"), "assert not", "negation")

    def _value(self, node: ast.expr) -> Tripwire | None:
        """Another value for an expression; of a long literal, or one of several lines, a part of one line is changed."""
        start, end = self.file.span(node)
        text = self.file.text(node)
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, (str, bytes))
            and (len(text) > LONG or "\n" in text)
        ):
            pieces = sorted(re.finditer(r"[^\r\n]{1,%d}" % LONG, text), key=lambda match: -len(folded(match[0])))
            for match in pieces[:MOST_A_CLAIM]:
                first = start + len(text[: match.start()].encode("utf-8", "surrogatepass"))
                end = first + len(match[0].encode("utf-8", "surrogatepass"))
                edit = self._edit(first, end, "", "value")
                if (found := replaced(edit, self.file, self._random(edit))) is not None:
                    return found
            return None
        if "\n" in text or "\r" in text or len(text) > MOST_REPLACED:
            return None
        edit = self._edit(start, end, "", "value")
        return replaced(edit, self.file, self._random(edit))

    def _random(self, edit: Tripwire) -> Random:
        return Random(f"{edit.path}:{edit.line}:{edit.column}:{edit.old}")

    def _edit(self, start: int, end: int, new: str, kind: TripwireKind) -> Tripwire:
        old = self.source[start:end].decode("utf-8", "surrogatepass")
        line = bisect_right(self.starts, start)
        return Tripwire(self.path, line, start - self.starts[line - 1], old, new, kind, (), ())
