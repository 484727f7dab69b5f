"""What a Docker engine says of an image that it could not build."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_LINES = 4
MOST_LINE = 300
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STEP = re.compile(r"Step \d+/\d+ : ")
_OF_THE_ENGINE = ("--->", "Removing intermediate container")


@dataclass(frozen=True, slots=True)
class ImageBuildLog:
    """A failed build in short."""

    error: str
    """The engine's own words, `""` where it broke off without one."""
    cause: str
    """What the last command said last, without the frames of tracebacks, and the engine's own words."""

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]]) -> ImageBuildLog:
        """Read the events that an engine sent."""
        said: list[str] = []
        error = ""
        for event in events:
            error = str(event.get("error") or error)
            for line in _COLOUR.sub("", str(event.get("stream") or "")).splitlines():
                if _STEP.match(line):
                    said.clear()
                # Frames and their source are indented; what was raised is not.
                elif line.strip() and not line.startswith((" ", "\t", "Traceback (", *_OF_THE_ENGINE)):
                    said.append(line.strip()[:MOST_LINE])
        return cls(error, " | ".join(line for line in (*said[-MOST_LINES:], error) if line))
