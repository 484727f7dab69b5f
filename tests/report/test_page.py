"""The page in a browser: what it says is what DuckDB says, it obeys the keyboard, and it fetches nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.publish.small import SmallBuild
from tests.report.conftest import Opened, Visit
from ttc_data.dataset import Dataset
from ttc_data.report.write import write_report
from ttc_data.store import connect

pytestmark = pytest.mark.browser


def asked(out: Path, query: str) -> list[tuple[Any, ...]]:
    """What DuckDB says of a build's rows; `rows` in the query is where they are."""
    connection = connect()
    found = connection.execute(query.replace("rows", Dataset(out).sql)).fetchall()
    connection.close()
    return found


def page_of(build: SmallBuild) -> Path:
    return build.out / "report.html"


def number(text: str) -> int:
    return int(text.replace(",", ""))


def bars(opened: Opened, title: str) -> dict[str, int]:
    """The counts of a plot by their labels."""
    figure = opened.page.locator("figure", has=opened.page.get_by_text(title, exact=True))
    told = figure.locator("[aria-label]").all()
    if told:
        counts = (told[0].get_attribute("aria-label") or "").removeprefix(f"{title}: ").split(", ")
        return {label: int(count) for label, count in (one.rsplit(" ", 1) for one in counts)}
    names = figure.locator(".bars > span, .bars > a").all_inner_texts()
    return dict(zip(names, map(number, figure.locator(".bars > b").all_inner_texts()), strict=True))


# What it says


def test_the_numbers_are_duckdbs(visit: Visit, small: SmallBuild) -> None:
    opened = visit(page_of(small))
    numbers = dict(zip(opened.page.locator(".numbers dt").all_inner_texts(), opened.page.locator(".numbers dd").all_inner_texts(), strict=True))  # fmt: skip
    rows, repos, tests, guarded, runs = asked(
        small.out,
        "SELECT count(*), count(DISTINCT repo), sum(len(FAIL_TO_PASS)), count(*) FILTER (len(ttc_tripwires) > 0),"
        " sum(ttc_gold_runs) FROM rows",
    )[0]
    assert number(numbers["rows"]) == rows == 9
    assert number(numbers["repositories"]) == repos == 3
    assert number(numbers["deciding tests"]) == tests
    assert number(numbers["rows with tripwires"]) == guarded == 3
    assert number(numbers[f"of {runs} reference runs passed"]) == runs
    assert numbers["of 18 mutants noticed"] == "50%"


def test_the_plots_are_duckdbs(visit: Visit, large: Path) -> None:
    opened = visit(large / "report.html")
    for title, column in {"Kinds": "ttc_kind", "Test origins": "ttc_test_origin", "Splits": "split"}.items():
        assert bars(opened, title) == dict(asked(large, f"SELECT {column}, count(*) FROM rows GROUP BY 1"))
    scores = bars(opened, "Mutation score")
    for tenth in range(10):
        low, high = tenth / 10, (tenth + 1) / 10
        ((count,),) = asked(
            large, f"SELECT count(*) FROM rows WHERE ttc_mutation_score >= {low} AND ttc_mutation_score < {high}"
        )
        assert scores[f"{10 * tenth}–{10 * tenth + 9} %"] == count
    assert scores["100 %"] == asked(large, "SELECT count(*) FROM rows WHERE ttc_mutation_score = 1")[0][0] > 0
    fates = opened.page.locator(".fates tbody tr").all_inner_texts()
    assert [line.split()[:2] for line in fates] == [["arithmetic", "40,000"], ["constant", "40,000"]]


def test_the_funnel_and_the_rejects_are_the_records(visit: Visit, small: SmallBuild) -> None:
    opened = visit(page_of(small))
    cells = opened.page.locator(".funnel tbody tr").first.locator("th, td").all_inner_texts()
    assert [cells[0], cells[1], cells[3], cells[4]] == ["mine", "4", "3", "1"]
    opened.page.locator(".funnel a").first.click()
    expect(opened.page.locator("#rejects")).to_be_visible()
    reason = opened.page.locator(".reason[open]")
    assert reason.locator("code").all_inner_texts() == ["pypi/beta"]
    assert reason.locator("pre").all_inner_texts() == ["[GPL-3.0]"]
    assert "license_not_allowed" in reason.locator("summary").inner_text()


def test_an_opened_row_shows_its_whole_proof(visit: Visit, small: SmallBuild) -> None:
    opened = visit(page_of(small))
    ((row, patch),) = asked(
        small.out, "SELECT instance_id, patch FROM rows WHERE ttc_target = 'add' AND repo = 'owner/alpha'"
    )
    opened.open(row)
    removed = [line[1:] for line in patch.splitlines() if re.match(r"-(?!-- )", line)]
    added = [line[1:] for line in patch.splitlines() if re.match(r"\+(?!\+\+ )", line)]
    assert opened.page.locator(".code td.minus:not(.num)").all_text_contents() == removed
    assert opened.page.locator(".code td.plus:not(.num)").all_text_contents() == added
    assert "def add(a, b):" in opened.page.locator(".code.split").first.inner_text(), "it begins at the header"
    text = opened.page.locator("#detail").inner_text()
    for words in (
        "Add two numbers and say the sum.", "tests/test_mod.py::test_it", "mutation score 50 %", "reference passed 3 of 3",
        "def test_docstring_examples():", "survived", "killed", "total = a - b", "1 tripwire", "tests/test_mod.py:1",
    ):  # fmt: skip
        assert words in text
    opened.page.get_by_text("Messages that a solver is sent").click()
    assert re.search(r"pkg/mod\.py: \d+ lines, masked as above", opened.page.locator("#detail").inner_text())


