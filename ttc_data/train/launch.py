"""From a training recipe and a number of GPUs to processes: which GPU does what, with which commands; and their life."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

import yaml
from packaging.version import Version

from ttc_data.errors import TrainingFailed, install_hint
from ttc_data.llm.leashed import Leashed
from ttc_data.programs import MODELS, NETWORK, TRAINING, environment
from ttc_data.train import curves
from ttc_data.train.grpo import DEFAULTS, RECIPE, SETTINGS, number_of
from ttc_data.train.rules import TrainRecipe

VLLM_FROM, VLLM_TO = Version("0.22.0"), Version("0.31.0")
"""What TRL 1.16 supports (`trl.import_utils.is_vllm_available`)."""
ACCELERATE = "accelerate.yaml"
LOGS = "logs"
GRACE_S = 20.0
LOOK_S = 0.5
SAY_EVERY_S = 15.0
# NVLink multicast needs rights that containers often lack, and is no faster for one copy of the weights a step.
NCCL = {"NCCL_NVLS_ENABLE": "0", "TORCH_SYMM_MEM_DISABLE_MULTICAST": "1", "NVSHMEM_DISABLE_NVLS": "1"}


@dataclass(frozen=True, slots=True)
class Process:
    """One program of a run."""

    name: str
    """`server` or `trainer`: of its log."""
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    """Beside what this process has."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What runs where."""

    gpus: int
    server: tuple[int, ...]
    """GPUs that generate, by number; none where the trainer's own GPU does, or the processor."""
    trainers: tuple[int, ...]
    """GPUs that train; none on the processor."""
    grpo: Mapping[str, Any]
    """Fields of `GRPOConfig` that follow from this; the recipe's own go before them."""
    accelerate: Mapping[str, Any] | None
    """Accelerate's configuration, where several processes train."""
    processes: tuple[Process, ...]

    def lines(self) -> list[str]:
        """The plan as a person reads it."""
        where = {
            "generation": f"vLLM on GPU {_some(self.server)}"
            if self.server
            else "vLLM on the GPU that trains"
            if self.gpus
            else "the processor",
            "training": f"GPU {_some(self.trainers)}" if self.trainers else "the processor",
        }
        zero = (self.accelerate or {}).get("deepspeed_config", {}).get("zero_stage")
        split = f"DeepSpeed ZeRO-{zero}" if zero else f"{len(self.trainers)} copies" if self.accelerate else "one copy"
        head = [f"{name}: {place}" for name, place in where.items()]
        fields = ", ".join(f"{name}={value}" for name, value in self.grpo.items())
        return [*head, f"weights: {split}", f"grpo: {fields}", *(_shell(process) for process in self.processes)]


def _some(numbers: Sequence[int]) -> str:
    return f"{numbers[0]} to {numbers[-1]}" if len(numbers) > 1 else str(numbers[0])


def _shell(process: Process) -> str:
    import shlex

    variables = [f"{name}={shlex.quote(value)}" for name, value in process.env.items()]
    return f"{process.name}: {' '.join([*variables, shlex.join(process.command)])}"


def plan(recipe: TrainRecipe, folder: Path, gpus: int, python: str = sys.executable) -> Plan:
    """Spread a run over GPUs.

    Args:
        recipe: of the run.
        folder: of the run.
        gpus: 0 trains on the processor, for a try; with 1, generation and training share it; with 2 to 7 one GPU
            generates, from 8 on half of them. `launch.server_gpus` says otherwise.
        python: that the processes run in.

    Raises:
        TrainingFailed: the GPUs cannot be shared like this, or a batch does not divide.
    """
    rules = recipe.launch
    share = rules.server_gpus if rules.server_gpus is not None else 0 if gpus < 2 else 1 if gpus < 8 else gpus // 2
    if gpus and share >= gpus:
        raise TrainingFailed(f"launch.server_gpus {share} of {gpus} GPUs leaves none to train; at most {gpus - 1}")
    if share % rules.tensor_parallel:
        raise TrainingFailed(
            f"{share} GPUs cannot be shared by copies of launch.tensor_parallel {rules.tensor_parallel} each;"
            f" give launch.server_gpus a multiple of it"
        )
    server, trainers = tuple(range(share)), tuple(range(share, gpus))
    names = _names(gpus)
    check_batches(recipe, max(1, len(trainers)))
    found: dict[str, Any] = {"bf16": bool(gpus), "use_vllm": bool(gpus)}
    if not gpus:
        # Weights are kept as bfloat16: a step of SmolLM2-135M took two cores four times as long in it.
        found.update(use_cpu=True, gradient_checkpointing=False, model_init_kwargs={"dtype": "float32"})
    elif server:
        found.update(
            vllm_mode="server",
            vllm_server_base_url=f"http://127.0.0.1:{rules.server_port}",
            vllm_server_timeout=rules.server_patience_s,
        )
    else:
        found.update(vllm_mode="colocate", vllm_gpu_memory_utilization=0.3)
    zero = rules.zero if rules.zero is not None else 3 if len(trainers) > 1 else 0
    several = len(trainers) > 1 or (zero > 0 and bool(trainers))
    accelerate = accelerate_config(recipe, len(trainers), zero) if several else None
    run = ("-m", "ttc_data.train.grpo", str(folder))
    visible = {"CUDA_VISIBLE_DEVICES": ",".join(names[number] for number in trainers)}
    command = (
        (python, "-m", "accelerate.commands.launch", "--config_file", str(folder / ACCELERATE), *run)
        if several
        else (python, *run)
    )
    trainer = Process("trainer", command, {**visible, **(NCCL if gpus > 1 else {})})
    processes = (
        (server_process(recipe, [names[number] for number in server], python), trainer) if server else (trainer,)
    )
    return Plan(gpus, server, trainers, found, accelerate, processes)


