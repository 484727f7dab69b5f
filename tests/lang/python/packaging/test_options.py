"""Of a project's pytest settings what changes its tests is kept, and everything else is left out by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.lang.python.packaging.describe import find_test_files
from ttc_data.lang.python.packaging.options import (
    conftests_of_ours,
    ignored,
    kept_and_dropped,
    known_plugins,
    plugins_in_use,
    without_strictness,
)
from ttc_data.pytest_options import concern, is_argument

KEPT = {
    "--asyncio-mode=auto": ("--asyncio-mode=auto",),
    "--asyncio-mode auto": ("--asyncio-mode=auto",),
    "-p helpers.plug -p no:randomly": ("-phelpers.plug", "-pno:randomly"),
    "-m 'not slow and not net'": ("-mnot slow and not net",),
    "-k 'not (a or b)'": ("-knot (a or b)",),
    "--strict-markers --doctest-modules": ("--strict-markers", "--doctest-modules"),
    "--doctest-glob='*.rst'": ("--doctest-glob=*.rst",),
    "-W error -Wignore::DeprecationWarning": ("-Werror", "-Wignore::DeprecationWarning"),
    "--hypothesis-profile=ci --disable-socket --ds=site.settings": (
        "--hypothesis-profile=ci", "--disable-socket", "--ds=site.settings",
    ),
    "-o asyncio_mode=auto --runslow": ("-oasyncio_mode=auto", "--runslow"),
    "--deselect tests/a.py::test_x --ignore tests/old": ("--deselect=tests/a.py::test_x", "--ignore=tests/old"),
    "--log-level=DEBUG --runxfail": ("--log-level=DEBUG", "--runxfail"),
    "--benchmark-skip": ("--benchmark-skip",),
    "-rs -m slow": ("-mslow",),
    "--runslow tests/unit --level 3": ("--runslow", "--level=3"),
}  # fmt: skip
DROPPED = {
    "-ra -q -vv -s -l --tb=short --color=yes --durations=10 --no-header": "output",
    "-rxXs --showlocals --junitxml=report.xml --html report.html --log-cli-level=INFO --benchmark-columns=min": "output",
    "-n auto -n4 --dist=loadfile --numprocesses 4 -p xdist --forked": "parallelism",
    "--cov --cov=src --cov-report term-missing --no-cov-on-fail -p no:cov --cov-fail-under=90": "coverage",
    "-x --maxfail=1 --exitfirst --ff --lf --sw --timeout=60 --reruns 3 --pdb": "stopping",
    "--strict-config": "settings",
    "-c other.ini --rootdir=. --basetemp=/tmp/x": "place",
    "tests src/more": "a path",
    "--import-mode=evil": "no value",
    "-m ''": "no value",
}


@pytest.mark.parametrize("given", KEPT)
def test_options_that_change_the_meaning_of_tests_are_kept(given: str) -> None:
    kept, _ = kept_and_dropped({"addopts": given})
    assert kept == KEPT[given]
    assert all(map(is_argument, kept))


@pytest.mark.parametrize("given", DROPPED)
def test_options_about_anything_else_are_left_out_and_named(given: str) -> None:
    kept, dropped = kept_and_dropped({"addopts": given})
    assert kept == ()
    assert dropped
    assert all(
        part in " ".join(dropped).replace(" ", "") for part in given.replace("'", "").split() if part[:2] == "--"
    )
    if DROPPED[given] in ("output", "parallelism", "coverage", "stopping", "settings"):
        assert {concern(option) for option in dropped if option.startswith("-")} == {DROPPED[given]}


def test_short_options_may_stand_together() -> None:
    assert kept_and_dropped({"addopts": "-vxm slow -qrA"}) == (("-mslow",), ("-v", "-x", "-q", "-rA"))


def test_a_list_of_options_is_read_as_one_text_is() -> None:
    assert kept_and_dropped({"addopts": ["-m", "not slow", "-ra"]}) == (("-mnot slow",), ("-ra",))


@given(st.text(max_size=60) | st.lists(st.text(max_size=20)))
def test_whatever_the_settings_hold_what_is_kept_can_be_written_down(value: object) -> None:
    kept, _ = kept_and_dropped({"addopts": value})
    assert all(map(is_argument, kept))


@pytest.mark.parametrize(
    "option", ["--junitxml=x", "-x", "-nauto", "--basetemp=x", "tests", "-p", "-pno:xdist", "--a\n--b", "-", ""]
)
def test_what_could_not_have_been_kept_is_no_argument(option: str) -> None:
    assert not is_argument(option)


def test_a_plugin_that_is_nowhere_is_not_asked_for() -> None:
    files = {"src/plug.py": b"", "helpers/more/__init__.py": b""}
    options = [
        "-pplug",
        "-phelpers.more",
        "-pdoctest",
        "-pno:anything",
        "-pgone",
        "-ppytest_mock",
        "-pmock",
        "-psocket",
        "-mx",
    ]
    kept = known_plugins(options, files, ("src", ""), "pytest-mock==3.0 --hash=sha256:0\n")
    assert kept == ["-pplug", "-phelpers.more", "-pdoctest", "-pno:anything", "-ppytest_mock", "-pmock", "-mx"]


def test_marks_of_a_plugin_that_may_not_be_installed_are_no_error() -> None:
    """With `--strict-markers` a file with `@pytest.mark.timeout` could not be collected where pytest-timeout is left out."""
    files = {"tests/test_a.py": b"@pytest.mark.slow\n@pytest.mark.own\n@pytest.mark.parametrize\ndef test_a(): pass\n"}
    files |= {"conftest.py": b"def pytest_configure(config):\n    config.addinivalue_line('markers', 'own: mine')\n"}
    options, tests = ["--strict-markers", "-mslow"], ["tests/test_a.py"]
    settings = {"markers": "\n    slow: takes a while\n    net(host)"}
    assert without_strictness(options, settings, files, tests) == options
    assert without_strictness(options, {"markers": ["slow", "net"]}, files, tests) == options
    more = {**files, "tests/test_b.py": b"@pytest.mark.timeout(5)\ndef test_b(): pass\n"}
    assert without_strictness(options, settings, more, [*tests, "tests/test_b.py"]) == ["-mslow"]


def test_what_the_project_ignores_is_no_test_file() -> None:
    options = ("--ignore=tests/old/", "--ignore=./slow.py", "--ignore-glob=*_net.py")
    paths = ["tests/old/test_a.py", "tests/test_a.py", "slow.py", "tests/test_net.py", "tests/older/test_a.py"]
    assert [path for path in paths if not ignored(path, options)] == ["tests/test_a.py", "tests/older/test_a.py"]


CHECKS = b"def check_it():\n    pass\n"


@pytest.mark.parametrize(
    ("settings", "files", "found"),
    [
        ({"python_files": "check_*.py", "python_functions": "check_*"}, {"checks/check_a.py": CHECKS}, ["checks/check_a.py"]),
        ({"python_files": "check_*.py"}, {"checks/check_a.py": CHECKS}, []),  # no function of it is called a test
        ({"python_files": ["checks/*.py"], "python_functions": ["check"]}, {"checks/a.py": CHECKS, "a.py": CHECKS}, ["checks/a.py"]),
        ({"python_files": "*.py"}, {"mod.py": b"def test_it(): pass\n", "tests/core.py": b"def test_it(): pass\n"}, ["tests/core.py"]),
        ({"python_files": "*_spec.py", "python_classes": "*Spec"}, {"a_spec.py": b"class ASpec:\n    pass\n"}, ["a_spec.py"]),
        ({}, {"checks/check_a.py": CHECKS, "test_a.py": b""}, ["test_a.py"]),
    ],
)  # fmt: skip
def test_files_that_the_settings_name_are_test_files(
    settings: dict[str, object], files: dict[str, bytes], found: list[str]
) -> None:
    assert list(find_test_files(files, settings)) == found


def test_our_own_tests_need_help_only_where_functions_are_named_in_another_way() -> None:
    for functions in ("test", "test_*", "test_* check_*", "*", ""):
        assert conftests_of_ours({"python_functions": functions}, {}, ("",)) == {}
    assert len(conftests_of_ours({"python_functions": "check_*"}, {}, ("",))) == 3


def test_plugins_of_pytest_s_are_asked_for_where_the_project_uses_them() -> None:
    assert list(plugins_in_use({}, {"conftest.py": b""}, ())) == []
    assert list(plugins_in_use({"cache_dir": "x", "doctest_optionflags": "NUMBER"}, {}, ())) == [
        "-pcacheprovider",
        "-pdoctest",
    ]
    conftest = b"def pytest_configure(config):\n    config.cache.get('x', 0)\n"
    assert list(plugins_in_use({}, {"a/conftest.py": conftest}, ())) == ["-pcacheprovider"]
