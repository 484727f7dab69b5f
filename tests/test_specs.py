"""Where a task's text comes from: docstrings as written, and a model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import doctest
import inspect
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ttc_data.errors import ModelUnavailable, RecipeError
from ttc_data.recipe import SpecRules
from ttc_data.records import Reject, Spec, Target
from ttc_data.specs import rewrite
from ttc_data.specs.docstring import docstring_spec, normalise, without_answers
from ttc_data.specs.rewrite import SpecWriter

PARSER = doctest.DocTestParser()


def target_of(docstring: str) -> Target:
    return Target("source", "m.py", "f", "function", False, (0, 1), "def f(a):", docstring, (0, 0), (), ())


# Docstrings

lines = st.sampled_from(
    ["", "    ", "Say it.", "  indented", ">>> f(1)", "    >>> f(2)", "... more", ">>>no blank", ">>> ", "2", "Traceback (most recent call last):",
     "ValueError: no", "<BLANKLINE>", ">>> for a in b:", "...     a", "\ttab", "é \u2028 \x0c", ">>> f(3)  # doctest: +SKIP", "    ..."]
)  # fmt: skip
texts = st.lists(lines | st.text(max_size=12), max_size=12).map("\n".join)


def is_doctest(text: str) -> bool:
    try:
        PARSER.parse(text)
    except ValueError:
        return False
    return True


@given(texts)
def test_normalising_is_what_people_write_by_hand(text: str) -> None:
    normal = normalise(text)
    assert normalise(normal) == normal
    assert not any(line.endswith((" ", "\t")) for line in normal.split("\n"))
    assert "\n\n\n" not in normal
    assert normal.split() == text.expandtabs().split()


@given(texts)
@example(">>> f(1)\n1\n>>> f(2)\n2")
@example("Say it.\n\n    >>> for a in b:\n    ...     a\n    1\n    2\n\nAnd more.")
@example(">>>no blank after the prompt")
def test_no_expected_output_is_left(text: str) -> None:
    text = inspect.cleandoc(text)
    dropped = without_answers(text)
    if not is_doctest(text):
        assert dropped == text
        return
    before, after = PARSER.get_examples(text), PARSER.get_examples(dropped)
    assert all(not one.want for one in after)
    assert [one.source for one in before] == [one.source for one in after]


def test_prose_and_code_of_examples_stay_as_they_are() -> None:
    text = "Add.\n\n    >>> for a in b:\n    ...     a\n    1\n    2\n\nSee below.\n\n    >>> g()\n    Traceback (most recent call last):\n    ValueError\n"
    assert without_answers(text).split("\n") == [
        "Add.", "", "    >>> for a in b:", "    ...     a", "", "See below.", "", "    >>> g()", "",
    ]  # fmt: skip


def test_the_recipe_decides_whether_answers_stay() -> None:
    target = target_of("Add one.\n\n>>> f(1)\n2\n")
    keep = docstring_spec(target, SpecRules())
    drop = docstring_spec(target, SpecRules(doctest_answers="drop"))
    assert (keep.text, drop.text) == ("Add one.\n\n>>> f(1)\n2", "Add one.\n\n>>> f(1)")
    assert (keep.origin, keep.target_key, keep.model) == ("docstring", target.key, "")
    assert keep.key != drop.key


# A model


class Endpoint:
    """An OpenAI-compatible server whose answers are given beforehand: a status, and a body of text or JSON."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        outer, waiting = self, list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Retry-After-Ms", "1")  # what the client waits before it asks again
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *said: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def writer(self, **rules: Any) -> SpecWriter:
        return SpecWriter(SpecRules(origin="model", llm=self.url, model="small", **rules))


