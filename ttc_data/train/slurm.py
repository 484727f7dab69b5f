"""A training run as a Slurm job: a script that a person can read and edit, and an image that it may run in."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ttc_data.dataset import folder_of
from ttc_data.errors import SlurmRefused
from ttc_data.programs import NETWORK, TRAINING, environment
from ttc_data.template import template
from ttc_data.train.grpo import MODEL, RECIPE, SERVER
from ttc_data.train.launch import LOGS, Plan, plan, prepare
from ttc_data.train.nodes import ADDRESS, plan_nodes
from ttc_data.train.rules import TrainRecipe

SCRIPT, DEFINITION = "train.sbatch", "ttcdata.def"
# `%` begins a pattern in the name of a job's log; double quotes and backslashes end what is quoted in `#SBATCH` lines.
NO_PATH = re.compile(r'["\\%]')
NO_BIND = re.compile(r"[,:]")
SUBMIT_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """What is handed to Slurm."""

    recipe: TrainRecipe
    """As the nodes are to read it: every path is absolute."""
    plan: Plan
    """Of one node, or of all."""
    script: str
    definition: str
    """Of the image, in Apptainer's language; `""` where the job runs in none."""


def job(
    recipe: TrainRecipe,
    folder: Path,
    gpus: int,
    python: str = sys.executable,
    *,
    push_to_hub: str = "",
    private: bool = False,
) -> SlurmJob:
    """Plan a run on Slurm's nodes.

    Args:
        recipe: of the run.
        folder: of the run, absolute; nodes see it under the same name, as they do `slurm.folder`.
        gpus: of each node.
        python: that the nodes run, where there is no image; `ttcdata` lies beside it.
        push_to_hub: what the trained model is to be called there, if anything.
        private: only its organisation is to see it.

    Raises:
        SlurmRefused: a path cannot stand in the script, or the sandbox is none for a node.
        TrainingFailed: the run cannot be spread over the nodes like this.
    """
    settled = _settled(recipe)
    rules = settled.slurm
    for key, path in (("--out", str(folder)), ("slurm.folder", rules.folder), ("slurm.image", rules.image)):
        if not path.isprintable() or NO_PATH.search(path):
            raise SlurmRefused(
                f"{key} {path!r}: double quotes, backslashes, % and line breaks cannot stand in a job's script; rename it"
            )
    if push_to_hub and rules.nodes > 1:
        raise SlurmRefused(
            f"--push-to-hub {push_to_hub} with slurm.nodes {rules.nodes}: a job of one node pushes its model; after this one:"
            f" hf upload {push_to_hub} {shlex.quote(str(folder / MODEL))}"
        )
    push = [*(["--push-to-hub", push_to_hub] if push_to_hub else []), *(["--private"] if private else [])]
    inner = "python" if rules.image else python
    planned = plan(settled, folder, gpus, inner) if rules.nodes == 1 else plan_nodes(settled, folder, gpus, inner)
    definition = ""
    if rules.image:
        built = f"apptainer build {shlex.quote(rules.image)} {shlex.quote(str(folder / DEFINITION))}"
        definition = (
            template("ttc_data.train", f"templates/{DEFINITION}.j2").render(build=built, checkout=_checkout()) + "\n"
        )
    return SlurmJob(settled, planned, f"{_script(settled, planned, folder, gpus, inner, push)}\n", definition)


def write(wanted: SlurmJob, folder: Path) -> Path:
    """Write the script, and what the job reads, into the run's folder.

    Returns:
        The script.

    Raises:
        TrainingFailed: the folder holds a run of another recipe.
    """
    prepare(wanted.recipe, wanted.plan, folder)
    # Slurm opens the job's log before the script runs, and fails the job where its folder is missing.
    (folder / LOGS).mkdir(exist_ok=True)
    for name, text in ((SCRIPT, wanted.script), (DEFINITION, wanted.definition)):
        if text:
            part = folder / f".{name}"
            part.write_text(text, encoding="utf-8")
            part.replace(folder / name)
    return folder / SCRIPT


def submit(script: Path) -> str:
    """Hand a script to Slurm.

    Returns:
        The job's id.

    Raises:
        SlurmRefused: there is no Slurm here, or it does not take the job.
    """
    if shutil.which("sbatch") is None:
        raise SlurmRefused(f"no `sbatch` on PATH; on a machine that has it: sbatch {shlex.quote(str(script))}")
    try:
        asked = subprocess.run(
            ["sbatch", "--parsable", str(script)],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=SUBMIT_LIMIT_S,
            env=environment(*NETWORK, *TRAINING),
        )
    except subprocess.TimeoutExpired as error:
        raise SlurmRefused(
            f"{script}: sbatch does not answer within {SUBMIT_LIMIT_S} s; see with `squeue --me` whether the job is there"
        ) from error
    if asked.returncode:
        raise SlurmRefused(f"{script}: sbatch ended with {asked.returncode} ({' '.join(asked.stderr.split())[:300]})")
    return asked.stdout.strip().partition(";")[0]  # ID, or ID;CLUSTER


def _checkout() -> str:
    """Where the package is installed from: there is no release yet that an image could take."""
    root = Path(__file__).resolve().parents[2]
    return str(root) if (root / "pyproject.toml").is_file() else "/path/to/checkout"


