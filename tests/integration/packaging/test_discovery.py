"""Discovery as users meet it: wheels in a clean virtual environment, installed and uninstalled by pip."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import attrs
import pytest

_ROOT = Path(__file__).parents[3]


@attrs.frozen
class Environment:
    """A virtual environment without pip of its own, and the wheels to put into it."""

    python: Path
    wheels: Path

    def pip(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "pip", "--python", str(self.python), *arguments, "--quiet"]
        subprocess.run(command, check=True, capture_output=True, text=True)

    def install(self, distribution: str) -> None:
        wheel = next(self.wheels.glob(f"{distribution.replace('-', '_')}-*.whl"))
        self.pip("install", "--no-index", "--no-deps", str(wheel))

    def run(self, code: str) -> str:
        # Elsewhere than in the clone, and isolated: only what is installed can be imported.
        command = [str(self.python), "-I", "-c", code]
        done = subprocess.run(command, cwd=self.wheels, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for project in (_ROOT, _ROOT / "plugins/fhir4ds-duckdb", _ROOT / "plugins/fhir4ds-postgres"):
        command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
        subprocess.run([*command, "--wheel-dir", str(folder), str(project)], check=True, capture_output=True)
    return folder


@pytest.fixture
def environment(wheels: Path, tmp_path: Path) -> Environment:
    """A clean environment that holds the libraries which the core needs, and nothing of ours."""
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = Path(
        subprocess.run(
            [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    for name in (
        "attr",
        "attrs",
        "pluggy",
        "structlog",
        "click",
        "rich",
        "pygments",
        "markdown_it",
        "mdurl",
        "psycopg2",
    ):
        module = __import__(name)
        assert module.__file__ is not None
        (site / name).symlink_to(Path(module.__file__).parent)
    for extra in ("typing_extensions.py", "psycopg2_binary.libs"):
        found = Path(sys.modules["attr"].__file__ or "").parents[1] / extra
        if found.exists():
            (site / extra).symlink_to(found)
    return Environment(python, wheels)


def test_plugin_is_found_when_it_is_installed_and_gone_when_it_is_not(environment: Environment) -> None:
    environment.install("fhir4ds")
    assert environment.run("from fhir4ds.registry import registry; print(registry.names())") == "()"
    ask = "from fhir4ds.registry import registry\ntry: registry.get('postgresql')\nexcept Exception as e: print(e)"
    assert environment.run(ask) == "no dialect named 'postgresql'\nhint: pip install fhir4ds-postgres"

    environment.install("fhir4ds-postgres")
    found = "import sys; from fhir4ds.registry import registry; print(registry.get('postgresql').name, 'psycopg2' in sys.modules)"
    assert environment.run(found) == "postgres False"
    assert environment.run("from fhir4ds.registry import registry; print(registry.origin('postgres'))").startswith(
        "fhir4ds-postgres 1.0"
    )

    environment.pip("uninstall", "--yes", "fhir4ds-postgres")
    assert environment.run("from fhir4ds.registry import registry; print(registry.names())") == "()"


def test_sql_is_printed_without_any_driver(environment: Environment) -> None:
    environment.install("fhir4ds")
    environment.install("fhir4ds-duckdb")
    code = (
        "import importlib.util as u; assert u.find_spec('duckdb') is None\n"
        "from fhir4ds.cli import main; main(['sql', 'Patient.birthDate', '--dialect', 'duckdb'])"
    )
    assert "JSON_EXTRACT_STRING(resource, '$.\"birthDate\"')" in environment.run(code)


def test_missing_driver_says_what_to_install(environment: Environment) -> None:
    environment.install("fhir4ds")
    environment.install("fhir4ds-duckdb")
    code = (
        "import fhir4ds\ntry: fhir4ds.connect('duckdb://').session()\nexcept Exception as e: print(type(e).__name__, e)"
    )
    assert environment.run(code).replace("\nhint:", ":") == (
        "MissingDriver dialect 'duckdb' needs duckdb: pip install 'duckdb>=1.4,<3'"
    )


def test_wheels_hold_what_they_need_and_no_more(wheels: Path) -> None:
    core = zipfile.ZipFile(next(wheels.glob("fhir4ds-*.whl"))).namelist()
    assert {f"fhir4ds/fhir/data/{name}.json" for name in ("R4", "R4B", "R5")} <= set(core)
    assert "fhir4ds/py.typed" in core
    assert {name.split("/")[0] for name in core if ".dist-info" not in name} == {"fhir4ds"}
    for name in ("duckdb", "postgres"):
        plugin = zipfile.ZipFile(next(wheels.glob(f"fhir4ds_{name}-*.whl"))).namelist()
        modules = sorted(file for file in plugin if ".dist-info" not in file)
        assert modules == [f"fhir4ds_{name}/{file}" for file in ("__init__.py", "driver.py", "py.typed", "syntax.py")]
