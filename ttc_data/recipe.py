"""The recipe: one YAML file that says everything about one build.

Unknown keys are errors, every value has a documented meaning and default, and `--set section.field=value` changes
one of them from the command line.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator

from ttc_data.errors import RecipeError
from ttc_data.fields import quoted
from ttc_data.keys import content_key
from ttc_data.reading import MOST_RECIPE, parse_yaml, text_in
from ttc_data.rules import (
    AnySource,
    CheckRules,
    Deprecation,
    EnvironmentRules,
    ExtractRules,
    GitSource,
    ImageRules,
    LicenseRules,
    LlmRules,
    MaskRules,
    PypiSource,
    SandboxRules,
    Section,
    SpecRules,
    SplitRules,
    StackSource,
    TestRules,
    TreeLimits,
)

UNNAMED = "(unnamed recipe)"
SOURCES: tuple[type[Section], ...] = (PypiSource, GitSource, StackSource)
S = TypeVar("S", bound=Section)
ASKED = {
    "urls", "serve", "gpus", "at_once", "silence_s", "deadline_s", "input_price", "output_price", "max_spend",
}  # fmt: skip
"""Keys of `llm` that say where the model is asked and what that costs, and nothing of the answers."""


class Recipe(Section):
    """Everything about one build."""

    dataset: Literal["stack-impl"] = "stack-impl"
    name: str = Field(UNNAMED, pattern=r"^[a-z0-9(][a-z0-9 ._()-]*$", max_length=200)
    """Of the published set; lower case."""
    description: str = ""
    seed: int = 0
    limit: int = Field(0, ge=0)
    """Prove at most so many samples, chosen evenly over repositories; 0 means all."""
    sources: tuple[AnySource, ...] = Field(min_length=1)
    open_sources: tuple[AnySource, ...] = ()
    """Mined instead when none of `sources` can be reached."""
    tree: TreeLimits = TreeLimits()
    license: LicenseRules = LicenseRules()
    extract: ExtractRules = ExtractRules()
    environment: EnvironmentRules = EnvironmentRules()
    tests: TestRules = TestRules()
    llm: LlmRules = LlmRules()
    spec: SpecRules = SpecRules()
    mask: MaskRules = MaskRules()
    sandbox: SandboxRules = SandboxRules()
    image: ImageRules = ImageRules()
    splits: SplitRules = SplitRules()
    check: CheckRules = CheckRules()
    deprecated: tuple[Deprecation, ...] = ()
    """Rows that are left out of the set and listed in its `deprecated.jsonl`, with the reason."""

    @field_validator("splits")
    @classmethod
    def _whole(cls, splits: SplitRules) -> SplitRules:
        total = splits.train + splits.validation + splits.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train + validation + test is {total:g}, must be 1")
        return splits

    @property
    def hash(self) -> str:
        """Content identity of the whole recipe, but for where its model is asked and what that costs."""
        return content_key("recipe", self.model_dump(mode="json", exclude={"llm": ASKED}))

    @property
    def task_hash(self) -> str:
        """Content identity of what decides the rows: another description, a withdrawn or an allowed row make no other set."""
        return content_key("tasks", self._tasks())

    def differs(self, other: Recipe) -> list[str]:
        """The keys, as `section.field`, for which two recipes make two sets."""
        ours, theirs = _flat(self._tasks()), _flat(other._tasks())
        return [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]

    def _tasks(self) -> dict[str, Any]:
        exclude: dict[str, Any] = {"llm": ASKED, "description": True, "deprecated": True, "check": True}
        return self.model_dump(mode="json", exclude=exclude)


def _flat(data: Mapping[str, Any]) -> dict[str, Any]:
    sections = {key: value for key, value in data.items() if isinstance(value, dict)}
    inner = {f"{key}.{field}": value for key, section in sections.items() for field, value in section.items()}
    return {key: value for key, value in data.items() if key not in sections} | inner


def parse_source(text: str) -> PypiSource | GitSource | StackSource:
    """Read one `--source` option.

    Args:
        text: `pypi:NAME[==VERSION]`, `git:URL_OR_PATH[@REVISION]` or `stack:PATH`.

    Raises:
        RecipeError: when the kind is unknown or nothing follows it.
    """
    kind, colon, rest = text.partition(":")
    if kind not in ("pypi", "git", "stack") or not colon or not rest:
        raise RecipeError(f"--source {text!r}: must be pypi:NAME[==VERSION], git:URL[@REVISION] or stack:PATH")
    if kind == "pypi":
        return PypiSource(projects=(rest,))
    if kind == "stack":
        return StackSource(path=rest)
    url, revision = split_revision(rest)
    return GitSource(url=url, revision=revision) if revision else GitSource(url=rest)


def split_revision(text: str) -> tuple[str, str]:
    """Tell a repository from the revision behind an `@`, which both may hold themselves.

    A folder that is there is the repository, the longest one if there are several. Of a URL, an `@` after `OWNER/NAME` or
    `NAME.git` begins the revision, and so does one after the last slash.

    Returns:
        The URL or path, and the revision, `""` for none.
    """
    places = [place for place, character in enumerate(text) if character == "@" and text[place + 1 :]]
    if os.path.exists(_local(text)):
        return text, ""
    for place in reversed(places):
        if os.path.isdir(_local(text[:place])):
            return text[:place], text[place + 1 :]
    path = re.match(r"\w[\w+.-]*://[^/]*/|[^/:]*:", text)
    start = path.end() if path else len(text)
    for place in places:
        repository = text[start:place]
        if place > start and (re.fullmatch(r"[^/]+/[^/]+", repository) or repository.endswith(".git")):
            return text[:place], text[place + 1 :]
    place = next((place for place in places if place > text.rfind("/")), 0)
    return (text[:place], text[place + 1 :]) if place else (text, "")


def _local(url: str) -> str:
    return os.path.expanduser(url.removeprefix("file://"))


def packaged_recipes(prefix: str = "") -> dict[str, Path]:
    """Names of the recipes that ship with the package, and where they lie.

    Args:
        prefix: `train` for those of training runs, nothing for those of datasets.
    """
    folder = Path(str(files("ttc_data"))) / "recipes"
    if not folder.is_dir():  # a checkout: the wheel carries this folder inside the package
        folder = Path(__file__).resolve().parent.parent / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml")) if path.stem.startswith("train") == bool(prefix)}


def load_recipe(name_or_path: str, settings: Sequence[str] = (), sources: Sequence[str] = ()) -> Recipe:
    """Read a recipe by file path or packaged name, with changes from the command line.

    Args:
        name_or_path: a YAML file, or the name of a packaged recipe such as `stack-impl`.
        settings: `section.field=value`, the value read as YAML.
        sources: `--source` options; when given they replace the recipe's own sources.

    Raises:
        RecipeError: naming the file, the key, the value and what it must be.
    """
    changes = {}
    if sources:
        changes = {"sources": [parse_source(text).model_dump(mode="json") for text in sources], "open_sources": []}
    return read_recipe(Recipe, name_or_path, packaged_recipes(), settings, changes)


def read_recipe(
    kind: type[S], name_or_path: str, packaged: Mapping[str, Path], settings: Sequence[str], changes: Mapping[str, Any]
) -> S:
    """Read a recipe of a kind.

    Args:
        kind: what it is read as.
        name_or_path: a YAML file, or a name in `packaged`.
        packaged: recipes by name.
        settings: `section.field=value`, the value read as YAML.
        changes: top-level keys with values that go before the file's and the settings'.

    Raises:
        RecipeError: naming the file, the key, the value and what it must be.
    """
    path = Path(name_or_path)
    if name_or_path in packaged and not path.is_file():
        path = packaged[name_or_path]
    if not path.is_file():
        near = difflib.get_close_matches(name_or_path, packaged, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise RecipeError(f"no recipe {name_or_path!r}: {hint}give a YAML file or one of {', '.join(packaged)}")
    data = _mapping(path)
    if "name" not in data:
        data["name"] = path.stem.lower()
    for setting in settings:
        _apply(data, setting)
    data.update(changes)
    return _read(kind, path, data)


def read_settings(kind: type[S], settings: Sequence[str]) -> S:
    """Read what `--set` says where there is no file: every other key has its default.

    Args:
        kind: what it is read as.
        settings: `section.field=value`, the value read as YAML.

    Raises:
        RecipeError: naming the key, the value and what it must be.
    """
    data: dict[str, Any] = {}
    for setting in settings:
        _apply(data, setting)
    return _read(kind, "--set", data)


def published_recipe(path: Path) -> Recipe:
    """The recipe in a set's folder, as another version of ttcdata may have written it: keys that are not known are passed over.

    Raises:
        RecipeError: it is no recipe, or a value that is known is none that can be used.
    """
    data = _known(_mapping(path, text_in(path.parent, path.name, MOST_RECIPE)), Recipe)
    for name, value in data.items():
        field = Recipe.model_fields[name].annotation
        if isinstance(value, dict) and isinstance(field, type) and issubclass(field, Section):
            data[name] = _known(value, field)
    kinds = {kind.model_fields["kind"].default: kind for kind in SOURCES}
    for name in ("sources", "open_sources"):
        listed = data.get(name) or []
        if isinstance(listed, list):
            data[name] = [
                _known(one, kinds[str(one["kind"])]) if isinstance(one, dict) and "kind" in one else one
                for one in listed
                # Later versions know more kinds.
                if not isinstance(one, dict) or "kind" not in one or str(one["kind"]) in kinds
            ]
    return _read(Recipe, path, data)


def _read(kind: type[S], where: Path | str, data: Mapping[str, Any]) -> S:
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise RecipeError(_one_line(kind, where, error)) from error


def _known(data: dict[str, Any], model: type[Section]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key in model.model_fields}


def _mapping(path: Path, text: str | None = None) -> dict[str, Any]:
    try:
        data = parse_yaml(path.read_text(encoding="utf-8") if text is None else text)
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(data, dict):
        raise RecipeError(f"{path}: must be a mapping of recipe keys, is {type(data).__name__}")
    return data


def _apply(data: dict[str, Any], setting: str) -> None:
    dotted, equals, value = setting.partition("=")
    if not equals or not dotted:
        raise RecipeError(f"--set {setting!r}: must be section.field=value, for instance tests.runs=5")
    *sections, field = dotted.split(".")
    place = data
    for section in sections:
        inner = place.setdefault(section, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {setting!r}: {section!r} is not a section")
        place = inner
    try:
        place[field] = parse_yaml(value) if value else ""
    except ValueError as error:
        raise RecipeError(f"--set {setting!r}: the value is not YAML; quote it") from error


def _one_line(kind: type[Section], path: Path | str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "recipe"
    if first["type"] == "extra_forbidden":
        section, _, key = where.rpartition(".")
        near = difflib.get_close_matches(key, _known_keys(kind, section), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"unknown key{hint}"
    else:
        message = f"{first['msg']}, got {quoted(first.get('input'))}"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{path}: {where}: {message}{more}"


def _known_keys(kind: type[Section], section: str) -> set[str]:
    """The keys of a recipe's section; of all kinds of source for a place inside a list of them."""
    if not section:
        return set(kind.model_fields)
    field = kind.model_fields.get(section)
    if field and isinstance(field.annotation, type) and issubclass(field.annotation, Section):
        return set(field.annotation.model_fields)
    return set().union(*(source.model_fields for source in SOURCES))
