"""Metadata is read, never run, and whatever a project wrote there, reading it gives an answer."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc_data.lang.python.packaging.metadata import ProjectMetadata, dist_info, python_supported, read_metadata


def read(**files: str) -> ProjectMetadata:
    """Read files whose names are written with `__` for `/` and `_DOT_` for `.`."""
    return read_metadata({name.replace("__", "/").replace("_DOT_", "."): text.encode() for name, text in files.items()})


def read_files(files: dict[str, str]) -> ProjectMetadata:
    return read_metadata({path: text.encode() for path, text in files.items()})


def test_a_pyproject_with_extras_groups_and_itself() -> None:
    found = read(
        pyproject_DOT_toml="""
        [project]
        name = "My.Project"
        version = "1.2"
        requires-python = ">=3.9"
        dependencies = ["six>=1", "bad one", "x @ https://h.invalid/x.whl"]
        optional-dependencies = {cli = ["click"], test = ["pytest>=7", "my-project[cli]; python_version > '3'"]}
        scripts = {tool = "my.cli:main"}
        entry-points.pytest11 = {mine = "my.plugin"}
        [dependency-groups]
        tests = [{include-group = "base"}, "hypothesis", "pytest<7"]
        base = ["mock", {include-group = "tests"}]
        dev = ["ruff"]
        """
    )
    assert (found.name, found.version, found.requires_python) == ("my-project", "1.2", ">=3.9")
    assert found.dependencies == ("six>=1",)
    assert found.test_dependencies == ("pytest>=7", 'click; python_version > "3"', "mock", "hypothesis")
    assert found.entry_points == "[console_scripts]\ntool = my.cli:main\n\n[pytest11]\nmine = my.plugin\n"


def test_an_sdist_is_what_its_own_metadata_says() -> None:
    info = (
        "Metadata-Version: 2.1\nName: p\nVersion: 3.0\nRequires-Python: >=3.8\n"
        'Requires-Dist: a>=1 ; python_version < "3.9"\nRequires-Dist: b; extra == "test"\n'
        'Requires-Dist: c; (python_version < "4") and extra == "test"\nRequires-Dist: d; extra == "other" or extra == "x"\n'
    )
    found = read_files({"PKG-INFO": info, "setup.py": "setup(name='q', install_requires=['z'])"})
    assert (found.name, found.version) == ("p", "3.0")
    assert found.dependencies == ('a>=1; python_version < "3.9"',)
    assert found.test_dependencies == ("b", 'c; python_version < "4"')


def test_an_egg_info_fills_what_an_old_pkg_info_lacks() -> None:
    found = read_files(
        {
            "PKG-INFO": "Metadata-Version: 1.1\nName: p\nVersion: 3.0\n",
            "src/p.egg-info/PKG-INFO": "Metadata-Version: 1.1\nName: p\nVersion: 3.0\n",
            "src/p.egg-info/requires.txt": 'a\n\n[:python_version < "4"]\nb>1\n\n[tests]\nc\n\n[tests:os_name == "x"]\nd\n',
            "src/p.egg-info/entry_points.txt": "[console_scripts]\nrun = p:main\n",
            "src/p/__init__.py": "",
        }
    )
    assert found.dependencies == ("a", 'b>1; python_version < "4"')
    assert found.test_dependencies == ("c", 'd; os_name == "x"')
    assert found.entry_points == "[console_scripts]\nrun = p:main\n"
    assert found.import_roots == ("src", "")


def test_setuptools_dynamic_fields() -> None:
    found = read_files(
        {
            "pyproject.toml": """
            [project]
            name = "p"
            dynamic = ["version", "dependencies"]
            [tool.setuptools]
            package-dir = {"" = "python"}
            [tool.setuptools.dynamic]
            version = {attr = "p.about.__version__"}
            dependencies = {file = ["requirements/base.txt"]}
            """,
            "python/p/about.py": "import os\n__version__ = '4.5'\n",
            "requirements/base.txt": "a>1  # why\n-r more.txt\n-e .\n--index-url x\nhttps://h.invalid/x\n",
            "requirements/more.txt": "b==1 --hash=sha256:00 \\\n  --hash=sha256:11\n-r base.txt\n",
        }
    )
    assert (found.version, found.dependencies, found.import_roots) == ("4.5", ("a>1", "b==1"), ("python", ""))


def test_a_poetry_project() -> None:
    found = read(
        pyproject_DOT_toml="""
        [tool.poetry]
        name = "p"
        version = "1.0"
        packages = [{include = "p", from = "python"}]
        [tool.poetry.dependencies]
        python = "^3.8"
        a = "^1.2.3"
        b = {version = "~2.1", extras = ["x"], python = "<3.12"}
        c = [{version = "^0.2.3", python = "<4"}, {version = "*", markers = "os_name == 'x'"}]
        d = {version = "1.*", optional = true}
        e = {git = "https://h.invalid/e"}
        [tool.poetry.group.test.dependencies]
        pytest = ">=7 <9"
        [tool.poetry.extras]
        testing = ["d"]
        [tool.poetry.scripts]
        run = "p:main"
        """,
        python__p_DOT_py="",
    )
    assert found.requires_python == ">=3.8,<4.0"
    assert found.dependencies == (
        "a<2.0,>=1.2.3",
        'b[x]<2.2,>=2.1; python_version < "3.12"',
        'c<0.3,>=0.2.3; python_version < "4"',
        'c; os_name == "x"',
    )
    assert found.test_dependencies == ("d==1.*", "pytest<9,>=7")
    assert found.import_roots == ("python", "")


def test_flit_hatch_and_setup_cfg() -> None:
    flit = read(
        pyproject_DOT_toml='[tool.flit.metadata]\nmodule = "p"\nrequires = ["a"]', p_DOT_py="__version__ = '2.0'"
    )
    assert (flit.name, flit.version, flit.dependencies) == ("p", "2.0", ("a",))
    hatch = read(
        pyproject_DOT_toml='[project]\nname = "p"\ndynamic = ["version"]\n[tool.hatch]\nversion.path = "p/v.py"\n'
        'envs.test.dependencies = ["pytest"]',
        p__v_DOT_py='__version__ = "7.1"',
    )
    assert (hatch.version, hatch.test_dependencies) == ("7.1", ("pytest",))
    cfg = read(
        setup_DOT_cfg="[metadata]\nname = p\nversion = attr: p.__version__\n[options]\npython_requires = >=3.7\n"
        "install_requires =\n  a\n  b; os_name == 'x'\npackage_dir =\n  = source\n[options.extras_require]\ntests = c\n",
        source__p_DOT_py="__version__ = '1'",
    )
    assert (cfg.name, cfg.dependencies, cfg.test_dependencies) == ("p", ("a", 'b; os_name == "x"'), ("c",))
    assert cfg.import_roots == ("source", "")


def test_a_setup_py_is_read_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    found = read(
        setup_DOT_py=f"""
