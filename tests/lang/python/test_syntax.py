import ast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ttc_data.lang.python.syntax import Definition, check_syntax, definitions, indent_of, is_test_path, string_literal


def one(source: bytes) -> Definition:
    (found,) = definitions(source)
    return found


def body_of(source: bytes) -> bytes:
    (span,) = one(source).bodies
    return source[slice(*span)]


@given(st.binary())
@example(b"\xef\xbb\xbf\xef\xbb\xbfx = 1")
@example(b"x = '\0'")
@example("# -*- coding: latin-1 -*-\nx = 'é'".encode())
@example(b"(" * 5_000)
@example(b"x = " + b"-" * 100_000 + b"1")
@example(b"x" + b".a" * 50_000)
def test_no_bytes_raise_anything_but_a_syntax_error(source: bytes) -> None:
    for read in (definitions, check_syntax):
        try:
            read(source)
        except SyntaxError:
            continue


# fmt: off
PIECES = [
    "def f():", "class A:", "\n", "\r", "\f", "\t", "    ", "@d", "'''", '"doc"', "\\", ";", "#", "é", "return", "async ", "(",
    ")", ":", "x",
]
# fmt: on


@given(st.lists(st.sampled_from(PIECES)))
def test_no_text_made_of_code_raises_anything_but_a_syntax_error(pieces: list[str]) -> None:
    try:
        definitions("".join(pieces).encode())
    except SyntaxError:
        return


def test_offsets_count_bytes_after_a_byte_order_mark_and_letters_of_two_bytes() -> None:
    source = "\ufeffü = 'ß'; é = 1\r\ndef naïve(ä=\"ö\"):\r\n\t'''Döc.'''\r\n\treturn 'ß'\r\n".encode()
    found = one(source)
    assert found.signature == 'def naïve(ä="ö"):'
    assert found.docstring_span is not None
    assert source[slice(*found.docstring_span)].decode() == "'''Döc.'''"
    assert body_of(source).decode() == "\treturn 'ß'"
    assert found.indent == "\t"
    assert source[slice(*found.span)].startswith(b"def")
    assert found.span[1] == len(source) - 2


def test_a_lone_carriage_return_ends_a_line_and_a_form_feed_does_not() -> None:
    source = b"\x0cdef f():\r    'doc'\r    x = 1\x0c\r    return x\r"
    assert body_of(source) == b"    x = 1\x0c\r    return x"
    assert one(source).body_lines == ((3, 4),)


def test_comments_between_docstring_and_first_statement_belong_to_the_body() -> None:
    """They often say how the body works."""
    source = (
        b'def f():\n    """Doc."""  # kept\n\n    # sort first\n    return 1  # then answer\n\n    # done\n# not ours\n'
    )
    assert body_of(source) == b"\n    # sort first\n    return 1  # then answer\n\n    # done"
    assert source[slice(*one(source).span)].endswith(b"# done")


def test_a_comment_less_deep_than_the_body_stays_outside() -> None:
    source = b"class A:\n    def f(self):\n        return 1\n    # about g\n    g = 2\n"
    (start, end) = definitions(source)[1].bodies[0]
    assert source[start:end] == b"        return 1"


@pytest.mark.parametrize(
    ("source", "body"),
    [
        (b'def f(): "doc"; return 1', b"return 1"),
        (b'def f(): "doc"; \\\n  return 1\n', b"return 1"),
        (b'def f():\n    "doc"; x = 1\n    return x', b"x = 1\n    return x"),
        (b'def f():\n    "doc";\n    return 1;', b"    return 1;"),
        (b"def f(): return 1  # why\n    # not ours\n", b"return 1  # why"),
        (b"def f(a=lambda: {1: 2}, *, b: 'x:' = (3)  # ):\n  ) -> (int):  # c:\n    return 1", b"    return 1"),
        (b'def f():\n    ("do"\n     "c")\n    return 1', b"    return 1"),
    ],
)
def test_a_body_starts_after_the_docstring_and_ends_with_its_last_line(source: bytes, body: bytes) -> None:
    assert body_of(source) == body


def test_a_span_starts_at_the_first_decorator_even_when_its_expression_stands_below() -> None:
    source = b"x = 1\n@(\n    # a@b\n    first\n)\n@second(1)\nasync def f():\n    'Doc.'\n"
    found = one(source)
    assert source[slice(*found.span)].startswith(b"@(")
    assert found.decorators == ("first", "second(1)")
    assert found.signature == "async def f():"
    assert found.is_async
    assert found.bodies == ()


def test_definitions_in_blocks_count_and_those_in_functions_are_flagged() -> None:
    source = b"""
try:
    import x
except ImportError:
    def a(): pass
else:
    class B:
        if True:
            def c(self):
                def d(): pass
                class E:
                    def g(self): pass
"""
    found = {d.qualname: (d.kind, d.nested_in_function) for d in definitions(source)}
    assert found == {
        "a": ("function", False),
        "B": ("class", False),
        "B.c": ("method", False),
        "B.c.<locals>.d": ("function", True),
        "B.c.<locals>.E": ("class", True),
        "B.c.<locals>.E.g": ("method", True),
    }


