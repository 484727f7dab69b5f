"""The sections of a recipe: every key, what it means, and its default."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ttc_data.fields import Image

KIB, MIB = 1024, 1024 * 1024
KNOWN_IMPORTS: dict[str, str] = {
    "attr": "attrs", "bs4": "beautifulsoup4", "click": "click", "dateutil": "python-dateutil", "freezegun": "freezegun",
    "hypothesis": "hypothesis", "jinja2": "jinja2", "mock": "mock", "numpy": "numpy", "packaging": "packaging",
    "parameterized": "parameterized", "pytest": "pytest", "requests": "requests", "six": "six", "sympy": "sympy",
    "typing_extensions": "typing-extensions", "yaml": "pyyaml",
}  # fmt: skip


SpecStyle: TypeAlias = Literal["prose", "issue", "contract"]


class Section(BaseModel):
    """A part of a recipe: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


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
    """Parquet files with a row a file: The Stack v1, or another set whose rows hold contents."""

    kind: Literal["stack"] = "stack"
    path: str
    """A parquet file, a folder of them, a glob, or `hf://datasets/...`."""
    unit: Literal["repository", "file"] = "repository"
    """`repository`: the rows of each are put together. `file`: each row for itself, with written tests and docstring examples."""
    min_stars: int = Field(0, ge=0)
    """Repositories with fewer stars are left out; unknown counts as 0."""
    max_repositories: int = Field(0, ge=0)
    """Stop after so many repositories, most stars first; 0 means all."""
    require_tests: bool = True
    """Leave out repositories without a test file, whose docstrings' examples and written tests would decide alone."""


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
    """Tests that reach a target, most specific first: mutants meet them first, ids are made of them. All others decide too."""
    max_neighbours: int = Field(20, ge=0)
    """Further tests of the same files, for PASS_TO_PASS."""
    tripwires: int = Field(6, ge=0)
    """Places of deciding tests that twins are altered in, kept for each sample, at most; 0 looks for none."""
    mutants: int = Field(20, ge=0)
    """Changes of the target's body that are tried on its tests, at most; 0 measures no strength."""
    min_mutation_score: float = Field(0.5, ge=0, le=1)
    """Share of the mutants that the deciding tests must notice."""
    redundancy: int = Field(2, ge=1)
    """So many tests of the first look notice each mutant and each trivial body, where there are as many that do."""
    generate: bool = True
    """Write tests for targets that have none, or none strong enough: what the reference does with proposed inputs."""
    model_calls: int = Field(0, ge=0)
    """Calls that a model is asked to propose for such a target besides; 0 asks none."""
    max_run_s: float = Field(5.0, gt=0)
    """Of a sample's tests together, in one run of the reference; tests that do not fit are left out and named."""
    max_proof_s: float = Field(300.0, gt=0)
    """Of all sessions of a sample's proof together, in the sandbox; a sample that takes longer is dropped."""
    mutant_timeout_s: float = Field(2.0, gt=0)
    """Of a session on a mutant; ten times what the reference took where that is more."""
    test_timeout_s: float = Field(20.0, gt=0)
    suite_timeout_s: float = Field(600.0, gt=0)
    sample_timeout_s: float = Field(120.0, gt=0)


