"""What a recipe's names stood for when its set was built: `recipe.lock.yaml`, from which `ttcdata build --locked` builds it again.

The set's folder has the rest of it: `environments/KEY.json` holds the pinned requirements of each environment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from packaging.utils import canonicalize_name
from pydantic import TypeAdapter, ValidationError

from ttc_data.errors import BuildError, DatasetError, RecipeError
from ttc_data.fields import TreeOrNone
from ttc_data.keys import content_key
from ttc_data.reading import AGAIN, MOST_LOCK, fault_in, json_in, parse_yaml, text_in, validated
from ttc_data.records import Environment, Source
from ttc_data.rules import AnySource, EnvironmentRules, GitSource, PypiSource, Section, StackSource

LOCK = "recipe.lock.yaml"
HEAD = """\
# What the recipe's names stood for when this set was built. `environments/` has the pinned requirements of each environment.
# Build it again with `ttcdata build recipe.yaml --locked`.
"""
ENVIRONMENT: TypeAdapter[Environment] = TypeAdapter(Environment)


class LockedSource(Section):
    """A source of the recipe as it was found."""

    source: AnySource
    """A project with its version, a repository at its commit, or a dataset at its commit where it lies on the Hub."""
    tree: TreeOrNone = ""
    """Content hash of its files; empty for The Stack, of which one source gives many repositories."""


class Lock(Section):
    """The file."""

    recipe: str
    """Hash of the recipe."""
    ttcdata: str
    """The version that built the set."""
    python: str
    platform: str
    """Of the sandbox's interpreter, for which the requirements were pinned."""
    mined: str
    """Hash over all sources that were mined."""
    sources: tuple[LockedSource, ...]


@dataclass(frozen=True)
class Pins:
    """A lock with the set that it lies in."""

    folder: Path
    lock: Lock
    environments: dict[str, tuple[str, ...]]
    """Keys of the environments by the sources that they were made from, one for each project of a repository."""
    shared: tuple[str, ...]
    """Keys of those that single files share."""

    @property
    def key(self) -> str:
        """Content identity: part of what a stage's results depend on."""
        return content_key("pins", self.lock.model_dump(mode="json"), self.environments, self.shared)

    def environments_of(self, source: Source) -> tuple[Environment, ...]:
        """The environments that a repository had, none where no row of the set came of it."""
        return tuple(read_environment(self.folder, key) for key in self.environments.get(source.key, ()))

    def shared_environment(self, file: Environment, rules: EnvironmentRules) -> Environment | None:
        """What a single file runs in, by what the set's single files ran in; None where no row of the set came of such a file.

        Args:
            file: as described today, with other versions of the same projects.
            rules: of the recipe.
        """
        wanted = _has_imports(file, rules)
        for ground in (read_environment(self.folder, key) for key in self.shared):
            if _has_imports(ground, rules) == wanted:
                return replace(ground, source_key=file.source_key, repo=file.repo, tree=file.tree)
        return None


def _has_imports(environment: Environment, rules: EnvironmentRules) -> bool:
    """Single files share one environment without the projects of `environment.imports` and one with all of them."""
    names = {
        canonicalize_name(re.split(r"[\[=]", line, maxsplit=1)[0].strip()) for line in environment.lock.splitlines()
    }
    return bool(rules.imports) and {canonicalize_name(name) for name in rules.imports.values()} <= names


def mined_key(keys: list[str]) -> str:
    """Identity of all that was mined."""
    return content_key("mined", sorted(keys))


def write_lock(folder: Path, lock: Lock) -> None:
    """Write the file into a set's folder."""
    text = yaml.safe_dump(lock.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    (folder / LOCK).write_text(HEAD + text, encoding="utf-8")


def read_pins(folder: Path, recipe: str) -> Pins:
    """Read the lock of a set.

    Args:
        folder: of the set: holds `recipe.lock.yaml` and `environments/`.
        recipe: hash of the recipe that is to be built.

    Raises:
        RecipeError: there is no lock, it is damaged, or it is of another recipe.
        DatasetError: an environment is damaged.
    """
    path = folder / LOCK
    if not path.exists():
        raise RecipeError(f"--locked: no {path}; name a set that was built with one, or build without --locked")
    try:
        lock = Lock.model_validate(parse_yaml(text_in(folder, LOCK, MOST_LOCK)))
    except ValidationError as error:
        raise RecipeError(f"{path}: damaged ({fault_in(error)}); fetch the set again") from error
    except (DatasetError, ValueError) as error:
        raise RecipeError(f"{path}: damaged ({' '.join(str(error).split())[:200]}); fetch the set again") from error
    if lock.recipe != recipe:
        raise RecipeError(
            f"{path}: of recipe {lock.recipe}, built by ttcdata {lock.ttcdata}, and this recipe is {recipe}; leave out --set,"
            " --source and --limit, or build without --locked"
        )
    environments: dict[str, tuple[str, ...]] = {}
    shared = []
    for place in sorted((folder / "environments").glob("*.json")):
        environment = read_environment(folder, place.stem)
        if environment.source_key:
            known = environments.get(environment.source_key, ())
            environments[environment.source_key] = (*known, environment.key)
        else:
            shared.append(environment.key)
    return Pins(folder, lock, environments, tuple(shared))


def check_interpreter(lock: Lock, python: str, platform: str) -> None:
    """Requirements are pinned for one interpreter.

    Raises:
        BuildError: the sandbox has another.
    """
    if (lock.python, lock.platform) != (python, platform):
        raise BuildError(
            f"--locked: the set was built with Python {lock.python} on {lock.platform}, this sandbox has Python {python} on"
            f" {platform}; use the sandbox that it was built in (--docker, --local), or build without --locked"
        )


def check_mined(lock: Lock, mined: dict[str, str]) -> None:
    """What was mined must be what the set was made of.

    Args:
        lock: of the set.
        mined: trees by the keys of the sources.

    Raises:
        BuildError: something else was mined.
    """
    if mined_key(list(mined)) == lock.mined:
        return
    trees = set(mined.values())
    changed = next((one.source for one in lock.sources if one.tree and one.tree not in trees), None)
    what = f"{_named(changed)} gives other files" if changed else "other sources are there"
    raise BuildError(f"--locked: {what} than when the set was built; build without --locked into another --out")


def _named(source: AnySource) -> str:
    match source:
        case PypiSource():
            return f"pypi:{source.projects[0]}"
        case GitSource():
            return f"git:{source.url}@{source.revision}"
        case StackSource():
            return f"stack:{source.path}"


def read_environment(folder: Path, key: str) -> Environment:
    """An environment as a set's folder describes it.

    Raises:
        DatasetError: it is not there, or damaged.
    """
    name = f"environments/{key}.json"
    described = json_in(folder, name)
    found = described.get("environment") if isinstance(described, dict) else None
    environment: Environment = validated(ENVIRONMENT, found, f"{folder}: {name}: environment")
    if environment.key != key:
        raise DatasetError(f"{folder}: {name}: describes environment {environment.key}; {AGAIN}")
    return environment
