"""Environments that are hard to make ready, and what is said of one that cannot be."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.sandboxes import DOCKER, LOCAL, PACKAGES, opened, outcomes, session
from ttc_data.hosts.build_log import ImageBuildLog

TEST = """
import iniconfig

def test_it_is_the_one_of_the_tree():
    assert iniconfig.OURS == list("ours")
"""


@pytest.mark.parametrize("kind", [LOCAL, DOCKER])
def test_a_project_that_pytest_needs_and_nobody_installs_is_made_ready(kind: str, tmp_path: Path) -> None:
    """Its release is not installed beside it, so pytest can be imported only where the tree can be."""
    folder = Path(str(distribution("iniconfig").locate_file("iniconfig")))
    tree = {f"iniconfig/{file.name}": file.read_bytes() for file in folder.glob("*.py")}
    tree["iniconfig/__init__.py"] += b'\nOURS = list("ours")\n'
    tree["tests/test_core.py"] = TEST.encode()
    packages = [name for name in PACKAGES if name != "iniconfig"]
    with opened(kind, tmp_path, tree, packages) as place:
        report = place.warm().run(session(path="tests/test_core.py"))
    assert outcomes(report) == {"test_it_is_the_one_of_the_tree": "passed"}, report.output


def test_what_is_said_of_a_failed_build_is_its_cause_and_nothing_of_our_own_program() -> None:
    lines = [
        "Step 4/10 : COPY site /environment/site\n",
        " ---> 0d5ac494cd31\n",
        "a warning of a step that went well\n",
        'Step 5/10 : RUN ["python3", "-s", "/ttcdata-bytecode.py"]\n',
        " ---> Running in 97cc39e8b48e\n",
        "\x1b[91mTraceback (most recent call last):\n\x1b[0m",
        '\x1b[91m  File "/ttcdata-bytecode.py", line 12, in <module>\n    ' + "MODULES = " * 500 + "\n\x1b[0m",
        "\x1b[91mModuleNotFoundError: No module named 'iniconfig'\n\x1b[0m",
        "Removing intermediate container 97cc39e8b48e\n",
    ]
    ended = "The command 'python3 -s /ttcdata-bytecode.py' returned a non-zero code: 1"
    log = ImageBuildLog.of([*({"stream": line} for line in lines), {"errorDetail": {"code": 1}, "error": ended}])
    assert log.cause == f"ModuleNotFoundError: No module named 'iniconfig' | {ended}"
    assert log.error == ended


def test_a_build_that_broke_off_has_no_error_of_the_engine() -> None:
    assert ImageBuildLog.of([{"stream": "Step 1/10 : FROM base\n"}]) == ImageBuildLog("", "")
