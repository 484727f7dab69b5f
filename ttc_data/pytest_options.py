"""pytest's options, and its plugins': which of them change what a test is, and which are a matter of how a suite is run."""

from __future__ import annotations

import re
from collections.abc import Mapping

MOST_CHARS = 500
CONCERNS: Mapping[str, re.Pattern[str]] = {
    concern: re.compile("|".join(names.split()))
    for concern, names in {
        "output": """
            --verbos.* --quiet --tb --(no-)?showlocals --color --code-highlight --no-header --no-summary --no-fold-skipped --durations.*
            --capture --show-capture --full-?trace --junit.* --report-log.* --pastebin --debug --disable-(pytest-)?warnings --log-cli.*
            --log-file.* --doctest-report --(self-contained-)?html --json.* --(clean-)?allure.* --xfail-tb --force-short-summary
            --force-sugar --old-summary --instafail.* --benchmark-(?!skip).* --hypothesis-(show-statistics|verbosity|explain) --profile.*
            --memray.* --help --version --fixtures.* --markers --trace-config --collect-?only --co --setup-(only|plan|show) --emoji
            --pspec --spec --picked --nunit.* --tap.* --md.* --csv.* --excelreport --pretty --rich --stdout --suppress-.* --github.*
        """,
        "parallelism": """
            --numprocesses --maxprocesses --dist --tx --px --rsync.* --looponfail --boxed --forked --workers --tests-per-worker
            --max-worker-restart --testrunuid --maxschedchunk --(no-)?loadscope-reorder --parallel-threads --iterations
        """,
        "coverage": "--cov(-.*)? --no-cov.* --testmon.*",
        "stopping": """
            --exitfirst --maxfail --lf --last-failed --ff --failed-first --nf --new-first --lfnf --last-failed-no-failures --sw.*
            --stepwise.* --cache-(show|clear) --(session-)?timeout.* --pdb(cls)? --trace --reruns.* --(only|fail-on).*rerun.* --rerun-.*
            --(no-)?flaky-report --force-flaky --max-runs --min-passes --count --repeat.*
        """,
        "settings": "--strict-config",
        "place": "--config-file --rootdir --basetemp --confcutdir",
    }.items()
}
"""Long options by what they concern; each name is a regular expression. What is none of these may change what a test is."""
SHORT = {"v": "output", "q": "output", "s": "output", "l": "output", "r": "output", "h": "output", "V": "output",
         "n": "parallelism", "d": "parallelism", "f": "parallelism", "x": "stopping", "c": "place"}  # fmt: skip
PLUGINS = {
        "cov": "coverage", "pytest_cov": "coverage", "testmon": "coverage", "xdist": "parallelism", "pytest_xdist": "parallelism",
        "pytest_forked": "parallelism", "forked": "parallelism", "terminal": "output", "sugar": "output", "pytest_sugar": "output",
        "pytest_html": "output", "pytest_timeout": "stopping", "timeout": "stopping", "rerunfailures": "stopping",
        "pytest_rerunfailures": "stopping", "instafail": "output", "pastebin": "output", "junitxml": "output",
}  # fmt: skip
INI = {
        "addopts": "place", "required_plugins": "place", "cache_dir": "place", "testpaths": "place", "console_output_style": "output",
        "junit_": "output", "log_cli": "output", "log_file": "output", "verbosity": "output", "timeout": "stopping",
        "faulthandler_timeout": "stopping", "xfail_strict": "output",
}  # fmt: skip
"""Beginnings of settings that `-o` may give."""
PLUGIN = re.compile(r"-p(?:no:)?[A-Za-z_][A-Za-z0-9_.-]{0,99}")
IMPORT_MODES = ("prepend", "append", "importlib")
WITH_TEXT = re.compile(r"-[kmWo][^\x00-\x1f\x7f-\x9f]+")
FILTERS = re.compile(r"-ofilterwarnings=(?:[^\x00-\x1f\x7f-\x9f]{0,500}\n?){0,40}")
"""All the project's own but some: a line each."""
LONG = re.compile(r"--[A-Za-z][A-Za-z0-9_-]{0,60}(?:=[^\x00-\x1f\x7f-\x9f]*)?")
# Of pytest itself: every session knows them, whatever is installed.
OWN = frozenset(
    (
        "--import-mode", "--strict", "--strict-markers", "--doctest-modules", "--doctest-glob",
        "--doctest-ignore-import-errors", "--doctest-continue-on-failure", "--ignore", "--ignore-glob", "--deselect",
        "--noconftest", "--keep-duplicates", "--collect-in-virtualenv", "--pyargs", "--runxfail", "--assert",
        "--pythonwarnings", "--override-ini", "--log-level", "--log-format", "--log-date-format",
        "--disable-plugin-autoload", "--benchmark-disable",
    )
)  # fmt: skip
WITH_VALUE = frozenset(
    (
        "--import-mode", "--doctest-glob", "--ignore", "--ignore-glob", "--deselect", "--assert", "--pythonwarnings",
        "--override-ini", "--log-level", "--log-format", "--log-date-format",
    )
)  # fmt: skip


def concern(option: str) -> str:
    """What an option is about, where that changes no test: `output`, `parallelism`, `coverage`, `stopping`, `settings` or `place`; else `""`.

    Args:
        option: one word: `--name`, `--name=value`, `-p` or another short option with its value.
    """
    name = option.partition("=")[0]
    if name.startswith("--"):
        if name == "--benchmark-disable":
            return ""
        return next((about for about, names in CONCERNS.items() if names.fullmatch(name)), "")
    if option.startswith("-p"):
        plugin = option[2:].strip().removeprefix("no:")
        return PLUGINS.get(plugin, PLUGINS.get(plugin.partition(".")[0], ""))
    if option.startswith("-o"):
        return next((about for begin, about in INI.items() if option[2:].strip().startswith(begin)), "")
    return SHORT.get(option[1:2], "")


def is_argument(option: str) -> bool:
    """Whether it is one option in one word, of a form that is known, and about what tests are."""
    if "\n" in option:
        return FILTERS.fullmatch(option) is not None
    form = PLUGIN.fullmatch(option) or WITH_TEXT.fullmatch(option) or LONG.fullmatch(option)
    name, _, value = option.partition("=")
    if name == "--import-mode" and value not in IMPORT_MODES:
        return False
    return form is not None and len(option) <= MOST_CHARS and not concern(option)


def is_own(option: str) -> bool:
    """Whether every pytest knows an option, whatever is installed beside it."""
    return not option.startswith("--") or option.partition("=")[0] in OWN


def selects(option: str) -> bool:
    """Whether an option chooses among tests that are collected."""
    return option.startswith(("-k", "-m", "--deselect"))
