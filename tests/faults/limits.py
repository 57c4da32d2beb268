"""The server stops a statement, or cannot go on with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fhir4ds.dialect.faults import FaultKind
from fhir4ds.dialect.statement import Statement
from fhir4ds.errors import Conflict, ConnectFailed, QueryFailed, QueryTimeout
from fhir4ds.runtime.dispatcher import Dispatcher
from fhir4ds.runtime.retry import Phase
from fhir4ds.runtime.session import Session
from tests.faults.model import Fault, Trial
from tests.faults.scene import VALUE, Scene, statement

_INSERT = "INSERT INTO things VALUES (3, %s)"


def _things(scene: Scene) -> None:
    """A table of two rows."""
    scene.ask("CREATE TABLE things (id integer PRIMARY KEY, name text)")
    scene.ask("INSERT INTO things VALUES (1, ''), (2, '')")


def _names(scene: Scene) -> list[str]:
    return [name for (name,) in scene.ask("SELECT name FROM things ORDER BY id")]


def _insert(dispatcher: Dispatcher) -> Trial:
    return Trial(dispatcher=dispatcher, call=lambda: dispatcher.execute_query(_INSERT, (VALUE,)), expected=[])


@contextmanager
def _too_slow(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect()
    dispatcher.execute_query("SELECT 1")
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.query(statement("pg_sleep(20)")))


def _lock(scene: Scene) -> Any:
    """Somebody else's session that has the table to itself."""
    _things(scene)
    cursor = scene.session()
    cursor.execute("BEGIN; LOCK TABLE things")
    return cursor


@contextmanager
def _locked(scene: Scene) -> Iterator[Trial]:
    holder = _lock(scene)
    dispatcher = scene.connect(scene.url(options="-c lock_timeout=20"))
    dispatcher.execute_query("SELECT 1")
    yield _insert(dispatcher)
    holder.execute("ROLLBACK")
    assert _names(scene) == ["", ""]


@contextmanager
def _locked_for_a_moment(scene: Scene) -> Iterator[Trial]:
    holder = _lock(scene)
    dispatcher = scene.connect(scene.url(options="-c lock_timeout=20"))
    dispatcher.execute_query("SELECT 1")
    scene.recorder.on("query.retried", lambda: holder.execute("ROLLBACK"))
    yield _insert(dispatcher)
    assert _names(scene) == ["", "", VALUE]


@contextmanager
def _locked_for_ever(scene: Scene) -> Iterator[Trial]:
    holder = _lock(scene)
    dispatcher = scene.connect()
    dispatcher.execute_query("SELECT 1")
    yield _insert(dispatcher)
    holder.execute("ROLLBACK")
    assert _names(scene) == ["", ""]


@contextmanager
def _deadlock(scene: Scene) -> Iterator[Trial]:
    _things(scene)
    dispatcher = scene.connect()
    dispatcher.execute_query("SELECT 1")
    other = scene.session()
    # Only one side looks for deadlocks in time, so it is known which is ended.
    other.execute("SET deadlock_timeout = '10s'; BEGIN; UPDATE things SET name = 'other' WHERE id = 2")
    attempts: list[int] = []

    def cross() -> None:
        other.execute("UPDATE things SET name = 'other' WHERE id = 1")
        other.execute("COMMIT")

    def work(session: Session) -> int:
        attempts.append(len(attempts))
        session.execute("UPDATE things SET name = %s WHERE id = 1", (VALUE,))
        if len(attempts) == 1:
            scene.aside(cross)
            scene.blocked()
        session.execute("UPDATE things SET name = %s WHERE id = 2", (VALUE,))
        return len(attempts)

    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.run(work, retry=True), expected=2)
    assert _names(scene) == [VALUE, VALUE]


