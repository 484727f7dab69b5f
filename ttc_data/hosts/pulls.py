"""Which images could not be pulled: the next command does not wait again for a registry that did not answer the last one."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ttc_data.cache import cache_folder

# A registry that is away today may be there tomorrow; a laptop moves between networks.
ASK_AGAIN_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class FailedPull:
    """A registry's refusal, or its silence."""

    image: str
    reason: str
    at: float
    """Seconds since the epoch."""
    file: Path
    """Where it is remembered."""

    @property
    def is_recent(self) -> bool:
        """The registry need not be asked again yet; a time that has not come is no time."""
        return 0 <= time.time() - self.at < ASK_AGAIN_S

    @property
    def again(self) -> str:
        """When the registry is asked again, and how to ask it sooner."""
        then = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.at + ASK_AGAIN_S))
        return f"tried again after {then}; sooner: `docker pull {self.image}`, or remove {self.file}"


class FailedPulls:
    """Failed pulls by engine and image, in a file that all commands share.

    Args:
        file: JSON; made when the first pull fails.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._unwritten: dict[tuple[str, str], FailedPull] = {}

    @classmethod
    def of_this_user(cls) -> FailedPulls:
        """Those in the user's cache: one object a process, for it remembers what it cannot write."""
        return _in(cache_folder() / "failed-pulls.json")

    def recent(self, engine: str, image: str) -> FailedPull | None:
        """The last failure to pull an image into an engine, unless it is so old that the registry is to be asked again."""
        known = self._read().get(engine, {}).get(image)
        found = FailedPull(image, str(known[0]), float(known[1]), self._file) if known else None
        found = found or self._unwritten.get((engine, image))
        return found if found is not None and found.is_recent else None

    def note(self, engine: str, image: str, reason: str) -> FailedPull:
        """Remember a failure; for this process alone where the file cannot be written."""
        failed = FailedPull(image, reason, time.time(), self._file)
        self._unwritten[engine, image] = failed
        known = self._read()
        known.setdefault(engine, {})[image] = [reason, failed.at]
        temporary = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")
            temporary.replace(self._file)
            del self._unwritten[engine, image]
        return failed

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if is_sound(known) else {}


@cache
def _in(file: Path) -> FailedPulls:
    return FailedPulls(file)


def is_sound(known: Any) -> bool:
    """Whether a file holds what `note` writes: engine, image, and reason and time of its failure."""
    return isinstance(known, dict) and all(
        isinstance(images, dict)
        and all(
            isinstance(failure, list)
            and len(failure) == 2
            and isinstance(failure[0], str)
            and isinstance(failure[1], (int, float))
            for failure in images.values()
        )
        for images in known.values()
    )
