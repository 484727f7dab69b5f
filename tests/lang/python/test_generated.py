import ast
import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.lang.python.place import Place, proposed, target_of
from tests.lang.python.shapes import SHAPES
from ttc_data.lang.python.generated import inside
from ttc_data.lang.python.generated.case import Case, copied, expression, is_literal
from ttc_data.lang.python.generated.probes import Bounds, Probe, probing_file, told
from ttc_data.lang.python.generated.proposals import parse_model_cases, proposals, with_more
from ttc_data.lang.python.generated.recording import hanging, recorded, recorder
from ttc_data.lang.python.generated.writing import generated_file


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# Proposals


def test_a_copied_tree_says_the_same_and_shares_no_node() -> None:
    tree = expression("f([1, {'a': (2, x)}], *y, key=lambda a, *b, c=3: a.b[1:2], other=f'{x!r:>{y}}')")
    assert tree is not None
    other = copied(tree)
    assert ast.dump(other, include_attributes=True) == ast.dump(tree, include_attributes=True)
    assert set(map(id, ast.walk(tree))).isdisjoint(map(id, ast.walk(other)))


def test_the_same_random_gives_the_same_proposals_and_no_more_than_asked() -> None:
    assert proposed("clamp") == proposed("clamp")
    assert len({(case.setup, case.call) for case in proposed("clamp", most=12)}) == 12


def test_examples_of_the_docstring_come_first_and_are_varied() -> None:
    first, *rest = proposed("clamp")
    assert first == Case(("clamp",), (), "clamp(11, high=4)", (), "docstring")
    assert any(case.origin == "docstring" for case in rest)
    assert any(case.origin == "hints" for case in rest)


def test_an_example_takes_along_what_its_call_needs() -> None:
    text = 'def f(xs):\n    """Sum.\n\n    >>> unused = 1\n    >>> xs = [1]\n    >>> xs.append(2)\n    >>> f(xs)\n    3\n    """\n    return sum(xs) + 0\n'
    assert proposed("f", text)[0] == Case(("f",), ("xs = [1]", "xs.append(2)"), "f(xs)", (), "docstring")


def test_call_sites_count_when_their_arguments_stand_for_themselves() -> None:
    others = {"other.py": "from shapes import clamp\n\ndef g(n):\n    clamp(n)\n    return clamp(-77, low=-70)\n"}
    found = [case.call for case in proposed("clamp", others=others) if case.origin == "call_site"]
    assert found[0] == "clamp(-77, low=-70)"


@pytest.mark.parametrize(
    ("signature", "fits"),
    [
        ("x: int", int),
        ("x: 'str | None'", (str, type(None))),
        ("x: dict[str, list[int]]", dict),
        ("x: tuple[int, ...]", tuple),
        ("x: Optional[bytes]", (bytes, type(None))),
        ("x: Literal['a', 'b']", str),
        ("x: Set[T]", set),
        ("x=False", bool),
        ("x=1.5", (int, float)),
    ],
)
def test_arguments_are_of_the_hinted_type(signature: str, fits: type | tuple[type, ...]) -> None:
    text = f'def f({signature}):\n    """Do."""\n    return x\n'
    values = [expression(case.call) for case in proposed("f", text)]
    for node in values:
        match node:
            case inside_call if inside_call is not None and (given := given_to(inside_call)):
                assert isinstance(given[0], fits)
            case _:
                continue
    assert len(values) > 1


def given_to(node: object) -> list[object]:
    assert isinstance(node, ast.Call)
    found = [*node.args, *(one.value for one in node.keywords)]
    return [set() if ast.unparse(one) == "set()" else ast.literal_eval(one) for one in found]


def test_what_depends_on_the_day_gets_no_proposals() -> None:
    assert proposed("today") == []


@pytest.mark.parametrize("text", ["", "def f(:\n", "\0", "def g():\n    pass\n", "class f:\n    pass\n"])
def test_a_module_that_does_not_hold_the_target_gives_no_proposals_or_harmless_ones(text: str) -> None:
    target = target_of("clamp")
    assert all(case.names == () for case in proposals(target, text, {"a.py": "def (", "b.rst": ">>>x"}, Random(1), 5))


# A model's cases


def test_a_models_calls_are_read_from_its_code_and_the_rest_is_counted() -> None:
    answer = "Try:\n```python\nclamp(3)\n# a comment\nclamp(1, 2\nlen([1])\nclamp(unknown)\nclamp(3)\n\nmax(clamp(4), 1)\n```\nclamp(9)"
    cases, dropped = parse_model_cases(answer, target_of("clamp"), SHAPES, {})
    assert [case.call for case in cases] == ["clamp(3)", "max(clamp(4), 1)"]
    assert {case.origin for case in cases} == {"model"}
    assert dropped == 3


