"""The words of the project as frozen, typed records; no I/O.

A record's `key` is a content identity: the same inputs give the same key on every machine, whatever the order
of the fields, the number of workers or the time. Spans are byte offsets into a file's UTF-8 bytes, end
exclusive; line numbers start at 1 and are inclusive.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, TypeAlias

Span: TypeAlias = tuple[int, int]
Lines: TypeAlias = tuple[int, int]
TargetKind: TypeAlias = Literal["function", "method", "class"]
SourceKind: TypeAlias = Literal["pypi", "git", "stack"]
MaskMode: TypeAlias = Literal["body", "whole"]
SpecOrigin: TypeAlias = Literal["docstring", "model"]
TestOrigin: TypeAlias = Literal["repository", "doctest", "generated"]
VerdictStatus: TypeAlias = Literal["valid", "invalid", "error", "timeout"]
Outcome: TypeAlias = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]
TripwireKind: TypeAlias = Literal["value", "negation", "exception"]

SCHEMA_VERSION = "1.1"


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return value


def content_key(*parts: object) -> str:
    """Hash the parts' content into 20 hexadecimal digits (80 bits).

    Mappings and dataclasses hash by their field names, so the order in which fields are given does not matter.
    """
    text = json.dumps(_plain(parts), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class FileText:
    """One text file of a tree."""

    path: str
    """Relative to the tree's root, with forward slashes."""
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """One repository tree, as mined. Its files lie in the tree store under `tree`."""

    kind: SourceKind
    repo: str
    """`owner/name`; projects of the package index are `pypi/NAME`."""
    revision: str
    """Version of an sdist, commit of a repository."""
    license: str
    """SPDX expression as declared, `""` where the source declares none."""
    origin: str
    """Where it can be had again, for instance `pypi:toolz==1.0.0`."""
    tree: str
    """Content hash of the files."""
    files: int
    size: int
    """Bytes of all files together."""
    created_at: str
    """The revision's date, ISO 8601, `""` where the source does not say."""
    language: str = "python"

    @property
    def key(self) -> str:
        """Content identity: where it came from and what is in it."""
        return content_key("source", self.kind, self.repo, self.revision, self.tree)


@dataclass(frozen=True, slots=True)
class Target:
    """A function, method or class that could become a task."""

    source_key: str
    path: str
    qualname: str
    kind: TargetKind
    is_async: bool
    span: Span
    """From the first decorator to the end of the last body line."""
    signature: str
    """The header as written, from `def` or `class` to the colon, without decorators."""
    docstring: str
    """As `inspect.cleandoc` gives it."""
    docstring_span: Span
    """The docstring's string literal."""
    bodies: tuple[Span, ...]
    """What masking removes: after the docstring to the end of the body; one span a method for a class."""
    body_lines: tuple[Lines, ...]
    """The lines of `bodies`: a test decides a target when it runs one of them."""

    @property
    def key(self) -> str:
        """Content identity: the same text at the same place gives the same key on every machine."""
        return content_key("target", self.source_key, self.path, self.qualname, self.span)


@dataclass(frozen=True, slots=True)
class Environment:
    """What a Sample runs in: a repository tree and its locked dependencies."""

    source_key: str
    repo: str
    tree: str
    project: str
    """Normalised name of the project itself; never installed from the index."""
    version: str
    python: str
    """`3.11`: major and minor version of the interpreter in the sandbox."""
    platform: str
    """The interpreter's platform in uv's words, for instance `x86_64-manylinux_2_36`."""
    lock: str
    """Pinned requirements with hashes, one a line, as `pip` reads them."""
    roots: tuple[str, ...]
    """Folders of the tree on `sys.path`, `""` is the tree itself."""
    metadata: tuple[FileText, ...]
    """Files of a `.dist-info` that stand for the project's own installation."""
    generated: tuple[FileText, ...]
    """Files a build backend would have written into the tree (a version file)."""
    test_files: tuple[str, ...]
    pytest_args: tuple[str, ...]

    @property
    def key(self) -> str:
        """Content identity: the tree, what is installed beside it, and what runs it."""
        return content_key("environment", self)


@dataclass(frozen=True, slots=True)
class TestReach:
    """A test that passed, and the targets whose own lines it ran."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    test: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LineCount:
    """How much of a target a suite ran."""

    target: str
    ran: int
    lines: int
    """Lines of the target that could have run."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One run of a repository's test suite."""

    environment_key: str
    run: int
    hash_seed: int
    passed: tuple[TestReach, ...]
    """Sorted by test id; `targets` is filled by run 0 only, which measures coverage."""
    lines: tuple[LineCount, ...]
    """Filled by run 0 only."""

    @property
    def key(self) -> str:
        return content_key("suite", self)


@dataclass(frozen=True, slots=True)
class Spec:
    """The text that asks for the behaviour."""

    target_key: str
    origin: SpecOrigin
    text: str
    model: str = ""
    prompt_hash: str = ""
    """Of the prompt template that a model was given."""

    @property
    def key(self) -> str:
        return content_key("spec", self)


