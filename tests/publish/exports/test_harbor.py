"""Harbor's task folders: its files, its reward, and the tests run by hand in the row's image."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.publish.shapes_set import ShapesSet, forging
from ttc_data.hosts.engine import connect
from ttc_data.publish.exports import harbor_grade
from ttc_data.publish.exports.export import export
from ttc_data.publish.images import RowImage

BY_HAND = "{before}; bash /tests/test.sh; echo; cat /logs/verifier/reward.json /logs/verifier/reward.txt"


@pytest.fixture(scope="module")
def exported(shapes: ShapesSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("harbor") / "tasks"
    assert export("harbor", shapes.out, place, cache=shapes.cache) == len(shapes.rows)
    return place


def by_hand(folder: Path, image: str, before: str) -> list[str]:
    """The two files of the reward."""
    client = connect()
    try:
        output: bytes = client.containers.run(
            image,
            ["bash", "-c", BY_HAND.format(before=before)],
            volumes={str(folder / name): {"bind": f"/{name}", "mode": "ro"} for name in ("tests", "solution")},
            network_mode="none",
            remove=True,
        )
    finally:
        client.close()
    return output.decode().splitlines()[-2:]


@pytest.mark.docker
@pytest.mark.parametrize("target", ["area", "shorten"])
def test_the_solution_earns_1_and_the_untouched_tree_0(
    shapes: ShapesSet, images: dict[str, RowImage], exported: Path, target: str
) -> None:
    folder, image = exported / shapes.rows[target].instance_id, images[target].image
    assert by_hand(folder, image, "bash /solution/solve.sh") == ['{"reward": 1.0}', "1.0"]
    assert by_hand(folder, image, "true") == ['{"reward": 0.0}', "0.0"]


@pytest.mark.docker
def test_what_an_agent_commits_does_not_change_the_tests(
    shapes: ShapesSet, images: dict[str, RowImage], exported: Path, tmp_path: Path
) -> None:
    row = shapes.rows["area"]
    folder = exported / row.instance_id
    (tmp_path / "solution").mkdir()
    (tmp_path / "solution/forged.patch").write_text(forging(row))
    (tmp_path / "tests").symlink_to(folder / "tests")
    commit = (
        "git apply /solution/forged.patch && git add -A && git -c user.name=a -c user.email=a@b.c commit -qm forged"
    )
    assert by_hand(tmp_path, images["area"].image, commit) == ['{"reward": 0.0}', "0.0"]


def test_a_task_says_where_its_image_is_and_how_long_its_tests_may_take(shapes: ShapesSet, exported: Path) -> None:
    for row in shapes.rows.values():
        folder = exported / row.instance_id
        about = tomllib.loads((folder / "task.toml").read_text())
        assert about["environment"]["docker_image"] == row.image
        assert (folder / "environment/Dockerfile").read_text() == f"FROM {row.image}\n"
        assert about["task"]["name"] == f"ttcdata/{row.instance_id}"
        assert about["verifier"]["timeout_sec"] > 12
        assert row.problem_statement.strip() in (folder / "instruction.md").read_text()
        assert all((folder / name).stat().st_mode & 0o100 for name in ("tests/test.sh", "solution/solve.sh"))


LOG = f"{harbor_grade.START}\n.F\nPASSED a.py::f[1]\nXFAIL a.py::g - why\n{harbor_grade.END}\n"


@pytest.mark.parametrize(
    ("log", "status", "reward"),
    [
        (LOG, "0", 1.0),
        (LOG, "1", 0.0),  # all pass, and pytest says otherwise
        (LOG, "124", 0.0),  # ran out of time after it had printed that
        (LOG.replace("PASSED", "FAILED"), "1", 0.0),
        (LOG.replace("XFAIL", "SKIPPED"), "0", 0.0),
        (
            LOG.replace(".F", "PASSED a.py::f[1]").replace("\nPASSED a.py::f[1]\nX", "\nFAILED a.py::f[1] - x\nX"),
            "1",
            0.0,
        ),
    ],
)
def test_the_reward_is_1_where_every_test_passed_in_a_session_that_ended_well(
    tmp_path: Path, log: str, status: str, reward: float
) -> None:
    (tmp_path / "log").write_text(log)
    (tmp_path / "tests.json").write_text(json.dumps({"FAIL_TO_PASS": ["a.py::f[1]"], "PASS_TO_PASS": ["a.py::g"]}))
    assert harbor_grade.main(str(tmp_path / "tests.json"), str(tmp_path / "log"), status, str(tmp_path)) == 0
    assert json.loads((tmp_path / "reward.json").read_text()) == {"reward": reward}
    assert float((tmp_path / "reward.txt").read_text()) == reward


def test_ids_with_blanks_and_dashes_are_found_in_the_log(tmp_path: Path) -> None:
    named = ["a.py::f[a - b]", "a.py::f[a]", "a.py::f[" + "c d" * 2_000 + "]"]
    lines = [f"PASSED {test}" for test in named]
    (tmp_path / "tests.json").write_text(json.dumps({"FAIL_TO_PASS": named, "PASS_TO_PASS": []}))
    for more, reward in ((lines, 1.0), ([*lines, f"FAILED {named[0]} - assert 1 - 1"], 0.0), (lines[:2], 0.0)):
        (tmp_path / "log").write_text("\n".join((harbor_grade.START, *more, harbor_grade.END)))
        assert harbor_grade.main(str(tmp_path / "tests.json"), str(tmp_path / "log"), "0", str(tmp_path)) == 0
        assert json.loads((tmp_path / "reward.json").read_text()) == {"reward": reward}


@pytest.mark.parametrize(("log", "status"), [("", "0"), (LOG, "127"), (LOG.replace(harbor_grade.END, ""), "0")])
def test_tests_that_could_not_be_run_are_no_reward_of_0(tmp_path: Path, log: str, status: str) -> None:
    (tmp_path / "log").write_text(log)
    (tmp_path / "tests.json").write_text(json.dumps({"FAIL_TO_PASS": ["a.py::f[1]"], "PASS_TO_PASS": []}))
    assert harbor_grade.main(str(tmp_path / "tests.json"), str(tmp_path / "log"), status, str(tmp_path)) == 1
    assert not (tmp_path / "reward.json").exists()
