"""What a job may use: time, processes, memory, disk, output. Whatever it does, it ends, and the next job is right."""

from __future__ import annotations

import signal
import time
from dataclasses import replace

import pytest

from tests.sandboxes import LIMITS, outcomes, session
from ttc_data.sandbox.protocol import Job, Report, Sandbox


def assert_right(sandbox: Sandbox) -> None:
    """The next job on the same sandbox gives the right answers."""
    report = sandbox.run(Job(test_files=("tests/test_core.py",)))
    assert outcomes(report) == {"test_positive": "passed", "test_negative": "passed"}, report
    assert report.ended
    assert report.exit == 0


def test_a_hung_test_ends_and_the_others_still_run(sandbox: Sandbox) -> None:
    code = """
import threading
import time


def test_computes():
    while True:
        pass


def test_sleeps():
    time.sleep(60)


def test_waits():
    threading.Event().wait()


def test_after():
    pass
"""
    report = sandbox.run(session(code, test_timeout_s=0.3))
    hung = dict.fromkeys(("test_computes", "test_sleeps", "test_waits"), "failed")
    assert outcomes(report) == {**hung, "test_after": "passed"}
    assert all("longer than 0.3 s" in test.message for test in report.tests[:3])
    assert report.ended
    assert not report.timed_out


def test_a_test_that_computes_for_too_long_is_ended_however_busy_the_machine_is(sandbox: Sandbox) -> None:
    code = """import time

def test_computes():
    while True:
        pass

def test_swallows():
    for _ in range(3):
        try:
            while True:
                pass
        except BaseException:
            pass

def test_sleeps():
    time.sleep(0.6)
"""
    report = sandbox.run(replace(session(code, test_timeout_s=20), tests=None, test_cpu_s=0.2))
    assert outcomes(report) == {"test_computes": "failed"}
    assert "0.2 s of the processor" in report.tests[0].message
    assert report.unfinished == ("test_job.py::test_swallows",)
    assert report.seconds < 10
    quiet = code.replace("def test_swallows", "def swallows")
    report = sandbox.run(replace(session(quiet, test_timeout_s=20), tests=None, test_cpu_s=0.2))
    assert outcomes(report) == {"test_computes": "failed", "test_sleeps": "passed"}


IN_C = {
    "counts": "from itertools import count; sum(count())",
    "skips": "from itertools import count, islice; next(islice(count(), 1 << 62, None))",
    "consumes": "from collections import deque; from itertools import repeat; deque(repeat(1), maxlen=0)",
    "grows": "from itertools import count; list(map(float, count()))",
}


@pytest.mark.parametrize("way", IN_C)
def test_a_loop_in_c_is_ended_by_its_processor_time(sandbox: Sandbox, way: str) -> None:
    """No handler of a signal runs in it, so the kernel ends the process, long before the job's time is over."""
    code = f"def test_before():\n    pass\n\ndef test_hung():\n    {IN_C[way]}\n\ndef test_after():\n    pass\n"
    job = replace(session(code, timeout_s=100, test_timeout_s=100), test_cpu_s=0.2)
    report = sandbox.run(job)
    assert not report.timed_out
    assert (report.ended, report.exit) == (False, -signal.SIGVTALRM)
    assert outcomes(report) == {"test_before": "passed"}
    assert report.ran_out == report.unfinished == ("test_job.py::test_hung",)
    assert_right(sandbox)


def test_a_test_that_takes_long_is_given_more_of_the_processor(sandbox: Sandbox) -> None:
    code = """import time

def busy():
    end = time.process_time() + 0.4
    while time.process_time() < end:
        pass

test_short = test_long = busy
"""
    job = replace(session(code, test_timeout_s=50), test_cpu_s=0.2, more_cpu_s={"test_job.py::test_long": 5.0})
    report = sandbox.run(job)
    assert outcomes(report) == {"test_short": "failed", "test_long": "passed"}
    assert report.ran_out == ("test_job.py::test_short",)
    assert 0.4 <= next(test.cpu_s for test in report.tests if test.outcome == "passed") < 5


