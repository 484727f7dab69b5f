"""Starts vLLM for as long as it is needed: one server a GPU, gone with everything it started when we are."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

from ttc_data.errors import ModelUnavailable, install_hint
from ttc_data.llm.leashed import Leashed
from ttc_data.programs import MODELS, NETWORK, environment

VLLM = (sys.executable, "-m", "vllm.entrypoints.openai.api_server")
# vLLM 0.32 on the processor ends with "CPU Generator does not use offset" when it takes up a prompt with a seed in pieces.
ON_THE_PROCESSOR = ("--no-enable-chunked-prefill",)
LOOK_S = 0.25
SAY_EVERY_S = 10.0
QUOTED_LINES = 4


class Server:
    """Servers of one model on this machine, as a context manager.

    Several GPUs are servers of their own that answer at the same address each (`urls`), not one that is spread over
    them: prompts have nothing to do with each other, and what a GPU computes alone needs no traffic. A model that is too
    large for one takes several with `gpus_each`. GPUs are those of CUDA_VISIBLE_DEVICES, in its order, else 0, 1, and so on.

    Attributes:
        urls: Base URLs, once they answer.
        logs: What each server prints, a file each in `folder`.

    Args:
        model: a name on the Hub or a folder.
        gpus: how many to use in all; 0 for one server on the processor, with a vLLM that was built for that.
        folder: for the logs.
        gpus_each: of one server (tensor parallel); `gpus` is a multiple.
        arguments: more for vLLM, such as `("--max-model-len", "8192")`.
        start_s: seconds within which all of them must answer. Weights of 60 GB from a cold disk take minutes.
        grace_s: seconds between asking a server to end and ending it.
        say: told once in ten seconds how far it is.
        program: what starts a server, in place of vLLM; gets the same arguments.
    """

    def __init__(
        self,
        model: str,
        gpus: int,
        folder: Path,
        *,
        gpus_each: int = 1,
        arguments: Sequence[str] = (),
        start_s: float = 1_200.0,
        grace_s: float = 15.0,
        say: Callable[[str], None] = lambda line: None,
        program: Sequence[str] = VLLM,
    ) -> None:
        if gpus < 0 or gpus_each < 1 or gpus % gpus_each:
            raise ModelUnavailable(
                f"{gpus} GPUs cannot be shared by servers of {gpus_each} each; name a multiple of it"
            )
        self._model, self._folder, self._arguments = model, folder, tuple(arguments)
        self._gpus, self._each = gpus, gpus_each
        self._start_s, self._grace_s, self._say = start_s, grace_s, say
        self._program = tuple(program)
        self._leashes: list[Leashed] = []
        self.urls: tuple[str, ...] = ()
        self.logs: tuple[Path, ...] = ()

    def __enter__(self) -> Self:
        """Start, and wait until all answer.

        Raises:
            ModelUnavailable: vLLM is not installed, there are too few GPUs, or a server ended or did not answer in time.
        """
        if self._program == VLLM and importlib.util.find_spec("vllm") is None:
            raise ModelUnavailable(
                f"vLLM is not installed; {install_hint('vllm')}, or name a server that runs with --llm URL"
            )
        count = max(1, self._gpus // self._each)
        devices, ports = self._devices(), _free_ports(count)
        self.logs = tuple(self._folder / f"server-{number}.log" for number in range(count))
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            for number in range(count):
                share = devices[number * self._each : (number + 1) * self._each]
                self._start(ports[number], share, self.logs[number])
            self._wait(ports)
        except BaseException:  # Ctrl-C too: nothing stays behind
            self.close()
            raise
        self.urls = tuple(f"http://127.0.0.1:{port}/v1" for port in ports)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the servers and everything they started: all are asked at once, and have `grace_s`."""
        for leash in self._leashes:
            leash.ask()
        for leash in self._leashes:
            leash.close()
        self._leashes = []

    def ended(self) -> str:
        """Why no answer will ever come: all servers have ended by themselves. Empty while one runs."""
        codes = [leash.poll() for leash in self._leashes]
        if not codes or None in codes:
            return ""
        return f"the server of {self._model} ended with {codes[0]}: {self._quoted(0)}"

    def _devices(self) -> list[str]:
        named = os.environ.get("CUDA_VISIBLE_DEVICES")
        if named is None:
            return [str(number) for number in range(self._gpus)]
        devices = [device.strip() for device in named.split(",") if device.strip()]
        if len(devices) < self._gpus:
            raise ModelUnavailable(
                f"{self._gpus} GPUs are asked for and CUDA_VISIBLE_DEVICES={named!r} has {len(devices)}; ask for fewer"
            )
        return devices[: self._gpus]

    def _start(self, port: int, devices: Sequence[str], log: Path) -> None:
        command = [*self._program, "--model", self._model, "--host", "127.0.0.1", "--port", str(port)]
        if self._each > 1:
            command += ["--tensor-parallel-size", str(self._each)]
        if not devices:
            command += ON_THE_PROCESSOR
        env = environment(*NETWORK, *MODELS, CUDA_VISIBLE_DEVICES=",".join(devices))
        self._leashes.append(Leashed([*command, *self._arguments], log, env, self._grace_s))

    def _wait(self, ports: Sequence[int]) -> None:
        began, said, waiting = time.monotonic(), 0.0, list(range(len(ports)))
        while waiting:
            waited = time.monotonic() - began
            for number in list(waiting):
                code = self._leashes[number].poll()
                if code is not None:
                    raise ModelUnavailable(f"the server of {self._model} ended with {code}: {self._quoted(number)}")
                if _healthy(ports[number]):
                    waiting.remove(number)
            if waiting and waited > self._start_s:
                raise ModelUnavailable(
                    f"the server of {self._model} does not answer after {self._start_s:g} s: {self._quoted(waiting[0])}"
                )
            if waiting and waited - said >= SAY_EVERY_S:
                said = waited
                self._say(f"{self._model}: {waited:.0f} s, {self._leashes[waiting[0]].doing()}")
            if waiting:
                time.sleep(LOOK_S)
        self._say(f"{self._model}: {len(ports)} server(s) after {time.monotonic() - began:.0f} s")

    def _quoted(self, number: int) -> str:
        return f"{self._leashes[number].quoted(QUOTED_LINES)} (all of it: {self.logs[number]})"


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):  # not yet
            return False
