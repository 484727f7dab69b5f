"""What is published: rows, as `load_dataset` returns them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from annotated_types import Ge, Le

from ttc_data.fields import Date, Image, Key, Label, RowId, TestId, Text, TreePath, Word
from ttc_data.records import Baseline, FileText, MaskMode, Mutation, SpecOrigin, TargetKind, TestOrigin, Tripwire

Share: TypeAlias = Annotated[float, Ge(0), Le(1)]
Count: TypeAlias = Annotated[int, Ge(0), Le(10**9)]
Seconds: TypeAlias = Annotated[float, Ge(0), Le(10**7)]

SINCE: Mapping[str, str] = {
    "ttc_tripwires": "1.1",
    "ttc_branch_coverage": "1.2",
    "ttc_mutants": "1.2",
    "ttc_mutation_score": "1.2",
    "ttc_stubs_passed": "1.2",
    "ttc_spec_rejected": "1.2",
    "ttc_spec_overlap": "1.2",
    "ttc_solver_attempts": "1.2",
    "ttc_solver_pass_at_1": "1.2",
    "ttc_solver_pass_at_k": "1.2",
    "ttc_first_look": "1.3",
    "ttc_left_out": "1.3",
    "ttc_max_run_s": "1.3",
    "ttc_baselines": "1.3",
    "ttc_oracle_calls": "1.3",
}
"""Columns that came after schema 1.0, and with which version; what to do about each is in CHANGELOG.md."""


WRITTEN = "ttc_generated/"
"""The folder of tests that a build writes from what the reference does."""


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: Text


@dataclass(frozen=True, slots=True)
class Row:
    """A published Sample with a `valid` Verdict: what `load_dataset` returns."""

    instance_id: RowId
    """Unique and kept for ever: repository, target and content key."""
    repo: Label
    """`owner/name`; projects of the package index are `pypi/NAME`."""
    base_commit: Label
    """Revision that was mined: a commit, or the version of an sdist."""
    path: TreePath
    """The file that holds the target."""
    language: Word
    license: Label
    """SPDX expression as the source declares it."""
    problem_statement: Text
    """The spec, with the target's name, path and signature."""
    prompt: tuple[Message, ...]
    """Chat messages that ask for the implementation."""
    patch: Text
    """Unified diff from what the solver is given to the reference."""
    test_patch: Text
    """Unified diff that adds the deciding tests the repository does not have."""
    FAIL_TO_PASS: tuple[TestId, ...]
    """Test ids that fail on the masked file and pass on the reference: every one that reaches the target, but `ttc_left_out`."""
    PASS_TO_PASS: tuple[TestId, ...]
    """Test ids of the same files that pass on both."""
    image: Image
    """Name of the row's image: by its digest where it was pushed to a registry, otherwise as `ttcdata image build` names it."""
    eval_script: Text
    """Runs the tests in `/testbed` between SWE-bench's start and end markers."""
    log_parser: Word
    eval_type: Word
    version: Word
    created_at: Date
    """The revision's date, ISO 8601."""
    ttc_schema_version: Word
    ttc_target: Label
    """Qualified name of the target in `path`."""
    ttc_kind: TargetKind
    ttc_mask: MaskMode
    ttc_files: tuple[FileText, ...]
    """What the solver is given in place of the repository's files."""
    ttc_spec_origin: SpecOrigin
    ttc_spec_model: Label
    ttc_spec_rejected: Label
    """Why the spec that a model wrote is not used and the docstring is; empty where none was asked for, or it is used."""
    ttc_spec_overlap: Share
    """Share, 0 to 1, of the reference's runs of six tokens that the spec holds too."""
    ttc_docstring: Text
    """The docstring as written in the source."""
    ttc_test_origin: TestOrigin
    ttc_gold_passes: Count
    ttc_gold_runs: Count
    ttc_line_coverage: Share
    """Share, 0 to 1, of the target's own lines that the deciding tests run."""
    ttc_branch_coverage: Share
    """Share, 0 to 1, of the target's branches that they take; 1 where there is none."""
    ttc_mutation_score: Share
    """Share, 0 to 1, of `ttc_mutants` that they notice."""
    ttc_mutants: tuple[Mutation, ...]
    """Changes of the target's body that were run on them."""
    ttc_stubs_passed: Count
    """Trivial bodies that pass all of them: 0 in every published row."""
    ttc_first_look: tuple[TestId, ...]
    """The few of FAIL_TO_PASS that notice every mutant and trivial body that all of them notice; run them first."""
    ttc_left_out: tuple[TestId, ...]
    """Test ids that reach the target and were not run, because with them the tests take longer than `ttc_max_run_s`."""
    ttc_max_run_s: Seconds
    """Seconds that the tests may take together, in one run of the reference; 0 where the row does not say."""
    ttc_baselines: tuple[Baseline, ...]
    """Trivial bodies, each with the tests of FAIL_TO_PASS that it passes: what an answer earns for nothing."""
    ttc_oracle_calls: Count
    """Generated calls that `ttcdata grade --deep` compares an answer with the reference on; fewer than 8 say nothing."""
    ttc_tripwires: tuple[Tripwire, ...]
    """Edits of the deciding tests that make the reference fail them; an answer that passes there is a forgery."""
    ttc_solver_attempts: Count
    """Answers that a model was asked for, given this row's prompt; 0 where none was."""
    ttc_solver_pass_at_1: Share | None
    """Share of them, 0 to 1, that earn the reward."""
    ttc_solver_pass_at_k: Share | None
    """1 where any of them does, else 0: k is the number of attempts."""
    ttc_environment: Key
    """Key of the environment, described in the dataset's `environments/` folder."""
    ttc_recipe_hash: Word
    ttc_build: Word
    """Content key of the build: recipe, tool version and inputs."""

    @property
    def key(self) -> str:
        return self.instance_id

    @property
    def origin_told(self) -> str:
        """Where its deciding tests come from, for people: `repository, 24 of them written for this row`."""
        written = sum(test.startswith(WRITTEN) for test in self.FAIL_TO_PASS)
        mixed = f"{self.ttc_test_origin}, {written} of them written for this row"
        return mixed if written and self.ttc_test_origin != "generated" else self.ttc_test_origin

    @property
    def first_look(self) -> tuple[str, ...]:
        """The tests to run first: all that decide, where an older set does not say which."""
        return self.ttc_first_look or self.FAIL_TO_PASS


@dataclass(frozen=True, slots=True)
class Deprecated:
    """A row that was published and is withdrawn: a line of a dataset's `deprecated.jsonl`."""

    instance_id: RowId
    reason: Label
    since: Date
    """The day, ISO 8601."""

    @property
    def said(self) -> str:
        """For people."""
        return f"{self.instance_id} was withdrawn on {self.since}: {self.reason}"
