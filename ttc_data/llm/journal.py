"""Every answer that was paid for, in a folder of JSON lines that only ever grow.

A process appends to a file of its own, the first `answers-N.jsonl` that no other process holds (flock), and reads all
of them when it opens the folder. So several processes may share a folder, and each finds what was there when it began;
two that run at the same time may each pay for the same answer.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
from collections.abc import Iterable
from pathlib import Path

from ttc_data.errors import BuildError, StorageFull
from ttc_data.llm.request import Reply, quoted

# The text stands last: opening a journal reads the head of each line only, 100,000 of them in half a second.
HEAD = re.compile(rb'\{"key": "(\w+)", "prompt_tokens": (\d+), "completion_tokens": (\d+), "finish_reason": ')
CHUNK = 1 << 16
# A place is one integer, the file's number above the offset: a key and its place take 155 bytes together.
OFFSET_BITS = 48


class AnswerJournal:
    """Answers by the key of their request. Held in memory are keys and places, no texts. Safe to use from several threads.

    A line is in the kernel's hands when `write` returns, so it outlives a `kill -9`; `sync` puts it on the disk.

    Attributes:
        prompt_tokens: Of all answers that were in the folder when it was opened.
        completion_tokens: The same.

    Raises:
        BuildError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self._places: dict[str, int] = {}
        self._files: list[int] = []
        self._lock = threading.Lock()
        self._own = -1
        self._dirty = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._open(folder)
        except OSError as error:
            self.close()
            raise BuildError(f"{folder}: {error.strerror}; name a folder that can be written") from error
        self.folder = folder

    def _open(self, folder: Path) -> None:
        number = 0
        while self._own < 0 or (folder / _name(number)).exists():
            file = os.open(folder / _name(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._files.append(file)
            try:
                if self._own < 0:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._own = number
            except BlockingIOError:  # another process appends to this one
                pass
            end = self._load(number)
            if number == self._own:
                os.ftruncate(file, end)  # a torn last line
                self._end = end
            number += 1

    def _load(self, number: int) -> int:
        """Note where the lines of a file begin; gives the end of the last whole one."""
        start = 0
        with os.fdopen(os.dup(self._files[number]), "rb") as lines:
            lines.seek(0)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                if found := HEAD.match(line):  # else a disk that lost power in the middle of a file
                    self._places[found[1].decode()] = number << OFFSET_BITS | start
                    self.prompt_tokens += int(found[2])
                    self.completion_tokens += int(found[3])
                start += len(line)
        return start

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> Reply | None:
        """The answer to a request, if it was paid for."""
        place = self._places.get(key)
        if place is None:
            return None
        file, offset = self._files[place >> OFFSET_BITS], place & ((1 << OFFSET_BITS) - 1)
        data = os.pread(file, CHUNK, offset)
        while b"\n" not in data and (more := os.pread(file, CHUNK, offset + len(data))):
            data += more
        try:
            return Reply(**json.loads(data[: data.index(b"\n")]))
        except (ValueError, TypeError):  # a good head before a damaged text: as if it were not there
            self._places.pop(key, None)
            return None

    def write(self, answers: Iterable[Reply]) -> None:
        """Append answers, all at once: a system call costs as much as ten of them.

        Raises:
            StorageFull: no space left; what was written before stays, and those of the answers that fitted in.
        """
        lines = [(one.key, _line(one)) for one in answers]
        data = b"".join(line for _, line in lines)
        written, full = 0, None
        with self._lock:
            file = self._files[self._own]
            try:
                while written < len(data):
                    written += os.pwrite(file, data[written:] if written else data, self._end + written)
            except OSError as error:
                full = error
            for key, line in lines:
                if len(line) > written:
                    break
                written -= len(line)
                self._places[key] = self._own << OFFSET_BITS | self._end
                self._end += len(line)
                self._dirty = True
            if full is not None:
                os.ftruncate(file, self._end)
                raise StorageFull.at(self.folder, full.strerror or "cannot be written") from full

    def sync(self) -> None:
        """Put what was written on the disk.

        Raises:
            StorageFull: the disk does not take it.
        """
        if not self._dirty:
            return
        self._dirty = False
        try:
            os.fsync(self._files[self._own])
        except OSError as error:
            raise StorageFull.at(self.folder, error.strerror or "cannot be written") from error

    def close(self) -> None:
        """Close the files and give up the lock."""
        with self._lock:
            while self._files:
                os.close(self._files.pop())


def tokens_paid(folder: Path) -> tuple[int, int, int]:
    """Answers in a folder, tokens of their prompts, and their own; reads only, so while a build writes them too."""
    answers = prompt = completion = 0
    for path in sorted(folder.glob("answers-*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n") and (found := HEAD.match(line)):
                    answers += 1
                    prompt += int(found[2])
                    completion += int(found[3])
    return answers, prompt, completion


def _line(answer: Reply) -> bytes:
    return (
        f'{{"key": "{answer.key}", "prompt_tokens": {answer.prompt_tokens}, "completion_tokens": {answer.completion_tokens}, '
        f'"finish_reason": {quoted(answer.finish_reason)}, "seconds": {answer.seconds}, "text": {quoted(answer.text)}}}\n'
    ).encode("utf-8", "replace")


def _name(number: int) -> str:
    return f"answers-{number}.jsonl"
