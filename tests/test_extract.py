import pytest

from ttc_data.extract import CHECKS, extract
from ttc_data.keys import content_key
from ttc_data.records import Reject, Source, Target
from ttc_data.rules import ExtractRules

SOURCE = Source("git", "owner/name", "1", "MIT", "git:x", "tree", 1, 1, "")
DOC = '"""Add two numbers and say the sum."""'
GOOD = f"def add(a, b):\n    {DOC}\n    total = a + b\n    return total\n"


def extracted(path: str, text: str | bytes, rules: ExtractRules | None = None) -> list[Target | Reject]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(extract(SOURCE, [(path, data)], rules or ExtractRules()))


def reject(path: str, text: str | bytes, rules: ExtractRules | None = None) -> Reject:
    (found,) = extracted(path, text, rules)
    assert isinstance(found, Reject)
    return found


def test_a_documented_function_becomes_a_target() -> None:
    (target,) = extracted("pkg/mod.py", GOOD)
    assert isinstance(target, Target)
    assert (target.qualname, target.kind, target.signature) == ("add", "function", "def add(a, b):")
    assert target.docstring == "Add two numbers and say the sum."
    assert GOOD[slice(*target.docstring_span)] == DOC
    assert [GOOD[slice(*body)] for body in target.bodies] == ["    total = a + b\n    return total"]
    assert target.body_lines == ((3, 4),)


def test_a_file_in_latin_1_that_says_so_is_read_as_python_reads_it() -> None:
    cafe = GOOD.replace("total", "caf\xe9").replace("Add two", "Ajout\xe9: add two")
    (target,) = extracted("pkg/mod.py", f"# coding: latin-1\n{cafe}".encode("latin-1"))
    assert isinstance(target, Target)
    assert target.docstring == "Ajout\xe9: add two numbers and say the sum."
    assert reject("pkg/mod.py", cafe.encode("latin-1")).reason == "not_utf8"


def test_a_definition_without_docstring_is_not_counted() -> None:
    assert extracted("pkg/mod.py", "def f(a):\n    b = a\n    return b\n") == []


def body(code: str, docstring: str = DOC, head: str = "def f(a, b=1):", above: str = "") -> str:
    return f"{above}{head}\n    {docstring}\n    {code}\n"


TWO = "x = a\n    return x"


CASES: list[tuple[str, str, ExtractRules | None]] = [
    ("kind_not_wanted", GOOD, ExtractRules(kinds=("class",))),
    ("nested_in_function", f"def outer():\n  def f(a):\n    {DOC}\n    b = a\n    return b\n", None),
    ("overload_stub", body("...", above="@overload\n"), None),
    ("abstract_or_stub", body("raise NotImplementedError('later')"), None),
    ("abstract_or_stub", body(TWO, above="@abc.abstractmethod\n"), None),
    ("docstring_too_short", body(TWO, '"""Add it up all."""'), None),
    ("docstring_too_long", GOOD, ExtractRules(max_docstring_chars=10)),
    ("docstring_without_prose", body(TWO, '"""\n    >>> some_long_example(of, it, all)\n    1\n    """'), None),
    ("docstring_without_prose", body(TWO, '"""TODO: write down what this function is for."""'), None),
    ("docstring_not_unicode", body(TWO, '"""Add two numbers and say \\ud800 it."""'), None),
    ("dunder_method", body(TWO, head="def __add__(a, b):"), None),
    ("private_name", body(TWO, head="def _f(a, b):"), ExtractRules(allow_private=False)),
    ("property_boilerplate", body("return a.b", above="@property\n"), None),
    ("trivial_wrapper", body("return g(a, b=b)"), None),
    ("body_too_short", body("return a + b"), None),
    ("body_too_long", GOOD, ExtractRules(max_body_lines=1)),
    ("complexity_too_low", GOOD, ExtractRules(min_complexity=2)),
    ("complexity_too_high", body("if a:\n        return 1\n    return 2"), ExtractRules(max_complexity=1)),
    ("nothing_to_mask", f"class A:\n    {DOC}\n    x = 1\n    def f(self): ...\n", None),
]


