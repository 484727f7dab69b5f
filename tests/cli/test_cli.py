"""`ttcdata` as people type it, in an empty folder, with a cache of its own."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.conftest import NOWHERE, PROGRAM, REPOS, Here, Shell, refused
from tests.publish.small import SmallBuild
from ttc_data import __version__
from ttc_data.records import Reject, Suite
from ttc_data.show import reject_examples
from ttc_data.store import Build

# What works


def test_the_version_is_the_packages(shell: Shell) -> None:
    ran = shell.run("--version")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"ttcdata {__version__}\n", "")


def test_the_package_is_a_program_too(shell: Shell) -> None:
    """Where the folder of `ttcdata` is not on PATH."""
    ran = subprocess.run(
        [sys.executable, "-m", "ttc_data", "schema", "--nonsense"],
        cwd=shell.folder, env=shell.environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    refused(ran, 2, "--nonsense", "`ttcdata schema --help`")


def test_without_arguments_there_is_help(shell: Shell) -> None:
    for arguments in ([], ["image"]):
        ran = shell.run(*arguments)
        assert "Usage: ttcdata" in ran.stdout
        assert ran.stderr == ""


@pytest.mark.parametrize("command", ["build", "validate", "grade", "show", "doctor", "image base"])
def test_examples_stand_indented_below_their_heading(here: Here, command: str) -> None:
    ran = here(*command.split(), "--help")
    lines = [line.rstrip() for line in ran.stdout.splitlines()]
    heading = lines.index(" Examples:")
    examples = [line for line in lines[heading:] if line.startswith(f"     ttcdata {command}")]
    assert len(examples) >= 2
    assert lines[heading + 2] == examples[0]


def test_a_dry_run_lists_what_would_be_mined_and_writes_nothing(shell: Shell) -> None:
    ran = shell.run("build", "demo", "--dry-run", DOCKER_HOST=NOWHERE)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.strip() for line in ran.stdout.splitlines()[1:]] == [
        "pypi:humanize==4.17.0", "pypi:toolz==1.2.0", "pypi:semver==3.1.1", "pypi:cachetools==8.0.1",
    ]  # fmt: skip
    assert list(shell.folder.iterdir()) == []


def test_a_dry_run_takes_other_sources(here: Here) -> None:
    ran = here("build", "demo", "--source", "pypi:a==1", "--source", "git:https://me:secret@host/x/y@v1", "--dry-run")
    assert [line.strip() for line in ran.stdout.splitlines()[1:]] == ["pypi:a==1", "git:https://host/x/y@v1"]


def test_doctor_says_what_to_do_and_exits_1_without_a_sandbox(shell: Shell) -> None:
    shell.environment["PIP_NO_INDEX"] = "1"
    ran = shell.run("doctor", "--llm", "http://127.0.0.1:9/v1", DOCKER_HOST=NOWHERE, PATH=shell.only("git"))
    assert ran.returncode == 1
    assert ran.stderr == ""
    text = " ".join(ran.stdout.split())
    for name in ("docker", "base image", "bubblewrap", "package index", "hub token", "model endpoint"):
        assert f"no {name}" in text
    assert "ok disk" in text
    assert "make engine" in text


def test_show_says_what_a_build_holds(here: Here, small: SmallBuild) -> None:
    ran = here("show", str(small.out), "--rows", "2", "--rejects")
    assert (ran.returncode, ran.stderr) == (0, "")
    mined = next(line.split()[:4] for line in ran.stdout.splitlines() if line.startswith("mine"))
    assert mined == ["mine", "3", "2", "1"]
    assert "license_not_allowed 1" in ran.stdout
    assert "[GPL-3.0]" in ran.stdout, "brackets are text, not markup"
    words = " ".join(ran.stdout.replace("│", " ").split())  # a long folder's name breaks lines elsewhere
    assert words.count("reference passed 3 of 3") == 2
    assert "2 of 6 rows with a tripwire (33%)" in ran.stdout
    assert "tripwire tests/test_mod.py:1  of  ->  off" in ran.stdout
    assert {repo.split("/")[1] for repo in REPOS if f"owner__{repo.split('/')[1]}-" in ran.stdout} == {"alpha", "beta"}


def test_the_detail_of_a_reject_can_be_read_in_a_narrow_terminal(tmp_path: Path) -> None:
    """Four columns side by side left it 20 characters a line."""
    build = Build(tmp_path / "build")
    stage = build.stage("suite", Suite)
    lines = [f"E   line {number} of the end of pytest's output" for number in range(3)]
    reject = Reject("k", "suite", "no_test_passes", " | ".join(["x" * 2000, *lines]), "owner/name")
    stage.write("one", [], [reject], 0.1)
    stage.compact({"one"})
    build.close()
    console = Console(width=80, file=StringIO())
    with console.capture() as captured:
        console.print(reject_examples(tmp_path / "build"))
    shown = [line.rstrip() for line in captured.get().splitlines()]
    assert shown[:3] == ["suite", "  no_test_passes 1", "    for instance owner/name"]
    assert shown[-3:] == [f"    {line.replace('E   ', 'E ')}" for line in lines]
    assert shown[3] == "    [...]"


def test_show_works_on_a_build_that_runs_and_one_that_has_no_rows(here: Here, small: SmallBuild) -> None:
    records = Path.cwd() / "out" / "running" / "records"
    records.mkdir(parents=True)
    journal = (small.out / "records" / "mine.jsonl").read_bytes()
    (records / "mine.jsonl").write_bytes(journal + b'{"input": "torn')
    held = Build(records.parent)
    try:
        ran = here("show", "--rows", "1")
    finally:
        held.close()
    assert (ran.returncode, ran.stderr) == (0, "")
    (mined,) = [line.split()[:5] for line in ran.stdout.splitlines() if line.startswith("mine")]
    assert mined == ["mine", "(running)", "3", "2", "1"], "a line that is being written does not count"
    assert "no rows yet" in ran.stdout
    assert "mine (stopped)" in here("show").stdout, "nobody writes it any more"


def test_the_newest_build_is_taken_when_none_is_named(here: Here, small: SmallBuild) -> None:
    """`validate` passes over a newer build that has not written a dataset yet."""
    out = Path.cwd() / "out"
    out.mkdir()
    (out / "done").symlink_to(small.out)
    (out / "begun" / "records").mkdir(parents=True)
    assert "out/begun: funnel" in here("show").stdout
    refused(here("validate", "--docker", DOCKER_HOST=NOWHERE), 1, "no Docker engine")


def test_stderr_has_plain_lines_when_it_is_no_terminal(shell: Shell) -> None:
    """A build's log is read with `cat`: no colour, no cursor movements, a line for each stage."""
    shell.write("rows.yaml", "sources: [{kind: git, url: missing}]\n")
    ran = shell.run("build", "rows.yaml", "--sandbox", "auto", "--out", "mine", DOCKER_HOST=NOWHERE)
    assert "\x1b" not in ran.stderr + ran.stdout
    assert "\r" not in ran.stderr
    assert ran.returncode == 1


def test_a_reader_that_goes_away_is_no_error(shell: Shell, small: SmallBuild) -> None:
    """`ttcdata show | head -1`."""
    with subprocess.Popen(
        [str(PROGRAM), "show", str(small.out), "--rows", "6"],
        env=shell.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
