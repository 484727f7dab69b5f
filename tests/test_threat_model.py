"""The threat model claims what tests show: each claim names its test, and each test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.channels.trials import channels

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    return re.split(r"\n##+ ", TEXT.split(f"# {title}\n", 1)[1])[0]


def rows(text: str) -> list[list[str]]:
    """Cells of a table's lines, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_each_thing_that_is_prevented_names_a_test_or_where_its_tests_are() -> None:
    table = rows(section("What is prevented"))
    assert len(table) >= 15
    assert [row[0] for row in table if "`test_" not in row[2]] == []


def test_the_tests_that_are_named_are_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) >= 25
    assert named - written == set()


def test_every_channel_that_is_tried_has_what_closes_it() -> None:
    table = rows(section("From one job to the next"))
    named = [name for row in table for name in re.findall(r"`(\w+)`", row[2])]
    assert sorted(named) == sorted(channel.name for channel in channels() if not channel.open)


def test_what_cannot_be_closed_is_said_with_how_much_it_carries() -> None:
    remains = section("What remains possible")
    for channel in channels():
        if channel.open:
            assert re.search(rf"`{channel.name}`\W+\d+\s+of \d+", remains), channel.name


def test_as_many_are_said_to_be_open_as_are() -> None:
    words = ("none", "one", "two", "three", "four", "five", "six")
    count = words[sum(bool(channel.open) for channel in channels())]
    assert f"; {count} that are left carry" in section("From one job to the next")
    decision = (ROOT / "docs/decisions/011-own-namespaces.md").read_text(encoding="utf-8")
    assert f"Of all, {count} are left" in decision


def test_the_changelog_counts_the_ways_that_are_tried() -> None:
    assert f"tries {len(channels())} ways" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("\n  ", " ")
