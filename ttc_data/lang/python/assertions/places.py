"""What is put in the place of a tripwire: read from the test file anew, and drawn at random."""

from __future__ import annotations

import ast
from dataclasses import replace
from random import Random

from ttc_data.lang.python.assertions.alterations import exceptions, literal, other_exception
from ttc_data.lang.python.assertions.claims import IN, IS, WARNS
from ttc_data.lang.python.assertions.replacements import made, other_members, other_value, piece_of
from ttc_data.lang.python.assertions.siblings import Siblings
from ttc_data.lang.python.assertions.wording import differs, reworded
from ttc_data.lang.python.doctests import FOLDER
from ttc_data.lang.python.facts import last_name
from ttc_data.records import Tripwire

TRIES = 12
KINDS = {
    "assertListEqual": "list", "assertTupleEqual": "tuple", "assertDictEqual": "dict", "assertSetEqual": "set",
    "assertSequenceEqual": "list", "assertCountEqual": "list", "assertItemsEqual": "list", "assertMultiLineEqual": "str",
    "assertAlmostEqual": "float", "assert_allclose": "float", "assert_almost_equal": "float", "isclose": "float",
    "allclose": "float",
}  # fmt: skip


def replaced(edit: Tripwire, file: Siblings, random: Random) -> Tripwire | None:
    """Draw another replacement for a tripwire's place.

    Args:
        edit: of which `new` counts where it says which exceptions may take a class's place, or of what a claim is made.
        file: that it is in.
        random: chooses.

    Returns:
        The edit, with `new` replaced; None where there is no other text.
    """
    line = file.line(edit.line)
    most = max(file.width, len(line))
    for _ in range(TRIES):
        new = _drawn(edit, file, random)
        if not new:
            return None
        if new != edit.old and len(line) + len(new) - len(edit.old) <= most:
            return replace(edit, new=new)
    return None


def every_exception(edit: Tripwire, file: Siblings) -> Tripwire:
    """An exception's tripwire with all the classes at once that may be drawn: who fails it fails with each of them."""
    if edit.kind != "exception" or edit.path.startswith(f"{FOLDER}/"):
        return edit
    warning, narrow = _family(edit, file)
    return replace(edit, new=f"({', '.join(exceptions(edit.old, file, warning=warning, narrow=narrow))},)")


def _family(edit: Tripwire, file: Siblings) -> tuple[bool, bool]:
    """Whether a class is warned of, and whether it must be one that others seldom derive from."""
    start = file.starts[edit.line - 1] + edit.column
    node = file.placed.get((start, start + len(edit.old.encode("utf-8", "surrogatepass"))))
    call = file.parents.get(id(node)) if node else None
    warning = isinstance(call, ast.Call) and last_name(call.func) in WARNS
    wide = exceptions(edit.old, file, warning=warning)
    return warning, edit.new.strip("()").partition(",")[0] not in wide


def _drawn(edit: Tripwire, file: Siblings, random: Random) -> str | None:
    if edit.kind == "negation":
        return None
    example = edit.path.startswith(f"{FOLDER}/")
    if edit.kind == "exception":
        warning, narrow = (False, False) if example else _family(edit, file)
        return other_exception(edit.old, file, random, warning=warning, narrow=narrow)
    start = file.starts[edit.line - 1] + edit.column
    end = start + len(edit.old.encode("utf-8", "surrogatepass"))
    if example:
        return _in_example(edit.old, file, random)
    node = file.placed.get((start, end))
    if node is not None:
        return _in_place_of(node, edit, file, random)
    for (first, last), around in file.placed.items():
        if first <= start and end <= last and isinstance(around, ast.Constant):
            text = file.text(around)
            before = len(file.source[first:start].decode("utf-8", "surrogatepass"))
            return piece_of(text, before, before + len(edit.old), file, random)
    return None


def _in_example(old: str, file: Siblings, random: Random) -> str | None:
    """Another result of a docstring's example: a literal as it would be printed, or a line with another word."""
    match literal(old):
        case ast.Constant(value=None | int() | float() | complex()) as node:
            return other_value(node, old, file, random)
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]) as node:
            return other_value(node, old, file, random)
    for _ in range(TRIES):
        new = reworded(old, 0, len(old), file, random)
        if new is None or differs(old, new):
            return new
    return None


def _in_place_of(node: ast.expr, edit: Tripwire, file: Siblings, random: Random) -> str | None:
    parent = file.parents.get(id(node))
    if isinstance(parent, (ast.Assert, ast.Expr)) and (subject := _subject_of(edit.new)):
        before, after = subject
        return f"{before}{made('any', file, random)}{after}"
    same_object = far = False
    kind = ""
    match parent:
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()]):
            same_object = True
        case ast.Compare(left=left, ops=[ast.In()]):
            if node is not left:
                return _container(node, file, random)
            far = True
        case ast.Call(func=func, args=arguments):
            name = last_name(func)
            same_object = name in IS
            kind = KINDS.get(name, "")
            if name in IN:
                if node is not arguments[0]:
                    return _container(node, file, random)
                far = True
    displayed = isinstance(parent, (ast.List, ast.Tuple, ast.Set, ast.Dict))
    near = list(ast.iter_child_nodes(parent)) if displayed and parent else []
    taken: frozenset[object] = frozenset(part.value for part in near if isinstance(part, ast.Constant))
    plain = not any(part in file.statements for part in map(id, file.around(node)))
    return other_value(
        node, edit.old, file, random, avoid=taken, plain=plain, same_object=same_object, far=far, kind=kind
    )


def _subject_of(new: str) -> tuple[str, str] | None:
    """Of a claim that something equals a literal, what stands before the literal and after it."""
    match literal(new):
        case (
            ast.Compare(ops=[ast.Eq()], comparators=[value])
            | ast.Call(func=ast.Attribute(attr="assertEqual"), args=[_, value])
        ):
            data = new.encode("utf-8", "surrogatepass")
            start, end = value.col_offset, value.end_col_offset
            return data[:start].decode("utf-8", "surrogatepass"), data[end:].decode("utf-8", "surrogatepass")
        case _:
            return None


def _container(node: ast.expr, file: Siblings, random: Random) -> str | None:
    members = other_members(node, file, random) if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else None
    return members or made("list", file, random)
