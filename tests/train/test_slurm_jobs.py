"""Jobs in a real Slurm: three nodes of this machine, with programs of our own in place of training, and training itself."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.train.cluster import ENDED, NODES, Cluster, cluster
from tests.train.small_model import make_model
from tests.train.test_grpo import ANSWERS, NAMES, steps, weights
from ttc_data.cache import Cache
from ttc_data.train.grpo import last_whole
from ttc_data.train.rules import load_training
from ttc_data.train.slurm import job, write

pytestmark = pytest.mark.slurm

TTCDATA = Path(sys.executable).parent / "ttcdata"
# Tells what it was started with; then does what the file `do` of the run's folder says.
PROGRAM = """#!{python} -S
import json, os, signal, sys, time
from pathlib import Path
run = Path({run!r})
role = "server" if "serve" in sys.argv else "trainer"
name = f"{{role}}-{{os.environ['SLURMD_NODENAME']}}-{{os.environ.get('SLURM_RESTART_COUNT', '0')}}"
def end(number, frame):
    (run / f"{{name}}.told").write_text(str(number))
    sys.exit(130)
signal.signal(signal.SIGTERM, end)
(run / f"{{name}}.json").write_text(json.dumps({{"told": sys.argv[1:], "env": dict(os.environ)}}))
{does}
"""
WAIT = "time.sleep(600)"
STEP = "(run / 'checkpoint-1').mkdir(); (run / 'checkpoint-1' / 'trainer_state.json').touch()"
TORN = "(run / 'checkpoint-2').mkdir()"


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("slurm")) as found:
        yield found


def submitted(slurm: Cluster, project: Path, does: str, gpus: int = 0, **rules: Any) -> tuple[str, Path]:
    """A job whose programs do this, and its run's folder."""
    run, programs = project / "out" / "run", project / "bin"
    programs.mkdir(parents=True)
    run.mkdir(parents=True)
    for name in ("python", "ttcdata"):
        text = PROGRAM.format(python=sys.executable, run=str(run), does=does)
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    recipe = load_training(
        "train", changes={"dataset": "org/set", "slurm": {"folder": str(project), "time": "10", **rules}}
    )
    wanted = job(recipe, run, gpus, str(programs / "python"))
    script = write(wanted, run)
    # There are no GPUs to give.
    script.write_text("".join(line for line in wanted.script.splitlines(keepends=True) if "gpus-per-node" not in line))
    return slurm.ask("sbatch", "--parsable", str(script)), run


def log(run: Path, number: str) -> str:
    return (run / "logs" / f"slurm-{number}.out").read_text()


def started(path: Path) -> dict[str, Any]:
    until = time.monotonic() + 60
    while not path.is_file() or not path.read_text():
        assert time.monotonic() < until, f"{path.name} did not start"
        time.sleep(0.1)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def again(slurm: Cluster, number: str, run: Path) -> None:
    """Wait until a job is back in the queue, and let its turn come."""
    until = time.monotonic() + 60
    while slurm.about(number).get("Restarts") != "1":
        assert time.monotonic() < until, log(run, number)
        time.sleep(0.1)
    # Slurm lets it wait two minutes; within a second it would take the credentials that it has just revoked.
    slurm.ask("scontrol", "update", f"JobId={number}", "StartTime=now+2")


@pytest.mark.parametrize("name", ["plain", "it's $HOME `id` #1 ä;b"])
def test_a_job_trains_with_its_caches_under_the_projects_folder(slurm: Cluster, tmp_path: Path, name: str) -> None:
    project = tmp_path / name
    number, run = submitted(slurm, project, "")
    assert slurm.wait_for(number, *ENDED)["JobState"] == "COMPLETED", log(run, number)
    found = json.loads((run / "trainer-first-0.json").read_text())
    assert found["told"] == ["train", "--recipe", str(run / "recipe.yaml"), "--gpus", "0", "--out", str(run)]
    for key in ("HF_HOME", "TTCDATA_CACHE", "UV_CACHE_DIR", "VLLM_CACHE_ROOT", "TRITON_CACHE_DIR",
                "TORCHINDUCTOR_CACHE_DIR", "XDG_CACHE_HOME", "WANDB_CACHE_DIR", "WANDB_DIR"):  # fmt: skip
        place = Path(found["env"][key])
        assert place.is_dir()
        assert place.is_relative_to(project)


