"""A session under a project's own settings of pytest: its options hold, ours turn none of them into an error."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.sandboxes import outcomes, session
from ttc_data.lang.python.packaging.options import conftests_of_ours
from ttc_data.sandbox.protocol import Job, Report, Sandbox

OURS = "ttc_doctests/test_core_double.py"
MARKED = """\
import pytest


@pytest.mark.fast
def test_fast(request):
    assert request.config.getoption("markexpr") == "fast"


def test_other():
    pass
"""
PLUGIN = """\
import pytest


def pytest_addoption(parser):
    parser.addoption("--level", type=int, default=0)


@pytest.fixture
def level(request):
    return request.config.getoption("--level")
"""


def job(files: dict[str, str], *args: str, tests: tuple[str, ...] | None = None) -> Job:
    names = tuple(path for path in files if path.rpartition("/")[2].startswith("test_"))
    return Job(test_files=names, tests=tests, files=dict(files), args=args, timeout_s=20, test_timeout_s=5)


@pytest.mark.parametrize("order", [0, 1])
def test_a_selection_among_the_project_s_tests_leaves_ours(sandbox: Sandbox, order: int) -> None:
    files = {
        "pytest.ini": "[pytest]\nmarkers = fast\n", "tests/test_it.py": MARKED,
        OURS: "def test_docstring_examples():\n    pass\n\n\ndef test_more():\n    pass\n",
    }  # fmt: skip
    wanted = job(files, "-mfast", "--strict-markers", "-knot nothing")
    report = sandbox.run(replace(wanted, order=order))
    assert outcomes(report) == {"test_fast": "passed", "test_docstring_examples": "passed", "test_more": "passed"}
    one = sandbox.run(replace(wanted, tests=(f"{OURS}::test_more",), most_failures=1))
    assert outcomes(one) == {"test_more": "passed"}


def test_a_plugin_of_the_tree_and_its_option_are_there(sandbox: Sandbox) -> None:
    files = {"helpers/plug.py": PLUGIN, "tests/test_it.py": "def test_level(level):\n    assert level == 3\n"}
    assert outcomes(sandbox.run(job(files, "-phelpers.plug", "--level=3"))) == {"test_level": "passed"}


def test_an_option_that_is_not_there_for_these_tests_is_left_out(sandbox: Sandbox) -> None:
    """`tests/conftest.py` defines it, and pytest does not read that for tests of another folder."""
    files = {"tests/conftest.py": PLUGIN, "tests/test_it.py": "def test_level(level):\n    assert level == 3\n"}
    ours = {OURS: "def test_docstring_examples():\n    pass\n"}
    given = ("--level=3", "--of-a-plugin-that-is-not-installed=auto")
    assert outcomes(sandbox.run(job(files, *given))) == {"test_level": "passed"}
    assert outcomes(sandbox.run(job(ours, *given))) == {"test_docstring_examples": "passed"}


USING_THE_CACHE = """\
def test_cache(pytestconfig, cache):
    pytestconfig.cache.set("mine/value", 3)
    assert cache.get("mine/value", None) == 3
"""


@pytest.mark.parametrize(
    "settings",
    [
        "[pytest]\ncache_dir = .cache/pytest\nfilterwarnings = error\n",
        "[pytest]\ncache_dir = .cache/pytest\naddopts = --strict-config\n",
        "[pytest]\ncache_dir = .cache/pytest\nstrict_config = true\nxfail_strict = true\nrequired_plugins = pytest-nothing\n",
    ],
    ids=["warnings are errors", "strict by an option", "strict"],
)
def test_a_folder_for_the_cache_is_no_error(sandbox: Sandbox, settings: str) -> None:
    files = {"pytest.ini": settings, "test_it.py": USING_THE_CACHE}
    report = sandbox.run(job(files, "-pcacheprovider", *(["--strict-config"] if "addopts" in settings else [])))
    assert outcomes(report) == {"test_cache": "passed"}
    assert report.exit == 0


def test_versions_do_not_find_the_cache_of_the_ones_before(sandbox: Sandbox) -> None:
    """A session that writes into the tree ends the collection that its versions share."""
    code = "from calc.core import double\n\n\ndef test_it(cache):\n    assert cache.get('seen', 0) == 0\n    cache.set('seen', double(1))\n"
    text = "def double(x):\n    return x + x\n"
    wanted = replace(session(code, files={"calc/core.py": text}), args=("-pcacheprovider",))
    found = sandbox.run_versions(wanted, [{"calc/core.py": text.replace("+", sign)} for sign in "*-/"])
    assert [outcomes(report) for report in found if isinstance(report, Report)] == 3 * [{"test_it": "passed"}]


def test_tests_of_ours_are_found_whatever_the_project_calls_its_own(sandbox: Sandbox) -> None:
    settings = {"python_files": "check_*.py", "python_functions": "check_*", "python_classes": "*Checks"}
    written = "".join(f"{name} = {value}\n" for name, value in settings.items())
    files = {
        "pytest.ini": f"[pytest]\n{written}", "checks/check_it.py": "def check_it():\n    pass\n\n\ndef test_it():\n    assert False\n",
        OURS: "def test_docstring_examples():\n    pass\n\n\ndef helper():\n    assert False\n",
        **conftests_of_ours(settings, {}, ("",)),
    }  # fmt: skip
    wanted = replace(job(files), test_files=("checks/check_it.py", OURS))
    assert outcomes(sandbox.run(wanted)) == {"check_it": "passed", "test_docstring_examples": "passed"}
    only = replace(wanted, tests=(f"{OURS}::test_docstring_examples",))
    assert outcomes(sandbox.run(only)) == {"test_docstring_examples": "passed"}
