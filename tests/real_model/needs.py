"""What vLLM needs of the machine to compute on the processor: says what is missing before gigabytes are fetched.

    python -m tests.real_model.needs

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import ctypes
import shutil
import sys
import sysconfig
from pathlib import Path


def missing() -> list[str]:
    """Names of what is not there, as Debian packages have them."""
    found = []
    try:
        ctypes.CDLL("libnuma.so.1")
    except OSError:
        found.append("libnuma1")  # vLLM's kernels are linked with it; its wheel does not bring it
    if not shutil.which("g++"):
        found.append("g++")  # torch compiles the model when a server starts
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        found.append("python3-dev")  # the same
    return found


if __name__ == "__main__":
    if names := missing():
        sys.exit(f"vLLM on the processor needs {', '.join(names)}; run `apt-get install {' '.join(names)}`")
