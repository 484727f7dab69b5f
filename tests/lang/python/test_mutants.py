"""A mutant is the file with one small fault: it compiles, it differs, and nothing else in it is touched."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lang.python.test_masking import modules
from ttc_data.lang.python.mutants import Mutant, mutants
from ttc_data.lang.python.syntax import check_syntax, definitions, line_starts
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
        ("return a(*b, **c)", ("removed_argument", ", **c", "")),
        ("raise ValueError('a')", ("exception_type", "ValueError", "TypeError")),
        ("try: a()\nexcept (A, B): b()", ("exception_type", "(A, B)", "RuntimeError")),
        ("return a[b:c]", ("slice", "b", "")),
        ("return a[b:c]", ("slice", "c", "(c) + 1")),
        ("return a[::b]", ("slice", "b", "-(b)")),
        ("for x in a:\n  if x: break\n  b()", ("loop_control", "break", "continue")),
        ("return any(a)", ("similar_name", "any", "all")),
        ("return a.startswith(b)", ("similar_name", "startswith", "endswith")),
        ("return a if b else 1if c else 0", ("off_by_one", "1", "2 ")),
        ("return a.removeprefix(b)", ("similar_name", "removeprefix", "lstrip")),
        ("return a.removesuffix(b)", ("similar_name", "removesuffix", "rstrip")),
        ("return a.lstrip(b)", ("similar_name", "lstrip", "strip")),
        ("return a.split(b, 1)", ("similar_name", "split", "rsplit")),
        ("return a.split(b)", ("similar_name", "split", "partition")),
        ("return a.rpartition(b)", ("similar_name", "rpartition", "partition")),
        ("return min(a, b)", ("similar_name", "min", "max")),
        ("return sorted(a)", ("similar_name", "sorted", "list")),
        ("return list(a)", ("similar_name", "list", "sorted")),
        ("a.append(b)", ("similar_name", "append", "extend")),
        ("a.extend(b)", ("similar_name", "extend", "append")),
        ("return a.keys()", ("similar_name", "keys", "values")),
        ("return a.items()", ("similar_name", "items", "values")),
        ("return re.fullmatch(a, b)", ("similar_name", "fullmatch", "match")),
        ("x = {b for b in a}; return x", ("similar_name", "{b for b in a}", "[b for b in a]")),
        ("return a is b", ("identity", "is", "==")),
        ("return a == b", ("identity", "==", "is")),
        ("return isinstance(a, b)", ("identity", "isinstance(a, b)", "(type(a) is b)")),
        ("return a is None", ("truthiness", "a is None", "not a")),
        ("return a is not None", ("truthiness", "a is not None", "a")),
        ("if a: b()", ("truthiness", "a", "a is not None")),
        ("if not a.b: b()", ("truthiness", "not a.b", "a.b is None")),
        ("return a[0]", ("first_last", "0", "-1")),
        ("return a[-1]", ("off_by_one", "1", "0")),
        ("return a.pop(0)", ("first_last", "a.pop(0)", "a.pop()")),
        ("return a.pop()", ("first_last", "a.pop()", "a.pop(0)")),
        ("return a[:b]", ("first_last", "a[:b]", "a[b:]")),
        ("return a[b:]", ("first_last", "a[b:]", "a[:b]")),
        ("return a.copy()", ("alias", "a.copy()", "a")),
        ("return dict(a)", ("alias", "dict(a)", "a")),
        ("return copy.copy(a)", ("alias", "copy.copy(a)", "a")),
        ("return a[:]", ("alias", "a[:]", "a")),
        ("return [b for b in a]", ("lazy", "[b for b in a]", "(b for b in a)")),
        ("return (b for b in a)", ("lazy", "(b for b in a)", "[b for b in a]")),
        ("return list(map(a, b))", ("lazy", "list(map(a, b))", "map(a, b)")),
        ("yield from a", ("yielded", "from a", "a")),
        ("yield a", ("yielded", "a", "from a")),
        ("return sorted(a, key=b)", ("mutates", "sorted(a, key=b)", "(a.sort(key=b) or a)")),
        ("return reversed(a)", ("mutates", "reversed(a)", "(a.reverse() or a)")),
        ("return g(normalize(a))", ("skipped_step", "normalize(a)", "a")),
        ("return a.strip()", ("skipped_step", "a.strip()", "a")),
        ("return a.get(b, c)", ("dropped_default", ", c", "")),
        ("return a.get(b)", ("dropped_default", "a.get(b)", "a[b]")),
        ("return getattr(a, b, c)", ("dropped_default", ", c", "")),
        ("return next(a, None)", ("dropped_default", ", None", "")),
        ("return a.split(b, 1)", ("removed_argument", ", 1", "")),
        ("return a.strip(b)", ("removed_argument", "b", "")),
        ("return range(1, a)", ("removed_argument", "1, ", "")),
        ("return f'{a:02x}'", ("format", "02x", "02X")),
        ("return f'{a:02x}'", ("format", "02x", "")),
        ("return a or b", ("missing_case", "a or b", "a")),
        ("return a and(b)", ("missing_case", "a and(b)", "(b)")),
        ("return isinstance(a, (b, c))", ("missing_case", ", c", ",")),
        ("return a in (1, 2, 3)", ("missing_case", ", 3", "")),
        ("return {a: 1, b: 2}", ("missing_case", ", b: 2", ",")),
        ("try: a()\nexcept (A, B): b()", ("missing_case", ", B", ",")),
        ("with suppress(A): b()", ("missing_case", "A", "")),
        ("if a:\n  return b\nreturn c", ("missing_case", "a", "False")),
        ("for x in a:\n  if x: continue\n  b(x)", ("missing_case", "x", "False")),
    ],
)
def test_each_operator_changes_the_smallest_piece_of_text(body: str, change: tuple[str, str, str]) -> None:
    assert change in changes(body)


def test_a_missing_await_gives_something_lazy() -> None:
    assert ("lazy", "await a", "a") in changes("return await a", "async def f(a):")


def test_a_guard_that_the_docstring_speaks_of_is_a_case_of_its_own() -> None:
    body = "'''Give x.\n\n    Raises:\n        KeyError: when there is none.\n    '''\n"
    found = changes(body + "if a: return c\nif b in c: raise KeyError(b)\nreturn c")
    assert ("documented_case", "b in c", "False") in found
    assert ("missing_case", "a", "False") in found


@pytest.mark.parametrize(
    ("header", "body", "new"),
    [
        ("def f(a, b=2):", "return a + b", "b = 2; return"),
        ("def f(a, *, b=None):", "'Doc.'\nreturn a + b", "b = None; return"),
        ("def f(a, b=()):", "if b: a()\nreturn a", "b = ()\n    if"),
        ("def f(a, b: bool):", "for x in b: a()", "b = False\n    for"),
        ("def f(a, b: str | None):", "'Doc.'; return a + b", "b = None; return"),
    ],
)
def test_a_parameter_that_is_ignored_always_has_its_default(header: str, body: str, new: str) -> None:
    assert {change[2] for change in changes(body, header) if change[0] == "ignored_parameter"} == {new}


@pytest.mark.parametrize("header", ["def f(a, b):", "def f(a, b=g(1)):", "def f(a, c=1):", "def f(a, *b):"])
def test_a_parameter_of_which_nothing_is_known_is_not_replaced(header: str) -> None:
    assert not [change for change in changes("return a + b", header) if change[0] == "ignored_parameter"]


def test_a_function_on_one_line_can_ignore_a_parameter_too() -> None:
    assert "def f(a=1): a = 1; return a\n" in {mutant.text for mutant in of("def f(a=1): return a\n")}


@pytest.mark.parametrize(
    ("body", "change"),
    [
        ("return a.split(b)", ("similar_name", "split", "rsplit")),
        ("return ''.join([b for b in a])", ("lazy", "[b for b in a]", "(b for b in a)")),
        ("return a == 1", ("identity", "==", "is")),
        ("return a is True", ("identity", "is", "==")),
        ("raise ValueError(a)", ("skipped_step", "ValueError(a)", "a")),
        ("return len(a)", ("skipped_step", "len(a)", "a")),
    ],
)
def test_what_would_change_nothing_or_is_no_mistake_of_that_kind_is_not_made(
    body: str, change: tuple[str, str, str]
) -> None:
    assert change not in changes(body)


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
