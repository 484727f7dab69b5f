"""Other words for a test's expectation: the opposite claim, another exception.

An alteration is sound when every solution that passes the test as written fails it as altered.
"""

from __future__ import annotations

import ast
import builtins
import re
from functools import lru_cache
from random import Random

from ttc_data.lang.python import syntax
from ttc_data.lang.python.assertions.siblings import Siblings, is_builtin_exception

EXPECTED = (
    "TypeError", "ValueError", "KeyError", "IndexError", "AttributeError", "RuntimeError", "NotImplementedError",
    "StopIteration", "OSError", "ImportError", "ZeroDivisionError",
)  # fmt: skip
RARE = (
    "ZeroDivisionError", "OverflowError", "FileNotFoundError", "PermissionError", "FileExistsError", "TimeoutError",
    "ConnectionError", "RecursionError", "ModuleNotFoundError", "UnicodeDecodeError", "EOFError", "NameError", "MemoryError",
    "StopAsyncIteration", "AssertionError",
)  # fmt: skip
WARNINGS = ("UserWarning", "DeprecationWarning", "RuntimeWarning", "FutureWarning", "PendingDeprecationWarning")
RARE_WARNINGS = ("ImportWarning", "UnicodeWarning", "ResourceWarning", "SyntaxWarning", "BytesWarning")
ROOTS = (Exception, BaseException, Warning)
"""Everything derives from them: what is raised must have been seen."""
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


def literal(text: str) -> ast.expr | None:
    """The one expression that a text is, None when it is no expression."""
    try:
        body = syntax.parse(f"(\n{text}\n)".encode("utf-8", "surrogatepass")).body
    except SyntaxError:
        return None
    return body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None


@lru_cache(maxsize=4_096)
def literal_value(text: str) -> str | None:
    """What `str` makes of a plain literal, None for everything else."""
    match literal(text):
        case ast.Constant(value=int() as value) if value.bit_length() > 1024:
            return None
        case ast.Constant(value=str() | int() | float() | complex() | None as value):
            return str(value)
        case _:
            return None


def other_exception(text: str, file: Siblings, random: Random, *, warning: bool = False, narrow: bool = False) -> str:
    """Other classes instead of the one, or the tuple of them, that a test expects; `""` where none is left.

    Args:
        text: as it is written.
        file: that it stands in.
        random: chooses.
        warning: they are warned of.
        narrow: none that a project's own exceptions are likely to derive from.
    """
    choice = exceptions(text, file, warning=warning, narrow=narrow)
    count = max(text.count(",") + (not text.rstrip(" )").endswith(",")), 1) if text.startswith("(") else 1
    chosen = random.sample(choice, min(count, len(choice)))
    return f"({', '.join(chosen)})" if len(chosen) > 1 else "".join(chosen)


def exceptions(text: str, file: Siblings, *, warning: bool = False, narrow: bool = False) -> list[str]:
    """Every class that `other_exception` may choose: none is a parent or a child of what is expected, as far as is known."""
    names = re.findall(r"\w+", text)
    known = [getattr(builtins, name) for name in names if is_builtin_exception(name)]
    choice = (RARE_WARNINGS if narrow else WARNINGS) if warning else (RARE if narrow else EXPECTED)
    found: list[str] = []
    for name in choice:
        kind = getattr(builtins, name)
        related = any(issubclass(kind, one) or issubclass(one, kind) for one in known if one not in ROOTS)
        if name not in names and not related and name not in file.bound:
            found.append(name)
    return found


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