def test_a_job_out_of_time_ends_what_runs_and_comes_back_where_it_learned_something(
    slurm: Cluster, tmp_path: Path
) -> None:
    first = f"if name.endswith('-0'):\n    {STEP}\n    (run / 'ready').touch()\n    {WAIT}"
    number, run = submitted(slurm, tmp_path, first)
    started(run / "trainer-first-0.json")
    slurm.ask("scancel", "--batch", "--signal=USR1", number)  # what --signal does before the time is over
    again(slurm, number, run)
    assert (run / "trainer-first-0.told").read_text() == "15"
    assert slurm.wait_for(number, *ENDED)["JobState"] == "COMPLETED", log(run, number)
    assert (run / "trainer-first-1.json").is_file()


def test_a_job_that_learned_nothing_in_its_time_fails_and_says_why(slurm: Cluster, tmp_path: Path) -> None:
    number, run = submitted(slurm, tmp_path, f"{TORN}\n{WAIT}")
    started(run / "trainer-first-0.json")
    slurm.ask("scancel", "--batch", "--signal=USR1", number)
    assert slurm.wait_for(number, *ENDED)["JobState"] == "FAILED"
    assert "error: no checkpoint in the whole time; raise slurm.time or lower grpo.save_steps" in log(run, number)


def test_a_job_that_is_cancelled_does_not_come_back(slurm: Cluster, tmp_path: Path) -> None:
    number, run = submitted(slurm, tmp_path, f"{STEP}\n{WAIT}")
    started(run / "trainer-first-0.json")
    slurm.ask("scancel", number)
    found = slurm.wait_for(number, *ENDED)
    assert (found["JobState"], found["Restarts"]) == ("CANCELLED", "0")
    assert (run / "trainer-first-0.told").read_text() == "15"


def test_several_nodes_generate_and_train_and_end_together(slurm: Cluster, tmp_path: Path) -> None:
    does = f"if role == 'server': {WAIT}\nwhile not (run / 'server-first-0.json').is_file(): time.sleep(0.1)"
    number, run = submitted(slurm, tmp_path, does, gpus=8, nodes=3)
    assert slurm.wait_for(number, *ENDED)["JobState"] == "COMPLETED", log(run, number)
    server = json.loads((run / "server-first-0.json").read_text())
    address = server["told"][server["told"].index("--host") + 1]
    assert server["env"]["VLLM_SERVER_DEV_MODE"] == "1"
    assert (run / "server-first-0.told").is_file()
    for rank, node in enumerate(NODES[1:]):
        found = json.loads((run / f"trainer-{node}-0.json").read_text())
        told = dict(zip(found["told"], found["told"][1:], strict=False))
        assert found["told"][:2] == ["-m", "accelerate.commands.launch"]
        assert (told["--machine_rank"], told["--main_process_ip"]) == (str(rank), address)
        assert told["--main_process_port"] == str(20_000 + int(number))
        assert found["told"][-3:] == ["-m", "ttc_data.train.grpo", str(run)]
        assert found["env"]["TTCDATA_SERVER"] == f"http://{address}:8000"
    after = json.loads((run / "trainer-first-0.json").read_text())
    assert after["told"] == ["-m", "ttc_data.train.nodes", str(run)]


def test_a_server_that_fails_ends_the_trainers(slurm: Cluster, tmp_path: Path) -> None:
    number, run = submitted(slurm, tmp_path, f"if role == 'server': sys.exit(3)\n{WAIT}", gpus=8, nodes=2)
    assert slurm.wait_for(number, *ENDED)["JobState"] == "FAILED"
    assert f"error: the server has ended, see {run}/logs/server.log" in log(run, number)


def test_a_trainer_that_fails_ends_the_others(slurm: Cluster, tmp_path: Path) -> None:
    does = f"if os.environ['SLURMD_NODENAME'] == 'third': sys.exit(3)\n{WAIT}"
    number, run = submitted(slurm, tmp_path, does, gpus=8, nodes=3)
    assert slurm.wait_for(number, *ENDED)["JobState"] == "FAILED"
    assert (run / "server-first-0.told").is_file()


APPTAINER = """#!/bin/bash
# In place of Apptainer: keeps what it was told, and runs the command where it is.
printf '%s\\n' "$@" > {seen}
shift
while [[ $1 == --* ]]; do [[ $1 == --bind ]] && shift; shift; done
shift
exec "$@"
"""


