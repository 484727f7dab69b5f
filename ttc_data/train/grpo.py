"""A training recipe as TRL's `GRPOTrainer`, unmodified: what each process of a run does.

`python -m ttc_data.train.grpo FOLDER` is what the launcher starts, once for each GPU that trains.
"""

from __future__ import annotations

import errno
import importlib
import json
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, RecipeError, StorageFull, TrainingFailed, TtcError
from ttc_data.plain import one_line
from ttc_data.records import Reject
from ttc_data.train import curves
from ttc_data.train.ahead import Ahead
from ttc_data.train.prompts import CountTokens, Prompt, prompts
from ttc_data.train.rewards import Rewards
from ttc_data.train.rules import TrainRecipe
from ttc_data.train.selection import read_difficulty, select
from ttc_data.train.tokens import counts_with

RECIPE, SETTINGS, LEFT_OUT, MODEL, SUMMARY = "recipe.yaml", "settings.json", "left_out.jsonl", "model", "summary.json"
DEFAULTS: dict[str, Any] = {
    "max_steps": 200,
    "learning_rate": 1e-6,
    "logging_steps": 1,
    "save_steps": 50,
    "save_total_limit": 2,
    "log_completions": True,
    "num_completions_to_print": 0,
    "max_completion_length": 512,
    "per_device_train_batch_size": 8,
    "num_generations": 8,
    "shuffle_dataset": False,
}
"""What we set where the recipe does not; everything else is TRL's default."""
PAGE_EVERY_S = 15.0
"""The page with curves is written so often: after 2,000 steps it takes as long as a step of a small model."""
SERVER = "TTCDATA_SERVER"
"""Variable with the URL of vLLM's server, where its node is known only when the run starts."""


def ids_of(recipe: TrainRecipe, fix: str) -> list[str]:
    """The ids of the split's rows, which name all that the rows consist of.

    Args:
        recipe: names dataset and split.
        fix: how another split is named.

    Raises:
        DatasetError: there is no such dataset, or no such split of it.
    """
    dataset = Dataset(recipe.dataset)
    splits = dataset.splits()
    if recipe.split not in splits.values():
        there = ", ".join(sorted(set(splits.values()))) or "no rows"
        raise DatasetError(f"{dataset.folder}: no split {recipe.split!r}; it has {there}, {fix}")
    return sorted(name for name, split in splits.items() if split == recipe.split)


def number_of(recipe: TrainRecipe, key: str, otherwise: int, *, least: int = 1) -> int:
    """A number of a recipe's `grpo`, as it says or as it is where nobody does; rounded up.

    Args:
        recipe: of the run.
        key: the field of TRL's configuration.
        otherwise: TRL's default.
        least: the smallest that makes sense.

    Raises:
        RecipeError: it is none, or too small.
    """
    value = recipe.grpo.get(key, DEFAULTS.get(key, otherwise))
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < least:
        raise RecipeError(f"grpo.{key} {value!r}: must be a number of at least {least}")
    return math.ceil(value)


def prompts_of(recipe: TrainRecipe, split: str, count: CountTokens) -> tuple[list[Prompt], list[Reject]]:
    """The prompts of a split that the model can take, selected and in order, and what was left out."""
    dataset = Dataset(recipe.dataset)
    found: list[Prompt] = []
    left_out: list[Reject] = []
    rules = recipe.prompts
    for one in prompts(dataset.split(split), count, rules.max_tokens, shorten=rules.shorten, form=rules.answer):
        if isinstance(one, Reject):
            left_out.append(one)
        else:
            found.append(one)
    if split != recipe.split:
        return found, left_out
    difficulty = read_difficulty(Path(recipe.select.difficulty)) if recipe.select.difficulty else {}
    kept, dropped = select(found, recipe.select, difficulty, recipe.seed)
    return kept, [*left_out, *dropped]


def require_enough(recipe: TrainRecipe, prompts: int, groups: int, left_out: Sequence[Reject]) -> None:
    """See that there are prompts for a step.

    Raises:
        TrainingFailed: there are fewer than the groups that each step takes.
    """
    if prompts < groups:
        why = ", ".join(f"{reason} {count}" for reason, count in Counter(one.reason for one in left_out).most_common())
        raise TrainingFailed(
            f"{prompts} prompts are left of split {recipe.split!r}, and each step takes {groups}"
            f" (left out: {why or 'none'}); lower grpo.per_device_train_batch_size or grpo.gradient_accumulation_steps,"
            " raise prompts.max_tokens, or build a larger set"
        )


