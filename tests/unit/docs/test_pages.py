"""Each page does what it says when a reader follows it from top to bottom, and what cannot be run here is known by name."""

from __future__ import annotations

import doctest
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg2
import pytest
import structlog

from fhir4ds.database import Database
from tests.support.documentation import (
    DOCTEST_FLAGS,
    PAGES,
    ROOT,
    Block,
    Clinic,
    blocks,
    is_as_shown,
    page_name,
)

#: Blocks that are not run, by page and first line, and why.
NOT_RUN = {
    ("README.md", "make demo    # asks the 100 patients of tests/fixtures on embedded DuckDB"): "makes an environment",
    ("README.md", "pip install . ./plugins/fhir4ds-duckdb ./plugins/fhir4ds-postgres"): "changes the environment",
    ("CONTRIBUTING.md", "git clone <this repository> && cd fhir4ds"): "makes a clone and an environment",
    ("docs/dialect-contract.md", "[project]"): "is the file of a distribution that somebody else writes",
    ("docs/guides/postgresql-setup.md", "sudo apt-get install postgresql"): "needs root on Debian or Ubuntu",
    ("docs/guides/postgresql-setup.md", "brew install postgresql@17"): "needs macOS and Homebrew",
    ("docs/guides/postgresql-setup.md", "winget install PostgreSQL.PostgreSQL.17"): "needs Windows",
    ("docs/guides/postgresql-setup.md", "# compose.yaml"): "needs Docker",
    ("docs/guides/postgresql-setup.md", "docker compose up --detach --wait"): "needs Docker",
    ("docs/guides/postgresql-setup.md", "pip install . ./plugins/fhir4ds-postgres"): "changes the environment",
    ("docs/guides/postgresql-setup.md", "sudo apt-get install gcc python3-dev libpq-dev"): "needs root, and a compiler",
    ("docs/guides/postgresql-setup.md", "# .github/workflows/nightly.yaml"): "needs GitHub Actions",
    ("docs/guides/postgresql-setup.md", "# pgbouncer.ini"): "needs PgBouncer",
}

_RUN = {"console", "python", "sql", "ini", "text", ""}
_COMMAND = re.compile(r"^\$ (?P<command>.*(?:\n> .*)*)\n?(?P<output>(?:(?!\$ ).*\n?)*)", re.MULTILINE)


class Reader:
    """Somebody who follows a page in a folder of their own."""

    def __init__(self, page: Path, clinic: Clinic | None) -> None:
        self.blocks = blocks(page)
        self._clinic = clinic
        self._names: dict[str, Any] = {}
        self._connection: Any = None
        if clinic is not None and not any("CREATE DATABASE" in block.text for block in self.blocks):
            clinic.create()
        # Where the page teaches to keep the password in a file, nothing else may bring it.
        if clinic is not None and not any(".pgpass" in block.note for block in self.blocks):
            os.environ["PGPASSWORD"] = clinic.PASSWORD

    def follow(self) -> None:
        """Do what the page says."""
        try:
            for block in self.blocks:
                if block.language in ("console", "python", "sql", "ini"):
                    getattr(self, f"_{block.language}")(block)
        finally:
            for value in self._names.values():
                if isinstance(value, Database):
                    value.close()
            if self._connection is not None:
                self._connection.close()

    def _console(self, block: Block) -> None:
        expected = int(block.note.removeprefix("exit=")) if block.note else 0
        matches = list(_COMMAND.finditer(block.text))
        assert matches, f"{block.place}: no line begins with $"
        for match in matches:
            command = match["command"].replace("\n> ", "\n")
            environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
            done = subprocess.run(
                ["sh", "-c", self._actual(command)],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                text=True,
                encoding="utf-8",
                check=False,
                timeout=60,
            )
            shown = self._shown(done.stdout)
            code = expected if match is matches[-1] else 0
            assert done.returncode == code, f"{block.place}: exit code {done.returncode} of: {command}\n{shown}"
            if match["output"].strip():
                assert is_as_shown(match["output"], shown), f"{block.place}: {command}\nshould show:\n{shown}"

    def _python(self, block: Block) -> None:
        text = self._actual(block.text)
        if ">>> " not in text:
            exec(compile(text, block.place, "exec"), self._names)
            return
        test = doctest.DocTestParser().get_doctest(text, self._names, block.place, str(block.page), block.line - 1)
        runner = doctest.DocTestRunner(_Checker(self), verbose=False, optionflags=DOCTEST_FLAGS)
        report: list[str] = []
        runner.run(test, out=report.append, clear_globs=False)
        self._names.update(test.globs)
        assert runner.failures == 0, "".join(report)

    def _sql(self, block: Block) -> None:
        assert self._clinic is not None, f"{block.place}: SQL on a page without a URL"
        if self._connection is None:
            self._connect(None)
        for statement in re.split(r"(?<=;)\n", block.text):
            first, _, rest = statement.strip().partition("\n")
            if first.startswith("\\connect "):
                self._connect(first.split()[1])
                statement = rest
            if statement.strip():
                with self._connection.cursor() as cursor:
                    cursor.execute(self._clinic.in_names(statement))

    def _connect(self, database: str | None) -> None:
        assert self._clinic is not None
        if self._connection is not None:
            self._connection.close()
        own = {"dbname": self._clinic.name(database)} if database is not None else {}
        self._connection = psycopg2.connect(self._clinic.admin_url, **own)
        self._connection.autocommit = True

    def _ini(self, block: Block) -> None:
        assert self._clinic is not None
        file = Path(block.note.removeprefix("file=")).expanduser()
        file.write_text(self._clinic.in_names(block.text), encoding="utf-8")

    def _actual(self, text: str) -> str:
        return text if self._clinic is None else self._clinic.in_urls(text)

    def _shown(self, text: str) -> str:
        return text if self._clinic is None else self._clinic.shown(text)

    def matches(self, want: str, got: str) -> bool:
        """Whether Python gave what the page shows."""
        return is_as_shown(self._shown(want), self._shown(got))


