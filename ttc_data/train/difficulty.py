"""How often a model solves each row of a split, before it is trained: asked, sampled and judged as in training."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from ttc_data.cache import Cache
from ttc_data.engine import Ran, run_stage
from ttc_data.errors import (
    DatasetError,
    ModelUnavailable,
    PromptRefused,
    RecipeError,
    SandboxLost,
    SandboxUnavailable,
    TtcError,
)
from ttc_data.keys import content_key
from ttc_data.llm.model import Model, named_model, require_named
from ttc_data.llm.request import Request, Sampling
from ttc_data.plain import counted
from ttc_data.progress import Progress, Quiet
from ttc_data.records import JsonObject, Reject
from ttc_data.rules import LlmRules
from ttc_data.solve.grader import MOST_FAILED, Grader
from ttc_data.solve.outcome import Outcome
from ttc_data.solve.predictions import pass_at, sizes
from ttc_data.store import Build, Stage
from ttc_data.train.grpo import ids_of, prompts_of
from ttc_data.train.prompts import CountTokens, Prompt
from ttc_data.train.rewards import SANDBOXES_A_WORKER
from ttc_data.train.rules import SelectRules, TrainRecipe
from ttc_data.train.sampling import sampling_of
from ttc_data.train.selection import Difficulty, read_difficulty, select
from ttc_data.train.tokens import counts_at, counts_here, no_count
from ttc_data.whole import write_whole

STAGE, ASKED = "difficulty", "asked.json"
ROWS_AHEAD = 64
"""A query for rows takes as long for one as for so many."""
PLACES = 6


class _Unanswered(TtcError):
    """Ends the stage, where the engine would go on after a `ModelUnavailable` and each attempt would wait as long."""


@dataclass(frozen=True, slots=True)
class JudgedAttempt:
    """One answer of a model, judged."""

    instance_id: str
    number: int
    """From 0; of each row."""
    answer: str
    """Its key among the answers that are kept."""
    reason: str
    """Why it is not right, a snake_case defect; `""` when it solves the row."""

    @property
    def key(self) -> str:
        """The row and the number."""
        return content_key(self.instance_id, self.number)


@dataclass(frozen=True, slots=True)
class Question:
    """One attempt that is asked for."""

    name: str
    """The row's id."""
    request: Request


@dataclass(frozen=True, slots=True)
class Measured:
    """What a model makes of a split."""

    model: str
    rows: tuple[Difficulty, ...]
    """By id. Rows without an attempt that could be judged are not among them."""
    left_out: tuple[Reject, ...]
    """Rows that training leaves out too, whatever their difficulty."""
    errors: tuple[str, ...]
    """One line for each attempt that is not counted: our own infrastructure failed, or the server refused the prompt."""
    selected: int
    """Rows that the recipe's `select` would train on."""
    not_selected: tuple[Reject, ...] = ()
    """The others, each with the rule that leaves it out."""

    @property
    def never(self) -> int:
        """Rows that no attempt solves."""
        return sum(not one.solved for one in self.rows)

    @property
    def always(self) -> int:
        """Rows that every attempt solves."""
        return sum(one.solved == one.attempts for one in self.rows)

    @property
    def between(self) -> int:
        """Rows whose attempts differ: those that GRPO learns from."""
        return len(self.rows) - self.never - self.always

    @property
    def attempts(self) -> int:
        """Of all rows."""
        return sum(one.attempts for one in self.rows)

    def pass_at(self, most: int) -> float:
        """Mean over the rows of pass@k, for `most` or as many attempts as a row has."""
        return statistics.fmean(pass_at(min(most, one.attempts), one.attempts, one.solved) for one in self.rows)


