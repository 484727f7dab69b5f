"""TRL's trainer, unmodified, on a real built set with real sandboxes: a model at random learns within seconds."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.train.small_model import make_model
from ttc_data.cache import Cache

pytestmark = [pytest.mark.network, pytest.mark.local, pytest.mark.trl]

TTCDATA = Path(sys.executable).parent / "ttcdata"
AREA = """```python
def area(kind, size):
    import math
    if kind == "square":
        return size * size
    if kind == "circle":
        return math.pi * size**2
    raise ValueError(f"unknown shape: {kind}")
```"""
ANSWERS = (
    AREA,
    "```python\ndef scale(sizes, factor=2):\n    return [size * factor for size in sizes]\n```",
    "```python\ndef unreached(value):\n    return str(value)[::-1]\n```",
    "```python\nreturn 0\n```",
)
NAMES = ("area", "scale", "unreached", "Pile", "put", "take")


def train(
    run: Path, model: Path, built: Path, cache: Cache, *settings: str, **env: str
) -> subprocess.CompletedProcess[str]:
    given = (
        "sandbox=local", "eval_split=", "prompts.max_tokens=0", "grpo.max_completion_length=1", "grpo.num_generations=8",
        "grpo.per_device_train_batch_size=16", "grpo.gradient_accumulation_steps=1", "grpo.learning_rate=0.01",
        "grpo.lr_scheduler_type=constant", "grpo.save_steps=3", *settings,
    )  # fmt: skip
    command = [str(TTCDATA), "train", str(built), "--gpus", "0", "--model", str(model), "--out", str(run)]
    return subprocess.run(
        [*command, *(word for setting in given for word in ("--set", setting))], capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(run.parent), "TTCDATA_CACHE": str(cache.folder), "HF_HUB_OFFLINE": "1", **env},
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"), ANSWERS, NAMES)


@pytest.fixture(scope="module")
def run(model: Path, built: Path, cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "first"
    checks = ("eval_split=train", "grpo.eval_strategy=steps", "grpo.eval_steps=3", "grpo.num_generations_eval=2",
              "grpo.per_device_eval_batch_size=16")  # fmt: skip
    done = train(folder, model, built, cache, "grpo.max_steps=5", *checks)
    assert done.returncode == 0, done.stderr + (folder / "logs" / "trainer.log").read_text()
    return folder


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def logged_lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def steps(folder: Path) -> list[dict[str, float]]:
    return [line for line in logged_lines(folder) if line.get("loss") is not None]


def test_five_steps_change_the_weights_and_log_what_was_earned(run: Path, model: Path) -> None:
    assert weights(run / "model") != weights(model)
    logged = steps(run)
    assert [line["step"] for line in logged] == [1, 2, 3, 4, 5]
    assert any(line["sandbox/runs"] > 0 for line in logged)
    assert any(line["reward_std"] > 0 for line in logged)
    assert all(0 <= line["tests/solved"] <= line["tests/applied"] <= 1 for line in logged)
    assert (run / "curves.html").read_text().count("<svg") > 10
    assert {path.name for path in run.glob("checkpoint-*")} == {"checkpoint-3", "checkpoint-5"}


def test_what_was_solved_before_and_after_is_said_and_the_best_checkpoint_named(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    for when in ("before", "after"):
        assert 0 <= summary[when]["eval_tests/solved"] <= 1
    checked = [line["eval_tests/solved"] for line in logged_lines(run) if "eval_tests/solved" in line and line["step"]]
    assert summary["best"]["metric"] == max(checked[:-1]), "the last check comes after the last checkpoint"
    assert (run / summary["best"]["checkpoint"] / "model.safetensors").is_file()
    card = (run / "model" / "README.md").read_text()
    assert f"| before | {summary['before']['eval_tests/solved']:.1%} |" in card
    assert f"| after | {summary['after']['eval_tests/solved']:.1%} |" in card


def test_completions_are_kept_with_their_verdicts(run: Path) -> None:
    query = "SELECT verdict, tests FROM read_parquet(?)"
    found = duckdb.connect().execute(query, [str(run / "completions" / "*.parquet")]).fetchall()
    assert len(found) >= 5 * 16
    assert {earned for verdict, earned in found if verdict == "solved"} <= {1.0}
    assert {earned for verdict, earned in found if verdict == "no_answer"} <= {0.0}


def test_the_same_command_goes_on_from_the_last_checkpoint(
    run: Path, model: Path, built: Path, cache: Cache, tmp_path: Path
) -> None:
    before = weights(run / "model")
    checked = json.loads((run / "summary.json").read_text())["before"]
    done = train(run, model, built, cache, "grpo.max_steps=7")
    assert done.returncode == 0, done.stderr
    assert json.loads((run / "summary.json").read_text())["before"] == checked, "it is not checked a second time"
    assert not (run / "README.md").exists(), "TRL's card says nothing of the dataset"
    assert [line["step"] for line in steps(run)] == [1, 2, 3, 4, 5, 6, 7]
    assert weights(run / "model") != before


def test_a_loss_that_is_no_number_ends_the_run_in_one_line(
    model: Path, built: Path, cache: Cache, tmp_path: Path
) -> None:
    done = train(
        tmp_path / "run", model, built, cache, "grpo.max_steps=20", "grpo.learning_rate=1e30", "grpo.max_grad_norm=1e30"
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "lower grpo.learning_rate" in last
    assert (tmp_path / "run" / "metrics.jsonl").is_file()


def test_a_field_that_trl_does_not_know_is_one_line(model: Path, built: Path, cache: Cache, tmp_path: Path) -> None:
    done = train(tmp_path / "run", model, built, cache, "grpo.learning_rat=1")
    assert done.returncode == 2
    assert "learning_rat" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
