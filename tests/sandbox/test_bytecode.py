"""What is imported once for all of an environment's sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.projects import write_files
from ttc_data.sandbox.inside.bytecode import list_imports

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
