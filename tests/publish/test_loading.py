"""`load_dataset` gives a set's own rows, whatever else this machine has loaded under the same name."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub import Hub
from tests.publish.conftest import NAME, READS, Here, User
from tests.publish.small import SmallBuild
from ttc_data.dataset import Dataset

# The client's uploads by LFS hand httpx2 a file in a way that httpx2 no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw:DeprecationWarning")
LOAD = """
import json, sys
from datasets import load_dataset
print(json.dumps([sorted(load_dataset(name, split="train")["instance_id"]) for name in sys.argv[1:]]))
"""


def ids(build: SmallBuild) -> list[str]:
    return sorted(name for name, split in Dataset(build.out).splits().items() if split == "train")


def test_two_sets_of_one_name_are_loaded_each_with_its_own_rows(
    hub: Hub, tmp_path: Path, first: SmallBuild, second: SmallBuild
) -> None:
    """Every build's folder of rows is called `dataset`, and `datasets` caches by that and by what the card declares."""
    user = User(hub, tmp_path, READS)
    folders = [build.out / "dataset" for build in (first, second, first)]
    loaded = user.run(sys.executable, "-c", LOAD, *folders)
    assert loaded.returncode == 0, loaded.stderr
    assert json.loads(loaded.stdout) == [ids(first), ids(second), ids(first)]


def test_the_hubs_newest_rows_are_loaded_after_a_push(
    hub: Hub, tmp_path: Path, here: Here, first: SmallBuild, second: SmallBuild
) -> None:
    user = User(hub, tmp_path, READS)
    for build in (first, second):
        assert here(build.out).returncode == 0
        loaded = user.run(sys.executable, "-c", LOAD, NAME)
        assert loaded.returncode == 0, loaded.stderr
        assert json.loads(loaded.stdout) == [ids(build)]


def test_no_test_sees_what_the_machine_has_loaded_before(tmp_path: Path) -> None:
    """A suite that is started with its user's caches in the environment has caches of its own."""
    users = {name: str(tmp_path / name) for name in ("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_TOKEN_PATH")}
    test = f"import os\n\ndef test_it():\n    print([os.environ.get(name) for name in {list(users)}])\n"
    (tmp_path / "test_places.py").write_text(test, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-s",
        "-q",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    ran = subprocess.run(command, env={**os.environ, **users}, capture_output=True, text=True, check=True)
    home, *others = ast.literal_eval(ran.stdout.splitlines()[0])
    assert "ttcdata-tests-hf-" in home
    assert others == [None, None, None]
    assert not Path(home).exists(), "a suite leaves its caches behind"