@contextmanager
def _serialization_failure(scene: Scene) -> Iterator[Trial]:
    _things(scene)
    dispatcher = scene.connect()
    dispatcher.execute_query("SELECT 1")
    attempts: list[int] = []

    def work(session: Session) -> int:
        attempts.append(len(attempts))
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.execute("SELECT * FROM things")
        if len(attempts) == 1:
            scene.ask("UPDATE things SET name = 'other' WHERE id = 1")
        session.execute("UPDATE things SET name = name || %s WHERE id = 1", (VALUE,))
        return len(attempts)

    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.run(work, retry=True), expected=2)
    assert _names(scene) == ["other" + VALUE, ""]


def _write_skew(scene: Scene, dispatcher: Dispatcher, times: int) -> Trial:
    """Two units of work that read what the other one writes; the one that commits last must fail."""
    _things(scene)
    dispatcher.execute_query("SELECT 1")
    other = scene.session()
    attempts: list[int] = []

    def work(session: Session) -> int:
        attempts.append(len(attempts))
        session.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        session.execute("SELECT name FROM things WHERE id = 1")
        collides = len(attempts) <= times
        if collides:
            other.execute("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT name FROM things WHERE id = 2")
            other.execute("UPDATE things SET name = 'other' WHERE id = 1")
        session.execute("UPDATE things SET name = %s WHERE id = 2", (VALUE,))
        if collides:
            other.execute("COMMIT")
        return len(attempts)

    return Trial(dispatcher=dispatcher, call=lambda: dispatcher.run(work, retry=True), expected=2)


@contextmanager
def _conflict_at_commit(scene: Scene) -> Iterator[Trial]:
    yield _write_skew(scene, scene.connect(), 1)
    assert _names(scene) == ["other", VALUE]


@contextmanager
def _conflict_without_end(scene: Scene) -> Iterator[Trial]:
    yield _write_skew(scene, scene.connect(), 3)
    assert _names(scene) == ["other", ""]


@contextmanager
def _write_in_a_query(scene: Scene) -> Iterator[Trial]:
    _things(scene)
    dispatcher = scene.connect()
    dispatcher.execute_query("SELECT 1")
    write = Statement(
        sql="INSERT INTO things VALUES (3, %(patient)s) RETURNING id", parameters={"patient": VALUE}, summary="trial"
    )
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.query(write))
    assert _names(scene) == ["", ""]


@contextmanager
def _disk_full(scene: Scene) -> Iterator[Trial]:
    """A table whose file is /dev/full, to which the kernel refuses every write for want of space."""
    scene.ask("CREATE TABLE things (id integer, name text)")
    ((folder, file),) = scene.ask("SELECT current_setting('data_directory'), pg_relation_filepath('things')")
    path = Path(folder) / file
    path.unlink()
    path.symlink_to("/dev/full")
    dispatcher = scene.connect()
    dispatcher.execute_query("SELECT 1")
    yield _insert(dispatcher)
    scene.ask("DROP TABLE things")


@contextmanager
def _temporary_files(scene: Scene) -> Iterator[Trial]:
    dispatcher = scene.connect()
    dispatcher.execute_query("SELECT 1")
    sort = statement("number FROM generate_series(1, 300000) AS number ORDER BY md5(CAST(number AS text))")
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.query(sort))


@contextmanager
def _idle_in_transaction(scene: Scene) -> Iterator[Trial]:
    """A unit of work that does something else for longer than the server allows."""
    _things(scene)
    dispatcher = scene.connect(scene.url(options="-c idle_in_transaction_session_timeout=20"))
    dispatcher.execute_query("SELECT 1")

    def work(session: Session) -> None:
        ((pid,),) = session.execute("SELECT pg_backend_pid()").rows
        scene.wait_until_gone([pid])
        session.execute(_INSERT, (VALUE,))

    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.run(work, retry=True))
    assert _names(scene) == ["", ""]


@contextmanager
def _rejected(scene: Scene) -> Iterator[Trial]:
    """A value that breaks a constraint."""
    _things(scene)
    dispatcher = scene.connect()
    dispatcher.execute_query("SELECT 1")
    yield Trial(dispatcher=dispatcher, call=lambda: dispatcher.execute_query(_INSERT.replace("3", "1"), (VALUE,)))
    assert _names(scene) == ["", ""]


