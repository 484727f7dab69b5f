"""What is written about the code is true of it: generated pages, quoted commands, links, docstrings, layers."""

from __future__ import annotations

import ast
import functools
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ttc_data.cli import app
from ttc_data.cli.reference import reference
from ttc_data.publish.catalogue import datasets_page
from ttc_data.publish.facts import read_facts
from ttc_data.publish.schema import SCHEMAS, schema_text
from ttc_data.recipe import load_recipe, packaged_recipes
from ttc_data.train.rules import load_training

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ttc_data"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MODULES = sorted(PACKAGE.rglob("*.py"))

INLINE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
RUNS_TTCDATA = re.compile(r"^(?:sudo )?(?:\.venv/bin/)?ttcdata(?= |$)")

HEAVY = {
    "aiohttp",
    "datasets",
    "docker",
    "duckdb",
    "git",
    "huggingface_hub",
    "jinja2",
    "openai",
    "pydantic",
    "ray",
    "torch",
    "trl",
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def each(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=name_of)


# Pages that are generated


def test_the_command_line_reference_is_what_the_commands_say() -> None:
    assert (ROOT / "docs/cli.md").read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_the_page_of_datasets_is_what_recipes_and_cards_say() -> None:
    assert (ROOT / "DATASETS.md").read_text(encoding="utf-8") == datasets_page(ROOT / "docs/datasets"), (
        "run `make docs`"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "docs/datasets").iterdir()), ids=lambda path: str(path.name))
