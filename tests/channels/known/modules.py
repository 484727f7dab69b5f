"""The interpreter that jobs are forked from."""

from __future__ import annotations

import builtins
import sys
import types
import unittest


def leave(bit: bool, number: int) -> None:
    if bit:
        setattr(builtins, f"left{number}", 1)
        setattr(unittest, f"left{number}", 1)
        sys.modules[f"left{number}"] = types.ModuleType("left")


def read(number: int) -> float:
    name = f"left{number}"
    return float(hasattr(builtins, name) or hasattr(unittest, name) or name in sys.modules)
