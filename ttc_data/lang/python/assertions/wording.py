"""Other strings: a string of the same file, or the same string with another word, other letters, other digits."""

from __future__ import annotations

import ast
import re
import unicodedata
from functools import lru_cache
from random import Random

from ttc_data.lang.python.assertions.alterations import literal
from ttc_data.lang.python.assertions.siblings import Siblings

TRIES = 40
SHORT = 8
MOST_LIKE = 30
LIKE_A_WORD = 3
PLAIN = re.compile(r"[A-Za-z0-9_ .,:;/+-]*[A-Za-z0-9][A-Za-z0-9_ .,:;/+-]*")
_ESCAPE = re.compile(
    r"\\(N\{[^}]*\}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-7]{1,3}|.)|\{[^{}]*\}", re.DOTALL
)
_PREFIX = re.compile(r"(?i)([bru]*)('''|\"\"\"|'|\")")
VOWELS, CONSONANTS = "aeiou", "bcdfghklmnprstvw"


def folded(text: str) -> str:
    """What is left of a string for who compares letters and digits only, of any case."""
    return "".join(character for character in text.casefold() if character.isalnum())


def differs(one: str, other: str) -> bool:
    """Whether two strings differ for who ignores case, blanks and punctuation; where that is all, for who ignores blanks."""
    if folded(one) or folded(other):
        return folded(one) != folded(other)
    return "".join(one.split()) != "".join(other.split())


def string_value(text: str) -> str | bytes | None:
    """The value of a string literal, None for every other text."""
    node = literal(text)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)) else None


def other_string(text: str, file: Siblings, random: Random, *, plain: bool = False, far: bool = False) -> str | None:
    """Write a string literal that is not equal to a given one.

    Args:
        text: the literal, of one line.
        file: that it stands in.
        random: chooses.
        plain: the value is used in a test's id: nothing but letters, digits and blanks is put in.
        far: the string may not be part of what the given one is part of.
    """
    value = string_value(text)
    if value is None:
        return None
    shown = value if isinstance(value, str) else value.decode("latin-1")
    if far and len(folded(shown)) <= LIKE_A_WORD:
        return None
    for _ in range(TRIES):
        changed = None
        if (not far and random.random() < 0.4) or not folded(shown):
            changed = _sibling(text, shown, file, random, plain=plain)
        changed = changed or reworded(text, 0, len(text), file, random)
        if changed is None:
            continue
        other = string_value(changed)
        if other is not None and type(other) is type(value) and other != value:
            told = other if isinstance(other, str) else other.decode("latin-1")
            if differs(shown, told):
                return changed
    return None