from setuptools import setup
open({str(mark)!r}, "w")
base = ["a>=1"]
extras = {{"test": ["pytest"]}}
extras["cli"] = ["click"]
kwargs = dict(name="p", package_dir={{"": "code"}})
setup(version="1." + "2", install_requires=base + ["b"], extras_require=extras, python_requires=">=3",
      entry_points={{"console_scripts": ["run = p:main"]}}, long_description=open("README").read(), **kwargs)
""",
        code__p_DOT_py="",
    )
    assert (found.name, found.version, found.dependencies) == ("p", "1.2", ("a>=1", "b"))
    assert (found.test_dependencies, found.requires_python) == (("pytest",), ">=3")
    assert found.import_roots == ("code", "")
    assert found.entry_points == "[console_scripts]\nrun = p:main\n"
    assert not mark.exists()


def test_computed_requirements_are_taken_from_the_file_they_are_usually_read_from() -> None:
    found = read(setup_DOT_py="setup(install_requires=open('r').read().split())", requirements_DOT_txt="a\nb\n")
    assert found.dependencies == ("a", "b")


def test_tests_come_from_requirement_files_and_tox_and_from_dev_only_when_nothing_else_does() -> None:
    files = {
        "test-requirements.txt": "a<2\n",
        "requirements/tests.in": "b\n",
        "requirements/tests.txt": "b==1.0\n",
        "requirements/tests37.txt": "old==1\n",
        "requirements-dev.txt": "d\n",
        "tox.ini": "[testenv]\ndeps =\n  a>=1\n  py38: e\n  -r{toxinidir}/more.txt\n  {[x]y}\n  pytest\nextras = extra\n",
        "more.txt": "f\n",
        "pyproject.toml": '[project]\nname = "p"\noptional-dependencies = {extra = ["g"], dev = ["h"]}\n',
    }
    assert read_files(files).test_dependencies == ("b", "a<2", "f", "pytest", "g")
    kept = {name: text for name, text in files.items() if name in ("requirements-dev.txt", "pyproject.toml")}
    assert read_files(kept).test_dependencies == ("h", "d")


def test_a_version_file_is_written_only_where_it_is_missing() -> None:
    scm = '[project]\nname = "p"\nversion = "1.2.3"\n[tool.setuptools_scm]\nversion_file = "src/p/_version.py"\n'
    (content,) = read_files({"pyproject.toml": scm}).version_file.values()
    names: dict[str, object] = {}
    exec(content, names)  # noqa: S102 - ours
    assert (names["__version__"], names["__version_tuple__"]) == ("1.2.3", (1, 2, 3))
    assert read_files({"pyproject.toml": scm, "src/p/_version.py": ""}).version_file == {}
    own = scm + "version_file_template = \"V = '{version}'\"\n"
    assert read_files({"pyproject.toml": own}).version_file == {"src/p/_version.py": "V = '1.2.3'"}
    huge = scm + 'version_file_template = "{version:>9999999999}"\n'
    assert len(read_files({"pyproject.toml": huge}).version_file["src/p/_version.py"]) < 500
    assert read_files({"pyproject.toml": scm.replace("src/p", "../..")}).version_file == {}


@pytest.mark.parametrize(
    ("files", "args"),
    [
        ({"pytest.ini": "[pytest]\naddopts = -p mine --import-mode=importlib --cov"}, ("-pmine", "--import-mode=importlib")),
        ({"setup.cfg": "[tool:pytest]\naddopts = --import-mode append"}, ("--import-mode=append",)),
        ({"pyproject.toml": '[tool.pytest.ini_options]\naddopts = ["-ra", "--import-mode=prepend"]'}, ("--import-mode=prepend",)),
        ({"tox.ini": "[pytest]\naddopts = --import-mode=evil"}, ()),
        ({"tox.ini": "[pytest]\naddopts = 'unclosed --import-mode=append"}, ("--import-mode=append",)),
        ({"pytest.ini": "[pytest]\nx = 1", "setup.cfg": "[tool:pytest]\naddopts = --import-mode=append"}, ()),
    ],
)  # fmt: skip
def test_options_come_from_the_first_file_that_sets_up_pytest(files: dict[str, str], args: tuple[str, ...]) -> None:
    assert read_files(files).pytest_args == args


@pytest.mark.parametrize(
    ("requires", "supported"),
    [
        ("", True), (">=3.8", True), (">=3.11.4", True), (">=3.12", False), ("<3.11", False), (">=3.6.*", True),
        ("!=3.11.*", False), ("==3.11", True), (">=3.9,<4", True), ("~=3.8", True), ("nonsense", True), ("==2.7.*", False),
    ],
)  # fmt: skip
def test_some_patch_release_must_fit(requires: str, supported: bool) -> None:
    assert python_supported(requires, "3.11") is supported


def test_a_dist_info_is_found_by_importlib(tmp_path: Path) -> None:
    found = read(
        pyproject_DOT_toml='[project]\nname = "Dist.Name"\nversion = "1.0"\nrequires-python = ">=3"\n'
        'dependencies = ["six>1"]\nscripts = {run = "d:main"}'
    )
    for file in dist_info(found):
        (tmp_path / file.path).parent.mkdir(exist_ok=True)
        (tmp_path / file.path).write_text(file.text)
    (distribution,) = importlib.metadata.distributions(path=[str(tmp_path)])
    assert (distribution.metadata["Name"], distribution.version, distribution.requires) == (
        "dist-name",
        "1.0",
        ["six>1"],
    )
    assert [point.value for point in distribution.entry_points] == ["d:main"]
    assert dist_info(read()) == ()


FILES = (
    "PKG-INFO", "p.egg-info/PKG-INFO", "p.egg-info/requires.txt", "p.egg-info/entry_points.txt", "pyproject.toml",
    "setup.cfg", "setup.py", "requirements.txt", "requirements-test.txt", "tox.ini", "pytest.ini", "tox.toml",
)  # fmt: skip
WORDS = st.lists(
    st.sampled_from(
        ["[project]", "[tool.poetry.dependencies]", "name = 'p'", "dependencies = 5", "[testenv]", "deps = -r x", "\n",
         "dynamic = ['version']", "[tool.setuptools.dynamic]", "version = {attr = 3}", "setup(**{1: 2})", "setup(name=[])",
         "[options]", "[metadata]", "version = file: ..", "Requires-Dist: a; extra == 'b' or", "a == ^", "[tool.poetry]",
         "packages = [1]", "x = '^'", "python = '^^3 || '", "[dependency-groups]", "a = [{include-group = 'a'}]", "tool = 3",
         "Name: \udcff", "[:bad marker]", "%(x)s = %", "addopts = '", "x = x + x", "[tool.hatch]", "envs = {a = 1}"]
    )
).map("\n".join)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(FILES), st.one_of(st.binary(), WORDS.map(lambda t: t.encode("utf-8", "surrogatepass")))
    )
)
def test_reading_never_raises_and_its_answer_is_usable(files: dict[str, bytes]) -> None:
    found = read_metadata(files)
    assert found.import_roots[-1] == ""
    assert isinstance(dist_info(found), tuple)


@pytest.mark.parametrize("deep", ["x = " + "[" * 20_000, "a" + ".a" * 20_000 + " = 1", "setup(x=" + "(" * 20_000 + ")"])
def test_nesting_without_end_is_a_file_that_says_nothing(deep: str) -> None:
    assert read_files({"pyproject.toml": deep, "setup.py": deep, "setup.cfg": deep}).name == ""
