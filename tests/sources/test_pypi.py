"""Sdists come from whatever index pip is told to use; a local one over HTTP stands in for it here."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ttc_data.errors import RecipeError, SourceRefused, SourceUnavailable
from ttc_data.index import IndexSettings, index_settings, uv_environment
from ttc_data.rules import LicenseRules, TreeLimits
from ttc_data.sources import pypi
from ttc_data.sources.pypi import fetch, locate
from ttc_data.trees.store import TreeStore

LIMITS, MIT = TreeLimits(), LicenseRules(allow=("MIT",))


def sdist(name: str, version: str, license_: str = "MIT", mtime: int = 1_700_000_000) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, data in (
            ("PKG-INFO", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: {license_}\n"),
            ("setup.py", "open('/tmp/ran', 'w')\n"),
        ):
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size, member.mtime = len(data), mtime
            tar.addfile(member, io.BytesIO(data.encode()))
    return packed.getvalue()


class Index:
    """A simple index on a real socket: project to file name to content, upload time and yanked."""

    def __init__(self) -> None:
        self.projects: dict[str, dict[str, tuple[bytes, str]]] = {}
        self.yanked: set[str] = set()
        self.status = 200
        self.bad_hash = False
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = index.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple"

    def answer(self, path: str) -> tuple[int, str, bytes]:
        if self.status != 200:
            return self.status, "text/plain", b"no"
        parts = path.strip("/").split("/")
        files = self.projects.get(parts[1], {})
        if len(parts) == 3 and parts[2] in files:
            return 200, "application/octet-stream", files[parts[2]][0]
        if parts[1] not in self.projects:
            return 404, "text/plain", b"no"
        listed = []
        for name, (data, uploaded) in files.items():
            digest = "0" * 64 if self.bad_hash else hashlib.sha256(data).hexdigest()
            one = {"filename": name, "url": name, "hashes": {"sha256": digest}, "yanked": name in self.yanked}
            listed.append(one | ({"upload-time": uploaded} if uploaded else {}))
        page = {"meta": {"api-version": "1.1"}, "name": parts[1], "files": listed}
        return 200, "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    monkeypatch.setattr(pypi, "_RETRY_AFTER_S", (0.01,))
    served = Index()
    thread = threading.Thread(target=served.server.serve_forever)
    thread.start()
    for version, day in (("1.0", "2020-01-01"), ("1.5", "2022-06-01"), ("2.0rc1", "2023-01-01"), ("1.10", "")):
        stamp = f"{day}T10:00:00Z" if day else ""
        served.projects.setdefault("some-thing", {})[f"some_thing-{version}.tar.gz"] = (
            sdist("Some.Thing", version),
            stamp,
        )
    yield served
    served.server.shutdown()
    served.server.server_close()
    thread.join()


def _settings(index: Index) -> IndexSettings:
    return IndexSettings(index_url=index.url)


def test_the_newest_release_is_found_by_version_and_not_by_spelling(index: Index) -> None:
    assert locate("Some_Thing", settings=_settings(index)).version == "1.10"
    assert locate("some.thing==2.0rc1", settings=_settings(index)).version == "2.0rc1"
    index.yanked.add("some_thing-1.10.tar.gz")
    assert locate("some-thing", settings=_settings(index)).version == "1.5"
    assert locate("some-thing==1.10.0", settings=_settings(index)).version == "1.10"


def test_a_day_excludes_what_was_uploaded_later_and_nothing_without_a_date(index: Index) -> None:
    day = datetime.date(2022, 6, 1)
    assert locate("some-thing", day, settings=_settings(index)).version == "1.10"
    del index.projects["some-thing"]["some_thing-1.10.tar.gz"]
    assert locate("some-thing", day, settings=_settings(index)).version == "1.5"
    assert locate("some-thing", datetime.date(2022, 5, 31), settings=_settings(index)).version == "1.0"


def test_a_fetched_sdist_is_a_source(index: Index, tmp_path: Path) -> None:
    trees = TreeStore(tmp_path)
    source = fetch(locate("some-thing", settings=_settings(index)), trees, LIMITS, MIT, _settings(index))
    assert (source.kind, source.repo, source.revision) == ("pypi", "pypi/some-thing", "1.10")
    assert (source.origin, source.license, source.created_at) == ("pypi:some-thing==1.10", "MIT", "2023-11-14")
    assert [path for path, _ in trees.files(source.tree)] == ["PKG-INFO", "setup.py"]
    dated = fetch(locate("some-thing==1.5", settings=_settings(index)), trees, LIMITS, MIT, _settings(index))
    assert dated.created_at == "2022-06-01"


def test_an_archive_without_dates_leaves_the_date_open(index: Index, tmp_path: Path) -> None:
    index.projects["nodate"] = {"nodate-1.tar.gz": (sdist("nodate", "1", mtime=0), "")}
    located = locate("nodate", settings=_settings(index))
    assert fetch(located, TreeStore(tmp_path), LIMITS, MIT, _settings(index)).created_at == ""


def test_what_the_index_lacks_is_refused_with_the_reason(index: Index) -> None:
    index.projects["wheels"] = {"wheels-1-py3-none-any.whl": (b"", "")}
    index.projects["early"] = {"early-1.0a1.tar.gz": (sdist("early", "1.0a1"), "")}
    for project, reason in (
        ("unheard-of", "project_not_found"),
        ("wheels", "no_sdist"),
        ("some-thing==9", "version_not_found"),
        ("early", "version_not_found"),
    ):
        with pytest.raises(SourceRefused) as refused:
            locate(project, settings=_settings(index))
        assert refused.value.reason == reason, project


@pytest.mark.parametrize(
    "project", ["", "a b", "x>=1", "x==1.*", "x==1,!=2", "x[y]", "x @ https://h.invalid/x", "../x"]
)
def test_a_project_that_is_no_name_is_a_mistake_in_the_recipe(project: str) -> None:
    with pytest.raises(RecipeError, match="NAME==VERSION"):
        locate(project)


@pytest.mark.parametrize("status", [500, 503, 429, 401, 403])
def test_an_index_that_fails_is_no_missing_project(index: Index, status: int) -> None:
    index.status = status
    with pytest.raises(SourceUnavailable, match=rf"{status}\); check the network"):
        locate("some-thing", settings=_settings(index))


def test_an_index_that_is_not_there_is_named_without_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pypi, "_RETRY_AFTER_S", ())
    with pytest.raises(SourceUnavailable, match=r"package index: 127\.0\.0\.1 does not answer") as unavailable:
        locate("toolz", settings=IndexSettings(index_url="http://user:secret@127.0.0.1:9/simple"))
    assert "secret" not in str(unavailable.value)


def test_a_changed_download_and_one_too_large_are_refused(index: Index, tmp_path: Path) -> None:
    located = locate("some-thing", settings=_settings(index))
    with pytest.raises(SourceRefused) as refused:
        fetch(located, TreeStore(tmp_path), TreeLimits(max_archive_bytes=10), MIT, _settings(index))
    assert refused.value.reason == "archive_too_large"
    index.bad_hash = True
    with pytest.raises(SourceRefused) as refused:
        fetch(locate("some-thing", settings=_settings(index)), TreeStore(tmp_path), LIMITS, MIT, _settings(index))
    assert refused.value.reason == "archive_damaged"
    assert list(tmp_path.iterdir()) == []


def test_a_licence_outside_the_rules_is_refused(index: Index, tmp_path: Path) -> None:
    index.projects["gpl"] = {"gpl-1.tar.gz": (sdist("gpl", "1", "GPLv3"), "")}
    with pytest.raises(SourceRefused) as refused:
        fetch(locate("gpl", settings=_settings(index)), TreeStore(tmp_path), LIMITS, MIT, _settings(index))
    assert refused.value.reason == "license_not_allowed"


def test_a_folder_of_files_is_an_index_too(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links/local-3.tar.gz").write_bytes(sdist("local", "3"))
    settings = IndexSettings(find_links=(str(tmp_path / "links"),), no_index=True)
    source = fetch(locate("local", settings=settings), TreeStore(tmp_path / "trees"), LIMITS, MIT, settings)
    assert source.origin == "pypi:local==3"


@pytest.fixture
def pip_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config/pip").mkdir(parents=True)
    return tmp_path


def test_pip_settings_come_from_its_files_and_then_its_variables(
    pip_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pip_files / "config/pip/pip.conf").write_text(
        "[global]\nindex_url = https://one.invalid/simple\nextra-index-url =\n  https://two.invalid/s\n"
        "  https://three.invalid/s\ntrusted-host = two.invalid\n[install]\nfind-links = /nonexistent /\n"
    )
    found = index_settings()
    assert found.index_urls == ("https://one.invalid/simple", "https://two.invalid/s", "https://three.invalid/s")
    assert (found.find_links, found.trusted_hosts) == (("/",), ("two.invalid",))
    monkeypatch.setenv("PIP_INDEX_URL", "https://u:secret@env.invalid/simple")
    monkeypatch.setenv("PIP_CERT", "/etc/cert.pem")
    assert index_settings().index_url == "https://u:secret@env.invalid/simple"
    assert "secret" not in repr(index_settings())
    assert uv_environment() == {
        "UV_DEFAULT_INDEX": "https://u:secret@env.invalid/simple",
        "UV_INDEX": "https://two.invalid/s https://three.invalid/s",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/",
        "SSL_CERT_FILE": "/etc/cert.pem",
    }


def test_without_pip_settings_uv_is_told_nothing(monkeypatch: pytest.MonkeyPatch, pip_files: Path) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert pip_files.is_dir()
    assert uv_environment() == {}
    assert len(index_settings().index_urls) == 1


def test_a_broken_pip_file_is_named(pip_files: Path) -> None:
    (pip_files / "config/pip/pip.conf").write_text("no section\n")
    with pytest.raises(SourceUnavailable, match=r"pip\.conf cannot be read"):
        index_settings()


@pytest.mark.network
def test_a_real_project_is_fetched(tmp_path: Path) -> None:
    source = fetch(locate("toolz==1.0.0"), TreeStore(tmp_path), LIMITS, LicenseRules())
    assert (source.repo, source.revision, source.license) == ("pypi/toolz", "1.0.0", "BSD-3-Clause")
    assert source.files > 30


@pytest.mark.network
def test_a_name_that_nobody_has_is_not_found() -> None:
    with pytest.raises(SourceRefused) as refused:
        locate("ttcdata-test-name-that-nobody-registered")
    assert refused.value.reason == "project_not_found"
