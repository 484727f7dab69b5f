"""What a description may say: rules that hold for every text, and a reader who decides how much a set may ask for."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import duckdb
import pytest
import yaml
from annotated_types import Ge, Le
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from tests.cli.conftest import Here, refused
from tests.foreign.hostile import HostileSet
from ttc_data.dataset import Dataset
from ttc_data.errors import DatasetError, RecipeError, SandboxUnavailable, SourceRefused
from ttc_data.fields import Rule, is_pinned, path_fault
from ttc_data.hosts import host
from ttc_data.hosts.base_image import ensure_base_image
from ttc_data.hosts.engine import connect
from ttc_data.hosts.host import EnvironmentStore
from ttc_data.lang.python.packaging import describe
from ttc_data.pins import ENVIRONMENT, LOCK, read_environment
from ttc_data.reader import may_be_pulled, reader_rules, require_granted
from ttc_data.reading import checked, json_in, parse_yaml, place_in, validated
from ttc_data.recipe import Recipe
from ttc_data.records import Environment
from ttc_data.row import Deprecated, Row
from ttc_data.rules import GRANTED, PypiSource, ReaderRules
from ttc_data.trees.foreign import check_path
from ttc_data.trees.store import TreeStore

MANY = settings(max_examples=400, deadline=None)
HASH = f"--hash=sha256:{64 * '0'}"
RECIPE = Recipe(name="x", sources=(PypiSource(projects=("x",)),))
parts = st.sampled_from(
    ("..", ".", "", "a", "b.py", "~", ".git", "...", "\\", "C:", "$HOME", "a b", "é", "\0", "\n", "x" * 300)
)
paths = st.one_of(
    st.text(max_size=20),
    st.lists(parts, max_size=6).map("/".join),
    st.lists(parts, max_size=6).map(lambda found: "/" + "/".join(found)),
)


# Every field has a rule


def texts_of(annotation: Any, name: str, rules: tuple[Any, ...] = ()) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Every text and number in a record, with the rules on the way to it."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        yield from texts_of(inner, name, (*rules, *more))
    elif annotation in (str, int, float):
        yield name, rules
    elif is_dataclass(annotation):
        hints = get_type_hints(annotation, include_extras=True)
        for field in fields(annotation):
            yield from texts_of(hints[field.name], f"{name}.{field.name}")
    else:
        for one in get_args(annotation):
            if not isinstance(one, str):
                yield from texts_of(one, name)


@pytest.mark.parametrize("record", [Row, Environment, Deprecated])
def test_every_text_and_number_of_what_is_read_has_a_rule(record: Any) -> None:
    """A new field without one would be a hole that nobody sees."""
    found = list(texts_of(record, record.__name__))
    assert len(found) > 2
    assert [name for name, rules in found if not any(isinstance(rule, (Rule, Ge, Le)) for rule in rules)] == []


def test_what_we_write_is_what_we_take() -> None:
    for option in (
        *describe.PLUGIN_OPTIONS.values(),
        "--import-mode=importlib",
        "-phelpers.plug",
        "-mnot slow",
        "--level=3",
    ):
        validated(ENVIRONMENT, {**asdict(ENVIRONMENT_OF_OURS), "pytest_args": [option]}, "x")
    validated(ENVIRONMENT, asdict(ENVIRONMENT_OF_OURS), "x")


ENVIRONMENT_OF_OURS = Environment(
    "", "owner/name", "", "pkg", "1.0", "3.11", "x86_64-manylinux_2_36", f"x==1 {HASH}\n", ("src", ""), (), (), ("t.py",), ()
)  # fmt: skip


# Paths


@MANY
@given(paths)
def test_a_path_that_passes_stays_inside_whatever_it_is_put_below(path: str) -> None:
    if path_fault(path):
        with pytest.raises(SourceRefused):
            check_path(path)
        return
    check_path(path)
    assert not PurePosixPath(path).is_absolute()
    assert str(PurePosixPath("/folder") / path).startswith("/folder/")
    assert str(PurePosixPath(path)) == path, "one spelling for each file"
    assert not {"..", ".git"} & set(path.lower().split("/"))


@settings(max_examples=60, deadline=None)
@given(
    roots=st.lists(paths, max_size=3),
    made=st.lists(paths, max_size=3),
    described=st.lists(paths, max_size=3),
    text=st.text(max_size=10),
)
def test_no_environment_writes_outside_the_cache(
    roots: list[str], made: list[str], described: list[str], text: str
) -> None:
    value = {
        **asdict(ENVIRONMENT_OF_OURS),
        "roots": roots,
        "generated": [{"path": path, "text": text} for path in made],
        "metadata": [{"path": path, "text": text} for path in described],
    }
    folder = Path(tempfile.mkdtemp(prefix="ttcdata-gate-"))
    try:
        environment = validated(ENVIRONMENT, value, "x")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(host, "install", lambda *given, **named: None)
            store = EnvironmentStore(folder / "cache", TreeStore(folder / "trees"), 10**9)
            # One path may be another's folder.
            with contextlib.suppress(FileExistsError, IsADirectoryError, NotADirectoryError):
                store.ensure(environment)
        assert {path.name for path in folder.iterdir()} <= {"cache", "trees"}
    except DatasetError:
        assert list(folder.iterdir()) == []
    finally:
        shutil.rmtree(folder)


# Locks


@MANY
@given(
    st.one_of(
        st.text(), st.from_regex(r"[a-z]{1,3}[=<>]=[0-9a-z.+!]{1,8}( ;? ?[a-z_'\"$ {}=()]{0,20})?", fullmatch=True)
    )
)
def test_a_requirement_is_pinned_and_plain_or_refused(line: str) -> None:
    whole = f"{line} {HASH}"
    if not is_pinned(whole):
        return
    read = Requirement(line)
    assert (read.url, read.extras, [one.operator for one in read.specifier]) == (None, set(), ["=="])
    assert not set("$\\`\n\r") & set(line)


@pytest.mark.parametrize(
    "line",
    [
        "attrs==26.1.0",
        "ruamel.yaml==0.18.6",
        "colorama==0.4.6 ; sys_platform == 'win32'",
        "typing-extensions==4.16.0 ; python_full_version < '3.13' and platform_machine != 'x86_64'",
        "torch==2.9.0+cpu",
        "x==1!2.0rc1.post2.dev3",
    ],
)
def test_what_uv_writes_passes(line: str) -> None:
    assert is_pinned(f"{line} {HASH} {HASH}")


# Numbers and images


@MANY
@given(st.sampled_from(GRANTED), st.integers(1, 10**15))
def test_a_set_gets_what_it_asks_for_or_less_than_the_reader_grants_and_never_more(key: str, number: int) -> None:
    section, _, field = key.partition(".")
    asked = RECIPE.model_copy(
        update={section: getattr(RECIPE, section).model_copy(update={field: number})},
    )
    most = getattr(getattr(RECIPE, section), field)
    if number <= most:
        require_granted(asked, ReaderRules(), "SET")
    else:
        with pytest.raises(
            DatasetError, match=rf"^SET: recipe.yaml: {key}: must be at most .*, is {number}; .*--grant"
        ):
            require_granted(asked, ReaderRules(), "SET")
    require_granted(asked, reader_rules([], [f"{key}={number}"]), "SET")
    with pytest.raises(DatasetError):
        require_granted(asked, reader_rules([], [f"{key}={number - 1}"]), "SET")


def test_images_are_ours_or_allowed_or_named_by_a_digest() -> None:
    digest = f"somebody/x@sha256:{64 * 'a'}"
    allowed = reader_rules(["somebody/x", "other:1"], [])
    for image in ("python:3.11-slim", "ttcdata/base:bookworm"):
        assert may_be_pulled(image, ReaderRules())
    for image in ("python:3.12", "python:3.11-slim-evil", "somebody/x:1", digest, "ttcdata/base-evil:1"):
        assert not may_be_pulled(image, ReaderRules())
    for image in ("somebody/x", "somebody/x:1", digest, "other:1"):
        assert may_be_pulled(image, allowed)
    assert not may_be_pulled("somebody/xyz", allowed)
    assert not may_be_pulled("other:12", allowed)
    by_digest = RECIPE.model_copy(update={"image": RECIPE.image.model_copy(update={"base": digest})})
    require_granted(by_digest, ReaderRules(), "SET")


@pytest.mark.docker
def test_an_image_by_digest_that_is_not_there_is_not_fetched() -> None:
    client = connect()
    said: list[str] = []
    try:
        with pytest.raises(SandboxUnavailable, match="--allow-image evil"):
            ensure_base_image(client, f"evil.example/x@sha256:{64 * 'a'}", said.append, pull=False)
    finally:
        client.close()
    assert said == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--grant", "sandbox.memory_bytes"], ["--grant", "sandbox.memory_bytes="]),
        (["--grant", "sandbox.memory_bytes=much"], ["--grant", "number", "'much'"]),
        (["--grant", "sandbox.color=1"], ["--grant", "sandbox.color"]),
        (["--allow-image", "x y"], ["--allow-image", "'x y'"]),
    ],
)
def test_a_wrong_grant_is_one_line(here: Here, hostile: HostileSet, options: list[str], words: list[str]) -> None:
    refused(here("validate", str(hostile.folder), "--local", *options), 2, *words)


@pytest.mark.local
def test_what_is_granted_is_given(here: Here, hostile: HostileSet) -> None:
    hostile.change_recipe(sandbox={"memory_bytes": 4 * 1024**3}, image={"base": "somebody/x:1"})
    (hostile.folder.parent / "answers").write_text('{"instance_id": "x", "completion": "x"}', encoding="utf-8")
    line = ["grade", str(hostile.folder), "--predictions", str(hostile.folder.parent / "answers"), "--local"]
    refused(here(*line), 1, "sandbox.memory_bytes", "--grant sandbox.memory_bytes=4294967296")
    grant = ["--grant", "sandbox.memory_bytes=4294967296"]
    refused(here(*line, *grant), 1, "image.base", "--allow-image somebody/x:1")
    ran = here(*line, *grant, "--allow-image", "somebody/x")
    assert ran.stdout.startswith("not graded  x  unknown_instance")


def test_rows_name_images_that_the_reader_allows(here: Here, hostile: HostileSet) -> None:
    pushed = f"registry.example.com/org/ttcdata-row@sha256:{64 * 'a'}"
    hostile.change_row(image=pushed)
    refused(
        here("export", "harbor", str(hostile.folder), "a"), 1, "image", pushed[:20], "--allow-image registry.example"
    )
    for more in (["--allow-image", "registry.example.com/org/ttcdata-row"], ["--registry", "mine.example.com"]):
        ran = here("export", "harbor", str(hostile.folder), more[0].strip("-"), *more)
        assert ran.returncode == 0, ran.stderr
    assert here("export", "sft", str(hostile.folder), "sft").returncode == 0, "nothing is started from it"


def test_a_set_does_not_say_where_the_readers_model_and_its_key_are_asked(here: Here, hostile: HostileSet) -> None:
    hostile.change_recipe(llm={"urls": ["http://127.0.0.1:9/v1"]}, spec={"origin": "model"})
    recipe = yaml.safe_load((hostile.folder / "recipe.yaml").read_text(encoding="utf-8"))
    lock = {
        "recipe": Recipe.model_validate(recipe).hash, "ttcdata": "1", "python": "3.11", "platform": "linux", "mined": "x", "sources": [],
    }  # fmt: skip
    hostile.write(LOCK, yaml.safe_dump(lock))
    line = ["build", str(hostile.folder), "--locked", "--dry-run"]
    refused(here(*line), 2, "llm", "127.0.0.1:9", "--llm URL")
    assert here(*line, "--llm", "http://127.0.0.1:8/v1").returncode == 0


# Files


def test_a_snapshot_of_the_hub_is_links_to_its_own_blobs_and_no_others(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "datasets--o--n" / "blobs", tmp_path / "datasets--o--n" / "snapshots" / "abc"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (blobs / "1").write_text('{"a": 1}', encoding="utf-8")
    (tmp_path / "mine").write_text('{"a": 2}', encoding="utf-8")
    (snapshot / "card.json").symlink_to("../../blobs/1")
    (snapshot / "other.json").symlink_to(tmp_path / "mine")
    assert json_in(snapshot, "card.json") == {"a": 1}
    with pytest.raises(DatasetError, match="must lie in the set"):
        json_in(snapshot, "other.json")
    with pytest.raises(DatasetError, match="must lie in the set"):
        place_in(snapshot, "../../../mine")
    for name in ("missing", "a\0b", "x" * 5_000, "."):
        with pytest.raises(DatasetError):
            place_in(snapshot, name)


@MANY
@given(st.one_of(st.text(), st.binary().map(lambda data: data.decode("latin-1"))))
def test_yaml_is_a_value_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        checked(parse_yaml(text))


@pytest.mark.parametrize("text", ['a: !!timestamp "abc"', 'a: !!int ""', 'a: !!bool "abc"'])
def test_a_value_that_is_not_what_its_tag_says_is_told_in_words_about_the_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a value is not what its tag says$"):
        parse_yaml(text)


def test_a_recipe_that_says_the_same_twice_may_do_so() -> None:
    assert parse_yaml("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}
    with pytest.raises(ValueError, match="aliases"):
        parse_yaml("a: &x 1\nb: [" + "*x, " * 30 + "]")


def test_a_huge_row_is_named_and_not_printed(hostile: HostileSet) -> None:
    hostile.change_row(license="x" * 5_000)
    with pytest.raises(
        DatasetError, match=r"license: must be text of at most 2000 characters, is '.{3,80}' ?"
    ) as found:
        list(Dataset(hostile.folder).rows())
    assert len(str(found.value)) < 500


def test_wrong_columns_are_one_line(hostile: HostileSet) -> None:
    table = hostile.folder / "data" / "train-00000-of-00001.parquet"
    with duckdb.connect() as connection:
        query = f"SELECT * REPLACE ([1]::INT[] AS instance_id, 'x' AS ttc_tripwires) FROM read_parquet('{table}')"
        connection.sql(query).write_parquet(str(table.with_suffix(".new")))
    table.with_suffix(".new").rename(table)
    with pytest.raises(DatasetError, match=r'column "instance_id": must be of type VARCHAR, is of \'INTEGER\[\]\''):
        Dataset(hostile.folder)


def test_the_key_binds_what_an_environment_says(hostile: HostileSet) -> None:
    path = hostile.folder / "environments" / f"{hostile.environment.key}.json"
    path.write_text(json.dumps({"environment": asdict(replace(hostile.environment, version="2"))}), encoding="utf-8")
    with pytest.raises(DatasetError, match="describes environment"):
        read_environment(hostile.folder, hostile.environment.key)


def test_reader_rules_are_read_from_options() -> None:
    assert reader_rules(["a"], ["sandbox.cpus=1.5"]) == ReaderRules(allow_images=("a",), grant={"sandbox.cpus": 1.5})
    with pytest.raises(RecipeError, match="--grant"):
        reader_rules(None, ["x"])
