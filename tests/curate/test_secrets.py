"""Keys are found where they are keys; what only looks like one is passed over. The keys here are made up when the tests run."""

from __future__ import annotations

import string
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.curate.secrets import secrets_in

DRAW = Random("keys of nobody")
LETTERS = string.ascii_letters + string.digits


def drawn(count: int, letters: str = LETTERS) -> str:
    """Letters without any that would say of themselves that they are made up."""
    return "".join(DRAW.choice(letters) for _ in range(count))


def pem(kind: str = "RSA ", end: str = "\n") -> str:
    return f"-----BEGIN {kind}PRIVATE KEY-----{end}" + "".join(f"{drawn(64)}{end}" for _ in range(6))


# Put together here, so that no scanner of this repository takes them for real.
KEYS = {
    "AWS access key": "AK" + "IA" + drawn(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "GitHub token": "gh" + "p_" + drawn(36),
    "GitLab token": "glp" + "at-" + drawn(20),
    "Hugging Face token": "h" + "f_" + drawn(34, string.ascii_letters),
    "OpenAI key": "sk-" + "proj-" + drawn(20) + "T3Blbk" + "FJ" + drawn(20),
    "Anthropic key": "sk-" + "ant-" + "api03-" + drawn(90),
    "Slack token": "xo" + "xb-" + drawn(12, string.digits) + "-" + drawn(24),
    "Stripe key": "sk_" + "live_" + drawn(24),
    "Google API key": "AI" + "za" + drawn(35),
    "npm token": "np" + "m_" + drawn(36),
    "PyPI token": "pyp" + "i-AgE" + drawn(80),
    "SendGrid key": "S" + "G." + drawn(22) + "." + drawn(43),
    "Azure storage key": "Account" + "Key=" + drawn(86) + "==",
}


def kinds(text: str, *, own: bool = False) -> list[str]:
    return [one.kind for one in secrets_in(text.encode(), own=own)]


@pytest.mark.parametrize("kind", list(KEYS))
def test_a_key_is_found_with_its_line(kind: str) -> None:
    (found,) = secrets_in(f'first = 1\nkey = "{KEYS[kind]}"\n'.encode())
    assert (found.kind, found.line) == (kind, 2)
    assert KEYS[kind] not in found.digest


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n", '\\n"\n    "'], ids=["file", "windows", "one string", "strings"])
def test_a_private_key_is_found_in_a_file_and_in_code(kind: str, end: str) -> None:
    assert kinds(f"x\n{pem(kind, end)}-----END {kind}PRIVATE KEY-----") == ["private key"]


def test_a_key_has_the_same_name_in_a_file_and_in_the_json_of_a_row() -> None:
    key = pem()
    (one,) = secrets_in(key.encode())
    (other,) = secrets_in(key.replace("\n", "\\n").encode())
    assert one.digest == other.digest


@pytest.mark.parametrize(
    "text",
    [
        "AK" + "IAIOSFODNN7EXAMPLE",
        "gh" + "p_" + "x" * 36,
        "gh" + "p_" + "0123456789abcdefghijklmnopqrstuvwxyz",
        "h" + "f_" + "a" * 34,
        "h" + "f_" + "ExampleTokenThatNobodyHasEverHadAtA",
        "-----BEGIN RSA PRIVATE KEY-----",
        "'-----BEGIN PRIVATE KEY-----' not in text",
        "-----BEGIN PUBLIC KEY-----\n" + "A1b2C3d4" * 20,
        "https://user:pass@host/path",
        'password = "hunter2"',
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "task-force-of-the-" + "T3Blbk",
        "AK" + "IA" + "IA" * 30,
    ],
)
def test_what_only_looks_like_a_key_is_none(text: str) -> None:
    assert kinds(text) == []


def test_a_password_in_a_url_counts_in_our_own_texts_alone() -> None:
    url = "url: https://me:" + drawn(12) + "@git.host/repo"
    assert kinds(url) == []
    assert kinds(url, own=True) == ["password in a URL"]


@given(st.binary(max_size=2_000))
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    assert all(one.line >= 1 for one in secrets_in(data, own=True))


def test_long_lines_of_letters_are_looked_at_in_no_time() -> None:
    """A pattern that goes back and forth over a megabyte would not end."""
    data = b"-----BEGIN PRIVATE KEY-----" + b"A1b2" * 300_000 + b"AKIA" * 50_000 + b"github_pat_" + b"a_" * 50_000
    assert [one.kind for one in secrets_in(data)] in ([], ["private key"])
