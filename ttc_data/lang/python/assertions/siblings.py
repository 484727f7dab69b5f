"""What a test file offers for another expectation: its literals, its exceptions, and how it compares numbers."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ttc_data.lang.python import syntax
from ttc_data.lang.python.facts import last_name

TOLERANT = re.compile(r"(?i)approx|isclose|allclose|is_close|almost|delta|rtol|atol|toleran|epsilon")
ABSOLUTE = frozenset({"abs", "abs_tol", "atol", "delta", "tolerance", "tol", "eps", "epsilon"})
RELATIVE = frozenset({"rel", "rel_tol", "rtol"})
PLACES = frozenset({"places", "decimal", "ndigits"})
LEAST_ABSOLUTE, LEAST_RELATIVE = 1e-5, 0.1
UNKNOWN = 10.0
"""Taken for a tolerance that is no literal: values are then many times larger."""
WIDTH = 79
"""A line may be so long in any file."""
FILES_HELD = 64

Number = int | float | complex


@dataclass(frozen=True)
class Tolerance:
    """The widest tolerance that a file compares numbers with."""

    absolute: float
    relative: float

    def apart(self, one: Number, other: Number) -> bool:
        """Whether no comparison of the file takes two numbers for the same, nor for two results near each of them."""
        try:
            return abs(one - other) > 2.5 * (self.absolute + self.relative * abs(one)) and abs(one - other) > (
                2.5 * self.absolute + min(self.relative, 0.9) * abs(other)
            )
        except OverflowError:
            return False


class Siblings:
    """A parsed test file, and what stands in it.

    Raises:
        SyntaxError: it does not parse.
    """

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.starts = syntax.line_starts(source)
        self.tree = syntax.parse_shared(source)
        self.tolerant = bool(TOLERANT.search(source.decode("utf-8", "replace")))

    @classmethod
    def of(cls, source: bytes) -> Siblings:
        """The same object for the same text, while it is held."""
        return _siblings(source)

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Bytes of the file that a node takes."""
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    def text(self, node: ast.expr | ast.stmt) -> str:
        """A node as it is written."""
        return self.source[slice(*self.span(node))].decode("utf-8", "surrogatepass")

    def line(self, number: int) -> str:
        """A line of the file, counted from 1; `""` where there is none."""
        starts = [*self.starts[number - 1 : number + 1], len(self.source), len(self.source)]
        return self.source[slice(*starts[:2])].decode("utf-8", "surrogatepass").rstrip("\r\n")

    @cached_property
    def width(self) -> int:
        """Characters of the longest line that looks like any other."""
        return max(WIDTH, *map(len, self.source.decode("utf-8", "surrogatepass").splitlines()), 0)

    @cached_property
    def parents(self) -> Mapping[int, ast.AST]:
        """The node around each node, by its identity."""
        return {id(child): node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around one, from within."""
        parent = self.parents.get(id(node))
        while parent is not None:
            yield parent
            parent = self.parents.get(id(parent))

    @cached_property
    def statements(self) -> frozenset[int]:
        """The statements in functions' bodies, by their identity."""
        functions = [node for node in ast.walk(self.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        return frozenset(id(statement) for function in functions for statement in function.body)

    @cached_property
    def placed(self) -> Mapping[tuple[int, int], ast.expr]:
        """Expressions by their span; of several with the same the outermost."""
        found: dict[tuple[int, int], ast.expr] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.expr) and hasattr(node, "lineno"):
                found.setdefault(self.span(node), node)
        return found

    @cached_property
    def _constants(self) -> list[ast.Constant]:
        docstrings = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Expr)}
        inside = {
            id(part) for node in ast.walk(self.tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
        }
        return [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant) and id(node) not in docstrings and id(node) not in inside
        ]

    @cached_property
    def strings(self) -> tuple[str, ...]:
        """Values of the string literals, each once, sorted."""
        return tuple(sorted({node.value for node in self._constants if isinstance(node.value, str)}))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Words of the string literals and of the names, in small letters, each once, sorted; never none."""
        names = [node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        names += [node.name for node in ast.walk(self.tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
        found = {
            word.lower() for text in (*self.strings, *names) for word in re.findall(r"[A-Za-z][a-z]+|[A-Z]+", text)
        }
        return tuple(sorted(word for word in found if 3 <= len(word) <= 12)) or ("test",)

    @cached_property
    def numbers(self) -> tuple[tuple[str, Number], ...]:
        """Numbers as written, with their values, each once, sorted."""
        found = {
            (self.text(node), node.value)
            for node in self._constants
            if isinstance(node.value, (int, float, complex)) and not isinstance(node.value, bool)
        }
        return tuple(sorted(found, key=lambda number: (number[0], type(number[1]).__name__)))

    @cached_property
    def quote(self) -> str:
        """The quotes that most strings of the file stand in."""
        return "'" if self.source.count(b"'") > self.source.count(b'"') else '"'

    @cached_property
    def tolerance(self) -> Tolerance:
        """Of all comparisons, because a literal may be used far from where it stands."""
        absolute, relative = LEAST_ABSOLUTE, LEAST_RELATIVE
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.Call):
                continue
            given = [(keyword.arg or "", keyword.value) for keyword in node.keywords]
            if "almost" in last_name(node.func).lower() and len(node.args) > 2:
                given.append(("places", node.args[2]))
            for name, value in given:
                number = _number(value)
                if name in ABSOLUTE:
                    absolute = max(absolute, UNKNOWN if number is None else number)
                elif name in RELATIVE:
                    relative = max(relative, UNKNOWN if number is None else number)
                elif name in PLACES:
                    absolute = max(absolute, UNKNOWN if number is None else min(10.0 ** min(-number, 9.0), 1e9))
        return Tolerance(absolute, relative)

    @cached_property
    def bound(self) -> frozenset[str]:
        """Names that the file binds anywhere: a builtin exception among them may be another class."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            match node:
                case ast.Name(id=name, ctx=ast.Store()):
                    found.add(name)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    found.add(name)
                case ast.Import(names=names) | ast.ImportFrom(names=names):
                    found |= {alias.asname or alias.name.partition(".")[0] for alias in names}
        return frozenset(found)


@lru_cache(maxsize=FILES_HELD)
def _siblings(source: bytes) -> Siblings:
    return Siblings(source)


def is_builtin_exception(name: str) -> bool:
    """Whether a name is that of an exception of Python's own."""
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as value):
            return float(min(value, 1e30))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -float(min(value, 1e30))
        case ast.Call(func=func, args=[inner]) if last_name(func) == "timedelta":
            return _number(inner)
        case _:
            return None
