"""What can go wrong, one class per boundary.

Every message is one line that gives the value, the constraint and the fix. A `TtcError` never carries a
traceback to the user: the CLI prints the message and exits with `exit_code` (1 for the domain, 2 for usage).
"""

from __future__ import annotations

from typing import Self


def install_hint(extra: str) -> str:
    """How to get an optional part: from a checkout, for there is no release on an index yet."""
    return f"`pip install -e '.[{extra}]'` in a checkout of ttcdata"


class TtcError(Exception):
    """A problem the user can act on."""

    exit_code: int = 1


class RecipeError(TtcError):
    """A recipe, or an option that changes one, that cannot be used."""

    exit_code = 2


class SourceUnavailable(TtcError):
    """A place to mine from that does not answer: an index, a hub, a remote repository, a file."""


class Refused(TtcError):
    """One thing that cannot be used; the others go on, and it becomes a `Reject`.

    Attributes:
        reason: The snake_case defect.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class SourceRefused(Refused):
    """One project, repository or archive that cannot be mined."""


class EnvironmentFailed(Refused):
    """A repository whose dependencies cannot be provided."""


class MaskingFailed(Refused):
    """A target that cannot be masked."""


class SandboxUnavailable(TtcError):
    """No sandbox of the asked kind can be opened on this machine."""


class EngineUnavailable(SandboxUnavailable):
    """No Docker engine answers."""


class SandboxLost(TtcError):
    """A sandbox broke while it ran a job: says nothing about the job."""


class ModelUnavailable(TtcError):
    """The model endpoint does not answer, or answers nonsense, after the retries."""


class DatasetError(TtcError):
    """A dataset that cannot be read, or whose columns are not those of the schema."""


class RowUnfit(DatasetError):
    """A row that does not fit its repository or its environment; the others go on."""


class PushFailed(TtcError):
    """A dataset that is not published: its files, the token, the network, or what the Hub has under that name."""


class WorkFaulty(TtcError):
    """ttcdata itself failed while it worked on one input, whatever that input is worth."""


class ReportError(TtcError):
    """A report's page that cannot be written where it is wanted."""


class PatchRejected(TtcError):
    """A patch that cannot be parsed or applied: a result about the answer, not about us."""


class BuildError(TtcError):
    """A build folder that cannot be used: locked by another process, or damaged."""


class PathRefused(TtcError):
    """A file or folder that the system does not let be used: too long a name, no rights, something else there."""


class StorageFull(TtcError):
    """The disk is full; what is in the store stays there."""

    @classmethod
    def at(cls, place: object, cause: str = "the disk is full") -> Self:
        """The message for one place: a file, a folder, or what else names the disk."""
        return cls(f"{place}: {cause}; free some space and run the same command again")


class PromptRefused(Refused):
    """One prompt that the model's server does not take, because it is too long for instance; others may do."""

    def __init__(self, detail: str) -> None:
        super().__init__("model_refused_prompt", detail)


class SpendLimitReached(TtcError):
    """The next request to a model could cost more than what may still be spent."""


class RegistryRefused(TtcError):
    """A container registry that does not answer, or does not take an image."""


class ExportRefused(TtcError):
    """An export that cannot be written, or a row that another harness could not grade."""


class ReferenceFailed(TtcError):
    """A row whose reference does not pass on this machine, so that no answer to it can be judged."""


class TrainingFailed(TtcError):
    """A training run that cannot start or go on; its last checkpoint stays."""


class SlurmRefused(TtcError):
    """A training job that Slurm cannot be given, or does not take."""