def _names(gpus: int) -> Sequence[str]:
    """What CUDA calls the GPUs: a scheduler that gave some of a machine's has named them."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return given if len(given) >= gpus and all(given) else [str(number) for number in range(gpus)]


def server_process(recipe: TrainRecipe, gpus: Sequence[str], python: str, host: str = "127.0.0.1") -> Process:
    """The server of vLLM on these GPUs of one node, at an address that trainers can reach."""
    rules = recipe.launch
    context = recipe.prompts.max_tokens + int(
        recipe.grpo.get("max_completion_length", DEFAULTS["max_completion_length"])
    )
    command = [
        python,
        "-m",
        "vllm.entrypoints.cli.main",
        "serve",
        recipe.model,
        "--host",
        host,
        "--port",
        str(rules.server_port),
        "--weight-transfer-config",
        '{"backend":"nccl"}',
        "--logprobs-mode",
        "processed_logprobs",
        "--max-logprobs",
        "-1",
    ]
    if recipe.revision:
        command += ["--revision", recipe.revision]
    if recipe.prompts.max_tokens:
        command += ["--max-model-len", str(context)]
    if rules.tensor_parallel > 1:
        command += ["--tensor-parallel-size", str(rules.tensor_parallel)]
    if (copies := len(gpus) // rules.tensor_parallel) > 1:
        command += ["--data-parallel-size", str(copies)]
    env = {"CUDA_VISIBLE_DEVICES": ",".join(gpus), "VLLM_SERVER_DEV_MODE": "1", **NCCL}
    return Process("server", (*command, *rules.server_args), env)


def accelerate_config(recipe: TrainRecipe, count: int, zero: int, nodes: int = 1) -> dict[str, Any]:
    """Accelerate's configuration file, for so many processes in all."""
    common: dict[str, Any] = {
        "compute_environment": "LOCAL_MACHINE",
        "mixed_precision": "bf16",
        "num_machines": nodes,
        "num_processes": count,
        "machine_rank": 0,
        "main_training_function": "main",
        "use_cpu": False,
    }
    if not zero:
        return {**common, "distributed_type": "MULTI_GPU" if count > 1 else "NO"}
    deepspeed: dict[str, Any] = {
        "zero_stage": zero,
        "gradient_accumulation_steps": int(recipe.grpo.get("gradient_accumulation_steps", 1)),
        "gradient_clipping": float(recipe.grpo.get("max_grad_norm", 1.0)),
        "offload_optimizer_device": "none",
        "offload_param_device": "none",
    }
    if nodes > 1:
        deepspeed["deepspeed_multinode_launcher"] = "standard"  # ours start it on each node; its own would by ssh
    if zero == 3:
        deepspeed.update(zero3_init_flag=True, zero3_save_16bit_model=True)
    return {**common, "distributed_type": "DEEPSPEED", "deepspeed_config": deepspeed}


def check_batches(recipe: TrainRecipe, processes: int) -> None:
    """Refuse a batch that does not hold whole groups.

    Raises:
        RecipeError: a size that is no number, or too small.
        TrainingFailed: with the nearest sizes that do.
    """
    each, group = number_of(recipe, "per_device_train_batch_size", 8), number_of(recipe, "num_generations", 8, least=2)
    steps = number_of(recipe, "steps_per_generation", number_of(recipe, "gradient_accumulation_steps", 1))
    whole = number_of(recipe, "generation_batch_size", each * processes * steps)
    if whole % group == 0:
        return
    near = [size for size in range(1, 4 * each + group) if size * processes * steps % group == 0]
    below, above = [size for size in near if size < each], [size for size in near if size > each]
    sizes = " or ".join(str(size) for size in (*below[-1:], *above[:1]))
    raise TrainingFailed(
        f"grpo: {each} a device x {processes} processes x {steps} steps are {whole} completions, no multiple of num_generations"
        f" {group}; set grpo.per_device_train_batch_size to {sizes}"
    )