@dataclass(frozen=True, slots=True)
class Sample:
    """A task not yet proven."""

    target_key: str
    source_key: str
    environment_key: str
    spec_key: str
    mask: MaskMode
    path: str
    qualname: str
    masked: str
    """The whole masked file."""
    interface: str
    """The definition without its bodies, where the masked file has no trace of it; else `""`."""
    patch: str
    """Unified diff, masked file to reference."""
    tests: tuple[FileText, ...]
    """Test files that the repository does not have: the docstring's examples."""
    candidates: tuple[str, ...]
    """Test ids that reach the target; those the masked file fails become FAIL_TO_PASS."""
    neighbours: tuple[str, ...]
    """Stable tests of the same files that do not reach the target."""
    line_coverage: float
    """Share, 0 to 1, of the target's own lines that the suite ran."""

    @property
    def key(self) -> str:
        return content_key("sample", self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What execution decided. Only `valid` and `invalid` are final."""

    status: VerdictStatus
    reason: str = ""
    """A snake_case defect, `""` when valid."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tripwire:
    """One edit of a deciding test's expectation that makes the reference fail it.

    All of a row's tripwires are applied together, in place, and run in one session: whoever passes there did not
    compute the answer.
    """

    path: str
    """The test file."""
    line: int
    """Where `old` starts, counted from 1."""
    column: int
    """Bytes of the line's UTF-8 text before `old`."""
    old: str
    new: str
    kind: TripwireKind
    """`value`: another expected value; `negation`: the opposite is asserted; `exception`: another class is expected."""
    tests: tuple[str, ...]
    """Test ids that must fail where the edit is made."""
    renamed: tuple[str, ...]
    """FAIL_TO_PASS ids that are not there then: the edit changed a parameter that the id is made of."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What execution showed about a Sample."""

    sample_key: str
    verdict: Verdict
    gold_runs: int
    gold_passes: int
    fail_to_pass: tuple[str, ...]
    pass_to_pass: tuple[str, ...]
    line_coverage: float
    """Share, 0 to 1, of the target's own lines that the suite ran."""
    test_origin: TestOrigin
    tripwires: tuple[Tripwire, ...]

    @property
    def key(self) -> str:
        return self.sample_key


@dataclass(frozen=True, slots=True)
class Reject:
    """Anything dropped, at any stage."""

    key: str
    stage: str
    reason: str
    """A snake_case defect."""
    detail: str
    subject: str = ""
    """What was dropped in words a person knows: `toolz/itertoolz.py::groupby`."""


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Row:
    """A published Sample with a `valid` Verdict: what `load_dataset` returns."""

    instance_id: str
    """Unique and kept for ever: repository, target and content key."""
    repo: str
    """`owner/name`; projects of the package index are `pypi/NAME`."""
    base_commit: str
    """Revision that was mined: a commit, or the version of an sdist."""
    path: str
    """The file that holds the target."""
    language: str
    license: str
    """SPDX expression as the source declares it."""
    problem_statement: str
    """The spec, with the target's name, path and signature."""
    prompt: tuple[Message, ...]
    """Chat messages that ask for the implementation."""
    patch: str
    """Unified diff from what the solver is given to the reference."""
    test_patch: str
    """Unified diff that adds the deciding tests the repository does not have."""
    FAIL_TO_PASS: tuple[str, ...]
    """Test ids that fail on the masked file and pass on the reference."""
    PASS_TO_PASS: tuple[str, ...]
    """Test ids of the same files that pass on both."""
    image: str
    """Name of the row's image, made when a set is exported or pushed with images."""
    eval_script: str
    """Runs the tests in `/testbed` between SWE-bench's start and end markers."""
    log_parser: str
    eval_type: str
    version: str
    created_at: str
    """The revision's date, ISO 8601."""
    ttc_schema_version: str
    ttc_target: str
    """Qualified name of the target in `path`."""
    ttc_kind: TargetKind
    ttc_mask: MaskMode
    ttc_files: tuple[FileText, ...]
    """What the solver is given in place of the repository's files."""
    ttc_spec_origin: SpecOrigin
    ttc_spec_model: str
    ttc_docstring: str
    """The docstring as written in the source."""
    ttc_test_origin: TestOrigin
    ttc_gold_passes: int
    ttc_gold_runs: int
    ttc_line_coverage: float
    """Share, 0 to 1, of the target's own lines that the suite ran."""
    ttc_tripwires: tuple[Tripwire, ...]
    """Edits of the deciding tests that make the reference fail them; an answer that passes there is a forgery."""
    ttc_environment: str
    """Key of the environment, described in the dataset's `environments/` folder."""
    ttc_recipe_hash: str
    ttc_build: str
    """Content key of the build: recipe, tool version and inputs."""

    @property
    def key(self) -> str:
        return self.instance_id


Record: TypeAlias = Source | Target | Environment | Suite | Spec | Sample | Evidence
JsonObject: TypeAlias = dict[str, Any]
