"""Runs pairs of jobs on one sandbox: the first leaves a bit for each channel, the second one reads them all.

Every channel has bits of its own, as many set as not, so that all channels are tried in the same jobs. What is read is a number;
from one half of the trials it is learnt which numbers mean a set bit, and the other half is guessed by it, and the other way
round. A channel carries something when that many right guesses are unlikely by chance.
"""

from __future__ import annotations

import json
import math
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from random import Random
from types import ModuleType
from typing import TypeAlias

from tests.channels import align, known
from ttc_data.sandbox.protocol import Job, Report, Sandbox

CHANCE = 0.01
FILE = "tests/channels/trial_test.py"
BROUGHT = "test_brought.py"
PLAN = "trial.json"
TOLD = "channels tell: "
TEST = f'''
import importlib
import json
import time


def tried(call, *arguments):
    value, problem, begun = None, "", time.monotonic()
    try:
        value = call(*arguments)
    except Exception as error:
        problem = ("" if isinstance(error, OSError) else "! ") + repr(error)
    return value, problem, time.monotonic() - begun


def test_trial():
    with open("{PLAN}") as file:
        plan = json.load(file)
    told = {{}}
    for name, bit in plan["channels"]:
        channel = importlib.import_module("tests.channels.known." + name)
        if plan["leave"]:
            told[name] = tried(channel.leave, bit, plan["number"])
        else:
            told[name] = tried(channel.read, plan["number"])
    print("\\n{TOLD}" + json.dumps(told))
'''


# What was read, what went wrong, and the seconds it took.
Told: TypeAlias = tuple[float | None, str, float]


@dataclass
class Channel:
    """One file of `known/`, and what became of its trials."""

    name: str
    brings: Callable[[int], str] | None
    counts: bool
    """It advances a counter, which other channels disturb: it leaves its bit last, and reads first."""
    shares: str = ""
    """What it would disturb another channel in: these are tried apart."""
    open: str = ""
    """Why the kernel cannot be kept from carrying it; it is measured and not asked for."""
    bits: list[bool] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    seconds: float = 0.0
    """That it took in all jobs."""
    refused: str = ""
    broken: str = ""

    @property
    def right(self) -> int:
        """How many bits are guessed right, each by what the other half of the trials shows."""
        pairs = list(zip(self.values, self.bits, strict=True))
        return sum(guessed(pairs[1 - half :: 2], pairs[half::2]) for half in (0, 1))

    @property
    def chance(self) -> float:
        """How likely it is to guess as many right by chance."""
        return tail(len(self.bits), self.right)


def guessed(shown: Sequence[tuple[float, bool]], asked: Sequence[tuple[float, bool]]) -> int:
    """Bits that are guessed right by the best border between the numbers that were shown."""
    values = sorted({value for value, _ in shown})
    borders = [-math.inf, *((low + high) / 2 for low, high in zip(values, values[1:], strict=False))]
    above = {border: sum((value > border) is bit for value, bit in shown) for border in borders}
    best = max(borders, key=lambda border: abs(above[border] - len(shown) / 2))
    upward = above[best] >= len(shown) / 2
    return sum(((value > best) is bit) is upward for value, bit in asked)


def tail(count: int, right: int) -> float:
    """How likely at least so many heads are."""
    return sum(math.comb(count, one) for one in range(right, count + 1)) / 2**count


def channels(names: Sequence[str] = ()) -> list[Channel]:
    """Those of `known/`, in the order that they leave their bits in."""
    found = []
    for info in pkgutil.iter_modules(known.__path__):
        if not names or info.name in names:
            module = import_module(f"{known.__name__}.{info.name}")
            found.append(
                Channel(
                    info.name,
                    getattr(module, "brings", None),
                    hasattr(module, "PERIOD"),
                    getattr(module, "SHARES", ""),
                    getattr(module, "OPEN", ""),
                )
            )
    return sorted(found, key=lambda channel: channel.counts)


