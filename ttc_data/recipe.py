"""The recipe: one YAML file that says everything about one build.

Unknown keys are errors, every value has a documented meaning and default, and `--set section.field=value` changes
one of them from the command line.
"""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ttc_data.errors import RecipeError
from ttc_data.records import content_key

KIB, MIB = 1024, 1024 * 1024
UNNAMED = "(unnamed recipe)"
KNOWN_IMPORTS: dict[str, str] = {
    "attr": "attrs", "bs4": "beautifulsoup4", "click": "click", "dateutil": "python-dateutil", "freezegun": "freezegun",
    "hypothesis": "hypothesis", "jinja2": "jinja2", "mock": "mock", "numpy": "numpy", "packaging": "packaging",
    "parameterized": "parameterized", "pytest": "pytest", "requests": "requests", "six": "six", "sympy": "sympy",
    "typing_extensions": "typing-extensions", "yaml": "pyyaml",
}  # fmt: skip


class Section(BaseModel):
    """A part of a recipe: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class PypiSource(Section):
    """Source distributions of the package index, fetched without building them."""

    kind: Literal["pypi"] = "pypi"
    projects: tuple[str, ...] = Field(min_length=1)
    """Names, each with an optional exact version: `toolz`, `toolz==1.0.0`."""


class GitSource(Section):
    """One Git repository at one revision."""

    kind: Literal["git"] = "git"
    url: str
    """A local path or a URL that `git clone` takes."""
    revision: str = "HEAD"
    """A commit, tag or branch."""
    repo: str = ""
    """`owner/name`; taken from the URL when empty."""


class StackSource(Section):
    """The Stack v1 (or v1-dedup) parquet files."""

    kind: Literal["stack"] = "stack"
    path: str
    """A parquet file, a folder of them, a glob, or `hf://datasets/...`."""
    min_stars: int = Field(0, ge=0)
    """Repositories with fewer stars are left out; unknown counts as 0."""
    max_repositories: int = Field(0, ge=0)
    """Stop after so many repositories, most stars first; 0 means all."""
    require_tests: bool = True
    """Leave out repositories without a test file: nothing could decide their targets."""


AnySource: TypeAlias = Annotated[PypiSource | GitSource | StackSource, Field(discriminator="kind")]


class TreeLimits(Section):
    """What one repository tree may hold; archives that claim more are refused before they fill the disk."""

    max_archive_bytes: int = Field(100 * MIB, ge=1)
    """Of the archive as fetched."""
    max_tree_bytes: int = Field(200 * MIB, ge=1)
    """Of all files together, unpacked."""
    max_file_bytes: int = Field(20 * MIB, ge=1)
    """Of one file, unpacked."""
    max_files: int = Field(20_000, ge=1)


class LicenseRules(Section):
    """Which licences may be mined."""

    allow: tuple[str, ...] = (
        "MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD", "ISC", "0BSD", "Unlicense", "CC0-1.0",
        "PSF-2.0", "Python-2.0", "Zlib", "BSL-1.0", "MPL-2.0",
    )  # fmt: skip
    """SPDX identifiers, compared without regard to case; an expression needs one allowed side of each `OR`, both of
    each `AND`. Empty allows all."""
    allow_unknown: bool = False
    """Keep sources that declare no licence."""


class ExtractRules(Section):
    """Which documented definitions become targets. Each rule drops with a reason of its own."""

    kinds: tuple[Literal["function", "method", "class"], ...] = ("function", "method", "class")
    min_docstring_chars: int = Field(20, ge=0)
    max_docstring_chars: int = Field(8_000, ge=1)
    min_docstring_words: int = Field(4, ge=0)
    """Words of prose, doctest examples not counted."""
    min_body_lines: int = Field(2, ge=1)
    """Lines of code, without blank lines and comments."""
    max_body_lines: int = Field(120, ge=1)
    min_complexity: int = Field(1, ge=1)
    """Cyclomatic complexity; a straight line is 1."""
    max_complexity: int = Field(30, ge=1)
    max_file_bytes: int = Field(400 * KIB, ge=1)
    allow_private: bool = True
    """Keep names that start with one underscore."""
    allow_dunder: bool = False
    """Keep `__special__` methods as targets of their own (a class keeps them masked in any case)."""
    allow_trivial_wrappers: bool = False
    """Keep bodies that are one call passing the parameters on."""
    allow_property_boilerplate: bool = False
    """Keep properties that return or set one attribute."""
    exclude_paths: tuple[str, ...] = ()
    """Further glob patterns of files to leave out, for instance `examples/*`."""


class EnvironmentRules(Section):
    """How a repository's dependencies are found and installed."""

    exclude_newer: datetime.date | None = None
    """Resolve as if nothing later had been released: makes a build repeatable on another day."""
    extra_requirements: tuple[str, ...] = ("pytest>=8", "coverage>=7.6", "time-machine>=2.16")
    """Installed beside the project's own; the first two run and measure the tests, the third puts the date forward."""
    imports: dict[str, str] = Field(default_factory=lambda: dict(KNOWN_IMPORTS))
    """Import name to project name: what a tree without metadata may ask for by importing it."""
    max_environment_bytes: int = Field(1024 * MIB, ge=1)
    """Of the installed dependencies of one repository."""


