"""Several pieces of code that are one answer."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ttc_data.errors import PatchRejected
from ttc_data.lang.python.facts import docstring_of
from ttc_data.lang.python.splicing.definitions import (
    DEFINITIONS,
    bindings,
    bound_by,
    first_line,
    last_line,
    parsed,
    role_of,
    target,
    used_by,
)
from ttc_data.lang.python.splicing.layout import dedented, moved

_BOM = "\ufeff"


def needed_of(others: Sequence[str], code: str, text: str, qualname: str) -> str:
    """What a definition needs of an answer's other pieces of code, to stand before it.

    Args:
        others: Python.
        code: with the definition.
        text: the file.
        qualname: of the target.
    """
    try:
        main, wanted = parsed(dedented(code), "the code"), target(parsed(text.removeprefix(_BOM), "the file"), qualname)
    except PatchRejected:
        return ""
    held = {name for level in wanted or () for name in bindings(level.scope.body)} | set(bindings(main.body))
    offered: dict[str, tuple[str, ast.stmt]] = {}
    for other in map(dedented, others):
        for statement in parsed(other, "the code").body:
            if isinstance(statement, (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, *DEFINITIONS)):
                offered.update((name, (other, statement)) for name in bound_by(statement) if name not in held)
    needed: dict[int, str] = {}
    waiting = [*used_by(main)]
    while waiting:
        name = waiting.pop()
        if name not in offered:
            continue
        other, statement = offered.pop(name)
        if id(statement) not in needed:
            needed[id(statement)] = "\n".join(moved(other, first_line(statement), last_line(statement), ""))
            waiting += used_by(statement)
    return "".join(f"{said}\n\n" for said in reversed(needed.values()))


def joined(pieces: Sequence[str], text: str, qualname: str) -> str | None:
    """The methods of a class that an answer gives in several pieces, as one piece without the class.

    Args:
        pieces: of code, each with some methods, in the class or without it.
        text: the file.
        qualname: of the class.

    Returns:
        None where fewer than two pieces hold methods of the class, or two hold the same one: then the last one counts.
    """
    try:
        wanted = target(parsed(text.removeprefix(_BOM), "the file"), qualname)
    except PatchRejected:
        return None
    if wanted is None or not isinstance(wanted[-1].node, ast.ClassDef):
        return None
    node = wanted[-1].node
    own = {statement.name for statement in node.body if isinstance(statement, DEFINITIONS)}
    parts: list[str] = []
    seen: set[tuple[str, str]] = set()
    for piece in map(dedented, pieces):
        try:
            code, methods = _members(piece, node.name)
        except PatchRejected:
            continue
        if not {name for name, _ in methods} & own:
            continue
        if seen & methods:
            return None
        seen |= methods
        parts.append(code)
    return "\n\n".join(parts) + "\n" if len(parts) > 1 else None


def _members(code: str, name: str) -> tuple[str, set[tuple[str, str]]]:
    """Code whose class of a name is opened, and the methods that then stand at its margin, with their roles."""
    tree = parsed(code, "the code")
    lines = code.split("\n")
    methods: set[tuple[str, str]] = set()
    for statement in reversed(tree.body):
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            inner = [one for one in statement.body if one is not docstring_of(statement)]
            methods |= {(one.name, role_of(one)) for one in inner if isinstance(one, DEFINITIONS)}
            body = [line for one in inner for line in moved(code, first_line(one), last_line(one), "")]
            lines[first_line(statement) - 1 : last_line(statement)] = body
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            methods.add((statement.name, role_of(statement)))
    return "\n".join(lines), methods
