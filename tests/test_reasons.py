"""Every reason that the code can give for a reject, an outcome or a failed check stands in a page of the docs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ttc_data.evidence.suite import NEEDS
from ttc_data.prove import UNBELIEVED

ROOT = Path(__file__).parent.parent
# Calls that take a reason, and at which place.
GIVES = {
    "Reject": 2,
    "Outcome": 1,
    "Refused": 0,
    "SourceRefused": 0,
    "EnvironmentFailed": 0,
    "MaskingFailed": 0,
    "PromptRefused": 0,
    "_Refused": 0,
    "Defect": 0,
    "failed": 0,
    "reject": 0,
    "left_out": 0,
    "run_uv": 1,
}
REASON = re.compile(r"[a-z]+(?:_[a-z]+)*")


def said(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(value)) if REASON.fullmatch(value):
            yield value
        case ast.IfExp(body=body, orelse=other):
            yield from said(body)
            yield from said(other)
        case ast.Tuple(elts=[first, _]):
            yield from said(first)
        case _:
            return


def reasons(tree: ast.AST) -> Iterator[str]:
    """Reasons in calls, in `reason = ...`, in functions that say why, and in tables of rules."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=given, keywords=keywords):
                at = GIVES.get(name, len(given))
                for value in [*given[at : at + 1], *(keyword.value for keyword in keywords if keyword.arg == "reason")]:
                    yield from said(value)
            case ast.Assign(targets=[ast.Name(id="reason")], value=value):
                yield from said(value)
            case ast.FunctionDef() if (ast.get_docstring(node) or "").startswith("Why "):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return) and inner.value:
                        yield from said(inner.value)
            case ast.Return(value=ast.Tuple(elts=[ast.Constant(value=str(value)), _])) if "_" in value:
                yield from said(ast.Constant(value))
            case ast.AnnAssign(target=ast.Name(id="CHECKS"), value=ast.Dict(keys=keys)):
                for key in keys:
                    yield from said(key) if key else ()


FOUND = sorted(
    {
        (reason, path.stem)
        for path in (ROOT / "ttc_data").rglob("*.py")
        for reason in reasons(ast.parse(path.read_text()))
    }
)


def test_the_walk_finds_reasons_of_every_form() -> None:
    found = {reason for reason, _ in FOUND}
    assert {
        "no_fail_to_pass",
        "link_loops",
        "docstring_too_short",
        "held_out",
        "suite_timed_out",
        "weak_tests",
    } <= found


MADE = [*UNBELIEVED, *(f"tests_need_{what}" for what in (*NEEDS, "clock"))]
"""Reasons that the code puts together of two words."""


@pytest.mark.parametrize(("reason", "module"), [*FOUND, *((reason, "prove") for reason in sorted(MADE))])
def test_a_reason_stands_in_the_docs(reason: str, module: str) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    assert f"`{reason}`" in pages, f"{module} gives it; docs/reasons.md is the page for it"
