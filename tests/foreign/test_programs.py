"""Programs that we start get the variables that they need; what is secret stays here unless it is for them."""

from __future__ import annotations

import ast
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from git import Repo
from hypothesis import given, settings
from hypothesis import strategies as st

import ttc_data
from ttc_data.errors import EnvironmentFailed, ModelUnavailable
from ttc_data.lang.python.packaging import lock
from ttc_data.llm.serve import Server
from ttc_data.programs import GIT, MODELS, NETWORK, TRAINING, UV, environment, hidden, without_ours
from ttc_data.rules import GitSource, LicenseRules, TreeLimits
from ttc_data.sources import git
from ttc_data.trees.store import TreeStore

PACKAGE = Path(ttc_data.__file__).parent
TOKENS = {
    "HF_TOKEN": "hf-secret", "OPENAI_API_KEY": "sk-secret", "GITHUB_TOKEN": "gh-secret", "AWS_SECRET_ACCESS_KEY": "aws-secret",
    "WANDB_API_KEY": "wandb-secret", "PIP_PASSWORD": "pip-secret", "TWINE_PASSWORD": "twine-secret", "MY_OWN": "own-secret",
    "DOCKER_AUTH_CONFIG": "docker-secret",
}  # fmt: skip
STARTS = ("run", "Popen", "call", "check_call", "check_output")
OURS = {"sandbox/inside", "llm/leash.py", "lang/python/generated"}
"""Programs that are started themselves, with what whoever starts them gives."""


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)


def program(folder: Path, name: str, then: str = "") -> tuple[Path, Path]:
    """A program that writes down its environment, and the file that it writes."""
    folder.mkdir(exist_ok=True)
    told, place = folder / f"{name}.env", folder / name
    place.write_text(f'#!/bin/sh\nenv >> "{told}"\n{then or "exit 1"}\n', encoding="utf-8")
    place.chmod(place.stat().st_mode | stat.S_IXUSR)
    return place, told


def leaked(told: Path, *allowed: str) -> list[str]:
    text = told.read_text(encoding="utf-8")
    assert "PATH=" in text
    return [name for name, value in TOKENS.items() if value in text and name not in allowed]


def test_git_is_told_no_secret_when_it_clones_and_when_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    repository = Repo.init(folder)
    (folder / "LICENSE").write_text("MIT License\n\nPermission is hereby granted, free of charge, to any person\n")
    repository.index.add(["LICENSE"])
    repository.index.commit("first")
    repository.close()
    _, told = program(tmp_path / "bin", "git", f'exec {shutil.which("git")} "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("GIT_ASKPASS", "/nobody")
    source = GitSource(url=f"file://{folder}")
    git.fetch(
        source, TreeStore(tmp_path / "trees"), TreeLimits(), LicenseRules(allow_unknown=True), tmp_path / "clones"
    )
    text = told.read_text(encoding="utf-8")
    assert leaked(told) == []
    assert "/nobody" not in text
    assert text.count("GIT_ALLOW_PROTOCOL=none") > 1
    assert "GIT_ASKPASS=true" in text


def test_uv_is_told_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, told = program(tmp_path / "bin", "uv")
    monkeypatch.setattr(lock, "find_uv_bin", lambda: str(place))
    with pytest.raises(EnvironmentFailed):
        lock.install(f"x==1 --hash=sha256:{64 * '0'}\n", tmp_path / "site", python="3.11", platform="linux")
    assert leaked(told) == []


def test_a_server_of_models_is_told_what_fetches_models_and_no_more(tmp_path: Path) -> None:
    place, told = program(tmp_path / "bin", "server")
    with pytest.raises(ModelUnavailable), Server("model", 0, tmp_path, program=(str(place),), start_s=20):
        pass
    assert leaked(told, "HF_TOKEN") == []


def test_our_trainer_is_told_of_its_figures_and_of_models() -> None:
    given = environment(*NETWORK, *TRAINING)
    assert {name for name in TOKENS if name in given} == {"HF_TOKEN", "WANDB_API_KEY", "DOCKER_AUTH_CONFIG"}


@settings(max_examples=200)
@given(st.text("ABCXYZ_", min_size=1, max_size=12), st.sampled_from(("TOKEN", "SECRET", "PASSWORD", "API_KEY")))
def test_no_name_of_a_secret_is_on_a_list_that_is_not_for_it(prefix: str, word: str) -> None:
    name = f"{prefix}_{word}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, "secret")
        for names in ((), NETWORK, UV, (*NETWORK, *UV)):
            if name.startswith("LC_"):
                continue
            assert name not in environment(*names)
            assert name in hidden(*names)
            assert without_ours(["x"], *names)[-1] == "x"


def test_what_a_proxy_needs_is_handed_on_in_both_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:1")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:2")
    given = environment(*NETWORK)
    assert (given["https_proxy"], given["HTTP_PROXY"]) == ("http://proxy:1", "http://proxy:2")
    assert "https_proxy" not in environment()
    assert set(GIT) & set(MODELS) == set()


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if not name.startswith(tuple(OURS)):
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def test_every_program_is_started_with_an_environment_of_its_own() -> None:
    """A new call that leaves `env` out would hand on everything."""
    found, without = 0, []
    for name, module in modules():
        for node in ast.walk(module):
            if not isinstance(node, ast.Call):
                continue
            if _is_start(node.func) or any(map(_is_start, node.args)):
                found += 1
                if not any(keyword.arg == "env" for keyword in node.keywords):
                    without.append(f"{name}:{node.lineno}")
    assert found > 15
    assert without == []


def _is_start(node: ast.expr) -> bool:
    node = node.value if isinstance(node, ast.Subscript) else node
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "subprocess"
        and node.attr in STARTS
    )


def test_nothing_starts_programs_another_way_or_hands_on_all_variables() -> None:
    for name, module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
                assert not node.attr.startswith(("exec", "spawn", "popen", "system", "posix_spawn")), name
            if isinstance(node, ast.Dict) and name != "programs.py":
                spread = [value for key, value in zip(node.keys, node.values, strict=True) if key is None]
                assert "os.environ" not in [ast.unparse(one) for one in spread], name
            if isinstance(node, ast.Call) and name == "sources/git.py":
                assert ast.unparse(node.func) not in ("Repo", "Git"), name
