"""Whatever the file looks like, the cut is exact and what is left still means what it should."""

import inspect
import runpy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ttc_data.edits import apply_patch, unified_diff
from ttc_data.errors import MaskingFailed
from ttc_data.extract import extract
from ttc_data.lang.python.masking import interface, mask, restore
from ttc_data.lang.python.syntax import definitions
from ttc_data.records import MaskMode, Source, Target
from ttc_data.rules import ExtractRules

SOURCE = Source("git", "owner/name", "1", "MIT", "git:x", "tree", 1, 1, "")
EVERYTHING = ExtractRules(
    min_docstring_chars=0, min_docstring_words=0, min_body_lines=1, allow_dunder=True,
    allow_trivial_wrappers=True, allow_property_boilerplate=True,
)  # fmt: skip


def targets(text: bytes) -> list[Target]:
    return [found for found in extract(SOURCE, [("mod.py", text)], EVERYTHING) if isinstance(found, Target)]


def only(text: bytes) -> Target:
    (target,) = targets(text)
    return target


Draw = Callable[..., Any]
HEADER = """def deco(*given, **named):
    return given[0] if given and callable(given[0]) else lambda function: function
"""
DOCSTRINGS = [
    '"""Doc of it."""', "'é'", "r'''a \\d'''", "u'x'", "'a' 'b'", "('paren')", "'a' \\\n 'b'", "( # why\n'a'\n  'b')",
    '"""Doc.\n\n        >>> é\n    text\n    """', "'''\n  \f Doc\n\tmore'''", "'''Doc \\\n  joined'''", "'\\x00 \\t'",
]  # fmt: skip
STATEMENTS = [
    "x = 1", "pass", "return 'ß'", "x = 'é'; y = 2", "x = (1,\n2)  # c", "x = 1 + \\\n 2", "x = '''a\n# no\n\n b'''",
    "x = f'{1}'", "x = '\f\u2028'", "return [a for a in (1,) if a]", "raise ValueError", "x = 1;", "x = lambda: 0",
]  # fmt: skip
HEADERS = ["()", "(a=1, *b, c: 'x:' = {1: 2}, **d) -> 'y:'", "(a=lambda: 0,  # ):\n  *, é='(') -> (int)", "(a=(1), /) "]


@st.composite
def modules(draw: Draw) -> bytes:
    """A module that can be run, with every odd thing that Python allows about its layout."""
    unit = draw(st.sampled_from(["    ", "\t", "  "]))
    count = iter(range(1000))
    end_comment = st.sampled_from(["", "", "  # täil", ";"])

    def decorators(indent: str) -> list[str]:
        chosen = draw(
            st.lists(st.sampled_from(["@deco", "@deco(1,\n   2)", "@ deco  # c", "@(\n # @x\ndeco)"]), max_size=2)
        )
        return [indent + decorator for decorator in chosen]

    def noise(indent: str) -> list[str]:
        return list(draw(st.lists(st.sampled_from(["", indent + "# cömment", "# left", "\f", "  "]), max_size=2)))

    def function(indent: str, depth: int, *, method: bool) -> list[str]:
        header = draw(st.sampled_from(HEADERS))
        header = header.replace("(", "(self=0, ", 1).replace(", )", ")") if method else header
        start = f"{indent}{draw(st.sampled_from(['def ', 'async def ', 'def  ']))}fé{next(count)}{header}:"
        docstring = draw(st.sampled_from(["", *DOCSTRINGS]))
        if draw(st.integers(0, 4)) == 0:
            body = draw(st.sampled_from(["return 1", "x = 1; return x", "pass"]))
            line = f"{start} {docstring}; {body}" if docstring else f"{start} {body}"
            return [*decorators(indent), line + draw(end_comment)]
        inner = indent + unit
        lines = [start + draw(st.sampled_from(["", "  # hëad"])), *noise(inner)]
        if docstring:
            lines.append(inner + docstring + draw(st.sampled_from(["", "", "  # ä", ";", "; x = 1", "; \\\n x = 2"])))
            lines += noise(inner)
        for _ in range(draw(st.integers(0 if docstring else 1, 3))):
            if depth and draw(st.integers(0, 3)) == 0:
                lines += function(inner, depth - 1, method=False)
            elif draw(st.integers(0, 4)) == 0:
                lines += [f"{inner}if 1:", inner + unit + draw(st.sampled_from(STATEMENTS)), f"{inner}else: pass"]
            else:
                lines.append(inner + draw(st.sampled_from(STATEMENTS)) + draw(st.sampled_from(["", "  # täil"])))
            lines += noise(inner)
        return [*decorators(indent), *lines]

    def group(indent: str, depth: int, *, method: bool) -> list[str]:
        kind = draw(st.sampled_from(["function", "function", "class", "if", "try"] if depth else ["function"]))
        inner = indent + unit
        if kind == "class":
            lines = [*decorators(indent), f"{indent}class C{next(count)}(object):", *noise(inner)]
            lines += [inner + draw(st.sampled_from([*DOCSTRINGS, "é = 1"]))]
            for _ in range(draw(st.integers(0, 2))):
                lines += [*noise(inner), *group(inner, depth - 1, method=True)]
            return lines
        if kind == "if":
            return [f"{indent}if 1:", *group(inner, depth - 1, method=method), f"{indent}else:", f"{inner}pass"]
        if kind == "try":
            return [f"{indent}try:", *group(inner, depth - 1, method=method), f"{indent}finally: pass"]
        return function(indent, 2, method=method)

    lines = HEADER.rstrip().split("\n")
    for _ in range(draw(st.integers(1, 3))):
        lines += [*noise(""), *group("", 2, method=False)]
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n# end"]))
    return encoded(draw, text)