def _sibling(text: str, shown: str, file: Siblings, random: Random, *, plain: bool) -> str | None:
    """Another string of the file, of about the same length and with the same sort of characters, in the same quotes."""
    start = _PREFIX.match(text)
    if start is None or "\n" in text or start[2] in text[start.end() : -len(start[2])]:
        return None
    most = max(SHORT, len(shown) * 3 // 2)
    alike = [
        one
        for one in file.strings
        if len(shown) // 2 <= len(one) <= most
        and one.isascii()
        and (sorts(one) <= sorts(shown) or not folded(shown))
        and (one.isalnum() if plain else one.isprintable() and not set(one) & set("\\'\"{}%"))
        and differs(shown, one)
        and one
    ]
    if not folded(shown):
        alike += [other_word(file, random)]
    if folded(shown) and random.random() > len(alike) / 4:
        return None
    return f"{start[1]}{start[2]}{random.choice(alike)}{start[2]}" if alike else None


@lru_cache(maxsize=8192)
def sorts(text: str) -> frozenset[str]:
    """The sorts of characters in a string."""
    return frozenset(
        "upper"
        if character.isupper()
        else "letter"
        if character.isalpha()
        else "digit"
        if character.isdigit()
        else "blank"
        if character.isspace()
        else character
        for character in text
    )


def reworded(text: str, start: int, end: int, file: Siblings, random: Random) -> str | None:
    """Change one word, some letters or some digits between two places of a text.

    Args:
        text: of a string literal, or of a line that is compared as text.
        start: characters before it stay.
        end: characters from it on stay.
        file: whose words may be put in.
        random: chooses.

    Returns:
        The text changed; None where it has no letter and no digit there that may be changed.
    """
    fixed = {at for match in _ESCAPE.finditer(text) for at in range(*match.span())}
    if prefix := _PREFIX.match(text):
        fixed |= set(range(prefix.end()))
    pattern = re.compile(r"[A-Za-z]+|[0-9]+|[^\W\d_]+")
    runs = [match for match in pattern.finditer(text, start, end) if not fixed & set(range(*match.span()))]
    if not runs:
        return None
    run = random.choice(runs)
    word = run[0]
    if word.isascii() and word.isdigit():
        new = other_digits(word, random)
    elif not word.isascii():
        new = _other_letter(word, random)
    else:
        own = {part.lower() for part in re.findall(r"[A-Za-z]+", text)}
        choice = [
            one for one in file.words if abs(len(one) - len(word)) <= 1 and len(one) >= LIKE_A_WORD and one not in own
        ]
        if len(word) >= LIKE_A_WORD and random.random() < min(len(choice) / 10, 0.6):
            new = like(word, random.choice(choice))
        else:
            new = _other_letters(word, random)
    return f"{text[: run.start()]}{new}{text[run.end() :]}"


def like(word: str, other: str) -> str:
    """Another word in the case of one."""
    if word.isupper() and len(word) > 1:
        return other.upper()
    return other.capitalize() if word[:1].isupper() else other


def other_digits(digits: str, random: Random, base: str = "0123456789") -> str:
    """A number of as many digits, with another one or two of them; no zero comes to the front or leaves it."""
    places = [at for at in range(len(digits)) if digits[at] in base]

    def allowed(at: int) -> list[str]:
        may_be_zero = at > places[0] or len(places) == 1
        return [digit for digit in base if digit != digits[at] and (digit != "0" or may_be_zero)]

    movable = [at for at in places if len(places) == 1 or at > places[0] or digits[at] != "0"] or places
    movable = [at for at in movable if allowed(at)]  # a binary number begins with the only digit that may stand there
    changed = list(digits)
    for at in random.sample(movable, min(len(movable), random.choice((1, 1, 2)))):
        changed[at] = random.choice(allowed(at))
    return "".join(changed)


def other_word(file: Siblings, random: Random) -> str:
    """A word of the file, every other time with other letters."""
    word = random.choice(file.words)
    return word if random.random() < 0.5 else _other_letters(word, random)


def other_phrase(file: Siblings, random: Random) -> str:
    """A string that does not stand in the file, but looks like those that do."""
    alike = [text for text in file.strings if PLAIN.fullmatch(text) and LIKE_A_WORD < len(text) < MOST_LIKE]
    if not alike or random.random() < 0.3:
        return f"{other_word(file, random)}{random.choice(('', ' ', '_'))}{_other_letters(random.choice(file.words), random)}"
    text = random.choice(alike)
    for _ in range(TRIES):
        changed = reworded(text, 0, len(text), file, random)
        if changed is None:
            break
        text = changed
        # What a name of the file says may be what comes out: `f.__name__`.
        if text not in file.strings and folded(text) not in file.words and random.random() < 0.7:
            return text
    return _other_letters(other_word(file, random), random)


def _other_letters(word: str, random: Random) -> str:
    """One letter for another, a vowel for a vowel; two in a long word."""
    changed = list(word)
    for at in random.sample(range(len(word)), 1 + (len(word) > LIKE_A_WORD)):
        letter = word[at].lower()
        pool = [one for one in (VOWELS if letter in VOWELS else CONSONANTS) if one != letter]
        changed[at] = random.choice(pool).upper() if word[at].isupper() else random.choice(pool)
    return "".join(changed)


def _other_letter(word: str, random: Random) -> str:
    """A neighbour, in Unicode, of a letter beyond ASCII."""
    at = random.randrange(len(word))
    code = ord(word[at])
    near = [chr(one) for one in range(max(code - 8, 0x80), min(code + 9, 0x110000)) if one != code]
    alike = [
        one
        for one in near
        if unicodedata.category(one) == unicodedata.category(word[at]) and one.casefold() != word[at].casefold()
    ]
    return f"{word[:at]}{random.choice(alike)}{word[at + 1 :]}" if alike else word
