"""A licence is what the project says, in SPDX's words; what is not clear stays unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.errors import SourceRefused
from ttc_data.rules import LicenseRules
from ttc_data.sources.licenses import allowed, declared_license, license_of_tree, recognised_text, require_allowed

RULES = LicenseRules()
BSD3 = """Redistribution and use in source and binary forms, with or without modification, are permitted provided that
the following conditions are met: this list of conditions ...
3. Neither the name of X nor the names of its contributors may be used to
   endorse or promote products"""
MIT = """Permission is hereby granted, free of charge, to any person ... subject to the following conditions:
# The above copyright notice and this permission
# notice shall be included in all copies"""


@pytest.mark.parametrize(
    ("free_text", "spdx"),
    [
        ("MIT", "MIT"), ("MIT License", "MIT"), ("The MIT License (MIT)", "MIT"), ("mit", "MIT"), ("Expat", "MIT"),
        ("BSD", "BSD"), ("BSD License", "BSD"), ("New BSD", "BSD-3-Clause"), ("3-Clause BSD License", "BSD-3-Clause"),
        ("BSD 3-Clause", "BSD-3-Clause"), ("Simplified BSD", "BSD-2-Clause"), ("Apache 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"), ("Apache Software License 2.0", "Apache-2.0"),
        ("PSF", "PSF-2.0"), ("ISC License (ISCL)", "ISC"), ("Unlicense", "Unlicense"), ("MPL 2.0", "MPL-2.0"),
        ("Mozilla Public License 2.0", "MPL-2.0"), ("GPLv3+", "GPL-3.0-or-later"), ("GNU GPL v3", "GPL-3.0-only"),
        ("mit or apache-2.0", "MIT OR Apache-2.0"), (MIT, "MIT"), (BSD3, "BSD-3-Clause"),
        ("Proprietary", ""), ("see LICENSE", ""), ("Dual License", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_usual_names_are_known(free_text: str, spdx: str) -> None:
    assert declared_license(free_text=free_text) == spdx


def test_the_expression_counts_first() -> None:
    assert declared_license("apache-2.0 or bsd-2-clause", "GPL", ["License :: OSI Approved :: MIT License"]) == (
        "Apache-2.0 OR BSD-2-Clause"
    )


@pytest.mark.parametrize(
    ("free_text", "classifiers", "spdx"),
    [
        ("", ["License :: OSI Approved :: MIT License"], "MIT"),
        ("MIT", ["License :: OSI Approved :: MIT License"], "MIT"),
        ("BSD-3-Clause", ["License :: OSI Approved :: BSD License"], "BSD-3-Clause"),
        ("MIT", ["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"], "MIT AND GPL-3.0-only"),
        ("Dual License", ["License :: OSI Approved :: BSD License", "License :: OSI Approved :: Apache Software License"],
         "BSD AND Apache-2.0"),
        ("MIT OR Apache-2.0", ["License :: OSI Approved :: MIT License"], "MIT OR Apache-2.0"),
        ("", ["License :: OSI Approved"], ""),
        ("", ["Programming Language :: Python"], ""),
    ],
)  # fmt: skip
def test_fields_that_differ_both_bind(free_text: str, classifiers: list[str], spdx: str) -> None:
    assert declared_license(free_text=free_text, classifiers=classifiers) == spdx


def test_the_licence_text_tells_the_clauses_and_stands_in_for_missing_fields() -> None:
    assert declared_license(free_text="BSD", texts=[BSD3]) == "BSD-3-Clause"
    assert declared_license(texts=[MIT]) == "MIT"
    assert declared_license(free_text="MIT", texts=[BSD3]) == "MIT"
    assert recognised_text("All rights reserved.") == ""
    assert recognised_text("GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007") == "GPL-3.0-only"


def test_a_tree_without_headers_is_read_from_its_project_files() -> None:
    assert license_of_tree({"pyproject.toml": b'[project]\nlicense = "MIT"'}) == "MIT"
    assert license_of_tree(
        {"pyproject.toml": b'[project]\nlicense = {text = "BSD"}', "LICENSE.txt": BSD3.encode()}
    ) == ("BSD-3-Clause")
    assert license_of_tree({"setup.cfg": b"[metadata]\nlicense = Apache 2.0"}) == "Apache-2.0"
    assert license_of_tree({"setup.py": b"setup(classifiers=['License :: OSI Approved :: MIT License'])"}) == "MIT"
    assert license_of_tree({"PKG-INFO": b"License: UNKNOWN\n", "COPYING": MIT.encode()}) == "MIT"
    assert license_of_tree({"pyproject.toml": b"[[[", "vendor/LICENSE": MIT.encode()}) == ""


@given(
    st.dictionaries(st.sampled_from(["PKG-INFO", "pyproject.toml", "setup.cfg", "setup.py", "LICENSE"]), st.binary())
)
def test_reading_a_licence_never_raises(files: dict[str, bytes]) -> None:
    assert isinstance(license_of_tree(files), str)


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("MIT", True), ("mit", True), ("BSD", True), ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True), ("MIT AND GPL-3.0-only", False), ("MIT AND Apache-2.0", True),
        ("GPL-3.0-only OR MIT AND AGPL-3.0-only", False), ("(GPL-3.0-only OR MIT) AND ISC", True),
        ("Apache-2.0 WITH LLVM-exception", True), ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("MIT OR", False), ("(MIT", False), ("MIT)", False), ("OR", False), ("MIT MIT", False), ("MIT WITH", False),
        ("(" * 400 + "MIT" + ")" * 400, False), ("", False),
    ],
)  # fmt: skip
def test_one_side_of_or_and_both_of_and(expression: str, verdict: bool) -> None:
    assert allowed(expression, RULES) is verdict


@given(st.text("()MITGPL- ORANDWTH", max_size=60))
def test_asking_for_permission_never_raises(expression: str) -> None:
    assert allowed(expression, RULES) in (True, False)


def test_a_refusal_says_which_rule() -> None:
    with pytest.raises(SourceRefused, match=r"license\.allow") as refused:
        require_allowed("GPL-3.0-only", RULES, "x")
    assert refused.value.reason == "license_not_allowed"
    with pytest.raises(SourceRefused, match="allow_unknown") as refused:
        require_allowed("", RULES, "x")
    assert refused.value.reason == "license_unknown"
    require_allowed("", LicenseRules(allow_unknown=True), "x")
    require_allowed("GPL-3.0-only", LicenseRules(allow=()), "x")
