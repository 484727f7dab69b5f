"""The words of the project as frozen, typed records; no I/O.

A record's `key` is a content identity: the same inputs give the same key on every machine, whatever the order
of the fields, the number of workers or the time. Spans are byte offsets into a file's UTF-8 bytes, end
exclusive; line numbers start at 1 and are inclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal, TypeAlias

from ttc_data import fields as field
from ttc_data.keys import content_key

Span: TypeAlias = tuple[int, int]
Lines: TypeAlias = tuple[int, int]
TargetKind: TypeAlias = Literal["function", "method", "class"]
SourceKind: TypeAlias = Literal["pypi", "git", "stack"]
SourceUnit: TypeAlias = Literal["repository", "file"]
MaskMode: TypeAlias = Literal["body", "whole"]
SpecOrigin: TypeAlias = Literal["docstring", "model"]
Fate: TypeAlias = Literal["killed", "limit", "survived", "equivalent"]
TestOrigin: TypeAlias = Literal["repository", "doctest", "generated"]
VerdictStatus: TypeAlias = Literal["valid", "invalid", "error", "timeout"]
TestOutcome: TypeAlias = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed"]
TripwireKind: TypeAlias = Literal["value", "negation", "exception"]

SCHEMA_VERSION = "1.3"
FILE_ROOTS = ("src", "lib", "")
"""Where the modules of a single file's tree lie: the same for all, so that all can share what is installed."""


@dataclass(frozen=True, slots=True)
class FileText:
    """One text file of a tree."""

    path: field.TreePath
    """Relative to the tree's root, with forward slashes."""
    text: field.Text


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
    unit: SourceUnit = "repository"
    """`file`: one file without its repository, which brings no tests of its own."""
    tagged: str = ""
    """The version that the commit's tag names, `""` where it has none."""

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

    source_key: field.KeyOrNone
    repo: field.Label
    tree: field.TreeOrNone
    """Of the source; `""` for one without files."""
    project: field.Project
    """Normalised name of the project itself; never installed from the index."""
    version: field.Word
    python: field.PythonVersion
    """`3.11`: major and minor version of the interpreter in the sandbox."""
    platform: field.Platform
    """The interpreter's platform in uv's words, for instance `x86_64-manylinux_2_36`."""
    lock: field.Locked
    """Pinned requirements with hashes, one a line, as `pip` reads them."""
    roots: tuple[field.Root, ...]
    """Folders of the tree on `sys.path`, `""` is the tree itself."""
    metadata: tuple[Annotated[FileText, field.OF_DIST_INFO], ...]
    """Files of a `.dist-info` that stand for the project's own installation."""
    generated: tuple[FileText, ...]
    """Files a build backend would have written into the tree (a version file)."""
    test_files: tuple[field.TreePath, ...]
    """Empty for a single file, and for a repository without tests."""
    pytest_args: tuple[field.PytestArgument, ...]

    @property
    def key(self) -> str:
        """Content identity: the tree, what is installed beside it, and what runs it."""
        return content_key("environment", self)

    @property
    def ground(self) -> Environment:
        """What is installed and opened for it: for a single file all but the file, which jobs bring along.

        Thousands of files then share one installation, one image and the sandboxes opened on it.
        """
        return replace(self, source_key="", repo="", tree="") if self.is_of_a_file else self

    @property
    def is_of_a_file(self) -> bool:
        """Whether a single file runs in it, which no repository without tests resembles."""
        return self.roots == FILE_ROOTS and not (self.test_files or self.metadata)


@dataclass(frozen=True, slots=True)
class TestReach:
    """A test that passed, and the targets whose own lines it ran."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    test: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Need:
    """Something that a sandbox does not have, and that a target's failing tests asked for."""

    target: str
    what: str
    """`network`, `display` or `database`."""


