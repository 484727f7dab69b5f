"""What a file shows of a definition and an answer does not repeat: decorators, and statements of a class.

The model was shown them and asked for the bodies that were cut, so they stay, unless what the answer says in their place
contradicts them. What the answer's class has no place for is said to be removed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from ttc_data.lang.python.facts import docstring_of, last_name
from ttc_data.lang.python.splicing.definitions import (
    DEFINITIONS,
    bound_by,
    first_line,
    is_masked,
    is_stub,
    last_line,
    role_of,
    shown,
)
from ttc_data.lang.python.splicing.layout import blanks_of, lines_of, moved
from ttc_data.lang.python.splicing.written import at_definition

_METHOD_KINDS = frozenset({"staticmethod", "classmethod", "singledispatchmethod"})
_ELIDED = re.compile(
    r"#.*(?:\.\.\.|\u2026|\b(?:existing|unchanged|rest of|remain\w*|other methods|same as|as before|omitted|left out)\b)",
    re.IGNORECASE,
)


def decorated(old: Sequence[ast.expr], new: Sequence[ast.expr], wrapped: Iterable[str]) -> list[ast.expr]:
    """The decorators of a definition in a file and those of an answer's, in the order that both ask for.

    Args:
        old: the file's: what the answer's does not have stays, unless both say what kind of method it is.
        new: the answer's.
        wrapped: last names of what the answer calls with the definition behind it, in place of decorators.
    """
    mine = {last_name(one) for one in new}
    done = {*wrapped, *mine}
    has_kind = any(map(_is_kind, done))
    waiting = list(new)
    found: list[ast.expr] = []
    for decorator in old:
        name = last_name(decorator)
        if name in mine:
            until = next((at for at, one in enumerate(waiting) if last_name(one) == name), -1)
            found += waiting[: until + 1]
            waiting = waiting[until + 1 :]
        elif name not in done and not (has_kind and _is_kind(name)):
            found.append(decorator)
    return found + waiting


def _is_kind(name: str) -> bool:
    """Whether a decorator makes a property of a method, or says what its first parameter is."""
    return name in _METHOD_KINDS or name.lower().endswith("property")


def wrappers(block: Sequence[ast.stmt], own: ast.stmt, name: str) -> set[str]:
    """Last names of what is called with a definition behind it: `name = kept(cached(name))`."""
    behind = block[block.index(own) + 1 :] if own in block else []
    return {
        last_name(call)
        for statement in behind
        if isinstance(statement, ast.Assign) and bound_by(statement) == {name}
        for call in ast.walk(statement.value)
        if isinstance(call, ast.Call)
    }


class Shown:
    """A class of a file beside the answer's class of that name."""

    def __init__(self, old: ast.ClassDef, new: ast.ClassDef, code: str) -> None:
        self.left_out: list[str] = []
        self._new = new
        self._lines = code.split("\n")
        inside = self._lines[new.lineno - 1 : last_line(new)]
        self._elided = any(map(_ELIDED.search, inside)) or any(_is_dots(statement) for statement in new.body)
        self._bound = {key for statement in new.body if not _is_dots(statement) for key in _keys(statement)}
        self._stored = _stored(new)
        self._stubs = [
            statement
            for statement in new.body
            if isinstance(statement, DEFINITIONS)
            and is_stub(statement)
            and any(
                _keys(statement) == _keys(other) and not _is_to_write(other) and not is_stub(other)
                for other in old.body
            )
        ]
        self._bound -= {key for statement in self._stubs for key in _keys(statement)}
        self.kept = self._kept(old)
        self.says_nothing = self._elided and not self._bound
        """All of it stands for what is there already."""

    def _kept(self, old: ast.ClassDef) -> list[ast.stmt]:
        docstring = docstring_of(old)
        missing = [
            statement
            for statement in old.body
            if statement is not docstring and _keys(statement) and not self._has(statement)
        ]
        kept = [statement for statement in missing if self._stays(statement)]
        names = {name for statement in old.body for name in bound_by(statement)}
        while True:  # what needs a method that the answer's class does not have cannot stay
            there = {name for name, _ in self._bound} | {name for statement in kept for name in bound_by(statement)}
            fit = [statement for statement in kept if not (_needs(statement) & names) - there]
            if len(fit) == len(kept):
                break
            kept = fit
        for statement in missing:
            if statement not in kept:
                self.left_out.append(
                    f"`{shown(statement)}`: removed, for the answer's {self._new.name} does not have it"
                )
        return kept

    def _has(self, statement: ast.stmt) -> bool:
        return any(key in self._bound or ((key[0], "") in self._bound and not key[1]) for key in _keys(statement))

    def _stays(self, statement: ast.stmt) -> bool:
        if self._elided:
            return True
        names = bound_by(statement)
        if _is_to_write(statement):
            return False
        if "__slots__" in names:
            return self._stored <= {inner.value for inner in ast.walk(statement) if isinstance(inner, ast.Constant)}
        if isinstance(statement, ast.AnnAssign) and any(isinstance(own, ast.AnnAssign) for own in self._new.body):
            return False  # the answer lists its own fields
        return not (isinstance(statement, DEFINITIONS) and names & self._stored)

    def code(self, file: str) -> str:
        """The answer's code with what stays in its class."""
        if not self.kept and not self._stubs:
            return "\n".join(self._lines)
        text = "".join(line.rstrip("\r\n") + "\n" for line in lines_of(file))
        body = self._new.body
        indent = blanks_of(self._lines[body[0].lineno - 1])
        own = {name for statement in body for name in bound_by(statement)}
        own |= {name for statement in self.kept for name in bound_by(statement)}
        head: list[str] = []
        tail: list[str] = []
        for statement in self.kept:
            lines = moved(text, first_line(statement), last_line(statement), indent)
            if isinstance(statement, DEFINITIONS):
                tail += ["", *lines]
            elif _needs(statement) & own:
                tail += lines
            else:
                head += lines
        docstring = docstring_of(self._new)
        top = last_line(docstring) if docstring else first_line(body[0]) - 1
        lines = [*self._lines[: last_line(self._new)], *tail, *self._lines[last_line(self._new) :]]
        for stub in sorted(self._stubs, key=first_line, reverse=True):
            lines[first_line(stub) - 1 : last_line(stub)] = [f"{indent}pass"]
        return "\n".join([*lines[:top], *head, *lines[top:]])


def _keys(statement: ast.stmt) -> set[tuple[str, str]]:
    """Names with the roles of their definitions."""
    role = role_of(statement) if isinstance(statement, DEFINITIONS) else ""
    return {(name, role) for name in bound_by(statement)}


def _is_dots(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and statement.value.value is ...
    )


def _is_to_write(statement: ast.stmt) -> bool:
    """Whether a statement's body was cut out of the file."""
    return isinstance(statement, DEFINITIONS) and is_masked(statement)


def _needs(statement: ast.stmt) -> set[str]:
    """Names that must be there when a statement runs."""
    return {
        node.id for node in at_definition(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _stored(node: ast.ClassDef) -> set[str]:
    """Attributes that a class's methods give their objects."""
    return {
        inner.attr
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute)
        and isinstance(inner.ctx, ast.Store)
        and isinstance(inner.value, ast.Name)
        and inner.value.id in ("self", "cls")
    }