_CONFLICT = (FaultKind.CONFLICT, Phase.WRITE)
_RETRIED = ("query.retried", "query.done")
_RETRIED_TWICE = ("query.retried", "query.retried", "query.failed")
_FAILED = ("query.failed",)

FAULTS = (
    Fault(
        name="a statement takes longer than the time budget",
        provoke=_too_slow,
        raises=QueryTimeout,
        code="57014",
        failures=((FaultKind.INTERRUPTED, Phase.READ),),
        events=_FAILED,
        budget=0.4,
        exhausts=True,
        advice="raise `timeout`, or select less",
    ),
    Fault(
        name="a lock is held for longer than `lock_timeout`",
        provoke=_locked,
        raises=Conflict,
        code="55P03",
        failures=(_CONFLICT,) * 3,
        events=_RETRIED_TWICE,
        advice="find who holds it in `pg_locks`; try again later",
    ),
    Fault(
        name="a lock is held for longer than `lock_timeout`, and then let go",
        provoke=_locked_for_a_moment,
        failures=(_CONFLICT,),
        events=_RETRIED,
        advice="nothing",
    ),
    Fault(
        name="a lock is held for longer than the time budget",
        provoke=_locked_for_ever,
        raises=QueryTimeout,
        code="57014",
        failures=((FaultKind.INTERRUPTED, Phase.WRITE),),
        events=_FAILED,
        budget=0.4,
        exhausts=True,
        advice="find who holds it in `pg_locks`",
    ),
    Fault(
        name="a deadlock",
        provoke=_deadlock,
        failures=(_CONFLICT,),
        events=_RETRIED,
        advice="nothing; take locks in the same order everywhere to have none",
    ),
    Fault(
        name="a serialization failure",
        provoke=_serialization_failure,
        failures=(_CONFLICT,),
        events=_RETRIED,
        advice="nothing",
    ),
    Fault(
        name="a serialization failure at COMMIT",
        provoke=_conflict_at_commit,
        failures=((FaultKind.CONFLICT, Phase.COMMIT),),
        events=_RETRIED,
        advice="nothing: the server has said that it did not commit",
    ),
    Fault(
        name="serialization failures without end",
        provoke=_conflict_without_end,
        raises=Conflict,
        code="40001",
        failures=((FaultKind.CONFLICT, Phase.COMMIT),) * 3,
        events=_RETRIED_TWICE,
        advice="let fewer writers work on the same rows at the same time, or raise `attempts`",
    ),
    Fault(
        name="a write in a read-only transaction",
        provoke=_write_in_a_query,
        raises=QueryFailed,
        code="25006",
        failures=((FaultKind.READ_ONLY, Phase.READ),),
        events=_FAILED,
        advice="write with `execute_query`, `run` or `load`",
    ),
    Fault(
        name="a value that a constraint forbids",
        provoke=_rejected,
        raises=QueryFailed,
        code="23505",
        failures=((FaultKind.INTEGRITY, Phase.WRITE),),
        events=_FAILED,
        advice="correct the value",
    ),
    Fault(
        name="the disk is full",
        provoke=_disk_full,
        raises=QueryFailed,
        code="53100",
        failures=((FaultKind.RESOURCE, Phase.WRITE),),
        events=_FAILED,
        needs="/dev/full",
        advice="make room on the server",
    ),
    Fault(
        name="a query needs more temporary files than `temp_file_limit`",
        provoke=_temporary_files,
        raises=QueryFailed,
        code="53400",
        failures=((FaultKind.RESOURCE, Phase.READ),),
        events=_FAILED,
        advice="select less, or raise `work_mem` or the limit",
    ),
    Fault(
        name="a unit of work idles for longer than `idle_in_transaction_session_timeout`",
        provoke=_idle_in_transaction,
        raises=ConnectFailed,
        failures=((FaultKind.DISCONNECT, Phase.WRITE),) * 3,
        events=(
            *("pool.discarded", "query.retried", "pool.connected"),
            *("pool.discarded", "query.retried", "pool.connected"),
            *("pool.discarded", "query.failed"),
        ),
        advice="do slow work outside the transaction",
    ),
)
