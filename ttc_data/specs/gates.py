"""What a specification by a model must be before anybody is given it. Nothing here runs anything."""

from __future__ import annotations

import ast
import builtins
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ttc_data.lang.python import syntax
from ttc_data.lang.python.facts import Node, definition_nodes
from ttc_data.records import Target
from ttc_data.rules import SpecRules
from ttc_data.specs.draft import Draft
from ttc_data.specs.grams import overlap

GATES = (
    "model_refused_prompt", "model_answer_empty", "model_answer_cut", "model_answer_is_no_spec", "spec_invents_parameter",
    "spec_omits_parameter", "spec_invents_exception", "spec_too_short", "spec_too_long", "spec_is_no_english",
    "spec_repeats_itself", "spec_repeats_the_question", "spec_names_a_local", "spec_quotes_body", "spec_example_is_no_call", "spec_example_fails",
    "spec_judged_unfaithful",
)  # fmt: skip
"""All that a spec can be stopped for, in the order in which it is looked for."""
WORDS = {"low": (12, 400), "medium": (25, 900), "high": (50, 1_800)}
"""Fewest and most words, by the detail that was asked for."""
RECEIVERS = frozenset(("self", "cls"))
GRAM = 5
MOST_REPEATS = 0.3
"""Share of a text's runs of five words that may stand in it more than once, or in the question."""
LEAST_ASCII = 0.9
LEAST_COMMON = 0.1
"""Share of an English text's words that are among its commonest."""
COMMON = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "to",
        "in",
        "is",
        "it",
        "and",
        "or",
        "for",
        "that",
        "this",
        "with",
        "as",
        "by",
        "be",
        "are",
        "if",
        "not",
        "on",
        "from",
        "at",
        "which",
        "when",
        "where",
        "its",
        "each",
        "any",
        "no",
        "all",
        "one",
        "will",
        "must",
        "can",
        "returns",
        "given",
        "than",
        "has",
    ]
)
_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Defect:
    """Why a specification is not used."""

    reason: str
    detail: str


def defects(
    draft: Draft, text: str, target: Target, original: bytes, question: str, rules: SpecRules
) -> Iterator[Defect]:
    """Find what is wrong with a specification, the cheapest checks first.

    Args:
        draft: its parts.
        text: what the solver would read.
        target: what it describes.
        original: the target's whole file.
        question: what the model was told of how to answer, without the target.
        rules: the recipe's.
    """
    node = definition(target, original)
    yield from _parameters(draft, node)
    yield from _errors(draft, original)
    yield from _length(text, rules)
    yield from _language(text)
    yield from _repeats(text)
    yield from _repeats_the_question(text, question)
    yield from _identifiers(text, target, node)
    share, line = overlap(target, original, text)
    if share > rules.max_overlap:
        yield Defect("spec_quotes_body", f"{share:.2f} of the body's code, at most {rules.max_overlap:g}: {line}")
    for one in draft.examples:
        if not _calls(one.call.removeprefix(">>> "), target):
            yield Defect("spec_example_is_no_call", one.call[:200])
            break


