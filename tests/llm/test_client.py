"""Every prompt ends with an answer or a named error and is paid for once, whatever the server and the machine do.

*Paid* is counted where it is charged, at the server: all of a good answer was handed to a connection that was open.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.llm.asking import answer_of, opened, prompt
from tests.llm.server import FAULTS, Behaviour, serving, text_of
from ttc_data.errors import ModelUnavailable, PromptRefused, RecipeError
from ttc_data.llm.client import Models
from ttc_data.llm.endpoint import served_models
from ttc_data.llm.request import Request, Sampling

ROOT = Path(__file__).resolve().parents[2]
NOBODY = "http://127.0.0.1:9/v1"  # a port where nothing listens


def journal_keys(folder: Path) -> set[str]:
    """Of the whole lines."""
    lines = (folder / "answers-0.jsonl").read_bytes().split(b"\n")[:-1]
    return {json.loads(line)["key"] for line in lines}


# Faults


def test_a_thousand_prompts_through_every_fault_are_paid_once_each(tmp_path: Path) -> None:
    behaviour = Behaviour(latency_s=0.005, faults=0.2)
    asked = [f"prompt {number}" for number in range(990)] + [f"unanswerable {number}" for number in range(10)]
    with serving(behaviour) as server, opened(tmp_path, server.url) as models:
        waiting = [models.submit(prompt(text)) for text in asked]
        for text, future in zip(asked, waiting, strict=True):
            if "unanswerable" in text:
                with pytest.raises(PromptRefused, match="longer than the model's context"):
                    future.result()
            else:
                assert future.result().text == text_of(text)
        account = models.account
    assert set(server.counts.faults) == set(FAULTS)
    assert server.counts.paid == dict.fromkeys(asked[:990], 1)
    assert (account.answers, account.refused) == (990, 10)
    assert sum(account.retries.values()) == sum(server.counts.faults.values()) >= 150
    assert set(account.retries) == {"429", "500", "503", "connection", "not_a_completion", "timeout"}
    assert account.requests == 1_000 + sum(account.retries.values())


def test_killed_in_the_middle_it_goes_on_and_pays_for_nothing_that_it_has(tmp_path: Path) -> None:
    """Only what was on the wire when it was killed can be asked again: as many answers as it may have in flight."""
    command = [sys.executable, "-m", "tests.llm.asking"]
    with serving(Behaviour(latency_s=0.01, faults=0.1, kinds=("broken", "cut_late"))) as server:
        arguments = [*command, server.url, str(tmp_path), "600", "32"]
        with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL) as first:
            until = time.monotonic() + 30
            while server.counts.paid.total() < 200 and time.monotonic() < until:
                time.sleep(0.002)
            os.kill(first.pid, signal.SIGKILL)
        while server.counts.working:
            time.sleep(0.01)
        kept, paid = journal_keys(tmp_path), server.counts.paid.total()
        assert 100 < len(kept) < 600
        second = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert second.stdout.split() == ["asking", "done", str(600 - len(kept)), str(len(kept))]
    assert len(server.counts.paid) == 600
    assert server.counts.paid.total() - 600 == paid - len(kept) <= 32
    assert len(journal_keys(tmp_path)) == 600


def test_a_server_that_never_answers_well_is_unavailable_after_the_deadline(tmp_path: Path) -> None:
    with (
        serving(Behaviour(faults=1.0, kinds=("broken",))) as server,
        opened(tmp_path, server.url, deadline_s=0.5) as models,
    ):
        began = time.monotonic()
        with pytest.raises(
            ModelUnavailable, match=rf"^{server.url} gave no answer within [01] s \(the last attempt: 500: it broke\); "
        ):
            models.ask(prompt("a"))
        assert time.monotonic() - began < 10
        # From now on nobody waits that long for a server that is down: one attempt each.
        asked = server.counts.asked.total()
        assert answer_of(models, prompt("b")) == "ModelUnavailable"
        assert server.counts.asked.total() == asked + 1
        server.behaviour.faults = 0.0
        assert answer_of(models, prompt("a")) == text_of("a")


def test_silence_ends_with_the_deadline(tmp_path: Path) -> None:
    with (
        serving(Behaviour(faults=1.0, kinds=("silence",))) as server,
        opened(tmp_path, server.url, deadline_s=0.6, silence_s=0.2) as models,
        pytest.raises(ModelUnavailable, match=r"the last attempt: timeout: silence for 0.2 s\); give it more time"),
    ):
        models.ask(prompt("a"))


def test_a_server_that_is_not_there_shows_soon(tmp_path: Path) -> None:
    with opened(tmp_path, NOBODY, contact_s=0.3) as models:
        began = time.monotonic()
        with pytest.raises(
            ModelUnavailable, match=r"127.0.0.1:9/v1 gave no answer .*connection: .*start it, or check --llm"
        ):
            models.ask(prompt("a"))
        assert time.monotonic() - began < 15


def test_nobody_waits_for_a_server_that_has_ended(tmp_path: Path) -> None:
    reason = "the server of small ended with 1: no memory"
    with opened(tmp_path, NOBODY, ended=lambda: reason) as models:
        with pytest.raises(ModelUnavailable, match=f"^{reason}$"):
            models.ask(prompt("a"))
        assert models.account.requests == 1


def test_a_page_of_html_is_no_model(tmp_path: Path) -> None:
    with (
        serving(Behaviour(faults=1.0, kinds=("garbage",))) as server,
        opened(tmp_path, server.url, contact_s=0.2) as models,
        pytest.raises(ModelUnavailable, match=r"answered '<html>.*'\); check that --llm is the base URL"),
    ):
        models.ask(prompt("a"))


def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    behaviour = Behaviour(faults=1.0, kinds=("too_many_wait",), retry_after="0.5")
    with serving(behaviour) as server, opened(tmp_path, server.url) as models:
        began = time.monotonic()
        future = models.submit(prompt("a"))
        while not server.counts.faults:
            time.sleep(0.01)
        behaviour.faults = 0.0
        assert future.result().text == text_of("a")
        assert time.monotonic() - began >= 0.5
        assert server.counts.asked["a"] == 2


def test_an_answer_that_cannot_be_kept_is_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int, data: bytes, offset: int) -> int:
        raise OSError(28, "No space left on device")

    with serving(Behaviour()) as server, opened(tmp_path, server.url) as models:
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", full)
            assert answer_of(models, prompt("a")) == "StorageFull"
        assert (answer_of(models, prompt("a")), models.account.answers) == (text_of("a"), 1)


# What cannot be asked again


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "set OPENAI_API_KEY to a key that this server takes"),
        (403, "set OPENAI_API_KEY to a key that this server takes"),
        (404, "check that it serves 'small' and that this is its base URL, most end in /v1"),
        (402, "check --llm and the account behind OPENAI_API_KEY"),
    ],
)
def test_a_wrong_key_or_model_is_told_at_once(tmp_path: Path, status: int, advice: str) -> None:
    with serving(Behaviour(status=status)) as server, opened(tmp_path, server.url) as models:
        with pytest.raises(ModelUnavailable) as caught:
            models.ask(prompt("a"))
        assert str(caught.value) == f"{server.url} answered {status} (this server has no other answer); {advice}"
        assert models.account.requests == 1


def test_the_key_is_sent_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "bait-0123456789\n")
    with serving(Behaviour()) as server, opened(tmp_path, server.url) as models:
        models.ask(prompt("a"))
        server.behaviour.status = 401
        assert answer_of(models, prompt("b")) == "ModelUnavailable"
    assert server.counts.keys == {"Bearer bait-0123456789"}
    assert "bait" not in (tmp_path / "answers-0.jsonl").read_text(encoding="utf-8")
    monkeypatch.setenv("OPENAI_API_KEY", "bait\n0123")
    with pytest.raises(RecipeError, match="OPENAI_API_KEY holds characters that no key has") as caught:
        opened(tmp_path, NOBODY)
    assert "bait" not in str(caught.value)


def test_a_refusal_is_shortened(tmp_path: Path) -> None:
    with serving(Behaviour()) as server, opened(tmp_path, server.url) as models:
        with pytest.raises(PromptRefused) as caught:
            models.ask(prompt("unanswerable"))
        assert caught.value.reason == "model_refused_prompt"
        assert len(caught.value.detail) < 320


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://localhost/v1", "http://", "http://a b/v1", "http://a:port/v1", "http://a/v1?b", ""]
)
def test_what_is_no_base_url_is_a_mistake_of_the_user(tmp_path: Path, url: str) -> None:
    with pytest.raises(RecipeError, match="not the base URL of a server; write it like http://localhost:8000/v1"):
        opened(tmp_path, url)


def test_a_password_in_a_url_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"^--llm \(with a user or a password\): not the base URL"):
        opened(tmp_path, "http://me:bait@localhost/v1")


def test_the_served_models_are_listed() -> None:
    with serving(Behaviour(models=("small", "large"))) as server:
        assert served_models(f"{server.url}/") == ("small", "large")
        with pytest.raises(ModelUnavailable, match=r"answered 404 .*check that this is its base URL, most end in /v1"):
            served_models(f"{server.url}/nothing/v1")
        server.behaviour.status = 401
        with pytest.raises(ModelUnavailable, match=r"answered 401 .*set OPENAI_API_KEY"):
            served_models(server.url)
    with pytest.raises(ModelUnavailable, match=r"127.0.0.1:9/v1 does not answer .*; start the server, or check --llm"):
        served_models(NOBODY)


# Several at once


def test_identical_requests_are_one(tmp_path: Path) -> None:
    with serving(Behaviour(latency_s=0.1)) as server, opened(tmp_path, server.url) as models:
        waiting = [models.submit(prompt("a")) for _ in range(20)]
        assert {future.result().text for future in waiting} == {text_of("a")}
        assert models.ask(prompt("a")).text == text_of("a")
        account = models.account
    assert (server.counts.asked["a"], account.answers, account.joined, account.reused) == (1, 1, 19, 1)


def test_several_answers_to_one_prompt_are_several_requests(tmp_path: Path) -> None:
    with serving(Behaviour()) as server, opened(tmp_path, server.url) as models:
        keys = {models.ask(prompt("a", seed=7, number=number)).key for number in range(3)}
    assert len(keys) == 3
    assert sorted(body["seed"] for body in server.counts.bodies) == [7, 8, 9]


def test_several_servers_share_the_work_and_one_that_is_gone_costs_nothing(tmp_path: Path) -> None:
    with (
        serving(Behaviour(latency_s=0.02)) as one,
        serving(Behaviour(latency_s=0.02)) as two,
        opened(tmp_path, one.url, NOBODY, two.url) as models,
    ):
        for future in [models.submit(prompt(f"prompt {number}")) for number in range(300)]:
            future.result()
        assert list(models.windows) == [one.url, NOBODY, two.url]
    assert min(one.counts.paid.total(), two.counts.paid.total()) > 60
    assert (one.counts.paid + two.counts.paid).total() == 300


def test_it_is_asked_from_threads_and_from_any_event_loop(tmp_path: Path) -> None:
    with serving(Behaviour(latency_s=0.01)) as server, opened(tmp_path, server.url) as models:

        async def several() -> list[str]:
            return [one.text for one in await asyncio.gather(*(models.complete(prompt(f"p{n}")) for n in range(5)))]

        with ThreadPoolExecutor(8) as threads:
            said = list(threads.map(lambda number: answer_of(models, prompt(str(number))), range(8)))
            assert asyncio.run(several()) == [text_of(f"p{number}") for number in range(5)]
    assert said == [text_of(str(number)) for number in range(8)]


# Structured output


def test_a_server_that_takes_no_schemas_is_asked_without_from_then_on(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}

    def request(text: str) -> Request:
        return Request((("user", text),), Sampling("small"), schema)

    with serving(Behaviour(refuses_schemas=True)) as server, opened(tmp_path, server.url) as models:
        assert [models.ask(request(text)).text for text in "ab"] == [text_of("a"), text_of("b")]
    assert ["response_format" in body for body in server.counts.bodies] == [True, False, False]
    with serving(Behaviour()) as server, opened(tmp_path / "other", server.url) as models:
        assert answer_of(models, request("unanswerable")) == "PromptRefused"
        assert models.ask(request("a")).text == text_of("a")
    assert ["response_format" in body for body in server.counts.bodies] == [True, True]
    assert server.counts.bodies[0]["response_format"]["json_schema"]["schema"] == schema


# The end


def test_closing_leaves_nobody_waiting(tmp_path: Path) -> None:
    with serving(Behaviour(latency_s=30)) as server:
        models = opened(tmp_path, server.url, silence_s=60)
        waiting = [models.submit(prompt(str(number))) for number in range(50)]
        began = time.monotonic()
        models.close()
        assert time.monotonic() - began < 5
        for future in waiting:
            with pytest.raises(ModelUnavailable, match="the client is closed"):
                future.result(timeout=1)
        with pytest.raises(ModelUnavailable, match="the client is closed"):
            models.submit(prompt("0"))
        models.close()


def test_a_block_that_ends_waits_for_what_was_sent(tmp_path: Path) -> None:
    with serving(Behaviour(latency_s=0.3)) as server:
        with opened(tmp_path, server.url, first_at_once=4, at_once=4) as models:
            waiting = [models.submit(prompt(str(number))) for number in range(10)]
            while server.counts.working < 4:
                time.sleep(0.01)
        ended = [future.exception() for future in waiting]
    assert [error is None for error in ended] == [True] * 4 + [False] * 6
    assert len(journal_keys(tmp_path)) == server.counts.paid.total() == 4


INTERRUPTED = """
import sys
from pathlib import Path
from tests.llm.asking import opened, prompt
with opened(Path(sys.argv[2]), sys.argv[1], silence_s=60) as models:
    print("asking", flush=True)
    models.ask(prompt("a"))
"""


def test_an_interrupt_ends_the_process_at_once(tmp_path: Path) -> None:
    with serving(Behaviour(latency_s=60)) as server:
        command = [sys.executable, "-c", INTERRUPTED, server.url, str(tmp_path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asking:
            assert asking.stdout is not None
            assert asking.stdout.readline() == "asking\n"
            while not server.counts.working:
                time.sleep(0.01)
            os.kill(asking.pid, signal.SIGINT)
            _, said = asking.communicate(timeout=10)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert "never" not in said  # "Task was destroyed", "coroutine was never awaited"


def test_a_client_wants_a_server(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no model server is named"):
        Models([], tmp_path)
