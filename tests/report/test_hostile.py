"""Mined text is hostile: whatever it holds, the page shows it and does nothing that it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.publish.small import SmallBuild
from tests.report.conftest import Visit
from ttc_data.edits import unified_diff
from ttc_data.errors import RecipeError
from ttc_data.plain import CONTROLS, plain
from ttc_data.publish.rows import write_splits
from ttc_data.records import FileText, Mutation, Reject, Source
from ttc_data.report.write import write_report
from ttc_data.row import Message, Row
from ttc_data.store import Build

pytestmark = pytest.mark.browser

TEXTS = {
    "closes_the_script": "</script><script>alert(1)</script>",
    "opens_a_comment": "<!-- <script> --!> <![CDATA[",
    "loads_an_image": '<img src="http://127.0.0.1:9/x" onerror="alert(1)">',
    "breaks_out_of_an_attribute": "\"' onmouseover='alert(1)' autofocus onfocus=alert(1) x=\"",
    "is_a_template": "{{ 7 * 7 }} {% raise %} ${alert(1)} `",
    "colours_a_terminal": "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "holds_a_nul": "a\x00b\x08c\x7f",
    "ends_lines_where_none_end": "one\u2028two\u2029three\x85four\x0cfive",
    "turns_the_direction": "access\u202e\u2066 level\u2069 \u200fuser",
    "is_a_link": "javascript:alert(1) <a href=javascript:alert(1)>x</a> <base href=http://127.0.0.1:9/>",
    "is_of_other_scripts": "é 漢字 🦆 \u0301 ﷽",
    "pollutes": "__proto__ constructor toString",
}


def hostile(row: Row, text: str) -> Row:
    """The row with the text in every place that can hold one."""
    code = f'def f():\n    """{text}"""\n    return 1\n'
    masked = code.replace("return 1", "raise NotImplementedError")
    test = f"tests/test_a.py::test_a[{text}]"
    return replace(
        row,
        path="pkg/mod.py",
        repo=f"owner/{text}",
        license=text,
        problem_statement=text,
        prompt=(Message("user", text + masked + text),),
        patch=unified_diff({"pkg/mod.py": masked}, {"pkg/mod.py": code}),
        ttc_files=(FileText("pkg/mod.py", masked),),
        test_patch=unified_diff({}, {"tests/new.py": f"# {text}\n"}),
        FAIL_TO_PASS=(test,),
        PASS_TO_PASS=(f"tests/test_a.py::{text}",),
        ttc_target=text,
        ttc_mutants=(Mutation(text, 3, "1", text, "killed", (test,)),),
        eval_script=text,
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a row and a reject for each of the texts, and all of them in its head."""
    small = SmallBuild(tmp_path_factory.mktemp("hostile"), ("owner/alpha",))
    small.write()
    row = next(small.rows())
    rows = [hostile(replace(row, instance_id=f"x-{name}"), text) for name, text in TEXTS.items()]
    write_splits(lambda: iter(rows), {row.repo: "train" for row in rows}, small.out / "dataset" / "data")
    build = Build(small.out)
    stage = build.stage("mine", Source)
    stage.write("hostile", [], [Reject(name, "mine", name, text, text) for name, text in TEXTS.items()], 0.1)
    stage.compact({"hostile"})
    build.close()
    recipe = small.out / "dataset" / "recipe.yaml"
    told = {**yaml.safe_load(recipe.read_text(encoding="utf-8")), "description": "\n".join(TEXTS.values())}
    recipe.write_text(yaml.safe_dump(told), encoding="utf-8")
    return write_report(small.out).path


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_hostile_text_stays_text(visit: Visit, page: Path) -> None:
    """Nothing runs and nothing is fetched, which `visit` sees to; and what is shown is what was there."""
    opened = visit(page)
    detail = opened.page.locator("#detail")
    head = squeezed(opened.page.locator("#overview .lead").inner_text())
    opened.page.keyboard.press("3")
    for name, text in TEXTS.items():
        shown = squeezed(str(plain(text)))
        assert shown in head
        reject = opened.page.locator(f"[id='rejects/mine/{name}']")
        assert [squeezed(one) for one in reject.locator("li > *").all_text_contents()] == [shown, shown]
    for name, text in TEXTS.items():
        shown = squeezed(str(plain(text)))
        opened.open(f"x-{name}")
        everything = squeezed(detail.evaluate("(detail) => detail.textContent"))
        # Target, spec, twice in the prompt, twice in the code, test, tests that pass, added file, mutant, script, repository, licence.
        assert everything.count(shown) >= 12, name
        for folded in ("h1", ".prose >> nth=0", ".code >> nth=0", ".mutants"):
            assert shown in squeezed(detail.locator(folded).first.inner_text()), (name, folded)
    scripts = opened.page.evaluate("[...document.scripts].filter((one) => !one.type).length")
    assert (scripts, opened.page.locator("img, iframe, object, embed, base, link").count()) == (1, 0)


def test_hostile_text_is_found_by_the_search(visit: Visit, page: Path) -> None:
    opened = visit(page, "#rows")
    for name, text in TEXTS.items():
        assert f"x-{name}" in opened.search(text.split()[0].replace('"', "")), name


def test_the_page_and_its_script_show_the_same_in_place_of_controls(visit: Visit, page: Path) -> None:
    codes = sorted({*CONTROLS, 0x09, 0x0A, 0x20, 0xE9, 0x6F22})
    shown = visit(page).page.evaluate("(codes) => codes.map((code) => plain(String.fromCodePoint(code)))", codes)
    assert shown == [plain(chr(code)) for code in codes]


def test_half_a_character_is_refused_in_a_recipe_and_shown_as_what_stands_for_it_elsewhere(
    visit: Visit, tmp_path: Path
) -> None:
    """YAML can hold one, UTF-8 cannot."""
    small = SmallBuild(tmp_path, ("owner/alpha",))
    small.write()
    opened = visit(write_report(small.out).path)
    assert opened.page.evaluate("plain('\\ud800') + plain('\\ud83e\\udd86')") == "\ufffd\U0001f986"
    recipe = small.out / "dataset" / "recipe.yaml"
    text = recipe.read_text(encoding="utf-8").replace("description: Made up.", 'description: "a\\ud800b"')
    recipe.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=r"recipe\.yaml: not YAML \('a\\ud800b' is no text\)"):
        write_report(small.out)
