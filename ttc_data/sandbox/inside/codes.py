"""Code objects, compared."""

from __future__ import annotations

import types
from typing import Any

Code = types.CodeType


def plain(code: Code) -> list[Any]:
    """What a module or class does by itself, wherever its lines stand."""
    constants = [constant.co_name if isinstance(constant, Code) else constant for constant in code.co_consts]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    flow = (code.co_flags, code.co_code, getattr(code, "co_exceptiontable", b""))
    return [code.co_name, flow, [(type(one), repr(one)) for one in constants], names]


def same(old: Code, new: Code) -> bool:
    """Whether two functions do the same: their line numbers may differ."""
    if plain(old) != plain(new) or signature(old) != signature(new):
        return False
    return all(same(one, other) for one, other in inner(old, new))


def inner(old: Code, new: Code) -> list[tuple[Code, Code]]:
    """The pairs of what is defined inside; `plain` has shown that there are as many in both."""
    return [(one, new.co_consts[number]) for number, one in enumerate(old.co_consts) if isinstance(one, Code)]


def signature(code: Code) -> tuple[Any, ...]:
    """How a function is called: the names and kinds of its arguments."""
    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & 12,
        code.co_varnames[:count],
    )