def measure(
    recipe: TrainRecipe,
    llm: LlmRules,
    out: Path,
    *,
    attempts: int = 8,
    limit: int = 0,
    cache: Cache | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Let a model try the rows of a split, and write how often each is solved.

    What was answered and judged is kept in a folder beside the file; interrupted at any time, the same call goes on from
    there, and with more attempts it asks for those that are missing. The file itself is written at the end, whole.

    Args:
        recipe: says which split of which dataset is measured, how the model is asked, and where answers run.
        llm: names the model.
        out: the file that `select.difficulty` takes.
        attempts: at each row.
        limit: so many rows at most, drawn with the recipe's seed; 0 means all.
        cache: folders that builds share.
        progress: told of each attempt.

    Raises:
        DatasetError: there is no such dataset or split, or no row to ask for; the file holds what another model, recipe
            or dataset gave.
        BuildError: another process works on the file, or its folder cannot be written.
        RecipeError: no server is named, or fewer than one attempt.
        ModelUnavailable: the model does not answer.
        SandboxUnavailable: no sandbox, or none that still runs anything.
    """
    progress = progress or Quiet()
    if attempts < 1:
        raise RecipeError(f"--attempts {attempts}: must be 1 or more")
    require_named(llm)
    ids = ids_of(recipe, "name one with --split")
    folder = journal_of(out)
    _check_place(out, folder)
    journal = Build(folder)
    try:
        with named_model(llm, recipe.seed, journal.records, progress.say) as model:
            count, tokenizer = _counted(recipe, model, progress.say)
            every, left_out = _prompts(recipe, count)
            asked = every[: limit or None]
            if not asked:
                raise DatasetError(
                    f"split {recipe.split!r} of {recipe.dataset}: no row left to ask for ({_why(left_out)})"
                )
            sampling = sampling_of(recipe, model.name)
            same_as_before(folder / ASKED, _identity(recipe, ids, sampling, tokenizer), out)
            stage = journal.stage(STAGE, JudgedAttempt)
            ran = _attempt_all(recipe, asked, model, sampling, attempts, stage, cache, progress)
        _write(out, stage.records())
    finally:
        journal.close()
    rows = read_difficulty(out)
    judged = [prompt for prompt in asked if prompt.instance_id in rows]
    selected, dropped = select(judged, recipe.select, rows, recipe.seed)
    return Measured(model.name, tuple(rows.values()), tuple(left_out), tuple(ran.errors), len(selected), tuple(dropped))


def journal_of(out: Path) -> Path:
    """The folder that keeps what was answered and judged for a file."""
    return out.with_name(f"{out.name}.journal")


def _prompts(recipe: TrainRecipe, count: CountTokens) -> tuple[list[Prompt], list[Reject]]:
    """The prompts of training, before anything is selected by difficulty."""
    held_out = SelectRules(hold_out=recipe.select.hold_out)
    return prompts_of(recipe.model_copy(update={"select": held_out}), recipe.split, count)


def _counted(recipe: TrainRecipe, model: Model, say: Callable[[str], None]) -> tuple[CountTokens, str]:
    """What tokens are counted with, and by which model's tokenizer; the server's own where it tells."""
    if not recipe.prompts.max_tokens:
        return no_count, ""
    at_server = counts_at(model.urls[0], model.name, recipe)
    if at_server is not None:
        return at_server, model.name
    if model.name != recipe.model:
        say(f"{model.name} is asked; prompts are as long as {recipe.model} may be asked (--set model=MODEL)")
    return counts_here(recipe), recipe.model


def _why(left_out: Iterable[Reject]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in Counter(one.reason for one in left_out).most_common())


def _check_place(out: Path, folder: Path) -> None:
    if out.is_dir():
        raise DatasetError(f"--out {out}: is a folder; name a file, such as difficulty.jsonl")
    if out.exists() and not (folder / ASKED).is_file():
        raise DatasetError(
            f"--out {out}: is there, and {folder.name} with what it was made of is not; name another file, or remove it"
        )


def _identity(recipe: TrainRecipe, ids: Sequence[str], sampling: Sampling, tokenizer: str) -> JsonObject:
    """All that a file's lines depend on, but for which rows were asked and how often."""
    return {
        "dataset": content_key(list(ids)),
        "split": recipe.split,
        "model": sampling.model,
        "tokenizer": tokenizer,
        "prompts": recipe.prompts.model_dump(mode="json"),
        "sampling": [sampling.temperature, sampling.top_p, sampling.max_tokens, sampling.more],
        "seed": recipe.seed,
        "patience": recipe.rewards.patience,
    }


def same_as_before(path: Path, asked: JsonObject, out: Path) -> None:
    """Note what a folder's attempts depend on, or see that it is what was noted.

    Raises:
        DatasetError: it is not.
    """
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name in asked if before.get(name) != asked[name]]
        if changed:
            told = [f"{name} ({before.get(name)})" if name in ("model", "split") else name for name in changed]
            raise DatasetError(
                f"--out {out}: was made with another {', '.join(told)}; name another file, or remove it and {path.parent}"
            )
        return
    write_whole(path, json.dumps(asked, indent=1) + "\n")


