"""A model server on a real socket whose answers and faults depend on nothing but what is asked and how often.

    python tests/llm/server.py --latency-ms 50 --faults 0.2

prints one line of JSON with its port. It speaks HTTP/1.1 with connections that stay open; nothing but the standard
library, so that it costs a benchmark little. An answer is *paid* when all of it was handed to a connection that was open.
`GET /stats` gives, for each prompt and index, how often it was asked and paid.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import Any

FAULTS = (
    "too_many", "too_many_wait", "broken", "overloaded", "cut", "cut_late", "garbage", "noise", "deep", "half", "no_completion", "silence",
)  # fmt: skip
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}
Parts = tuple[str, str, dict[str, str], bytes]


@dataclass
class Behaviour:
    """What the server does.

    Attributes:
        latency_s: Seconds before an answer.
        faults: Share of the requests that fail, one way after the other of `kinds`.
        kinds: Ways to fail.
        retry_after: Value of that header where there is one.
        at_once: Requests in work at once; more are sent away with 429. 0: any number.
        status: Given to every request where it is not 200.
        refuses_schemas: Whether a request for structured output is a bad request.
        words: Words of an answer, where `answer` does not say it.
        answer: Gives the answer to a prompt and all else that was asked.
    """

    latency_s: float = 0.0
    faults: float = 0.0
    kinds: tuple[str, ...] = FAULTS
    retry_after: str = "0.1"
    at_once: int = 0
    status: int = 200
    refuses_schemas: bool = False
    words: int = 8
    models: tuple[str, ...] = ("small",)
    answer: Callable[[str, dict[str, Any]], str] | None = None


@dataclass
class Counts:
    """What the server saw, by prompt; by seed and prompt where one was sent, for several answers to one prompt."""

    asked: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    """Values of the authorization header."""
    open: set[asyncio.Transport] = field(default_factory=set)
    connections: int = 0
    working: int = 0
    most: int = 0
    """Requests in work at once."""

    def plain(self) -> dict[str, Any]:
        return {"asked": self.asked, "paid": self.paid, "faults": self.faults, "connections": self.connections, "most": self.most}  # fmt: skip


def text_of(prompt: str, words: int = 8) -> str:
    """The answer to a prompt."""
    digest = hashlib.sha256(prompt.encode("utf-8", "replace")).hexdigest()
    return " ".join(digest[8 * (number % 8) : 8 * (number % 8) + 8] for number in range(words))


def completion(prompt: str, asked: dict[str, Any], behaviour: Behaviour) -> bytes:
    """The body of a good answer."""
    text = behaviour.answer(prompt, asked) if behaviour.answer else text_of(prompt, behaviour.words)
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": behaviour.words}
    return json.dumps({"object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def response(status: int, body: bytes, kind: str = "application/json", **headers: str) -> bytes:
    """A whole response."""
    lines = [
        f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def refusal(status: int, message: str, **headers: str) -> bytes:
    """An error as OpenAI-compatible servers write it."""
    return response(status, json.dumps({"error": {"message": message}}).encode(), **headers)


class Connection(asyncio.Protocol):
    """One client's connection: requests one after the other."""

    def __init__(self, behaviour: Behaviour, counts: Counts) -> None:
        self._behaviour = behaviour
        self._counts = counts
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._counts.open.add(transport)
        self._counts.connections += 1

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._counts.open.discard(self._transport)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (parts := self._next()) is not None:
            self._serve(*parts)

    def _next(self) -> Parts | None:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        method, path, _ = first.split(" ", 2)
        return method, path, headers, rest[:length]

    def _send(self, data: bytes) -> bool:
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(data)
        return True

    def _cut(self, data: bytes = b"") -> None:
        if self._transport is not None:
            if data:
                self._transport.write(data)
            self._transport.close()

    def _serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        if path == "/health":
            self._send(response(200, b"{}"))
        elif path == "/stats":
            self._send(response(200, json.dumps(self._counts.plain()).encode()))
        elif self._behaviour.status != 200:
            self._send(refusal(self._behaviour.status, "this server has no other answer"))
        elif path == "/v1/models":
            listed = [{"id": name, "object": "model"} for name in self._behaviour.models]
            self._send(response(200, json.dumps({"object": "list", "data": listed}).encode()))
        elif method == "POST" and path == "/v1/chat/completions":
            self._counts.keys.add(headers.get("authorization", ""))
            self._complete(json.loads(body))
        else:
            self._send(refusal(404, f"no {path} here"))

    def _complete(self, asked: dict[str, Any]) -> None:
        behaviour, counts = self._behaviour, self._counts
        prompt = "\n".join(message["content"] for message in asked["messages"])
        name = f"{asked['seed']} {prompt}" if "seed" in asked else prompt
        number = counts.asked[name]
        counts.asked[name] += 1
        if len(counts.bodies) < 100:
            counts.bodies.append(asked)
        if "unanswerable" in prompt:
            self._send(refusal(400, "this prompt is longer than the model's context " + "x" * 4096))
        elif behaviour.refuses_schemas and "response_format" in asked:
            self._send(refusal(400, "response_format of type json_schema is not supported"))
        elif behaviour.at_once and counts.working >= behaviour.at_once:
            counts.faults["full"] += 1
            self._send(refusal(429, "too many at once"))
        else:
            self._work(self._way(name, number), name, completion(prompt, asked, behaviour))

    def _way(self, name: str, number: int) -> str:
        """How this time goes: drawn from the prompt and the number of times it was asked before."""
        draw = int.from_bytes(hashlib.sha256(f"{number}:{name}".encode("utf-8", "replace")).digest()[:8], "big")
        if draw % 10_000 >= self._behaviour.faults * 10_000:
            return "answer"
        return self._behaviour.kinds[draw // 10_000 % len(self._behaviour.kinds)]

    def _work(self, way: str, name: str, good: bytes) -> None:
        counts = self._counts
        counts.working += 1
        counts.most = max(counts.most, counts.working)
        if way != "answer":
            counts.faults[way] += 1

        def end() -> None:
            counts.working -= 1
            if way == "answer":
                counts.paid[name] += self._send(response(200, good))
            else:
                self._fail(way, good)

        asyncio.get_running_loop().call_later(self._behaviour.latency_s, end)

    def _fail(self, way: str, good: bytes) -> None:
        whole = response(200, good)
        ways: dict[str, Callable[[], object]] = {
            "too_many": lambda: self._send(refusal(429, "too many requests")),
            "too_many_wait": lambda: self._send(
                refusal(429, "too many requests", Retry_After=self._behaviour.retry_after)
            ),
            "broken": lambda: self._send(refusal(500, "it broke")),
            "overloaded": lambda: self._send(refusal(503, "overloaded")),
            "cut": self._cut,
            "cut_late": lambda: self._cut(whole[: len(whole) - len(good) // 2]),
            "garbage": lambda: self._send(response(200, b"<html>\xff\xfe welcome </html>", "text/html")),
            "noise": lambda: self._cut(b"\x00\xff this is no HTTP \r\n\r\n"),
            "deep": lambda: self._send(response(200, b"[" * 100_000)),
            "half": lambda: self._send(response(200, good[: len(good) // 2])),
            "no_completion": lambda: self._send(response(200, b'{"choices": []}')),
            "silence": lambda: None,
        }
        ways[way]()


async def listen(behaviour: Behaviour, counts: Counts, port: int = 0) -> asyncio.Server:
    """Listen on the loopback interface."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(behaviour, counts), "127.0.0.1", port, backlog=2048)


@dataclass
class Serving:
    """A server that runs in a thread."""

    url: str
    behaviour: Behaviour
    counts: Counts


@contextmanager
def serving(behaviour: Behaviour, port: int = 0) -> Iterator[Serving]:
    """A server in a thread of this process; its behaviour may be changed while it runs."""
    counts, started = Counts(), SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]]()

    async def live() -> None:
        server, stop = await listen(behaviour, counts, port), asyncio.Event()
        started.put((asyncio.get_running_loop(), stop, server.sockets[0].getsockname()[1]))
        await stop.wait()
        while accepting := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(accepting)  # asyncio leaves the socket open of a connection that a closed server accepts
        server.close()
        for transport in list(counts.open):
            transport.abort()
        await server.wait_closed()

    thread = Thread(target=asyncio.run, args=(live(),), daemon=True)
    thread.start()
    loop, stop, bound = started.get(timeout=10)
    try:
        yield Serving(f"http://127.0.0.1:{bound}/v1", behaviour, counts)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


async def main() -> None:
    """Listen until the standard input ends, so that no server outlives who started it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--words", type=int, default=8)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    behaviour = Behaviour(latency_s=options.latency_ms / 1000, faults=options.faults, words=options.words)
    server = await listen(behaviour, Counts(), options.port)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
