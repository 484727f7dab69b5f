"""Type hints, read as text, to strategies. Nothing of the project is imported."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ttc_data.lang.python.facts import last_name
from ttc_data.lang.python.generated import draws
from ttc_data.lang.python.generated.case import expression
from ttc_data.lang.python.generated.draws import Draw

_SIMPLE: dict[str, Draw] = {
    "int": draws.INTEGER,
    "SupportsIndex": draws.SMALL,
    "SupportsInt": draws.INTEGER,
    "SupportsFloat": draws.FLOAT,
    "Integral": draws.INTEGER,
    "float": draws.FLOAT,
    "Number": draws.one_of(draws.INTEGER, draws.FLOAT),
    "Real": draws.one_of(draws.INTEGER, draws.FLOAT),
    "complex": draws.one_of(draws.FLOAT, draws.just("1j")),
    "str": draws.TEXT,
    "AnyStr": draws.TEXT,
    "Text": draws.TEXT,
    "bytes": draws.BYTE_TEXT,
    "bytearray": draws.wrapped("bytearray(", draws.BYTE_TEXT, ")"),
    "bool": draws.BOOLEAN,
    "None": draws.just("None"),
    "NoneType": draws.just("None"),
    "Any": draws.ANYTHING,
    "object": draws.ANYTHING,
    "Hashable": draws.one_of(draws.SMALL, draws.WORD),
    "slice": draws.sampled(("slice(1, 3)", "slice(None, None, 2)")),
    "range": draws.sampled(("range(5)", "range(0)", "range(1, 10, 3)")),
    "type": draws.sampled(("int", "str", "list")),
    "Pattern": draws.sampled(('re.compile("[a-c]+")', 're.compile("")', 're.compile("b$|x")', 're.compile("(a)(b)?")')),
    "Decimal": draws.sampled(('decimal.Decimal("1.50")', "decimal.Decimal(3)", 'decimal.Decimal("-0.25")')),
    "Fraction": draws.sampled(("fractions.Fraction(1, 3)", "fractions.Fraction(7, 2)", "fractions.Fraction(4)")),
    "timedelta": draws.sampled(
        (
            "datetime.timedelta(days=1, seconds=5)",
            "datetime.timedelta(seconds=90)",
            "datetime.timedelta(0)",
            "datetime.timedelta(days=400, hours=3)",
            "datetime.timedelta(microseconds=1500)",
        )
    ),
    "Signature": draws.sampled(
        (
            "inspect.signature(lambda x, y=1: x)",
            "inspect.signature(lambda x: x)",
            "inspect.signature(lambda *given: given)",
            "inspect.signature(lambda x, *, key=None, **rest: x)",
        )
    ),
}
_LISTS = frozenset(
    ("list", "List", "Sequence", "MutableSequence", "Iterable", "Collection", "Reversible", "Container", "Sized")
)
_SETS = frozenset(("set", "Set", "AbstractSet", "MutableSet"))
_DICTS = frozenset(("dict", "Dict", "Mapping", "MutableMapping"))
_THROUGH = frozenset(("Optional", "Union", "Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly"))


def from_hint(node: ast.expr | None, variables: frozenset[str] = frozenset()) -> Draw | None:
    """A strategy for a type hint; None when it says nothing that is known here.

    Args:
        node: the annotation.
        variables: names of the module's type variables, which stand for an int or a str.
    """
    match node:
        case None:
            return None
        case ast.Constant(value=None):
            return _SIMPLE["None"]
        case ast.Constant(value=str() as text):
            inner = expression(text)
            return from_hint(inner, variables) if inner and not isinstance(inner, ast.Constant) else None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _any_of([left, right], variables)
        case ast.Subscript(value=value, slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return _generic(last_name(value), parts, variables)
        case ast.Name() | ast.Attribute():
            name = last_name(node)
            if name in _SIMPLE:
                return _SIMPLE[name]
            if name in variables or (len(name) < 4 and name[:1].isupper()) or name.startswith("_T"):
                return draws.one_of(draws.SMALL, draws.SMALL, draws.WORD)
            return _generic(name, [], variables)
        case _:
            return None


def _any_of(parts: Sequence[ast.expr], variables: frozenset[str]) -> Draw | None:
    found = [draw for part in parts if (draw := from_hint(part, variables))]
    return draws.one_of(*found) if found else None


def _generic(name: str, parts: Sequence[ast.expr], variables: frozenset[str]) -> Draw | None:
    inner = from_hint(parts[0], variables) if parts else None
    element = inner or draws.SMALL
    if name == "Literal":
        return draws.sampled([ast.unparse(part) for part in parts]) if parts else None
    if name == "Annotated":
        return inner
    if name in _THROUGH:
        found = _any_of(parts, variables)
        return draws.mostly(found, draws.just("None")) if found and name == "Optional" else found
    if name in _LISTS:
        return draws.listed(element) if inner else draws.ITEMS
    if name in ("Iterator", "Generator"):
        return draws.wrapped("iter(", draws.listed(element), ")")
    if name in _SETS or name in ("frozenset", "FrozenSet"):
        found = draws.listed(inner or draws.SMALL, "{", "}")
        return draws.wrapped("frozenset(", found, ")") if name.lower() == "frozenset" else found
    if name in _DICTS:
        value = from_hint(parts[1], variables) if len(parts) > 1 else None
        return draws.mapped(inner or draws.WORD, value or draws.SMALL)
    if name in ("tuple", "Tuple"):
        if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is Ellipsis:
            return draws.listed(element, "(", ")")
        each = [from_hint(part, variables) or draws.SMALL for part in parts]
        return draws.tupled(each) if each else draws.listed(draws.SMALL, "(", ")")
    if name == "Callable":
        return draws.functions(len(parts[0].elts) if parts and isinstance(parts[0], ast.List) else 1)
    return None