@dataclass(frozen=True, slots=True)
class Variation:
    """What a run changes that must make no difference."""

    hash_seed: int = 0
    order: int = 0
    """Seed that files, classes and tests are shuffled by; 0 leaves them as they are collected."""
    timezone: str = "UTC"
    """As POSIX writes it in `TZ`, which needs no database."""
    locale: str = "C.UTF-8"
    days: int = 0
    """By how much the date is put forward."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One run of a repository's test suite."""

    environment_key: str
    run: int
    variation: Variation
    passed: tuple[TestReach, ...]
    """Sorted by test id; `targets` is filled by run 0 only, which measures coverage."""
    needs: tuple[Need, ...]
    """Filled by run 0 only."""
    untraced: tuple[str, ...] = ()
    """Tests that switched the measurement of lines off, sorted: what they run is not known. Filled by run 0 only."""
    starting: tuple[str, ...] = ()
    """Tests that passed and started a process of Python, sorted: what that ran is not known. Filled by run 0 only."""
    late: int = 0
    """Tests that did not begin in time. Filled by run 0 only."""

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
    rejected: str = ""
    """Why the model's spec is not used and the docstring is."""
    detail: str = ""
    """Of that reason."""

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
    spec_overlap: float
    """Share, 0 to 1, of the body's runs of six tokens that the spec holds too."""
    needs: str
    """What the tests that failed asked for, where only such tests reach the target: `network`, say; else `""`."""
    further: tuple[str, ...] = ()
    """Test ids that reach the target beyond `candidates`; those the masked file fails become FAIL_TO_PASS too."""
    further_tests: tuple[FileText, ...] = ()
    """Files of `further` that the repository does not have."""

    @property
    def key(self) -> str:
        """Content identity, without what is further: published rows keep the ids that they had before it was there."""
        kept = [field.name for field in fields(self) if not field.name.startswith("further")]
        return content_key("sample", {name: getattr(self, name) for name in kept})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What execution decided. Only `valid` and `invalid` are final."""

    status: VerdictStatus
    reason: str = ""
    """A snake_case defect, `""` when valid."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tripwire:
    """A place in a deciding test, and one replacement for what it expects, which makes the reference fail the test.

    Other replacements are drawn for each grading: see `ttc_data.evidence.twins.draw`. Whoever passes the test as written
    and as altered did not compute the answer.
    """

    path: field.TreePath
    """The test file."""
    line: field.Line
    """Where `old` starts, counted from 1."""
    column: field.Column
    """Bytes of the line's UTF-8 text before `old`."""
    old: field.Text
    new: field.Text
    kind: TripwireKind
    """`value`: another value is expected, or any where none was; `negation`: the opposite; `exception`: another class."""
    tests: tuple[field.TestId, ...]
    """Test ids that must fail where the edit is made."""
    renamed: tuple[field.TestId, ...]
    """FAIL_TO_PASS ids that are not there then: the edit changed a parameter that the id is made of."""


@dataclass(frozen=True, slots=True)
class GoldRun:
    """One run of the reference."""

    variation: Variation
    passed: bool
    """All of the row's tests did."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of the target's body, and what the deciding tests made of it."""

    operator: field.Label
    line: field.Line
    old: field.Text
    new: field.Text
    fate: Fate
    """`limit`: its session ran out of time or memory, or crashed. `equivalent`: it survived, and gives what the reference gives for
    every generated input."""
    tests: tuple[field.TestId, ...]
    """Deciding tests that it does not pass."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A trivial body, and what it earns."""

    name: field.Label
    """What the body does, for instance `pass` or `return_constant:0`."""
    passed: tuple[field.TestId, ...]
    """FAIL_TO_PASS tests that it passes, of those that it was run on: the candidates, and the tests that may be altered."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What execution showed about a Sample."""

    sample_key: str
    verdict: Verdict
    gold: tuple[GoldRun, ...]
    fail_to_pass: tuple[str, ...]
    pass_to_pass: tuple[str, ...]
    tests: tuple[FileText, ...]
    """Test files that the repository does not have."""
    line_coverage: float
    """Share, 0 to 1, of the target's own lines that the deciding tests run."""
    branch_coverage: float
    """Share, 0 to 1, of the target's branches that the deciding tests take; 1 where there is none."""
    mutants: tuple[Mutation, ...]
    stubs: tuple[str, ...]
    """Trivial bodies that were tried and failed."""
    test_origin: TestOrigin
    tripwires: tuple[Tripwire, ...]
    model_calls: int = 0
    """Calls of the target that a model proposed; some of them may be in the written tests."""
    model_lines_dropped: int = 0
    """Lines that it wrote and that are no Python, or no call of the target."""
    first_look: tuple[str, ...] = ()
    """The few of `fail_to_pass` that notice every change that all of them notice."""
    left_out: tuple[str, ...] = ()
    """Tests that reach the target and did not fit into `tests.max_run_s`."""
    baselines: tuple[Baseline, ...] = ()
    """What each trivial body passes."""
    oracle_calls: int = 0
    """Generated calls with which the reference does the same every time."""

    @property
    def key(self) -> str:
        return self.sample_key


@dataclass(frozen=True, slots=True)
class Solved:
    """What became of a model's attempts at a sample, from what the solver is given alone."""

    sample_key: str
    attempts: int
    solved: int
    reasons: tuple[str, ...]
    """Of the others, each once."""

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


Record: TypeAlias = Source | Target | Environment | Suite | Spec | Sample | Evidence | Solved
JsonObject: TypeAlias = dict[str, Any]
