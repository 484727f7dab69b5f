"""What the runner keeps between jobs, and what it does not: its imports stay, everything else is as new."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from tests.sandboxes import CopyingHost, Place, outcomes, session
from ttc_data.sandbox.protocol import Job, Report, Sandbox


def printed(report: Report, word: str) -> list[str]:
    """What a failing test printed behind a word."""
    assert report.ended, report
    return [line.partition(word)[2].strip() for line in report.output.splitlines() if line.startswith(word)]


OVERLAY = """
def test_it():
    with open("/proc/self/mountinfo") as table:
        print("TREE", *[line.split(" - ")[1].split()[0] for line in table if line.split()[4] == "/testbed"])
    assert False
"""


def test_the_tree_is_an_overlay(place: Place, sandbox: Sandbox) -> None:
    """Laying it out costs the same for ten files and for ten thousand. Where a kernel forbids it, the tree is copied."""
    (kinds,) = printed(sandbox.run(session(OVERLAY)), "TREE")
    if isinstance(place.host, CopyingHost) or ("overlay" not in kinds and not os.environ.get("CI")):
        pytest.skip("this kernel or engine does not let a sandbox mount: the tree is copied")
    assert kinds.split()[-1] == "overlay"


STATE = """
import os
import resource


def test_it():
    with open("/proc/self/status") as lines:  # a fork: what the runner holds, it holds too
        print("RSS", next(line.split()[1] for line in lines if line.startswith("RssAnon")))
    with open("/proc/self/mountinfo") as table:
        print("MOUNTS", len(table.readlines()))
    print("DESCRIPTORS", *sorted(os.listdir("/proc/self/fd"), key=int)[:3])
    assert False
"""


def test_a_hundred_jobs_leave_no_growth_behind(place: Place) -> None:
    """Jobs that print, report, write, and start processes; the runner's memory may not follow them."""
    sandbox = place.open()
    busy = session(
        "import subprocess\n\ndef test_it():\n    open('/tmp/file', 'w').write('x' * 100000)\n    subprocess.run(['true'])\n"
        "    print('y' * 100000)\n    assert 'z' * 10000 == ''\n"
    )
    try:
        for _ in range(5):
            sandbox.run(busy)
        before = sandbox.run(session(STATE))
        for _ in range(100):
            assert outcomes(sandbox.run(busy)) == {"test_it": "failed"}
        after = sandbox.run(session(STATE))
    finally:
        sandbox.close()
    grown = int(printed(after, "RSS")[0].split()[0]) - int(printed(before, "RSS")[0].split()[0])
    assert grown < 2048, f"{grown} KiB more"
    assert printed(after, "MOUNTS") == printed(before, "MOUNTS")
    assert printed(after, "DESCRIPTORS") == printed(before, "DESCRIPTORS")


TOGETHER = """
import os
import time


def test_bomb():
    for _ in range(5):
        if os.fork() == 0:
            held = bytearray(200 << 20)
            for place in range(0, len(held), 4096):
                held[place] = 1
            time.sleep(20)
            os._exit(0)
    time.sleep(20)
"""


def test_memory_is_limited_over_all_processes_of_a_job_together(sandbox: Sandbox) -> None:
    """Each stays under the limit of one process."""
    report = sandbox.run(session(TOGETHER, timeout_s=15, test_timeout_s=12))
    assert not report.ended
    assert not report.timed_out
    assert report.seconds < 10
    assert outcomes(sandbox.run(session("def test_it():\n    pass\n"))) == {"test_it": "passed"}


PREPARED = """
import os

import pytest


def test_it(request):
    config = request.config
    print("DOCTEST", config.pluginmanager.has_plugin("doctest"))
    print("PLACE", config.invocation_params.dir == config.rootpath)
    print("LAST", list(config.invocation_params.args)[-1])
    print("REGISTERED", len(config.pluginmanager.get_plugins()))
    print("WITHIN", int(pytest.main(["-p", "no:cacheprovider", "-q", os.path.join(os.getcwd(), "test_other.py")])))
    assert False
"""


def test_the_plugins_that_were_registered_before_are_the_sessions_own(sandbox: Sandbox) -> None:
    """Two jobs, one after the other, and a session within a test of each: none meets what another one did."""
    job = session(PREPARED, files={"test_other.py": "def test_fine():\n    pass\n"})
    for one, doctest in ((job, "True"), (replace(job, args=("-p", "no:doctest")), "False"), (job, "True")):
        report = sandbox.run(one)
        assert printed(report, "DOCTEST") == [doctest], report
        assert printed(report, "PLACE") == ["True"]
        assert printed(report, "LAST") == ["test_job.py"]
        assert printed(report, "WITHIN") == ["0"]
    counts = {int(printed(sandbox.run(job), "REGISTERED")[0]) for _ in range(2)}
    assert len(counts) == 1, counts


FIXTURES = """
import _pytest.capture
import _pytest.tmpdir


def test_it(
    here, tmp_path, tmp_path_factory, tmpdir, capsys, monkeypatch, recwarn, caplog, record_property, doctest_namespace,
    pytestconfig, request,
):
    assert here == "part"
    assert {"TempPathFactory", "tmp_path"} <= set(dir(_pytest.tmpdir))
    assert "CaptureManager" in dir(_pytest.capture)
    assert [item.nodeid for item in request.session.items] == ["part/test_one.py::test_it"]
"""


def test_every_fixture_of_pytests_own_is_found_and_files_beside_are_left_alone(sandbox: Sandbox) -> None:
    files = {
        "part/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef here():\n    return 'part'\n",
        "part/test_one.py": FIXTURES,
        "part/test_two.py": "raise SystemExit(3)\n",
        "part/inner/__init__.py": "",
        "part/inner/conftest.py": "raise SystemExit(4)\n",
    }
    for _ in range(2):
        report = sandbox.run(Job(test_files=("part/test_one.py",), files=files))
        assert [(test.id, test.outcome) for test in report.tests] == [("part/test_one.py::test_it", "passed")], report