def config_of(recipe: TrainRecipe, folder: Path, planned: dict[str, Any]) -> Any:
    """TRL's configuration: our defaults, what the launch plan needs, and the recipe's word over both.

    Raises:
        TrainingFailed: TRL knows no such field, or does not take a value.
    """
    trl = importlib.import_module("trl")
    given = {**DEFAULTS, **planned, **recipe.grpo}
    if recipe.prompts.thinking is not None:
        given.setdefault("chat_template_kwargs", {"enable_thinking": recipe.prompts.thinking})
    if recipe.revision:
        given["model_init_kwargs"] = {"revision": recipe.revision, **(given.get("model_init_kwargs") or {})}
    if given.get("eval_strategy", "no") != "no":
        # The checkpoint that solves most of the held-out split is kept beside the last one: it has to be written when that is known.
        given.setdefault("metric_for_best_model", "tests/solved")
        given.setdefault("greater_is_better", True)
        if "save_steps" not in recipe.grpo and "eval_steps" in given:
            given["save_steps"] = given["eval_steps"]
    # TRL asks for the context as a whole where vLLM shares the GPU.
    if given.get("use_vllm") and recipe.prompts.max_tokens:
        given.setdefault("vllm_max_model_length", recipe.prompts.max_tokens + int(given["max_completion_length"]))
    try:
        return trl.GRPOConfig(
            output_dir=str(folder),
            seed=recipe.seed,
            report_to=recipe.tracking,
            reward_weights=list(recipe.rewards.weights.values()),
            **given,
        )
    except (TypeError, ValueError) as error:
        raise TrainingFailed(f"grpo: {' '.join(str(error).split())}; see TRL's GRPOConfig") from error


def train(folder: Path) -> None:
    """Train what a folder's recipe says, or go on from its last checkpoint.

    Args:
        folder: holds `recipe.yaml` and the plan's `settings.json`; checkpoints, `metrics.jsonl`, the page with curves,
            completions and the trained model are written into it.

    Raises:
        TrainingFailed: one line with what to do; the last checkpoint stays.
        TtcError: the dataset or the sandbox cannot be used.
    """
    recipe = TrainRecipe.model_validate(yaml.safe_load((folder / RECIPE).read_text(encoding="utf-8")))
    with plain_errors(folder):
        _train(recipe, folder, planned_for(folder))


def planned_for(folder: Path) -> dict[str, Any]:
    """Fields of `GRPOConfig` that the launch plan gives, with the server's place where that is known only now."""
    found: dict[str, Any] = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))["grpo"]
    url = os.environ.get(SERVER)
    return {**found, "vllm_server_base_url": url} if url else found


