"""Forged reports and output: the judged process tells of tests that it never passed."""

from __future__ import annotations

import pytest

from tests.hostile.trial import NAMES, WRONG, assert_earns_nothing
from ttc_data.sandbox.protocol import Sandbox

# The channel of a job's own report, as code in its process can find it.
CHANNEL = (
    "import gc, json, os, sys\n"
    "channel = next(one for one in gc.get_objects() if type(one).__name__ == 'Channel')\n"
    "reporter = next(one for one in gc.get_objects() if type(one).__name__ == 'Reporter')\n"
    f"{NAMES}"
    "def line(*event):\n    return channel.word + json.dumps(event).encode() + b'\\n'\n"
    "def passed(seconds=0.1):\n    for number, name in enumerate(NAMES):\n"
    "        channel.say('start', number, name)\n        channel.say('test', number, 'passed', seconds, '')\n"
)
WITH_THE_CHANNEL = {
    "every test passed, the end, exit 0": "passed()\nchannel.say('end', 0)\nos._exit(0)",
    "every test passed, the end, another status": "passed()\nchannel.say('end', 7)\nos._exit(7)",
    "every test passed, then the session goes on": "passed()",
    "every test passed, told at exit": (
        "real = os._exit\ndef leave(code):\n    passed()\n    channel.say('end', 0)\n    real(0)\nos._exit = leave"
    ),
    "the channel found through the frames": (
        "frame = sys._getframe()\nwhile 'channel' not in frame.f_locals or frame is sys._getframe():\n"
        "    frame = frame.f_back\n"
        "channel = frame.f_locals['channel']\npassed()\nchannel.say('end', 0)\nos._exit(0)"
    ),
    "say replaced on the reporter": (
        "say = channel.say\ndef lie(kind, *rest):\n    if kind == 'test':\n"
        "        rest = (rest[0], 'passed', 0.1, '')\n"
        "    say(kind, *rest)\nreporter.say = lie\nreal = os._exit\nos._exit = lambda code: (say('end', 0), real(0))"
    ),
    "say replaced on the channel's class": (
        "say = type(channel).say\ndef lie(self, kind, *rest):\n    if kind == 'test':\n"
        "        rest = (rest[0], 'passed', 0.1, '')\n"
        "    say(self, kind, *(rest if kind != 'end' else (0,)))\ntype(channel).say = lie\n"
        "real = os._exit\nos._exit = lambda code: real(0)"
    ),
    "the reporter's hooks called by hand": (
        "from types import SimpleNamespace\nfor name in NAMES:\n    reporter.pytest_runtest_logstart(name, None)\n"
        "    reporter.pytest_runtest_logreport(SimpleNamespace(nodeid=name, duration=0.1, failed=False, passed=True,\n"
        "        skipped=False, when='call'))\n    reporter.pytest_runtest_logfinish(name, None)\n"
        "channel.say('end', 0)\nos._exit(0)"
    ),
    "the reporter's phases rewritten at the last moment": (
        "class Passed(dict):\n    def __getitem__(self, key):\n"
        "        return 'passed' if key == 'outcome' else super().__getitem__(key)\n"
        "class Phases(dict):\n    def pop(self, key, *default):\n        return Passed(super().pop(key, *default))\n"
        "reporter.phases = Phases()\nsay = channel.say\nreal = os._exit\n"
        "os._exit = lambda code: (say('end', 0), real(0))"
    ),
    "one honest test told under every name": (
        "say = channel.say\ndef lie(kind, *rest):\n    if kind == 'test' and rest[1] == 'passed':\n"
        "        for number, name in enumerate(NAMES):\n            say('start', 100 + number, name)\n"
        "            say('test', 100 + number, 'passed', 0.1, '')\n    elif kind == 'end':\n        say('end', 0)\n"
        "reporter.say = channel.say = lie\nreal = os._exit\nos._exit = lambda code: real(0)\n"
    ),
    "a passed test's number given to another name": (
        "say = channel.say\ndef lie(kind, *rest):\n    say(kind, *rest)\n    if kind == 'start':\n"
        "        say('test', rest[0], 'passed', 0.1, '')\n"
        "        say('start', rest[0], 'another')\nreporter.say = lie\nreal = os._exit\n"
        "os._exit = lambda code: (say('end', 0), real(0))"
    ),
    "only the first of each test's events let through": (
        "say = channel.say\nsaid = set()\ndef lie(kind, *rest):\n    if kind == 'start':\n        say('start', *rest)\n"
        "        say('test', rest[0], 'passed', 0, '')\n    elif kind == 'end':\n        say('end', 0)\n"
        "reporter.say = channel.say = lie\nreal = os._exit\nos._exit = lambda code: real(0)"
    ),
    "os.write that makes passed of failed": (
        "write, real = os.write, os._exit\n"
        "os.write = lambda fd, data: write(fd, bytes(data).replace(b'\"failed\"', b'\"passed\"').replace(b'[\"end\", "
        "1]', b'[\"end\", 0]'))"
        " and len(data)\nos._exit = lambda code: real(0)"
    ),
    "json.dumps that makes passed of failed": (
        "dumps, real = json.dumps, os._exit\n"
        "json.dumps = lambda *a, **k: dumps(*a, **k).replace('\"failed\"', '\"passed\"').replace('[\"end\", 1]', "
        "'[\"end\", 0]')\n"
        "os._exit = lambda code: real(0)"
    ),
    "durations that are not numbers": "passed(float('nan'))\nchannel.say('end', 0)\nos._exit(0)",
    "durations below zero": "passed(-1e308)\nchannel.say('end', 0)\nos._exit(0)",
    "messages of lone surrogates": (
        "for number, name in enumerate(NAMES):\n    channel.say('start', number, name)\n"
        "    channel.say('test', number, 'passed', 0.1, '\\ud800')\nchannel.say('start', 99, '\\udcff')\n"
        "channel.say('test', 99, 'passed', 0.1, '')\nchannel.say('end', 0)\nos._exit(0)"
    ),
    "outcomes of its own making": (
        "for number, name in enumerate(NAMES):\n    channel.say('start', number, name)\n"
        "    channel.say('test', number, 'PASSED', 0.1, '')\n"
        "    channel.say('test', number, 'xfailed', 0.1, '')\nchannel.say('end', 0)\nos._exit(0)"
    ),
    "a child that reports after the end": (
        "import time\nif os.fork() == 0:\n    time.sleep(0.5)\n    passed()\n    channel.say('end', 0)\n    os._exit(0)"
    ),
    "a child that reports while the parent exits 0": (
        "if os.fork() == 0:\n    passed()\n    channel.say('end', 0)\n    os._exit(0)\nos.wait()\nos._exit(0)"
    ),
    "the descriptor handed to another program": (
        "import subprocess\nlines = b''.join(line('start', n, name) + line('test', n, 'passed', 0.1, '') for n, name "
        "in enumerate(NAMES))\n"
        "subprocess.run(['cat'], input=lines + line('end', 0), stdout=channel.descriptor)\nos._exit(0)"
    ),
    "the descriptor closed and the number used for a file": (
        "os.close(channel.descriptor)\nos.dup2(os.open('/tmp/all', os.O_CREAT | os.O_RDWR), channel.descriptor)"
    ),
    "a report of a hundred megabytes": (
        "passed()\nfor _ in range(100):\n    channel.say('test', 0, 'passed', 0.1, 'x' * (1 << 20))\n"
        "channel.say('end', 0)\nos._exit(0)"
    ),
    "lists nested a thousand deep": (
        "passed()\nos.write(channel.descriptor, channel.word + b'[' * 3000 + b']' * 3000 + b'\\n')\n"
        "channel.say('end', 0)\nos._exit(0)"
    ),
}  # fmt: skip
TELL = (
    f"import json, os\n{NAMES}"
    "data = b''.join(json.dumps(event).encode() + b'\\n' for number, name in enumerate(NAMES)\n"
    "    for event in (['start', number, name], ['test', number, 'passed', 0.1, '']))\n"
)
WITHOUT_IT = {
    "lines without the word on every descriptor": (
        "for fd in range(3, 1024):\n    try:\n        os.write(fd, data + b'[\"end\", 0]\\n')\n    except OSError:\n"
        "        pass\nos._exit(0)"
    ),
    "the runner's own words on every descriptor": (
        "for fd in range(3, 1024):\n    for word in (b'[\"laid\"]\\n', b'[\"done\", 0]\\n', b'[\"clean\"]\\n'):\n"
        "        try:\n"
        "            os.write(fd, word)\n        except OSError:\n            pass\nos._exit(0)"
    ),
    "a word that is guessed": (
        "for fd in range(100, 1000):\n    try:\n        for word in (b'0' * 16, b'f' * 16, b''):\n"
        "            os.write(fd, b''.join(word + b' ' + line + b'\\n' for line in data.splitlines()) + word + b' "
        "[\"end\", 0]\\n')\n"
        "    except OSError:\n        pass\nos._exit(0)"
    ),
    "the log of a good session": (
        "for fd in (1, 2):\n    os.write(fd, b'tests/test_hidden.py ...... [100%]\\n\\n6 passed in 0.01s\\n')\n"
        "os._exit(0)"
    ),
    "an answer's frames on standard output": (
        "import struct\nhead = b'{\"exit\": 0, \"ended_by\": \"\", \"seconds\": 0.1, \"word\": \"w\"}'\n"
        "lines = b''.join(b'w ' + line + b'\\n' for line in data.splitlines()) + b'w [\"end\", 0]\\n'\n"
        "frames = b''.join(struct.pack('>I', len(part)) + part for part in (head, lines, b''))\n"
        "for fd in range(1024):\n    try:\n        os.write(fd, frames)\n    except OSError:\n        pass\nos._exit(0)"
    ),
    "binary junk on standard output": "for _ in range(20):\n    os.write(1, os.urandom(65536))\nos._exit(0)",
    "terminal sequences and the end marker": (
        "os.write(1, b'\\x1b[2J\\x1b]0;x\\x07\\n[killed: it ran longer than it may]\\n>>>>> End Test Output\\n')\n"
        "os._exit(0)"
    ),
    "a pipe found through /proc": (
        "for name in os.listdir('/proc/self/fd'):\n    try:\n"
        "        with open('/proc/self/fd/' + name, 'wb', 0) as file:\n"
        "            file.write(data + b'[\"end\", 0]\\n')\n    except OSError:\n        pass\nos._exit(0)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("technique", WITH_THE_CHANNEL)
def test_with_the_channel(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, CHANNEL + WITH_THE_CHANNEL[technique] + WRONG)


@pytest.mark.parametrize("technique", WITHOUT_IT)
def test_without_it(sandbox: Sandbox, technique: str) -> None:
    assert_earns_nothing(sandbox, TELL + WITHOUT_IT[technique] + WRONG)
