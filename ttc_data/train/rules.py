"""The training recipe: one YAML file that says everything about one run, and what each key means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ttc_data.recipe import packaged_recipes, read_recipe
from ttc_data.rules import ReaderRules, Section


class PromptRules(Section):
    """What the model is asked."""

    max_tokens: int = Field(2_048, ge=0)
    """Of a prompt with the model's template round it; 0 means any number. With vLLM, this and
    `grpo.max_completion_length` together are the context it is served with."""
    answer: Literal["blocks", "fenced"] = "blocks"
    """How the model is asked to answer: search/replace blocks, as published, or the whole definition in one block of code,
    which small models find easier. Rewards take both."""
    shorten: bool = True
    """Of a file that is too long, show the lines round the target; else the row is left out."""
    thinking: bool | None = None
    """Handed to the chat template as `enable_thinking`; templates without it take no notice."""


class SelectRules(Section):
    """Which rows are trained on, and in which order."""

    hold_out: tuple[str, ...] = ()
    """Repositories that are not trained on, beside those of other splits."""
    difficulty: str = ""
    """A file that `ttcdata difficulty` wrote."""
    min_pass_rate: float = Field(0.0, ge=0, le=1)
    """Of the attempts in `difficulty`: harder rows are left out."""
    max_pass_rate: float = Field(1.0, ge=0, le=1)
    """Easier rows are left out."""
    order: Literal["shuffled", "short_first", "easy_first", "hard_first"] = "shuffled"
    """`short_first` by tokens of the prompt; `easy_first` and `hard_first` by `difficulty`."""
    limit: int = Field(0, ge=0)
    """Train on so many rows at most, the first in order; 0 means all."""

    @model_validator(mode="after")
    def _rates(self) -> SelectRules:
        if self.order in ("easy_first", "hard_first") and not self.difficulty:
            raise ValueError(f"order {self.order} needs select.difficulty")
        if self.min_pass_rate > self.max_pass_rate:
            raise ValueError(f"min_pass_rate {self.min_pass_rate:g} is above max_pass_rate {self.max_pass_rate:g}")
        return self


class RewardRules(Section):
    """Weights of the rewards, each of which is from 0 to 1; one whose weight is 0 is not computed."""

    tests: float = Field(1.0, ge=0)
    """1 for a solved row; without `strict`, a part for a wrong answer that passes some tests beyond doubt."""
    format: float = Field(0.0, ge=0)
    """The answer can be applied. This and the two below pay only for answers whose tests pay: form alone is soon all that a
    model learns."""
    similarity: float = Field(0.0, ge=0)
    """How alike the answer's lines and the reference's are."""
    brevity: float = Field(0.0, ge=0)
    """1 for no token, 0 for `brevity_tokens`."""
    brevity_tokens: int = Field(1_024, ge=1)
    patience: float = Field(5.0, ge=1)
    """An answer's tests may take so many times as long as the reference's, and 2 s at least."""
    strict: bool = True
    """`tests` is 1 for a solved row and 0 for any other. Else a wrong answer earns the share of the deciding tests that it
    passes as written and fails as altered, of those that no trivial body passes."""

    @property
    def weights(self) -> dict[str, float]:
        """By name, without those of weight 0."""
        given = {"tests": self.tests, "format": self.format, "similarity": self.similarity, "brevity": self.brevity}
        return {name: weight for name, weight in given.items() if weight}

    @model_validator(mode="after")
    def _some(self) -> RewardRules:
        if not self.tests:
            raise ValueError("tests must be above 0: the other rewards rise without anything being solved")
        return self


class LaunchRules(Section):
    """How processes are spread over GPUs."""

    server_gpus: int | None = Field(None, ge=0)
    """GPUs that generate; the others train. None: 0 with one GPU, where both share it; 1 with 2 to 7; half from 8 on."""
    zero: Literal[0, 2, 3] | None = None
    """DeepSpeed's ZeRO stage; 0 is plain data parallelism. None: 3 where several GPUs train, else 0."""
    tensor_parallel: int = Field(1, ge=1)
    """GPUs that one copy of the served model takes; there are as many copies as fit on the server's GPUs."""
    server_port: int = Field(8_000, ge=1, le=65_535)
    server_patience_s: float = Field(600, gt=0)
    """How long a server may take to answer; its first start compiles."""
    server_args: tuple[str, ...] = ()
    """Handed on to `vllm serve`."""


WORD = r"^[A-Za-z0-9_.,:@/+=-]*$"


