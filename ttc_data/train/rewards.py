"""What an answer earns, as reward functions that TRL's `GRPOTrainer` takes: in ours, or in anybody's.

    rewards = Rewards("my-org/stack-impl")
    GRPOTrainer(model, reward_funcs=[rewards.tests, rewards.format], train_dataset=load_dataset("my-org/stack-impl", split="train"))

Each gives a number from 0 to 1 for every completion, or None where our own infrastructure failed: TRL leaves such a completion out
of its group. All of them give None then, because a completion that had its format rewarded and nothing else would count as wrong.
"""

from __future__ import annotations

import asyncio
import difflib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ttc_data.cache import Cache
from ttc_data.edits import unified_diff
from ttc_data.errors import SandboxUnavailable
from ttc_data.hosts.open import SandboxKind
from ttc_data.progress import Progress
from ttc_data.row import Row
from ttc_data.rules import ReaderRules
from ttc_data.solve.grader import MOST_FAILED, Grader
from ttc_data.solve.outcome import Outcome

Completion: TypeAlias = str | Sequence[Mapping[str, Any]]
RewardFunction: TypeAlias = Callable[..., Awaitable[list[float | None]]]
# The comparison takes time by the square of the length: 0.2 s for two texts of 4,000 characters.
MOST_COMPARED = 4_000
# A batch holds many answers to each of a few rows of any repository, and each answer that passes the first look takes three.
SANDBOXES_A_WORKER = 12


