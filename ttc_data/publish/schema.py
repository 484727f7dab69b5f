"""JSON Schema of the published datasets, generated from `records.py`: `python -m ttc_data.publish.schema schemas`."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from pydantic import TypeAdapter

from ttc_data.records import SCHEMA_VERSION, JsonObject
from ttc_data.row import Row

SCHEMAS: dict[str, type] = {"stack-impl": Row}


def schema(dataset: str) -> JsonObject:
    """The JSON Schema of one dataset's rows; the attribute docstrings of the record are the descriptions."""
    record = SCHEMAS[dataset]
    described = attribute_docstrings(record)
    made = TypeAdapter(record).json_schema()
    for name, text in described.items():
        made["properties"][name]["description"] = text
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": f"Generated from ttc_data/records.py by `make docs`; schema version {SCHEMA_VERSION}.",
        **made,
        "additionalProperties": False,
        "required": [field.name for field in fields(record)],
    }


def attribute_docstrings(record: type) -> dict[str, str]:
    """The string literals that follow the fields of a record's class body."""
    body = ast.parse(inspect.getsource(record).lstrip()).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, following in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
        ):
            found[field.target.id] = inspect.cleandoc(str(following.value.value))
    return found


def schema_text(dataset: str) -> str:
    """The schema file's text."""
    return json.dumps(schema(dataset), indent=2) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Write every schema into the folder that is named."""
    folder = Path(arguments[0])
    for name in SCHEMAS:
        (folder / f"{name}.schema.json").write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