def _train(recipe: TrainRecipe, folder: Path, planned: dict[str, Any]) -> None:
    transformers = importlib.import_module("transformers")
    trl = importlib.import_module("trl")
    datasets = importlib.import_module("datasets")
    config = config_of(recipe, folder, planned)
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        recipe.model, revision=recipe.revision or None, padding_side="left"
    )
    count = counts_with(tokenizer, recipe)
    asked, left_out = prompts_of(recipe, recipe.split, count)
    checked, _ = prompts_of(recipe, recipe.eval_split, count) if recipe.eval_split else ([], [])
    first = config.process_index == 0
    if first:
        lines = [json.dumps(asdict(one)) for one in left_out]
        (folder / LEFT_OUT).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{len(asked)} prompts, {len(left_out)} left out ({LEFT_OUT}), {len(checked)} to check on", flush=True)
    require_enough(recipe, len(asked), config.generation_batch_size // config.num_generations, left_out)
    rewards = _rewards(recipe, config.world_size)
    ahead = Ahead(rewards.grader, tokenizer, config.chat_template_kwargs or {})
    trained, checks = [_line(one) for one in asked], [_line(one) for one in checked]
    peft = importlib.import_module("peft") if recipe.lora is not None else None
    logbook = _logbook(folder, recipe.name, first)
    try:
        trainer = trl.GRPOTrainer(
            model=recipe.model,
            reward_funcs=[getattr(rewards, name) for name in recipe.rewards.weights],
            args=config,
            train_dataset=datasets.Dataset.from_list(trained),
            eval_dataset=datasets.Dataset.from_list(checks) if checks else None,
            processing_class=tokenizer,
            peft_config=peft.LoraConfig(**(recipe.lora or {})) if peft is not None else None,
            callbacks=[logbook],
        )
        if config.use_vllm and config.vllm_mode == "colocate" and config.vllm_tensor_parallel_size == 1:
            ahead.expect([*trained, *checks])
            ahead.watch(trainer.vllm_generation.llm.llm_engine)
        last = last_whole(folder)
        if first:
            curves.keep_until(folder, int(last.rsplit("-", 1)[1]) if last else -1)
        before = trainer.evaluate() if checked and not last else None
        if first and before:  # now, for a run that goes on from a checkpoint does not check this again
            _summarize(folder, before, None, trainer.state)
        trainer.train(resume_from_checkpoint=last)
        after = trainer.evaluate() if checked else None
        trainer.save_model(str(folder / MODEL))
        if first:
            tokenizer.save_pretrained(str(folder / MODEL))
            (folder / "README.md").unlink(missing_ok=True)  # TRL's card of a checkpoint; the model has its own
            _summarize(folder, before, after, trainer.state)
    finally:
        ahead.close()
        rewards.close()
        if first:
            curves.write_page(folder, recipe.name)


def _rewards(recipe: TrainRecipe, processes: int) -> Rewards:
    """The rewards that a recipe asks for, with this process's share of the machine's processors."""
    workers = recipe.workers or max(1, _processors() // int(os.environ.get("LOCAL_WORLD_SIZE", processes)))
    return Rewards(
        recipe.dataset,
        sandbox=recipe.sandbox,
        workers=workers,
        patience=recipe.rewards.patience,
        own=not recipe.shared_sandbox,
        strict=recipe.rewards.strict,
        brevity_tokens=recipe.rewards.brevity_tokens,
        reader=recipe.reader,
    )


def _processors() -> int:
    """Those that this process may use: a scheduler gives a share of a node's."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _line(prompt: Prompt) -> dict[str, Any]:
    return {"prompt": [asdict(one) for one in prompt.messages], "instance_id": prompt.instance_id}


def _summarize(folder: Path, before: dict[str, Any] | None, after: dict[str, Any] | None, state: Any) -> None:
    """Keep what was solved before, after and at best; a run that was resumed keeps what it said at its beginning."""
    path = folder / SUMMARY
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    kept = Path(state.best_model_checkpoint).name if state.best_model_checkpoint else None
    best = {"checkpoint": kept, "metric": state.best_metric} if kept else None
    found = {
        "before": before or known.get("before"),
        "after": after,
        "best": best,
        "warning": curves.collapsed(path.parent),
    }
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _logbook(folder: Path, title: str, first: bool) -> Any:
    """A callback of transformers' that keeps every figure, and ends a run whose loss is no number."""
    transformers = importlib.import_module("transformers")
    written, warned = -math.inf, False

    def on_log(self: Any, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        nonlocal written, warned
        figures = logs or {}
        if first:
            curves.append(folder, state.global_step, figures)
            if time.monotonic() - written >= PAGE_EVERY_S:
                curves.write_page(folder, title)
                written = time.monotonic()
                if not warned and (warning := curves.collapsed(folder)):
                    print(f"step {state.global_step}: {warning}", flush=True)
                    warned = True
        for name in ("loss", "grad_norm"):
            if isinstance(value := figures.get(name), float) and not math.isfinite(value):
                raise TrainingFailed(
                    f"step {state.global_step}: {name} is {value}; lower grpo.learning_rate (now {args.learning_rate:g}) or"
                    " grpo.max_grad_norm, and run again: it goes on from the last checkpoint"
                )

    return type("Logbook", (transformers.TrainerCallback,), {"on_log": on_log})()


@contextmanager
def plain_errors(folder: Path) -> Iterator[None]:
    """Turn what a training run is ended by into one line that says what to do."""
    try:
        yield
    except TtcError:
        raise
    except Exception as error:  # of TRL, torch, DeepSpeed or a client: what is not known here is raised as it is
        said = " ".join(str(error).split())
        if "out of memory" in said.lower():
            raise TrainingFailed(
                f"the GPU's memory is full ({said[:160]}); lower grpo.per_device_train_batch_size, grpo.max_completion_length"
                " or grpo.vllm_gpu_memory_utilization, or train adapters (lora); the last checkpoint is kept"
            ) from error
        if "probability tensor contains" in said:  # the weights are no numbers any more: nothing can be drawn from them
            raise TrainingFailed(
                "the model gives no numbers any more: the last step was too long; lower grpo.learning_rate or"
                " grpo.max_grad_norm, and run again: it goes on from the last checkpoint"
            ) from error
        if getattr(error, "errno", None) == errno.ENOSPC or "no space left" in said.lower():
            raise StorageFull(
                f"{folder}: no space left ({said[:160]}); free some and run again: it goes on from the last whole checkpoint"
            ) from error
        if isinstance(error, ConnectionError) or "Connection" in type(error).__name__:
            raise TrainingFailed(
                f"vLLM's server does not answer any more ({said[:160]}); its log is under {folder / 'logs'}: run again, and it"
                " goes on from the last checkpoint"
            ) from error
        raise


def last_whole(folder: Path) -> str | None:
    """The last checkpoint that was written to its end; a run may be ended while it writes one."""
    whole = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]  # written last
    return str(max(whole, key=lambda path: int(path.name.rpartition("-")[2]))) if whole else None


def main(arguments: Sequence[str]) -> int:
    """Train; 1 where it cannot."""
    try:
        train(Path(arguments[0]))
    except TtcError as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