class LlmRules(Section):
    """The model that writes specs, proposes calls and tries tasks, and what that may cost."""

    urls: tuple[str, ...] = ()
    """Base URLs of OpenAI-compatible servers, used together; most end in /v1."""
    model: str = ""
    """May be left out where a server has one alone."""
    serve: str = ""
    """A model, by name or folder, that `vllm serve` is started with for as long as the build runs, in place of `urls`."""
    gpus: int = Field(0, ge=0)
    """Of this machine, with a server on each; 0 serves on the CPU."""
    temperature: float = Field(0.2, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(1_500, ge=1)
    """Of an answer."""
    at_once: int = Field(256, ge=1)
    """Requests in flight, at most; fewer where the servers are not faster with more."""
    silence_s: float = Field(300.0, gt=0)
    """An attempt that has brought no answer after so long is given up and made again."""
    deadline_s: float = Field(1_800.0, gt=0)
    """Of a question, with all its attempts."""
    input_price: float = Field(0.0, ge=0)
    """For a million tokens of prompts, in whatever currency."""
    output_price: float = Field(0.0, ge=0)
    """For a million tokens of answers."""
    max_spend: float = Field(0.0, ge=0)
    """Nothing is asked that could cost more than this in all; 0 means no limit."""

    @property
    def named(self) -> bool:
        """Whether there is a model to ask."""
        return bool(self.urls or self.serve)


class SpecRules(Section):
    """Where the text that asks for the behaviour comes from."""

    origin: Literal["docstring", "model"] = "docstring"
    doctest_answers: Literal["keep", "drop"] = "keep"
    """Whether examples in a docstring keep their expected output."""
    detail: Literal["low", "medium", "high"] = "medium"
    """How much a model is to say."""
    style: SpecStyle = "prose"
    """The form of a model's spec: running text, an issue, or a list of what is promised."""
    examples: bool = True
    """Ask a model for examples, each of which must hold on the reference."""
    attempts: int = Field(2, ge=1)
    """Answers that a model is asked for until one passes the gates."""
    on_reject: Literal["docstring", "drop"] = "docstring"
    """What becomes of a target whose answers all fail: the docstring is its spec, or it is a reject."""
    max_overlap: float = Field(0.3, ge=0, le=1)
    """Share of the body's runs of six tokens that a model's spec may hold."""
    judge: str = ""
    """A model, served at the same place, that is asked whether each spec is faithful; none is when empty."""
    solver_attempts: int = Field(0, ge=0)
    """Answers to each proven task that the model is asked for; the share that is right becomes `ttc_solver_pass_at_1`."""
    drop_unsolved: bool = False
    """Leave out the tasks that no attempt solves, instead of saying so in the row."""


class MaskRules(Section):
    """What the solver no longer sees."""

    mode: Literal["body", "whole"] = "body"
    """`body`: the header and the spec stay, the body raises NotImplementedError. `whole`: the definition is gone."""
    drop_leaks: tuple[Literal["copy", "spec", "comment", "call_through"], ...] = (
        "copy", "spec", "comment", "call_through",
    )  # fmt: skip
    """Ways in which what the solver is given may hold the body: another definition that is the same, the spec, a comment; or
    the body is but a call of another function of the file."""


GRANTED = (
    *(
        f"sandbox.{name}"
        for name in ("memory_bytes", "cpus", "processes", "file_bytes", "scratch_bytes", "output_bytes")
    ),
    *(
        f"tests.{name}"
        for name in ("test_timeout_s", "sample_timeout_s", "suite_timeout_s", "mutant_timeout_s", "max_run_s")
    ),
    "environment.max_environment_bytes",
    *(f"tree.{name}" for name in ("max_archive_bytes", "max_tree_bytes", "max_file_bytes", "max_files")),
)
"""Keys of a recipe that are a machine's, which a set that somebody else wrote may lower and not raise."""


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

    base: Image = "python:3.11-slim"
    """Used where the engine has it or can pull it; else the image that `ttcdata image base` makes."""


class ReaderRules(Section):
    """What whoever reads a set lets it have, besides what every set may."""

    allow_images: tuple[Image, ...] = ()
    """Names of images that a set may be built on, pulled where the engine lacks them. Always allowed are the default of
    `image.base`, `ttcdata/base:SUITE`, and an image by its digest that the engine has."""
    grant: dict[str, float] = Field(default_factory=dict)
    """Limits by key of the recipe, for instance `sandbox.memory_bytes`, that a set may ask for in place of the defaults."""

    @field_validator("grant")
    @classmethod
    def _known(cls, grant: dict[str, float]) -> dict[str, float]:
        for key in grant:
            if key not in GRANTED:
                raise ValueError(f"{key!r} is none of {', '.join(GRANTED)}")
        return grant


class Deprecation(Section):
    """A row that was published and is withdrawn. Its id never comes back."""

    instance_id: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    """For people, on one line: it stands on the card."""
    since: datetime.date
    """The day it was withdrawn."""


class CheckRules(Section):
    """What the checks before publication let pass."""

    allow: tuple[str, ...] = ()
    """`CHECK`, or `CHECK:TEXT` for the findings whose line holds the text; see docs/checks.md."""


class SplitRules(Section):
    """Shares of the repositories, by a draw on the repository's name; one repository is never in two splits."""

    train: float = Field(0.9, ge=0, le=1)
    validation: float = Field(0.0, ge=0, le=1)
    test: float = Field(0.1, ge=0, le=1)
