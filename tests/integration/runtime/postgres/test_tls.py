"""Encrypted connections to a server with a certificate of its own making. Skipped where no server has TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fhir4ds.dialect.model import Dialect
from fhir4ds.errors import ConnectFailed
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.settings import Settings
from fhir4ds.target import Target
from tests.support.postgres_server import PostgresServer, PostgresUnavailable, installations

pytestmark = pytest.mark.postgres

_ENCRYPTED = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def tls() -> Iterator[tuple[PostgresServer, Path]]:
    """A server whose certificate is for the name localhost, and the certificate."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate")
    with tempfile.TemporaryDirectory(prefix="fhir4ds-tls-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        key, certificate = folder / "server.key", folder / "server.crt"
        subprocess.run(
            [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
            + ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
            check=True,
            capture_output=True,
        )
        key.chmod(0o600)
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
