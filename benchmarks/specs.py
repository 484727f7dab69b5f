"""What our client for models costs and reaches, next to plain loops over HTTP libraries.

    python benchmarks/specs.py
    python benchmarks/specs.py --url http://localhost:8000/v1 --model NAME --at-once 256

Without `--url`: requests per second of CPU time at a server of our own, in another process, that answers in 50 ms; so
many at once for every way. "Ours" journals every answer and is asked through futures; the loops do nothing with theirs.
With `--url`: tokens per second at a real server, ours beginning as it always does, the loop with all. The
prompts are the same but for a number in front, which keeps the server from knowing them from the way before. Ways take
turns, so that whatever else the machine does meets all of them; medians are shown.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from rich.console import Console
from rich.table import Table

from ttc_data.llm.client import Models
from ttc_data.llm.endpoint import api_key, base_url
from ttc_data.llm.request import Request, Sampling

SERVER = Path(__file__).resolve().parent.parent / "tests" / "llm" / "server.py"
OURS, AIOHTTP, HTTPX, OPENAI = "ours", "aiohttp, a loop", "httpx2, a loop", "openai, a loop"
FLOOR = AIOHTTP
Ask = Callable[[Request], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Measure:
    """Of one way and one turn."""

    requests: int
    seconds: float
    cpu_s: float
    """Of this process."""
    tokens: int
    """Of the answers."""


def made_up() -> Iterator[str]:
    """Prompts of about 1 KiB."""
    for number in itertools.count():
        yield (
            f"Write a Python function with a docstring, three examples and no imports. It takes {number % 5} arguments. "
            + "Think about every edge case. " * 30
        )


def prompts(count: int, turn: int, sampling: Sampling, texts: Sequence[str]) -> list[Request]:
    """Requests that no turn shares with another."""
    chosen = itertools.islice(itertools.cycle(texts) if texts else made_up(), count)
    return [Request((("user", f"{turn}.{number}: {text}"),), sampling) for number, text in enumerate(chosen)]


@contextmanager
def local_server(latency_ms: float) -> Iterator[str]:
    """Our own server, in a process that ends with this one."""
    command = [sys.executable, str(SERVER), "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}/v1"
        server.communicate()


def ours(url: str, asked: Sequence[Request], at_once: int) -> Measure:
    """Through `Models`, with a journal of its own."""
    with TemporaryDirectory() as folder, Models([url], Path(folder), at_once=at_once) as models:
        models.ask(asked[0])
        began, cpu = time.perf_counter(), time.process_time()
        waiting = [models.submit(request) for request in asked[1:]]
        tokens = sum(future.result().completion_tokens for future in waiting)
        return Measure(len(waiting), time.perf_counter() - began, time.process_time() - cpu, tokens)


async def loop_over(ask: Ask, asked: Sequence[Request], at_once: int) -> Measure:
    """The plainest loop: so many workers, no retries, nothing kept."""
    await ask(asked[0])
    remaining, tokens = iter(asked[1:]), 0

    async def work() -> None:
        nonlocal tokens
        for request in remaining:
            count = await ask(request)  # not in one statement with the sum: others add to it meanwhile
            tokens += count

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return Measure(len(asked) - 1, time.perf_counter() - began, time.process_time() - cpu, tokens)


async def aiohttp_loop(url: str, asked: Sequence[Request], at_once: int) -> Measure:
    """The library that we are built on."""
    headers = {"Authorization": f"Bearer {api_key()}", "Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers=headers, timeout=timeout
    ) as session:

        async def ask(request: Request) -> int:
            async with session.post(f"{url}/chat/completions", data=request.body(None)) as response:
                return int(json.loads(await response.read())["usage"]["completion_tokens"])

        return await loop_over(ask, asked, at_once)


async def httpx_loop(url: str, asked: Sequence[Request], at_once: int) -> Measure:
    """What openai is built on."""
    import httpx2  # not needed at a real server, and not everywhere to be had

    headers = {"Authorization": f"Bearer {api_key()}", "Content-Type": "application/json"}
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(limits=limits, headers=headers, timeout=None) as client:

        async def ask(request: Request) -> int:
            response = await client.post(f"{url}/chat/completions", content=request.body(None))
            return int(json.loads(response.content)["usage"]["completion_tokens"])

        return await loop_over(ask, asked, at_once)


async def openai_loop(url: str, asked: Sequence[Request], at_once: int) -> Measure:
    """What everybody begins with."""
    import openai

    async with openai.AsyncOpenAI(base_url=url, api_key=api_key(), max_retries=0) as client:

        async def ask(request: Request) -> int:
            sampling = request.sampling
            answer = await client.chat.completions.create(
                model=sampling.model,
                messages=[{"role": "user", "content": content} for _, content in request.messages],
                temperature=sampling.temperature,
                max_tokens=sampling.max_tokens,
                top_p=sampling.top_p,
            )
            assert answer.usage is not None
            return answer.usage.completion_tokens

        return await loop_over(ask, asked, at_once)


def turns(
    ways: dict[str, Callable[[list[Request]], Measure]],
    count: int,
    repeat: int,
    sampling: Sampling,
    texts: Sequence[str],
) -> dict[str, list[Measure]]:
    """Every way, as often as is asked, in turn."""
    found: dict[str, list[Measure]] = {name: [] for name in ways}
    for turn, (_, name) in enumerate(itertools.product(range(repeat), ways)):
        found[name].append(ways[name](prompts(count + 1, turn, sampling, texts)))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def figures(found: list[Measure]) -> dict[str, float]:
    """Medians."""
    return {
        "requests_per_s": round(statistics.median(one.requests / one.seconds for one in found), 1),
        "requests_per_cpu_s": round(statistics.median(one.requests / one.cpu_s for one in found), 1),
        "cpu_us_per_request": round(statistics.median(1e6 * one.cpu_s / one.requests for one in found), 1),
        "tokens_per_s": round(statistics.median(one.tokens / one.seconds for one in found), 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="base URL of a real server")
    parser.add_argument("--model", default="small")
    parser.add_argument("--requests", type=int, default=2_000, help="of each way and turn")
    parser.add_argument("--at-once", type=int, default=128)
    parser.add_argument("--repeat", type=int, default=3, help="turns")
    parser.add_argument("--latency-ms", type=float, default=50, help="of our own server")
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument(
        "--prompts", type=Path, help="JSON lines with messages as they are sent; the last of each is asked"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    at_once, sampling = options.at_once, Sampling(options.model, max_tokens=options.max_tokens)
    lines = options.prompts.read_text(encoding="utf-8").splitlines() if options.prompts else []
    texts = [str(json.loads(line)["messages"][-1]["content"]) for line in lines]
    if options.url:
        url = base_url(options.url)
        found = turns(
            {
                AIOHTTP: lambda asked: asyncio.run(aiohttp_loop(url, asked, at_once)),
                OURS: lambda asked: ours(url, asked, at_once),
            },
            options.requests, options.repeat, sampling, texts,
        )  # fmt: skip
    else:
        with local_server(options.latency_ms) as url:
            found = turns(
                {
                    AIOHTTP: lambda asked: asyncio.run(aiohttp_loop(url, asked, at_once)),
                    OURS: lambda asked: ours(url, asked, at_once),
                    HTTPX: lambda asked: asyncio.run(httpx_loop(url, asked, at_once)),
                    OPENAI: lambda asked: asyncio.run(openai_loop(url, asked, at_once)),
                },
                options.requests, options.repeat, sampling, texts,
            )  # fmt: skip
    show({name: figures(measures) for name, measures in found.items()}, options)


def show(results: dict[str, dict[str, float]], options: argparse.Namespace) -> None:
    """One JSON object, or a table."""
    measure = "tokens_per_s" if options.url else "requests_per_cpu_s"
    for result in results.values():
        result["times_the_loop"] = round(result[measure] / results[FLOOR][measure], 3)
    setting = {
        "requests": options.requests,
        "at_once": options.at_once,
        "repeat": options.repeat,
        "load": os.getloadavg()[0],
    }
    if options.json:
        print(json.dumps({**setting, "url": options.url, "model": options.model, "measure": measure, "ways": results}))
        return
    table = Table("way", "requests/s", "requests/s of CPU", "CPU µs a request", "tokens/s", "times the loop", box=None)
    for name, result in results.items():
        table.add_row(
            name, *(f"{result[key]:,.0f}" for key in ("requests_per_s", "requests_per_cpu_s", "cpu_us_per_request", "tokens_per_s")),
            f"{result['times_the_loop']:.2f}",
        )  # fmt: skip
    title = f"{options.requests:,} requests of each way, {options.at_once} at once, {options.repeat} turns; load {setting['load']:.1f}"
    Console(width=150).print(title, table, f"times the loop: {measure}, over that of {FLOOR}")


if __name__ == "__main__":
    main()
