"""The script says what was planned, whatever the names in it, and refuses in one line what cannot be said."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import ttc_data.cli
from ttc_data.errors import RecipeError, SlurmRefused, TrainingFailed
from ttc_data.train.rules import LaunchRules, TrainRecipe, load_training
from ttc_data.train.slurm import SlurmJob, job, submit, write

RUN = Path("/project/out/run")
HOSTILE = ("a b", "it's", "$(touch x)", "`id`", "a;b", "a #b", "ä", "*", "--x", "&", "~")


def planned(gpus: int = 8, launch: dict[str, Any] | None = None, **slurm: Any) -> SlurmJob:
    recipe = load_training("train-slurm", changes={"dataset": "org/set", "slurm": {"folder": "/project", **slurm}})
    rules = LaunchRules(**launch) if launch is not None else recipe.launch
    return job(recipe.model_copy(update={"launch": rules}), RUN, gpus, "/venv/bin/python")


SHAPES: dict[str, SlurmJob] = {
    "one node": planned(),
    "the processor": planned(gpus=0, launch={}),
    "in an image": planned(image="/images/a b.sif", binds=["/more"]),
    "several nodes": planned(nodes=3),
    "several nodes in an image": planned(nodes=3, image="/images/ttcdata.sif"),
    "several nodes without a server": planned(nodes=2, launch={"server_gpus": 0}),
}


@pytest.mark.parametrize("shape", list(SHAPES))
def test_the_script_is_bash(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "train.sbatch"
    path.write_text(SHAPES[shape].script)
    subprocess.run(["bash", "-n", path], check=True)
    if shutil.which("shellcheck"):
        # 2317: what a trap calls is taken for code that is never reached.
        done = subprocess.run(["shellcheck", "--exclude=SC2317", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    assert "{{" not in path.read_text()


def options(script: str) -> dict[str, str]:
    lines = [line.removeprefix("#SBATCH --") for line in script.splitlines() if line.startswith("#SBATCH")]
    return dict(line.partition("=")[::2] for line in lines)


def test_slurm_is_asked_for_what_the_recipe_says() -> None:
    found = planned(
        nodes=3, partition="gpu", account="me@lab", time="1-00:00:00", cpus_per_task=64, memory="900G", gpu_type="h100",
        lines=["#SBATCH --exclusive", "module load cuda/12"],
    )  # fmt: skip
    asked = options(found.script)
    assert asked["gpus-per-node"] == "h100:8"
    assert (asked["nodes"], asked["partition"], asked["account"]) == ("3", "gpu", "me@lab")
    assert (asked["time"], asked["cpus-per-task"], asked["mem"]) == ("1-00:00:00", "64", "900G")
    assert asked["output"] == '"/project/out/run/logs/slurm-%j.out"'
    assert {"requeue", "open-mode", "signal", "exclusive"} <= asked.keys()
    lines = found.script.splitlines()
    # Slurm reads options up to the first command; what modules do seldom holds under `set -u`.
    assert lines.index("#SBATCH --exclusive") < lines.index("module load cuda/12") < lines.index("set -euo pipefail")
    assert not {"partition", "account", "mem"} & options(planned().script).keys()
    assert "gpus-per-node" not in options(SHAPES["the processor"].script)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_mean_nothing_to_the_shell(name: str, tmp_path: Path) -> None:
    project, run = tmp_path / name, tmp_path / name / "run"
    script = planned_in(project, run).script
    given = script[script.index("\nrun=") : script.index("\n# All that is kept")]
    said = subprocess.run(
        ["bash", "-c", given + '\nprintf "%s\\n" "$run" "$project"'],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert said.stdout.splitlines() == [str(run), str(project)]
    assert list(tmp_path.iterdir()) == []
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def planned_in(project: Path, run: Path) -> SlurmJob:
    recipe = load_training("train", changes={"dataset": "org/set", "slurm": {"folder": str(project)}})
    return job(recipe, run, 1)


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a%jb", "a\nb"])
def test_a_folder_that_cannot_stand_in_the_script_is_refused(name: str) -> None:
    with pytest.raises(SlurmRefused, match="rename it"):
        planned_in(Path("/project"), Path("/runs") / name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"partition": "a b"}, {"partition": "x\n#SBATCH --nodes=9"}, {"account": "$(id)"}, {"memory": "all"},
        {"gpu_type": "h100:8"}, {"time": "soon"}, {"folder": "a\nb"}, {"image": "a\x00b"}, {"lines": ["a\nb"]}, {"nodes": 0},
    ],
)  # fmt: skip
def test_what_slurm_could_not_read_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="slurm"):
        planned(**wrong)


def test_an_image_sees_what_it_needs_under_the_same_names(tmp_path: Path) -> None:
    model, attempts = tmp_path / "model", tmp_path / "attempts"
    for folder in (model, attempts, tmp_path / "set" / "dataset" / "data"):
        folder.mkdir(parents=True)
    recipe = load_training(
        "train",
        changes={
            "model": str(model), "dataset": str(tmp_path / "set"), "select": {"difficulty": str(attempts / "one.parquet")},
            "slurm": {"folder": "/project", "image": "/images/a b.sif", "binds": ["/scratch", "/project/data"]},
        },
    )  # fmt: skip
    found = job(recipe, RUN, 1)
    line = next(line for line in found.script.splitlines() if line.startswith("inside="))
    binds = [f"--bind {path}" for path in ("/project", "/scratch", tmp_path / "set" / "dataset", model, attempts)]
    assert line == f"inside=(apptainer exec --nv {' '.join(binds)} '/images/a b.sif')"
    assert '"${inside[@]}" ttcdata train' in found.script
    assert f"#   apptainer build '/images/a b.sif' {RUN}/ttcdata.def" in found.definition
    assert "bubblewrap" in found.definition
    assert planned().definition == ""
    with pytest.raises(SlurmRefused, match="a comma, a colon"):
        planned(image="/x.sif", binds=["/a:b"])


def test_the_job_reads_a_recipe_that_means_the_same_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set" / "data").mkdir(parents=True)
    recipe = load_training("train", changes={"dataset": "set", "slurm": {"image": "x.sif"}})
    found = job(recipe, tmp_path / "run", 1)
    script = write(found, tmp_path / "run")
    assert script.read_text() == found.script
    kept = TrainRecipe.model_validate(yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text()))
    assert (kept.dataset, kept.slurm.image) == (str(tmp_path / "set"), str(tmp_path / "x.sif"))
    assert (kept.slurm.folder, kept.model) == (str(tmp_path), recipe.model)
    assert (tmp_path / "run" / "ttcdata.def").read_text() == found.definition


def test_answers_run_in_bubblewrap_on_nodes() -> None:
    assert planned().recipe.sandbox == "local"
    recipe = load_training("train", changes={"dataset": "org/set", "sandbox": "docker"})
    assert job(recipe, RUN, 1).recipe.sandbox == "docker"
    inside = recipe.model_copy(update={"slurm": recipe.slurm.model_copy(update={"image": "/x.sif"})})
    with pytest.raises(SlurmRefused, match="the image has no engine; set sandbox to local"):
        job(inside, RUN, 1)


@pytest.mark.local
def test_bubblewrap_works_inside_a_container_without_rights() -> None:
    """As Apptainer makes one for an ordinary user: an own user and mount namespace, no new privileges, the host's /proc."""
    outer = [
        "bwrap",
        "--unshare-user",
        "--uid",
        "1000",
        "--gid",
        "1000",
        "--bind",
        "/",
        "/",
        "--dev-bind",
        "/dev",
        "/dev",
    ]
    program = "from ttc_data.sandbox.local import require_bubblewrap; print(require_bubblewrap())"
    inside = [*outer, "--bind", "/proc", "/proc", "--", "grep", "NoNewPrivs", "/proc/self/status"]
    assert subprocess.run(inside, capture_output=True, text=True, check=True).stdout.split() == ["NoNewPrivs:", "1"]
    done = subprocess.run([*inside[:-3], sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("bwrap\n")


def test_the_first_of_several_nodes_generates() -> None:
    found = SHAPES["several nodes"]
    assert (found.plan.gpus, len(found.plan.server), len(found.plan.trainers)) == (24, 8, 16)
    assert "vllm_server_base_url" not in found.plan.grpo  # known when the job starts
    told = found.plan.accelerate or {}
    assert (told["num_machines"], told["num_processes"]) == (2, 16)
    assert told["deepspeed_config"]["deepspeed_multinode_launcher"] == "standard"
    assert '--host "$address"' in found.script
    assert "--data-parallel-size 8" in found.script
    assert "--nodes=2 --ntasks=2" in found.script
    without = SHAPES["several nodes without a server"]
    assert without.plan.grpo["vllm_mode"] == "colocate"
    assert (without.plan.accelerate or {})["num_processes"] == 16
    assert "vllm.entrypoints" not in without.script


@pytest.mark.parametrize(
    ("gpus", "launch", "said"),
    [
        (0, {}, "takes one node; set slurm.nodes to 1"),
        (8, {"server_gpus": 4}, r"give 8 \(the first node generates\) or 0"),
        (8, {"server_gpus": 16}, "a node generates or trains"),
        (8, {"tensor_parallel": 3}, "no multiple of it"),
        (8, {"server_gpus": 0, "tensor_parallel": 2}, "set grpo.vllm_tensor_parallel_size"),
    ],
)
def test_what_cannot_be_spread_over_nodes_is_refused(gpus: int, launch: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainingFailed, match=said):
        planned(gpus, launch=launch, nodes=2)


def test_a_job_of_one_node_pushes_its_model() -> None:
    recipe = load_training("train", changes={"dataset": "org/set"})
    script = job(recipe, RUN, 1, push_to_hub="org/model", private=True).script
    assert "--push-to-hub org/model" in script
    assert "--private" in script
    several = recipe.model_copy(update={"slurm": recipe.slurm.model_copy(update={"nodes": 3})})
    with pytest.raises(SlurmRefused, match="after this one: hf upload org/model /project/out/run/model"):
        job(several, RUN, 8, push_to_hub="org/model")


def ran(*arguments: str) -> str:
    done = CliRunner().invoke(ttc_data.cli.app, ["train", "org/set", "--recipe", "train-slurm", *arguments])
    assert done.exception is None, done.exception
    return done.stdout


def test_the_command_shows_or_writes_the_job_and_says_how_it_is_submitted(tmp_path: Path) -> None:
    project = f"slurm.folder={tmp_path}"
    shown = ran("--gpus", "8", "--slurm", "--dry-run", "--set", project)
    assert shown.startswith("#!/bin/bash\n")
    assert list(tmp_path.iterdir()) == []
    said = ran("--gpus", "8", "--slurm", "--set", project)
    script = tmp_path / "out" / "train-slurm" / "train.sbatch"
    assert said == f"written: {script}; submit it with: sbatch {script}\n"
    assert script.read_text() == shown


def test_submitting_needs_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = CliRunner().invoke(ttc_data.cli.app, ["train", "org/set", "--submit"])
    assert isinstance(done.exception, RecipeError)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SlurmRefused, match="no `sbatch` on PATH; on a machine that has it: sbatch"):
        submit(tmp_path / "train.sbatch")
