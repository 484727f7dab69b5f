"""Draws records whose texts keep the rules of their types: `hypothesis` knows numbers and choices by itself."""

from __future__ import annotations

import types
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from ttc_data import fields as field
from ttc_data.records import FileText

text = st.text(st.characters(codec="utf-8"), max_size=8)
name = text.filter(lambda one: not field.path_fault(one) and "/" not in one)
path = st.lists(name, min_size=1, max_size=3).map("/".join)
hexadecimal = st.integers(0, 16**20 - 1).map(lambda number: f"{number:020x}")
KEPT: tuple[tuple[Any, st.SearchStrategy[Any]], ...] = (
    (field.TreePath, path),
    (field.Root, st.one_of(st.just(""), path.filter(lambda one: ":" not in one))),
    (field.TestId, st.builds("{}::{}".format, path.filter(lambda one: "::" not in one and one[0] not in "-:"), text)),
    (field.RowId, st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)),
    (field.Key, hexadecimal),
    (field.KeyOrNone, st.one_of(st.just(""), hexadecimal)),
    (field.TreeOrNone, st.one_of(st.just(""), st.just("0f" * 32))),
    (field.Word, st.from_regex(r"[A-Za-z0-9_.+!-]{0,20}", fullmatch=True)),
    (field.Project, st.sampled_from(("", "a", "a-b", "A.b_c1"))),
    (field.PythonVersion, st.sampled_from(("3.9", "3.11"))),
    (field.Platform, st.sampled_from(("", "linux", "x86_64-manylinux_2_36"))),
    (field.Date, st.sampled_from(("", "2026-01-02", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678+01:00"))),
    (field.Locked, st.sampled_from(("", f"a==1 --hash=sha256:{64 * '0'}\n"))),
    (field.Image, st.sampled_from(("python:3.11-slim", f"host:5000/a/b@sha256:{64 * 'a'}"))),
    (field.PytestArgument, st.sampled_from(("--import-mode=append", "--benchmark-disable"))),
)


def drawn(annotation: Any) -> st.SearchStrategy[Any]:
    """A strategy for a type."""
    for known, strategy in KEPT:
        if annotation == known:
            return strategy
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated and field.OF_DIST_INFO in arguments[1:]:
        files = st.sampled_from(("INSTALLER", "METADATA", "entry_points.txt"))
        return st.builds(
            FileText,
            st.builds("{}.dist-info/{}".format, st.from_regex(r"[a-z0-9_.-]{1,9}", fullmatch=True), files),
            text,
        )
    if origin is Annotated and any(isinstance(one, field.Rule) for one in arguments[1:]):
        return text
    if is_dataclass(annotation) and isinstance(annotation, type):
        hints = get_type_hints(annotation, include_extras=True)
        return st.builds(annotation, **{one.name: drawn(hints[one.name]) for one in fields(annotation)})
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(drawn(arguments[0]), max_size=2).map(tuple)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(drawn, arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    return st.from_type(annotation)