class TestRules(Section):
    """Which tests decide."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    runs: int = Field(5, ge=2, le=100)
    """How often the suite, and each sample's reference, must pass: shuffled, under other hash seeds, time zones, locales and dates."""
    doctests: bool = True
    """Use the docstring's own examples as tests."""
    max_candidates: int = Field(30, ge=1)
    """Tests that reach a target, most specific first."""
    max_neighbours: int = Field(20, ge=0)
    """Further tests of the same files, for PASS_TO_PASS."""
    tripwires: int = Field(2, ge=0)
    """Altered twins of deciding tests kept for each sample, at most; 0 looks for none."""
    mutants: int = Field(20, ge=0)
    """Changes of the target's body that are tried on its tests, at most; 0 measures no strength."""
    min_mutation_score: float = Field(0.5, ge=0, le=1)
    """Share of the mutants that the deciding tests must notice."""
    redundancy: int = Field(2, ge=1)
    """So many deciding tests are kept for each mutant and each trivial body, where there are as many that notice it."""
    generate: bool = True
    """Write tests for targets that have none, or none strong enough: what the reference does with proposed inputs."""
    mutant_timeout_s: float = Field(5.0, gt=0)
    """Of a session on a mutant; ten times what the reference took where that is more."""
    test_timeout_s: float = Field(20.0, gt=0)
    suite_timeout_s: float = Field(600.0, gt=0)
    sample_timeout_s: float = Field(120.0, gt=0)


class SpecRules(Section):
    """Where the text that asks for the behaviour comes from."""

    origin: Literal["docstring", "model"] = "docstring"
    doctest_answers: Literal["keep", "drop"] = "keep"
    """Whether examples in a docstring keep their expected output."""
    llm: str = ""
    """Base URL of an OpenAI-compatible endpoint, for `origin: model`."""
    model: str = ""
    temperature: float = Field(0.2, ge=0, le=2)
    max_tokens: int = Field(1_024, ge=1)
    timeout_s: float = Field(120.0, gt=0)


class MaskRules(Section):
    """What the solver no longer sees."""

    mode: Literal["body", "whole"] = "body"
    """`body`: the header and the spec stay, the body raises NotImplementedError. `whole`: the definition is gone."""
    drop_leaks: tuple[Literal["copy", "spec", "comment", "call_through"], ...] = (
        "copy", "spec", "comment", "call_through",
    )  # fmt: skip
    """Ways in which what the solver is given may hold the body: another definition that is the same, the spec, a comment; or
    the body is but a call of another function of the file."""


class SandboxRules(Section):
    """Limits of one execution."""

    memory_bytes: int = Field(2048 * MIB, ge=64 * MIB)
    cpus: float = Field(2.0, gt=0)
    """Processors that a sandbox keeps busy; a part of one with Docker alone."""
    processes: int = Field(256, ge=8)
    file_bytes: int = Field(256 * MIB, ge=MIB)
    """Of one file that a job writes."""
    scratch_bytes: int = Field(1024 * MIB, ge=16 * MIB)
    """Of all that a job writes."""
    output_bytes: int = Field(256 * KIB, ge=KIB)
    """Of a job's output that is kept; the middle is cut."""


