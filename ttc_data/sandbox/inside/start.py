"""Starts the runner, the first time and for every hash seed.

The runner's program comes on standard input, after this one and before the first job, and not as an argument: every user
of the machine can read the arguments of every process. Between one start and the next it lies in a file without a name,
whose descriptor can only be read; no job has it.
"""

from __future__ import annotations

import json
import math
import os
import sys
from typing import Any

from ttc_data.sandbox.inside.streams import read_frame, write_frames

# Runs the program in the frame that a descriptor holds next. Arguments: the descriptor, the configuration.
LOADER = """\
import os, sys
def take(count):
    parts = []
    while count:
        parts.append(os.read(int(sys.argv[1]), count) or sys.exit("no program came"))
        count -= len(parts[-1])
    return b"".join(parts)
exec(compile(take(int.from_bytes(take(4), "big")), "<program>", "exec"))
"""


def main() -> None:
    """Keep the runner's program, and start it with the environment of a job."""
    config = json.loads(sys.argv[2])
    program = read_frame(0)
    if program is None:
        sys.exit("no program came")
    keep_to(config["limits"]["cpus"])
    kept = keep(program, os.path.dirname(config["home"]))
    start_again({**config, "seed": 0, "head": None, "program": kept})


def keep(program: bytes, folder: str) -> int:
    """Put the program into a file without a name; gives a descriptor to read it from."""
    place = os.path.join(folder, "program")
    written = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    kept = os.open(place, os.O_RDONLY)
    os.unlink(place)
    write_frames(written, [program])
    os.close(written)
    return kept


def keep_to(cpus: float) -> None:
    """Use only so many processors, whichever; 0 where the transport sees to it."""
    available = sorted(os.sched_getaffinity(0))
    count = math.ceil(cpus)
    if 0 < count < len(available):
        first = int.from_bytes(os.urandom(2), "big") % len(available)
        os.sched_setaffinity(0, [available[(first + number) % len(available)] for number in range(count)])


def start_again(config: dict[str, Any]) -> None:
    """Become a new interpreter with the hash seed and the environment of a job; what waits to be read stays there."""
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": config["home"],
        "USER": "sandbox",
        "LOGNAME": "sandbox",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": os.path.dirname(config["home"]),
        "PYTHONPATH": config["site"],  # the tree follows when a job has pytest: see `admit`
        "PYTHONHASHSEED": str(config["seed"]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COVERAGE_CORE": "ctrace",
    }
    os.lseek(config["program"], 0, os.SEEK_SET)
    os.set_inheritable(config["program"], True)
    command = [sys.executable, "-s", "-B", "-c", LOADER, str(config["program"]), json.dumps(config)]
    os.execve(sys.executable, command, environment)