def test_the_numbers_of_a_set_are_of_what_its_recipe_mines(path: Path) -> None:
    facts, recipe = read_facts(path), load_recipe(path.stem)
    assert (facts["name"], facts["dataset"], facts["runs"]) == (recipe.name, recipe.dataset, recipe.tests.runs)
    pinned = {f"pypi/{project}" for source in recipe.sources if source.kind == "pypi" for project in source.projects}
    assert {f"{one['repo']}=={one['revision']}" for one in facts["largest"]} == pinned
    assert sum(facts["splits"].values()) == sum(one["rows"] for one in facts["largest"]) == facts["rows"]


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_the_schemas_are_what_the_records_say(name: str) -> None:
    text = (ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    assert text == schema_text(name), "run `make docs`"
    described = json.loads(text)
    assert described["additionalProperties"] is False
    assert list(described["properties"]) == described["required"]


def test_no_schema_lies_around_that_nothing_makes() -> None:
    assert {path.name for path in (ROOT / "schemas").iterdir()} == {f"{name}.schema.json" for name in SCHEMAS}


# Commands that are quoted


def command_lines(text: str) -> Iterator[str]:
    """Lines of code blocks, and inline code, that run `ttcdata`."""
    for line in text.splitlines():
        if RUNS_TTCDATA.match(line.strip()):
            yield line.strip()
    for quoted in INLINE.findall(FENCE.sub("", text)):
        if RUNS_TTCDATA.match(quoted) and "[OPTIONS]" not in quoted:
            yield quoted


@functools.cache
def program() -> Any:
    """All commands; to make them takes longer than to parse what is typed."""
    return typer.main.get_command(app)


def commands(node: Any, name: str) -> Iterator[tuple[str, Any]]:
    yield name, node
    for inner, child in getattr(node, "commands", {}).items():
        yield from commands(child, f"{name} {inner}")


def quoted_commands() -> Iterator[Any]:
    for path in PAGES:
        for line in command_lines(path.read_text(encoding="utf-8")):
            yield pytest.param(line, id=f"{name_of(path)}: {line}")
    for name, command in commands(program(), "ttcdata"):
        for line in command_lines(command.help or ""):
            yield pytest.param(line, id=f"{name} --help: {line}")


def arguments_of(line: str) -> list[str]:
    words = shlex.split(RUNS_TTCDATA.sub("", line), comments=True)
    end = next((number for number, word in enumerate(words) if word in (">", "<", "|", "&&", "2>")), len(words))
    return words[:end]


@pytest.mark.parametrize("line", list(quoted_commands()))
def test_every_command_that_is_quoted_parses(line: str) -> None:
    arguments = arguments_of(line)
    command = program()
    name = "ttcdata"
    while arguments and arguments[0] in getattr(command, "commands", {}):
        name = f"{name} {arguments[0]}"
        command = command.commands[arguments.pop(0)]
    if not arguments:
        return  # the command's name alone, in prose
    try:
        context = command.make_context(name, arguments)
    except typer.Exit:  # --help, --version
        return
    except typer.TyperException as error:
        pytest.fail(f"{line}: {error.format_message()}")
    given = context.params
    context.close()
    recipe = given.get("recipe")
    if "source" not in given:  # a training run's, or what its options take in place of it
        settings = [one for one in given.get("set_") or () if not one.startswith("llm.")]
        if recipe in packaged_recipes("train"):
            load_training(recipe, settings)
    elif recipe and (recipe in packaged_recipes() or recipe.startswith("recipes/")):
        path = recipe if recipe in packaged_recipes() else str(ROOT / recipe)
        load_recipe(path, given["set_"] or (), given["source"] or ())


def test_what_is_installed_by_name_is_ours() -> None:
    """There is no release on an index: who asks one for `ttcdata` may get what somebody else put there."""
    files = [*PAGES, *MODULES, *PACKAGE.rglob("*.j2"), *(ROOT / "recipes").iterdir(), ROOT / "Makefile"]
    named = re.compile(r"pip install[^`\n]*[ '\"]ttcdata\b(?!-)")
    assert [name_of(path) for path in files if named.search(path.read_text(encoding="utf-8"))] == []


@each([ROOT / "README.md", ROOT / "docs" / "quickstart.md", ROOT / "docs" / "publish.md"])
def test_a_page_pushes_what_it_built(path: Path) -> None:
    built, pushed = set(), []
    for line in command_lines(path.read_text(encoding="utf-8")):
        command, *words = arguments_of(line) or [""]
        if command == "build" and words:
            built.add(words[words.index("--out") + 1] if "--out" in words else f"out/{words[0]}")
        elif command == "push" and len(words) > 1:
            assert words[0] in built, line
            pushed.append(line)
    assert pushed


def test_every_command_is_shown_at_work_in_its_help() -> None:
    for name, command in commands(program(), "ttcdata"):
        if not hasattr(command, "commands"):
            examples = [line for line in command_lines(command.help or "") if line.startswith(name)]
            assert len(examples) >= 2, f"{name} --help shows {len(examples)} worked examples"


@each(PAGES)
def test_every_make_target_that_is_quoted_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = path.read_text(encoding="utf-8")
    quoted = set(re.findall(r"(?:^    |^|`)make ([a-z]+)", text, re.MULTILINE))
    assert quoted <= targets


@each(PAGES)
def test_every_python_block_compiles(path: Path) -> None:
    for language, block in FENCE.findall(path.read_text(encoding="utf-8")):
        if language == "python":
            ast.parse(block)


# Links


def anchors(text: str) -> set[str]:
    """The fragments that headings get: lower case, punctuation gone, blanks to dashes."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(text)}


@each(PAGES)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, fragment = link.partition("#")
        place = (path.parent / target).resolve() if target else path
        assert place.exists(), f"{name_of(path)} links to {link}"
        if fragment:
            assert fragment in anchors(place.read_text(encoding="utf-8")), f"{name_of(path)} links to {link}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and "://" not in link:
                waiting.append(target)
            elif target.is_dir() and "://" not in link:
                waiting += target.glob("*.md")
    assert set(PAGES) - reached == set()


# Docstrings


@each(MODULES)
def test_every_public_function_and_class_says_what_it_does(path: Path) -> None:
    if path == PACKAGE / "sandbox" / "runner.py":
        return  # a program, whose functions nobody imports
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name_of(path)}: {node.name} has no docstring"


# Weight


def modules_after(code: str) -> set[str]:
    listing = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True, timeout=60)
    return set(ran.stderr.split())


def test_importing_the_package_costs_nothing() -> None:
    more = modules_after("import ttc_data") - modules_after("")
    assert {name.partition(".")[0] for name in more} & {*HEAVY, "typer", "rich"} == set()


def test_help_imports_nothing_heavy() -> None:
    """A user who types `ttcdata --help` waits for Typer and Rich, and for nothing that a command needs."""
    loaded = modules_after(
        "sys.argv = ['ttcdata', '--help']\n"
        "from ttc_data.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()
    assert len(loaded) < 500  # 328 with Python 3.11
