"""Archives of trees as nobody packs them, by a seeded draw."""

from __future__ import annotations

import io
import tarfile
from random import Random

from tests.foreign.mutate import TEXTS

KINDS = (
    tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE,
    tarfile.GNUTYPE_SPARSE, tarfile.XGLTYPE, b"Z",
)  # fmt: skip
PAX = (
    "path",
    "linkpath",
    "size",
    "mtime",
    "uid",
    "comment",
    "GNU.sparse.map",
    "GNU.sparse.size",
    "GNU.sparse.major",
    "hdrcharset",
)
HEADERS = ("../x", "/x", "inf", "nan", "-1", "9" * 30, "9" * 5_000, "0,5", "1", "BINARY", "é", "x" * 5_000)


def packed(random: Random) -> bytes:
    """A few members of any kind, with any headers, not compressed."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=random.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))) as tar:
        for _ in range(random.randint(1, 4)):
            name = random.choice((*TEXTS, "pkg/mod.py", "pkg", "pkg/mod.py/x")) or "x"
            member = tarfile.TarInfo(name.replace("\ud800", "x"))
            member.type = random.choice((tarfile.REGTYPE,) * 6 + KINDS)
            member.linkname = random.choice(TEXTS).replace("\ud800", "x")
            member.size = random.choice((0, 0, 5, 5_000)) if member.isreg() else 0
            member.pax_headers = {key: random.choice(HEADERS) for key in random.choices(PAX, k=random.randrange(3))}
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return made.getvalue()
