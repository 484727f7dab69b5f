"""Writing the page: what it takes, what it refuses, and that it is written whole or not at all."""

from __future__ import annotations

import errno
import gc
import os
import re
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Here, here, refused
from tests.publish.small import RECIPE, SmallBuild
from tests.report.many import many_rows
from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, ReportError, StorageFull
from ttc_data.records import Source
from ttc_data.report.overview import overview
from ttc_data.report.page import head
from ttc_data.report.write import write_report
from ttc_data.row import Row
from ttc_data.store import Build

__all__ = ["here"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    build = SmallBuild(tmp_path_factory.mktemp("small"), ("owner/alpha", "owner/beta"))
    build.write()
    return build


def test_the_same_build_gives_the_same_page(small: SmallBuild, tmp_path: Path) -> None:
    one, other = (write_report(small.out, tmp_path / name).path for name in ("one.html", "other.html"))
    assert one.read_bytes() == other.read_bytes()


def test_nothing_on_the_page_is_from_elsewhere_and_nothing_but_its_own_script_may_run(
    small: SmallBuild, tmp_path: Path
) -> None:
    page = write_report(small.out, tmp_path / "page.html").path.read_text(encoding="utf-8")
    markup = re.sub(r"(?s)<(script|style)[^>]*>.*?</\1>", "", page)
    assert not re.search(r"(src|srcset|action|data)\s*=", markup)
    assert set(re.findall(r'href="([^"]?)', markup)) == {"#"}
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert "unsafe" not in policy
    assert "http" not in "".join(re.findall(r"(?s)<style>(.*?)</style>", page))


def test_it_is_written_beside_the_dataset_and_never_into_it(tmp_path: Path) -> None:
    small = SmallBuild(tmp_path, ("owner/alpha",))
    small.write()
    before = sorted((small.out / "dataset").rglob("*"))
    assert write_report(small.out).path == write_report(small.out / "dataset").path == small.out / "report.html"
    assert sorted((small.out / "dataset").rglob("*")) == before
    assert not list(small.out.glob(".*html*"))


def test_a_build_that_runs_shows_what_is_done(tmp_path: Path) -> None:
    small = SmallBuild(tmp_path, ("owner/alpha",))
    build = Build(tmp_path / "running")
    stage = build.stage("mine", Source)
    stage.write("one", small.sources, [], 1.5)
    written = write_report(tmp_path / "running")
    page = written.path.read_text(encoding="utf-8")
    build.close()
    assert (written.rows, written.total) == (0, 0)
    assert "<em>running</em>" in page
    assert "This build is not finished" in page


def test_what_models_were_paid_is_on_the_page(small: SmallBuild, tmp_path: Path) -> None:
    priced = SmallBuild(tmp_path, ("owner/alpha",), RECIPE.model_copy(update={"llm": RECIPE.llm.model_copy(update={"input_price": 2.0, "output_price": 10.0})}))  # fmt: skip
    priced.write()
    line = '{"key": "ab", "prompt_tokens": 1000, "completion_tokens": 300, "finish_reason": "stop", "seconds": 1, "text": "x"}\n'
    answers = priced.out / "records" / "answers"
    answers.mkdir()
    (answers / "answers-0.jsonl").write_text(line * 2 + line[:40])
    said = overview("x", priced.out, Dataset(priced.out))
    assert said.paid is not None
    assert (said.paid.answers, said.paid.prompt_tokens, said.paid.completion_tokens) == (2, 2000, 600)
    assert said.paid.cost == pytest.approx(0.01)
    assert "2,000 tokens of prompts, 600 of answers, which cost 0.0100" in head(said, 3)
    assert "No model was asked" in head(overview("x", small.out, Dataset(small.out)), 3)


def test_of_more_rows_than_a_page_holds_some_are_drawn_by_their_ids(small: SmallBuild, tmp_path: Path) -> None:
    written = write_report(small.out, tmp_path / "page.html", most=4)
    assert (written.rows, written.total) == (4, 6)
    page = written.path.read_text(encoding="utf-8")
    assert "This page holds 4 of the 6 rows" in page
    drawn = [row.instance_id for row, _ in Dataset(small.out).rows_with_splits(4)]
    assert drawn == [row.instance_id for row, _ in Dataset(small.out).rows_with_splits(4)]
    assert set(drawn) < {row.instance_id for row in Dataset(small.out).rows()}


def test_no_more_than_a_few_rows_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = many_rows(tmp_path, 1_200)
    given = Dataset.rows_with_splits
    alive = []

    def held() -> int:
        return sum(isinstance(thing, Row) for thing in gc.get_objects())

    before = held()  # other tests' fixtures hold some

    def counted(dataset: Dataset, most: int) -> Iterator[tuple[Row, str]]:
        for number, pair in enumerate(given(dataset, most)):
            if number % 200 == 199:
                alive.append(held() - before)
            yield pair

    monkeypatch.setattr(Dataset, "rows_with_splits", counted)
    assert write_report(out).rows == 1_200
    assert len(alive) == 6
    assert max(alive) <= 3, alive


# What is refused


def test_what_is_no_build_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="neither records/ nor data/ in it"):
        write_report(tmp_path / "empty")
    with pytest.raises(DatasetError, match="no dataset there"):
        write_report(tmp_path / "missing")


def test_a_place_that_cannot_be_written_is_one_line(small: SmallBuild, tmp_path: Path) -> None:
    for place, why in ((tmp_path, "a folder"), (tmp_path / "no" / "page.html", "no such folder")):
        with pytest.raises(ReportError, match=f"--to .*: {why}"):
            write_report(small.out, place)
    with pytest.raises(ReportError, match="name too long"):
        write_report(small.out, tmp_path / ("x" * 256))


def test_a_full_disk_leaves_the_page_of_before(
    small: SmallBuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    path.write_text("before")

    def full(_dataset: Dataset, _most: int) -> Iterator[tuple[Row, str]]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Dataset, "rows_with_splits", full)
    with pytest.raises(StorageFull, match="free some space"):
        write_report(small.out, path)
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]
    assert path.read_text() == "before"


# The command


def test_the_command_says_what_it_wrote(here: Here, small: SmallBuild) -> None:
    ran = here("report", str(small.out), "--to", "page.html")
    assert ran.returncode == 0
    assert re.fullmatch(r"page\.html: 6 rows, 0\.\d MB\n", ran.stdout)
    assert Path("page.html").is_file()


def test_open_opens_the_browser_or_says_that_there_is_none(
    here: Here, small: SmallBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def opens_the_first(url: str) -> bool:
        asked.append(url)
        return len(asked) == 1

    monkeypatch.setattr(webbrowser, "open", opens_the_first)
    assert "no browser" not in here("report", str(small.out), "--to", "page.html", "--open").stderr
    assert asked == [Path("page.html").resolve().as_uri()]
    ran = here("report", str(small.out), "--to", "page.html", "--open")
    assert (ran.returncode, ran.stderr.splitlines()[-1]) == (
        0,
        f"no browser on this machine: open {Path('page.html').resolve()} in one",
    )


def test_wrong_input_is_one_line(here: Here, small: SmallBuild) -> None:
    refused(here("report", "nowhere"), 1, "nowhere", "no dataset there")
    refused(here("report"), 1, "no build named", "name one")
    refused(here("report", str(small.out), "--to", "."), 1, "--to .", "a folder", "name a file")
    refused(here("report", str(small.out), "--rows", "0"), 2, "--rows")
