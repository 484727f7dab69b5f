"""Where the package index is: pip's own settings, read from its files and environment, and handed on to uv."""

from __future__ import annotations

import configparser
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs
from unearth import PackageFinder

from ttc_data.errors import SourceUnavailable

# A pip setting outside [global] belongs to one command; these two fetch packages as we do. Later ones win.
_SECTIONS = ("global", "download", "install")
_FILE_NAME = "pip.ini" if sys.platform == "win32" else "pip.conf"
_LISTS = ("extra-index-url", "find-links", "trusted-host")
_TRUE = ("1", "true", "yes", "on", "y", "t")


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """What pip is told about indexes. URLs may hold credentials and are kept out of `repr`."""

    index_url: str | None = field(default=None, repr=False)
    """None where nothing is configured: pip's default."""
    extra_index_urls: tuple[str, ...] = field(default=(), repr=False)
    find_links: tuple[str, ...] = field(default=(), repr=False)
    """URLs, and paths that exist."""
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None
    """A file of certificates, in place of the system's."""
    no_index: bool = False
    """Only `find_links` count."""

    @property
    def index_urls(self) -> tuple[str, ...]:
        """Every index to ask, the default included."""
        if self.no_index:
            return ()
        return (self.index_url or _default_index(), *self.extra_index_urls)


def index_settings() -> IndexSettings:
    """Read pip's settings as pip does: system, user, environment's prefix, `PIP_CONFIG_FILE`, `PIP_*` variables.

    Raises:
        SourceUnavailable: when one of pip's files cannot be parsed.
    """
    values: dict[str, str] = {}
    for path in _config_files():
        values |= _read(path)
    for name in ("index-url", "cert", "no-index", *_LISTS):
        variable = f"PIP_{name.upper().replace('-', '_')}"
        if os.environ.get(variable):
            values[name] = os.environ[variable]
    links = (os.path.expanduser(link) if "://" not in link else link for link in values.get("find-links", "").split())
    return IndexSettings(
        index_url=values.get("index-url") or None,
        extra_index_urls=tuple(values.get("extra-index-url", "").split()),
        find_links=tuple(link for link in links if "://" in link or Path(link).exists()),
        trusted_hosts=tuple(values.get("trusted-host", "").split()),
        cert=values.get("cert") or None,
        no_index=values.get("no-index", "").strip().lower() in _TRUE,
    )


def uv_environment() -> dict[str, str]:
    """Say the same to uv, as environment variables; what is not configured is not set.

    Raises:
        SourceUnavailable: as `index_settings`.
    """
    settings = index_settings()
    variables = {
        "UV_DEFAULT_INDEX": settings.index_url,
        "UV_INDEX": " ".join(settings.extra_index_urls),
        # pip takes the best version of all its indexes; uv by itself stops at the first that has the name.
        "UV_INDEX_STRATEGY": "unsafe-best-match" if settings.extra_index_urls else "",
        "UV_FIND_LINKS": ",".join(settings.find_links),
        "SSL_CERT_FILE": settings.cert,
    }
    return {name: value for name, value in variables.items() if value}


def _default_index() -> str:
    return str(PackageFinder().sources[0]["url"])


def _config_files() -> list[Path]:
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:  # pip's way to say: no files at all
        return []
    site = platformdirs.site_config_dir("pip", appauthor=False, multipath=True).split(os.pathsep)
    folders = [Path(folder) for folder in site]
    if sys.platform not in ("win32", "darwin"):
        folders.append(Path("/etc"))
    home = Path.home()
    folders.append(home / ("pip" if sys.platform == "win32" else ".pip"))
    if sys.platform == "darwin":
        folders.append(home / ".config" / "pip")
    folders.append(Path(platformdirs.user_config_dir("pip", appauthor=False, roaming=True)))
    folders.append(Path(sys.prefix))
    files = [folder / _FILE_NAME for folder in folders]
    return [*files, Path(named)] if named else files


def _read(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise SourceUnavailable(f"pip's settings in {path} cannot be read ({reason}); repair or remove it") from error
    sections = [parser[name] for name in _SECTIONS if parser.has_section(name)]
    return {key.lower().replace("_", "-"): value for section in sections for key, value in section.items()}
