"""The environment variables that a project's own settings of tox give its tests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ttc_data.lang.python.packaging.declared import read_ini, read_toml, table, text_of

CONFTEST = "conftest.py"
MOST_SETS = 8
LINE = re.compile(r"([A-Za-z_]\w*)\s*=\s*(.*)")
FACTOR = re.compile(r"[\w.!{},-]+\s*:\s+(?=[A-Za-z_]\w*\s*=)")
INHERITED = re.compile(r"\{\[testenv\]set_?env\}")
ROOT = re.compile(r"\{(?:toxinidir|tox_root)\}")
TREE = "/testbed"
# Those of the machine, the interpreter, compilers and the tools around a suite: a session has its own, or they come too late.
NEVER = re.compile(
    r"PATH|HOME|USER|SHELL|LANG|TZ|TMPDIR|TEMP|TMP|.*FLAGS|(PYTHON|PYTEST_ADDOPTS|LD_|LC_|COV|TOX|PIP_|UV_|VIRTUAL).*"
)


def variable_sets(files: Mapping[str, bytes]) -> list[dict[str, str]]:
    """What tox sets: of the environment that the others are based on, then of each of these, every set once.

    An environment that names the base's (`{[testenv]setenv}`) has its variables too, and `{toxinidir}` is where sessions have
    the tree; another value that tox would fill in (`{envdir}`) is left out. Of factors (`py311: A = 1`) all are taken.

    Args:
        files: of the tree, by path.
    """
    data = read_toml(files, "pyproject.toml")
    legacy = str(table(data, "tool", "tox").get("legacy_tox_ini") or "")
    sections = read_ini(text_of(files, "tox.ini") or legacy)
    base = _of_section(sections.get("testenv", {}), {})
    found = [base]
    found += [_of_section(section, base) for name, section in sections.items() if name.startswith("testenv:")]
    for native in (read_toml(files, "tox.toml"), table(data, "tool", "tox")):
        found.append(dict(_plain(table(native, "env_run_base", "set_env"))))
        found += [dict(_plain(table(native, "env", name, "set_env"))) for name in table(native, "env")]
    distinct = [one for number, one in enumerate(found) if one and one not in found[:number]]
    return distinct[:MOST_SETS]


def conftest_with(variables: Mapping[str, str]) -> str:
    """A `conftest.py` for the tree's root that sets them before anything of the project is imported."""
    lines = "".join(f"os.environ[{name!r}] = {value!r}\n" for name, value in variables.items())
    return f"# Written from the project's settings of tox.\nimport os\n\n{lines}"


def _of_section(section: Mapping[str, str], base: Mapping[str, str]) -> dict[str, str]:
    """What one section of `tox.ini` sets, by either name of the key."""
    text = section.get("set_env") or section.get("setenv") or ""
    return {**(base if INHERITED.search(text) else {}), **dict(_plain(_lines(text)))}


def _lines(text: str) -> dict[str, str]:
    """Of `NAME = value` lines, with a factor before or none; others are conditions and files."""
    matches = (LINE.fullmatch(FACTOR.sub("", line.strip())) for line in text.splitlines())
    return {match[1]: ROOT.sub(TREE, match[2]) for match in matches if match}


def _plain(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        if isinstance(value, str) and "{" not in value and LINE.fullmatch(f"{name}=") and not NEVER.fullmatch(name):
            yield name, value
