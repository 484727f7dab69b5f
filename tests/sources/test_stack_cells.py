"""A cell that cannot be used costs its row, which is counted; the build goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest

from tests.sources.test_stack import DOCUMENTED, parquet, row
from ttc_data.cache import Cache
from ttc_data.recipe import Recipe
from ttc_data.records import Reject, Source
from ttc_data.rules import StackSource
from ttc_data.sources.mine import mine, requests

BAD: list[dict[str, Any]] = [
    row("a/good", "test_a.py", DOCUMENTED),
    row("b/nan", "test_b.py", DOCUMENTED, max_stars_count="nan"),
    row("c/endless", "test_c.py", DOCUMENTED, max_stars_count="inf"),
    row("d/unknown", "test_d.py", DOCUMENTED, max_stars_count=None),
    {**row("e/empty", "test_e.py"), "content": None},
    row("f/nowhere", "test_f.py", DOCUMENTED, max_stars_repo_path=None),
    row("g/gpl", "test_g.py", DOCUMENTED, max_stars_repo_licenses=["GPL-3.0", "MIT"]),
    row("g/gpl", "g.py", DOCUMENTED, max_stars_repo_licenses=["GPL-3.0", "MIT"]),
    row("h/free", "test_h.py", DOCUMENTED, max_stars_repo_licenses=None),
    row("i/null", "test_i.py", DOCUMENTED, max_stars_repo_licenses=[None]),
    row("j/speechless", "test_j.py", DOCUMENTED, lang=None),
    row("k/java", "test_k.java", DOCUMENTED, lang=None),
    row("l/java", "test_l.py", DOCUMENTED, lang="Java"),
]
# The same columns, of which one has another type.
OTHER = [row("m/many", "test_m.py", DOCUMENTED, max_stars_count="many"), row("n/good", "test_n.py", DOCUMENTED)]
NO_REPOSITORY = row("", "test_o.py", DOCUMENTED, max_stars_repo_name=None)
NO_REVISION = row("p/headless", "test_p.py", DOCUMENTED, max_stars_repo_head_hexsha=None)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    parquet(folder / "strings.parquet", [*BAD, NO_REPOSITORY, NO_REVISION])
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT * REPLACE (CAST(max_stars_count AS DOUBLE) AS max_stars_count) "
            f"FROM '{folder}/strings.parquet') TO '{folder}/a.parquet' (FORMAT parquet)"
        )
    (folder / "strings.parquet").unlink()
    parquet(folder / "b.parquet", OTHER)
    return folder


def mined(dataset: Path, unit: Literal["repository", "file"], min_stars: int = 0) -> tuple[list[str], dict[str, str]]:
    """Repositories that were mined, and the reason and detail of each reject by its name."""
    cache = Cache(dataset.parent / "cache")
    asked = StackSource(path=str(dataset), unit=unit, min_stars=min_stars)
    found = [one for request in requests(Recipe(name="cells", sources=(asked,)), cache, print) for one in mine(request)]
    rejects = [one for one in found if isinstance(one, Reject)]
    assert len({reject.key for reject in rejects}) == len(rejects)
    sources = sorted(one.repo for one in found if isinstance(one, Source))
    return sources, {one.subject.removeprefix("stack:"): f"{one.reason}: {one.detail}" for one in rejects}


def test_of_repositories_every_bad_row_and_every_refused_licence_is_one_reject(dataset: Path) -> None:
    sources, rejects = mined(dataset, "repository")
    assert sources == ["a/good", "d/unknown", "j/speechless", "n/good"]
    assert rejects == {
        "?:test_o.py (a.parquet row 13)": "bad_cell: a.parquet row 13: max_stars_repo_name is missing",
        "p/headless:test_p.py (a.parquet row 14)": "bad_cell: a.parquet row 14: max_stars_repo_head_hexsha is missing",
        "b/nan:test_b.py (a.parquet row 1)": "bad_cell: a.parquet row 1: max_stars_count is no number",
        "c/endless:test_c.py (a.parquet row 2)": "bad_cell: a.parquet row 2: max_stars_count is no number",
        "e/empty:test_e.py (a.parquet row 4)": "bad_cell: a.parquet row 4: content is missing",
        "f/nowhere:? (a.parquet row 5)": "bad_cell: a.parquet row 5: max_stars_repo_path is missing",
        "g/gpl": "license_not_allowed: g/gpl has GPL-3.0 AND MIT, which license.allow does not allow",
        "h/free": "license_unknown: h/free no licence is named",
        "i/null": "license_unknown: i/null no licence is named",
        "m/many:test_m.py (b.parquet row 0)": "bad_cell: b.parquet row 0: max_stars_count is no number",
    }


def test_of_files_every_bad_row_and_every_refused_licence_is_one_reject(dataset: Path) -> None:
    sources, rejects = mined(dataset, "file")
    assert sources == ["a/good", "d/unknown", "j/speechless", "n/good", "p/headless", "unknown/a"]
    reasons = {name: reason.partition(":")[0] for name, reason in rejects.items()}
    assert reasons == {
        "b/nan:test_b.py (a.parquet row 1)": "bad_cell",
        "c/endless:test_c.py (a.parquet row 2)": "bad_cell",
        "e/empty:test_e.py (a.parquet row 4)": "bad_cell",
        "f/nowhere:? (a.parquet row 5)": "bad_cell",
        "g/gpl:test_g.py (a.parquet row 6)": "license_not_allowed",
        "g/gpl:g.py (a.parquet row 7)": "license_not_allowed",
        "h/free:test_h.py (a.parquet row 8)": "license_unknown",
        "i/null:test_i.py (a.parquet row 9)": "license_unknown",
        "m/many:test_m.py (b.parquet row 0)": "bad_cell",
    }


@pytest.mark.parametrize("unit", ["repository", "file"])
def test_a_bad_cell_is_counted_whatever_stars_are_asked_for(dataset: Path, unit: Literal["repository", "file"]) -> None:
    sources, rejects = mined(dataset, unit, min_stars=1)
    assert "d/unknown" not in sources
    assert "b/nan:test_b.py (a.parquet row 1)" in rejects
