"""A Docker engine that can be stopped and started again without disturbing anybody: a wire to the real one, to be cut."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path

import docker

from ttc_data.hosts.engine import DEFAULT_HOST


class Wire:
    """Forwards bytes between a socket of its own and the engine's."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._engine = (os.environ.get("DOCKER_HOST") or DEFAULT_HOST).removeprefix("unix://")
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self.resume()

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=f"unix://{self.place}", timeout=20)

    def resume(self) -> None:
        """Start the engine."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.place))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Stop the engine: connections end, and nobody listens."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
            self.place.unlink()
        with self._lock:
            ends = list(self._ends)
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._engine)
                with self._lock:
                    self._ends |= {near, far}
                both = [
                    threading.Thread(target=self._carry, args=way, daemon=True) for way in ((near, far), (far, near))
                ]
                threading.Thread(target=self._serve, args=(both, (near, far)), daemon=True).start()

    def _serve(self, both: list[threading.Thread], ends: tuple[socket.socket, ...]) -> None:
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        with self._lock:
            self._ends -= set(ends)
        for end in ends:
            end.close()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(1 << 16):
                sink.sendall(part)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
