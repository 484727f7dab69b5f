"""Sound descriptions and texts made unsound, by a seeded draw."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

TEXTS = (
    "", ".", "..", "/", "../x", "../../../../x", "/etc/passwd", "a/../../x", "a//b", "./a", "a/", "~/x", "\\..\\x", "C:\\x", ".git/config",
    "a/.GIT/x", "-r /etc/passwd", "--index-url http://127.0.0.1:9/${HOME}", "-e .", "$HOME", "${HOME}", "`id`", "$(id)", "%(x)s", "{x}",
    "x\0y", "x\ny", "x\r-r y", "\x1b[31m", "\u202e", "\ud800", "\u2028", "x" * 300, "x" * 5_000, "é", "漢字", "file:///etc/passwd",
    "git+https://127.0.0.1:9/x", "x @ file:///etc/passwd", "x==1", "3.11", "3.999", "0" * 20, "f" * 64, "nan", "inf", "1e999", "null",
    "python:3.11-slim", "evil/x:1", "ttcdata/base:x\nRUN y", "2026-01-01", "-1", "--help", "tests/test_mod.py::test_it", "::", "a::b::c",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**15, 10**30, 10**4_000, 0.5, -0.0, 1e308, float("inf"), float("nan"), [], {}, [[]],
    {"": ""}, [None], {"path": "../x", "text": "x"}, [{"path": "/x", "text": 1}], b"bytes", (1, 2),
)  # fmt: skip
CHARACTERS = (0, 9, 10, 13, 27, 34, 39, 45, 58, 92, 123, 0x202E, 0xD800)
MOST = 100_000


def deep(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def nasty(random: Random) -> Any:
    """A value that some place does not expect."""
    if random.random() < 0.02:
        return deep(random.choice((60, 500)))
    # A copy: what is put into a value now may be changed later.
    return random.choice(TEXTS) if random.random() < 0.7 else copy.deepcopy(random.choice(VALUES))


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place inside a value, as its container and its key."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        keys = list(inner) if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        for key in keys:
            found.append((inner, key))
            waiting.append(inner[key])
    return found


def mutated(random: Random, sound: Any) -> Any:
    """A copy with one to three places changed: another value, another type, gone, twice, or with a text put into it."""
    value = copy.deepcopy(sound)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        inside = places(value)
        if not inside:
            return nasty(random)
        container, key = random.choice(inside)
        what = random.random()
        held = container[key]
        if what < 0.5:
            container[key] = nasty(random)
        elif what < 0.7 and isinstance(held, str):
            at = random.randint(0, len(held))
            container[key] = held[:at] + random.choice(TEXTS) + held[at:]
        elif what < 0.8:
            del container[key]
        elif what < 0.9 and isinstance(held, list):
            container[key] = held * random.choice((2, 3, 50)) or [nasty(random)]
        elif isinstance(container, dict):
            container[random.choice(TEXTS)] = nasty(random)
        else:
            container.append(nasty(random))
    return value


def garbled(random: Random, sound: str, pieces: tuple[str, ...] = TEXTS) -> str:
    """A text with one to four changes: a piece put in, a part gone, twice or elsewhere, a character changed."""
    text = sound
    for _ in range(random.randint(1, 4)):
        text = _changed(random, text, pieces)[:MOST]
    return text


def _changed(random: Random, text: str, pieces: tuple[str, ...]) -> str:
    at, to = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
    match random.randrange(6):
        case 0:
            return text[:at] + random.choice(pieces) + text[at:]
        case 1:
            return text[:at] + text[to:]
        case 2:
            return text[:to] + text[at:to] + text[to:]
        case 3:
            return text[:at] + chr(random.choice(CHARACTERS)) + text[at + 1 :]
        case 4:
            return text[:at] + random.choice(pieces) + text[to:]
        case _:
            return text[at:to] + text[:at] + text[to:]
