"""Records as a pytest file that a person can read."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from ttc_data.lang.python.generated.case import Recorded, expression, is_import
from ttc_data.lang.python.generated.recording import FOLDER, file_name, imports_of, is_builtin, plain
from ttc_data.records import FileText, Target

MOST_TESTS = 28
MOST_EXCEPTIONS = 4
_DIGITS = 8
_SAYS = re.compile(r"\b(?:return|rtype)\w*\b[^.]{0,60}?\b(int|integer|float)\b", re.IGNORECASE)
_HEADER = '''\
"""Calls of `{module}.{qualname}`, and what they gave on the reference."""
'''


def generated_file(target: Target, module: str, recorded: Sequence[Recorded]) -> FileText | None:
    """Write a pytest file with a test for each record, the most telling first.

    Args:
        target: whose calls.
        module: dotted name of its module.
        recorded: what the reference did, in order of preference.

    Returns:
        The file, for the folder `ttc_generated`, under a name that no test of a docstring's examples has, with tests `test_case_01` and so on; None when no record can be
        asserted.
    """
    chosen = diverse(recorded)[:MOST_TESTS]
    asked = _asked_types(target)
    kinds = [kind if (kind := _type_of(one)) in asked else "" for one in chosen]
    kinds = [kind if kinds.index(kind) == number else "" for number, kind in enumerate(kinds)]
    tests = [body for one, kind in zip(chosen, kinds, strict=True) if (body := _body(one, module, kind))]
    if not tests:
        return None
    text = _HEADER.format(module=module, qualname=target.qualname)
    lines = [line for body in tests for line in body]
    if any("pytest." in line for line in lines):
        text += "\nimport pytest\n"
    for number, body in enumerate(tests, start=1):
        text += f"\n\ndef test_case_{number:02}():\n" + "".join(_indented(line) for line in body)
    return FileText(f"{FOLDER}/test_calls_{file_name(target, module)}.py", text)


def _asked_types(target: Target) -> frozenset[str]:
    """Types that results must have: 1 equals 1.0 and an object may equal a text, which is what whoever reads it gets."""
    said = {kind.removesuffix("eger") for kind in _SAYS.findall(target.docstring)}
    return frozenset({"str"} | said | ({"int"} if target.signature.rstrip(": ").endswith("-> int") else set()))


def _type_of(one: Recorded) -> str:
    node = expression(one.value) if one.view == "{}" and one.value else None
    return type(node.value).__name__ if isinstance(node, ast.Constant) else ""


def _indented(block: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in block.split("\n"))


def diverse(recorded: Sequence[Recorded]) -> list[Recorded]:
    """The first record of each result, then the others; of exceptions only a few."""
    first: list[Recorded] = []
    again: list[Recorded] = []
    seen: set[tuple[str, ...]] = set()
    exceptions = 0
    for one in recorded:
        if one.raises:
            exceptions += 1
            if exceptions > MOST_EXCEPTIONS:
                continue
        result = (one.view, one.value, one.raises, *(value for _, value in one.changed))
        (again if result in seen else first).append(one)
        seen.add(result)
    return [*first, *again]


def _body(one: Recorded, module: str, kind: str = "") -> list[str] | None:
    """The lines of a test.

    Args:
        one: what it asserts.
        module: dotted name of the target's.
        kind: the type that the result must have; empty where that is not asked.
    """
    case = one.case
    shown = case.call if plain(case.call) or not one.view.startswith("{}") or one.view == "{}" else f"({case.call})"
    call = one.view.replace("{}", shown) if one.view != "{}" else case.call
    imports = [*imports_of(case, module)]
    if "islice(" in one.view:
        imports.append("from itertools import islice")
    if one.raises and not is_builtin(one) and one.raises not in case.names:
        imports.append(f"from {one.module} import {one.raises}")
    first = next((number for number, text in enumerate(case.setup) if not is_import(text)), len(case.setup))
    imports = sorted({*imports, *case.setup[:first]})
    lines = [*imports, *([""] if imports else []), *case.setup[first:]]
    if any('"""' in text or "'''" in text for text in case.setup):
        return None  # a string of several lines would change with its indent
    if one.raises:
        return [*lines, f"with pytest.raises({one.raises}):\n    {call}"]
    asserted = _assertion(call, one.value)
    changes = [_assertion(text, value) for text, value in (*one.changed, *one.kept)]
    if asserted is None or None in changes:
        return None
    if kind and not any("result = " in text for text in case.setup):
        lines += [f"result = {call}", f"assert isinstance(result, {kind})"]
        asserted = _assertion("result", one.value)
    return [*lines, *(text for text in (asserted, *changes) if text)]


def _assertion(call: str, value: str) -> str | None:
    """The comparison of an expression with a literal; None when rounding would decide it."""
    node = expression(value)
    if node is None:
        return None
    if value in ("None", "True", "False"):
        return f"assert {_operand(call)} is {value}"
    if any(_is_rounded(inner) for inner in ast.walk(node)):
        if not _is_flat(node):
            return None
        return f"assert {_operand(call)} == pytest.approx({value})"
    return f"assert {_operand(call)} == {value}"


def _operand(call: str) -> str:
    node = expression(call)
    tight = (
        ast.Call,
        ast.Name,
        ast.Attribute,
        ast.Subscript,
        ast.BinOp,
        ast.List,
        ast.Dict,
        ast.ListComp,
        ast.DictComp,
    )
    return call if isinstance(node, tight) else f"({call})"


def _is_rounded(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)) and len(str(node.value)) > _DIGITS
    )


def _is_flat(node: ast.expr) -> bool:
    """What `pytest.approx` takes: a number, or numbers in a list, tuple or dict."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
            return all(_is_number(part) for part in parts)
        case _:
            return _is_number(node)


def _is_number(node: ast.expr) -> bool:
    match node:
        case ast.UnaryOp(operand=operand):
            return _is_number(operand)
        case ast.BinOp(left=left, right=right):
            return _is_number(left) and _is_number(right)
        case ast.Constant(value=int() | float() | complex()):
            return True
        case _:
            return False
