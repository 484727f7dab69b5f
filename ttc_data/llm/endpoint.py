"""One OpenAI-compatible server: what is sent to it, and what its answers mean."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from ttc_data.errors import ModelUnavailable, PromptRefused, RecipeError
from ttc_data.llm.request import BYTES_PER_TOKEN, Reply, Request
from ttc_data.llm.window import Window

# Requests a second and core of one process at a server that answers in 50 ms, 128 at once, prompts of 1 KiB (two busy
# cores, Python 3.11): AsyncOpenAI 193, httpx2 655, aiohttp 3,040, asyncio's bare streams 6,505. What AsyncOpenAI can send
# is less than one vLLM can answer, and the CPU time is taken from the tests that run beside it; bare streams would
# leave TLS, proxies, chunks and every server's way of closing a connection to us.
CONNECT_S = 10.0
# vLLM (uvicorn) closes a connection that was idle for 5 s, which a request on its way may meet.
KEEP_ALIVE_S = 4.0
UNREACHABLE_S = 1.0
QUOTED = 300
SCHEMA_WORDS = ("response_format", "json_schema", "guided", "structured", "unsupported", "not supported")
PROMPT_STATUSES = (400, 413, 422)
PASSING_STATUSES = (408, 409, 425, 429)
PUSHED_STATUSES = (429, 503)


class AttemptFailed(Exception):
    """One attempt brought no answer; the next one may.

    Attributes:
        cause: A status, `timeout`, `connection` or `not_a_completion`.
        pushed: The server has too much to do.
        wait_s: What the server asks to wait.
    """

    def __init__(self, cause: str, detail: str, *, pushed: bool = False, wait_s: float = 0.0) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.pushed = pushed
        self.wait_s = wait_s


class Endpoint:
    """A server, its connections and how much it is given at once. Belongs to one event loop.

    Args:
        url: its base URL, most end in /v1.
        window: how many requests at once.
        key: for the authorization header.
    """

    def __init__(self, url: str, window: Window, key: str) -> None:
        self.url = url
        self.window = window
        self.paused_until = 0.0
        self._completions = URL(f"{url}/chat/completions")
        self._takes_schemas = True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
            # Silence is the client's to end: here it would be two timers for each request, a tenth of its cost.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # Once: aiohttp's `trust_env` asks for each request, in a thread, which costs 200 µs.
        self._proxy = _proxy(url)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def ask(self, request: Request, key: str, heard: Callable[[], None]) -> Reply:
        """Make one attempt.

        Args:
            request: what to ask.
            key: its own.
            heard: called when a part of the answer comes.

        Raises:
            AttemptFailed: another attempt may bring an answer.
            PromptRefused: the server does not take this prompt.
            ModelUnavailable: the server takes no request like this one: key, model or address are wrong.
        """
        begun = time.monotonic()
        schema = request.json_schema if self._takes_schemas else None
        status, headers, data = await self._post(request.body(schema), heard)
        if schema is not None and status in PROMPT_STATUSES and _is_about_schemas(data):
            status, headers, data = await self._post(request.body(None), heard)
            self._takes_schemas = status != 200  # else the prompt was the reason
        if status == 200:
            return self._read(request, key, data, time.monotonic() - begun)
        detail = _message(data)
        if status in PASSING_STATUSES or status >= 500:
            wait_s = _wait_s(headers)
            raise AttemptFailed(str(status), detail, pushed=status in PUSHED_STATUSES, wait_s=wait_s)
        if status in PROMPT_STATUSES:
            raise PromptRefused(detail)
        raise ModelUnavailable(f"{self.url} answered {status} ({detail}); {_advice(status, request.sampling.model)}")

    async def _post(self, body: bytes, heard: Callable[[], None]) -> tuple[int, Mapping[str, str], bytes]:
        try:
            async with self._session.post(
                self._completions, data=body, allow_redirects=False, proxy=self._proxy
            ) as response:
                parts = []
                while part := await response.content.readany():
                    heard()
                    parts.append(part)
                return response.status, response.headers, parts[0] if len(parts) == 1 else b"".join(parts)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            # Without the wait a server that is not there, the one with the fewest in flight, would be asked first.
            raise AttemptFailed("connection", str(error), wait_s=UNREACHABLE_S) from error
        except (aiohttp.ClientError, OSError) as error:
            raise AttemptFailed("connection", str(error) or type(error).__name__) from error

    def _read(self, request: Request, key: str, data: bytes, seconds: float) -> Reply:
        try:
            completion = json.loads(data.decode())
            choice = completion["choices"][0]
            said = choice["message"].get("content") or ""
            usage = completion.get("usage") or {}
            # A server that does not count is charged by estimate, like what was reserved.
            if (prompt := usage.get("prompt_tokens")) is None:
                prompt = request.estimated_tokens
            tokens = usage.get("completion_tokens", len(data) // BYTES_PER_TOKEN)
            return Reply(
                key=key,
                text=said.encode("utf-8", "replace").decode(),  # a lone surrogate is not UTF-8
                finish_reason=str(choice.get("finish_reason") or ""),
                prompt_tokens=max(0, int(prompt)),
                completion_tokens=max(0, int(tokens)),
                seconds=round(seconds, 3),
            )
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            shown = " ".join(data[:80].decode("utf-8", "replace").split())
            raise AttemptFailed("not_a_completion", f"answered {shown!r}") from error


def base_url(text: str) -> str:
    """The base URL of a server, checked.

    Raises:
        RecipeError: it is none.
    """
    url = text.strip().rstrip("/").removesuffix("/chat/completions")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(URL(url).host) and parts.port != 0
        usable = usable and not (parts.query or parts.fragment or parts.username or parts.password)
    except ValueError:
        usable = False
    if not usable or url != "".join(url.split()):
        shown = "(with a user or a password)" if "@" in text else repr(text)
        raise RecipeError(f"--llm {shown}: not the base URL of a server; write it like http://localhost:8000/v1")
    return url


def served_models(url: str, *, timeout_s: float = CONNECT_S) -> tuple[str, ...]:
    """The names of the models that a server serves. Not to be called from an event loop.

    Raises:
        ModelUnavailable: it does not answer, or not with a list of models.
        RecipeError: `url` is no base URL.
    """
    return asyncio.run(_served_models(base_url(url), api_key(), timeout_s))


def tokens_of(url: str, body: bytes, *, timeout_s: float = CONNECT_S) -> int | None:
    """How many tokens chat messages are, as vLLM's `/tokenize` says it beside `/v1`. Not to be called from an event loop.

    Args:
        url: base URL of the server.
        body: model and messages, as for a completion.
        timeout_s: for the answer.

    Returns:
        The number; None where the server does not answer like this: most others have no such place, or one for plain text.
    """
    place = f"{base_url(url).removesuffix('/v1')}/tokenize"
    return asyncio.run(_tokens_of(place, body, api_key(), timeout_s))


async def _tokens_of(place: str, body: bytes, key: str, timeout_s: float) -> int | None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(timeout_s)) as session,
            session.post(place, data=body, headers=headers, proxy=_proxy(place)) as response,
        ):
            found = json.loads(await response.read()) if response.status == 200 else {}
    except (aiohttp.ClientError, OSError, ValueError):
        return None
    count = found.get("count") if isinstance(found, dict) else None
    return count if isinstance(count, int) and count > 0 else None


async def _served_models(url: str, key: str, timeout_s: float) -> tuple[str, ...]:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(timeout_s)) as session,
            session.get(f"{url}/models", headers={"Authorization": f"Bearer {key}"}, proxy=_proxy(url)) as response,
        ):
            status, data = response.status, await response.read()
    except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
        reason = str(error) or f"nothing within {timeout_s:g} s"
        raise ModelUnavailable(f"{url} does not answer ({reason}); start the server, or check --llm") from error
    if status != 200:
        raise ModelUnavailable(f"{url}/models answered {status} ({_message(data)}); {_advice(status, '')}")
    try:
        return tuple(str(model["id"]) for model in json.loads(data)["data"])
    except (ValueError, LookupError, TypeError) as error:
        raise ModelUnavailable(
            f"{url}/models is no list of models; check that --llm is the base URL, most end in /v1, or name the"
            " model with --model"
        ) from error


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for a URL."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


def api_key() -> str:
    """What OPENAI_API_KEY holds; a local server takes any word.

    Raises:
        RecipeError: no HTTP header can hold it.
    """
    key = os.environ.get("OPENAI_API_KEY", "").strip() or "none"
    if not (key.isascii() and key.isprintable()):
        raise RecipeError("OPENAI_API_KEY holds characters that no key has (it is not shown); set it again")
    return key


def _advice(status: int, model: str) -> str:
    if status in (401, 403):
        return "set OPENAI_API_KEY to a key that this server takes"
    if status == 404:
        named = f"that it serves {model!r} and " if model else ""
        return f"check {named}that this is its base URL, most end in /v1"
    return "check --llm and the account behind OPENAI_API_KEY"


def _message(data: bytes) -> str:
    """What an error says, on one line that is not long."""
    text = data.decode("utf-8", "replace")
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError):
        said = text
    for name in ("error", "message", "detail"):
        if isinstance(said, dict) and name in said:
            said = said[name]
    line = " ".join(str(said).split())
    key = api_key()
    if len(key) >= 8:  # some servers quote a key that they do not take
        line = line.replace(key, "***")
    return line if len(line) <= QUOTED else f"{line[:QUOTED]}…"


def _is_about_schemas(data: bytes) -> bool:
    text = data.decode("utf-8", "replace").lower()
    return any(word in text for word in SCHEMA_WORDS)


def _wait_s(headers: Mapping[str, str]) -> float:
    """Seconds of Retry-After: a number, or a date."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0
