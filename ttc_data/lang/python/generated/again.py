"""Calls that are looked at once more: after another one just like them, at whether a result is the argument, at its order."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ttc_data.lang.python.facts import last_name
from ttc_data.lang.python.generated.arguments import CallParameter, given_in
from ttc_data.lang.python.generated.case import Case, expression, is_import
from ttc_data.lang.python.generated.naming import called, with_names

# What the first call gave may be any of these; a statement that does not fit fails, and the call is left out.
_CHANGES = ('first.append("more")', 'first["more"] = 1', 'first.add("more")')


_ANOTHER = re.compile(r"\b(cop(y|ies)|a new)\b", re.IGNORECASE)
_ITSELF = re.compile(r"\b(itself|in[- ]place|returns? self)\b", re.IGNORECASE)
_ORDER = re.compile(r"\border(ed|ing)?\b", re.IGNORECASE)


def promised(case: Case, name: str, docstring: str) -> Iterator[tuple[Case, str]]:
    """Whether the result is the argument, or the object itself, and its order, where the docstring speaks of these.

    Returns:
        Cases, each with the literal that has to be in its result.
    """
    named = with_names(case, name)
    node = expression(named.call)
    if not isinstance(node, ast.Call) or last_name(node.func) != name:
        return
    expected = str(not _ANOTHER.search(docstring))
    passed = [*named.kept, *(["instance"] if any(text.startswith("instance = ") for text in case.setup) else [])]
    for given in passed if bool(_ANOTHER.search(docstring)) != bool(_ITSELF.search(docstring)) else ():
        yield replace(named, call=f"{named.call} is {given}", observe=(), kept=(), origin="corner"), expected
    if _ORDER.search(docstring):
        yield replace(case, call=f"list({case.call}.items())", observe=(), origin="corner"), ""


def again(case: Case, name: str, known: Sequence[CallParameter]) -> Iterator[Case]:
    """The call after one just like it, then after one whose result was changed; an instance is made anew for each.

    Only where a default is left out, which may be kept or be given away.

    Args:
        case: that somebody meant.
        name: the target's own.
        known: its parameters.
    """
    node = expression(case.call)
    call = called(node, name)
    if call is None or last_name(call.func) != name or not (node is call or _lists(node, call)):
        return
    given = given_in(call, known)
    if all(
        parameter.required or parameter.place in ("star", "double_star") or parameter.name in given
        for parameter in known
    ):
        return
    made = tuple(text for text in case.setup if not is_import(text))
    for change in ((), *((text,) for text in _CHANGES)):
        setup = (*case.setup, f"first = {ast.unparse(call)}", *change, *made)
        yield replace(case, setup=setup, observe=(), origin="corner")


def _lists(node: ast.expr | None, call: ast.Call) -> bool:
    """Whether an expression only lists the call's result."""
    return isinstance(node, ast.Call) and last_name(node.func) == "list" and node.args == [call]
