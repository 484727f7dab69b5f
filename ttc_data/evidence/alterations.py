"""Other words for a test's expectation: another value, the opposite claim, another exception.

Each function gives the text to put in place of a syntax node's own text, or None where there is no sound one. An
alteration is sound when every solution that passes the test as written fails it as altered.
"""

from __future__ import annotations

import ast
import re

from ttc_data.lang import python

NOT_RAISED = ("BufferError", "ChildProcessError")
NOT_WARNED = ("BytesWarning", "ImportWarning")
EMPTY = {"list": "[0]", "tuple": "(0,)", "dict": "{0: 0}", "set": "{0}", "frozenset": "frozenset([0])"}
OPERATORS: dict[type[ast.cmpop], tuple[bytes, str]] = {
    ast.Eq: (rb"==", "!="),
    ast.NotEq: (rb"!=", "=="),
    ast.Lt: (rb"<", ">="),
    ast.LtE: (rb"<=", ">"),
    ast.Gt: (rb">", "<="),
    ast.GtE: (rb">=", "<"),
    ast.Is: (rb"is", "is not"),
    ast.IsNot: (rb"is\s+not", "is"),
    ast.In: (rb"in", "not in"),
    ast.NotIn: (rb"not\s+in", "in"),
}
_PAIRS = {
    "assertEqual": "assertNotEqual",
    "assertTrue": "assertFalse",
    "assertIs": "assertIsNot",
    "assertIsNone": "assertIsNotNone",
    "assertIn": "assertNotIn",
    "assertIsInstance": "assertNotIsInstance",
    "assertAlmostEqual": "assertNotAlmostEqual",
    "assertRegex": "assertNotRegex",
    "assertLess": "assertGreaterEqual",
    "assertGreater": "assertLessEqual",
    "assert_equal": "assert_not_equal",
    "assert_true": "assert_false",
}
OPPOSITES = {
    **_PAIRS,
    **{other: name for name, other in _PAIRS.items()},
    "assertEquals": "assertNotEqual",
    "assert_": "assertFalse",
    **{f"assert{kind}Equal": "assertNotEqual" for kind in ("List", "Tuple", "Dict", "Set", "Sequence", "MultiLine")},
}
TOLERANCE = 1000  # no test that compares numbers at all lets them be so far apart


def other_value(node: ast.expr, text: str, *, tolerant: bool = False, same_object: bool = False) -> str | None:
    """Write a literal that is not equal to the given one.

    Args:
        node: a constant, or an empty container.
        text: the node's own text.
        tolerant: numbers are compared with a tolerance.
        same_object: it is compared with `is`, so only another of the names `None`, `True` and `False` will do.
    """
    match node:
        case ast.Constant(value=None):
            return "False"
        case ast.Constant(value=bool() as value):
            return str(not value)
        case ast.Constant() if same_object:
            return None
        case ast.Constant(value=int() | float() | complex() as value):
            return _other_number(value, tolerant=tolerant)
        case ast.Constant(value=str() | bytes() as value):
            return _other_string(value, text)
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
            return EMPTY[type(node).__name__.lower()]
        case ast.Call(func=ast.Name(id=name), args=[], keywords=[]) if name in EMPTY:
            return EMPTY[name]
        case _:
            return None


def _other_number(value: complex, *, tolerant: bool) -> str | None:
    # `str` refuses an integer of more than 4,300 digits, `hex` does not.
    if isinstance(value, int):
        other = (value + 1) * TOLERANCE if tolerant else value + 1
        return hex(other) if other.bit_length() > 1024 else str(other)
    step = 1 if isinstance(value, float) else 1j  # a literal has no real part beside an imaginary one
    changed = (value + step) * TOLERANCE if tolerant else value + step
    changed = changed if changed != value else value / 2
    written = repr(changed)
    return written if changed != value and re.fullmatch(r"[0-9][0-9.e+-]*j?", written) else None


def _other_string(value: str | bytes, text: str) -> str | None:
    """One more character before the closing quotes; of several parts in a row the last one gets it."""
    for quotes in (3, 1):
        changed = f"{text[:-quotes]}~{text[-quotes:]}"
        if _constant(changed) == (value + "~" if isinstance(value, str) else value + b"~"):
            return changed
    return None


def _constant(text: str) -> object:
    node = literal(text)
    return node.value if isinstance(node, ast.Constant) else None


def literal(text: str) -> ast.expr | None:
    """The one expression that a text is, None when it is no expression."""
    try:
        body = python.parse(f"(\n{text}\n)".encode("utf-8", "surrogatepass")).body
    except SyntaxError:
        return None
    return body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None


def literal_value(text: str) -> str | None:
    """What `str` makes of a plain literal, None for everything else."""
    match literal(text):
        case ast.Constant(value=int() as value) if value.bit_length() > 1024:
            return None
        case ast.Constant(value=str() | int() | float() | complex() | None as value):
            return str(value)
        case _:
            return None


def other_exception(text: str, *, warning: bool = False) -> str:
    """A class that no solution raises, instead of the one, or the tuple, that a test expects."""
    choice = NOT_WARNED if warning else NOT_RAISED
    return choice[choice[0] in text]


def other_operator(operator: ast.cmpop, between: bytes) -> tuple[int, int, str] | None:
    """Where an operator stands between its operands, and its opposite.

    Args:
        operator: of the comparison.
        between: the text from the end of the left operand to the start of the right one.
    """
    if b"#" in between:  # a comment may hold the operator too
        return None
    pattern, opposite = OPERATORS[type(operator)]
    found = re.search(pattern, between)
    return (*found.span(), opposite) if found else None