def test_every_program_of_a_job_runs_in_the_image(slurm: Cluster, tmp_path: Path) -> None:
    project, seen = tmp_path / "a b", tmp_path / "seen"
    (tmp_path / "apptainer").write_text(APPTAINER.format(seen=f"{seen}-$SLURM_STEP_ID-$SLURM_PROCID"))
    (tmp_path / "apptainer").chmod(0o755)
    # Inside of an image, `python` is the image's.
    lines = [f"export PATH='{project}/bin:{tmp_path}':$PATH"]
    does = f"if role == 'server': {WAIT}\nwhile not (run / 'server-first-0.json').is_file(): time.sleep(0.1)"
    image = str(project / "it's.sif")
    number, run = submitted(slurm, project, does, gpus=8, nodes=3, image=image, lines=lines)
    assert slurm.wait_for(number, *ENDED)["JobState"] == "COMPLETED", log(run, number)
    told = [path.read_text().splitlines() for path in tmp_path.glob("seen-*")]
    assert len(told) == 4
    assert all(words[:5] == ["exec", "--nv", "--bind", str(project), image] for words in told)
    assert {words[5] for words in told} == {"python", "bash"}
    ranks = [json.loads((run / f"trainer-{node}-0.json").read_text())["told"] for node in NODES[1:]]
    assert [words[words.index("--machine_rank") + 1] for words in ranks] == ["0", "1"]


# With TRL


@pytest.mark.trl
@pytest.mark.local
@pytest.mark.network
def test_a_submitted_job_trains_the_model_and_goes_on_when_its_time_was_over(
    slurm: Cluster, built: Path, cache: Cache, tmp_path: Path
) -> None:
    model, run = make_model(tmp_path / "model", ANSWERS, NAMES), tmp_path / "run"
    # The set's environments are installed already.
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "ttcdata").symlink_to(cache.folder)
    settings = (
        "eval_split=", "prompts.max_tokens=0", "grpo.max_completion_length=1", "grpo.num_generations=8", "grpo.max_steps=30",
        "grpo.save_steps=1",
        "grpo.per_device_train_batch_size=16", "grpo.gradient_accumulation_steps=1", f"slurm.folder={tmp_path}",
    )  # fmt: skip
    command = [
        str(TTCDATA),
        "train",
        str(built),
        "--slurm",
        "--submit",
        "--gpus",
        "0",
        "--model",
        str(model),
        "--out",
        str(run),
    ]
    done = subprocess.run(
        [*command, *(word for setting in settings for word in ("--set", setting))],
        capture_output=True, text=True, check=False, env={**slurm.env, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("submitted: job ")
    number = done.stdout.split()[2].rstrip(";")
    until = time.monotonic() + 120
    while last_whole(run) is None:
        assert time.monotonic() < until, log(run, number)
        time.sleep(0.1)
    slurm.ask("scancel", "--batch", "--signal=USR1", number)
    again(slurm, number, run)
    reached = int(str(last_whole(run)).rpartition("-")[2])
    assert 0 < reached < 30
    assert "stopped; what was finished is kept" in log(run, number)
    assert slurm.wait_for(number, *ENDED)["JobState"] == "COMPLETED", log(run, number)
    assert weights(run / "model") != weights(model)
    assert [line["step"] for line in steps(run)] == list(range(1, 31))
    assert yaml.safe_load((run / "recipe.yaml").read_text())["sandbox"] == "local"


RANKS = """import json, os, sys
from pathlib import Path
kept = {name: os.environ[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_PORT")}
Path(sys.argv[1], f"rank-{kept['RANK']}.json").write_text(json.dumps(kept))
"""


@pytest.mark.trl
@pytest.mark.parametrize("zero", [0, 3])
def test_accelerate_makes_one_group_of_all_nodes(slurm: Cluster, tmp_path: Path, zero: int) -> None:
    run, program = tmp_path / "run", tmp_path / "ranks.py"
    program.write_text(RANKS)
    changes = {
        "dataset": "org/set",
        "slurm": {"folder": str(tmp_path), "nodes": 2},
        "launch": {"server_gpus": 0, "zero": zero},
    }
    wanted = job(load_training("train", changes=changes), run, 2)
    script = write(wanted, run)
    told = wanted.script.replace("-m ttc_data.train.grpo", str(program)).replace("--gpus-per-node=2", "--mem=0")
    script.write_text(told)
    # What training would leave, for the card.
    (run / "model").mkdir()
    (run / "summary.json").write_text("{}")
    number = slurm.ask("sbatch", "--parsable", str(script))
    ended = slurm.wait_for(number, *ENDED)["JobState"]
    assert ended == "COMPLETED", [path.read_text() for path in (run / "logs").iterdir()]
    assert (run / "model" / "README.md").is_file()
    found = [json.loads((run / f"rank-{rank}.json").read_text()) for rank in range(4)]
    assert {(one["WORLD_SIZE"], one["LOCAL_WORLD_SIZE"]) for one in found} == {("4", "2")}
    assert [one["LOCAL_RANK"] for one in found] == ["0", "1", "0", "1"]
