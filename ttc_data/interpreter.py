"""The interpreter that runs a project's tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that runs the tests."""

    python: str
    """`3.11`."""
    platform: str
    """uv's name of the platform, which decides which wheels fit."""
