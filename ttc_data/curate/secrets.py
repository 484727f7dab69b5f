"""Keys and tokens in texts that are going to be published: a short list of forms that nothing else has.

`detect-secrets` was tried on the trees of seventeen projects (21 MB): 94 s of processor time, and fourteen findings, all of them
examples of URLs, hashes and the word "password". Its patterns for keys found what these find: nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

# (what it is, a part that every one of them has, the form). The part is looked for first: a tree of 1 MB takes 60 ms.
_FORMS: tuple[tuple[str, bytes, re.Pattern[bytes]], ...] = tuple(
    (name, part, re.compile(form))
    for name, part, form in (
        (
            "private key",
            b"PRIVATE KEY",
            # With 64 characters of the key itself: parsers and their tests quote the first line alone.
            (
                rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|[\s\"',+:\\]|[A-Za-z-]+: ?[^\n]{0,80}\n){0,60}"
                rb"(?:[A-Za-z0-9+/=]{16,}(?:\\[nr]|[\s\"',+\\])*){4,}"
            ),
        ),
        ("AWS access key", b"IA", rb"(?<![A-Za-z0-9/+=_])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9/+=_])"),
        ("GitHub token", b"gh", rb"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
        ("GitHub token", b"github_pat_", rb"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b"),
        ("GitLab token", b"glpat-", rb"\bglpat-[A-Za-z0-9_-]{20}\b"),
        ("Hugging Face token", b"hf_", rb"\bhf_[A-Za-z]{34}\b"),
        ("OpenAI key", b"T3BlbkFJ", rb"\bsk-[A-Za-z0-9_-]*T3BlbkFJ[A-Za-z0-9_-]{20,}"),
        ("Anthropic key", b"sk-ant-", rb"\bsk-ant-[a-z0-9]+-[A-Za-z0-9_-]{80,}"),
        ("Slack token", b"xox", rb"\bxox[abeoprs]-[0-9]{10,}-[0-9A-Za-z-]{20,}"),
        ("Slack hook", b"hooks.slack.com", rb"hooks\.slack\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{24}"),
        ("Stripe key", b"k_live_", rb"\b[rs]k_live_[A-Za-z0-9]{24,}"),
        ("Google API key", b"AIza", rb"\bAIza[A-Za-z0-9_-]{35}\b"),
        ("npm token", b"npm_", rb"\bnpm_[A-Za-z0-9]{36}\b"),
        ("PyPI token", b"pypi-AgE", rb"\bpypi-AgE[A-Za-z0-9_-]{60,}"),
        ("SendGrid key", b"SG.", rb"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b"),
        ("Azure storage key", b"AccountKey=", rb"AccountKey=[A-Za-z0-9+/]{86}=="),
    )
)
# In texts of our own alone: mined code is full of such URLs that are examples.
_URL = re.compile(rb"https?://[^\s/:@\"'{}<>]+:[^\s/:@\"'{}<>]+@[^\s/]+")
_MADE_UP = re.compile(rb"example|sample|dummy|placeholder|redacted|xxxx|abcdef|123456|000000", re.IGNORECASE)
_LEAST_DIFFERENT = 8
"""Characters: a token that has fewer different ones was typed by hand."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that looks like a key or a token."""

    kind: str
    line: int
    """Where it starts, counted from 1."""
    digest: str
    """Eight hexadecimal digits that name it without telling it."""


def secrets_in(data: bytes, *, own: bool = False) -> Iterator[Secret]:
    """Find keys and tokens; what says of itself that it is made up is passed over.

    Args:
        data: a file.
        own: a text of ours, such as the recipe, where a password in a URL is one too.
    """
    for kind, part, form in _FORMS:
        if part in data:
            yield from _found(kind, form, data)
    if own and b"@" in data:
        yield from _found("password in a URL", _URL, data)


def _found(kind: str, form: re.Pattern[bytes], data: bytes) -> Iterator[Secret]:
    for match in form.finditer(data):
        text = match[0]
        if (len(text) < 200 and _MADE_UP.search(text)) or len(set(text)) < _LEAST_DIFFERENT:
            continue
        # A key in a tree and the same key in a row's JSON differ by how line ends are written.
        digest = sha256(re.sub(rb"\\[nr]|[^A-Za-z0-9+/=_.-]", b"", text)).hexdigest()[:8]
        yield Secret(kind, data.count(b"\n", 0, match.start()) + 1, digest)
