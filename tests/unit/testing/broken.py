"""Dialects that each break one rule, for tests of the kit that must catch them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar

import attrs
from fhir4ds_duckdb.driver import DuckDBDriver, Session
from fhir4ds_duckdb.syntax import DuckDBSyntax

from fhir4ds.dialect.model import Dialect
from fhir4ds.plugin import Connection, Cursor, Fault, FaultKind, Parameters, Row, SqlType
from fhir4ds.registry import registry


def _dialect(
    syntax: type[DuckDBSyntax] = DuckDBSyntax, driver: type[DuckDBDriver] = DuckDBDriver, **claims: bool
) -> Dialect:
    sound = registry.get("duckdb")
    return attrs.evolve(
        sound,
        name="broken",
        schemes=("broken",),
        suffixes=(),
        syntax=syntax(),
        load_driver=lambda: driver,
        capabilities=attrs.evolve(sound.capabilities, **claims),
    )


class _Unescaped(DuckDBSyntax):
    def text(self, value: str) -> str:
        return f"'{value}'"


class _AnotherMeaning(DuckDBSyntax):
    differences: ClassVar[Mapping[str, str]] = {**DuckDBSyntax.differences, "less": "({0} <= {1})"}


class _Quoting(DuckDBSyntax):
    differences: ClassVar[Mapping[str, str]] = {**DuckDBSyntax.differences, "json_member": "CAST({0} AS VARCHAR)"}


class _Lenient(DuckDBSyntax):
    def from_json(self, json: str, type: SqlType) -> str:
        return self.cast(self.apply("json_text", json), type)


class _AnotherOrder(DuckDBSyntax):
    def sort_key(self, key: str, type: SqlType) -> str:
        return f"LOWER(CAST({key} AS VARCHAR))"


class _Writing(DuckDBSyntax):
    def begin(self, *, read_only: bool) -> str:
        return "BEGIN TRANSACTION"


class _Eager(DuckDBSyntax):
    def case(self, branches: Sequence[tuple[str, str]], otherwise: str) -> str:
        return super().case([("FALSE", otherwise), *branches[1:]], branches[0][1])


class _Keeping(DuckDBDriver):
    def reset(self, connection: Session) -> None:
        pass


class _Late(DuckDBDriver):
    def cancel(self, connection: Session, timeout: float) -> None:
        time.sleep(1.2)
        super().cancel(connection, timeout)


class _Mute(DuckDBDriver):
    def fault(self, error: BaseException, connection: Session | None) -> Fault:
        return Fault(kind=FaultKind.OTHER, message=str(error))


class _Blind(DuckDBDriver):
    def alive(self, connection: Session, *, probe: bool) -> bool:
        return True


class _Losing(DuckDBDriver):
    def load(self, connection: Session, table: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
        return super().load(connection, table, columns, islice(rows, 10_000))


class _OtherErrors(DuckDBDriver):
    errors: type[Exception] = KeyError


@attrs.frozen
class _Wrapped:
    """A cursor with other columns, or other rows."""

    cursor: Cursor
    columns: Sequence[tuple[str, SqlType | None]]
    rows: Callable[[int], list[Row]]

    def fetchmany(self, size: int) -> list[Row]:
        return self.rows(size)

    def close(self) -> None:
        self.cursor.close()


class _Untyped(DuckDBDriver):
    def execute(self, connection: Connection, sql: str, parameters: Parameters) -> Any:
        cursor = super().execute(connection, sql, parameters)
        return _Wrapped(cursor, [(name, None) for name, _ in cursor.columns], cursor.fetchmany)


class _Generous(DuckDBDriver):
    def stream(self, connection: Connection, sql: str, parameters: Parameters, batch: int) -> Any:
        cursor = super().stream(connection, sql, parameters, batch)
        return _Wrapped(cursor, cursor.columns, lambda size: cursor.fetchmany(10 * size))


class _Read(DuckDBDriver):
    def execute(self, connection: Connection, sql: str, parameters: Parameters) -> Any:
        cursor = super().execute(connection, sql, parameters)
        places = [place for place, (_, type) in enumerate(cursor.columns) if type is SqlType.JSON]
        return _Wrapped(
            cursor,
            cursor.columns,
            lambda size: [
                tuple({"read": value} if place in places else value for place, value in enumerate(row))
                for row in cursor.fetchmany(size)
            ],
        )


#: What is broken, and the cases that must say so.
BROKEN: Mapping[str, tuple[Dialect, frozenset[str]]] = {
    "texts are not escaped": (_dialect(_Unescaped), frozenset({"syntax/word[text-1]"})),
    "a primitive means something else": (_dialect(_AnotherMeaning), frozenset({"syntax/primitive[less-2]"})),
    "JSON is a text within JSON": (_dialect(_Quoting), frozenset({"syntax/word[apply-2]"})),
    "texts are read as numbers": (
        _dialect(_Lenient),
        frozenset({'statements/json-of-another-kind-is-not-read[integer-"7"]'}),
    ),
    "errors are raised that are not met": (_dialect(_Eager), frozenset({"syntax/word[case-2]"})),
    "keys sort by another order": (_dialect(_AnotherOrder), frozenset({"statements/keys-sort-by-code-point"})),
    "read-only transactions write": (
        _dialect(_Writing),
        frozenset({"statements/read-only-transactions-refuse-writes"}),
    ),
    "a time limit is claimed that there is not": (
        _dialect(statement_timeout=True),
        frozenset({"statements/time-limits-are-said-where-they-are-claimed"}),
    ),
    "files are read without saying so": (
        _dialect(files=False),
        frozenset({"statements/files-are-read-in-place-or-not-at-all"}),
    ),
    "types are claimed and not told": (_dialect(driver=_Untyped), frozenset({"types/results-tell-their-types"})),
    "JSON is read by the driver": (_dialect(driver=_Read), frozenset({"types/json-text-is-delivered-as-text"})),
    "reset keeps a transaction": (
        _dialect(driver=_Keeping),
        frozenset({"driver/reset-ends-an-open-transaction", "driver/reset-drops-temporary-tables"}),
    ),
    "a cancellation comes late": (_dialect(driver=_Late), frozenset({"driver/cancelled-from-another-thread"})),
    "closed connections are alive": (
        _dialect(driver=_Blind),
        frozenset({f"driver/alive-tells-an-open-connection-from-a-closed-one[{way}]" for way in ("free", "probe")}),
    ),
    "errors are of another class": (_dialect(driver=_OtherErrors), frozenset({"faults/kind-of-fault[table]"})),
    "faults are not told apart": (_dialect(driver=_Mute), frozenset({"faults/kind-of-fault[key]"})),
    "the last rows are not loaded": (_dialect(driver=_Losing), frozenset({"loading/many-rows-are-loaded-whole"})),
    "batches are too large": (
        _dialect(driver=_Generous),
        frozenset({"streaming/streamed-rows-are-those-of-the-query"}),
    ),
}
