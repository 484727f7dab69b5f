"""What is imported once for all of an environment's sessions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import write_files
from ttc_data.sandbox.inside.bytecode import list_imports
from ttc_data.sandbox.stream import bytecode_program, with_arguments

PLUGIN = {
    "plugin.py": "",
    "plugin-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: plugin\nVersion: 1\n",
    "plugin-1.dist-info/entry_points.txt": "[pytest11]\nnamed = plugin:hooks\n\n[console_scripts]\nrun = other:main\n",
    "other.py": "",
}


@pytest.mark.parametrize(
    ("installed", "found"),
    [
        (PLUGIN, ["json", "plugin"]),
        ({**PLUGIN, "hypothesis/__init__.py": ""}, ["hypothesis.internal.observability", "json", "plugin"]),
    ],
)
def test_what_the_tree_or_every_session_imports_is_listed_where_it_is_installed(
    installed: dict[str, str | bytes], found: list[str], tmp_path: Path
) -> None:
    site = write_files(tmp_path / "site", installed)
    tree = write_files(tmp_path / "tree", {"m.py": "import json, absent\n\ndef f():\n    import other\n"})
    list_imports(str(site), str(tree))
    assert (site / ".ttcdata-imports").read_text().split() == found


# As in pytest 8: what a configuration says is known once it is parsed, and a rewriter may have none.
OF_PYTEST_8 = {
    "_pytest/assertion/rewrite.py": """
PYC_TAIL = ".old-pytest.pyc"
def _rewrite_test(path, config):
    if config is not None:
        config.inicfg
    return "stat", "code"
def _write_pyc_fp(file, source, code):
    file.write(bytes(16) + code.encode())
""",
    "_pytest/config.py": "class Config: pass\ndef get_config(): return Config()\n",
}


@pytest.mark.parametrize(
    ("installed", "made"), [(OF_PYTEST_8, ["test_m.old-pytest.pyc"]), ({"_pytest/config.py": "import iniconfig"}, [])]
)
def test_another_pytest_and_one_that_needs_the_project_are_no_reason_to_fail(
    installed: dict[str, str | bytes], made: list[str], tmp_path: Path
) -> None:
    site = write_files(tmp_path / "site", installed)
    tree = write_files(tmp_path / "tree", {"test_m.py": "def test_it():\n    assert 1\n"})
    program = with_arguments(bytecode_program(), str(site), str(tree), "test_m.py")
    subprocess.run([sys.executable, "-s", "-S", "-"], input=program.encode(), check=True)
    assert [path.name for path in tree.rglob("*pytest*.pyc")] == made
