"""`ttcdata build stack-impl` with a real model in a real vLLM on this machine's processor; `make test-llm` runs it.

The model has 135 million parameters. It writes JSON because vLLM holds it to the schema, and hardly a spec that passes the
gates: these tests say what holds whatever a model writes.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.projects import shapes
from tests.real_model.asking import MODEL, Ran, name_of, run, spec_requests
from ttc_data.dataset import Dataset
from ttc_data.funnel import open_records
from ttc_data.hosts.engine import bubblewrap_problem
from ttc_data.llm.client import Models
from ttc_data.llm.request import Request, Sampling
from ttc_data.llm.serve import Server
from ttc_data.row import Row
from ttc_data.specs.draft import read

pytestmark = [pytest.mark.vllm, pytest.mark.network]

ROOT = Path(__file__).resolve().parent.parent.parent
TTCDATA = str(Path(sys.executable).parent / "ttcdata")
SANDBOX = "--docker" if bubblewrap_problem() else "--local"
ENGINE = re.compile(r"VLLM::|vllm\.entrypoints")
PAID = re.compile(r"(\d[\d,]*) answers, (\d[\d,]*) \+ (\d[\d,]*) tokens")
REASON = re.compile(r"(spec|model)_[a-z_]+")
BUILD_S = 1_200


@dataclass(frozen=True)
class Build:
    """A build whose every question a real model answered."""

    folder: Path
    project: Path
    ran: Ran

    def again(self, *model: str) -> Ran:
        """The same command, with the model somewhere else perhaps."""
        options = [
            "--source", f"git:{self.project}", SANDBOX, "--limit", "6", "--out", str(self.folder),
            "--set", "spec.attempts=1", "--set", "spec.solver_attempts=1", "--set", "llm.max_tokens=400",
            "--set", "tests.model_calls=4",
        ]  # fmt: skip
        return run([TTCDATA, "build", "stack-impl", *options, *model], self.folder.parent / "said", BUILD_S)

    def data(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "dataset" / "data").iterdir()}

    def rows(self) -> list[Row]:
        return list(Dataset(self.folder).rows())


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    place = tmp_path_factory.mktemp("built")
    asked = Build(place / "out", shapes(place / "shapes"), Ran(0, "", {}))
    return Build(asked.folder, asked.project, asked.again("--serve", str(MODEL)))


def paid(ran: Ran) -> list[int]:
    """Answers, tokens of prompts and tokens of answers, as the build tells them."""
    found = PAID.search(ran.said)
    assert found, ran.said[-2_000:]
    return [int(count.replace(",", "")) for count in found.groups()]


def test_a_build_that_serves_its_own_model_ends_with_rows(build: Build) -> None:
    assert build.ran.code == 0, build.ran.said[-2_000:]
    rows = build.rows()
    assert len(rows) >= 2
    for row in rows:
        assert row.ttc_spec_model == str(MODEL)
        assert row.ttc_solver_attempts == 1
        assert row.ttc_spec_origin in ("model", "docstring")
        assert (row.ttc_spec_origin == "model") == (row.ttc_spec_rejected == "")
        assert row.ttc_spec_origin == "model" or REASON.fullmatch(row.ttc_spec_rejected)


def test_every_target_says_which_gate_stopped_its_spec(build: Build) -> None:
    with open_records(build.folder) as records:
        found = records.execute("SELECT origin, rejected, count(*) FROM specify GROUP BY ALL ORDER BY ALL").fetchall()
    print(found)
    assert sum(count for _, _, count in found) >= len(build.rows())
    for origin, rejected, _ in found:
        assert (origin, rejected) == ("model", "") or (origin == "docstring" and REASON.fullmatch(rejected))


def test_every_answer_that_was_paid_for_is_kept(build: Build) -> None:
    answers, prompt_tokens, completion_tokens = paid(build.ran)
    files = sorted((build.folder / "records" / "answers").glob("answers-*.jsonl"))
    kept = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(kept) == len({one["key"] for one in kept}) == answers > len(build.rows())
    assert sum(one["prompt_tokens"] for one in kept) == prompt_tokens
    assert sum(one["completion_tokens"] for one in kept) == completion_tokens


def test_the_servers_log_stays_and_its_processes_do_not(build: Build) -> None:
    log = (build.folder / "logs" / "server-0.log").read_text(encoding="utf-8")
    assert "EngineCore" in log
    assert '"POST /v1/chat/completions HTTP/1.1" 200' in log
    engines = {pid: name for pid, name in build.ran.names.items() if ENGINE.search(name)}
    assert engines
    assert {pid: name for pid, name in engines.items() if ENGINE.search(name_of(pid))} == {}


def test_a_finished_build_starts_no_server(build: Build) -> None:
    again = build.again("--serve", str(MODEL))
    assert "nothing was left to do" in again.said
    assert not [name for name in again.names.values() if ENGINE.search(name)]


def test_what_a_real_model_answered_is_not_asked_again(build: Build, server: Server) -> None:
    """Everything is done once more with the answers that are there; which server would have been asked does not matter."""
    before = build.data()
    for stage in ("specify", "mask", "prove", "solve"):
        for path in (build.folder / "records").glob(f"{stage}.*"):
            path.unlink()
    (build.folder / "build.json").unlink()
    shutil.rmtree(build.folder / "dataset")
    again = build.again("--llm", server.urls[0])
    assert again.code == 0, again.said[-2_000:]
    assert paid(again) == [0, 0, 0]
    assert f"{paid(build.ran)[0]:,} not asked again" in again.said
    assert build.data() == before


def test_an_answer_ends_by_itself(server: Server, tmp_path: Path) -> None:
    """Not where a model's folder has the wrong token for it: then each goes on to the last token that it may have."""
    with Models(server.urls, tmp_path) as models:
        said = models.ask(Request((("user", "Say hello."),), Sampling(str(MODEL), max_tokens=500)))
    assert said.finish_reason == "stop"
    assert said.text.strip()


