"""Another value for what a test expects, drawn at random, that looks as if a person had written it.

A replacement is of the kind of what it stands for, is taken from the test file where that has something alike, and is
unequal to it in every sensible comparison: for who ignores case, or blanks, or small differences.
"""

from __future__ import annotations

import ast
import re
from random import Random

from ttc_data.lang.python.assertions.alterations import literal
from ttc_data.lang.python.assertions.siblings import Number, Siblings
from ttc_data.lang.python.assertions.wording import (
    differs,
    other_digits,
    other_phrase,
    other_string,
    other_word,
    reworded,
    string_value,
)

TRIES = 60
FILLABLE = {"list": "[{}]", "tuple": "({},)", "set": "{{{}}}", "frozenset": "frozenset([{}])", "dict": "{{{}}}"}
MANY_DIGITS = 40
TEXT_METHODS = frozenset(
    {"join", "format", "upper", "lower", "title", "capitalize", "strip", "lstrip", "rstrip", "replace", "decode", "str",
     "repr", "dedent", "isoformat", "strftime"}
)  # fmt: skip
NUMBER_CALLS = frozenset({"len", "sum", "int", "ord", "abs", "round", "hash", "count", "index", "find"})
LIST_CALLS = frozenset({"sorted", "list", "split", "splitlines"})


def other_value(
    node: ast.expr,
    text: str,
    file: Siblings,
    random: Random,
    *,
    avoid: frozenset[object] = frozenset(),
    plain: bool = False,
    same_object: bool = False,
    far: bool = False,
    kind: str = "",
) -> str | None:
    """Write a literal that is not equal to an expression.

    Args:
        node: the expression; of one that is no literal the kind is guessed.
        text: the node's own text.
        file: that it stands in.
        random: chooses.
        avoid: values of literals that would make the same of what is around.
        plain: the value is used in a test's id.
        same_object: it is compared with `is`, so only another of the names `None`, `True` and `False` will do.
        far: it is looked for in something.
        kind: of what is made for an expression that is no literal.

    Returns:
        None where there is none.
    """
    for _ in range(TRIES):
        new = _drawn(node, text, file, random, plain=plain, same_object=same_object, far=far, kind=kind, avoid=avoid)
        if new is None:
            return None
        value = literal(new)
        if new != text and (
            new in ("True", "False") or not isinstance(value, ast.Constant) or value.value not in avoid
        ):
            return new
    return None


def _drawn(
    node: ast.expr,
    text: str,
    file: Siblings,
    random: Random,
    *,
    plain: bool,
    same_object: bool,
    far: bool,
    kind: str,
    avoid: frozenset[object],
) -> str | None:
    match node:
        case ast.Constant(value=bool() as value):
            return str(not value)
        case ast.Constant(value=None):
            return random.choice(["True", "False"]) if same_object or random.random() < 0.3 else _any(file, random)
        case ast.Constant() if same_object:
            return None
        case ast.Constant(value=int() | float() | complex() as number):
            if far:
                return None
            return other_number(text, number, file, random, avoid) or made(kind_of(node), file, random)
        case ast.Constant(value=str() | bytes()):
            if "\n" in text:
                return None
            new = other_string(text, file, random, plain=plain, far=far)
            return new if new or far or plain else made(kind_of(node), file, random)
        case ast.Constant():
            return None
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
            return _filled(type(node).__name__.lower(), file, random)
        case ast.Call(func=ast.Name(id=name), args=[], keywords=[]) if name in FILLABLE:
            return _filled(name, file, random)
        case _ if same_object or far:
            return None
        case _:
            return made(kind or kind_of(node), file, random)


def other_number(
    text: str, value: Number, file: Siblings, random: Random, avoid: frozenset[object] = frozenset()
) -> str | None:
    """Write a number of the same type, with about as many digits, that no comparison of the file takes for another."""
    alike = [
        written
        for written, number in file.numbers
        if type(number) is type(value)
        and number != value
        and abs(len(written) - len(text)) <= 1
        and written[:2].isdigit() == text[:2].isdigit()
    ]
    for attempt in range(TRIES):
        if alike and random.random() < 0.3:
            new = random.choice(alike)
        elif (
            isinstance(value, int)
            and value > 9
            and text.isdigit()
            and len(text) < MANY_DIGITS
            and random.random() < 0.3
        ):
            new = str(value + random.choice((-3, -2, -1, 1, 2, 3)))
        else:
            new = _other_digits(text, random, wider=attempt // 12)
        number = _number(new)
        if number is None or type(number) is not type(value) or number in avoid:
            continue
        if number != value and not re.match(r"0[eE]", new) and _apart(value, number, file):
            return new
    return None


def _apart(value: Number, other: Number, file: Siblings) -> bool:
    if file.tolerant:
        return file.tolerance.apart(value, other)
    # A helper of another file may be tolerant: a float is changed where everybody sees it.
    return isinstance(value, int) or abs(other - value) > 0.02 * abs(value)


def _number(text: str) -> Number | None:
    node = literal(text)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, complex)) else None


