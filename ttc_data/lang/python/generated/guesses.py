"""What a parameter without a type hint takes: by its default, by how the body uses it, by its name."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from ttc_data.lang.python.facts import Function, last_name
from ttc_data.lang.python.generated import draws
from ttc_data.lang.python.generated.draws import Draw

_BY_KIND: dict[str, Draw] = {
    "int": draws.INTEGER,
    "float": draws.one_of(draws.INTEGER, draws.FLOAT),
    "text": draws.TEXT,
    "bytes": draws.BYTE_TEXT,
    "bool": draws.BOOLEAN,
    "items": draws.ITEMS,
    "list": draws.NUMBERS,
    "dict": draws.DICTIONARY,
    "pairs": draws.PAIRS,
    "set": draws.listed(draws.SMALL, "{", "}"),
    "nested": draws.listed(draws.NUMBERS),
    "functions": draws.listed(draws.FUNCTION, least=1, most=3),
    "key": draws.one_of(draws.WORD, draws.SMALL),
    "iterator": draws.wrapped("iter(", draws.NUMBERS, ")"),
    "anything": draws.ANYTHING,
}
# The first that fits. Names are conventions, so they come after what the body does.
_BY_NAME: tuple[tuple[str, str], ...] = (
    (r"(is|has|use|allow|ignore|include|keep|strict|reverse|inclusive)(_.*|$)|.*_(only|ok)$|strict|reversed", "bool"),
    (r"(key|fn?|func|function|pred|predicate|callback|callable|binop|op|getsizeof|reducer|selector|validator|.*_?func|k)", "call"),
    (r"(funcs|functions|preds|predicates|fns)", "functions"),
    (r"(iterables|seqs|sequences|lists|iterators|matrix|rows|table|m1|m2|nested)", "nested"),
    (r"(it|iter|iterator|.*_iterator|stream)", "iterator"),
    (r"(d|dct|dict|mapping|map|dictionary|dic|kw|kwargs|.*_dict|.*_map|options|context|factory_map)", "dict"),
    (r"(pairs|items|e|e2|entries)", "pairs"),
    (r".*(iterable|seq|sequence|items|xs|lst|list|values|elements|array|data|elems|args|coll|sizes|indices|ints|nums)", "items"),
    (r"(n|i|j|k|num|count|size|length|len|width|depth|level|limit|step|start|stop|end|index|idx|max.*|min.*|times|.*_count|.*_size|.*_len|r|order|lower|upper|x|y|position|pos|offset|value_range|bits|ndigits|precision|b|a|a1|a2|bin.*|digits)", "int"),
    (r"(ratio|rate|factor|seconds|timeout|fraction|p|q|delta|.*_time)", "float"),
    (r"(b|data_bytes|raw|payload|.*bytes)", "bytes"),
    (r".*(text|str|string|name|path|sep|delim|prefix|suffix|word|line|lines|url|uri|fmt|format|pattern|char|chars|msg|message|token|html|query|title|version|scheme|host|label|encoding|indent|margin|newline|s|filename|source)", "text"),
    (r"(item|obj|key|value|elem|element|default|fill.*|sentinel|other|val|v)", "key"),
)  # fmt: skip
_TEXT_METHODS = frozenset(dir(str)) - frozenset(dir(list)) - frozenset(dir(bytes)) | {
    "split",
    "strip",
    "lower",
    "upper",
    "startswith",
    "endswith",
    "replace",
    "splitlines",
    "encode",
    "lstrip",
    "rstrip",
    "partition",
    "rpartition",
    "isdigit",
    "title",
    "translate",
}
_DICT_METHODS = frozenset(("items", "keys", "values", "setdefault", "get"))
_LIST_METHODS = frozenset(("append", "extend", "insert", "sort", "reverse"))
_ITERATES = frozenset(
    [
        "iter",
        "list",
        "tuple",
        "set",
        "frozenset",
        "sorted",
        "enumerate",
        "reversed",
        "sum",
        "zip",
        "map",
        "filter",
        "any",
        "all",
        "chain",
        "islice",
        "tee",
        "groupby",
        "deque",
        "cycle",
        "from_iterable",
        "accumulate",
        "starmap",
        "takewhile",
        "dropwhile",
        "product",
        "Counter",
        "fromkeys",
        "zip_longest",
        "pairwise",
    ]
)
_NUMERIC = frozenset(("range", "abs", "round", "divmod", "pow", "sqrt", "floor", "ceil", "index", "repeat", "log"))
_TYPES = {
    "int": "int", "float": "float", "str": "text", "bytes": "bytes", "list": "list", "tuple": "list", "dict": "dict",
    "Mapping": "dict", "set": "set", "Iterable": "items", "Sequence": "items", "string_types": "text",
}  # fmt: skip


def guess(function: Function, name: str, default: ast.expr | None) -> Draw | None:
    """A strategy for a parameter without a hint; None when its default is all that is known to fit.

    Args:
        function: whose parameter.
        name: the parameter's.
        default: as written, None without one.
    """
    called = {name}
    if function.args.vararg and function.args.vararg.arg == name:
        called = {
            loop.target.id
            for loop in ast.walk(function)
            if isinstance(loop, (ast.For, ast.comprehension))
            and isinstance(loop.target, ast.Name)
            and _has(loop.iter, name)
        }
    calls = [
        node for node in ast.walk(function) if isinstance(node, ast.Call) and any(_is(node.func, one) for one in called)
    ]
    by_default = _of_default(default)
    if calls:
        found = draws.functions(min(len(call.args) for call in calls))
        return found if default is None or by_default is None else draws.one_of(found, draws.just("None"))
    votes = Counter(_uses(function, name))
    if by_default:
        votes[by_default] += 3
    if votes:
        # Ties go to what was seen first.
        kind = max(votes, key=lambda one: votes[one])
        return _BY_KIND[kind]
    for pattern, kind in _BY_NAME:
        if re.fullmatch(pattern, name.lower()):
            return draws.FUNCTION if kind == "call" else _BY_KIND[kind]
    return None if default is not None else draws.ANYTHING


def compared(function: Function, name: str) -> list[str]:
    """The literals that the body compares a parameter with, and those nearby: they choose its branches."""
    found: list[str] = []
    for node in ast.walk(function):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        if not any(_is(side, name) for side in sides):
            continue
        for side in sides:
            parts = side.elts if isinstance(side, (ast.Tuple, ast.List, ast.Set)) else [side]
            for part in parts:
                if isinstance(part, ast.Constant) and part.value is not Ellipsis:
                    found.append(ast.unparse(part))
                    if type(part.value) is int:
                        found += [str(part.value + 1), str(part.value - 1)]
    return list(dict.fromkeys(found))


def constants(function: Function) -> list[str]:
    """Short strings of the body, which what it reads may have to hold."""
    found = [
        node.value
        for statement in function.body[1:] or function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and 0 < len(node.value) < 12
    ]
    return [repr(one) for one in dict.fromkeys(found)][:12]


def formats(function: Function, name: str) -> list[str]:
    """Texts that the body can use a parameter as: `name % value`, `name.format(value)`."""
    for node in ast.walk(function):
        match node:
            case ast.BinOp(left=left, op=ast.Mod(), right=right) if _is(left, name) and not isinstance(
                right, ast.Tuple
            ):
                return ['"%.2f"', '"%d"', '"%.0f"', '"%i"', '"%5.1f"']
            case ast.Call(func=ast.Attribute(value=value, attr="format"), args=[_]) if _is(value, name):
                return ['"{}"', '"{:>5}"', '"<{}>"', '"{0} {0}"']
            case _:
                continue
    return []


def _has(node: ast.AST, name: str) -> bool:
    return any(_is(inner, name) for inner in ast.walk(node))


def _is(node: ast.AST | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _of_default(default: ast.expr | None) -> str | None:
    match default:
        case ast.Constant(value=bool()):
            return "bool"
        case ast.Constant(value=int()) | ast.UnaryOp(operand=ast.Constant(value=int())):
            return "int"
        case ast.Constant(value=float()) | ast.UnaryOp(operand=ast.Constant(value=float())):
            return "float"
        case ast.Constant(value=str()):
            return "text"
        case ast.Constant(value=bytes()):
            return "bytes"
        case ast.List() | ast.Tuple():
            return "items"
        case ast.Dict():
            return "dict"
        case _:
            return None


def _uses(function: Function, name: str) -> Iterator[str]:
    for node in ast.walk(function):
        match node:
            case ast.For(iter=source, target=target) | ast.comprehension(iter=source, target=target) if _is(
                source, name
            ):
                yield "pairs" if isinstance(target, ast.Tuple) else "items"
            case ast.YieldFrom(value=value) if _is(value, name):
                yield "items"
            case ast.Call(func=ast.Name(id="isinstance"), args=[first, kinds]) if _is(first, name):
                parts = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
                yield from (_TYPES[word] for part in parts if (word := last_name(part)) in _TYPES)
            case ast.Call(func=function_of, args=args) if any(_is(one, name) for one in args):
                called = last_name(function_of)
                if called == "next":
                    yield "iterator"
                elif called == "len" or (called in _ITERATES and not (called == "islice" and not _is(args[0], name))):
                    yield "items"
                elif called in _NUMERIC or called == "islice":
                    yield "int"
                elif called in ("join", "sub", "match", "search", "findall", "compile"):
                    yield "text"
            case ast.Call(args=args) if any(isinstance(one, ast.Starred) and _is(one.value, name) for one in args):
                yield "nested"
            case ast.Attribute(value=value, attr=attribute) if _is(value, name):
                if attribute == "__next__":
                    yield "iterator"
                elif attribute in _DICT_METHODS:
                    yield "dict"
                elif attribute in _TEXT_METHODS:
                    yield "text"
                elif attribute in _LIST_METHODS:
                    yield "list"
            case ast.Subscript(value=value, slice=part) if _is(value, name):
                is_key = isinstance(part, ast.Constant) and isinstance(part.value, str)
                yield "dict" if is_key else "items" if isinstance(part, (ast.Constant, ast.Slice)) else "list"
            case ast.BinOp(left=left, right=right) | ast.AugAssign(target=left, value=right) if _is(left, name) or _is(
                right, name
            ):
                other = right if _is(left, name) else left
                if isinstance(other, ast.Constant) and isinstance(other.value, str):
                    yield "text"
                elif not isinstance(other, (ast.List, ast.Tuple, ast.Set)):
                    yield "int"
            case ast.UnaryOp(op=ast.USub(), operand=operand) if _is(operand, name):
                yield "int"
            case ast.Compare(left=left, ops=[operator, *_], comparators=[right, *_]):
                if isinstance(operator, (ast.In, ast.NotIn)):
                    if _is(right, name):
                        yield "items"
                elif isinstance(operator, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) and (_is(left, name) or _is(right, name)):
                    yield "int"
                elif _is(left, name) and isinstance(right, ast.Constant) and type(right.value) in (int, str):
                    yield "int" if isinstance(right.value, int) else "text"
            case _:
                continue