def encoded(draw: Draw, text: str) -> bytes:
    """A text as a file: with one of the line ends, and with or without a mark of the byte order."""
    newline: str = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    mark: str = draw(st.sampled_from(["", "\ufeff"]))
    return (mark + text.replace("\n", newline)).encode()


def call(module: bytes, qualname: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "mod.py"
        place.write_bytes(module)
        space = runpy.run_path(str(place))
    first, *rest = qualname.split(".")
    function = space[first]
    for name in rest:
        function = getattr(function, name)
    result = function()
    if inspect.iscoroutine(result):
        result.send(None)


@settings(deadline=None)
@given(modules())
def test_putting_the_reference_back_restores_every_byte(module: bytes) -> None:
    modes: tuple[MaskMode, ...] = ("body", "whole")
    for target in targets(module):
        for mode in modes:
            masked = mask(module, target, target.docstring, mode)
            assert masked.text != module or b"NotImplementedError" in module
            assert restore(masked) == module


@settings(deadline=None)
@given(modules())
def test_a_masked_function_runs_up_to_not_implemented_and_keeps_its_docstring(module: bytes) -> None:
    for target in targets(module):
        masked = mask(module, target, target.docstring, "body")
        (found,) = (d for d in definitions(masked.text) if d.qualname == target.qualname)
        assert found.docstring == target.docstring
        assert found.signature == target.signature
        if target.kind != "class":
            with pytest.raises(NotImplementedError):
                call(masked.text, target.qualname)
            assert found.is_stub_or_abstract


@settings(deadline=None)
@given(modules())
def test_a_removed_definition_is_gone_and_every_other_one_is_left(module: bytes) -> None:
    for target in targets(module):
        names = [d.qualname for d in definitions(module)]
        left = [d.qualname for d in definitions(mask(module, target, "", "whole").text)]
        inside = f"{target.qualname}."
        assert left == [name for name in names if name != target.qualname and not name.startswith(inside)]


@settings(deadline=None)
@given(modules(), st.text(alphabet=st.characters() | st.sampled_from('"\\\n\r\t\0 \ud800\f'), min_size=1))
@example(b'def f():\n\t"""Doc."""\n\treturn 1', 'ends with "')
@example(b'def f(): "doc"; return 1', "many\n\n    lines\n  ")
@example(b"class A:\r\n    def f(self):\r\n        'doc'\r\n        return 1", '  two """\n\\')
def test_a_spec_takes_the_docstrings_place_word_for_word(module: bytes, spec: str) -> None:
    for target in targets(module):
        wanted = inspect.cleandoc("\n" + spec.replace("\r\n", "\n")).rstrip()
        if not wanted or spec == target.docstring:
            continue
        masked = mask(module, target, spec, "body")
        (found,) = (d for d in definitions(masked.text) if d.qualname == target.qualname)
        assert found.docstring == wanted
        assert restore(masked) == module


@settings(deadline=None, max_examples=15)
@given(modules())
def test_the_reference_patch_turns_the_masked_file_into_the_original(module: bytes) -> None:
    for target in targets(module)[:1]:
        masked = mask(module, target, "Another spec.", "body")
        patch = unified_diff({"a/mod.py": masked.text.decode()}, {"a/mod.py": module.decode()})
        assert apply_patch({"a/mod.py": masked.text}, patch) == {"a/mod.py": module}


def test_header_decorators_comments_above_and_docstring_stay() -> None:
    text = b'# above\n@deco(\n    1,\n)\ndef f(\n    a,\n):  # head\n    """Doc."""\n    # how\n    return a\n    # end\n\nx = 1\n'
    masked = mask(text, only(text), "Doc.", "body").text
    assert masked == text.replace(b"    # how\n    return a\n    # end", b"    raise NotImplementedError")


def test_a_class_keeps_its_outline() -> None:
    text = b'class A:\n    """Doc."""\n\n    x = 1\n\n    def f(self):\n        """Doc f."""\n        return 1\n\n    def g(self): ...\n'
    whole = targets(text)[0]
    assert mask(text, whole, "Doc.", "body").text == text.replace(b"return 1", b"raise NotImplementedError")


def test_an_emptied_block_gets_pass() -> None:
    text = b'if 1:\n    def f():\n        """Doc."""\n        return 1\nelse:\n    f = None\n'
    assert mask(text, only(text), "", "whole").text == b"if 1:\n    pass\nelse:\n    f = None\n"


def test_a_spec_of_many_lines_is_indented_with_the_files_own_newlines() -> None:
    text = b"class A:\r\n\tdef f(self):\r\n\t\t'Doc.'\r\n\t\treturn 1\r\n"
    masked = mask(text, only(text), "One.\n\n    >>> 1\nTwo.", "body").text
    assert masked == (
        b'class A:\r\n\tdef f(self):\r\n\t\t"""One.\r\n\r\n\t\t    >>> 1\r\n\t\tTwo.\r\n\t\t"""\r\n'
        b"\t\traise NotImplementedError\r\n"
    )


def test_a_file_that_would_not_parse_is_refused_with_its_reason() -> None:
    text = b'def f():\n    """Doc."""\n    return 1\n\nreturn 2\n'
    with pytest.raises(MaskingFailed, match="line 5: 'return' outside function") as caught:
        mask(text, only(text), "Doc.", "body")
    assert caught.value.reason == "masked_file_does_not_parse"


@pytest.mark.parametrize("spec", ["", " \n\t\n", "\x0c"])
def test_a_spec_that_says_nothing_is_refused(spec: str) -> None:
    text = b'def f():\n    """Doc."""\n    return 1\n'
    with pytest.raises(MaskingFailed, match="empty_spec"):
        mask(text, only(text), spec, "body")


def test_a_target_of_another_file_is_refused() -> None:
    text = b'def f():\n    """Doc."""\n    return 1\n'
    with pytest.raises(MaskingFailed, match="foreign_target"):
        mask(b"x = 1\n", only(text), "Doc.", "body")


def test_the_interface_of_a_class_names_its_methods_and_shows_no_body() -> None:
    """When the definition is gone the prompt alone can say what it must look like."""
    text = (
        b'class Outer:\r\n    @deco\r\n    class Pile:\r\n        """A pile of things."""\r\n\r\n        limit = 3\r\n\r\n'
        b"        def put(self, thing: int) -> None:\r\n            self.things.append(thing)\r\n"
    )
    pile = next(target for target in targets(text) if target.qualname == "Outer.Pile")
    assert interface(text, pile, pile.docstring) == (
        '@deco\nclass Pile:\n    """A pile of things."""\n\n    limit = 3\n\n'
        "    def put(self, thing: int) -> None:\n        raise NotImplementedError"
    )
