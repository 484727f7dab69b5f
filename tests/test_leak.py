"""A task that gives its answer away is told from one that only looks like it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ttc_data.extract import extract
from ttc_data.lang.python.masking import mask
from ttc_data.records import MaskMode, Source, Target
from ttc_data.rules import ExtractRules
from ttc_data.specs.leak import Leak, leak

SOURCE = Source("git", "owner/name", "1", "MIT", "git:x", "tree", 1, 1, "")
RULES = ExtractRules(min_docstring_chars=0, min_docstring_words=0, min_body_lines=1, allow_trivial_wrappers=True)
BODY = """total = 0
for value in values:
    if value > limit:
        total += value * weight(value, limit)
return total"""


def definition(head: str, body: str, docstring: str = "Sum it up.") -> str:
    quoted = f'"""{docstring}\n"""\n'
    return head + "\n" + "".join(f"    {line}\n" if line else "\n" for line in (quoted + body).splitlines())


def found(text: str, qualname: str = "f", mode: MaskMode = "body", spec: str = "") -> Leak:
    original = text.encode()
    targets = [one for one in extract(SOURCE, [("mod.py", original)], RULES) if isinstance(one, Target)]
    (target,) = (one for one in targets if one.qualname == qualname)
    spec = spec or target.docstring
    return leak(target, original, mask(original, target, spec, mode).text.decode(), spec)


F = definition("def f(values, limit):", BODY)


@pytest.mark.parametrize("mode", ["body", "whole"])
def test_a_task_that_keeps_its_answer_to_itself_has_no_leak(mode: MaskMode) -> None:
    other = definition("def g(values, limit):", "return [value for value in values if weight(value, limit)]")
    assert found(f"# Sums.\n\n{F}\n\n{other}", mode=mode) == Leak(0.0, "", "")


# The spec


def test_a_spec_that_holds_the_body_is_a_leak() -> None:
    told = found(F, spec=f"Sum it up, so:\n\n{BODY}\n")
    assert (told.overlap, told.kind, told.place) == (1.0, "spec", "spec: total = 0")


def test_a_docstring_that_holds_the_body_as_an_example_is_a_leak() -> None:
    first, *rest = ["def slow(values, limit):", *("    " + line for line in BODY.splitlines())]
    example_of_it = "\n".join([f">>> {first}", *(f"... {line}" for line in rest)])
    assert found(definition("def f(values, limit):", BODY, f"Sum it up.\n\n{example_of_it}")).kind == "spec"


def test_examples_that_call_the_target_and_what_they_print_are_no_leak() -> None:
    body = 'return {"one": 1, "two": 2, "three": 3, "four": 4, "rest": f(values, limit=limit - 1)}'
    docstring = 'Sum it up.\n\n>>> f(values, limit=limit - 1)\n{"one": 1, "two": 2, "three": 3, "four": 4, "rest": 5}'
    assert found(definition("def f(values, limit):", body, docstring)) == Leak(0.0, "", "")


def test_a_part_of_the_body_in_the_spec_is_measured() -> None:
    told = found(F, spec="Starts with\n\n    total = 0\n    for value in values:\n\nand sums up.")
    assert 0 < told.overlap < 0.5
    assert told.kind == ""


def test_a_very_short_body_is_measured_only() -> None:
    assert found(definition("def f(a, b):", "return a + b"), spec="Does `return a + b`.") == Leak(1.0, "", "")


def test_layout_quotes_and_comments_of_the_body_do_not_hide_it() -> None:
    body = 'words = "a b".split()\nchosen = [\n    word  # each\n    for word in words\n    if word != "b"\n]\nreturn chosen'
    spec = "It is words = 'a b'.split() and chosen = [word for word in words if word != 'b'] to return chosen"
    assert found(definition("def f():", body), spec=spec).kind == "spec"


# A copy


@pytest.mark.parametrize(
    "twin",
    [
        definition("def _f_py(values, limit):", BODY),
        definition("def other(a, b):", BODY.replace("values", "a").replace("limit", "b").replace("total", "t")),
        definition("async def f_async(values: list[int], limit: int) -> int:", BODY.replace("for", "async for")),
        definition("async def af(values, limit):", BODY.replace("weight(", "await async_weight(")),
        "class C:\n" + "\n".join("    " + line for line in definition("def m(values, limit):", BODY).splitlines()),
    ],
)
@pytest.mark.parametrize("mode", ["body", "whole"])
def test_a_twin_in_the_file_is_a_leak(twin: str, mode: MaskMode) -> None:
    text = f"{F}\n\n{twin}\n"
    told = found(text, mode=mode)
    line, _, shown = told.place.partition(": ")
    assert told.kind == "copy"
    assert shown in text
    assert "def " in shown
    assert line.startswith("line ")


def test_the_place_is_a_line_of_the_masked_file() -> None:
    text = f"{F}\n\n{definition('def g(values, limit):', BODY)}"
    assert found(text).place == "line 7: def g(values, limit):"
    assert found(text, mode="whole").place == "line 3: def g(values, limit):"


def test_the_same_operation_with_its_operands_turned_round_is_found() -> None:
    body = "result = combine({}, {})\nif not result:\n    return None\nresult.check()\nreturn result"
    methods = [
        definition("def add(self, other):", body.format("self", "other")),
        definition("def __radd__(self, other):", body.format("other", "self")),
    ]
    text = "class C:\n" + "\n".join("    " + line for method in methods for line in method.splitlines())
    assert found(text, "C.add").kind == "copy"


def test_an_attribute_named_like_a_local_is_another_thing() -> None:
    body = "{0} = []\nfor item in self.values:\n    {0}.append(item)\nreturn {0}"
    both = [definition(f"def {name}(self):", body.format(local)) for name, local in [("f", "values"), ("g", "kept")]]
    assert found("\n\n".join(both)).kind == "copy"


@pytest.mark.parametrize(
    "other",
    [
        BODY.replace("value > limit", "value in seen").replace("+=", "-="),
        BODY.replace("weight(value, limit)", "sorted(values)[0]"),
        "\n".join([*BODY.splitlines()[:-1], "    else:", "        break", "return total, limit"]),
    ],
)
def test_a_definition_that_does_something_else_is_no_copy(other: str) -> None:
    assert found(f"{F}\n\n{definition('def g(values, limit):', other)}").kind == ""


def test_tiny_bodies_are_alike_by_nature() -> None:
    body = "for item in self.items:\n    yield item"
    assert found(f"{definition('def f(self):', body)}\n\n{definition('def g(self):', body)}").kind == ""


def test_what_is_left_out_of_a_slice_tells_two_bodies_apart() -> None:
    body = "at = name.rfind('.')\nif at > 0:\n    return name[{}]\nreturn name"
    both = [definition(f"def {name}(name):", body.format(part)) for name, part in [("f", "at:"), ("g", ":at")]]
    assert found("\n\n".join(both)).kind == ""


def test_methods_of_the_same_masked_class_are_no_copies() -> None:
    methods = [definition(f"def {name}(self, values, limit):", BODY) for name in ("one", "two")]
    text = 'class C:\n    """Sums."""\n' + "\n".join("    " + line for one in methods for line in one.splitlines())
    assert found(text, "C").kind == ""
    assert found(text, "C.one").kind == "copy"
    assert found(f"{text}\n\n\n{F}", "C").kind == "copy"


# A comment


def commented(sign: str = "# ") -> str:
    return "\n".join(sign + line for line in BODY.splitlines())


@pytest.mark.parametrize("mode", ["body", "whole"])
@pytest.mark.parametrize("block", [commented(), commented("#"), f'"""\n{BODY}\n"""'])
def test_the_body_as_a_comment_is_a_leak(block: str, mode: MaskMode) -> None:
    told = found(f"# It was once:\n\n{block}\n\n\n{F}", mode=mode)
    assert (told.kind, told.place) == ("comment", f"line 3: {block.splitlines()[0]}")


def test_a_comment_inside_the_cut_is_no_leak() -> None:
    assert found(definition("def f(values, limit):", f"{commented()}\n{BODY}")).kind == ""


def test_lines_of_a_string_are_no_comment() -> None:
    assert found(f"TEXT = '''\n{commented()}\n'''\n\n\n{F}").kind == ""


# A call


@pytest.mark.parametrize(
    "body",
    [
        "return g(b, a)",
        "return g(a, b, strict=True)",
        "result = g(a, b, -1)\nreturn result",
        'warnings.warn("use g", DeprecationWarning)\nreturn g(a, b)',
        "yield from g(a, b)",
    ],
)
def test_a_body_that_passes_its_parameters_on_is_a_leak(body: str) -> None:
    told = found(f"{definition('def f(a, b):', body)}\n\n{definition('def g(a, b, strict=False):', 'return [a, b]')}")
    assert told.kind == "call_through"
    assert told.place.endswith(": def g(a, b, strict=False):")


def test_a_method_that_passes_its_parameters_on_is_a_leak() -> None:
    methods = [
        definition("def get(self, key):", "return self.fetch(key, None)"),
        definition("def fetch(self, key, default):", "return self.values.get(key, default)"),
    ]
    text = "class C:\n" + "\n".join("    " + line for method in methods for line in method.splitlines())
    assert found(text, "C.get").place.endswith("def fetch(self, key, default):")
    assert found(text, "C.fetch").kind == ""


@pytest.mark.parametrize(
    "body",
    [
        "return g(a)",
        "return g(a, b + 1)",
        "return g(a, len(b))",
        "return g(a, b, other)",
        "return sorted(g(a, b))",
        "return elsewhere(a, b)",
        "return elsewhere.g(a, b)",
        "b = b or a\nreturn g(a, b)",
        "if b:\n    return g(a, b)\nreturn a",
    ],
)
def test_a_body_that_uses_a_helper_is_none(body: str) -> None:
    helper = definition("def g(a, b=1, c=2):", "return [a, b]")
    assert found(f"{definition('def f(a, b):', body)}\n\n{helper}").kind == ""


# Anything


@given(st.text(), st.text(), st.text(), st.integers(0, 40), st.integers(0, 40))
@example("def f():\n    return 0x" + "f" * 5000, "", "'''", 0, 13)
@example("def f(a):\n    return " + "a" + "()" * 1500, "", "", 0, 14)
@example("def f(a):\n    return " + "+".join("a" * 1500), "", "", 0, 14)
@example("\ufeff# a\r\ndef f(a):\r    return a\x0c\n", "# a", ">>>no blank\n'", 0, 20)
def test_no_text_makes_it_fail(original: str, masked: str, spec: str, first: int, length: int) -> None:
    span = (first, first + length)
    target = Target("s", "m.py", "f", "function", False, span, "def f():", "", (0, 0), (span,), ((1, 2),))
    told = leak(target, original.encode(errors="surrogatepass"), masked, spec)
    assert 0 <= told.overlap <= 1
    assert bool(told.kind) == bool(told.place)


@given(st.text(st.sampled_from("ab=+()[]'\"\\#:.>` \n\t"), max_size=120))
def test_no_spec_makes_it_fail(spec: str) -> None:
    (target,) = (one for one in extract(SOURCE, [("mod.py", F.encode())], RULES) if isinstance(one, Target))
    assert 0 <= leak(target, F.encode(), "", spec).overlap < 0.5
