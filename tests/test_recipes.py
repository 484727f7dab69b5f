"""Every recipe that ships parses, every key is documented, and every mistake in one is a single clear line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from ttc_data import recipe as recipes
from ttc_data.errors import RecipeError
from ttc_data.recipe import Recipe, load_recipe, packaged_recipes, parse_source
from ttc_data.rules import GitSource, PypiSource, Section, StackSource

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (PypiSource, GitSource, StackSource)


def sections() -> dict[str, type[BaseModel]]:
    """Prefix of a section's keys in a recipe, and its model."""
    found: dict[str, type[BaseModel]] = {"": Recipe}
    for name, field in Recipe.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            found[f"{name}."] = field.annotation
    return found


def write(folder: Path, text: str, name: str = "mine.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def refusal(folder: Path, text: str, *settings: str) -> str:
    path = write(folder, text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, settings)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message.replace(str(folder), "")


TOOLZ = "sources: [{kind: pypi, projects: [toolz]}]\n"


def test_every_recipe_key_is_documented() -> None:
    """`docs/recipes.md` names each key as it is written on the command line: `tests.runs`."""
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    missing = [
        f"{prefix}{key}"
        for prefix, model in sections().items()
        for key in model.model_fields
        if f"`{prefix}{key}`" not in page
    ]
    assert missing == []


def test_every_source_key_is_documented_under_its_kind() -> None:
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    for model in SOURCES:
        kind = model.model_fields["kind"].default
        part = page.partition(f"### `kind: {kind}`")[2].partition("\n#")[0]
        assert [key for key in model.model_fields if key != "kind" and f"`{key}`" not in part] == []


def test_the_documentation_names_no_key_that_does_not_exist() -> None:
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    known = {f"{prefix}{key}" for prefix, model in sections().items() for key in model.model_fields}
    named = {key for key in re.findall(r"^\| `([a-z_.]+)` ", page, re.MULTILINE) if "." in key}
    assert named - known == set()


def test_the_documented_defaults_are_the_defaults() -> None:
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    for prefix, model in sections().items():
        for key, field in model.model_fields.items():
            shown = re.search(rf"^\| `{re.escape(prefix + key)}` \| `([^`]*)` ", page, re.MULTILINE)
            if shown is not None and isinstance(field.default, (bool, int, float, str)):
                assert shown[1] == _as_yaml(field.default), prefix + key


def _as_yaml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return '""' if value == "" else str(value)


@pytest.mark.parametrize("path", packaged_recipes().values(), ids=lambda path: path.name)
def test_every_recipe_in_the_folder_parses_and_pins_what_it_mines(path: Path) -> None:
    loaded = load_recipe(str(path))
    assert loaded.name == path.stem
    assert loaded.description
    assert loaded.environment.exclude_newer is not None
    pypi = [source for source in (*loaded.sources, *loaded.open_sources) if isinstance(source, PypiSource)]
    assert [project for source in pypi for project in source.projects if "==" not in project] == []


def test_the_recipes_of_the_folder_are_the_packaged_ones() -> None:
    packaged = {*packaged_recipes().values(), *packaged_recipes("train").values()}
    assert packaged == set((ROOT / "recipes").glob("*.yaml"))
    assert {"demo", "stack-impl"} <= packaged_recipes().keys()
    assert load_recipe("demo") == load_recipe(str(ROOT / "recipes" / "demo.yaml"))


def test_the_demo_mines_at_least_three_projects() -> None:
    (source,) = load_recipe("demo").sources
    assert isinstance(source, PypiSource)
    assert len(source.projects) >= 3


def test_a_file_without_a_name_is_named_after_itself(tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path, TOOLZ, "My-Set.yaml")).name == "my-set"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TOOLZ + "tests: {run: 5}\n", "tests.run: unknown key; did you mean 'runs'?"),
        (TOOLZ + "extrct: {}\n", "extrct: unknown key; did you mean 'extract'?"),
        (TOOLZ + "zzzz: 1\n", "zzzz: unknown key"),
    ],
)
def test_an_unknown_key_names_the_near_one(tmp_path: Path, text: str, said: str) -> None:
    assert refusal(tmp_path, text) == f"/mine.yaml: {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TOOLZ + "tests: {runs: 0}\n", "tests.runs: Input should be greater than or equal to 2, got 0"),
        (TOOLZ + "tests: {runs: many}\n", "tests.runs: Input should be a valid integer"),
        (TOOLZ + "mask: {mode: half}\n", "mask.mode: Input should be 'body' or 'whole', got 'half'"),
        (TOOLZ + "name: Not Lower\n", "name: String should match pattern"),
        (TOOLZ + "splits: {train: 0.5}\n", "splits: Value error, train + validation + test is 0.6, must be 1"),
        (TOOLZ + "environment: {exclude_newer: someday}\n", "environment.exclude_newer: Input should be a valid date"),
        ("sources: []\n", "sources: Tuple should have at least 1 item"),
        ("sources: [{kind: floppy}]\n", "sources.0: Input tag 'floppy' found using 'kind' does not match"),
        ("sources: [{kind: pypi, projects: []}]\n", "sources.0.pypi.projects: Tuple should have at least 1 item"),
        ("name: x\n", "sources: Field required"),
        ("- toolz\n", "must be a mapping of recipe keys, is list"),
        ("", "must be a mapping of recipe keys, is NoneType"),
        ("a: [1\n", "not YAML ("),
    ],
)
def test_a_bad_value_is_one_line_with_key_constraint_and_value(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_several_mistakes_are_counted(tmp_path: Path) -> None:
    assert refusal(tmp_path, TOOLZ + "tests: {runs: 0, max_candidates: 0}\n").endswith("(and 1 more)")


def test_bytes_that_are_no_text_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(RecipeError, match=r"bad\.yaml: not YAML"):
        load_recipe(str(tmp_path / "bad.yaml"))


def test_a_recipe_that_is_not_there_names_the_near_one() -> None:
    with pytest.raises(
        RecipeError, match=r"no recipe 'stack-imp': did you mean 'stack-impl'\? give a YAML file or one of"
    ):
        load_recipe("stack-imp")


def test_set_changes_one_field_and_reads_its_value_as_yaml(tmp_path: Path) -> None:
    path = write(tmp_path, TOOLZ)
    changed = load_recipe(
        path, ["tests.runs=5", "license.allow=[MIT, ISC]", "seed=7", "llm.model=''", "tests.doctests=false"]
    )
    assert changed.tests.runs == 5
    assert changed.license.allow == ("MIT", "ISC")
    assert changed.seed == 7
    assert changed.tests.doctests is False
    assert changed.hash != load_recipe(path).hash


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("tests.runs", "--set 'tests.runs': must be section.field=value"),
        ("=5", "--set '=5': must be section.field=value"),
        ("seed.x=1", "seed: Input should be a valid integer"),
        ("sources.x=1", "--set 'sources.x=1': 'sources' is not a section"),
        ("tests.runs=[", "--set 'tests.runs=[': the value is not YAML; quote it"),
        ("tests.rums=5", "tests.rums: unknown key; did you mean 'runs'?"),
    ],
)
def test_a_bad_set_is_one_line(tmp_path: Path, setting: str, said: str) -> None:
    assert said in refusal(tmp_path, TOOLZ, setting)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("pypi:toolz", PypiSource(projects=("toolz",))),
        ("pypi:toolz==1.0.0", PypiSource(projects=("toolz==1.0.0",))),
        ("git:/srv/repo", GitSource(url="/srv/repo")),
        ("git:/srv/repo@v1.2", GitSource(url="/srv/repo", revision="v1.2")),
        ("git:https://example.org/a/b.git@main", GitSource(url="https://example.org/a/b.git", revision="main")),
        ("git:git@example.org:a/b.git", GitSource(url="git@example.org:a/b.git")),
        ("git:git@example.org:a/b@main", GitSource(url="git@example.org:a/b", revision="main")),
        ("git:git@example.org:a/b@feature/x", GitSource(url="git@example.org:a/b", revision="feature/x")),
        ("git:git@example.org:a/b/c.git@feature/x", GitSource(url="git@example.org:a/b/c.git", revision="feature/x")),
        ("git:https://me@example.org/a/b@feature/x", GitSource(url="https://me@example.org/a/b", revision="feature/x")),
        ("git:https://example.org/a/b@x@y", GitSource(url="https://example.org/a/b", revision="x@y")),
        ("git:https://me@example.org/a/b", GitSource(url="https://me@example.org/a/b")),
        ("git:https://example.org/@a/b", GitSource(url="https://example.org/@a/b")),
        ("git:/srv/repo@", GitSource(url="/srv/repo@")),
        ("stack:hf://datasets/a/b/*.parquet", StackSource(path="hf://datasets/a/b/*.parquet")),
    ],
)
def test_a_source_option_is_read(text: str, source: Section) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_that_is_there_is_the_repository_whatever_its_name_holds(tmp_path: Path, scheme: str) -> None:
    for name in ("plain", "at@home", "at@home@work"):
        (tmp_path / name).mkdir()
    for name, revision in [
        ("plain", "feature/x"), ("plain", "v1"), ("plain", "x@y/z"), ("at@home", "v1"), ("at@home@work", "feature/x")
    ]:  # fmt: skip
        url = f"{scheme}{tmp_path}/{name}"
        assert parse_source(f"git:{url}@{revision}") == GitSource(url=url, revision=revision)
        assert parse_source(f"git:{url}") == GitSource(url=url)