def test_on_a_narrow_screen_the_lines_stand_below_each_other_and_nothing_is_cut(
    visit: Visit, small: SmallBuild
) -> None:
    opened = visit(page_of(small), width=390, height=844)
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
    opened.page.locator("nav a[href='#rows']").click()
    opened.page.locator(".item").first.click()
    expect(opened.page.locator("#detail h1")).to_be_visible()
    assert opened.page.locator(".code.split").count() == 0
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
    assert opened.page.evaluate("document.getElementById('detail').scrollWidth") <= 390
    opened.page.locator(".back").click()
    expect(opened.page.locator("#list")).to_be_visible()


# Finding rows


SEARCHES = ("return total", "ADD", "owner/beta counter", '"how many there are"', "nothing holds this", "%", "")
TEXT = (
    "lower(concat_ws(chr(10), instance_id, repo, path, ttc_target, license, problem_statement, patch,"
    " array_to_string(FAIL_TO_PASS, chr(10))))"
)


def test_the_search_finds_what_duckdb_finds(visit: Visit, small: SmallBuild) -> None:
    opened = visit(page_of(small), "#rows")
    for words in SEARCHES:
        terms = [quoted or plain for quoted, plain in re.findall(r'"([^"]+)"|([^\s"]+)', words.lower())]
        holds = " AND ".join(["true", *(f"contains({TEXT}, '{term}')" for term in terms)])
        wanted = {row for (row,) in asked(small.out, f"SELECT instance_id FROM rows WHERE {holds}")}
        assert set(opened.search(words)) == wanted, words
        assert opened.page.locator("#found").inner_text() == f"{len(wanted)} of 9 rows"


def test_filters_and_orders_are_duckdbs(visit: Visit, large: Path) -> None:
    opened = visit(large / "report.html", "#rows")
    page = opened.page
    page.locator("#repo").select_option("owner/repo7")
    page.locator("#low").fill("50")
    page.locator("#high").fill("80")
    page.locator("#order").select_option("score")
    query = "SELECT instance_id, ttc_mutation_score FROM rows WHERE repo = 'owner/repo7' AND ttc_mutation_score BETWEEN 0.5 AND 0.8"
    scores = dict(asked(large, query))
    assert set(opened.ids) == set(scores)
    assert [scores[row] for row in opened.ids] == sorted(scores.values())
    page.locator("#kind").select_option("method")
    assert set(opened.ids) == {row for (row, _) in asked(large, f"{query} AND ttc_kind = 'method'")} != set(scores)
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("#found")).to_have_text("10,000 of 10,000 rows")


def test_a_name_of_a_plot_leads_to_its_rows(visit: Visit, small: SmallBuild) -> None:
    opened = visit(page_of(small))
    opened.page.locator(".bars a", has_text="owner/beta").click()
    expect(opened.page.locator("#found")).to_have_text("3 of 9 rows")
    assert all("beta" in row for row in opened.ids)


def test_a_link_to_a_row_opens_it(visit: Visit, small: SmallBuild) -> None:
    row = asked(small.out, "SELECT max(instance_id) FROM rows")[0][0]
    opened = visit(page_of(small), f"#{row}")
    assert opened.page.locator("#detail .sub").inner_text() == row
    assert opened.page.locator(".item[aria-selected=true]").count() == 1
    for wrong in ("#no-such-row", "#%E0%A4%A", "#rejects/no/such", "#constructor"):
        opened.page.evaluate("(wrong) => { location.hash = wrong; }", wrong)
        expect(opened.page.locator("#overview")).to_be_visible()
        opened.page.keyboard.press("3")


# The keyboard, and who does not see the page


def test_the_keyboard_alone_does_everything(visit: Visit, small: SmallBuild) -> None:
    opened = visit(page_of(small))
    page, key = opened.page, opened.page.keyboard
    key.press("/")
    expect(page.locator("#search")).to_be_focused()
    key.type("beta")
    expect(page.locator("#found")).to_have_text("3 of 9 rows")
    key.press("ArrowDown")
    key.press("ArrowDown")
    key.press("Enter")
    expect(page.locator("#detail .sub")).to_have_text(opened.ids[1])
    key.press("Escape")  # the search is emptied, the row stays open
    expect(page.locator("#found")).to_have_text("9 of 9 rows")
    key.press("Escape")
    expect(page.locator("#list")).to_be_focused()
    chosen = page.evaluate("list.at")
    key.press("j")
    expect(page.locator("#detail .sub")).to_have_text(opened.ids[chosen + 1])
    key.press("k")
    expect(page.locator("#detail .sub")).to_have_text(opened.ids[chosen])
    key.press("Escape")
    expect(page.locator("#detail h1")).to_have_count(0)
    key.press("End")
    key.press("Enter")
    expect(page.locator("#detail .sub")).to_have_text(opened.ids[-1])
    key.press("3")
    expect(page.locator("#rejects")).to_be_visible()
    key.press("1")
    expect(page.locator("#overview")).to_be_visible()


