"""What goes between a runner and whoever started it, and what a job says, in memory that no later job inherits."""

from __future__ import annotations

import mmap
import os
import struct

MAX_FRAME = 1 << 30
CHUNK = 1 << 16


def read_frame(fd: int) -> bytes | None:
    """One frame; None at the end of the input."""
    header = read_exactly(fd, 4)
    if header is None:
        return None
    (length,) = struct.unpack(">I", header)
    if length > MAX_FRAME:
        raise ValueError("frame of %d bytes" % length)
    return read_exactly(fd, length)


def read_exactly(fd: int, count: int) -> bytes | None:
    """So many bytes; None when the input ends before."""
    parts = []
    while count:
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def write_frames(fd: int, *frames: list[bytes | memoryview]) -> None:
    """Each frame whole, of all its parts; at once, since every write wakes everybody between us and the reader."""
    left: list[bytes | memoryview] = []
    for parts in frames:
        left += [struct.pack(">I", sum(len(part) for part in parts)), *parts]
    while left:
        count = os.writev(fd, left)
        while left and count >= len(left[0]):
            count -= len(left.pop(0))
        if count:
            left[0] = memoryview(left[0])[count:]


class Beginning:
    """The first part of what a job reports. What follows a gap is not taken: a flood must not hide what went before it.

    In memory of its own that is given back when the job is answered: later jobs are forks of this process, and what is
    merely freed could be found in theirs.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = 0
        self.memory = mmap.mmap(-1, most + CHUNK)

    def take(self, fd: int) -> int:
        """Read once; past the end what is read is overwritten by the next."""
        with memoryview(self.memory) as whole, whole[self.size : self.size + CHUNK] as room:
            count = os.readv(fd, [room])
        self.size = min(self.size + count, self.most)
        return count

    def parts(self) -> list[bytes | memoryview]:
        """What was taken."""
        return [memoryview(self.memory)[: self.size]]

    def close(self) -> None:
        self.memory.close()


class Ends:
    """The first and the last part of what a job printed: the last in a ring behind the first."""

    def __init__(self, most: int) -> None:
        self.half = most // 2
        self.total = 0
        self.memory = mmap.mmap(-1, 2 * self.half)

    def take(self, fd: int) -> int:
        """Read once."""
        place = self.total if self.total < self.half else self.half + (self.total - self.half) % self.half
        end = self.half if self.total < self.half else 2 * self.half
        with memoryview(self.memory) as whole, whole[place : min(end, place + CHUNK)] as room:
            count = os.readv(fd, [room])
        self.total += count
        return count

    def parts(self) -> list[bytes | memoryview]:
        """What was taken, with a line that says how much is left out."""
        cut, whole = self.total - 2 * self.half, memoryview(self.memory)
        if cut <= 0:
            return [whole[: self.total]]
        turn = self.half + (self.total - self.half) % self.half
        return [whole[: self.half], b"\n[... %d bytes cut ...]\n" % cut, whole[turn:], whole[self.half : turn]]

    def close(self) -> None:
        self.memory.close()