class SlurmRules(Section):
    """What is asked of Slurm, and where things lie on its nodes, which all see the same files."""

    folder: str = ""
    """Of the project: caches of models, wheels and kernels lie under `cache/` in it, runs under `out/`. The folder that the
    command is given in when empty."""
    partition: str = Field("", pattern=WORD)
    account: str = Field("", pattern=WORD)
    nodes: int = Field(1, ge=1)
    """With several, the first generates and the others train; with `launch.server_gpus` 0 each GPU does both."""
    time: str = Field("24:00:00", pattern=r"^(\d+-)?\d{1,2}(:\d{2}){1,2}$|^\d+$")
    """As `sbatch --time` takes it."""
    cpus_per_task: int = Field(0, ge=0)
    """Of a node; answers are run on them. 0 leaves it to Slurm."""
    memory: str = Field("", pattern=r"^(\d+[KMGTkmgt]?)?$")
    """As `sbatch --mem` takes it."""
    gpu_type: str = Field("", pattern=r"^[A-Za-z0-9_.-]*$")
    """As Slurm calls it (`h100`); any when empty."""
    image: str = ""
    """An Apptainer image (`.sif`) that everything runs in; nothing when empty."""
    binds: tuple[str, ...] = ()
    """Further folders that the image sees, beside those of the project, the run, the dataset and the model."""
    lines: tuple[str, ...] = ()
    """More lines of the script: `#SBATCH` options, `module load`, `export`."""

    @field_validator("folder", "image", "binds", "lines")
    @classmethod
    def _one_line(cls, given: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for text in (given,) if isinstance(given, str) else given:
            if not text.isprintable():
                raise ValueError(f"{text!r} must be one line of printable characters")
        return given


class TrainRecipe(Section):
    """Everything about one training run."""

    name: str = Field("(unnamed recipe)", pattern=r"^[a-z0-9(][a-z0-9 ._()-]*$")
    """Of the run; lower case."""
    description: str = ""
    model: str = "HuggingFaceTB/SmolLM2-135M-Instruct"
    """A Hub id or a folder."""
    revision: str = ""
    """Of the model on the Hub."""
    dataset: str = ""
    """A folder, a build's folder or a Hub id; the newest build under `out/` when empty."""
    split: str = "train"
    eval_split: str = "test"
    """Solved before and after, and while training with `grpo.eval_strategy`; none when empty."""
    seed: int = 0
    prompts: PromptRules = PromptRules()
    select: SelectRules = SelectRules()
    rewards: RewardRules = RewardRules()
    sandbox: Literal["auto", "docker", "local", "local-unsafe"] = "auto"
    """Where answers run."""
    shared_sandbox: bool = False
    """Train although the kernel or the engine lets jobs share something with those before them (docs/threat-model.md)."""
    workers: int = Field(0, ge=0)
    """Answers that are run at the same time; 0 means one for each processor, shared by the processes that train."""
    reader: ReaderRules = ReaderRules()
    """What the dataset may ask of this machine: `allow_images` and `grant`, as `--allow-image` and `--grant` say."""
    grpo: dict[str, Any] = Field(default_factory=dict)
    """Fields of TRL's `GRPOConfig`, by its names; what is not given is TRL's default, or what the launch plan needs."""
    lora: dict[str, Any] | None = None
    """Fields of PEFT's `LoraConfig`: only adapters are trained. All weights are when it is not given."""
    launch: LaunchRules = LaunchRules()
    tracking: Literal["none", "wandb", "trackio", "tensorboard"] = "none"
    """Told of every figure, beside `metrics.jsonl` and the page with curves, which are always written."""
    slurm: SlurmRules = SlurmRules()

    @field_validator("grpo")
    @classmethod
    def _ours(cls, grpo: dict[str, Any]) -> dict[str, Any]:
        decided = {
            "output_dir": "--out",
            "push_to_hub": "--push-to-hub",
            "report_to": "tracking",
            "reward_weights": "rewards",
            "seed": "seed",
        }
        for key in decided.keys() & grpo.keys():
            raise ValueError(f"{key} is what {decided[key]!r} says; give that instead")
        return {name: _number(value) for name, value in grpo.items()}


def _number(value: Any) -> Any:
    """`1e-6` as a number: YAML takes it for a text, where no point stands before the `e`."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+e[-+]?\d+", value, re.IGNORECASE):
        return float(value)
    return value


def load_training(
    name_or_path: str, settings: Sequence[str] = (), changes: Mapping[str, Any] | None = None
) -> TrainRecipe:
    """Read a training recipe by file path or packaged name, with changes from the command line.

    Args:
        name_or_path: a YAML file, or the name of a packaged recipe such as `train`.
        settings: `section.field=value`, the value read as YAML.
        changes: top-level keys that options give.

    Raises:
        RecipeError: naming the file, the key, the value and what it must be.
    """
    return read_recipe(TrainRecipe, name_or_path, packaged_recipes("train"), settings, changes or {})