def test_a_real_server_holds_answers_to_the_schema(server: Server, tmp_path: Path) -> None:
    """Asked the same without a schema, the model says hello in words."""
    schema = {
        "type": "object", "required": ["greeting", "times"], "additionalProperties": False,
        "properties": {"greeting": {"type": "string", "maxLength": 40}, "times": {"type": "integer", "minimum": 1, "maximum": 9}},
    }  # fmt: skip
    hello = (("user", "Say hello."),)
    with Models(server.urls, tmp_path) as models:
        free, held = (models.ask(Request(hello, Sampling(str(MODEL), max_tokens=200), one)) for one in (None, schema))
    print(free.text, held.text)
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(free.text)
    assert held.finish_reason == "stop"
    found = json.loads(held.text)
    assert set(found) == {"greeting", "times"}
    assert found["times"] in range(1, 10)


def test_what_a_real_model_says_of_a_target_can_be_read(server: Server, tmp_path: Path) -> None:
    """Where it comes to an end: a model of this size may begin to repeat itself, and no schema bounds a text."""
    asked = spec_requests(Sampling(str(MODEL), temperature=0.2, max_tokens=800, seed=0))
    with Models(server.urls, tmp_path) as models:
        answers = [waiting.result() for waiting in [models.submit(request) for request in asked]]
    whole = [one.text for one in answers if one.finish_reason == "stop"]
    print(len(asked), "asked,", len(whole), "whole")
    assert whole
    for text in whole:
        assert read(text)


def test_the_benchmark_measures_a_real_server(server: Server, tmp_path: Path) -> None:
    """That it runs and gives a ratio; what the ratio is depends on what else this machine does."""
    prompts = tmp_path / "prompts.jsonl"
    lines = [
        json.dumps({"messages": [{"role": role, "content": content} for role, content in request.messages]})
        for request in spec_requests(Sampling(str(MODEL)))
    ]
    prompts.write_text("\n".join(lines), encoding="utf-8")
    command = [
        sys.executable, str(ROOT / "benchmarks" / "specs.py"), "--url", server.urls[0], "--model", str(MODEL), "--json",
        "--prompts", str(prompts), "--requests", "8", "--repeat", "1", "--at-once", "4", "--max-tokens", "16",
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    ways = json.loads(ran.stdout)["ways"]
    assert len(ways) == 2
    assert all(way["tokens_per_s"] > 0 and way["times_the_loop"] > 0 for way in ways.values())