def test_a_class_hides_the_bodies_of_its_methods_and_leaves_stubs() -> None:
    source = b'''class A:
    """Doc."""
    x = 1
    def keep(self): ...
    def only_doc(self):
        """Doc."""
    @abstractmethod
    def abstract(self):
        return 1
    def one(self):
        """Doc."""
        return 1
    class B:
        def two(self):
            if 1 and 2:
                return 2
'''
    whole = definitions(source)[0]
    assert [source[slice(*body)].strip() for body in whole.bodies] == [
        b"return 1",
        b"if 1 and 2:\n                return 2",
    ]
    assert whole.body_lines == ((12, 12), (15, 16))
    assert (whole.code_lines, whole.complexity) == (3, 3)


@pytest.mark.parametrize(
    ("body", "complexity"),
    [
        ("return 1", 1),
        ("if a:\n  pass\n elif b:\n  pass\n else:\n  pass", 3),
        ("return [x for x in a if x if b]", 4),
        ("return a and b or c", 3),
        ("try:\n  pass\n except A:\n  pass\n except B:\n  pass", 3),
        ("match a:\n  case 1:\n   pass\n  case _:\n   pass", 3),
        ("while a:\n  for x in a:\n   return x if a else b", 4),
    ],
)
def test_complexity_counts_the_ways_through(body: str, complexity: int) -> None:
    assert one(f"def f(a):\n {body}\n".encode()).complexity == complexity


def test_lines_of_a_text_count_as_code_and_comments_do_not() -> None:
    source = b'def f():\n    # no\n\n    x = """\n# yes\n\n    """\n    return x\n'
    assert one(source).code_lines == 4


@pytest.mark.parametrize(
    ("body", "wrapper"),
    [
        ("return g(a, *b, c=c, **d)", True),
        ("return super().f(a)", True),
        ("a.x.g(a)", True),
        ("return g(a + 1)", False),
        ("return g(a)(b)", False),
        ("return g(1)", False),
        ("x = g(a)", False),
        ("return a.g().h(a)", False),
    ],
)
def test_a_trivial_wrapper_passes_parameters_on_and_adds_nothing(body: str, wrapper: bool) -> None:
    assert one(f"def f(a, *b, c, **d):\n    'doc'\n    {body}\n".encode()).is_trivial_wrapper is wrapper


@pytest.mark.parametrize(
    ("source", "flags"),
    [
        ("@property\ndef x(self): return self._x", {"is_property_boilerplate"}),
        ("@x.setter\ndef x(self, v): self._x = v", {"is_property_boilerplate"}),
        ("@property\ndef x(self): return self._x + 1", set()),
        ("def x(self): return self._x", set()),
        ("@typing.overload\ndef f(): ...", {"is_overload", "is_stub_or_abstract"}),
        ("def f():\n 'doc'\n raise NotImplementedError('f')", {"is_stub_or_abstract"}),
        ("@abc.abstractmethod\ndef f(): return 1", {"is_stub_or_abstract"}),
        ("def __len__(self): return len(1)", {"is_dunder"}),
        ("def _f(): return 1", {"is_private"}),
        ("def __f(): return 1", {"is_private"}),
    ],
)
def test_flags_say_what_the_rules_ask(source: str, flags: set[str]) -> None:
    found = one(source.encode())
    names = ("is_property_boilerplate", "is_overload", "is_stub_or_abstract", "is_dunder", "is_private")
    assert {name for name in names if getattr(found, name)} == flags


def test_a_file_that_declares_another_encoding_is_refused_only_when_it_matters() -> None:
    assert definitions(b"# coding: latin-1\ndef f(): pass\n")
    with pytest.raises(SyntaxError, match="not UTF-8"):
        definitions("# coding: latin-1\nx = 'é'\n".encode())


def test_invalid_escapes_warn_nobody() -> None:
    """Warnings are errors in this suite, and foreign code is full of them."""
    assert one(b"def f():\n    '\\d'\n    return 1 is 1\n").docstring == "\\d"


@given(st.text(alphabet=st.characters() | st.sampled_from('"\\\n\r\t\0\ud800\u2028')))
def test_a_quoted_text_evaluates_to_itself(text: str) -> None:
    literal = f'"""{string_literal(text)}"""'
    assert literal.encode()
    assert ast.literal_eval(literal) == text


@pytest.mark.parametrize(
    ("block", "indent"),
    [
        (b"\n  # c\n    x\n  y", b"    "),
        (b"\x0c\t x", b"\t "),
        (b"  \\\n      x", b"  "),
        (b"\\\n  x", b"  "),
        (b"", b""),
    ],
)
def test_the_first_line_of_code_gives_the_indent(block: bytes, indent: bytes) -> None:
    assert indent_of(block) == indent


@pytest.mark.parametrize(
    ("path", "is_test"),
    [
        ("test_a.py", True),
        ("a/b_test.py", True),
        ("tests.py", True),
        ("pkg/conftest.py", True),
        ("pkg/tests/data.py", True),
        ("pkg/testing/tools.py", True),
        ("pkg/contest.py", False),
        ("pkg/latest.py", False),
        ("pkg/attest_test.txt", False),
    ],
)
def test_test_files_are_known_by_name_or_folder(path: str, is_test: bool) -> None:
    assert is_test_path(path) is is_test
