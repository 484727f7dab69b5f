"""Archives are foreign: each test here is named after what a hostile one tries."""

from __future__ import annotations

import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ttc_data.errors import SourceRefused, SourceUnavailable
from ttc_data.rules import TreeLimits
from ttc_data.sources.archives import read_archive
from ttc_data.trees.foreign import TreeFile
from ttc_data.trees.links import TreeLink

LIMITS = TreeLimits(max_file_bytes=1_000_000, max_tree_bytes=3_000_000, max_files=50)


def _tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], **options: object) -> Path:
    mode = {".gz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}.get(path.suffix, "w")
    with tarfile.open(path, mode, **options) as tar:  # type: ignore[call-overload]
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    return path


def _file(name: str, data: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    return member, data


def _special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def _zip(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def _zip_link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info, target.encode()


def _refused(path: Path, limits: TreeLimits = LIMITS) -> str:
    with pytest.raises(SourceRefused) as refused:
        list(read_archive(path, limits))
    return refused.value.reason


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.bz2", ".tar.xz", ".tar"])
def test_the_top_folder_goes_and_ordinary_files_stay(tmp_path: Path, suffix: str) -> None:
    path = _tar(
        tmp_path / f"p-1.0{suffix}",
        _special("p-1.0", tarfile.DIRTYPE),
        _file("p-1.0/setup.py", b"raise SystemExit"),
        _file("./p-1.0/p/__init__.py", b""),
        _special("p-1.0/latest", tarfile.SYMTYPE, "p/__init__.py"),
        _file("p-1.0/.git/config", b"[core]"),
    )
    assert list(read_archive(path, LIMITS)) == [
        TreeFile("setup.py", b"raise SystemExit"),
        TreeFile("p/__init__.py", b""),
        TreeLink("latest", "p/__init__.py"),
    ]


def test_zip_files_are_read_alike(tmp_path: Path) -> None:
    path = _zip(tmp_path / "p.zip", ("p-1.0/", b""), ("p-1.0/a.py", b"a"), _zip_link("p-1.0/link", "a.py"))
    first, second = read_archive(path, LIMITS)
    assert isinstance(first, TreeFile)
    assert (first.path, first.data) == ("a.py", b"a")
    assert second == TreeLink("link", "a.py")


def test_two_top_folders_stay(tmp_path: Path) -> None:
    path = _tar(tmp_path / "p.tar.gz", _file("one/a.py"), _file("two/b.py"))
    assert [file.path for file in read_archive(path, LIMITS)] == ["one/a.py", "two/b.py"]


def test_member_dates_are_kept_for_the_source(tmp_path: Path) -> None:
    member, data = _file("p/a.py")
    member.mtime = 1_700_000_000
    (file,) = read_archive(_tar(tmp_path / "p.tar.gz", (member, data)), LIMITS)
    assert isinstance(file, TreeFile)
    assert file.modified == member.mtime


def test_a_zip_bomb(tmp_path: Path) -> None:
    assert _refused(_zip(tmp_path / "p.zip", ("p/a", bytes(2_000_000)))) == "file_too_large"
    many = [(f"p/{number}", bytes(900_000)) for number in range(4)]
    assert _refused(_zip(tmp_path / "q.zip", *many)) == "tree_too_large"


def test_a_zip_that_lies_about_its_sizes(tmp_path: Path) -> None:
    path = _zip(tmp_path / "p.zip", ("p/a", bytes(2_000_000)))
    data = bytearray(path.read_bytes())
    size = struct.pack("<L", 2_000_000)
    path.write_bytes(bytes(data.replace(size, struct.pack("<L", 10))))
    assert _refused(path) == "archive_damaged"


def test_a_gzip_bomb_in_a_tar(tmp_path: Path) -> None:
    assert _refused(_tar(tmp_path / "p.tar.gz", _file("p/a", bytes(2_000_000)))) == "file_too_large"
    many = [_file(f"p/{number}", bytes(900_000)) for number in range(4)]
    assert _refused(_tar(tmp_path / "q.tar.xz", *many)) == "tree_too_large"


def test_a_tar_bomb_by_sparse_header(tmp_path: Path) -> None:
    header = bytearray(tarfile.TarInfo("p/a").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[483:495] = b"%011o\0" % (8 << 30)  # the size after expansion
    checksum = sum(header[:148]) + sum(header[156:512]) + 8 * 32
    header[148:156] = b"%06o\0 " % checksum
    path = tmp_path / "p.tar"
    path.write_bytes(bytes(header) + bytes(1024))
    assert _refused(path) == "file_too_large"


def test_a_header_bomb(tmp_path: Path) -> None:
    """An extended header is read whole by tarfile, whatever its size: 2.9 MB that gzip packs into 3 kB."""
    member, data = _file("p/a")
    member.pax_headers = {"comment": "x" * 2_900_000}
    assert _refused(_tar(tmp_path / "p.tar.gz", (member, data), format=tarfile.PAX_FORMAT)) == "archive_damaged"


def test_an_xz_that_asks_for_gigabytes_of_memory(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
    data = bytearray(lzma.compress(b"x" * 100, filters=filters))
    at = data.index(b"\x21\x01") + 2
    data[at] = 40  # the largest dictionary, 4 GiB
    header = data[12 : 12 + (data[12] + 1) * 4]
    data[12 + len(header) - 4 : 12 + len(header)] = struct.pack("<L", zlib.crc32(header[:-4]))
    path = tmp_path / "p.tar.xz"
    path.write_bytes(bytes(data))
    assert _refused(path) == "archive_damaged"


def test_more_files_than_allowed(tmp_path: Path) -> None:
    assert _refused(_tar(tmp_path / "p.tar.gz", *(_file(f"p/{n}") for n in range(60)))) == "too_many_files"
    folders = [_special(f"p/{n}", tarfile.DIRTYPE) for n in range(60)]
    assert _refused(_tar(tmp_path / "q.tar.gz", *folders)) == "too_many_files"
    assert _refused(_zip(tmp_path / "p.zip", *((f"p/{n}", b"") for n in range(60)))) == "too_many_files"


def test_a_zip_directory_larger_than_memory_is_not_read(tmp_path: Path) -> None:
    path = _zip(tmp_path / "p.zip", *((f"p/{n}", b"") for n in range(60)))
    assert _refused(path, TreeLimits(max_files=1)) == "too_many_files"


def test_an_archive_above_its_limit_is_not_opened(tmp_path: Path) -> None:
    assert _refused(_tar(tmp_path / "p.tar", _file("p/a")), TreeLimits(max_archive_bytes=100)) == "archive_too_large"


HOSTILE_PATHS: dict[str, tuple[tarfile.TarInfo, bytes]] = {
    "dot dot": _file("p/../../evil.py"),
    "absolute path": _file("/tmp/evil.py"),
    "hard link out": _special("p/link", tarfile.LNKTYPE, "../etc/passwd"),
    "hard link absolute": _special("p/link", tarfile.LNKTYPE, "/etc/passwd"),
}


@pytest.mark.parametrize("member", HOSTILE_PATHS.values(), ids=HOSTILE_PATHS)
def test_a_tar_member_that_leaves_the_tree(tmp_path: Path, member: tuple[tarfile.TarInfo, bytes]) -> None:
    assert _refused(_tar(tmp_path / "p.tar.gz", _file("p/a.py"), member)) == "path_escapes"


@pytest.mark.parametrize(
    "member",
    [("p/../../evil.py", b"x"), ("/tmp/evil.py", b"x")],
    ids=["dot dot", "absolute path"],
)
def test_a_zip_member_that_leaves_the_tree(tmp_path: Path, member: tuple[str | zipfile.ZipInfo, bytes]) -> None:
    assert _refused(_zip(tmp_path / "p.zip", ("p/a.py", b""), member)) == "path_escapes"


def test_a_nul_in_a_name(tmp_path: Path) -> None:
    member, data = _file("p/a.py")
    member.pax_headers = {"path": "p/a.py\0.txt"}
    assert _refused(_tar(tmp_path / "p.tar.gz", (member, data), format=tarfile.PAX_FORMAT)) == "path_escapes"
    path = _zip(tmp_path / "p.zip", ("p/aXb.py", b""))
    path.write_bytes(path.read_bytes().replace(b"aXb", b"a\0b"))
    assert _refused(path) == "path_escapes"


@pytest.mark.parametrize(
    "kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE], ids=["character device", "block device", "fifo"]
)
def test_a_special_file(tmp_path: Path, kind: bytes) -> None:
    assert _refused(_tar(tmp_path / "p.tar.gz", _file("p/a.py"), _special("p/x", kind))) == "special_file"


def test_a_fifo_in_a_zip(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("p/x")
    info.external_attr = 0o010644 << 16
    assert _refused(_zip(tmp_path / "p.zip", (info, b""))) == "special_file"


@pytest.mark.parametrize("cut", [1, 10, 100, 300], ids=lambda cut: f"{cut} bytes")
def test_a_truncated_archive(tmp_path: Path, cut: int) -> None:
    data = bytes(range(256)) * 40
    for build, name in ((_tar, "p.tar.gz"), (_tar, "p.tar.xz"), (_zip, "p.zip")):
        maker: Callable[..., Path] = build
        path = maker(tmp_path / name, _file("p/a", data) if build is _tar else ("p/a", data))
        path.write_bytes(path.read_bytes()[: -min(cut, path.stat().st_size - 5)])
        assert _refused(path) == "archive_damaged", name


def test_garbage(tmp_path: Path) -> None:
    for name in ("p.tar.gz", "p.tar.bz2", "p.tar.xz", "p.zip", "p.tar"):
        (tmp_path / name).write_bytes(b"garbage" * 200)
        assert _refused(tmp_path / name) == "archive_damaged", name


def test_an_unknown_format_and_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "p.rar").write_bytes(b"x")
    assert _refused(tmp_path / "p.rar") == "archive_unknown"
    with pytest.raises(SourceUnavailable, match="give a file"):
        list(read_archive(tmp_path / "none.zip", LIMITS))