@contextmanager
def serving(*answers: tuple[int, Any]) -> Iterator[Endpoint]:
    endpoint = Endpoint(*answers)
    thread = threading.Thread(target=endpoint.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.server.shutdown()
        endpoint.server.server_close()
        thread.join()


def said(text: str | None, finish: str = "stop") -> tuple[int, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": finish, "message": message}
    return 200, {"id": "1", "object": "chat.completion", "created": 0, "model": "small", "choices": [choice]}


BUSY = (429, {"error": {"message": "busy"}})
BROKEN = (500, {"error": {"message": "broken"}})
TARGET = target_of("Add one to a number.")


def write(writer: SpecWriter, target: Target = TARGET) -> Spec | Reject:
    return writer.write(target, "def f(a):\n    return a + 1", "owner/name m.py::f")


def test_an_answer_is_the_spec() -> None:
    with serving(said("  Adds one.  \n\n\n\nRaises TypeError.\n")) as endpoint:
        writer = endpoint.writer(temperature=0.5, max_tokens=77)
        spec = write(writer)
        again = write(writer)
    assert isinstance(spec, Spec)
    assert (spec.text, spec.origin, spec.model) == ("Adds one.\n\nRaises TypeError.", "model", "small")
    assert spec.target_key == TARGET.key
    assert len(spec.prompt_hash) == 20
    assert spec == again
    asked = endpoint.asked[0]
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("small", 0.5, 77)
    (message,) = asked["messages"]
    for part in ("`f`", "def f(a):", "Add one to a number.", "return a + 1"):
        assert part in message["content"]


def test_a_busy_model_is_asked_again() -> None:
    with serving(BUSY, BROKEN, said("Adds one.")) as endpoint:
        spec = write(endpoint.writer())
    assert isinstance(spec, Spec)
    assert len(endpoint.asked) == 3


@pytest.mark.parametrize("answer", [BROKEN, (503, "<html>gone</html>")], ids=["500", "503"])
def test_a_model_that_stays_broken_is_our_failure_and_no_reject(answer: tuple[int, Any]) -> None:
    with serving(answer) as endpoint, pytest.raises(ModelUnavailable, match=r"'small' at http.*--llm and --model"):
        write(endpoint.writer())
    assert len(endpoint.asked) == 5  # once, and four times again


def test_an_endpoint_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite, "RETRIES", 1)  # the client's pauses grow to 8 s
    with serving(BROKEN) as endpoint:
        writer = endpoint.writer()
    with pytest.raises(ModelUnavailable, match=endpoint.url) as refused:
        write(writer)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("status", [401, 404], ids=["wrong key", "wrong model"])
def test_what_no_retry_mends_is_not_retried(status: int) -> None:
    with serving((status, {"error": {"message": "no"}})) as endpoint, pytest.raises(ModelUnavailable):
        write(endpoint.writer())
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("body", ["<html>a proxy's page</html>", [], {"choices": "no"}, {"hello": 1}])
def test_garbage_is_our_failure_and_no_reject(body: Any) -> None:
    """An answer that is no completion says nothing about the target."""
    with serving((200, body)) as endpoint, pytest.raises(ModelUnavailable):
        write(endpoint.writer())


@pytest.mark.parametrize("text", ["", "  \n ", None])
def test_an_empty_answer_is_a_reject(text: str | None) -> None:
    with serving(said(text)) as endpoint:
        reject = write(endpoint.writer())
    assert isinstance(reject, Reject)
    assert (reject.key, reject.stage, reject.reason) == (TARGET.key, "specify", "model_answer_empty")
    assert reject.subject == "owner/name m.py::f"


def test_an_answer_cut_by_length_is_a_reject() -> None:
    with serving(said("Adds one and then", "length")) as endpoint:
        reject = write(endpoint.writer(max_tokens=5))
    assert isinstance(reject, Reject)
    assert (reject.reason, reject.detail) == ("model_answer_cut", "cut at spec.max_tokens=5")


def test_a_prompt_that_is_refused_is_a_reject_and_the_next_one_goes_on() -> None:
    with serving((400, {"error": {"message": "too many tokens"}}), said("Adds one.")) as endpoint:
        writer = endpoint.writer()
        reject, spec = write(writer), write(writer)
    assert isinstance(reject, Reject)
    assert reject.reason == "model_refused_prompt"
    assert "too many tokens" in reject.detail
    assert isinstance(spec, Spec)
    assert len(endpoint.asked) == 2


def test_the_key_is_sent_when_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(said("Adds one.")) as endpoint:
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        write(endpoint.writer())
        monkeypatch.setenv("OPENAI_API_KEY", "sesame")
        write(endpoint.writer())
    assert [headers["authorization"] for headers in endpoint.headers] == ["Bearer none", "Bearer sesame"]


@pytest.mark.parametrize("rules", [{"llm": "http://127.0.0.1:1/v1"}, {"model": "small"}, {}])
def test_half_an_endpoint_is_a_wrong_recipe(rules: dict[str, str]) -> None:
    with pytest.raises(RecipeError, match="--llm URL --model NAME"):
        SpecWriter(SpecRules(origin="model", **rules))


def test_another_prompt_or_model_is_another_spec() -> None:
    """The prompt's hash is part of a spec's identity, so an edited template never passes for the old one."""
    one = Spec(TARGET.key, "model", "Adds one.", "small", "a" * 20)
    assert len({one.key, Spec(TARGET.key, "model", "Adds one.", "small", "b" * 20).key}) == 2
    assert one.key != Spec(TARGET.key, "model", "Adds one.", "large", "a" * 20).key