def _settled(recipe: TrainRecipe) -> TrainRecipe:
    """The recipe without what depends on where a command is given."""
    rules = recipe.slurm
    if rules.image and recipe.sandbox == "docker":
        raise SlurmRefused(
            "sandbox docker with slurm.image: the image has no engine; set sandbox to local (bubblewrap)"
        )
    changes: dict[str, object] = {
        "model": _absolute(recipe.model),
        "dataset": _absolute(recipe.dataset),
        # Containers are no children of the job: Slurm would neither count nor end them.
        "sandbox": "local" if recipe.sandbox == "auto" else recipe.sandbox,
        "slurm": rules.model_copy(
            update={
                "folder": os.path.abspath(rules.folder),
                "image": os.path.abspath(rules.image) if rules.image else "",
                "binds": tuple(os.path.abspath(bind) for bind in rules.binds),
            }
        ),
    }
    if recipe.select.difficulty:
        changes["select"] = recipe.select.model_copy(update={"difficulty": os.path.abspath(recipe.select.difficulty)})
    return recipe.model_copy(update=changes)


def _absolute(name: str) -> str:
    """A folder's whole name; a Hub id as it is."""
    return os.path.abspath(name) if Path(name).exists() else name


def _script(recipe: TrainRecipe, planned: Plan, folder: Path, gpus: int, python: str, push: Sequence[str]) -> str:
    rules = recipe.slurm
    processes = {process.name: process for process in planned.processes}
    server = processes.get("server") if rules.nodes > 1 else None
    env = {
        name: value
        for process in planned.processes
        for name, value in process.env.items()
        if name != "CUDA_VISIBLE_DEVICES"
    }
    ttcdata = "ttcdata" if rules.image else str(Path(python).with_name("ttcdata"))
    command = (ttcdata, "train", "--recipe", str(folder / RECIPE), "--gpus", str(gpus), "--out", str(folder), *push)
    lines = rules.lines
    return template("ttc_data.train", f"templates/{SCRIPT}.j2").render(
        name=recipe.name,
        nodes=rules.nodes,
        machines=rules.nodes - bool(server),
        head=list(_head(recipe, folder, gpus)),
        more_head=[line for line in lines if line.startswith("#SBATCH")],
        more=[line for line in lines if not line.startswith("#SBATCH")],
        run=shlex.quote(str(folder)),
        project=shlex.quote(rules.folder),
        image=shlex.quote(rules.image) if rules.image else "",
        binds=_binds(recipe, folder) if rules.image else [],
        inside='"${inside[@]}" ' if rules.image else "",
        command=_shell(command),
        python=shlex.quote(python),
        server=_shell(server.command) if server else "",
        trainer=_shell(processes["trainer"].command),
        server_variable=SERVER,
        port=recipe.launch.server_port,
        env=[(name, shlex.quote(value)) for name, value in env.items()],
    )


def _head(recipe: TrainRecipe, folder: Path, gpus: int) -> Iterator[str]:
    """What Slurm is asked for."""
    rules = recipe.slurm
    yield f"--job-name={re.sub(r'[^a-z0-9._-]+', '-', recipe.name).strip('-') or 'train'}"
    yield f"--nodes={rules.nodes}"
    yield "--ntasks-per-node=1"
    if gpus:
        yield f"--gpus-per-node={rules.gpu_type}:{gpus}" if rules.gpu_type else f"--gpus-per-node={gpus}"
    asked = {
        "cpus-per-task": rules.cpus_per_task,
        "mem": rules.memory,
        "partition": rules.partition,
        "account": rules.account,
    }
    yield from (f"--{name}={value}" for name, value in asked.items() if value)
    yield f"--time={rules.time}"
    yield f'--output="{folder / LOGS}/slurm-%j.out"'


def _binds(recipe: TrainRecipe, folder: Path) -> list[str]:
    """Folders that lie outside the image, each once and none below another.

    Raises:
        SlurmRefused: Apptainer would read a folder's name as two.
    """
    wanted = [Path(recipe.slurm.folder), folder, *map(Path, recipe.slurm.binds)]
    if Path(recipe.dataset).is_absolute():
        wanted.append(folder_of(recipe.dataset))
    if Path(recipe.model).is_absolute():
        wanted.append(Path(recipe.model))
    if recipe.select.difficulty:
        wanted.append(Path(recipe.select.difficulty).parent)
    for path in wanted:
        if NO_BIND.search(str(path)) or not str(path).isprintable():
            raise SlurmRefused(
                f"{str(path)!r}: Apptainer takes no folder with a comma, a colon or a line break in its name; rename it"
            )
    kept = [path for path in wanted if not any(other != path and path.is_relative_to(other) for other in wanted)]
    return [shlex.quote(str(path)) for path in dict.fromkeys(kept)]


def _shell(command: Sequence[str]) -> str:
    """Words for a shell, each option on its line; the word that stands for an address is left to the shell."""
    words = [f'"{word}"' if word == ADDRESS else shlex.quote(word) for word in command]
    return " ".join(words[:1] + [f"\\\n    {word}" if word.startswith("--") else word for word in words[1:]])