@pytest.mark.parametrize("text", ["toolz", "pypi:", "floppy:a", ":", "", "PYPI:toolz"])
def test_a_source_option_of_no_known_kind_is_one_line(text: str) -> None:
    with pytest.raises(RecipeError, match=r"must be pypi:NAME\[==VERSION\], git:URL\[@REVISION\] or stack:PATH"):
        parse_source(text)


def test_source_options_replace_the_sources_of_a_recipe() -> None:
    changed = load_recipe("stack-impl", sources=["pypi:toolz", "pypi:humanize"])
    assert changed.sources == (PypiSource(projects=("toolz",)), PypiSource(projects=("humanize",)))
    assert changed.open_sources == ()


def test_every_field_of_a_recipe_with_a_default_is_frozen() -> None:
    loaded = load_recipe("demo")
    with pytest.raises(ValueError, match="frozen"):
        loaded.seed = 1  # type: ignore[misc]


def test_the_hash_ignores_the_order_of_keys(tmp_path: Path) -> None:
    one = load_recipe(write(tmp_path, "seed: 3\nname: a\n" + TOOLZ, "one.yaml"))
    two = load_recipe(write(tmp_path, TOOLZ + "name: a\nseed: 3\n", "two.yaml"))
    assert one.hash == two.hash
    assert recipes.Recipe.model_validate(one.model_dump()) == one