def test_a_models_cases_come_before_the_drawn_ones() -> None:
    more = [Case(("clamp",), (), "clamp(5)", (), "model")]
    origins = [case.origin for case in with_more(proposed("clamp"), more, 20)]
    assert origins == sorted(origins, key=["docstring", "call_site", "model", "hints"].index)
    assert len(origins) == 20


# What is kept


def test_a_function_is_tested_with_values_and_with_the_exception_that_it_raises(place: Place) -> None:
    text = place.written("clamp")
    assert "    result = clamp(11, high=4)\n    assert isinstance(result, int)\n    assert result == 4\n" in text
    assert "    assert clamp(11, high=5) == 5\n" in text
    assert "    with pytest.raises(ValueError):\n        clamp(" in text


def test_a_generator_is_listed(place: Place) -> None:
    assert "assert list(pairs(" in place.written("pairs")


def test_an_endless_iterator_is_cut(place: Place) -> None:
    assert "assert list(islice(forever(0), 8)) == [0, 1, 2, 3, 4, 5, 6, 7]" in place.written("forever")


def test_a_set_is_written_in_one_order(place: Place) -> None:
    assert "assert letters('clamp') == {'a', 'c', 'l', 'm', 'p'}" in place_with(place, "letters", "letters('clamp')")


def place_with(place: Place, qualname: str, call: str) -> str:
    found = place.recorded(qualname, [Case((qualname,), (), call, (), "model")])
    file = generated_file(target_of(qualname), "shapes", found)
    return file.text if file else ""


def test_a_rounded_number_is_compared_approximately(place: Place) -> None:
    assert "assert area(1) == pytest.approx(3.141592653589793)" in place_with(place, "area", "area(1)")
    assert "assert area(0) == 0.0" in place_with(place, "area", "area(0)")


def test_an_argument_that_is_changed_is_looked_at(place: Place) -> None:
    text = place.written("double")
    assert "    assert double(items) is None\n    assert items == [" in text


def test_a_projects_own_exception_is_imported(place: Place) -> None:
    text = place.written("ours")
    assert "    from shapes import Broken\n" in text
    assert "    with pytest.raises(Broken):\n" in text


def test_a_coroutine_is_awaited(place: Place) -> None:
    assert "asyncio.run(later(" in place.written("later")


def test_methods_are_called_on_instances_and_what_they_change_is_looked_at(place: Place) -> None:
    assert "    instance = Point(" in place.written("Point.moved")
    assert "assert instance.x == " in place.written("Point.move")
    assert "assert instance.length == " in place.written("Point.length")
    assert "assert dict(Bag.of(" in place.written("Bag.of")
    assert "assert dict(instance) == {" in place.written("Bag.put")


def test_a_class_is_tested_through_its_methods(place: Place) -> None:
    text = place.written("Point")
    assert "instance.moved(" in text
    assert "instance.length" in text


@pytest.mark.parametrize("name", ["unfinished", "misused", "prints", "writes", "draws", "warns", "leaves", "counted"])
def test_a_case_that_cannot_be_asserted_is_not_kept(place: Place, name: str) -> None:
    assert place.recorded(name, proposed(name, most=8)) == []
    assert not (place.folder / "left.txt").exists() or name == "writes"


def test_a_function_that_later_versions_will_not_have_is_tested_like_any_other(place: Place) -> None:
    """Seen: `finalize_version` of semver gave a `Version` for a text, and no written test looked, because it is deprecated."""
    assert "assert outdated(" in place.written("outdated")


def test_a_case_that_hangs_costs_only_itself(place: Place) -> None:
    cases = [Case(("hangs",), (), f"hangs({size})", (), "model") for size in (1, 3, 4)]
    assert [one.case.call for one in place.recorded("hangs", cases)] == ["hangs(1)", "hangs(4)"]


def test_a_case_that_hangs_ends_by_the_processor_and_not_by_the_clock(place: Place) -> None:
    cases = [Case(("hangs",), (), f"hangs({size})", (), "model") for size in (1, 3, 4)]
    file = recorder(target_of("hangs"), "shapes", cases)
    patient = replace(
        file, text=file.text.replace("HANGS_S, HANGS_ONCE_S = 2.0, 0.5", "HANGS_S, HANGS_ONCE_S = 600, 600")
    )
    assert patient != file
    assert hanging(place.run(patient).stdout, cases) == [cases[1]]


