"""Which rows are trained on, and in which order: pass rates measured before, and repositories held out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ttc_data.errors import DatasetError
from ttc_data.plain import counted
from ttc_data.records import Reject
from ttc_data.train.prompts import Prompt
from ttc_data.train.rules import SelectRules


@dataclass(frozen=True, slots=True)
class Difficulty:
    """How often a model solved a row."""

    instance_id: str
    attempts: int
    solved: int

    @property
    def pass_rate(self) -> float:
        """Share, 0 to 1."""
        return self.solved / self.attempts


def read_difficulty(path: Path) -> dict[str, Difficulty]:
    """Read what `ttcdata difficulty` wrote: JSON lines with `instance_id`, `attempts` and `solved`.

    Raises:
        DatasetError: the file cannot be read, or a line is not of this form.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: {error}; write it with `ttcdata difficulty`") from error
    found: dict[str, Difficulty] = {}
    for number, line in enumerate(lines, 1):
        try:
            values = json.loads(line)
            one = Difficulty(str(values["instance_id"]), int(values["attempts"]), int(values["solved"]))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise DatasetError(
                f"{path}: line {number} is not instance_id, attempts, solved as JSON ({error}); write it again"
            ) from error
        if not 0 <= one.solved <= one.attempts or not one.attempts:
            raise DatasetError(
                f"{path}: line {number}: {one.solved} of {counted(one.attempts, 'attempt')} solved; write it again"
            )
        found[one.instance_id] = one
    return found


def select(
    prompts: Iterable[Prompt], rules: SelectRules, difficulty: Mapping[str, Difficulty], seed: int
) -> tuple[list[Prompt], list[Reject]]:
    """Choose what is trained on.

    Args:
        prompts: of a split.
        rules: of the recipe.
        difficulty: by row; rows that nobody measured are kept when nothing is, and left out when others are.
        seed: for the order.

    Returns:
        Prompts in the order of training, and what was left out, with reasons.
    """
    kept: list[Prompt] = []
    dropped: list[Reject] = []
    for prompt in prompts:
        reason, detail = _why_not(prompt, rules, difficulty)
        if reason:
            dropped.append(Reject(prompt.instance_id, "select", reason, detail, prompt.repo))
        else:
            kept.append(prompt)
    return ordered(kept, rules.order, difficulty, seed)[: rules.limit or None], dropped


def _why_not(prompt: Prompt, rules: SelectRules, difficulty: Mapping[str, Difficulty]) -> tuple[str, str]:
    if prompt.repo in rules.hold_out:
        return "held_out", prompt.repo
    if not difficulty:
        return "", ""
    one = difficulty.get(prompt.instance_id)
    if one is None:
        return "difficulty_unknown", "not in select.difficulty"
    if one.pass_rate < rules.min_pass_rate:
        return "too_hard", f"{one.solved} of {counted(one.attempts, 'attempt')}, at least {rules.min_pass_rate:g}"
    if one.pass_rate > rules.max_pass_rate:
        return "too_easy", f"{one.solved} of {counted(one.attempts, 'attempt')}, at most {rules.max_pass_rate:g}"
    return "", ""


def ordered(prompts: Sequence[Prompt], order: str, difficulty: Mapping[str, Difficulty], seed: int) -> list[Prompt]:
    """Put prompts in the order of training.

    Args:
        prompts: in any order.
        order: `shuffled`, `short_first` (by tokens), `easy_first` or `hard_first` (by pass rate).
        difficulty: by row.
        seed: of the shuffle, which also decides among equals.
    """
    shuffled = sorted(prompts, key=lambda one: one.instance_id)
    Random(f"{seed}:order").shuffle(shuffled)
    if order == "short_first":
        return sorted(shuffled, key=lambda one: one.tokens)
    if order in ("easy_first", "hard_first"):
        rates = {one.instance_id: difficulty[one.instance_id].pass_rate for one in prompts}
        return sorted(shuffled, key=lambda one: rates[one.instance_id], reverse=order == "easy_first")
    return shuffled
