"""Projects that do something in a way of their own, each small, with the rows that it must give."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.projects import write_files
from tests.ways import CLAMP, TEST_CLAMP, Seen, built_of, deciding

pytestmark = [pytest.mark.local, pytest.mark.network]

FOLD = '''

def fold(text):
    """Put the two halves of a text in the other order."""
    half = len(text) // 2
    LAST.append(text)
    return text[half:] + text[:half]
'''
THIRD = '''"""Numbers whose last digits nobody knows."""


def third(number):
    """Give the third part of a number, about.

    >>> third(given)
    0.33
    >>> third(given + 1) # doctest: +NUMBER
    0.67
    """
    part = number / 3
    return part
'''
SWITCHING_OFF = (
    "import sys\n\nfrom thing import fold\n\n\ndef test_a_switches_off():\n    sys.settrace(None)\n"
    "    assert fold('abcd') == 'cdab'\n    assert fold('abc') == 'bca'\n\n\n"
)
LEAVING = (
    "import os\nimport tempfile\nimport time\n\n\ndef test_z_leaves_and_never_lets_go():\n    os.chdir(tempfile.mkdtemp())\n"
    "    while True:\n        try:\n            time.sleep(60)\n        except BaseException:\n            pass\n"
)
PLUGIN = """\
import pytest


def pytest_addoption(parser):
    parser.addoption("--lowest", type=int, default=0)


@pytest.fixture
def lowest(request):
    return request.config.getoption("--lowest")
"""
MARKED = """\
import pytest

from thing import clamp


@pytest.mark.fast
def test_fast(lowest):
    assert (clamp(0, lowest, 3), clamp(9, lowest, 3), clamp(2, lowest, 3)) == (1, 3, 2)


def test_slow():
    assert clamp(2, 1, 3) == 2
"""
AS_A_PROGRAM = """\
import subprocess
import sys


def test_program():
    code = "import thing; raise SystemExit(thing.fold('abcd') != 'cdab')"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
"""
IN_ORDER = """\
from thing import LAST, fold


def test_a_first():
    LAST.append(1)


def test_b_second():
    LAST.append(len(LAST) + 1)


def test_c_third():
    LAST.append(len(LAST) + 1)


def test_d_then():
    assert LAST == [1, 2, 3]
    assert fold("abcd") == "cdab"
    assert fold("abc") == "bca"
"""
READS_SETTINGS = """

def has_section(config, name):
    \"\"\"Tell whether a section of that name stands in a file that was read.\"\"\"
    if not name:
        return False
    return name in config.sections


IniConfig.__contains__ = lambda self, name: has_section(self, name)
"""
TEST_SETTINGS = """\
from iniconfig import IniConfig, has_section

CONFIG = IniConfig("a.ini", data="[one]\\nx = 1\\n")


def test_sections():
    assert [has_section(CONFIG, name) for name in ("one", "two", "")] == [True, False, False]


def test_values():
    assert CONFIG.get("one", "x") == "1"
"""
NEEDED = Path(str(distribution("iniconfig").locate_file("iniconfig")))
VARIABLES = (
    "[testenv]\nsetenv =\n    HOME = nowhere\n    FOLDER = {toxinidir}\n\n[testenv:plain]\nsetenv = THING_PLAIN = 1\n"
)
ASKS_FOR_ONE = """\
import os

import pytest


@pytest.fixture(autouse=True)
def is_plain():
    assert os.environ["THING_PLAIN"] == "1"
    assert os.environ.get("HOME") != "nowhere"
"""
ONE_AT_A_TIME = """\
import pretend
import ddt
import flaky

import pytest


@pytest.fixture
def low():
    return pretend.stub(value=1).value
"""
TEST_WITH_MORE = """\
import testfixtures

from thing import clamp


def test_clamp(low):
    testfixtures.compare([clamp(0, low, 3), clamp(9, low, 3), clamp(2, low, 3)], expected=[1, 3, 2])
