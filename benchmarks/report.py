"""How fast the report's page is there and searched, in a real Chromium, against a page with all rows in one table.

    python benchmarks/report.py
    python benchmarks/report.py --rows 20000 --like out/demo

The baseline is what one would write first: every row's id, spec, patch and tests in a table, and a search that hides what
does not match. Both pages are made of the same rows and opened in the same browser, in turn. Rows are made up, 10,000
unless told otherwise; with --like they are those of a build again and again, so that their sizes are real.
"""

from __future__ import annotations

import argparse
import html
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.report.browser import ARGUMENTS, browser
from tests.report.many import many_rows, repeated
from ttc_data.dataset import Dataset
from ttc_data.report.bodies import searched
from ttc_data.report.write import write_report

MB = 1_000_000
NAIVE_HEAD = '<!DOCTYPE html><meta charset="utf-8"><title>rows</title><input id="search"><table><tbody id="rows">\n'
NAIVE_TAIL = """</table><script>
document.getElementById("search").addEventListener("input", (event) => {
  const word = event.target.value.toLowerCase();
  for (const row of document.getElementById("rows").rows) row.hidden = !row.textContent.toLowerCase().includes(word);
});
</script>"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
# Input to layout. Both searches are done when the event has been handled: the texts are there by then.
SEARCH = """async (words) => {
  const took = [];
  for (const word of words) {
    const box = document.getElementById("search");
    const begun = performance.now();
    box.value = word;
    box.dispatchEvent(new Event("input"));
    await null;
    document.body.offsetHeight;
    took.push(performance.now() - begun);
    await new Promise((done) => setTimeout(done, 30));
  }
  return took;
}"""
READY = "document.documentElement.dataset.ready !== undefined && list.rows.texts.length === list.rows.count"
SEARCHES = ("q", "queue", "return", "only4711", "nothing holds this", "")


@dataclass(frozen=True)
class Measured:
    """One page."""

    size: int
    """Bytes."""
    paint: float
    """Milliseconds from the navigation to the first contentful paint."""
    ready: float
    """Milliseconds until the search answers."""
    search: float
    """Milliseconds of one search, the middle of all."""
    slowest: float
    memory: int
    """Bytes that the page's script engine holds."""


def write_naive(out: Path, to: Path) -> None:
    """The page that one would write first."""
    with to.open("w", encoding="utf-8") as page:
        page.write(NAIVE_HEAD)
        for row, split in Dataset(out).rows_with_splits():
            page.write(f"<tr><td>{split}<td><pre>{html.escape(searched(row))}</pre>\n")
        page.write(NAIVE_TAIL)


def until(page: Page, expression: str) -> None:
    """Wait until it is true. Playwright's own waiting evaluates strings in the page, which the report's policy forbids."""
    while not page.evaluate(expression):
        time.sleep(0.01)


def measure(chromium: Browser, file: Path, ready: str, times: int) -> Measured:
    """Open a page several times; the middle of each figure."""
    paints, readies, searches, memory = [], [], [], 0
    for _ in range(times):
        page = chromium.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(300_000)
        began = time.perf_counter()
        page.goto(file.as_uri(), wait_until="commit")
        until(page, ready)
        readies.append((time.perf_counter() - began) * 1000)
        until(page, f"{PAINT} !== undefined")
        paints.append(page.evaluate(PAINT))
        searches += page.evaluate(SEARCH, list(SEARCHES))
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        memory = int(found["JSHeapUsedSize"])
        page.close()
    return Measured(
        file.stat().st_size, statistics.median(paints), statistics.median(readies), statistics.median(searches), max(searches), memory
    )  # fmt: skip


def main() -> None:
    """Print both pages' figures and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--like", type=Path, help="a build whose rows are repeated")
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    console = Console()
    if not browser():
        sys.exit("no Chromium here; run `make browser`")
    with tempfile.TemporaryDirectory(prefix="ttc-report-") as folder, sync_playwright() as playwright:
        place = Path(folder)
        out = repeated(options.like, place, options.rows) if options.like else many_rows(place, options.rows)
        began = time.perf_counter()
        written = write_report(out, most=options.rows)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        write_naive(out, place / "naive.html")
        chromium = playwright.chromium.launch(executable_path=browser(), args=ARGUMENTS)
        naive = measure(chromium, place / "naive.html", "document.readyState === 'complete'", options.times)
        ours = measure(
            chromium,
            written.path,
            READY,
            options.times,
        )
        chromium.close()
    console.print(
        f"{written.rows} rows written in {seconds:.1f} s, at most {peak / MB:.0f} MB of memory", highlight=False
    )
    table = Table("", "all rows in one table", "the report", "ratio", box=None, header_style="bold", pad_edge=False)
    for name, unit, one, other in (
        ("size of the file", "MB", naive.size / MB, ours.size / MB),
        ("first paint", "ms", naive.paint, ours.paint),
        ("until the search answers", "ms", naive.ready, ours.ready),
        ("a search", "ms", naive.search, ours.search),
        ("the slowest search", "ms", naive.slowest, ours.slowest),
        ("held by the script engine", "MB", naive.memory / MB, ours.memory / MB),
    ):
        table.add_row(name, f"{one:.1f} {unit}", f"{other:.1f} {unit}", f"{one / other:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
