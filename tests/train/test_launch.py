"""Which GPU does what, what is refused before anything starts, and that nothing stays behind."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ttc_data.errors import TrainingFailed, TtcError
from ttc_data.recipe import packaged_recipes
from ttc_data.train.grpo import SERVER, last_whole, plain_errors, planned_for
from ttc_data.train.launch import Plan, Process, check_batches, check_machine, launch, plan, prepare
from ttc_data.train.rules import LaunchRules, TrainRecipe, load_training

RUN = Path("/run")


def recipe(**grpo: Any) -> TrainRecipe:
    return TrainRecipe(name="try", dataset="out/x", grpo=grpo)


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.mark.parametrize(
    ("gpus", "server", "trainers", "zero"),
    [(0, 0, 0, None), (1, 0, 1, None), (2, 1, 1, None), (4, 1, 3, 3), (7, 1, 6, 3), (8, 4, 4, 3), (16, 8, 8, 3)],
)
def test_gpus_are_shared_between_generation_and_training(
    gpus: int, server: int, trainers: int, zero: int | None
) -> None:
    found = plan(recipe(per_device_train_batch_size=8), RUN, gpus)
    assert (len(found.server), len(found.trainers)) == (server, trainers)
    assert set(found.server).isdisjoint(found.trainers)
    assert found.grpo["use_vllm"] == bool(gpus)
    assert found.grpo.get("vllm_mode") == (None if not gpus else "server" if server else "colocate")
    assert (found.accelerate or {}).get("deepspeed_config", {}).get("zero_stage") == zero
    assert (found.accelerate or {}).get("num_processes", 1) == max(trainers, 1)
    assert [one.name for one in found.processes] == (["server"] if server else []) + ["trainer"]


def test_the_server_is_started_as_trl_wants_it() -> None:
    rules = LaunchRules(server_gpus=4, tensor_parallel=2, server_port=9_000, server_args=("--enforce-eager",))
    found = plan(recipe().model_copy(update={"launch": rules, "revision": "abc"}), RUN, 8)
    server = found.processes[0]
    told = " ".join(server.command)
    for words in (
        '--weight-transfer-config {"backend":"nccl"}', "--logprobs-mode processed_logprobs", "--max-logprobs -1",
        "--tensor-parallel-size 2", "--data-parallel-size 2", "--max-model-len 2560", "--port 9000", "--revision abc",
    ):  # fmt: skip
        assert words in told
    assert told.endswith("--enforce-eager")
    assert (server.env["CUDA_VISIBLE_DEVICES"], server.env["VLLM_SERVER_DEV_MODE"]) == ("0,1,2,3", "1")
    assert found.processes[1].env["CUDA_VISIBLE_DEVICES"] == "4,5,6,7"
    assert found.grpo["vllm_server_base_url"] == "http://127.0.0.1:9000"


def test_gpus_that_a_scheduler_gave_keep_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-1a,7")
    server, trainer = plan(recipe(), RUN, 3).processes
    assert server.env["CUDA_VISIBLE_DEVICES"] == "5"
    assert trainer.env["CUDA_VISIBLE_DEVICES"] == "GPU-1a,7"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
            ["memory is full", "grpo.per_device_train_batch_size"],
        ),
        (RuntimeError("probability tensor contains either `inf`, `nan` or element < 0"), ["lower grpo.learning_rate"]),
        (ConnectionRefusedError(111, "refused"), ["vLLM's server does not answer", "logs", "last checkpoint"]),
        (OSError(errno.ENOSPC, "No space left on device"), ["no space left", "last whole checkpoint"]),
        (RuntimeError("write failed: No space left on device"), ["no space left", "last whole checkpoint"]),
    ],
)
def test_what_ends_a_run_is_one_line(tmp_path: Path, error: Exception, words: list[str]) -> None:
    (tmp_path / "checkpoint-3").mkdir()
    (tmp_path / "checkpoint-3" / "trainer_state.json").write_text("{}")
    (tmp_path / "checkpoint-6").mkdir()
    with pytest.raises(TtcError) as raised, plain_errors(tmp_path):
        raise error
    said = str(raised.value)
    assert "\n" not in said
    for word in words:
        assert word in said
    assert last_whole(tmp_path) == str(tmp_path / "checkpoint-3"), "a torn checkpoint is not gone on from"


def test_what_the_recipe_says_of_zero_holds_for_one_gpu_too() -> None:
    two = recipe().model_copy(update={"launch": LaunchRules(zero=3)})
    assert (plan(two, RUN, 2).accelerate or {})["deepspeed_config"]["zero_stage"] == 3
    plain = recipe().model_copy(update={"launch": LaunchRules(zero=0)})
    assert (plan(plain, RUN, 4).accelerate or {})["distributed_type"] == "MULTI_GPU"


@pytest.mark.parametrize(
    ("grpo", "processes", "near"),
    [
        ({"per_device_train_batch_size": 6, "num_generations": 8}, 1, "8"),
        ({"per_device_train_batch_size": 10, "num_generations": 8}, 1, "8 or 16"),
        ({"per_device_train_batch_size": 3, "num_generations": 16, "gradient_accumulation_steps": 4}, 3, "4"),
    ],
)
def test_a_batch_that_does_not_divide_is_refused_with_the_nearest_that_do(
    grpo: dict[str, Any], processes: int, near: str
) -> None:
    with pytest.raises(TrainingFailed, match=f"set grpo.per_device_train_batch_size to {near}$"):
        check_batches(recipe(**grpo), processes)
    for size in near.split(" or "):
        check_batches(recipe(**{**grpo, "per_device_train_batch_size": int(size)}), processes)


def test_gpus_that_leave_none_to_train_are_refused() -> None:
    with pytest.raises(TrainingFailed, match="leaves none to train; at most 1"):
        plan(recipe().model_copy(update={"launch": LaunchRules(server_gpus=2)}), RUN, 2)
    with pytest.raises(TrainingFailed, match="a multiple of it"):
        plan(recipe().model_copy(update={"launch": LaunchRules(server_gpus=3, tensor_parallel=2)}), RUN, 8)


def test_a_machine_without_what_it_takes_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        TrainingFailed, match=r"trl, transformers, accelerate not installed; `pip install -e '.\[train\]'`"
    ):
        check_machine(plan(recipe(), RUN, 0), recipe())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.40.0+cu130")
    with pytest.raises(TrainingFailed, match=r"vLLM 0\.40\.0: TRL supports 0\.22\.0 to 0\.31\.0"):
        check_machine(plan(recipe(), RUN, 1), recipe())


def test_a_folder_with_checkpoints_of_another_model_is_not_gone_on_with(tmp_path: Path) -> None:
    first = recipe()
    planned = plan(first, tmp_path, 0)
    prepare(first, planned, tmp_path)
    (tmp_path / "checkpoint-5").mkdir()
    prepare(first.model_copy(update={"grpo": {"max_steps": 10}}), planned, tmp_path)
    with pytest.raises(TrainingFailed, match="checkpoints of another model; name another --out"):
        prepare(first.model_copy(update={"model": "other/model"}), planned, tmp_path)


def test_a_checkpoint_that_was_not_written_to_its_end_is_not_gone_on_from(tmp_path: Path) -> None:
    assert last_whole(tmp_path) is None
    for step in (9, 10, 11):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (9, 10):
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").touch()
    assert last_whole(tmp_path) == str(tmp_path / "checkpoint-10")


def test_the_servers_place_may_be_known_only_when_the_run_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(recipe(), plan(recipe(), tmp_path, 2), tmp_path)
    assert planned_for(tmp_path)["vllm_server_base_url"] == "http://127.0.0.1:8000"
    monkeypatch.setenv(SERVER, "http://10.0.0.7:8000")
    assert planned_for(tmp_path)["vllm_server_base_url"] == "http://10.0.0.7:8000"


@pytest.mark.parametrize("name", sorted(packaged_recipes("train")))
def test_every_training_recipe_can_be_planned(name: str) -> None:
    chosen = load_training(name)
    assert chosen.description
    for gpus in (0, 1, 2, 8) if chosen.launch.server_gpus is None else (8,):
        assert plan(chosen, RUN, gpus).lines()


# The life of processes, with programs of our own


def program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


def run(folder: Path, server: str, trainer: str) -> None:
    planned = plan(recipe(), folder, 2)
    processes = (Process("server", program(server)), Process("trainer", program(trainer)))
    launch(replace(planned, processes=processes), folder, quiet)


def alive(path: Path) -> bool:
    """Whether the process whose number a file holds runs."""
    try:
        os.kill(int(path.read_text()), 0)
    except ProcessLookupError:
        return False
    return True


NUMBERED = "import os, pathlib, subprocess, sys, time\npathlib.Path({path!r}).write_text(str(os.getpid()))\n"


def forever(path: Path) -> str:
    """A server with a child in a session of its own, as vLLM's engines are."""
    child = NUMBERED.format(path=f"{path}.child") + "time.sleep(600)"
    return (
        NUMBERED.format(path=str(path))
        + f"subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True)\ntime.sleep(600)"
    )


