"""A run over several nodes: one of them generates and the others train, or every GPU does both.

`python -m ttc_data.train.nodes FOLDER` is what a job does when all of them are done.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ttc_data.errors import TrainingFailed
from ttc_data.train.launch import (
    ACCELERATE,
    NCCL,
    Plan,
    Process,
    accelerate_config,
    check_batches,
    server_process,
)
from ttc_data.train.release import write_card
from ttc_data.train.rules import TrainRecipe

ADDRESS = "$address"
"""Stands for the address of the server's node in its command: Slurm says which one that is when the job starts."""


def plan_nodes(recipe: TrainRecipe, folder: Path, gpus: int, python: str) -> Plan:
    """Spread a run over `slurm.nodes` nodes of the same kind.

    Accelerate starts as many processes on each node, so a node generates or trains, and none does half of each.

    Args:
        recipe: of the run; `launch.server_gpus` is the first node's, which is the default, or 0.
        folder: of the run, which all nodes see.
        gpus: of each node.
        python: that the processes run in.

    Returns:
        The plan, with GPUs counted over all nodes. Its trainer's command is what accelerate's launcher is told on each node,
        beside its own place among them.

    Raises:
        TrainingFailed: it cannot be spread like this.
    """
    rules, nodes = recipe.launch, recipe.slurm.nodes
    if not gpus:
        raise TrainingFailed(
            f"--gpus 0 with slurm.nodes {nodes}: a try on the processor takes one node; set slurm.nodes to 1"
        )
    share = gpus if rules.server_gpus is None else rules.server_gpus
    if share not in (0, gpus):
        raise TrainingFailed(
            f"launch.server_gpus {share} with slurm.nodes {nodes}: a node generates or trains; give {gpus} (the first node"
            " generates) or 0 (each GPU does both)"
        )
    if share % rules.tensor_parallel:
        raise TrainingFailed(
            f"launch.tensor_parallel {rules.tensor_parallel}: the {share} GPUs of the first node are no multiple of it"
        )
    if not share and rules.tensor_parallel > 1:
        raise TrainingFailed(
            f"launch.tensor_parallel {rules.tensor_parallel} is the server's, and launch.server_gpus 0 has none; set"
            " grpo.vllm_tensor_parallel_size"
        )
    machines = nodes - 1 if share else nodes
    count = machines * gpus
    check_batches(recipe, count)
    zero = rules.zero if rules.zero is not None else 3 if count > 1 else 0
    found: dict[str, Any] = {"bf16": True, "use_vllm": True}
    if share:
        found.update(vllm_mode="server", vllm_server_timeout=rules.server_patience_s)
    else:
        found.update(vllm_mode="colocate", vllm_gpu_memory_utilization=0.3)
    trainer = Process(
        "trainer", ("--config_file", str(folder / ACCELERATE), "-m", "ttc_data.train.grpo", str(folder)), NCCL
    )
    server = (server_process(recipe, [str(number) for number in range(share)], python, ADDRESS),) if share else ()
    return Plan(
        nodes * gpus,
        tuple(range(share)),
        tuple(range(share, nodes * gpus)),
        found,
        accelerate_config(recipe, count, zero, machines),
        (*server, trainer),
    )


def main(arguments: Sequence[str]) -> int:
    """Write the card of a run's model."""
    write_card(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
