"""What two versions did with one call, compared: pure, on what `probing.py` told."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

Aspect: TypeAlias = Literal[
    "", "kind", "laziness", "alias", "output", "mutation", "order", "exception", "value", "lost"
]
"""In which way two differ; empty where they do not. A later one says more than an earlier one."""
Seen: TypeAlias = Sequence[Any]
"""A value as `Sight.seen` tells it: a word, and what belongs to it."""
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)
MOST_DIGITS = 100
RELATIVE, ABSOLUTE = 1e-9, 1e-12
_NUMBERS = frozenset(("bool", "int", "float"))
_ROWS = frozenset(("list", "tuple", "range", "iterator", "items"))
_SETS = frozenset(("set", "frozenset"))
_DICTS = frozenset(("", "defaultdict", "OrderedDict"))
"""Nobody who asks for a dict is told that it is one of these."""
_BYTES = frozenset(("bytes", "bytearray"))


def worse(*found: Aspect) -> Aspect:
    """The one that says most."""
    return max(found, key=ASPECTS.index, default="")


def unlike(one: Seen, other: Seen) -> Aspect:
    """Say in which way two values differ.

    No differences: the last digits of floats, the order of a plain dict, the text of an exception. `kind`: the values are
    the same but not their types. `laziness`: one is an iterator, the other holds the same elements already.
    """
    word, second = one[0], other[0]
    if "as" in (word, second):
        return _as_base(one, other)
    if word in _NUMBERS and second in _NUMBERS:
        return "" if word == second and _close(one, other) else "kind" if _close(one, other) else "value"
    if word in _ROWS and second in _ROWS:
        return _rows(one, other)
    if word in _SETS and second in _SETS:
        return worse(_parts(one[1], other[1]), "" if word == second else "kind")
    if {word, second} & _SETS and {word, second} & _ROWS:
        parts = [sorted(_elements(each), key=json.dumps) for each in (one, other)]
        return worse(_parts(*parts), "laziness" if "iterator" in (word, second) else "kind")
    if word in _BYTES and second in _BYTES:
        return "value" if one[1] != other[1] else "" if word == second else "kind"
    if word != second:
        return "value"
    compare: Callable[[Seen, Seen], Aspect] | None = _SAME_WORD.get(word)
    return compare(one, other) if compare else "" if list(one) == list(other) else "value"


def _as_base(one: Seen, other: Seen) -> Aspect:
    """Instances of subclasses of Python's own types count as these; their class is another thing."""
    bases = [each[2] if each[0] == "as" else each for each in (one, other)]
    names = [each[1] if each[0] == "as" else "" for each in (one, other)]
    same = names[0] == names[1] or (_DICTS.issuperset(names) and {*bases[0][:1], *bases[1][:1]} == {"dict"})
    ordered = (
        same
        and names[0] == "OrderedDict"
        and [_key(pair[0]) for pair in bases[0][1]] != [_key(pair[0]) for pair in bases[1][1]]
    )
    return worse(unlike(*bases), "" if same else "kind", "order" if ordered else "")


def _number(seen: Seen) -> float | int:
    return int(seen[1], 16) if seen[0] == "int" else float(seen[1])


def _close(one: Seen, other: Seen) -> bool:
    first, second = _number(one), _number(other)
    if "float" not in (one[0], other[0]):
        return first == second
    try:
        return math.isclose(first, second, rel_tol=RELATIVE, abs_tol=ABSOLUTE) or (first != first and second != second)
    except OverflowError:
        return False


def _complex(one: Seen, other: Seen) -> Aspect:
    first, second = complex(one[1]), complex(other[1])
    return "" if one[1] == other[1] or abs(first - second) <= max(ABSOLUTE, RELATIVE * abs(first)) else "value"


def _elements(seen: Seen) -> Sequence[Seen]:
    elements: Sequence[Seen] = seen[2] if seen[0] == "items" else seen[1]
    return elements


def _end(seen: Seen) -> Any:
    """How a row ends: an iterator's own word, a sequence's length, as far as it says more than its elements."""
    if seen[0] in ("iterator", "items"):
        return seen[-1]
    return "end" if len(seen) < 3 or seen[2] == len(seen[1]) else f"{seen[2]} in all"


def _rows(one: Seen, other: Seen) -> Aspect:
    words = (one[0], other[0])
    iterators = words.count("iterator")
    found: Aspect = "" if words[0] == words[1] else "laziness" if iterators == 1 else "kind"
    first, second = _elements(one), _elements(other)
    ends = [_end(one), _end(other)]
    if len(first) != len(second) and "more" in ends:  # an iterator is told of as far as it was read
        least = min(len(first), len(second))
        shorter = first if len(first) == least else second
        if (ends[0] if shorter is first else ends[1]) == "more":
            return worse(found, _parts(first[:least], second[:least]))
    raised = [end["raises"] if isinstance(end, Mapping) else None for end in ends]
    if any(raised):
        same = bool(raised[0] and raised[1] and raised[0][0] in raised[1])
        return worse(found, _parts(first, second), "" if same else "exception")
    if ends[0] != ends[1] and not ("more" in ends and len(set(words)) > 1):
        return "value"
    return worse(found, _parts(first, second))


