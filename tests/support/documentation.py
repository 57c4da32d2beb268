r"""The pages of the documentation as something that can be run: their blocks, in the order in which a reader meets them.

The info string of a block, the words after its three backticks, says what is done with it:

==================  ==================================================================================================
info string         what happens
==================  ==================================================================================================
``console``         each line after ``$`` is run by a shell and must succeed; output that is shown must come
``console exit=1``  the same, but the last command must end with that exit code
``python``          run: as a doctest where it has prompts
``sql``             run on PostgreSQL, statement by statement; a line ``\connect NAME`` goes to another database
``ini file=PATH``   written to that file, for what comes after it
``text NAME``       a message in troubleshooting.md, which `tests.unit.docs.test_troubleshooting_page` provokes
``py of=PATH``      an excerpt of a file of the SQLite plugin, as `tests.unit.docs.test_dialect_guide` checks; also ``toml``
anything else       not run; `tests.unit.docs.test_pages` has the reason for each
==================  ==================================================================================================
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from uuid import uuid4

import attrs

from tests.support.postgres_databases import administrator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "plugins").glob("*/README.md")),
)

#: ``...`` in a page stands for any text.
DOCTEST_FLAGS = doctest.ELLIPSIS

_BLOCK = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS = re.compile(r"\b\d+(\.\d+)? s\b")


def page_name(page: Path) -> str:
    """The path of a page from the top of the project."""
    return page.relative_to(ROOT).as_posix()


@attrs.frozen
class Block:
    """A fenced block of a page.

    Parameters
    ----------
    page : Path
        Where it is.
    line : int
        Line of its first line, from 1.
    language : str
        First word of its info string.
    note : str
        The rest of it.
    text : str
        What it holds.
    """

    page: Path
    line: int
    language: str
    note: str
    text: str

    @property
    def place(self) -> str:
        """Where a reader finds it."""
        return f"{page_name(self.page)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    content = page.read_text("utf-8")
    found = []
    for match in _BLOCK.finditer(content):
        language, _, note = match["info"].strip().partition(" ")
        found.append(Block(page, content.count("\n", 0, match.start("text")) + 1, language, note, match["text"]))
    return found


def is_as_shown(shown: str, actual: str) -> bool:
    """Whether a text is what a page shows, where ``...`` stands for anything, and any number of seconds for another."""
    shown, actual = (_SECONDS.sub("# s", _stripped(text)) for text in (shown, actual))
    return doctest.OutputChecker().check_output(shown, actual, DOCTEST_FLAGS)


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


class Clinic:
    """The database ``clinic`` of the documentation, which belongs to ``ada``, on a real server.

    The names of the documentation get a suffix, as the server may be somebody's own.

    Parameters
    ----------
    admin_url : str
        URL of a role that may create roles and databases.
    """

    DATABASE = "clinic"
    ROLES = ("ada", "loader", "analyst")
    PASSWORD = "pa55word"

    _NAME = re.compile(rf"(?<!\[)\b({'|'.join((DATABASE, *ROLES))})\b")
    _URL = re.compile(rf"((?:postgresql|postgres)://)(\w+)(:[^@\s]*)?@localhost(?::5432)?/{DATABASE}\b")

    def __init__(self, admin_url: str) -> None:
        self.admin_url = admin_url
        with administrator(admin_url) as cursor:
            parameters = cursor.connection.get_dsn_parameters()
        host, self.port = parameters.get("host", "localhost"), parameters["port"]
        # The server of the tests listens on 127.0.0.1, which people call by its name.
        self._host = "localhost" if host == "127.0.0.1" else host
        self._suffix = "_" + uuid4().hex[:12]

    def name(self, name: str) -> str:
        """What a name of the documentation is here."""
        return name + self._suffix

    def url(self, role: str, password: str = "") -> str:
        """URL of the database."""
        login = self.name(role) + (f":{password}" if password else "")
        return f"postgresql://{login}@{self._host}:{self.port}/{self.name(self.DATABASE)}"

    def in_urls(self, text: str) -> str:
        """A text in which the URLs of the documentation lead here."""

        def url(match: re.Match[str]) -> str:
            scheme, role, password = match.groups()
            return f"{scheme}{self.name(role)}{password or ''}@{self._host}:{self.port}/{self.name(self.DATABASE)}"

        return self._URL.sub(url, text)

    def in_names(self, text: str) -> str:
        """A text in which all names and places are those of this server."""
        text = self._NAME.sub(rf"\1{self._suffix}", text).replace("localhost", self._host)
        text = text.replace("5432", self.port)
        return re.sub(r"(?<=[':])\.\.\.(?='|$)", self.PASSWORD, text, flags=re.MULTILINE)

    def shown(self, text: str) -> str:
        """A text of this server as the documentation would show it."""
        text = text.replace(self._suffix, "").replace(self._host, "localhost").replace("(::1)", "(127.0.0.1)")
        return text.replace(f"localhost:{self.port}/", "localhost/").replace(self.port, "5432")

    def create(self) -> None:
        """Make the database and its owner."""
        name, owner = self.name(self.DATABASE), self.name("ada")
        with administrator(self.admin_url) as cursor:
            cursor.execute(f"CREATE ROLE {owner} LOGIN PASSWORD '{self.PASSWORD}'")
            cursor.execute(f"CREATE DATABASE {name} OWNER {owner} TEMPLATE template0")

    def drop(self) -> None:
        """Drop all that was made."""
        with administrator(self.admin_url) as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {self.name(self.DATABASE)} WITH (FORCE)")
            for role in self.ROLES:
                cursor.execute(f"DROP ROLE IF EXISTS {self.name(role)}")
