"""A browser, and pages in it that note whatever they do which they should not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.publish.small import SmallBuild
from tests.report.browser import ARGUMENTS, browser
from tests.report.many import many_rows
from ttc_data.report.write import write_report

REPOS = ("owner/alpha", "owner/beta", "owner/gamma")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of the page; it ends before the next package's tests, whose event loops are their own."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser(), args=ARGUMENTS)
        yield opened
        opened.close()


@dataclass
class Opened:
    """A page that was opened, and what it did."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """Ids of the rows that the list shows, of those that are in sight and of the others."""
        ids: list[str] = self.page.evaluate("list.shown.map((at) => list.rows.columns.id[at])")
        return ids

    def search(self, text: str) -> list[str]:
        """Type into the search; the ids that it leaves."""
        self.page.locator("#search").fill(text)
        self.page.evaluate("searched()")
        return self.ids

    def until(self, expression: str) -> None:
        """Wait until it is true. Playwright's own waiting evaluates strings in the page, which the page's policy forbids."""
        deadline = time.monotonic() + 15
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, expression
            time.sleep(0.01)

    def open(self, row: str) -> None:
        """Go to a row's address, and wait until the row is there."""
        self.page.evaluate("(row) => { location.hash = row; }", row)
        self.page.locator("#detail .sub", has_text=row).wait_for()


class Visit:
    """Opens pages: `visit(file)`."""

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self.opened: list[Opened] = []

    def __call__(
        self, file: Path, fragment: str = "", *, width: int = 1400, height: int = 900, dark: bool = False
    ) -> Opened:
        context = self._chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", offline=True
        )
        one = Opened(context.new_page())
        self.opened.append(one)
        one.page.set_default_timeout(15_000)
        one.page.on("request", lambda request: one.requests.append(request.url))
        one.page.on("console", lambda message: one.complaints.append(message.text))
        one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
        one.page.on("dialog", lambda dialog: one.complaints.append(dialog.message))
        one.page.goto(file.as_uri() + fragment)
        one.page.locator("html[data-ready]").wait_for(state="attached")
        return one


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """Opens pages, and sees at the end that none of them complained or asked anybody for anything."""
    visit = Visit(chromium)
    yield visit
    for one in visit.opened:
        address = one.page.url.partition("#")[0]
        one.page.context.close()
        assert one.complaints == []
        assert [url for url in one.requests if url.partition("#")[0] != address] == []


@pytest.fixture(scope="package")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallBuild:
    """Nine rows of three repositories, with their page."""
    build = SmallBuild(tmp_path_factory.mktemp("small"), REPOS)
    build.write()
    write_report(build.out)
    return build


@pytest.fixture(scope="package")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of 10,000 rows, with their page."""
    out = many_rows(tmp_path_factory.mktemp("large"), 10_000)
    write_report(out)
    return out
