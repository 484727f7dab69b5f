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


def write_frame(fd: int, *parts: bytes | memoryview) -> None:
    """One frame of all the parts."""
    for part in (struct.pack(">I", sum(len(part) for part in parts)), *parts):
        left = memoryview(part)
        while left:
            left = left[os.write(fd, left) :]


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

    def send(self, fd: int) -> None:
        """Write it as one frame."""
        with memoryview(self.memory) as whole, whole[: self.size] as part:
            write_frame(fd, part)

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

    def send(self, fd: int) -> None:
        """Write it as one frame, with a line that says how much is left out."""
        cut = self.total - 2 * self.half
        with memoryview(self.memory) as whole:
            if cut <= 0:
                with whole[: self.total] as part:
                    write_frame(fd, part)
                return
            turn = self.half + (self.total - self.half) % self.half
            with whole[: self.half] as first, whole[turn:] as older, whole[self.half : turn] as newer:
                write_frame(fd, first, b"\n[... %d bytes cut ...]\n" % cut, older, newer)

    def close(self) -> None:
        self.memory.close()