def batches(tried: Sequence[Channel]) -> list[list[Channel]]:
    """Channels that can be tried in the same jobs."""
    made: list[list[Channel]] = []
    for channel in tried:
        fits = (batch for batch in made if not channel.shares or channel.shares not in [one.shares for one in batch])
        batch = next(fits, None)
        if batch is None:
            made.append([channel])
        else:
            batch.append(channel)
    return made


def tree() -> dict[str, bytes]:
    """What a sandbox's tree holds for the trials."""
    packages = {"tests/__init__.py": b"", FILE: TEST.encode()}
    return {**packages, **dict(_files(import_module("tests.channels"))), **dict(_files(known)), **_file(align)}


def _files(package: ModuleType) -> Iterator[tuple[str, bytes]]:
    (folder,) = package.__path__
    place = package.__name__.replace(".", "/")
    for path in Path(folder).glob("*.py"):
        if path.name == "__init__.py" or package is known:
            yield f"{place}/{path.name}", path.read_bytes()


def _file(module: ModuleType) -> dict[str, bytes]:
    return {f"{module.__name__.replace('.', '/')}.py": Path(str(module.__file__)).read_bytes()}


def try_channels(sandbox: Sandbox, tried: Sequence[Channel], count: int, seed: str) -> None:
    """Run that many pairs of jobs for each batch, and write down in each channel what was sent and read."""
    for batch in batches(tried):
        _try_batch(sandbox, batch, count, seed)


def _try_batch(sandbox: Sandbox, tried: Sequence[Channel], count: int, seed: str) -> None:
    draw = Random(seed)
    for channel in tried:
        channel.bits = balanced(draw, count)
        channel.values = []
    first = draw.randrange(10_000)
    for number in range(count):
        _leave(sandbox, tried, number, first + number)
        told = _read(sandbox, tried, number, first + number)
        for channel in tried:
            value = _note(channel, told[channel.name])
            channel.values.append(math.nan if value is None else float(value))
    for channel in tried:  # what could not be read at all reads the same each time
        channel.values = [-1.0 if math.isnan(value) else value for value in channel.values]


def balanced(draw: Random, count: int) -> list[bool]:
    """As many bits set as not, in each half of the trials: what always reads the same is right in half of them."""
    halves = [draw.sample([True, False] * (count // 4), count // 2) for _ in range(2)]
    return [bit for pair in zip(*halves, strict=True) for bit in pair]


def _leave(sandbox: Sandbox, tried: Sequence[Channel], trial: int, number: int) -> None:
    plan = [(channel.name, channel.bits[trial]) for channel in tried]
    texts = []
    for channel in tried:
        if channel.brings is not None:
            texts.append(channel.brings(number if channel.bits[trial] else number + 1_000_000))
    told = _told(sandbox.run(_job(plan, number, texts, leave=True)))
    for channel in tried:
        _note(channel, told[channel.name])


def _read(sandbox: Sandbox, tried: Sequence[Channel], trial: int, number: int) -> dict[str, Told]:
    plan = [(channel.name, False) for channel in reversed(tried)]
    texts = [channel.brings(number) for channel in tried if channel.brings is not None]
    return _told(sandbox.run(_job(plan, number, texts, leave=False)))


def _note(channel: Channel, told: Told) -> float | None:
    value, problem, seconds = told
    channel.seconds += seconds
    if problem.startswith("! "):
        channel.broken = problem
    elif problem:
        channel.refused = problem
    return value


def _job(plan: list[tuple[str, bool]], number: int, texts: Sequence[str], *, leave: bool) -> Job:
    said = json.dumps({"channels": plan, "number": number, "leave": leave})
    brought = {f"tests/channels/test_brought_{one}.py": text for one, text in enumerate(texts)}
    return Job(
        test_files=(*brought, FILE), files={**brought, PLAN: said}, args=("-s",), timeout_s=60, test_timeout_s=50
    )


def _told(report: Report) -> dict[str, Told]:
    for line in report.output.splitlines():
        if line.startswith(TOLD):
            told: dict[str, Told] = json.loads(line.removeprefix(TOLD))
            return told
    raise AssertionError(f"the channels' job told nothing: {report}")