def _other_digits(text: str, random: Random, *, wider: int) -> str:
    """Other digits in a number's text; `wider`: so many more of them."""
    base = "0123456789"
    lower = text.lower()
    start, end = 0, len(text)
    if lower[:2] in ("0x", "0o", "0b"):
        start, base = (
            2,
            {"x": base + ("ABCDEF" if text[2:].isupper() else "abcdef"), "o": base[:8], "b": "01"}[lower[1]],
        )
    else:
        exponent = re.search(r"[eEjJ]", text)
        end = exponent.start() if exponent else end
    if wider and start == 0:
        whole = re.match(r"[0-9_]*", text)
        at = whole.end() if whole else 0
        more = "".join(random.choice("123456789") for _ in range(wider))
        front = text[:at].lstrip("0")
        return f"{front or ''}{more}{text[at:]}"
    return text[:start] + _digits_of_number(text[start:end], random, base) + text[end:]


def _digits_of_number(text: str, random: Random, base: str) -> str:
    return other_digits(text, random, base) if any(character in base for character in text) else text


def _any(file: Siblings, random: Random) -> str:
    """A short literal of the file, a string or a number."""
    numbers = [text for text, _ in file.numbers if len(text) <= 3 and text.isdigit()]
    if numbers and random.random() < 0.5:
        return random.choice(numbers)
    return _word(file, random) if random.random() < 0.6 else str(random.randrange(1, 100))


def _word(file: Siblings, random: Random) -> str:
    return f"{file.quote}{other_word(file, random)}{file.quote}"


def _filled(name: str, file: Siblings, random: Random) -> str:
    value = _any(file, random)
    return FILLABLE[name].format(f"{_word(file, random)}: {value}" if name == "dict" else value)


def kind_of(node: ast.expr) -> str:
    """What an expression seems to give: `str`, `int`, `float`, `list`, `tuple`, `set` or `dict`; `any` where it does not say."""
    match node:
        case ast.JoinedStr() | ast.Constant(value=str()):
            return "str"
        case ast.Constant(value=bytes()):
            return "bytes"
        case ast.Constant(value=float()):
            return "float"
        case ast.Constant(value=bool()):
            return "any"
        case ast.Constant(value=int()):
            return "int"
        case ast.List() | ast.ListComp():
            return "list"
        case ast.Tuple():
            return "tuple"
        case ast.Set() | ast.SetComp():
            return "set"
        case ast.Dict() | ast.DictComp():
            return "dict"
        case ast.Call(func=func):
            name = getattr(func, "attr", getattr(func, "id", ""))
            for kind, names in (("str", TEXT_METHODS), ("int", NUMBER_CALLS), ("list", LIST_CALLS)):
                if name in names:
                    return kind
            return name if name in ("set", "tuple", "dict", "float") else "any"
        case ast.BinOp(left=left, right=right):
            kinds = [kind for kind in (kind_of(left), kind_of(right)) if kind != "any"]
            return kinds[0] if kinds else "any"
        case ast.UnaryOp(op=ast.USub()):
            return "int"
        case _:
            return "any"


def made(kind: str, file: Siblings, random: Random) -> str:
    """A literal of a kind that nothing would come to by chance."""
    if kind == "any":
        kind = random.choice(("str", "int", "list"))
    match kind:
        case "bytes":
            return f"b{_phrase(file, random)}"
        case "int":
            return str(random.randrange(1_000, 100_000))
        case "float":
            return f"{random.randrange(10, 10_000)}.{random.randrange(1, 100):02d}".rstrip("0")
        case "list" | "tuple" | "set":
            inside = ", ".join(_elements(file, random))
            return {"list": f"[{inside}]", "tuple": f"({inside})", "set": f"{{{inside}}}"}[kind]
        case "dict":
            return f"{{{_phrase(file, random)}: {random.randrange(10, 1_000)}}}"
        case _:
            return _phrase(file, random)


def _phrase(file: Siblings, random: Random) -> str:
    return f"{file.quote}{other_phrase(file, random)}{file.quote}"


def _elements(file: Siblings, random: Random) -> list[str]:
    if random.random() < 0.4:
        return [_phrase(file, random), *(_word(file, random) for _ in range(random.choice((1, 2))))]
    return [str(random.randrange(2, 100)) for _ in range(random.choice((3, 4)))]


def other_members(node: ast.List | ast.Tuple | ast.Set, file: Siblings, random: Random) -> str | None:
    """The container that a result may be in, with other members all."""
    old = [part for part in node.elts if isinstance(part, ast.Constant) and not isinstance(part.value, bool)]
    if not old or len(old) != len(node.elts):
        return None
    values: frozenset[object] = frozenset(part.value for part in old)
    made: list[str] = []
    for part in old:
        new = other_value(part, file.text(part), file, random, avoid=values)
        value = literal(new) if new else None
        if new is None or not isinstance(value, ast.Constant) or new in ("True", "False"):
            return None
        made.append(new)
        values |= {value.value}
    inside = ", ".join(made)
    if isinstance(node, ast.Tuple):
        return f"({inside},)" if len(made) == 1 else f"({inside})"
    return f"[{inside}]" if isinstance(node, ast.List) else f"{{{inside}}}"


def piece_of(text: str, start: int, end: int, file: Siblings, random: Random) -> str | None:
    """A part of a long string literal, with something changed in it.

    Args:
        text: the literal's.
        start: characters before the part.
        end: characters up to the end of the part.
        file: that it stands in.
        random: chooses.
    """
    value = string_value(text)
    for _ in range(TRIES):
        changed = reworded(text, start, end, file, random)
        other = string_value(changed) if changed else None
        if changed is None or value is None:
            return None
        if other is not None and type(other) is type(value) and differs(str(value), str(other)):
            return changed[start : len(changed) - (len(text) - end)]
    return None
