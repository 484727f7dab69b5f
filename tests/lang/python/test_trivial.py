"""A definition is trivial when it computes nothing, however it is formatted."""

from __future__ import annotations

import pytest

from ttc_data.lang.python.trivial import is_trivial


def function(body: str, header: str = "def f(self, value: int, *rest, key=None, **more) -> str:") -> str:
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    return f"class A(B):\n    {header}\n        'Doc.'\n{lines}"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "pass",
        "...",
        "raise NotImplementedError",
        "raise ValueError(f'{value} is wrong') from None",
        "return",
        "return None",
        "return value",
        "return self",
        "return more",
        "return (value)  # as it is",
        "pass; return key",
        "return 0",
        "return -1.5",
        "return 1 - 2j",
        "return '#0099cc'",
        "return f''",
        "return not True",
        "return []",
        "return dict()",
        "return iter(())",
        "return {'a': 1, 'b': [2]}",
        "return None, None",
        "return value, key",
        "return [*rest]",
        "return str(value)",
        "return NotImplemented",
        "return RGB(red=255, green=255, blue=255)",
        "return super().f(value, *rest, key=key, **more)",
        "return super(A, self).f(value)",
        "return B.f(self, value)",
        "super().f(value)",
        "return super().f",
        "return value\nreturn value + 1",
        "return\nyield",
        "yield",
        "yield from rest",
        "yield value",
    ],
)
def test_a_body_that_computes_nothing_is_trivial(body: str) -> None:
    assert is_trivial(function(body), "A.f")
    assert is_trivial(function(body).replace("'Doc.'", "pass").replace("\n", "\r\n"), "A.f")


@pytest.mark.parametrize(
    "body",
    [
        "return value + 1",
        "return other",
        "return self.value",
        "return f'{value}'",
        "return RGB(value)",
        "return convert(value)",
        "return str(value.x)",
        "return super().g(value)",
        "return super().f(value + 1)",
        "return C.f(self, value)",
        "if value:\n    return 1\nreturn 2",
        "value = 1\nreturn value",
        "for one in rest:\n    yield one",
        "self.value = value",
        "return lambda: value",
        "value.x()",
        "raise_(value)",
    ],
)
def test_a_body_that_computes_something_is_not(body: str) -> None:
    assert not is_trivial(function(body), "A.f")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class A(B): pass", True),
        ("class A(B):\n    'Doc.'\n    x: int = 1\n    __slots__ = ('x',)", True),
        ("class A(B):\n    def f(self): pass\n    async def g(self): return await super().g()", True),
        ("class A:\n    class C:\n        def f(self): return self", True),
        ("class A(B):\n    def f(self): pass\n    def g(self): return 1 + self.x", False),
        ("class A:\n    class C:\n        def f(self): return self.x", False),
        ("class A:\n    f = lambda self: self.x", False),
        ("class A:\n    if X:\n        def f(self): return self.x", False),
    ],
)
def test_a_class_is_trivial_when_all_its_methods_are(text: str, expected: bool) -> None:
    assert is_trivial(text, "A") is expected


def test_a_name_that_is_bound_to_a_lambda_is_a_function() -> None:
    assert is_trivial("f = lambda x: x", "f")
    assert not is_trivial("f = lambda x: x + 1", "f")


def test_of_several_definitions_of_a_name_all_must_be_trivial() -> None:
    text = "try:\n    def f(x): return x\nexcept E:\n    def f(x): return x + 1\n"
    assert not is_trivial(text, "f")
    assert is_trivial(text.replace("x + 1", "0"), "f")


def test_overloads_and_a_propertys_setter_do_not_count() -> None:
    text = "class A:\n    @property\n    def f(self): {}\n    @f.setter\n    def f(self, value): self.x = value\n"
    assert is_trivial(text.format("return self"), "A.f")
    assert not is_trivial(text.format("return self.x"), "A.f")
    assert not is_trivial("@overload\ndef f(x): ...\ndef f(x): return x + 1\n", "f")


def test_what_is_not_there_is_not_trivial() -> None:
    assert not is_trivial("def f(:", "f")
    assert not is_trivial("def g(): pass", "f")
    assert not is_trivial("def f(): pass", "A.f")
    assert not is_trivial("class A: pass", "A.f")
