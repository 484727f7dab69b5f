"""What is asked of a model and what it answers: frozen records with a content key; no I/O."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass

from ttc_data.keys import content_key
from ttc_data.records import JsonObject

# Of a prompt's UTF-8 bytes: text and code are 3 to 4 bytes a token with the tokenizers in use. An estimate is to be
# rather too high, because money is reserved by it.
BYTES_PER_TOKEN = 3
TOKENS_PER_MESSAGE = 8
MOST_SCHEMAS = 64
# Built once: `json.dumps` with other options than its own makes an encoder for each call. A string takes neither of them apart.
quoted = json.JSONEncoder(ensure_ascii=False).encode
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_escaped = json.JSONEncoder().encode


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model is asked."""

    model: str
    temperature: float = 0.0
    max_tokens: int = 1_024
    """Most tokens of the answer."""
    top_p: float = 1.0
    seed: int | None = None
    """The server is sent `seed + number`, so that several answers to one prompt differ."""
    number: int = 0
    """Of the answer, where one prompt is asked several times: each is a request of its own."""
    more: str = ""
    """Further fields of the body as a JSON object, for servers that know them: vLLM takes `top_k` for instance."""


@functools.lru_cache(maxsize=1_024)
def _sampling_key(sampling: Sampling) -> str:
    one = sampling  # 0 and 0.0 are equal, so that either may have been asked for first
    more = [one.more] if one.more else []  # so that answers of before there was such a field are found
    return content_key(one.model, float(one.temperature), one.max_tokens, float(one.top_p), one.seed, one.number, *more)


@functools.lru_cache(maxsize=1_024)
def _sampling_fields(sampling: Sampling) -> str:
    """What a body says of it."""
    fields: JsonObject = {
        "model": sampling.model,
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "top_p": sampling.top_p,
    }
    if sampling.seed is not None:
        fields["seed"] = sampling.seed + sampling.number
    if sampling.more:
        fields |= json.loads(sampling.more)
    return _compact(fields)[1:-1]


@dataclass(frozen=True, slots=True)
class _Schema:
    """What a schema is sent and known as."""

    schema: JsonObject
    sent: str
    key: str


_schemas: dict[int, _Schema] = {}


def _known(schema: JsonObject) -> _Schema:
    """By identity: one schema is used for thousands of requests, and takes 250 µs to be hashed and written."""
    known = _schemas.get(id(schema))
    if known is None:
        if len(_schemas) >= MOST_SCHEMAS:
            _schemas.clear()
        described = {"name": "answer", "schema": schema, "strict": True}
        sent = _compact({"type": "json_schema", "json_schema": described})
        known = _schemas[id(schema)] = _Schema(schema, sent, content_key(schema))  # held, so that no other gets its id
    return known


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model."""

    messages: tuple[tuple[str, str], ...]
    """Role and content of each."""
    sampling: Sampling
    json_schema: JsonObject | None = None
    """What the answer must be an instance of, where the server supports it. Not to be changed afterwards."""

    @property
    def key(self) -> str:
        """Content identity of the answer: prompt, model, sampling and schema; not which server is asked."""
        # The prompt by itself: `content_key` walks through what it hashes, 60 µs for a sampling and a message.
        prompt = ",".join(f"[{_escaped(role)},{_escaped(content)}]" for role, content in self.messages)
        schema = None if self.json_schema is None else _known(self.json_schema).key
        parts = "answer", hashlib.sha256(f"[{prompt}]".encode()).hexdigest(), _sampling_key(self.sampling), schema
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]

    @property
    def estimated_tokens(self) -> int:
        """About how many tokens the prompt has, rather too many."""
        return sum(
            len(content.encode("utf-8", "replace")) // BYTES_PER_TOKEN + TOKENS_PER_MESSAGE
            for _, content in self.messages
        )

    def body(self, schema: JsonObject | None) -> bytes:
        """The HTTP body, with a schema to answer by or without."""
        messages = ",".join(f'{{"role":{quoted(role)},"content":{quoted(content)}}}' for role, content in self.messages)
        fields = _sampling_fields(self.sampling)
        if schema is not None:
            fields += f',"response_format":{_known(schema).sent}'
        return f'{{{fields},"messages":[{messages}]}}'.encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said."""

    key: str
    """Of the request."""
    text: str
    finish_reason: str
    """`stop`, or `length` where it was cut at `max_tokens`."""
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    """From the request to the last byte of the answer."""