@pytest.mark.parametrize(("reason", "text", "rules"), CASES)
def test_each_rule_drops_with_a_reason_of_its_own(reason: str, text: str, rules: ExtractRules | None) -> None:
    found = reject("pkg/mod.py", text, rules)
    assert (found.reason, found.stage) == (reason, "extract")
    assert found.detail
    assert found.subject.startswith("pkg/mod.py::")


def test_every_rule_is_tried_above() -> None:
    """A rule without a case would go untested in silence."""
    assert {reason for reason, _, _ in CASES} == set(CHECKS)


def test_the_first_broken_rule_is_the_reason() -> None:
    found = reject("pkg/mod.py", "def __f__():\n    'No.'\n    return g()\n")
    assert (found.reason, found.detail) == ("docstring_too_short", "3 characters, at least 20")


def test_a_reject_has_the_key_of_the_target_it_would_have_been() -> None:
    (target,) = extracted("pkg/mod.py", GOOD)
    assert reject("pkg/mod.py", GOOD, ExtractRules(min_complexity=9)).key == target.key


@pytest.mark.parametrize(
    ("reason", "path", "text", "rules"),
    [
        ("not_utf8", "pkg/mod.py", b"x = '\xff'\n", None),
        ("file_does_not_parse", "pkg/mod.py", "def f(:\n", None),
        ("file_does_not_parse", "pkg/mod.py", "x = '\0'", None),
        ("file_too_large", "pkg/mod.py", GOOD, ExtractRules(max_file_bytes=10)),
        ("generated_file", "pkg/mod.py", "# Code generated by protoc. DO NOT EDIT.\n" + GOOD, None),
        ("generated_file", "pkg/mod.py", "# coding: utf-8\r\n# This file is automatically generated.\r\n" + GOOD, None),
        ("generated_file", "pkg/mod.py", '"""Autogenerated parser tables."""\n' + GOOD, None),
        ("vendored_file", "pkg/_vendor/mod.py", GOOD, None),
        ("vendored_file", "third_party/mod.py", GOOD, None),
        ("excluded_path", "pkg/compat/mod.py", GOOD, ExtractRules(exclude_paths=("pkg/compat/*",))),
        ("test_file", "tests/helpers.py", GOOD, None),
        ("test_file", "pkg/test_mod.py", GOOD, None),
        ("not_library_code", "setup.py", GOOD, None),
        ("not_library_code", "docs/conf.py", GOOD, None),
        ("not_library_code", "benchmarks/mod.py", GOOD, None),
    ],
)
def test_a_file_that_is_left_out_is_one_reject(
    reason: str, path: str, text: str | bytes, rules: ExtractRules | None
) -> None:
    found = reject(path, text, rules)
    assert (found.reason, found.subject) == (reason, path)
    assert found.key == content_key(SOURCE.key, path)
    assert "\n" not in found.detail


@pytest.mark.parametrize("text", ["def test_a():\n    assert 1\n", "def broken(:\n", b"\xff"])
def test_a_test_file_without_documented_definitions_is_not_counted(text: str | bytes) -> None:
    assert extracted("tests/test_mod.py", text) == []


@pytest.mark.parametrize("text", ["# Values generated by the parser.\n", '"""Work on files generated by hand."""\n'])
def test_prose_about_generating_does_not_make_a_file_generated(text: str) -> None:
    (target,) = extracted("pkg/mod.py", text + GOOD)
    assert isinstance(target, Target)


def test_the_order_of_the_files_does_not_change_the_results() -> None:
    files = [("b.py", GOOD.encode()), ("a.py", GOOD.encode()), ("c.txt", b"\xff"), ("c.py", b"(")]
    results = list(extract(SOURCE, files, ExtractRules()))
    assert results == list(extract(SOURCE, reversed(files), ExtractRules()))
    assert [r.path if isinstance(r, Target) else r.subject for r in results] == ["a.py", "b.py", "c.py"]