class Rewards:
    """Reward functions over the rows of one dataset. Every completion is run once, whichever functions ask for it.

    Args:
        dataset: a folder, a build's folder, or a Hub id: the one that is trained on.
        sandbox: where answers run.
        workers: at the same time; 0 means one for each processor.
        patience: an answer's tests may take so many times as long as the reference's, and 2 s at least.
        own: refuse sandboxes whose jobs share anything with those before them: an answer could leave word for the next.
        strict: `tests` is 1 for a solved row and 0 for any other; else a wrong answer is paid for the tests that it passes
            as written and fails as altered, if no trivial body passes them.
        brevity_tokens: so long an answer earns no `brevity`.
        reader: limits and images that the set may ask for; the defaults when not given.
        cache: folders that builds share.
        progress: told what a person should know.

    Raises:
        DatasetError: the dataset cannot be read.
        SandboxUnavailable: no sandbox of that kind.
    """

    def __init__(
        self,
        dataset: str | Path,
        *,
        sandbox: SandboxKind = "auto",
        workers: int = 0,
        patience: float = 5.0,
        own: bool = True,
        strict: bool = True,
        brevity_tokens: int = 1_024,
        reader: ReaderRules | None = None,
        cache: Cache | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.grader = Grader(
            dataset,
            sandbox=sandbox,
            workers=workers,
            patience=patience,
            partly=not strict,
            cache=cache,
            progress=progress,
            sandboxes=SANDBOXES_A_WORKER,
            reader=reader,
            own=own,
        )
        self._strict = strict
        self._brevity_tokens = brevity_tokens
        self._runs = 0

    def close(self) -> None:
        """Close every sandbox."""
        self.grader.close()

    async def tests(
        self,
        completions: Sequence[Completion],
        instance_id: Sequence[str],
        log_metric: Callable[[str, float], None] | None = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        **_: Any,
    ) -> list[float | None]:
        """1 for an answer that solves its row; without `strict`, a part for a wrong one. A trivial body earns nothing.

        Args:
            completions: texts, or chat messages of which the last one's content counts.
            instance_id: each one's row; a column of the dataset.
            log_metric: takes the batch's means.
            log_extra: takes each completion's verdict, for the table of completions.

        Raises:
            SandboxUnavailable: so many answers in a row could not be run that training on the others makes no sense.
        """
        began = time.perf_counter()
        outcomes = await self._judged(completions, instance_id)
        failed = [outcome for outcome in outcomes if outcome.failed]
        if failed and self.grader.failed_in_a_row >= MOST_FAILED:
            raise SandboxUnavailable(
                f"{self.grader.failed_in_a_row} answers in a row could not be run ({failed[0].detail}); the last checkpoint"
                " is kept: repair the sandbox (`ttcdata doctor`) and run the same command again"
            )
        earned = [self._earned(outcome) for outcome in outcomes]
        if log_metric:
            for name, value in _figures(outcomes, earned, instance_id).items():
                log_metric(name, value)
            log_metric("sandbox/runs", float(self.grader.runs - self._runs))  # some before we asked
            log_metric("sandbox/wall_seconds", time.perf_counter() - began)
        self._runs = self.grader.runs
        if log_extra:
            log_extra("instance_id", list(instance_id))
            log_extra("verdict", [_verdict(outcome) for outcome in outcomes])
        return earned

    def _earned(self, outcome: Outcome) -> float | None:
        if outcome.failed:
            return None
        if outcome.trivial:
            return 0.0
        return float(outcome.solved) if self._strict else outcome.share

    def _beside(self, outcome: Outcome, form: float) -> float | None:
        """A reward for form, which is paid beside a test that pays, and never alone: a model learns what is paid alone."""
        earned = self._earned(outcome)
        return None if earned is None else form if earned else 0.0

    async def format(
        self, completions: Sequence[Completion], instance_id: Sequence[str], **_: Any
    ) -> list[float | None]:
        """1 for an answer that can be applied and earns anything by its tests."""
        outcomes = await self._judged(completions, instance_id)
        return [self._beside(outcome, float(outcome.read)) for outcome in outcomes]

    async def similarity(
        self, completions: Sequence[Completion], instance_id: Sequence[str], **_: Any
    ) -> list[float | None]:
        """How alike the answer's lines and the reference's are (difflib's ratio), where its tests pay. Says nothing of right."""
        outcomes = await self._judged(completions, instance_id)
        return [
            self._beside(outcome, _similar(self.grader.rows.row(name), outcome) if self._earned(outcome) else 0.0)
            for name, outcome in zip(instance_id, outcomes, strict=True)
        ]

    async def brevity(
        self,
        completions: Sequence[Completion],
        instance_id: Sequence[str],
        completion_ids: Sequence[Sequence[int]],
        **_: Any,
    ) -> list[float | None]:
        """1 for no token at all, 0 for `brevity_tokens` or more; 0 where the tests pay nothing."""
        outcomes = await self._judged(completions, instance_id)
        return [
            self._beside(outcome, max(0.0, 1 - len(ids) / self._brevity_tokens))
            for outcome, ids in zip(outcomes, completion_ids, strict=True)
        ]

    async def _judged(self, completions: Sequence[Completion], instance_id: Sequence[str]) -> list[Outcome]:
        self.grader.rows.load(instance_id)
        order = by_turns(instance_id)
        asked = (self.grader.judge(instance_id[place], text_of(completions[place])) for place in order)
        judged = dict(zip(order, await asyncio.gather(*asked), strict=True))
        return [judged[place] for place in range(len(completions))]


def by_turns(names: Sequence[str]) -> list[int]:
    """Places of the first answer to each row, then of the second to each, and so on.

    Answers to one row come together, and would open as many sandboxes on its environment at once; so each of a batch's
    environments opens its share.
    """
    seen: Counter[str] = Counter()
    turns: list[int] = []
    for name in names:
        turns.append(seen[name])
        seen[name] += 1
    return sorted(range(len(names)), key=turns.__getitem__)


def text_of(completion: Completion) -> str:
    """What a completion says: itself, or the content of its last message."""
    if isinstance(completion, str):
        return completion
    return str(completion[-1].get("content") or "") if completion else ""


def _similar(row: Row, outcome: Outcome) -> float:
    given = {file.path: file.text for file in row.ttc_files}
    answer = _added(unified_diff({path: given.get(path) for path in outcome.files}, dict(outcome.files)))
    return difflib.SequenceMatcher(None, _added(row.patch), answer, autojunk=False).ratio() if answer else 0.0


def _added(diff: str) -> str:
    lines = [line[1:] for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++ ")]
    return "\n".join(lines)[:MOST_COMPARED]


def _verdict(outcome: Outcome) -> str:
    """For the table of completions."""
    if outcome.failed:
        return f"error: {outcome.detail}"
    return f"{outcome.reason or 'solved'}{' (trivial)' if outcome.trivial else ''}"


def _figures(
    outcomes: Sequence[Outcome], earned: Sequence[float | None], instance_id: Sequence[str]
) -> dict[str, float]:
    """What is logged of a batch; rates are over the answers that could be judged."""
    known = [outcome for outcome in outcomes if not outcome.failed]
    groups: dict[str, set[float]] = {}
    for name, reward in zip(instance_id, earned, strict=True):
        if reward is not None:
            groups.setdefault(name, set()).add(round(reward, 6))
    count = max(len(known), 1)
    return {
        "tests/share": sum(outcome.share for outcome in known) / count,
        "tests/solved": sum(outcome.solved for outcome in known) / count,
        "tests/applied": sum(outcome.read for outcome in known) / count,
        "tests/trivial": sum(outcome.trivial for outcome in known) / count,
        "tests/tampered": sum(outcome.tampered for outcome in known) / count,
        "tests/error": sum(outcome.failed for outcome in outcomes) / max(len(outcomes), 1),
        "tests/groups_that_learn": sum(len(found) > 1 for found in groups.values()) / max(len(groups), 1),
        "sandbox/busy_seconds": sum({id(outcome): outcome.seconds for outcome in outcomes}.values()),
    }
