"""Faults of an embedded database: its file, its memory, and the processes around it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from fhir4ds.dialect.faults import FaultKind
from fhir4ds.errors import Conflict, ConnectFailed, QueryCancelled, QueryFailed, QueryTimeout
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.retry import Phase
from fhir4ds.runtime.session import Session
from tests.faults.model import Fault, Trial
from tests.faults.processes import forked
from tests.faults.scene import VALUE, Scene, statement

#: Runs for minutes, and can be interrupted at any time.
_ENDLESS = statement("sum(a.range * b.range) FROM range(3000000) AS a, range(1000000) AS b", "$patient")
_QUICK = statement("7", "$patient")
_PATIENT = {"query_timeout": 20.0}


def _file(scene: Scene) -> Path:
    """A database with a table of some size."""
    path = scene.folder / "clinic.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE things AS SELECT range AS id, 'x' || hash(range) AS name FROM range(50000)")
    return path


def _url(path: Path) -> str:
    return f"duckdb:///{path}"


def _quick(dispatcher: Dispatcher, afterwards: Dispatcher | None = None) -> Trial:
    return Trial(
        dispatcher=dispatcher,
        call=lambda: dispatcher.query(_QUICK).rows,
        expected=[(VALUE, 7)],
        afterwards=afterwards,
    )


def _warm(scene: Scene, url: str = "duckdb://", **settings: Any) -> Dispatcher:
    dispatcher = scene.connect(url, **settings)
    dispatcher.execute_query("SELECT 1")
    return dispatcher


# --- the file ---------------------------------------------------------------------------------------------------------


@contextmanager
def _locked(scene: Scene, *, lets_go: bool) -> Iterator[Trial]:
    path = _file(scene)
    program = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    if lets_go:
        scene.recorder.on("query.retried", lambda: holder.communicate("\n"))
    yield _quick(scene.connect(_url(path)))
    if not lets_go:
        holder.communicate("\n")


@contextmanager
def _read_only(scene: Scene) -> Iterator[Trial]:
    dispatcher = _warm(scene, _url(_file(scene)) + "?read_only=true")
    insert = "INSERT INTO things VALUES (-1, ?)"
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.execute_query(insert, (VALUE,)))
    assert dispatcher.execute_query("SELECT count(*) FROM things WHERE id < 0") == [(0,)]


@contextmanager
def _damaged(scene: Scene, damage: Callable[[Path], None]) -> Iterator[Trial]:
    path = _file(scene)
    sound = path.read_bytes()
    damage(path)
    yield _quick(scene.connect(_url(path)))
    path.write_bytes(sound)


def _no_database(path: Path) -> None:
    path.write_bytes(b"id,name\n1,x\n" * 1000)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:10_000])


@contextmanager
def _damaged_block(scene: Scene) -> Iterator[Trial]:
    path = _file(scene)
    sound = path.read_bytes()
    place = len(sound) - 150_000  # in the last block, which has the names; each block has a checksum
    path.write_bytes(sound[:place] + bytes(1000) + sound[place + 1000 :])
    dispatcher = _warm(scene, _url(path))
    names = statement("sum(length(name)) FROM things", "$patient")
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.query(names))


@contextmanager
def _no_folder(scene: Scene) -> Iterator[Trial]:
    folder = scene.folder / "later"
    yield _quick(scene.connect(_url(folder / "clinic.duckdb")))
    folder.mkdir()


@contextmanager
def _disk_full(scene: Scene) -> Iterator[Trial]:
    dispatcher = _warm(scene)
    export = "COPY (SELECT ? AS name FROM range(100000)) TO '/dev/full' (FORMAT csv)"
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.execute_query(export, (VALUE,)))


# --- memory -----------------------------------------------------------------------------------------------------------


@contextmanager
def _out_of_memory(scene: Scene) -> Iterator[Trial]:
    dispatcher = _warm(scene, "duckdb://?memory_limit=30MB")
    # A list of everything cannot spill to disk.
    everything = statement("len(list(md5(CAST(range AS VARCHAR)))) FROM range(3000000)", "$patient")
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.query(everything))


# --- statements -------------------------------------------------------------------------------------------------------


@contextmanager
def _too_slow(scene: Scene) -> Iterator[Trial]:
    dispatcher = _warm(scene)
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.query(_ENDLESS))


@contextmanager
def _cancelled(scene: Scene, *, ctrl_c: bool) -> Iterator[Trial]:
    dispatcher = _warm(scene, **_PATIENT)
    scene.soon(scene.ask_for_ctrl_c if ctrl_c else dispatcher.cancel)
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.query(_ENDLESS))


@contextmanager
def _conflict(scene: Scene, times: int) -> Iterator[Trial]:
    dispatcher = _warm(scene)
    dispatcher.execute_query("CREATE TABLE things AS SELECT 1 AS id, '' AS name")
    attempts: list[int] = []

    def work(session: Session) -> int:
        attempts.append(len(attempts))
        session.execute("SELECT * FROM things")
        if len(attempts) <= times:
            with dispatcher.connection() as other:
                other.raw.execute("UPDATE things SET name = 'other'")
        session.execute("UPDATE things SET name = name || ?", (VALUE,))
        return len(attempts)

    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.run(work, retry=True), expected=2)
    assert dispatcher.execute_query("SELECT name FROM things") == [("other" + (VALUE if times == 1 else ""),)]


@contextmanager
def _fork(scene: Scene) -> Iterator[Trial]:
    dispatcher = _warm(scene)
    yield Trial(dispatcher=dispatcher, call=lambda: forked(dispatcher), expected=(0, 0))


_OPENED = ("pool.opened", "pool.connected", "query.done")
_FAILED = ("query.failed",)
_FAILED_AT_ONCE = ("pool.opened", "query.failed")
_BUSY = (FaultKind.BUSY, Phase.CONNECT)
_CONFLICT = (FaultKind.CONFLICT, Phase.WRITE)

FAULTS = (
    Fault(
        name="another process has the file open",
        provoke=partial(_locked, lets_go=False),
        raises=ConnectFailed,
        code="IOException",
        failures=(_BUSY,) * 3,
        events=("pool.opened", "query.retried", "query.retried", "query.failed"),
        advice="close it there, or open it with `?read_only=true` in both",
    ),
    Fault(
        name="another process has the file open for a moment",
        provoke=partial(_locked, lets_go=True),
        failures=(_BUSY,),
        events=("pool.opened", "query.retried", "pool.connected", "query.done"),
        advice="nothing",
    ),
    Fault(
        name="a write to a read-only file",
        provoke=_read_only,
        raises=QueryFailed,
        code="InvalidInputException",
        failures=((FaultKind.READ_ONLY, Phase.WRITE),),
        events=_FAILED,
        advice="open it without `read_only`",
    ),
    Fault(
        name="the file is no database",
        provoke=partial(_damaged, damage=_no_database),
        raises=ConnectFailed,
        code="IOException",
        failures=((FaultKind.OTHER, Phase.CONNECT),),
        events=_FAILED_AT_ONCE,
        advice="correct the path",
    ),
    Fault(
        name="the file is truncated",
        provoke=partial(_damaged, damage=_truncated),
        raises=ConnectFailed,
        code="IOException",
        failures=((FaultKind.OTHER, Phase.CONNECT),),
        events=_FAILED_AT_ONCE,
        advice="take the backup",
    ),
    Fault(
        name="a block of the file is damaged",
        provoke=_damaged_block,
        raises=QueryFailed,
        code="Error",
        failures=((FaultKind.OTHER, Phase.READ),),
        events=_FAILED,
        advice="take the backup",
    ),
    Fault(
        name="the folder of the file does not exist",
        provoke=_no_folder,
        raises=ConnectFailed,
        code="IOException",
        failures=((FaultKind.MISSING, Phase.CONNECT),),
        events=_FAILED_AT_ONCE,
        advice="make it, or correct the path",
    ),
    Fault(
        name="the disk is full",
        provoke=_disk_full,
        raises=QueryFailed,
        code="IOException",
        failures=((FaultKind.RESOURCE, Phase.WRITE),),
        events=_FAILED,
        needs="/dev/full",
        advice="make room",
    ),
    Fault(
        name="out of memory",
        provoke=_out_of_memory,
        raises=QueryFailed,
        code="OutOfMemoryException",
        failures=((FaultKind.RESOURCE, Phase.READ),),
        events=_FAILED,
        advice="select less, or raise `memory_limit`",
    ),
    Fault(
        name="a statement takes longer than the time budget",
        provoke=_too_slow,
        raises=QueryTimeout,
        code="InterruptException",
        failures=((FaultKind.INTERRUPTED, Phase.READ),),
        events=_FAILED,
        budget=0.4,
        exhausts=True,
        advice="raise `timeout`, or select less",
    ),
    Fault(
        name="another thread cancels a query",
        provoke=partial(_cancelled, ctrl_c=False),
        raises=QueryCancelled,
        events=("query.cancelled",),
        budget=1.0,
        advice="nothing: the database has stopped, too",
    ),
    Fault(
        name="Ctrl-C",
        provoke=partial(_cancelled, ctrl_c=True),
        raises=KeyboardInterrupt,
        events=("query.cancelled",),
        budget=1.0,
        in_child=True,
        advice="nothing: the database has stopped, too",
    ),
    Fault(
        name="two transactions change the same rows",
        provoke=partial(_conflict, times=1),
        failures=(_CONFLICT,),
        events=("pool.connected", "query.done", "query.retried", "query.done"),
        advice="nothing",
    ),
    Fault(
        name="two transactions change the same rows, again and again",
        provoke=partial(_conflict, times=3),
        raises=Conflict,
        code="TransactionException",
        failures=(_CONFLICT,) * 3,
        events=(
            *("pool.connected", "query.done", "query.retried"),
            *("query.done", "query.retried"),
            *("query.done", "query.failed"),
        ),
        advice="let fewer writers work on the same rows at the same time, or raise `attempts`",
    ),
    Fault(
        name="the process forks while connections are idle",
        provoke=_fork,
        events=("query.done",) * 20,
        in_child=True,
        advice="nothing: the child opens a database of its own; one in memory is empty there",
    ),
)
