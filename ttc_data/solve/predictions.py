"""Answers from a file: JSON lines, a JSON list or a JSON object by id; patches or raw completions, any number a row."""

from __future__ import annotations

import codecs
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import comb
from pathlib import Path
from statistics import fmean
from typing import Any

from ttc_data.errors import DatasetError
from ttc_data.fields import is_text
from ttc_data.records import JsonObject
from ttc_data.solve.chat import is_diff
from ttc_data.solve.outcome import Outcome

STANDARD_INPUT = "-"
IDS = ("instance_id", "id")
MODELS = ("model_name_or_path", "model")
PATCHES = ("model_patch", "patch")
TEXTS = ("completion", "response", "output", "answer", "text")
MANY = ("completions", "responses", "outputs", "answers", "samples")
ANSWERS = frozenset((*PATCHES, *TEXTS, *MANY)) - {"text"}
"""Keys that only an answer has; a part of a chat message has `text` too."""
FORM = 'an object with "instance_id" and "model_patch" (a diff) or "completion" (what the model said)'


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer to one row."""

    instance_id: str
    model: str
    text: str
    is_patch: bool
    """`text` is a unified diff; else it is what the model said."""
    sample: int = 0
    """Its number among the answers of its model to its row, in the order of the file."""
    fault: str = ""
    """Why there is no answer in its place of the file; `instance_id` is the place then, as `answers.jsonl:3`."""


def read_predictions(path: Path | str) -> list[Prediction]:
    """Read answers; the same row may be answered any number of times.

    Args:
        path: a file, or `-` for standard input.

    Returns:
        The answers; a place of the file that holds none is one with a `fault`.

    Raises:
        DatasetError: there is no answer in the file at all, with what is wrong in its first place.
    """
    name = "standard input" if str(path) == STANDARD_INPUT else str(path)
    try:
        data = sys.stdin.buffer.read() if str(path) == STANDARD_INPUT else Path(path).read_bytes()
    except OSError as error:
        raise DatasetError(
            f"--predictions {name}: {error}; give a file of JSON lines, a JSON list or an object by id, or - for standard input"
        ) from error
    found = [prediction for place, value in _values(data, name) for prediction in _told(value, place)]
    if found and all(one.fault for one in found):
        raise DatasetError(found[0].fault)
    if not found:
        raise DatasetError(f"{name}: no answer in it; each line must be {FORM}")
    return numbered(found)


def numbered(predictions: Iterable[Prediction]) -> list[Prediction]:
    """Answers with their numbers among those of their models to their rows."""
    counts: Counter[tuple[str, str]] = Counter()
    found = []
    for one in predictions:
        key = one.instance_id, one.model
        found.append(replace(one, sample=counts[key]))
        counts[key] += 1
    return found


def _values(data: bytes, name: str) -> Iterator[tuple[str, Any]]:
    """Each object of a file with the place where it stands; for a line that holds none, the error that says so."""
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        whole = json.loads(data.decode())
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, list):
        yield from ((f"{name}[{number}]", value) for number, value in enumerate(whole))
    elif isinstance(whole, dict) and not any(key in whole for key in IDS):
        yield from ((f"{name}[{key!r}]", one) for key, value in whole.items() for one in _named(key, value))
    elif isinstance(whole, dict):
        yield f"{name}:1", whole
    else:
        for number, line in enumerate(data.split(b"\n"), 1):
            if line.strip():
                yield f"{name}:{number}", _value(line, f"{name}:{number}")


def _value(line: bytes, place: str) -> Any:
    """What a line holds, or the error that says why it holds nothing."""
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError as error:
        return DatasetError(f"{place}: byte {error.start + 1} of the line is no UTF-8; each line must be {FORM}")
    except RecursionError:
        return DatasetError(f"{place}: nested too deeply; each line must be {FORM}")
    except ValueError as error:
        return DatasetError(f"{place}: no JSON ({error}); each line must be {FORM}")


def _named(key: str, value: Any) -> list[Any]:
    """The answers of a value of an object whose keys are ids."""
    if isinstance(value, str):
        return [{"instance_id": key, "model_patch" if is_diff(value) or not value.strip() else "completion": value}]
    if isinstance(value, list) and value and all(isinstance(one, dict) and ANSWERS & one.keys() for one in value):
        return [{"instance_id": key, **one} for one in value]
    if isinstance(value, list):
        return [{"instance_id": key, "completions": value}]
    return [{"instance_id": key, **value} if isinstance(value, dict) else value]


def _told(value: Any, place: str) -> list[Prediction]:
    """The answers in one place of a file, or the fault that it has none."""
    try:
        if isinstance(value, DatasetError):
            raise value
        return list(_predictions(value, place))
    except (DatasetError, RecursionError) as error:
        said = str(error) if isinstance(error, DatasetError) else f"{place}: nested too deeply; give {FORM}"
        return [Prediction(place, "", "", is_patch=False, fault=said)]


def _predictions(value: Any, place: str) -> Iterator[Prediction]:
    if not isinstance(value, dict):
        raise DatasetError(f"{place}: must be {FORM}, is {json.dumps(value)[:60]}")
    name, model = _first(value, IDS), _first(value, MODELS) or ""
    if not isinstance(name, str) or not name or not is_text(name):
        raise DatasetError(f"{place}: instance_id must be the id of a row, is {json.dumps(name)[:60]}")
    if not isinstance(model, str) or not is_text(model):
        raise DatasetError(f"{place}: model_name_or_path must be a text, is {json.dumps(model)[:60]}")
    several, said, patch = _first(value, MANY), _first(value, TEXTS), _first(value, PATCHES)
    known = [key for key in (*PATCHES, *TEXTS, *MANY) if key in value]
    if isinstance(said, list) and said and all(isinstance(one, str) for one in said):
        several, said = said, None
    if isinstance(several, str):
        several = [several]
    if several == []:
        raise DatasetError(
            f"{place}: an empty list of answers; leave the row out, or give null for an answer that was not made"
        )
    if isinstance(several, list):
        texts = ("" if one is None else _text(one, place) for one in several)
        yield from (Prediction(name, model, text, is_patch=False) for text in texts)
    elif said is not None and not patch:  # a log may keep what was said beside the patch that came of it
        yield Prediction(name, model, _text(said, place), is_patch=False)
    elif known:  # a patch, or nothing at all: SWE-bench writes null where a model gave none
        yield Prediction(name, model, _text(patch or "", place), is_patch=True)
    else:
        raise DatasetError(f"{place}: no answer in it; give {FORM}")


def _first(value: dict[str, Any], names: Sequence[str]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _text(value: Any, place: str) -> str:
    """A text, what the last of some chat messages says, or the texts among the parts of one."""
    given = value
    if isinstance(value, list) and value and isinstance(value[-1], dict) and "content" in value[-1]:
        value = value[-1]
    if isinstance(value, dict):
        value = value.get("content", value.get("text"))
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        parts = [part["text"] for part in value if isinstance(part.get("text"), str)]
        value = "".join(parts) if parts else value
    if not isinstance(value, str):
        raise DatasetError(f"{place}: an answer must be a text or chat messages, is {json.dumps(given)[:60]}")
    return value


def pass_at(k: int, attempts: int, solved: int) -> float:
    """The chance that one of k attempts at least is right, estimated without bias (Chen et al. 2021, arXiv:2107.03374).

    Args:
        k: from 1 to `attempts`.
        attempts: that were made.
        solved: of these.
    """
    return 1 - comb(attempts - solved, k) / comb(attempts, k)


def sizes(attempts: int) -> list[int]:
    """The k of which pass@k is told: powers of two, and all attempts."""
    powers = [1 << exponent for exponent in range(attempts.bit_length()) if 1 << exponent < attempts]
    return [*powers, attempts]


@dataclass(frozen=True, slots=True)
class Score:
    """What one model's answers came to."""

    model: str
    rows: int
    answers: int
    solved: int
    """Of the answers."""
    pass_at: dict[int, float]
    """k to the mean over the rows; k goes up to the fewest answers that a row got."""

    def line(self) -> JsonObject:
        """What is told of it, as JSON: `pass_at` has the k as text, as JSON wants it."""
        rates = {str(k): round(rate, 6) for k, rate in self.pass_at.items()}
        return {
            "model_name_or_path": self.model,
            "rows": self.rows,
            "answers": self.answers,
            "solved": self.solved,
            "pass_at": rates,
        }


def scores(outcomes: Sequence[Outcome]) -> list[Score]:
    """Pass rates of each model; answers that our infrastructure could not run do not count."""
    models: dict[str, dict[str, list[bool]]] = {}
    for outcome in outcomes:
        if not outcome.failed:
            models.setdefault(outcome.model, {}).setdefault(outcome.instance_id, []).append(outcome.solved)
    found = []
    for model, rows in sorted(models.items()):
        ks = sizes(min(len(solved) for solved in rows.values()))
        means = {k: fmean(pass_at(k, len(solved), sum(solved)) for solved in rows.values()) for k in ks}
        total = [one for solved in rows.values() for one in solved]
        found.append(Score(model, len(rows), len(total), sum(total), means))
    return found