def _parts(first: Sequence[Seen], second: Sequence[Seen]) -> Aspect:
    if len(first) != len(second):
        return "value"
    found = worse(*(unlike(one, other) for one, other in zip(first, second, strict=True)))
    if found == "value" and sorted(map(_key, first)) == sorted(map(_key, second)):
        return "order"
    return found


def _key(seen: Seen) -> str:
    """What makes two keys of a dict the same one."""
    if seen[0] in _NUMBERS:
        number = _number(seen)
        return repr(float(number)) if abs(number) < 2**53 else repr(number)
    return json.dumps(seen)


def _dict(one: Seen, other: Seen) -> Aspect:
    first, second = ({_key(key): (key, value) for key, value in each[1]} for each in (one, other))
    if first.keys() != second.keys():
        return "value"
    return worse(
        *(worse(unlike(first[key][0], second[key][0]), unlike(first[key][1], second[key][1])) for key in first)
    )


def _object(one: Seen, other: Seen) -> Aspect:
    return worse("" if list(one[2]) == list(other[2]) else "value", "" if one[1] == other[1] else "kind")


def _holder(one: Seen, other: Seen) -> Aspect:
    return worse(unlike(one[2], other[2]), "" if one[1] == other[1] else "kind")


def _callable(one: Seen, other: Seen) -> Aspect:
    """Only what the first one gives counts: what it is called with may be nothing that it takes."""
    return worse(*(unlike(mine, yours) for mine, yours in zip(one[1], other[1], strict=True) if mine[0] != "raised"))


def _context(one: Seen, other: Seen) -> Aspect:
    return unlike(one[1], other[1])


def _opaque(one: Seen, other: Seen) -> Aspect:
    return "" if one[1] == other[1] else "kind"


_SAME_WORD: Mapping[str, Callable[[Seen, Seen], Aspect]] = {
    "complex": _complex,
    "dict": _dict,
    "object": _object,
    "holder": _holder,
    "callable": _callable,
    "context": _context,
    "opaque": _opaque,
}


def differ(
    reference: Mapping[str, Any], answer: Mapping[str, Any] | None, also: frozenset[str] = frozenset()
) -> Aspect:
    """Say in which way an answer does not do with a call what the reference does.

    Args:
        reference: what was told of it.
        answer: None where nothing was told. It comes from untrusted code: what cannot be read counts as `lost`.
        also: exceptions that may be raised in place of the reference's, where they are classes above it.
    """
    if answer is None or "refused" in answer:
        return "lost"
    try:
        return _differ(reference, answer, also)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return "lost"


def _differ(reference: Mapping[str, Any], answer: Mapping[str, Any], also: frozenset[str]) -> Aspect:
    if "raises" in reference or "raises" in answer:
        expected, raised = reference.get("raises"), answer.get("raises")
        if not expected or not raised:
            return "exception"
        return "" if expected[0] in raised or also & {*expected} & {*raised} else "exception"
    found = unlike(reference["result"], answer["result"])
    after = worse(*(_after(seen, answer["after"].get(text)) for text, seen in reference["after"].items()))
    alias: Aspect = "alias" if answer["alias"] and not reference["alias"] else ""
    output: Aspect = "output" if reference["printed"] and answer["printed"] != reference["printed"] else ""
    return worse(found, alias, output, after if after in ("", "kind") else "mutation")


def _after(seen: Seen, other: Seen | None) -> Aspect:
    return "value" if other is None else unlike(seen, other)


def written(seen: Any) -> str:
    """A value as a person writes it, as far as it was told; anything that is no such value as it is."""
    match seen:
        case ["none"]:
            return "None"
        case ["bool" | "float" | "complex", found]:
            return str(found)
        case ["int", str() as digits] if len(digits) < MOST_DIGITS:
            return _decimal(digits)
        case ["str", str() as text]:
            return repr(text)
        case ["as", _, base]:
            return written(base)
        case ["list" | "range", [*parts], _]:
            return f"[{', '.join(map(written, parts))}]"
        case ["tuple", [*parts], _]:
            return f"({', '.join(map(written, parts))}{',' * (len(parts) == 1)})"
        case ["set" | "frozenset", [*parts]]:
            return f"{{{', '.join(map(written, parts))}}}"
        case ["dict", [*pairs]] if all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            return f"{{{', '.join(f'{written(key)}: {written(value)}' for key, value in pairs)}}}"
        case ["iterator", [*parts], end] | ["items", _, [*parts], end]:
            ended = (
                {"more": ", ...", "end": ""}.get(end, ", an exception") if isinstance(end, str) else ", an exception"
            )
            return f"<{seen[0]} of {', '.join(map(written, parts))}{ended}>"
        case ["object", _, [str() as text, str() as other]]:
            return other or text
        case _:
            return str(seen)


def _decimal(digits: str) -> str:
    try:
        return str(int(digits, 16))
    except ValueError:
        return digits
