"""Source code into execution-proven training data for code models.

The public functions, each the whole of one command: `build`, `validate`, `grade_predictions`, `load_recipe`.
They are imported when they are first used, so that `import ttc_data` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ttc_data.building import build as build
    from ttc_data.recipe import load_recipe as load_recipe
    from ttc_data.validation import grade_predictions as grade_predictions
    from ttc_data.validation import validate as validate

__version__ = "0.1.0"
__all__ = ["build", "grade_predictions", "load_recipe", "validate"]

_HOMES = {
    "build": "ttc_data.building",
    "grade_predictions": "ttc_data.validation",
    "load_recipe": "ttc_data.recipe",
    "validate": "ttc_data.validation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
