"""A stub is a trivial answer in the target's place; everything around the bodies stays."""

from __future__ import annotations

import runpy
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.lang.python.test_masking import modules, targets
from ttc_data.lang.python.stubs import EXPECTED, stubs
from ttc_data.lang.python.syntax import check_syntax, definitions


def bodies(source: str, which: int = 0, literals: Sequence[str] = ()) -> dict[str, list[str]]:
    """Name of each stub -> the bodies that it gives the target."""
    target = targets(source.encode())[which]
    found = {}
    for stub in stubs(source, target, literals):
        (after,) = (d for d in definitions(stub.text.encode()) if d.qualname == target.qualname)
        text, start = stub.text.encode(), target.span[0]
        left, pieces = source.encode(), []
        assert text[: target.bodies[0][0]] == left[: target.bodies[0][0]]
        end = len(text) - (len(left) - target.bodies[-1][1])
        assert text[end:] == left[target.bodies[-1][1] :]
        lines = text[max(start, target.bodies[0][0]) : end].decode().splitlines()
        pieces = [
            line.strip() for line in lines if line.strip() and not line.strip().startswith(("def ", "async ", "'"))
        ]
        assert after.docstring == target.docstring
        found[stub.name] = pieces
    return found


@settings(deadline=None, max_examples=40)
@given(modules())
def test_every_stub_parses_and_changes_nothing_but_bodies(module: bytes) -> None:
    text = module.decode()
    for target in targets(module):
        found = stubs(text, target)
        assert found == stubs(text, target)
        assert len({stub.text for stub in found} - {text}) == len({stub.name for stub in found}) == len(found) <= 20
        for stub in found:
            check_syntax(stub.text.encode())
            pieces, position = [], 0
            for start, end in target.bodies:
                pieces.append(module[position:start])
                position = end
            rest = stub.text.encode()
            for piece in [*pieces, module[position:]]:
                at = rest.find(piece)
                assert at >= 0
                rest = rest[at + len(piece) :]
            same = [d.signature for d in definitions(stub.text.encode()) if not d.nested_in_function]
            assert same == [d.signature for d in definitions(module) if not d.nested_in_function]


def test_a_function_gets_the_trivial_answers_its_text_suggests() -> None:
    source = "def f(a, b):\n    'Doc.'\n    if a:\n        return 0\n    return b < 1\n"
    assert bodies(source) == {
        "pass": ["pass"],
        "raise_not_implemented": ["raise NotImplementedError"],
        "return_first_argument": ["return a"],
        "return_second_argument": ["return b"],
        "return_first_argument_as_int": ["return int(a)"],
        "return_constant:0": ["return 0"],
        "return_constant:True": ["return True"],
        "return_constant:False": ["return False"],
    }


@pytest.mark.parametrize(
    ("annotation", "constants"),
    [
        ("bool", ["True", "False"]),
        ("int | None", ["0", "1"]),
        ("'Optional[str]'", ['""']),
        ("typing.List[int]", ["[]"]),
        ("Union[dict[str, int], Set[int]]", ["{}", "set()"]),
        ("Literal['a', 2]", ["'a'", "2"]),
        ("collections.abc.Iterator[int]", ["iter(())"]),
        ("None", []),
        ("'no type'", []),
        ("'\"x\"'", []),
    ],
)
def test_constants_have_the_type_that_the_header_promises(annotation: str, constants: list[str]) -> None:
    found = bodies(f"def f() -> {annotation}:\n    'Doc.'\n    g()\n")
    assert [name.partition(":")[2] for name in found if name.startswith("return_constant")] == constants


def test_returns_of_inner_functions_are_not_the_functions_own() -> None:
    source = "def f():\n    'Doc.'\n    def g():\n        yield 1\n        return 5\n    return lambda: 6\n"
    assert list(bodies(source)) == ["pass", "raise_not_implemented"]


def test_a_generator_can_be_empty_or_give_back_what_it_was_given() -> None:
    found = bodies("def f(a):\n    'Doc.'\n    for b in a:\n        yield b\n")
    assert found["empty_generator"] == ["return; yield"]
    assert found["yield_from_first_argument"] == ["yield from a"]
    assert "yield_from_first_argument" not in bodies("async def f(a):\n    'Doc.'\n    yield a\n")


def test_a_method_answers_with_itself_or_its_first_argument() -> None:
    source = "class A:\n    def f(self, *a):\n        'Doc.'\n        return a[0]\n    @staticmethod\n    def g(x):\n        'Doc.'\n        return [x]\n"
    assert bodies(source, 0)["return_self"] == ["return self"]
    assert bodies(source, 0)["return_first_argument"] == ["return a"]
    assert bodies(source, 1)["return_first_argument"] == ["return x"]
    assert "return_self" not in bodies(source, 1)