def test_the_server_ends_when_the_trainer_is_done(tmp_path: Path) -> None:
    child = tmp_path / "server.child"
    waits = f"import pathlib, time\nwhile not pathlib.Path({str(child)!r}).is_file(): time.sleep(0.05)\ntime.sleep(0.2)"
    run(tmp_path, forever(tmp_path / "server"), waits)
    assert not alive(tmp_path / "server")
    assert not alive(child)


def test_a_trainer_that_fails_says_its_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match=r"^the GPU's memory is full$"):
        run(
            tmp_path,
            forever(tmp_path / "server"),
            "print('noise'); print('error: the GPU\\'s memory is full'); exit(1)",
        )
    with pytest.raises(TrainingFailed, match=r"ValueError: no (.*trainer.log)"):
        run(tmp_path, forever(tmp_path / "server"), "raise ValueError('no')")


def test_a_server_that_dies_ends_the_run(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(
        TrainingFailed, match=r"the server ended with 3 \(no memory\).*goes on from the last checkpoint"
    ):
        run(tmp_path, "print('no memory'); exit(3)", forever(tmp_path / "trainer"))
    assert time.monotonic() - started < 60
    assert not (tmp_path / "trainer").is_file() or not alive(tmp_path / "trainer")


def test_what_schedulers_send_ends_everything(tmp_path: Path) -> None:
    def told() -> None:
        while not (tmp_path / "server.child").is_file():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    teller = threading.Thread(target=told)
    teller.start()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, forever(tmp_path / "server"), forever(tmp_path / "trainer"))
    teller.join()
    assert signal.getsignal(signal.SIGTERM) is before
    assert not any(alive(tmp_path / name) for name in ("server", "server.child", "trainer"))


def test_a_plan_reads_as_commands() -> None:
    lines = plan(recipe(), RUN, 8).lines()
    assert lines[:3] == ["generation: vLLM on GPU 0 to 3", "training: GPU 4 to 7", "weights: DeepSpeed ZeRO-3"]
    assert isinstance(plan(recipe(), RUN, 0), Plan)
