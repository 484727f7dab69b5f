"""10,000 rows: the page is small, is there at once, and answers at once. The bounds are generous, and are no formality."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.report.conftest import Visit
from tests.report.test_page import asked

pytestmark = pytest.mark.browser

FIRST_PAINT_MS = 1_000  # 570 on two cores that twelve other processes want
SEARCH_MS = 100  # 27 there
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
SEARCHES = """async (texts) => {
  await list.rows.load();
  const took = [];
  for (const text of texts) {
    const begun = performance.now();
    search.value = text;
    await searched();
    document.getElementById("list").offsetHeight;
    took.push([performance.now() - begun, list.shown.length]);
  }
  return took;
}"""


def test_the_page_stays_below_a_kilobyte_a_row(large: Path) -> None:
    assert (large / "report.html").stat().st_size < 10_000_000


def test_the_first_paint_does_not_wait_for_the_rows(visit: Visit, large: Path) -> None:
    """The best of three: a machine that is busy with other things paints late whatever the page is."""
    paints = []
    for _ in range(3):
        opened = visit(large / "report.html")
        opened.until(f"{PAINT} !== undefined")
        paints.append(opened.page.evaluate(PAINT))
        if paints[-1] < FIRST_PAINT_MS:
            break
    assert min(paints) < FIRST_PAINT_MS, paints


def test_every_search_is_answered_within_a_tenth_of_a_second(visit: Visit, large: Path) -> None:
    opened = visit(large / "report.html", "#rows")
    searches = ["o", "queue", "queue window", "only4711", "nothing holds this", '"planet orbit"', "RETURN total", ""]
    took = opened.page.evaluate(SEARCHES, searches)
    assert took[0][1] == 10_000
    assert (
        took[3][1] == asked(large, "SELECT count(*) FROM rows WHERE contains(problem_statement, 'only4711')")[0][0] > 0
    )
    assert (
        took[5][1]
        == asked(large, "SELECT count(*) FROM rows WHERE contains(problem_statement, 'planet orbit')")[0][0]
        > 0
    )
    # The middle of several: a busy machine stops a page now and then.
    middle = sorted(milliseconds for milliseconds, _ in opened.page.evaluate(SEARCHES, searches * 3))
    assert middle[len(middle) // 2] < SEARCH_MS


def test_only_rows_in_sight_are_elements(visit: Visit, large: Path) -> None:
    opened = visit(large / "report.html", "#rows")
    assert 5 < opened.page.locator(".item").count() < 60
    opened.page.keyboard.press("End")
    expect(opened.page.locator(".item[aria-posinset='10000']")).to_be_visible()
    assert opened.page.locator(".item").count() < 60
    opened.page.keyboard.press("Enter")
    expect(opened.page.locator("#detail .sub")).to_have_text(opened.ids[-1])