@pytest.mark.parametrize("way", ["while True:\n        pass", "time.sleep(60)"], ids=["computes", "waits"])
def test_a_session_ends_after_so_many_tests_that_do_not(sandbox: Sandbox, way: str) -> None:
    code = "import time\n\n" + "".join(
        f"def test_{name}():\n    {body}\n\n" for name, body in zip("abcd", ("assert 0", way, way, "pass"), strict=True)
    )
    job = replace(session(code, test_timeout_s=1), test_cpu_s=0.2)
    for most, ran in ((1, "ab"), (2, "abc"), (0, "abcd")):
        report = sandbox.run(replace(job, most_endless=most))
        assert report.ended
        assert [test.id for test in report.tests] == [f"test_job.py::test_{name}" for name in ran]
        assert report.ran_out == tuple(f"test_job.py::test_{name}" for name in ran if name in "bc")


HUNG = {
    "blocked signal": "import signal\n    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
    "other handler": "import signal\n    signal.signal(signal.SIGALRM, signal.SIG_IGN)",
    "no timer": "import signal\n    signal.setitimer(signal.ITIMER_REAL, 0)",
    "stopped": "import os, signal\n    os.kill(os.getpid(), signal.SIGSTOP)",
}


@pytest.mark.parametrize("way", HUNG)
def test_a_test_that_no_signal_ends_is_ended_by_the_jobs_timeout(sandbox: Sandbox, way: str) -> None:
    code = f"def test_before():\n    pass\n\ndef test_hung():\n    {HUNG[way]}\n    while True:\n        pass\n"
    started = time.monotonic()
    report = sandbox.run(session(code, test_timeout_s=0.2, timeout_s=1.2))
    assert time.monotonic() - started < 4
    assert report.timed_out
    assert not report.ended
    assert outcomes(report) == {"test_before": "passed"}
    assert report.unfinished == ("test_job.py::test_hung",)
    assert_right(sandbox)


def test_a_session_that_hangs_at_import_is_ended(sandbox: Sandbox) -> None:
    report = sandbox.run(session("while True:\n    pass\n", timeout_s=1))
    assert report.timed_out
    assert report.tests == ()


@pytest.mark.parametrize(
    "ending", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.abort()", "os.execv('/bin/true', ['true'])"]
)
def test_a_process_that_ends_early_has_not_ended_its_session(sandbox: Sandbox, ending: str) -> None:
    code = f"import os\n\ndef test_a():\n    pass\n\ndef test_b():\n    {ending}\n\ndef test_c():\n    pass\n"
    report = sandbox.run(session(code))
    assert not report.ended
    assert outcomes(report) == {"test_a": "passed"}
    assert report.unfinished == ("test_job.py::test_b",)


DAEMON = """
import os
import signal
import time


def test_leaves_a_process():
    if os.fork() == 0:
        os.setsid()
        for number in range(1, 32):
            try:
                signal.signal(number, signal.SIG_IGN)
            except OSError:
                pass
        if os.fork() == 0:
            while True:  # holds every descriptor of the job, and writes where the next one will work
                try:
                    with open("/testbed/left.txt", "a") as file:
                        file.write("here")
                except OSError:
                    pass
                time.sleep(0.001)
        os._exit(0)
"""
ALONE = """
import os


def test_alone():
    assert [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"] == [os.getpid()]
    assert not os.path.exists("/testbed/left.txt")
"""


def test_a_process_left_behind_is_gone_before_the_next_job(sandbox: Sandbox) -> None:
    report = sandbox.run(session(DAEMON))
    assert outcomes(report) == {"test_leaves_a_process": "passed"}
    assert report.ended
    assert report.seconds < 5
    assert outcomes(sandbox.run(session(ALONE))) == {"test_alone": "passed"}


def bombed(sandbox: Sandbox, code: str, args: tuple[str, ...] = (), test_timeout_s: float = 5.0) -> Report:
    job = session(code)
    limit_s = 2 * test_timeout_s
    report = sandbox.run(
        Job(job.test_files, files=job.files, args=args, timeout_s=limit_s, test_timeout_s=test_timeout_s)
    )
    assert_right(sandbox)
    return report