def definition(target: Target, original: bytes) -> Node:
    """The syntax tree of a target in its file."""
    names = target.qualname.replace("<locals>.", "").split(".")
    first = bisect_right(syntax.line_starts(original), target.span[0])
    for node in ast.walk(syntax.parse(original)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == names[-1]:
            starts = [node.lineno, *(one.lineno for one in node.decorator_list)]
            if min(starts) == first:
                return node
    raise ValueError(f"{target.path}: no {target.qualname} at line {first}")


def _arguments(node: Node) -> set[str]:
    functions = [node] if not isinstance(node, ast.ClassDef) else list(definition_nodes(node.body))
    return {
        one.arg
        for function in functions
        if not isinstance(function, ast.ClassDef)
        for one in ast.walk(function.args)
        if isinstance(one, ast.arg)
    }


def _parameters(draft: Draft, node: Node) -> Iterator[Defect]:
    named = [re.sub(r"^[*`]+|[`:]+$", "", one.name).split("=")[0].strip() for one in draft.parameters]
    known = _arguments(node)
    allowed: set[str] | None = known
    needed: set[str] = set()
    if isinstance(node, ast.ClassDef):
        fields = {
            one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        }
        # The parameters of what it inherits from are not in sight.
        allowed = known | fields if not node.bases else None
    else:
        # What stands behind stars a text may tell of in other words.
        needed = known - RECEIVERS - {one.arg for one in (node.args.vararg, node.args.kwarg) if one}
        if node.args.kwarg:
            allowed = None  # whatever it passes on
    if allowed is not None and (invented := [one for one in named if one and one not in allowed]):
        yield Defect(
            "spec_invents_parameter", f"{invented[0]!r}, the signature has {', '.join(sorted(known)) or 'none'}"
        )
    if missing := sorted(needed - set(named)):
        yield Defect("spec_omits_parameter", missing[0])


def _errors(draft: Draft, original: bytes) -> Iterator[Defect]:
    known = set(_IDENTIFIER.findall(original.decode("utf-8", "replace"))) | set(dir(builtins))
    for one in draft.errors:
        name = one.exception.strip("`").rpartition(".")[2]
        if _IDENTIFIER.fullmatch(name) and name not in known:
            yield Defect("spec_invents_exception", name)
            return


def _length(text: str, rules: SpecRules) -> Iterator[Defect]:
    least, most = WORDS[rules.detail]
    count = len(text.split())
    if count < least:
        yield Defect("spec_too_short", f"{count} words, at least {least} with spec.detail={rules.detail}")
    elif count > most:
        yield Defect("spec_too_long", f"{count} words, at most {most} with spec.detail={rules.detail}")


def _language(text: str) -> Iterator[Defect]:
    prose = "\n".join(line for line in text.splitlines() if not line.startswith((">>>", "...")))
    letters = [one for one in prose if one.isalpha()]
    ascii_share = sum(one.isascii() for one in letters) / len(letters) if letters else 1.0
    words = [word.lower() for word in _WORD.findall(prose)]
    common = sum(word in COMMON for word in words) / len(words) if words else 0.0
    if ascii_share < LEAST_ASCII or (words and common < LEAST_COMMON):
        yield Defect("spec_is_no_english", f"{ascii_share:.2f} ASCII letters, {common:.2f} common words")


def _repeats(text: str) -> Iterator[Defect]:
    words = text.split()
    grams = Counter(zip(*(words[start:] for start in range(GRAM)), strict=False))
    total = sum(grams.values())
    repeated = sum(count - 1 for count in grams.values())
    if total and repeated / total > MOST_REPEATS:
        ((gram, count),) = grams.most_common(1)
        yield Defect("spec_repeats_itself", f"{count} times: {' '.join(gram)}")


def _repeats_the_question(text: str, question: str) -> Iterator[Defect]:
    """A model that is too small gives its instructions back, or the example in them."""

    def grams(of: str) -> list[tuple[str, ...]]:
        words = re.findall(r"\w+", of.lower())
        return list(zip(*(words[start:] for start in range(GRAM)), strict=False))

    asked, said = set(grams(question)), grams(text)
    same = [gram for gram in said if gram in asked]
    if said and len(same) / len(said) > MOST_REPEATS:
        yield Defect("spec_repeats_the_question", f"{len(same) / len(said):.2f} of it: {' '.join(same[0])}")


def _identifiers(text: str, target: Target, node: Node) -> Iterator[Defect]:
    """Names that only the body has: those in code quotes, and those that are no words of a language."""
    bound = {
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store) and len(one.id) > 2
    }
    local = bound - _arguments(node) - set(_IDENTIFIER.findall(target.docstring))
    quoted = {name for part in _QUOTED.findall(text) for name in _IDENTIFIER.findall(part)}
    written = {name for name in _IDENTIFIER.findall(text) if "_" in name}
    if found := sorted(local & (quoted | written)):
        yield Defect("spec_names_a_local", ", ".join(found))


def _calls(call: str, target: Target) -> bool:
    """Whether a text is Python that uses the target."""
    try:
        tree = syntax.parse(call.encode("utf-8", "replace"))
    except SyntaxError:
        return False
    *outer, name = target.qualname.split(".")
    names = {
        one.attr if isinstance(one, ast.Attribute) else one.id
        for one in ast.walk(tree)
        if isinstance(one, (ast.Attribute, ast.Name))
    }
    # A special method is called by what it stands for: `+`, `len`, `with`.
    return name in names or (name.startswith("__") and bool(outer) and outer[-1] in names)
