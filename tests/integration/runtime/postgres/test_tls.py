"""Encrypted connections to a server with a certificate of its own making. Skipped where no server has TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from fhir4ds.dialect.model import Dialect
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import ConnectFailed, QueryTimeout
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target
from tests.support.postgres_server import SECRET, PostgresServer, PostgresUnavailable, installations

pytestmark = pytest.mark.postgres

_ENCRYPTED = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


def _certificate(openssl: str, folder: Path, name: str) -> tuple[Path, Path]:
    """Make a key and a certificate for localhost that is its own authority."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    key.chmod(0o600)
    return key, certificate


@pytest.fixture(scope="module")
def tls() -> Iterator[tuple[PostgresServer, Path]]:
    """A server whose certificate is for the name localhost, and the certificate."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate")
    with tempfile.TemporaryDirectory(prefix="fhir4ds-tls-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        key, certificate = _certificate(openssl, folder, "server")
        if os.geteuid() == 0:
            shutil.chown(key, "nobody")
        settings = {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
        for installation in installations():
            server = PostgresServer(installation.major, settings)
            try:
                server.start()
            except (PostgresUnavailable, RuntimeError):  # those of the wheel are built without OpenSSL
                server.close()
                continue
            with closing(server):
                yield server, certificate
            return
        pytest.skip("no server here has TLS")


def _ask(dialect: Dialect, server: PostgresServer, host: str, options: str) -> list[tuple[object, ...]]:
    url = server.url.replace("127.0.0.1", host) + "?" + options
    with Dispatcher(dialect, Target.parse(url), Settings(attempts=1)) as dispatcher:
        return dispatcher.execute_query(_ENCRYPTED)


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_encrypted_without_proof(tls: tuple[PostgresServer, Path], dialect: Dialect, mode: str) -> None:
    assert _ask(dialect, tls[0], "127.0.0.1", f"sslmode={mode}") == [(True, "TLSv1.3")]


def test_in_the_clear_where_that_is_asked_for(tls: tuple[PostgresServer, Path], dialect: Dialect) -> None:
    assert _ask(dialect, tls[0], "127.0.0.1", "sslmode=disable") == [(False, None)]


def test_encrypted_and_proven(tls: tuple[PostgresServer, Path], dialect: Dialect) -> None:
    server, certificate = tls
    options = f"sslmode=verify-full&sslrootcert={certificate}"
    assert _ask(dialect, server, "localhost", options) == [(True, "TLSv1.3")]
    with pytest.raises(ConnectFailed, match="does not match host name"):
        _ask(dialect, server, "127.0.0.1", options)


def test_a_certificate_of_nobody_that_is_trusted(tls: tuple[PostgresServer, Path], dialect: Dialect) -> None:
    with pytest.raises(ConnectFailed, match="certificate"):
        _ask(dialect, tls[0], "localhost", "sslmode=verify-full&sslrootcert=/nowhere/ca.pem")


def test_a_certificate_of_another_authority(tls: tuple[PostgresServer, Path], dialect: Dialect, tmp_path: Path) -> None:
    """Somebody in between has a certificate for the same name; it would be no better at the second attempt."""
    openssl = shutil.which("openssl")
    assert openssl is not None
    _, authority = _certificate(openssl, tmp_path, "other")
    url = f"{tls[0].url.replace('127.0.0.1', 'localhost')}?sslmode=verify-full&sslrootcert={authority}"
    with (
        Dispatcher(dialect, Target.parse(url), Settings(attempts=3)) as dispatcher,
        pytest.raises(ConnectFailed, match="certificate verify failed") as caught,
    ):
        dispatcher.execute_query(_ENCRYPTED)
    assert SECRET not in f"{caught.value} {caught.value.__cause__}"
    assert dispatcher.stats().failures == 1


def test_work_over_an_encrypted_connection(tls: tuple[PostgresServer, Path], dialect: Dialect) -> None:
    """A load, a stream, a time limit and a cut line: what uses the socket itself does so under TLS, too."""
    server, certificate = tls
    url = f"{server.url.replace('127.0.0.1', 'localhost')}?sslmode=verify-full&sslrootcert={certificate}"
    with Dispatcher(dialect, Target.parse(url), Settings(query_timeout=5.0)) as dispatcher:
        dispatcher.execute_query("CREATE TABLE held (name text)")
        rows = [[f"{number}"] for number in range(5000)]
        assert dispatcher.run(lambda session: session.load("held", ["name"], rows)) == 5000
        batches = dispatcher.stream(Statement(sql="SELECT name FROM held"), batch_size=1000)
        assert sorted(name for batch in batches for (name,) in batch) == sorted(name for (name,) in rows)
        with pytest.raises(QueryTimeout):
            dispatcher.execute_query("SELECT pg_sleep(5)", timeout=0.2)
        ((pid,),) = dispatcher.execute_query("SELECT pg_backend_pid()")
        with closing(psycopg2.connect(server.url)) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        assert dispatcher.execute_query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [(True,)]
        dispatcher.execute_query("DROP TABLE held")
