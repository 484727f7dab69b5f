"""A project that pytest runs on: pytest keeps a copy of its own on what we wrote, and has none on an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.sandboxes import DOCKER, LOCAL, PACKAGES, CopyingHost, Place, opened, outcomes
from ttc_data.sandbox.judging import session_defect
from ttc_data.sandbox.protocol import Job, Report, Sandbox

NEEDED = ("pluggy", "packaging")
PATH = "src/pluggy/_manager.py"
SOURCES = {
    f"src/{name}/{path.relative_to(folder)}": path.read_bytes()
    for name in NEEDED
    for folder in (Path(str(distribution(name).locate_file(name))),)
    for path in folder.rglob("*.py")
}
MANAGER = SOURCES[PATH].decode()
BODY = "        return self._name2plugin.get(name)\n"
LINE = MANAGER[: MANAGER.index(BODY)].count("\n") + 1
MASKED = MANAGER.replace(BODY, "        raise NotImplementedError\n")
CANNOT_REGISTER = MANAGER.replace("    def register(", "    def registers(")
HANDS_ON = MANAGER.replace(
    BODY,
    """        import gc

        for other in gc.get_objects():
            found = getattr(other, "__dict__", {}).get("get_plugin") if isinstance(other, type) else None
            if found is not None and found.__code__.co_filename != __file__:
                return found(self, name)
        with open("/environment/tree/src/pluggy/_manager.py") as file:
            exec(compile(file.read(), "reference", "exec"), there := {"__name__": "pluggy.reference"})
        return there["PluginManager"].get_plugin(self, name)
""",
)
TREE = {
    **SOURCES,
    "tests/test_names.py": b"""
import sys

import pluggy


def test_finds_a_plugin():
    manager = pluggy.PluginManager("example")
    plugin = object()
    manager.register(plugin, "one")
    assert manager.get_plugin("one") is plugin


def test_makes_a_marker():
    assert pluggy.HookspecMarker("example").project_name == "example"


def test_has_the_package_of_the_tree():
    assert sys.modules["pluggy._manager"].__file__ == "/testbed/src/pluggy/_manager.py"
    assert not any(path.startswith("/environment/tree") for path in sys.path)
""",
}
FAILS_ALONE = {
    "test_finds_a_plugin": "failed",
    "test_makes_a_marker": "passed",
    "test_has_the_package_of_the_tree": "passed",
}
COPYING = pytest.param("copying", marks=pytest.mark.local)


@pytest.fixture(scope="module", params=[LOCAL, COPYING, DOCKER])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The environment of a project that pytest needs: the tree alone provides it."""
    packages = [package for package in PACKAGES if package not in NEEDED]
    with opened(request.param, tmp_path_factory.mktemp("copies"), TREE, packages, roots=("src", "")) as place:
        yield place


def job(manager: str, *, own_copy: bool) -> Job:
    return Job(("tests/test_names.py",), files={PATH: manager}, own_copy=own_copy, timeout_s=60)


@pytest.mark.parametrize("manager", [MASKED, CANNOT_REGISTER], ids=["masked", "cannot register"])
def test_pytest_tells_of_a_package_that_it_needs_itself(sandbox: Sandbox, manager: str) -> None:
    report = sandbox.run(job(manager, own_copy=True))
    assert not session_defect(report), report.output
    assert outcomes(report) == FAILS_ALONE


def test_versions_fail_the_tests_and_do_not_end_the_session(sandbox: Sandbox) -> None:
    versions = [{PATH: text} for text in (MASKED, MANAGER, CANNOT_REGISTER)]
    start = replace(job(MANAGER, own_copy=True), from_start=True)
    masked, whole, _ = sandbox.run_versions(start, versions)
    assert isinstance(masked, Report)
    assert isinstance(whole, Report)
    assert outcomes(masked) == FAILS_ALONE
    assert set(outcomes(whole).values()) == {"passed"}


def test_what_pytest_runs_is_no_test_of_it(sandbox: Sandbox) -> None:
    lines = {PATH: {"get_plugin": [(LINE, LINE)]}}
    report = sandbox.run(replace(job(MANAGER, own_copy=True), cover=lines))
    assert report.reach["get_plugin"].tests == ("tests/test_names.py::test_finds_a_plugin",)


def test_an_answer_finds_no_copy_to_hand_its_work_to(sandbox: Sandbox, place: Place) -> None:
    """It would pass where a copy is: the reference does what is asked for."""
    with_copy = sandbox.run(job(HANDS_ON, own_copy=True))
    assert outcomes(with_copy)["test_finds_a_plugin"] == "passed"
    if isinstance(place.host, CopyingHost):
        pytest.skip("where the tree is a copy, a job finds the one that it was copied from")
    alone = sandbox.run(job(HANDS_ON, own_copy=False))
    assert session_defect(alone) or outcomes(alone).get("test_finds_a_plugin") != "passed"


def test_the_reference_passes_without_a_copy(sandbox: Sandbox) -> None:
    report = sandbox.run(job(MANAGER, own_copy=False))
    assert set(outcomes(report).values()) == {"passed"}


def test_pytest_does_not_compare_versions_with_what_the_tree_provides(sandbox: Sandbox) -> None:
    """`minversion` is compared by `packaging`, which a tree may hold, and whose body may be masked."""
    files = {
        PATH: MANAGER,
        "pytest.ini": "[pytest]\nminversion = 6.0\n",
        "src/packaging/version.py": "raise NotImplementedError\n",
    }
    report = sandbox.run(replace(job(MANAGER, own_copy=True), files=files))
    assert not session_defect(report), report.output
    assert set(outcomes(report).values()) == {"passed"}
