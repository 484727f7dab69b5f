"""Servers that we start: they answer, or one line says why not, and nothing of them stays."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from ttc_data.errors import ModelUnavailable
from ttc_data.llm.leashed import Leashed
from ttc_data.llm.serve import Server

PROGRAM = (sys.executable, "-S", str(Path(__file__).with_name("program.py")))
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="processes are found through /proc")


def server(model: str, folder: Path, gpus: int = 1, grace_s: float = 0.5, start_s: float = 30) -> Server:
    arguments = ("--max-model-len", "4096")
    return Server(model, gpus, folder, program=PROGRAM, arguments=arguments, grace_s=grace_s, start_s=start_s)


def pids(folder: Path) -> set[int]:
    """The server's process and the one that it started, of every log."""
    lines = [line for log in folder.glob("*.log") for line in log.read_text(encoding="utf-8").splitlines()]
    return {int(word) for line in lines if line.startswith("pids ") for word in line.split()[1:]}


def alive(found: set[int]) -> set[int]:
    """Those that run; a zombie does not."""
    running = set()
    for pid in found:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            running.add(pid)
    return running


def wait_until_gone(found: set[int], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while alive(found):
        assert time.monotonic() < until, f"{alive(found)} still run"
        time.sleep(0.05)


def told(url: str) -> dict[str, object]:
    with build_opener(ProxyHandler({})).open(url, timeout=10) as response:
        said: dict[str, object] = json.loads(response.read())
    return said


@LINUX
def test_a_server_answers_while_the_block_lasts_and_nothing_of_it_stays(tmp_path: Path) -> None:
    said: list[str] = []
    with Server("good", 1, tmp_path, program=PROGRAM, say=said.append) as one:
        (url,) = one.urls
        argv = told(url)["argv"]
        found = pids(tmp_path)
        assert alive(found) == found
        assert len(found) == 2
    assert isinstance(argv, list)
    assert argv[:4] == ["--model", "good", "--host", "127.0.0.1"]
    assert said[-1].startswith("good: 1 server(s) after ")
    assert alive(found) == set()


@LINUX
def test_a_server_that_ends_by_itself_says_how(tmp_path: Path) -> None:
    with server("good", tmp_path) as one:
        assert one.ended() == ""
        os.kill(min(pids(tmp_path)), signal.SIGKILL)
        until = time.monotonic() + 10
        while not one.ended() and time.monotonic() < until:
            time.sleep(0.02)
        assert one.ended().startswith("the server of good ended with 137: pids ")
    assert alive(pids(tmp_path)) == set()


@LINUX
def test_what_ignores_sigterm_in_a_session_of_its_own_is_ended_too(tmp_path: Path) -> None:
    with server("stubborn", tmp_path, grace_s=0.2):
        found = pids(tmp_path)
        assert len(found) == 2
    assert alive(found) == set()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("(EngineCore pid=94) INFO 11-23 15:59:31 [backends.py:393] Compiling takes 12 s", "Compiling takes 12 s"),
        ("loading the weights", "loading the weights"),
        ("x" * 900, "x" * 100 + "…"),
        ("", "it printed nothing"),
    ],
)
def test_what_a_server_does_is_told_in_a_few_words(tmp_path: Path, line: str, words: str) -> None:
    code = f"import time; print({line!r}, flush=True); time.sleep(60)"
    leashed = Leashed([sys.executable, "-c", code], tmp_path / "server.log", dict(os.environ), 1)
    try:
        until = time.monotonic() + 10
        while leashed.doing() != words:
            assert time.monotonic() < until, leashed.doing()
            time.sleep(0.05)
    finally:
        leashed.ask()
        leashed.close()


def test_every_gpu_is_a_server_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,7")
    with server("good", tmp_path, gpus=2) as two:
        assert [told(url)["gpus"] for url in two.urls] == ["4", "5"]
        assert len(set(two.urls)) == 2
    with (
        pytest.raises(ModelUnavailable, match=r"^4 GPUs are asked for and CUDA_VISIBLE_DEVICES='4,5,7' has 3;"),
        server("good", tmp_path, gpus=4),
    ):
        pass


def test_a_model_that_is_too_large_for_one_gpu_takes_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with Server("good", 2, tmp_path, gpus_each=2, program=PROGRAM) as one:
        (url,) = one.urls
        answer = told(url)
    assert answer["gpus"] == "0,1"
    assert str(answer["argv"]).endswith("'--tensor-parallel-size', '2']")
    with pytest.raises(ModelUnavailable, match="3 GPUs cannot be shared by servers of 2 each"):
        Server("good", 3, tmp_path, gpus_each=2)


@LINUX
def test_one_that_dies_at_the_start_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable) as caught, server("dies", tmp_path):
        pass
    line = str(caught.value)
    assert line.startswith("the server of dies ended with 3: ")
    assert "Loading weights | ValueError: No available memory for the cache blocks." in line
    assert line.endswith(f"(all of it: {tmp_path}/server-0.log)")
    assert "\n" not in line
    wait_until_gone(pids(tmp_path))


@LINUX
def test_one_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with (
        pytest.raises(ModelUnavailable, match=r"does not answer after 1 s: .*still loading"),
        server("silent", tmp_path, start_s=1),
    ):
        pass
    assert alive(pids(tmp_path)) == set()


def test_a_program_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(ModelUnavailable, match=r"ended with 127: no-such-program: No such file or directory \("),
        Server("good", 1, tmp_path, program=("no-such-program",)),
    ):
        pass


def test_without_vllm_the_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(ModelUnavailable, match=r"vLLM is not installed; `pip install -e '\.\[vllm\]'`"),
        Server("good", 1, tmp_path),
    ):
        pass


HOLDER = """
import sys, time
from pathlib import Path
from ttc_data.llm.leashed import Leashed
from ttc_data.llm.serve import Server
with Server(sys.argv[1], 1, Path(sys.argv[2]), grace_s=0.3, program=sys.argv[3:]):
    print("ready", flush=True)
    time.sleep(600)
"""


@LINUX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_us_however_we_end(tmp_path: Path, number: signal.Signals) -> None:
    """A kill -9 leaves us no time for anything: the leash sees that our end of its pipe is gone."""
    command = [sys.executable, "-c", HOLDER, "stubborn", str(tmp_path), *PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        found = pids(tmp_path)
        assert alive(found) == found
        os.kill(holder.pid, number)
        try:
            holder.wait(20)
        finally:
            holder.kill()  # else the block would wait for it without end
    wait_until_gone(found)


@LINUX
def test_killing_the_leash_ends_the_server(tmp_path: Path) -> None:
    with server("good", tmp_path):
        (program, child) = sorted(pids(tmp_path))
        leash = int(Path(f"/proc/{program}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        os.kill(leash, signal.SIGKILL)
        wait_until_gone({program})
    os.kill(child, signal.SIGKILL)  # the one thing that a killed leash no longer holds
