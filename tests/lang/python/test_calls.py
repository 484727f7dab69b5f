"""A change looks equivalent when it does what the reference does with every call that could be made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tests.lang.python.made import calls
from tests.lang.python.place import Place, proposed, target_of
from tests.lang.python.shapes import SHAPES
from ttc_data.lang.python.generated.calls import MOST_COMPARED, MOST_WRITTEN
from ttc_data.lang.python.generated.case import Case
from ttc_data.lang.python.generated.recording import recorder
from ttc_data.records import Environment, FileText
from ttc_data.sandbox.protocol import Job, Report

SAME, OTHER = "max(min(value, high), low)", "max(low, value)"


def test_a_change_that_makes_no_difference_is_told_from_one_that_does(tmp_path: Path) -> None:
    versions = [SHAPES.replace("max(low, min(value, high))", new) for new in (SAME, OTHER)]
    assert calls("clamp", tmp_path).alike(versions) == [True, False]


def test_what_cannot_be_compared_looks_like_nothing(tmp_path: Path) -> None:
    assert calls("today", tmp_path).alike([SHAPES]) == [False], "it gives something else every time"
    assert calls("writes", tmp_path).alike([SHAPES]) == [False], "it is not run a second time"
    assert calls("draws", tmp_path).alike([SHAPES]) == [False], "two runs may draw the same by chance"
    assert calls("misused", tmp_path).alike([SHAPES]) == [False], "it raises whatever it is given"


def test_calls_that_somebody_means_are_written_down(tmp_path: Path) -> None:
    """Whatever tests there are: what no mutant resembles is noticed too."""
    file = calls("clamp", tmp_path).written()
    assert file is not None
    assert 4 <= file.text.count("\ndef test_") <= MOST_WRITTEN
    place = Place(tmp_path)
    for new in ("max(low, min(value, high))", SAME, OTHER, "min(value, high)", "low", "sorted((low, value, high))[0]"):
        (tmp_path / "shapes.py").write_text(SHAPES.replace("max(low, min(value, high))", new), encoding="utf-8")
        ran = place.run(file)
        assert (" failed" in ran.stdout) == (new not in ("max(low, min(value, high))", SAME)), ran.stdout


LATER = '''
class Later:
    """Calls `func` when its value is first asked for.

    Args:
        func: gives the value.
        again: whether it is called each time.

    >>> Later(list).value()
    []
    """

    def __init__(self, func=list, again=False):
        self.func = func
        self.again = again
        self.kept = None

    def value(self):
        """Give the value."""
        if self.kept is None or self.again:
            self.kept = self.func()
        return self.kept

    def __repr__(self):
        return f"<{self.value()}>"
'''


def test_no_test_is_written_of_what_only_the_reference_can_know(tmp_path: Path) -> None:
    """An answer may keep `func` under another name, and show itself as it likes: nobody asked for either."""
    file = calls("Later", tmp_path, text=LATER).written()
    assert file is not None
    assert ".value()" in file.text
    assert not [word for word in ("instance.func", "instance.again", "instance.kept", "repr(") if word in file.text]
    read = calls(
        "Later", tmp_path, text=LATER, others={"use.py": "def use(later):\n    return later.again\n"}
    ).written()
    assert read is not None
    assert "instance.again" in read.text
    told = calls(
        "Later", tmp_path, text=LATER.replace("gives the value.", "gives the value. repr() shows it.")
    ).written()
    assert told is not None
    assert "repr(" in told.text


WITHOUT = '''
def without(text: str, prefix: str) -> str:
    """Give a text without its prefix.

    >>> without("unhappy", "un")
    'happy'
    """
    return text[len(prefix):] if text.startswith(prefix) else text
'''


def test_a_text_within_another_is_asked(tmp_path: Path) -> None:
    """`text.replace(prefix, "", 1)` does the same wherever the prefix stands at the beginning, or nowhere."""
    file = calls("without", tmp_path, text=WITHOUT).written()
    assert file is not None
    place = Place(tmp_path)
    for body, is_right in (("text.removeprefix(prefix)", True), ('text.replace(prefix, "", 1)', False)):
        answer = WITHOUT.split("    return")[0] + f"    return {body}\n"
        (tmp_path / "shapes.py").write_text(answer, encoding="utf-8")
        assert (" failed" not in place.run(file).stdout) == is_right, body


def test_calls_that_tell_changes_from_the_reference_join(tmp_path: Path) -> None:
    made = calls("clamp", tmp_path)
    object.__setattr__(made, "meant", frozenset(range(MOST_COMPARED)))
    first = made.written()
    assert first is not None
    versions = [SHAPES.replace("max(low, min(value, high))", new) for new in (OTHER, "min(value, high)", "low")]
    assert made.written(versions) == first, "they are told apart already"


def test_changes_that_were_compared_are_not_run_again(tmp_path: Path) -> None:
    versions = [SHAPES.replace("max(low, min(value, high))", new) for new in (SAME, OTHER)]
    made = calls("clamp", tmp_path)
    assert made.alike(versions) == [True, False]
    object.__setattr__(made, "run_versions", never)
    assert made.written(versions[1:]) == made.written(versions[:1]) == made.written()


def test_no_change_costs_no_run(tmp_path: Path) -> None:
    made = replace(calls("clamp", tmp_path), run_versions=never)
    assert made.alike([]) == []


def never(of: Environment, job: Job, versions: Sequence[Mapping[str, str]], key: str) -> list[Report]:
    raise AssertionError("a run")


def test_a_models_calls_are_among_the_tests(tmp_path: Path) -> None:
    more = [Case(("clamp",), (), "clamp(12345, 1, 54321)", (), "model")]
    made = calls("clamp", tmp_path, more)
    assert made.told == (0, 0), "it is asked when tests are to be written"
    file = made.tests()
    assert file is not None
    assert made.told == (1, 2)
    assert "assert clamp(12345, 1, 54321) == 12345" in file.text
    assert "12345" not in (calls("clamp", tmp_path).tests() or FileText("", "")).text


def test_a_module_that_cannot_be_imported_is_told_of_by_the_test_not_by_the_collection(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (tmp_path / "shapes.py").write_text("raise ValueError('at import')\n", encoding="utf-8")
    ran = place.run(recorder(target_of("clamp"), "shapes", proposed("clamp"), once=True))
    assert "1 failed" in ran.stdout, ran.stdout