def _attempt_all(
    recipe: TrainRecipe,
    asked: Sequence[Prompt],
    model: Model,
    sampling: Sampling,
    attempts: int,
    stage: Stage[JudgedAttempt],
    cache: Cache | None,
    progress: Progress,
) -> Ran:
    """Ask and judge what the journal does not have.

    Raises:
        ModelUnavailable: a request was not answered; what was is kept.
        DatasetError: nothing could be judged.
    """
    grader = Grader(
        recipe.dataset,
        sandbox=recipe.sandbox,
        workers=recipe.workers,
        patience=recipe.rewards.patience,
        sandboxes=SANDBOXES_A_WORKER,
        reader=recipe.reader,
        cache=cache,
        progress=progress,
    )
    attempt = _Attempting(grader, model)
    total = len(asked) * attempts
    # Each thread waits for an answer or a verdict: as many as the servers are asked at once.
    threads = min(total, model.rules.at_once * len(model.client.windows))
    try:
        questions = _questions(grader, asked, sampling, attempts)
        ran = run_stage(stage, questions, attempt, salt=None, workers=threads, progress=progress, total=total)
    except _Unanswered as error:
        raise ModelUnavailable(f"{error}; what was answered is kept, run again to go on") from error
    finally:
        grader.close()
    if len(ran.errors) == total:
        raise DatasetError(f"none of {counted(total, 'attempt')} could be judged ({ran.errors[0]})")
    return ran


def _questions(
    grader: Grader, asked: Sequence[Prompt], sampling: Sampling, attempts: int
) -> Iterator[tuple[str, Question]]:
    """Row by row, so that a server finds the beginning of a prompt in its cache."""
    rest = iter(asked)
    while ahead := list(islice(rest, ROWS_AHEAD)):
        grader.rows.load([one.instance_id for one in ahead])
        for prompt in ahead:
            messages = tuple((message.role, message.content) for message in prompt.messages)
            for number in range(attempts):
                request = Request(messages, replace(sampling, number=number))
                yield content_key(prompt.instance_id, request.key), Question(prompt.instance_id, request)


class _Attempting:
    """Gets one answer and its verdict. Safe to use from several threads."""

    def __init__(self, grader: Grader, model: Model) -> None:
        self._grader = grader
        self._model = model

    def __call__(self, question: Question) -> Iterator[JudgedAttempt]:
        try:
            answer = self._model.client.ask(question.request)
        except PromptRefused as error:
            raise ModelUnavailable(
                f"the server does not take the prompt ({error.detail}); serve a longer context, or lower prompts.max_tokens"
            ) from error
        except ModelUnavailable as error:
            raise _Unanswered(str(error)) from error
        outcome = self._grader.submit(question.name, answer.text).result()
        if outcome.failed:
            raise self._lost(outcome)
        yield JudgedAttempt(question.name, question.request.sampling.number, answer.key, outcome.reason)

    def _lost(self, outcome: Outcome) -> SandboxLost | SandboxUnavailable:
        """Tried again by itself, unless nothing runs any more: that ends the whole."""
        if (count := self._grader.failed_in_a_row) < MOST_FAILED:
            return SandboxLost(outcome.detail)
        return SandboxUnavailable(
            f"{count} answers in a row could not be run ({outcome.detail}); what was judged is kept: repair the sandbox"
            " (`ttcdata doctor`) and run the same command again"
        )


def _write(out: Path, attempts: Iterable[JudgedAttempt]) -> None:
    """Write the file, whole or not at all."""
    rows: dict[str, Counter[str]] = {}
    for one in attempts:
        rows.setdefault(one.instance_id, Counter())[one.reason] += 1
    write_whole(out, "".join(json.dumps(_line(name, rows[name])) + "\n" for name in sorted(rows)))


def _line(name: str, reasons: Mapping[str, int]) -> JsonObject:
    attempts, solved = sum(reasons.values()), reasons.get("", 0)
    chances = {f"pass@{k}": round(pass_at(k, attempts, solved), PLACES) for k in sizes(attempts)}
    wrong = {reason: reasons[reason] for reason in sorted(reasons) if reason}
    return {"instance_id": name, "attempts": attempts, "solved": solved, **chances, "reasons": wrong}
