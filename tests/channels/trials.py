"""Runs pairs of jobs on one sandbox: the first leaves a bit for each channel, the second one reads them all.

Every channel has bits of its own, as many set as not, so that all channels are tried in the same jobs. What is read is a number;
from one half of the trials it is learnt which numbers mean a set bit, and the other half is guessed by it, and the other way
round. A channel carries something when that many right guesses are unlikely by chance.
"""

from __future__ import annotations

import itertools
import json
import math
import pkgutil
import time
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
    """What it would disturb another channel in: these take turns."""
    open: str = ""
    """Why the kernel cannot be kept from carrying it; it is measured and not asked for."""
    apart: float = 0.0
    """Seconds up to which the jobs of a pair are apart: else the time of day would tell what it reads."""
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
    borders = [-math.inf, *((low + high) / 2 for low, high in itertools.pairwise(values))]
    above = {border: sum((value > border) is bit for value, bit in shown) for border in borders}
    best = max(borders, key=lambda border: abs(above[border] - len(shown) / 2))
    upward = above[best] >= len(shown) / 2
    return sum(((value > best) is bit) is upward for value, bit in asked)


def tail(count: int, right: int) -> float:
    """How likely at least so many heads are."""
    return float(sum(math.comb(count, one) for one in range(right, count + 1)) / 2**count)


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
                    getattr(module, "APART", 0.0),
                )
            )
    return sorted(found, key=lambda channel: channel.counts)


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
    """Run that many pairs of jobs, and write down in each channel what was sent and read.

    Channels that disturb each other take turns, so that each has its share of the trials, a number that four divides.
    """
    draw = Random(seed)
    for channel in tried:
        channel.bits, channel.values = balanced(draw, len(turns(tried, channel, count))), []
    sent = {channel.name: dict(zip(turns(tried, channel, count), channel.bits, strict=True)) for channel in tried}
    first = draw.randrange(10_000)
    for trial in range(count):
        turn = [channel for channel in tried if trial in sent[channel.name]]
        plan = [(channel.name, sent[channel.name][trial]) for channel in turn]
        for name, told in _leave(sandbox, turn, plan, first + trial).items():
            _note(channel_of(turn, name), told)
        time.sleep(draw.random() * max((channel.apart for channel in turn), default=0.0))
        for name, told in _read(sandbox, turn, first + trial).items():
            channel = channel_of(turn, name)
            value = _note(channel, told)
            channel.values.append(-1.0 if value is None else float(value))  # what cannot be read is the same each time


def channel_of(tried: Sequence[Channel], name: str) -> Channel:
    """The one of that name."""
    return next(channel for channel in tried if channel.name == name)


def turns(tried: Sequence[Channel], channel: Channel, count: int) -> list[int]:
    """The trials in which a channel has its turn."""
    sharing = [one for one in tried if one is channel or (one.shares and one.shares == channel.shares)]
    found = list(range(sharing.index(channel), count, len(sharing)))
    return found[: len(found) // 4 * 4]


def balanced(draw: Random, count: int) -> list[bool]:
    """As many bits set as not, in each half of the trials: what always reads the same is right in half of them."""
    halves = [draw.sample([True, False] * (count // 4), count // 2) for _ in range(2)]
    return [bit for pair in zip(*halves, strict=True) for bit in pair]


def _leave(sandbox: Sandbox, turn: Sequence[Channel], plan: list[tuple[str, bool]], number: int) -> dict[str, Told]:
    brought = [
        channel.brings(number if bit else number + 1_000_000)
        for channel, (_, bit) in zip(turn, plan, strict=True)
        if channel.brings is not None
    ]
    return _told(sandbox.run(_job(plan, number, brought, leave=True)))


def _read(sandbox: Sandbox, turn: Sequence[Channel], number: int) -> dict[str, Told]:
    plan = [(channel.name, False) for channel in reversed(turn)]
    brought = [channel.brings(number) for channel in turn if channel.brings is not None]
    return _told(sandbox.run(_job(plan, number, brought, leave=False)))


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