class _Checker(doctest.OutputChecker):
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return self._reader.matches(want, got)


@pytest.fixture
def _process_untouched() -> Iterator[None]:
    """What a page sets in this process, its environment or its logging, is gone afterwards."""
    logger = logging.getLogger("fhir4ds")
    level, handlers = logger.level, list(logger.handlers)
    with patch.dict(os.environ):
        yield
    structlog.reset_defaults()
    logger.setLevel(level)
    logger.handlers[:] = handlers


def _pages() -> list[Any]:
    found = []
    for page in PAGES:
        languages = {block.language for block in blocks(page)}
        needs = any("@localhost" in block.text for block in blocks(page)) or "sql" in languages
        if languages & {"console", "python", "sql"}:
            marks = [pytest.mark.postgres] if needs else []
            found.append(pytest.param(page, needs, marks=marks, id=page_name(page)))
    return found


@pytest.mark.usefixtures("export", "_process_untouched")
@pytest.mark.parametrize(("page", "needs_server"), _pages())
def test_page_does_what_it_says(page: Path, needs_server: bool, request: pytest.FixtureRequest) -> None:
    Reader(page, request.getfixturevalue("clinic") if needs_server else None).follow()


def test_blocks_that_are_not_run_are_known() -> None:
    others = {
        (page_name(block.page), block.text.partition("\n")[0])
        for page in PAGES
        for block in blocks(page)
        if block.language not in _RUN and not block.note.startswith("of=")
    }
    assert others == set(NOT_RUN)


def test_no_command_of_ours_hides_in_a_block_that_is_not_run() -> None:
    hidden = [
        f"{block.place}: {line}"
        for page in PAGES
        for block in blocks(page)
        if block.language not in _RUN - {"", "text"}
        for line in block.text.splitlines()
        if line.strip().removeprefix("$ ").startswith("fhir4ds ")
    ]
    assert hidden == []


_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for match in _LINK.finditer(page.read_text("utf-8")):
        path, _, anchor = match["target"].partition("#")
        if "://" in path:
            continue
        place = (page.parent / path).resolve() if path else page
        if not place.exists() or (anchor and anchor not in _anchors(place)):
            broken.append(match["target"])
    assert broken == []


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}


def test_every_page_can_be_found_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    linked = {(ROOT / "docs" / match["target"].partition("#")[0]).resolve() for match in _LINK.finditer(index)}
    assert [page_name(page) for page in PAGES if page not in linked and page.name != "index.md"] == []
