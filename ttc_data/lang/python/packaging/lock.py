"""Requirements to pinned, hashed wheels, through uv; only wheels, so that nothing is ever built or run here."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from uv import find_uv_bin

from ttc_data.errors import EnvironmentFailed, SourceUnavailable, StorageFull
from ttc_data.index import uv_environment
from ttc_data.programs import NETWORK, UV, environment

TIMEOUT_S = 600
# What uv says when the index, not the project, is at fault. Infrastructure is never a project's defect.
INDEX_TROUBLE = re.compile(
    r"error sending request|dns error|connect(?:ion)? (?:refused|reset|error)|timed? ?out|Network connectivity is"
    r" disabled|HTTP status (?:server|5\d\d)|Failed to fetch|client error \(Connect\)",
    re.IGNORECASE,
)


def lock(
    requirements: Sequence[str],
    *,
    project: str,
    python: str,
    platform: str,
    exclude_newer: datetime.date | None,
    beside: Sequence[str] = (),
) -> str:
    """Pin requirements and all they need.

    Args:
        requirements: PEP 508, as the project's metadata gives them.
        project: normalised name of the project itself, left out of the result.
        python: `3.11`.
        platform: uv's name of the sandbox's platform.
        exclude_newer: resolve as of the start of this day.
        beside: normalised names of projects that lie beside it in its tree, left out as well.

    Returns:
        One pinned requirement with its hashes a line, sorted by name.

    Raises:
        EnvironmentFailed: `dependencies_unresolvable`, with the resolver's last lines.
        SourceUnavailable: the package index does not answer.
    """
    with TemporaryDirectory(prefix="ttcdata-lock-") as folder:
        wanted = Path(folder, "requirements.in")
        wanted.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        command = [
            "pip",
            "compile",
            str(wanted),
            "--quiet",
            "--no-header",
            "--no-annotate",
            "--generate-hashes",
            "--only-binary",
            ":all:",
            "--python-version",
            python,
            "--python-platform",
            platform,
            "--no-emit-index-url",
            "--no-emit-find-links",
        ]
        for name in filter(None, (project, *beside)):
            command += ["--no-emit-package", name]
        if exclude_newer is not None:
            command += ["--exclude-newer", exclude_newer.isoformat()]
        out = run_uv(command, "dependencies_unresolvable", folder)
    joined = out.replace("\\\n", "")
    lines = (" ".join(line.split()) for line in joined.splitlines())
    return "".join(f"{line}\n" for line in sorted(line for line in lines if line and not line.startswith("#")))


def install(lock_text: str, site: Path, *, python: str, platform: str) -> None:
    """Unpack a lock's wheels into `site`, hashes checked, from the shared wheel cache where they are in it.

    They are copies: through a link to the cache, whoever writes here would write into every environment of this machine.

    Raises:
        EnvironmentFailed: `dependencies_not_installable`.
        SourceUnavailable: a wheel is not cached and the index does not answer.
        StorageFull: no space left.
    """
    site.mkdir(parents=True, exist_ok=True)
    if not lock_text:
        return
    with TemporaryDirectory(prefix="ttcdata-install-") as folder:
        pinned = Path(folder, "requirements.txt")
        pinned.write_text(lock_text, encoding="utf-8")
        command = [
            "pip",
            "install",
            "--quiet",
            "--target",
            str(site),
            "--requirement",
            str(pinned),
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--python",
            sys.executable,
            "--link-mode",
            "copy",
            "--python-version",
            python,
            "--python-platform",
            platform,
        ]
        run_uv(command, "dependencies_not_installable", folder)


def run_uv(arguments: Sequence[str], reason: str, folder: str) -> str:
    """Run uv and return what it printed.

    Raises:
        EnvironmentFailed: with `reason` and the last lines of the log.
        SourceUnavailable: the package index does not answer.
        StorageFull: no space left.
    """
    variables = {**environment(*NETWORK, *UV), **uv_environment(), "UV_NO_CONFIG": "1", "UV_NO_PROGRESS": "1"}
    command = [find_uv_bin(), *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env=variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceUnavailable(
            f"uv did not finish within {TIMEOUT_S} s ({' '.join(arguments[:2])}); check the package index, and run again"
        ) from error
    if done.returncode == 0:
        return done.stdout
    said = " | ".join(line.strip() for line in done.stderr.splitlines()[-12:] if line.strip())
    said = said.replace(f"{folder}/", "")  # another name every time
    if "No space left on device" in said:
        raise StorageFull.at(f"installed packages ({said[-200:]})")
    if INDEX_TROUBLE.search(said):
        raise SourceUnavailable(
            f"the package index does not answer ({said[-300:]}); check pip's index settings and run again"
        )
    raise EnvironmentFailed(reason, said[-2000:])