class ImageRules(Section):
    """The image that environments are built on."""

    base: str = "python:3.11-slim"
    """Used where the engine has it or can pull it; else the image that `ttcdata image base` makes."""


class SplitRules(Section):
    """Shares of the repositories, by a draw on the repository's name; one repository is never in two splits."""

    train: float = Field(0.9, ge=0, le=1)
    validation: float = Field(0.0, ge=0, le=1)
    test: float = Field(0.1, ge=0, le=1)


class Recipe(Section):
    """Everything about one build."""

    dataset: Literal["stack-impl"] = "stack-impl"
    name: str = Field(UNNAMED, pattern=r"^[a-z0-9(][a-z0-9 ._()-]*$")
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
    spec: SpecRules = SpecRules()
    mask: MaskRules = MaskRules()
    sandbox: SandboxRules = SandboxRules()
    image: ImageRules = ImageRules()
    splits: SplitRules = SplitRules()

    @field_validator("splits")
    @classmethod
    def _whole(cls, splits: SplitRules) -> SplitRules:
        total = splits.train + splits.validation + splits.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train + validation + test is {total:g}, must be 1")
        return splits

    @property
    def hash(self) -> str:
        """Content identity of the whole recipe."""
        return content_key("recipe", self.model_dump(mode="json"))


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
    # An @ before the last slash belongs to the URL (user@host:path), one after it names the revision.
    head, slash, tail = rest.rpartition("/")
    name, at, revision = tail.partition("@")
    return GitSource(url=head + slash + name, revision=revision) if at and revision else GitSource(url=rest)


def packaged_recipes() -> dict[str, Path]:
    """Names of the recipes that ship with the package, and where they lie."""
    folder = Path(str(files("ttc_data"))) / "recipes"
    if not folder.is_dir():  # a checkout: the wheel carries this folder inside the package
        folder = Path(__file__).resolve().parent.parent / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_recipe(name_or_path: str, settings: Sequence[str] = (), sources: Sequence[str] = ()) -> Recipe:
    """Read a recipe by file path or packaged name, with changes from the command line.

    Args:
        name_or_path: a YAML file, or the name of a packaged recipe such as `stack-impl`.
        settings: `section.field=value`, the value read as YAML.
        sources: `--source` options; when given they replace the recipe's own sources.

    Raises:
        RecipeError: naming the file, the key, the value and what it must be.
    """
    packaged = packaged_recipes()
    path = Path(name_or_path)
    if name_or_path in packaged and not path.is_file():
        path = packaged[name_or_path]
    if not path.is_file():
        near = difflib.get_close_matches(name_or_path, packaged, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise RecipeError(f"no recipe {name_or_path!r}: {hint}give a YAML file or one of {', '.join(packaged)}")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(data, dict):
        raise RecipeError(f"{path}: must be a mapping of recipe keys, is {type(data).__name__}")
    if "name" not in data:
        data["name"] = path.stem.lower()
    for setting in settings:
        _apply(data, setting)
    if sources:
        data["sources"] = [parse_source(text).model_dump(mode="json") for text in sources]
        data["open_sources"] = []
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError(_one_line(path, error)) from error


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
        place[field] = yaml.safe_load(value) if value else ""
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {setting!r}: the value is not YAML; quote it") from error


def _one_line(path: Path, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "recipe"
    if first["type"] == "extra_forbidden":
        section, _, key = where.rpartition(".")
        near = difflib.get_close_matches(key, _known_keys(section), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        message = f"unknown key{hint}"
    else:
        message = f"{first['msg']}, got {first.get('input')!r:.80}"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{path}: {where}: {message}{more}"


def _known_keys(section: str) -> set[str]:
    """The keys of a recipe's section; of all kinds of source for a place inside a list of them."""
    if not section:
        return set(Recipe.model_fields)
    field = Recipe.model_fields.get(section)
    if field and isinstance(field.annotation, type) and issubclass(field.annotation, Section):
        return set(field.annotation.model_fields)
    return set().union(*(kind.model_fields for kind in (PypiSource, GitSource, StackSource)))