def test_every_method_of_a_class_is_stubbed_the_same_way_at_once() -> None:
    source = (
        "class A:\n    'Doc.'\n    def __init__(self, a):\n        self.a = a\n    def f(self, b):\n        return 1\n"
        "    def g(self):\n        yield 2\n"
    )
    found = bodies(source)
    assert found["raise_not_implemented"] == ["raise NotImplementedError"] * 3
    assert found["return_constant:1"] == ["pass", "return 1", "return 1"]
    assert found["return_first_argument"] == ["pass", "return b", "pass"]
    assert found["empty_generator"] == ["pass", "pass", "return; yield"]


def test_a_body_on_the_headers_line_and_foreign_line_ends_stay_in_place() -> None:
    source = "\ufeffdef f(é): 'Doc.'; return é + 1\r\ndef g():\r\n\t'Doc.'\r\n\treturn 1\r\n"
    first, second = targets(source.encode())
    assert stubs(source, first)[0].text == source.replace("return é + 1", "pass")
    assert stubs(source, second)[0].text == source.replace("return 1", "pass")


def test_a_target_that_is_a_stub_already_is_not_offered_as_its_own_stub() -> None:
    assert "return_first_argument" not in bodies("def f(a):\n    'Doc.'\n    return a\n")


def test_a_method_can_answer_with_what_its_parents_method_gives() -> None:
    source = (
        "class A(B):\n    def f(self, x, /, y=1, *z, k, **o):\n        'Doc.'\n        return x + 1\n"
        "    @classmethod\n    async def g(cls, x):\n        'Doc.'\n        return x + 1\n"
        "    @property\n    def p(self):\n        'Doc.'\n        return self.x + 1\n"
        "    @staticmethod\n    def s(x):\n        'Doc.'\n        return x + 1\n"
    )
    found = [bodies(source, which).get("parents_method") for which in range(4)]
    assert found == [
        ["return super().f(x, y, *z, k=k, **o)"], ["return await super().g(x)"], ["return super().p"], None
    ]  # fmt: skip


def test_a_class_without_parents_has_those_of_object() -> None:
    source = "class A:\n    def __repr__(self):\n        'Doc.'\n        return 'A' * 2\n    def f(self):\n        'Doc.'\n        g()\n"
    assert bodies(source, 0)["parents_method"] == ["return super().__repr__()"]
    assert "parents_method" not in bodies(source, 1)


def test_a_class_can_be_as_good_as_an_empty_subclass(tmp_path: Path) -> None:
    """What a run of training was paid 0.89 for: the parent's methods do most of what the tests ask for."""
    parent = "class Cache(dict):\n    def __init__(self, size):\n        self.size = size\n"
    source = parent + (
        "class A(Cache):\n    'Doc.'\n    def __init__(self, size):\n        super().__init__(size)\n        self.x = []\n"
        "    def __setitem__(self, key, value):\n        self.x.append(key)\n        super().__setitem__(key, value)\n"
    )
    (target,) = [found for found in targets(source.encode()) if found.qualname == "A"]
    (text,) = [stub.text for stub in stubs(source, target) if stub.name == "parents_method"]
    file = tmp_path / "m.py"
    file.write_text(text, encoding="utf-8")
    made = runpy.run_path(str(file))["A"](3)
    made["k"] = 4
    assert (made, made.size, vars(made)) == ({"k": 4}, 3, {"size": 3})


def test_each_parameter_is_given_back_in_turn() -> None:
    found = bodies("def f(a, *b, c, **d):\n    'Doc.'\n    return g(a)\n")
    assert [found[f"return_{ordinal}_argument"] for ordinal in ("first", "second", "third", "fourth")] == [
        [f"return {name}"] for name in "abcd"
    ]


def test_the_first_parameter_is_given_back_as_what_the_header_promises() -> None:
    found = bodies("def f(value: int) -> str:\n    'Doc.'\n    return g(value)\n")
    assert found["return_first_argument_as_str"] == ["return str(value)"]


def test_what_the_tests_compare_with_is_a_constant_to_return() -> None:
    """The most frequent of each type; a value that is no literal, or a long one, is none."""
    literals = ["'b'", "1", "'a'", "'a'", "True", "False", "x", "None", "'" + "c" * 40 + "'", "(1, 2)", "'d'", "1 +"]
    found = bodies("def f(a):\n    'Doc.'\n    return g(a)\n", literals=literals)
    assert [name.partition(":")[2] for name in found if name.startswith(EXPECTED)] == [
        "'a'", "1", "True", "False"
    ]  # fmt: skip
