"""Names for the containers that a call gives, so that it can be seen whether the call leaves them as they are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from ttc_data.lang.python.facts import last_name
from ttc_data.lang.python.generated.case import Case, expression


def with_names(case: Case, name: str) -> Case:
    """The same case with a name for each list, dict and set that the target's call gives, which are in `kept`.

    Args:
        case: any.
        name: the target's own; where the case does not call it once, the outermost call counts.
    """
    node = expression(case.call)
    call = called(node, name)
    setup = list(case.setup)
    kept: list[str] = []
    for place in _places(call) if call else ():
        given = place.value if isinstance(place, ast.keyword) else call.args[place] if call else None
        if isinstance(given, (ast.List, ast.Dict, ast.Set)):
            named = f"given_{len(kept) + 1}"
            setup.append(f"{named} = {ast.unparse(given)}")
            kept.append(named)
            if isinstance(place, ast.keyword):
                place.value = ast.Name(named, ast.Load())
            elif call:
                call.args[place] = ast.Name(named, ast.Load())
    if not kept or node is None:
        return case
    observed = tuple(dict.fromkeys([*case.observe, *kept]))
    return replace(case, setup=tuple(setup), call=ast.unparse(node), observe=observed, kept=tuple(kept))


def called(node: ast.expr | None, name: str) -> ast.Call | None:
    """The one call of a name in an expression; where there is not one, the expression itself if it is a call."""
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call) and last_name(one.func) == name] if node else []
    return calls[0] if len(calls) == 1 else node if isinstance(node, ast.Call) else None


def _places(call: ast.Call) -> Iterator[int | ast.keyword]:
    yield from range(len(call.args))
    yield from (keyword for keyword in call.keywords if keyword.arg)
