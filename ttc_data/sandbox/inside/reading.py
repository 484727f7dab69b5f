"""The process beside the runner that reads jobs' bodies, and makes bytecode of the test files that they bring.

Whether a job before had the same files is known to it alone: no job comes from it, and it hands a body on when what there was to
make is made. It stays from job to job where jobs cannot see it, for they have processes of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import traceback
from typing import Any

from ttc_data.sandbox.inside.numbers import Numbers
from ttc_data.sandbox.inside.rewritten import make, open_cache
from ttc_data.sandbox.inside.streams import read_frame, write_frames


class Reader:
    """Its end at the runner. The number of its process is in the configuration, for whoever counts and kills processes."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        config["reader"] = 0
        self.bodies, self.asking = -1, -1

    def ready(self) -> int:
        """Have it there; gives the descriptor that it will write bodies to."""
        if not self.config["reader"]:
            self.start()
        return self.bodies

    def bring(self, seconds: float) -> None:
        """Have the next body read, and wait until it is there or nobody is who would bring it."""
        os.write(self.asking, b".")
        select.select([self.bodies], [], [], seconds)

    def start(self) -> None:
        """Fork it."""
        self.bodies, bodies = os.pipe()
        asked, self.asking = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(self.bodies)
            os.close(self.asking)
            read_for(self.config, asked, bodies)
        os.close(asked)
        os.close(bodies)
        self.config["reader"] = pid

    def leave(self) -> None:
        """In another process: it has nothing to ask for."""
        if self.config["reader"]:
            os.close(self.asking)

    def forget(self) -> None:
        """It was killed: the next job has another one."""
        if self.config["reader"]:
            os.close(self.bodies)
            os.close(self.asking)
            self.config["reader"] = 0


def read_for(config: dict[str, Any], asked: int, bodies: int) -> None:
    """Read a body each time that it is asked for. Does not return."""
    try:
        most = 2 * config["limits"]["memory_bytes"]
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        numbers = Numbers()
        while os.read(asked, 1):
            data = read_frame(config["source"])
            if data is None:
                break
            job = json.loads(data.decode("utf-8"))
            with contextlib.suppress(MemoryError):  # then the tests' own session compiles them
                cache = open_cache()
                try:
                    make(cache, config["work"], job["files"], job["test_files"])
                finally:
                    os.close(cache)
            del job
            numbers.draw()
            write_frames(bodies, [data])
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(0)