def test_a_fork_bomb_ends(sandbox: Sandbox) -> None:
    """It counts its own children and stops at 300, lest a limit that does not hold takes the machine with it."""
    code = """
import os
import time


def test_bomb():
    children = 0
    try:
        while children < 300:
            if os.fork() == 0:
                time.sleep(30)
                os._exit(0)
            children += 1
    except BlockingIOError:
        pass
    assert children < 300
"""
    assert outcomes(bombed(sandbox, code)) == {"test_bomb": "passed"}


def test_a_memory_bomb_ends(sandbox: Sandbox) -> None:
    code = "def test_bomb():\n    held = []\n    while True:\n        held.append(bytearray(1 << 24))\n"
    report = bombed(sandbox, code)
    assert outcomes(report) in ({"test_bomb": "failed"}, {})
    assert not report.timed_out


def test_an_output_bomb_ends_and_its_beginning_and_end_are_kept(sandbox: Sandbox) -> None:
    code = """
import os


def test_bomb():
    os.write(1, b"the beginning")
    for _ in range(1600):
        os.write(1, b"x" * 65536)
    os.write(2, b"the end")
"""
    report = bombed(sandbox, code, ("-s",), 15.0)
    assert outcomes(report) == {"test_bomb": "passed"}
    assert report.ended
    assert len(report.output) < LIMITS.output_bytes + 100
    assert "the beginning" in report.output
    assert "the end" in report.output
    assert "bytes cut" in report.output


def test_a_file_larger_than_the_limit_is_not_written(sandbox: Sandbox) -> None:
    code = "def test_bomb():\n    with open('big', 'wb') as file:\n        for _ in range(20):\n            file.write(b'x' * (1 << 20))\n"
    report = bombed(sandbox, code)
    assert outcomes(report) == {"test_bomb": "failed"}
    assert "File too large" in report.tests[0].message


@pytest.mark.parametrize("folder", ["/testbed", "/tmp", "/dev/shm"])
def test_a_job_that_fills_the_disk_ends(sandbox: Sandbox, folder: str) -> None:
    code = f"""
def test_bomb():
    for number in range(60):
        with open("{folder}/%d" % number, "wb") as file:
            file.write(b"x" * (1 << 22))
"""
    report = bombed(sandbox, code)
    assert outcomes(report).get("test_bomb", "failed") == "failed"


# The descriptor and the word of a job's own report, as code in its process can find them.
CHANNEL = "import gc, os\n\nchannel = next(one for one in gc.get_objects() if type(one).__name__ == 'Channel')\n"
FLOODS = {
    "junk": 'b"junk\\n" * 400000',
    "one line": 'b"[" * 2000000',
    "empty lists": 'b"[]\\n" * 2000000',
    "events": """(channel.word + b'["end"]\\n') * 150000""",
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_of_reports_ends(sandbox: Sandbox, flood: str) -> None:
    """The last of the report is lost in it, so the session is not believed."""
    code = (
        f"{CHANNEL}\n\ndef test_flood():\n    data = memoryview({FLOODS[flood]})\n"
        "    while data:\n        data = data[os.write(channel.descriptor, data):]\n"
    )
    report = bombed(sandbox, code)
    assert report.tests == ()
    assert not report.ended


STRANGE = [
    "[" * 100000, "[" * 900 + "]" * 900, '["start",' + "9" * 4000 + ',"x"]', '["test",0,"passed",1e999,""]', "[]",
    '["test",0,"passed",' + "9" * 400 + ',""]', '["test",0,"passed",0.0,[1]]', '["reach","k",[7],0,0]', '["end","0"]', "{}",
    '["start",[],"x"]', '["start",0,null]', '["nothing"]', '["test"]', "\\xff", '["start",5,"\\\\ud800"]', '[["end"],0]',
]  # fmt: skip


def test_reports_of_any_shape_break_nothing(sandbox: Sandbox) -> None:
    """A job writes to the report's descriptor what it likes: never an exception of ours, never a lost sandbox."""
    code = (
        f"{CHANNEL}\n\ndef test_strange():\n    for line in {STRANGE!r}:\n"
        "        os.write(channel.descriptor, channel.word + line.encode('latin-1') + b'\\n')\n"
    )
    report = bombed(sandbox, code)
    assert outcomes(report)["test_strange"] == "passed"
