"""Where to connect: reads database URLs and never shows their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import attrs

from fhir4ds.errors import InvalidTarget

#: Query options of a URL whose values are secrets.
_SECRET_OPTIONS = frozenset({"password", "passwd", "sslpassword", "token", "secret", "motherduck_token"})


@attrs.frozen(kw_only=True)
class Target:
    """A database to connect to.

    Parameters
    ----------
    scheme : str
        What comes before ``://``; the registry finds the dialect by it.
    host, port, user, password : optional
        As in the URL; the password is left out of every representation.
    database : str, optional
        Database name, or the path of a database file.
    options : Mapping of str to str
        What comes after ``?``.

    Examples
    --------
    >>> target = Target.parse("postgresql://ada:s3cret@db.example:5433/clinic?sslmode=require")
    >>> target.host, target.port, target.database
    ('db.example', 5433, 'clinic')
    >>> str(target)
    'postgresql://ada:***@db.example:5433/clinic?sslmode=require'
    """

    scheme: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    database: str | None = None
    options: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    @classmethod
    def parse(cls, url: str) -> Target:
        """Read a URL ``scheme://[user[:password]@][host][:port]/[database][?option=value&...]``.

        Parameters
        ----------
        url : str
            Parts with special characters are percent-encoded, as RFC 3986 has it.

        Returns
        -------
        Target

        Raises
        ------
        InvalidTarget
            If it is not such a URL. The message repeats no part of it but the scheme.
        """
        scheme, separator, _ = url.partition("://")
        if not separator or not scheme.replace("+", "").replace("-", "").isalnum():
            raise InvalidTarget(
                "a database is named by a URL, such as duckdb:///clinic.duckdb or postgresql://user@host/database",
                hint="a database file is duckdb:///path/to/file",
            )
        if "\x00" in unquote(url) or any("\ud800" <= character <= "\udfff" for character in url):
            raise InvalidTarget(f"this {scheme}:// URL holds a character that no database takes, such as U+0000")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            # urllib repeats the offending text, which may hold the password; so the cause is left out.
            raise InvalidTarget(
                f"this {scheme}:// URL cannot be read: its host or port is malformed",
                hint="percent-encode special characters in user and password, such as %40 for @ and %2F for /",
            ) from None
        return cls(
            scheme=scheme.lower(),
            host=parts.hostname,
            port=port,
            user=unquote(parts.username) if parts.username is not None else None,
            password=unquote(parts.password) if parts.password is not None else None,
            database=unquote(parts.path[1:]) or None,
            options=dict(parse_qsl(parts.query, keep_blank_values=True)),
        )

    def __str__(self) -> str:
        login = ""
        if self.user is not None or self.password is not None:
            login = quote(self.user or "", safe="") + (":***" if self.password is not None else "") + "@"
        host = f"[{self.host}]" if self.host and ":" in self.host else self.host or ""
        port = f":{self.port}" if self.port is not None else ""
        options = "&".join(
            f"{name}={'***' if name.lower() in _SECRET_OPTIONS else value}" for name, value in self.options.items()
        )
        path = f"/{self.database}" if self.database is not None else ""
        return f"{self.scheme}://{login}{host}{port}{path}" + (f"?{options}" if options else "")