def test_what_has_the_focus_is_seen_to_have_it(visit: Visit, small: SmallBuild) -> None:
    opened = visit(page_of(small), "#rows")
    reached = set()
    for _ in range(16):
        opened.page.keyboard.press("Tab")
        name, width = opened.page.evaluate(
            "(() => { const one = document.activeElement; return [one.id || one.tagName, getComputedStyle(one).outlineWidth]; })()"
        )
        reached.add(name)
        assert name == "BODY" or width == "2px", f"{name} has the focus and no outline"
    assert {"theme", "search", "repo", "kind", "origin", "split", "low", "high", "order", "list"} <= reached


def test_everything_that_acts_has_a_name_and_a_role(visit: Visit, small: SmallBuild) -> None:
    opened = visit(page_of(small), "#rows")
    page = opened.page
    page.keyboard.press("j")
    expect(page.get_by_role("searchbox", name="Search rows")).to_be_visible()
    expect(page.get_by_role("listbox", name="Rows")).to_have_attribute("aria-activedescendant", "item-0")
    expect(page.locator("#items").get_by_role("option", selected=True)).to_have_attribute("aria-setsize", "9")
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, select, input, a')].filter((one) => !(one.getAttribute('aria-label') || one.textContent.trim())).map((one) => one.outerHTML)"
    )
    assert nameless == []


CONTRAST = """
() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const seen = (colours) => {
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const poor = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest("script")) continue;
    const under = [];
    for (let one = element; one; one = one.parentElement) under.unshift(getComputedStyle(one).backgroundColor);
    const style = getComputedStyle(element);
    const [a, b] = [light(seen(["white", ...under])), light(seen(["white", ...under, style.color]))].sort((x, y) => y - x);
    count++;
    const ratio = (a + 0.05) / (b + 0.05) * (style.opacity === "1" ? 1 : 0.9);
    if (ratio < 4.5) poor.add(`${element.tagName}.${element.className} ${texts.currentNode.data.trim().slice(0, 20)}: ${ratio.toFixed(2)}`);
  }
  return [count, [...poor]];
}
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_has_the_contrast_that_wcag_aa_asks_for(visit: Visit, small: SmallBuild, dark: bool) -> None:
    opened = visit(page_of(small), dark=dark)
    row = opened.ids[0]
    for place in ("overview", "rejects", row):
        opened.page.evaluate("(place) => { location.hash = place; }", place)
        if place == row:
            opened.open(row)
        count, poor = opened.page.evaluate(CONTRAST)
        assert count > 10
        assert poor == []


def test_dark_follows_the_system_and_the_switch(visit: Visit, small: SmallBuild) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = visit(page_of(small)), visit(page_of(small), dark=True)
    colours = [one.page.evaluate(ground) for one in (light, dark)]
    assert colours == ["rgb(246, 247, 249)", "rgb(20, 22, 26)"]
    for one, other in ((light, colours[1]), (dark, colours[0])):
        one.page.locator("#theme").click()
        assert one.page.evaluate(ground) == other
        one.page.reload()
        assert one.page.evaluate(ground) == other, "it is kept"


# Pages with less in them


def test_a_build_without_rows_says_so(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    opened = visit(write_report(tmp_path).path)
    text = opened.page.locator("#overview").inner_text()
    assert "There are no rows yet" in text
    assert "No stage has begun" in text
    opened.page.keyboard.press("2")
    expect(opened.page.locator("#rows")).to_contain_text("No rows yet")
    opened.page.keyboard.press("/")
    opened.page.keyboard.press("j")
    opened.page.keyboard.press("3")
    expect(opened.page.locator("#rejects")).to_contain_text("Nothing was dropped")


def test_a_dataset_without_records_says_that_it_has_no_funnel(visit: Visit, small: SmallBuild, tmp_path: Path) -> None:
    opened = visit(write_report(small.out / "dataset", tmp_path / "page.html").path)
    assert opened.page.locator(".funnel").count() == 1, "a build's own dataset has its records beside it"
    copied = tmp_path / "fetched"
    (small.out / "dataset").rename(copied)
    try:
        opened = visit(write_report(copied).path)
    finally:
        (copied / "report.html").unlink()
        copied.rename(small.out / "dataset")
    assert "there is no funnel, and no rejects" in opened.page.locator("#overview").inner_text()
    assert opened.page.locator(".funnel, #rejects").count() == 0
    assert len(opened.ids) == 9