def check_machine(plan: Plan, recipe: TrainRecipe) -> None:
    """Refuse a plan that this machine cannot run.

    Raises:
        TrainingFailed: packages are missing or of a version that TRL does not support, or there are too few GPUs.
    """
    needed = ["trl", "transformers", "accelerate", *(["vllm"] if plan.gpus else [])]
    if (plan.accelerate or {}).get("distributed_type") == "DEEPSPEED":
        needed.append("deepspeed")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    for name, key in ((recipe.tracking, "tracking"), ("peft" if recipe.lora is not None else "none", "lora")):
        if name != "none" and importlib.util.find_spec(name) is None:
            raise TrainingFailed(f"{key}: {name} not installed; `pip install {name}`, or leave {key} out")
    if missing:
        extra = "train,vllm" if plan.gpus else "train"
        raise TrainingFailed(f"{', '.join(missing)} not installed; {install_hint(extra)}")
    if not plan.gpus:
        return
    version = Version(Version(metadata.version("vllm")).base_version)
    if not VLLM_FROM <= version <= VLLM_TO:
        raise TrainingFailed(f"vLLM {version}: TRL supports {VLLM_FROM} to {VLLM_TO}; {install_hint('vllm')}")
    torch = importlib.import_module("torch")
    here = int(torch.cuda.device_count())
    if here < plan.gpus:
        raise TrainingFailed(
            f"--gpus {plan.gpus}: this machine has {here}; ask for {here}, or see the plan with --dry-run"
            + ("" if here else " (--gpus 0 tries the recipe on the processor)")
        )


def prepare(recipe: TrainRecipe, plan: Plan, folder: Path) -> None:
    """Write what the processes of a run read.

    Raises:
        TrainingFailed: the folder holds a run of another recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    path = folder / RECIPE
    if path.is_file() and any(folder.glob("checkpoint-*")):
        known = yaml.safe_load(path.read_text(encoding="utf-8"))
        now = recipe.model_dump(mode="json")
        changed = [key for key in ("model", "dataset", "lora") if known.get(key) != now[key]]
        if changed:
            raise TrainingFailed(
                f"{folder}: holds checkpoints of another {' and '.join(changed)}; name another --out, or give it that recipe"
            )
    path.write_text(text, encoding="utf-8")
    (folder / SETTINGS).write_text(json.dumps({"grpo": dict(plan.grpo)}, indent=2) + "\n", encoding="utf-8")
    if plan.accelerate:
        (folder / ACCELERATE).write_text(yaml.safe_dump(dict(plan.accelerate), sort_keys=False), encoding="utf-8")


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """What schedulers send ends a run as a person does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: the second would interrupt the ending
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@_sigterm_as_ctrl_c()
def launch(plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
    """Start every process, wait for the trainer, end them all: when it is done, when one fails, on Ctrl-C and on SIGTERM.

    Args:
        plan: what to start.
        folder: of the run; each process has a log under `logs/`.
        say: told how far the trainer is.

    Raises:
        TrainingFailed: a process failed, with what it said.
    """
    running: dict[str, Leashed] = {}
    say(f"{' and '.join(process.name for process in plan.processes)} starting; logs: {folder / LOGS}")
    try:
        for process in plan.processes:
            log = folder / LOGS / f"{process.name}.log"
            allowed = MODELS if process.name == "server" else TRAINING
            env = {**environment(*NETWORK, *allowed), "PYTHONUNBUFFERED": "1", **process.env}
            running[process.name] = Leashed(process.command, log, env, GRACE_S)
        _watch(running, folder, say)
    finally:
        for one in running.values():
            one.ask()
        for one in running.values():
            one.close()


def _watch(running: Mapping[str, Leashed], folder: Path, say: Callable[[str], None]) -> None:
    said, told = time.monotonic(), ""
    while (code := running["trainer"].poll()) is None:
        for name, one in running.items():
            if name != "trainer" and (ended := one.poll()) is not None:
                raise TrainingFailed(
                    f"the {name} ended with {ended} ({one.quoted(3)}); all of it: {one.log}. Run again: it goes on from"
                    " the last checkpoint"
                )
        if time.monotonic() - said >= SAY_EVERY_S:
            said = time.monotonic()
            if (line := curves.said(folder)) != told:
                told = line
                say(line)
        time.sleep(LOOK_S)
    if code:
        text = running["trainer"].log.read_text(encoding="utf-8", errors="replace")
        errors = re.findall(r"^error: (.*)$", text, re.MULTILINE)
        said_last = errors[-1] if errors else running["trainer"].quoted(3)
        raise TrainingFailed(f"{said_last} (log: {running['trainer'].log})" if not errors else said_last)