def test_a_case_that_is_known_to_hang_is_said_to_hang_and_does_not_run(place: Place) -> None:
    cases = [Case(("hangs",), (), f"hangs({size})", ("SEEN",), "model") for size in (1, 3, 4)]
    known = hanging(place.run(recorder(target_of("hangs"), "shapes", cases)).stdout, cases)
    quick = SHAPES.replace("while size % 3 == 0:", "if size % 3 == 0:")
    (place.folder / "shapes.py").write_text(quick, encoding="utf-8")
    again = [place.run(recorder(target_of("hangs"), "shapes", cases, hanging=names)).stdout for names in (known, ())]
    assert [hanging(output, cases) for output in again] == [known, []]
    assert [record.case.call for record in recorded([again[0]] * 2, cases, target_of("hangs"), SHAPES)] == [
        "hangs(1)",
        "hangs(4)",
    ]


def test_a_call_of_the_oracle_that_hangs_ends_by_the_processor_and_not_by_the_clock(place: Place) -> None:
    chosen = [Probe(Case(("hangs",), (), f"hangs({size})", (), "model")) for size in (1, 3, 4)]
    bounds = Bounds(patience_s=600, processes=2, cpu_s=0.3, characters=10_000)
    found = told(place.run(probing_file(target_of("hangs"), "shapes", chosen, "word", bounds)).stdout, "word", 3)
    assert [found[number].get("result") for number in range(3)] == [["int", "0x2"], None, ["int", "0x5"]]
    assert found[1] == {"refused": inside.HANGS}


def test_what_a_stub_gives_too_comes_last(place: Place) -> None:
    cases = [Case(("clamp",), (), f"clamp({value})", (), "model") for value in (3, 12)]
    assert [one.value for one in place.recorded("clamp", cases)] == ["10", "3"]


def test_nothing_recorded_gives_no_file() -> None:
    assert generated_file(target_of("clamp"), "shapes", []) is None


def test_the_file_is_named_after_module_target_and_key(place: Place) -> None:
    target = target_of("Point.move")
    file = recorder(target, "shapes", [])
    assert file.path == f"ttc_generated/test_record_shapes_Point_move_{target.key[:6]}.py"


GOOD: dict[str, object] = {"view": "{}", "value": "4", "raises": None, "changed": [], "kept": []}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "[",
        "[0]",
        "[7, {}]",
        '["0", {}]',
        "[0, {}]",
        "[" * 5000,
        json.dumps([0, {**GOOD, "value": "f()"}]),
        json.dumps([0, {**GOOD, "value": 4}]),
        json.dumps([0, {**GOOD, "changed": [["x"], 3]}]),
        json.dumps([0, {**GOOD, "kept": 3}]),
        json.dumps([0, {**GOOD, "changed": [[3, []]]}]),
        json.dumps([0, {**GOOD, "raises": ["a b", "ValueError"]}]),
        json.dumps([0, {**GOOD, "raises": 3}]),
    ],
)
def test_a_torn_or_strange_line_is_passed_over(line: str) -> None:
    cases = [Case(("clamp",), (), "clamp(4)", (), "model")]
    assert recorded([f"...{inside.MARKER}{line}\n"] * 2, cases, target_of("clamp"), SHAPES) == []


def test_a_case_counts_when_every_session_says_the_same() -> None:
    cases = [Case(("clamp",), (), "clamp(4)", (), "model")]
    one, other = (inside.MARKER + json.dumps([0, {**GOOD, "value": value}]) for value in ("4", "5"))
    assert len(recorded([one, one], cases, target_of("clamp"), SHAPES)) == 1
    assert recorded([one, other], cases, target_of("clamp"), SHAPES) == []
    assert recorded([one, ""], cases, target_of("clamp"), SHAPES) == []
    assert recorded([], cases, target_of("clamp"), SHAPES) == []


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -3,
        1.5,
        2 - 1j,
        "a'b\n",
        b"x",
        [],
        [1, (2,)],
        (),
        {"a": {1: set()}},
        {3, 1, 2},
        frozenset(),
        frozenset({1}),
    ],
)
def test_a_literal_gives_the_same_value_back(value: object) -> None:
    text = inside.literal(value)
    node = expression(text)
    assert node is not None
    assert is_literal(node)
    again = inside.evaluate(text, {})
    assert again == value
    assert type(again) is type(value)


class Words(str):
    """No literal."""


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), Words("a"), [Words("a")], len, iter([])])
def test_other_values_are_no_literals(value: object) -> None:
    with pytest.raises(inside.NoLiteral):
        inside.literal(value)
