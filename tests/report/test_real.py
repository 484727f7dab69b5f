"""The page of a build that was really run: `ttcdata build` ends with it, and it shows what the records hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from playwright.sync_api import expect

from tests.projects import shapes
from tests.report.conftest import Visit
from ttc_data.funnel import funnel

pytestmark = [pytest.mark.browser, pytest.mark.local, pytest.mark.network]

TTCDATA = Path(sys.executable).parent / "ttcdata"
SETTINGS = ("tests.runs=2", "tests.generate=false", "tests.mutants=6", "tests.suite_timeout_s=60", "limit=4")


def test_a_build_ends_with_its_page(visit: Visit, tmp_path: Path) -> None:
    project, out = shapes(tmp_path / "shapes"), tmp_path / "out"
    command = [str(TTCDATA), "build", "stack-impl", "--source", f"git:{project}", "--out", str(out), "--local"]
    changed = [word for setting in (*SETTINGS, "license.allow_unknown=true") for word in ("--set", setting)]
    environment = {**os.environ, "TTCDATA_CACHE": str(tmp_path / "cache")}
    ran = subprocess.run(
        [*command, *changed], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    assert f"report: {out / 'report.html'}" in ran.stdout.splitlines()

    opened = visit(out / "report.html")
    shown = [
        [cells[0], *(int(cells[at].replace(",", "")) for at in (1, 3, 4))]
        for cells in (row.locator("th, td").all_inner_texts() for row in opened.page.locator(".funnel tbody tr").all())
    ]
    assert shown == [[step.stage, step.entered, step.kept, step.rejected] for step in funnel(out)]
    connection = duckdb.connect()
    rows = connection.execute(
        "SELECT instance_id, len(ttc_mutants), len(ttc_first_look), ttc_gold_runs FROM read_parquet(?)",
        [str(out / "dataset" / "data" / "*.parquet")],
    ).fetchall()
    stubs = dict(connection.execute("SELECT left(sample_key, 10), stubs FROM read_parquet(?)", [str(out / "records" / "prove.parquet")]).fetchall())  # fmt: skip
    connection.close()
    assert {row for row, *_ in rows} == set(opened.ids) != set()
    for row, mutants, tests, runs in rows:
        opened.open(row)
        proof = opened.page.locator("#detail")
        expect(proof.locator(".mutants tbody tr")).to_have_count(mutants)
        expect(
            proof.locator("section", has_text="Tests that decide").locator("table").first.locator("tbody tr")
        ).to_have_count(tests)
        expect(proof.locator("section", has_text="Runs of the reference").locator("tbody tr")).to_have_count(runs)
        assert all(stub in proof.inner_text() for stub in stubs[row.rpartition("-")[2]])
        assert proof.locator(".code td.plus").count() > 0
