"""A mutant is the file with one small fault: it compiles, it differs, and nothing else in it is touched."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_masking import modules
from ttc_data.lang.mutants import Mutant, mutants
from ttc_data.lang.python import check_syntax, definitions, line_starts
from ttc_data.records import Span

ALL = 10**6


def bodies(text: str) -> list[Span]:
    return [body for found in definitions(text.encode()) if not found.nested_in_function for body in found.bodies]


def of(text: str, most: int = ALL, seed: int = 0) -> list[Mutant]:
    return mutants(text, bodies(text), most, Random(seed))


def changes(body: str, header: str = "def f(a, b, c):") -> set[tuple[str, str, str]]:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return {(mutant.operator, mutant.old, mutant.new) for mutant in of(f"{header}\n{lines}")}


def offset_of(text: str, mutant: Mutant) -> int:
    """Where the one change is: the only place of `old` on its line that explains the mutant's text."""
    start = line_starts(text.encode())[mutant.line - 1]
    for offset in range(len(text.encode()[:start].decode()), len(text) + 1):
        rest = text[offset + len(mutant.old) :]
        if text.startswith(mutant.old, offset) and text[:offset] + mutant.new + rest == mutant.text:
            return offset
    raise AssertionError(mutant)


@settings(deadline=None, max_examples=40)
@given(modules(), st.integers(0, 3))
def test_a_mutant_compiles_differs_and_is_byte_exact_outside_its_one_change(module: bytes, seed: int) -> None:
    text = module.decode()
    spans = bodies(text)
    found = mutants(text, spans, 8, Random(seed))
    assert found == mutants(text, spans, 8, Random(seed))
    assert len({mutant.text for mutant in found} - {text}) == len(found) <= 8
    for mutant in found:
        check_syntax(mutant.text.encode())
        at = len(text[: offset_of(text, mutant)].encode())
        end = at + len(mutant.old.encode())
        assert any(start <= at and end <= last for start, last in spans)
        before, after = definitions(module), definitions(mutant.text.encode())
        assert [(d.qualname, d.docstring, d.decorators, d.signature) for d in before if not d.nested_in_function] == [
            (d.qualname, d.docstring, d.decorators, d.signature) for d in after if not d.nested_in_function
        ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_layout_marks_and_letters_of_two_bytes_stay(newline: str, mark: str) -> None:
    source = "ü = 'ß'\n\x0cclass A:\n\tdef é(self, ä):\n\t\t'Döc.'\n\t\tö = 'ß' ; ö += ä\n\t\treturn ö < 3\n"
    text = mark + source.replace("\n", newline)
    found = of(text)
    assert {(5, "+=", "-="), (6, "<", ">="), (6, "3", "4"), (5, "'ß'", "'XXß'")} <= {
        (mutant.line, mutant.old, mutant.new) for mutant in found
    }
    for mutant in found:
        at = offset_of(text, mutant)
        assert text[:at] == mutant.text[:at]


@pytest.mark.parametrize(
    ("body", "change"),
    [
        ("return a == b", ("comparison", "==", "!=")),
        ("return a < b", ("comparison", "<", ">=")),
        ("return a is  not b", ("comparison", "is  not", "is")),
        ("return a not in b", ("comparison", "not in", "in")),
        ("return a > b", ("boundary", ">", ">=")),
        ("return a + b", ("arithmetic", "+", "-")),
        ("return a // b", ("arithmetic", "//", "/")),
        ("a **= b", ("arithmetic", "**=", "*=")),
        ("return -a", ("arithmetic", "-a", "a")),
        ("return a and b", ("boolean", "and", "or")),
        ("return not (a or b)", ("boolean", "not (a or b)", "(a or b)")),
        ("return(True)", ("boolean", "True", "False")),
        ("if a: b()", ("boolean", "a", "not (a)")),
        ("if(a): b()", ("boolean", "a", "not (a)")),
        ("return 'x'", ("constant", "'x'", "''")),
        ("return b''", ("constant", "b''", "b'XX'")),
        ("return f'{a}'", ("constant", "f'{a}'", '""')),
        ("return 'a' 'b'", ("constant", "'a' 'b'", '""')),
        ("return 2.5", ("constant", "2.5", "3.5")),
        ("a(None)", ("constant", "None", "0")),
        ("return []", ("constant", "[]", "[None]")),
        ("return (a, b)", ("constant", "(a, b)", "()")),
        ("return a[1]", ("off_by_one", "1", "2")),
        ("return a[1]", ("off_by_one", "1", "0")),
        ("return range(a)", ("off_by_one", "a", "(a) + 1")),
        ("return len(a)", ("off_by_one", "len(a)", "(len(a) - 1)")),
        ("return a", ("return_value", "a", "None")),
        ("return None\na()", ("return_value", "None", "0")),
        ("yield a", ("return_value", "a", "None")),
        ("a()", ("removed_statement", "a()", "pass")),
        ("a = b; c(a)", ("removed_statement", "a = b", "pass")),
        ("a += b\nreturn a", ("removed_statement", "a += b", "pass")),
        ("raise a", ("removed_statement", "raise a", "pass")),
        ("if a:\n  b()\nelif c:\n  c()", ("removed_branch", "c", "False")),
        ("if a:\n  b()\nelse:\n  c()", ("removed_branch", "else:\n      c()", "")),
        ("for x in a: b(x)", ("removed_branch", "a", "()")),
        ("match a:\n  case 1: b()\n  case _: c()", ("removed_branch", "1", "1 if False")),
        ("return a(b, c)", ("swapped_arguments", "b, c", "c, b")),
        ("return a(b, c=c)", ("removed_argument", ", c=c", "")),
        ("raise ValueError('a')", ("exception_type", "ValueError", "TypeError")),
        ("try: a()\nexcept (A, B): b()", ("exception_type", "(A, B)", "RuntimeError")),
        ("return a[b:c]", ("slice", "b", "")),
        ("return a[b:c]", ("slice", "c", "(c) + 1")),
        ("return a[::b]", ("slice", "b", "-(b)")),
        ("for x in a:\n  if x: break\n  b()", ("loop_control", "break", "continue")),
        ("return any(a)", ("similar_name", "any", "all")),
        ("return a.startswith(b)", ("similar_name", "startswith", "endswith")),
        ("return a if b else 1if c else 0", ("off_by_one", "1", "2 ")),
    ],
)
def test_each_operator_changes_the_smallest_piece_of_text(body: str, change: tuple[str, str, str]) -> None:
    assert change in changes(body)


@pytest.mark.parametrize(
    "body",
    [
        "'text as a statement'",
        "logger.info('sent %s', 3 + 4)",
        "self._log.debug('x')",
        "def g(a: 1 = 2, *, b: 'x' = 'y') -> 3: pass",
        "@g(1)\ndef h(): 'Doc.'",
        "if TYPE_CHECKING:\n  x = 1",
        "x: int",
        "import os",
    ],
)
def test_text_that_decides_nothing_is_left_alone(body: str) -> None:
    assert changes(body) == set()


@pytest.mark.parametrize(
    "body", ["raise A('no', f'{a + 1}')", "warnings.warn('no')", "assert a, 'no'", "x = cast('no', a)"]
)
def test_wording_and_types_are_left_alone(body: str) -> None:
    assert not [change for change in changes(body) if change[0] in ("constant", "arithmetic")]


def test_assignment_targets_are_never_emptied() -> None:
    found = changes("[x, (y, z)] = a\nfor (x, y) in b: pass\nreturn x, y")
    assert {old for operator, old, _ in found if operator == "constant"} == {"x, y"}


def test_changes_that_compile_to_the_same_bytecode_count_once() -> None:
    """Removing the last statement of a loop that only goes on is no fault."""
    assert changes("for x in a:\n  b(x)\n  continue") >= {("loop_control", "continue", "break")}
    assert ("loop_control", "continue", "pass") not in changes("for x in a:\n  b(x)\n  continue")
    assert ("removed_statement", "return", "pass") not in changes("a()\nreturn")
    assert {change for change in changes("return None") if change[0] != "constant"} == {("return_value", "None", "0")}


def test_a_change_that_does_not_compile_is_dropped() -> None:
    assert ("removed_branch", "finally:\n      b()", "") not in changes("try:\n  a()\nfinally:\n  b()")


def test_a_few_of_many_cover_the_body_and_the_operators() -> None:
    text = (
        "def f(a, b):\n"
        + "".join(f"    x{i} = a[{i}] + b if a < b else not a\n" for i in range(60))
        + "    return x1\n"
    )
    every, few = of(text), of(text, 20)
    assert len(every) > 300
    assert len(few) == 20
    lines = [mutant.line for mutant in few]
    assert lines == sorted(set(lines))
    assert max(b - a for a, b in zip([1, *lines], [*lines, 62], strict=True)) <= 8
    operators = {mutant.operator for mutant in few}
    assert {"comparison", "boundary", "arithmetic", "boolean", "off_by_one", "removed_branch"} <= operators
    assert set(few) <= set(every)
    assert few == of(text, 20)
    assert few != of(text, 20, seed=1)


def test_none_are_made_where_none_are_asked_for() -> None:
    text = "def f(a):\n    return a + 1\n\ndef g(a):\n    return a - 1\n"
    assert of(text, 0) == []
    assert mutants(text, [], ALL, Random(0)) == []
    assert {mutant.line for mutant in mutants(text, bodies(text)[1:], ALL, Random(0))} == {5}


def test_a_span_outside_functions_is_read_with_the_whole_file() -> None:
    text = "\ufeffx = 1\ny = 'é' < x\n"
    assert {mutant.line for mutant in mutants(text, [(3, len(text.encode()))], ALL, Random(0))} == {1, 2}


def test_a_file_that_does_not_parse_is_a_syntax_error() -> None:
    with pytest.raises(SyntaxError):
        mutants("def f(:\n", [(0, 5)], 1, Random(0))


def test_invalid_escapes_and_odd_comparisons_warn_nobody() -> None:
    assert changes("return a is 1 or '\\d'")