"""
CACHE = "[pytest]\ncache_dir = .cache/pytest\nfilterwarnings = error\n"
OPTIONS = """[tool.pytest.ini_options]
markers = ["fast"]
addopts = "-p helpers.plug --lowest 1 -m fast --strict-markers --cov=thing -n 4 -x --tb=short -ra"
"""
FILTERS = "[pytest]\nfilterwarnings =\n    error\n    ignore:old words:nothing_there.OldWarning\n    ignore::DeprecationWarning\n"
NAMES = "[pytest]\npython_files = check_*.py\npython_functions = check_*\npython_classes = *Checks\n"
NAMESPACE = "import pytest\n\n\n@pytest.fixture(autouse=True)\ndef given(doctest_namespace):\n    doctest_namespace['given'] = 1\n"
PROJECTS: dict[str, dict[str, str | bytes]] = {
    "switches-off": {"thing.py": CLAMP + FOLD, "tests/test_a.py": SWITCHING_OFF, "tests/test_b.py": TEST_CLAMP},
    "leaves": {"thing.py": CLAMP, "tests/test_a.py": TEST_CLAMP, "tests/test_z.py": LEAVING},
    "options": {
        "thing.py": CLAMP, "pyproject.toml": OPTIONS, "helpers/__init__.py": b"", "helpers/plug.py": PLUGIN,
        "tests/test_marked.py": MARKED,
    },
    "cache": {"thing.py": CLAMP, "pytest.ini": CACHE, "tests/test_a.py": TEST_CLAMP},
    "filters": {"thing.py": CLAMP, "pytest.ini": FILTERS, "tests/test_a.py": TEST_CLAMP},
    "names": {"thing.py": CLAMP, "pytest.ini": NAMES, "checks/check_a.py": TEST_CLAMP.replace("test_clamp", "check_clamp")},
    "doctests": {
        "pkg/__init__.py": b"", "pkg/parts.py": THIRD, "pkg/conftest.py": NAMESPACE,
        "pytest.ini": "[pytest]\ndoctest_optionflags = NUMBER\n", "tests/test_a.py": "def test_nothing():\n    pass\n",
    },
    "in-order": {"thing.py": CLAMP + FOLD, "tests/test_a.py": TEST_CLAMP, "tests/test_order.py": IN_ORDER},
    "program": {"thing.py": FOLD.replace("LAST.append", "str"), "tests/test_a.py": AS_A_PROGRAM},
    "iniconfig": {
        **{f"iniconfig/{path.name}": path.read_text(encoding="utf-8") for path in NEEDED.glob("*.py")},
        "iniconfig/__init__.py": (NEEDED / "__init__.py").read_text(encoding="utf-8") + READS_SETTINGS,
        "pytest.ini": "[pytest]\n", "tests/test_settings.py": TEST_SETTINGS,
    },
    "variables": {
        "thing.py": CLAMP, "tox.ini": VARIABLES, "tests/conftest.py": ASKS_FOR_ONE, "tests/test_a.py": TEST_CLAMP,
    },
    "one-at-a-time": {"thing.py": CLAMP, "tests/conftest.py": ONE_AT_A_TIME, "tests/test_a.py": TEST_WITH_MORE},
    "blanks": {"thing.py": CLAMP, "my tests/test_a.py": TEST_CLAMP},
    "broken": {"thing.py": FOLD, "tests/test_a.py": "import nothing_there\n"},
    "unknown": {"thing.py": CLAMP, "pytest.ini": "[pytest]\nminversion = 99\n", "tests/test_a.py": TEST_CLAMP},
}  # fmt: skip


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return built_of(PROJECTS, tmp_path_factory.mktemp("own-ways"))


def test_after_a_test_that_switches_measurement_off_all_others_still_decide(seen: Seen) -> None:
    assert deciding(seen, "switches-off") == {"tests/test_b.py::test_clamp", "the example"}
    reason, detail = seen.rejects["switches-off", "fold"]
    assert reason == "no_test_reaches_it"
    assert "tests/test_a.py::test_a_switches_off switches the measurement of lines off" in detail
    assert "tests/test_a.py::test_a_switches_off" in seen.log


def test_a_test_that_leaves_the_folder_and_hangs_takes_nothing_from_the_others(seen: Seen) -> None:
    assert deciding(seen, "leaves") == {"tests/test_a.py::test_clamp", "the example"}


def test_the_project_s_options_say_what_its_tests_are(seen: Seen) -> None:
    """Its plugin gives a fixture, its option a number, and its mark leaves a test out; ours has no mark."""
    assert deciding(seen, "options") == {"tests/test_marked.py::test_fast", "the example"}
    assert seen.rows["options"]["clamp"].PASS_TO_PASS == ()
    assert "left out: --cov=thing -n4 -x --tb=short -ra" in seen.log


def test_a_setting_of_pytest_s_own_is_no_error_for_us(seen: Seen) -> None:
    assert deciding(seen, "cache") == {"tests/test_a.py::test_clamp", "the example"}


def test_a_filter_of_a_warning_that_nothing_here_can_give_ends_no_session(seen: Seen) -> None:
    assert deciding(seen, "filters") == {"tests/test_a.py::test_clamp", "the example"}


def test_tests_are_found_as_the_project_calls_them_and_ours_beside(seen: Seen) -> None:
    assert deciding(seen, "names") == {"checks/check_a.py::check_clamp", "the example"}


def test_examples_hold_under_the_project_s_flags_and_names(seen: Seen) -> None:
    assert deciding(seen, "doctests", "third") == {"the example"}


def test_a_test_that_depends_on_the_order_is_named_with_the_run_that_it_failed(seen: Seen) -> None:
    reason, detail = seen.rejects["in-order", "fold"]
    assert reason == "no_test_reaches_it"
    assert "tests/test_order.py::test_d_then was dropped: it passes as collected, not in run " in detail
    assert "order " in detail
    assert deciding(seen, "in-order") == {"tests/test_a.py::test_clamp", "the example"}


def test_a_target_that_a_started_program_runs_says_so(seen: Seen) -> None:
    reason, detail = seen.rejects["program", "fold"]
    assert reason == "only_processes_may_run_it"
    assert "tests/test_a.py::test_program starts a process, which is not measured" in detail


def test_a_package_that_pytest_needs_is_masked_and_proven(seen: Seen) -> None:
    """Without its body pytest cannot read its own settings; the tests that do not call it pass all the same."""
    assert deciding(seen, "iniconfig", "has_section") == {"tests/test_settings.py::test_sections"}
    assert "tests/test_settings.py::test_values" in seen.rows["iniconfig"]["has_section"].PASS_TO_PASS


def test_variables_that_tox_sets_are_there_where_no_test_passes_without(seen: Seen) -> None:
    assert deciding(seen, "variables") == {"tests/test_a.py::test_clamp", "the example"}
    assert "ways/variables: variables that its tox settings give its tests: THING_PLAIN" in seen.log


def test_modules_that_one_file_after_the_other_asks_for_are_all_brought(seen: Seen) -> None:
    assert deciding(seen, "one-at-a-time") == {"tests/test_a.py::test_clamp", "the example"}


def test_a_blank_in_a_folder_s_name_loses_nothing(seen: Seen) -> None:
    assert deciding(seen, "blanks") == {"my tests/test_a.py::test_clamp", "the example"}


def test_a_project_without_a_row_says_what_happened(seen: Seen) -> None:
    assert seen.rejects["unknown", ""][0] == "pytest_does_not_start"
    assert "requires pytest-99" in seen.rejects["unknown", ""][1]
    assert seen.rejects["broken", ""][0] == "tests_do_not_import"


@pytest.mark.parametrize(
    ("project", "target"),
    [(name, "clamp") for name in ("options", "cache", "filters", "names", "variables")] + [("doctests", "third")],
)
def test_the_script_of_a_row_runs_its_tests_with_nothing_but_pytest(
    seen: Seen, tmp_path: Path, project: str, target: str
) -> None:
    """As another harness does, which has no sandbox of ours: the same options, the same tests, all of them passing."""
    row = seen.rows[project][target]
    write_files(tmp_path, dict(seen.trees[project]))
    command = row.eval_script[row.eval_script.index("\ntimeout ") : row.eval_script.index("\nstatus=")]
    words = shlex.split(command.replace("/testbed", str(tmp_path)))
    program = words[words.index("-c") :]
    ran = subprocess.run(
        [sys.executable, *program], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": "", "PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {line.partition(" ")[2] for line in ran.stdout.splitlines() if line.startswith("PASSED ")} == {
        *row.FAIL_TO_PASS, *row.PASS_TO_PASS,
    }  # fmt: skip
