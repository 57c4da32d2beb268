"""What a query gives back: rows of Python values, and the same as tables of other libraries."""

from __future__ import annotations

import html
import importlib
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import attrs

from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.statement import FAILURE, Column, Statement
from fhir4ds.dialect.types import ColumnKind, SqlType
from fhir4ds.errors import EvaluationError, MissingDriver, QueryFailed
from fhir4ds.runtime.answer import decode_json, decode_rough, encode_json
from fhir4ds.runtime.arrow import arrow_batch, arrow_schema, load_arrow

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

#: Rows shown by the representations.
_SHOWN = 20
#: Longest text of one cell there.
_WIDEST = 60


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise QueryFailed(
            "a value does not fit its type: a number is needed",
            hint="mend the resource, or leave it out with where(...)",
            of_value=True,
        ) from error


_DECODERS: dict[SqlType | None, Callable[[Any], Any]] = {SqlType.JSON: decode_json, SqlType.DECIMAL: _decimal}

#: The same for columns of which Python values are delivered: what drivers do not give alike comes as text.
_NATIVE_DECODERS: dict[ColumnKind, Callable[[Any], Any]] = {
    ColumnKind.JSON: decode_json,
    ColumnKind.DECIMAL: _decimal,
    ColumnKind.INSTANT: datetime.fromisoformat,
    ColumnKind.BINARY: b64decode,
}


def _decoder(column: Column, *, rough: bool) -> Callable[[Any], Any] | None:
    """What makes a Python value of what the driver gives; None where that is one."""
    if column.native and column.sql is not None:
        decoder = _NATIVE_DECODERS.get(column.sql.kind)
    else:
        decoder = decode_rough if rough and column.type is SqlType.JSON else _DECODERS.get(column.type)
    if decoder is None or not column.many:
        return decoder
    return lambda values: [None if value is None else decoder(value) for value in values]


def _truth(rows: Sequence[Row], place: int, column: Column) -> Callable[[Any], Any] | None:
    """What makes booleans of the numbers that a database without a type for them answers with."""
    is_boolean = column.sql.kind is ColumnKind.BOOLEAN if column.sql is not None else column.type is SqlType.BOOLEAN
    if not is_boolean or column.many:
        return None
    given = next((row[place] for row in rows if row[place] is not None), True)
    return None if isinstance(given, bool) else bool


def _array(rows: Sequence[Row], place: int, column: Column) -> Callable[[Any], Any] | None:
    """What makes lists of the JSON texts that a database without arrays answers with."""
    given = next((row[place] for row in rows if row[place] is not None), None) if column.many else None
    return decode_json if isinstance(given, str) else None


def decode(rows: Sequence[Row], columns: Sequence[Column], *, rough: bool = False) -> list[Row]:
    """Turn rows as the driver gave them into rows of Python values typed by their columns.

    Parameters
    ----------
    rows : sequence of tuple
        JSON values and decimals as text, booleans also as numbers and arrays as JSON text, everything else as the
        driver gives it.
    columns : sequence of Column
        What the columns hold.
    rough : bool
        As `Statement.rough`.

    Returns
    -------
    list of tuple
        JSON as dict, list, str, int, bool or exact Decimal; decimals as Decimal.

    Raises
    ------
    DigitsLost
        If the JSON is rough and has a number that may have been written in another way.

    Examples
    --------
    >>> decode([("p1", "1.50")], [Column(name="id"), Column(name="value", type=SqlType.DECIMAL)])
    [('p1', Decimal('1.50'))]
    >>> decode([("p1", 1)], [Column(name="id"), Column(name="value", type=SqlType.BOOLEAN)])
    [('p1', True)]
    """
    decoders = [
        (place, decoder)
        for place, column in enumerate(columns)
        for decoder in (_array(rows, place, column), _truth(rows, place, column), _decoder(column, rough=rough))
        if decoder is not None
    ]
    if not decoders:
        return list(rows)
    decoded = []
    for row in rows:
        values = list(row)
        for place, decoder in decoders:
            if values[place] is not None:
                values[place] = decoder(values[place])
        decoded.append(tuple(values))
    return decoded


def apart(
    rows: Sequence[Row], columns: Sequence[Column], expression: str | None
) -> tuple[list[Row], tuple[EvaluationError, ...]]:
    """Take rows that say why a resource has no items from those that have items.

    Parameters
    ----------
    rows : sequence of tuple
        Decoded rows.
    columns : sequence of Column
        What the columns hold; `FAILURE` is among them where rows can say so.
    expression : str, optional
        What was evaluated, for the errors.

    Returns
    -------
    tuple of (list of tuple, tuple of EvaluationError)
        The rows without the column `FAILURE`, and the errors, which are not raised.

    Examples
    --------
    >>> columns = [Column(name="id"), Column(name="failure"), Column(name="value")]
    >>> rows = [("p1", {"message": "several items", "position": 3}, None), ("p2", None, "Ada")]
    >>> kept, errors = apart(rows, columns, "name")
    >>> kept, [error.key for error in errors]
    ([('p2', 'Ada')], ['p1'])
    """
    place = next((place for place, column in enumerate(columns) if column.name == FAILURE), None)
    if place is None:
        return list(rows), ()
    kept = [(*row[:place], *row[place + 1 :]) for row in rows if row[place] is None]
    told = [(row[0], row[place]) for row in rows if row[place] is not None]
    return kept, tuple(
        EvaluationError(failure["message"], expression=expression, position=failure["position"], key=key)
        for key, failure in told
    )


def items(rows: Sequence[Row], statement: Statement) -> tuple[list[Row], tuple[EvaluationError, ...]]:
    """Rows of Python values, and errors; JSON may hold a null where FHIR has no item, which gives no row."""
    decoded = decode(rows, statement.columns, rough=statement.rough)
    kept, errors = apart(decoded, statement.columns, statement.expression)
    if statement.columns[-1].type is SqlType.JSON:
        kept = [row for row in kept if row[-1] is not None]
    return kept, errors


def item_columns(statement: Statement) -> tuple[Column, ...]:
    """What the rows hold that `items` keeps."""
    return tuple(column for column in statement.columns if column.name != FAILURE)


@attrs.frozen(eq=False, repr=False)
class Result:
    """The complete answer to a query, in the order of resources and, within each, of the document.

    Parameters
    ----------
    columns : tuple of Column
        What the columns are.
    rows : list of tuple
        The rows.
    diagnostics : tuple of EvaluationError
        Where errors were not to be raised: why each resource that is named by their ``key`` has no rows.

    Examples
    --------
    >>> result = Result((Column(name="id"), Column(name="value")), [("p1", "Ada"), ("p2", "Eve")])
    >>> len(result), list(result)[0], result.values()
    (2, ('p1', 'Ada'), ['Ada', 'Eve'])
    """

    columns: tuple[Column, ...]
    rows: list[Row]
    diagnostics: tuple[EvaluationError, ...] = ()

    @property
    def schema(self) -> dict[str, str | None]:
        """FHIR or System type of each column; None where it is not known."""
        return {column.name: column.fhir_type for column in self.columns}

    def values(self) -> list[Any]:
        """The last column alone: the items without the keys of their resources."""
        return [row[-1] for row in self.rows]

    def to_dicts(self) -> list[dict[str, Any]]:
        """One dictionary per row, by column name."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def to_arrow(self) -> pyarrow.Table:
        """As an Arrow table; complex items become JSON text.

        Raises
        ------
        MissingDriver
            If pyarrow is not installed.
        DestinationError
            If a decimal has more digits than Arrow's type takes, which has 12 after the point.
        """
        arrow = load_arrow()
        schema = arrow_schema(self.columns, self.rows)
        table: pyarrow.Table = arrow.Table.from_batches([arrow_batch(self.rows, self.columns, schema)], schema)
        return table

    def to_pandas(self) -> pandas.DataFrame:
        """As a pandas data frame; complex items stay dictionaries.

        Raises
        ------
        MissingDriver
            If pandas is not installed.
        """
        names = [column.name for column in self.columns]
        frame: pandas.DataFrame = _library("pandas").DataFrame(self.rows, columns=names)
        return frame

    def to_polars(self) -> polars.DataFrame:
        """As a polars data frame; complex items become JSON text.

        Raises
        ------
        MissingDriver
            If polars or pyarrow is not installed.
        """
        frame: polars.DataFrame = _library("polars").from_arrow(self.to_arrow())
        return frame

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __repr__(self) -> str:
        names = [column.name for column in self.columns]
        cells = [names, *([_cell(value) for value in row] for row in self.rows[:_SHOWN])]
        widths = [max(len(row[place]) for row in cells) for place in range(len(names))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
        ]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([*lines, self._footer()])

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        head = "".join(f"<th>{html.escape(column.name)}</th>" for column in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_cell(value))}</td>" for value in row) + "</tr>"
            for row in self.rows[:_SHOWN]
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{self._footer()}</p>"

    def _footer(self) -> str:
        rows = f"{len(self.rows)} row{'s' * (len(self.rows) != 1)}"
        if len(self.rows) > _SHOWN:
            rows = f"{rows}, the first {_SHOWN} shown"
        failed = len(self.diagnostics)
        return rows if not failed else f"{rows}; {failed} resource{'s' * (failed != 1)} failed, see diagnostics"


def _cell(value: object) -> str:
    text = encode_json(value) if isinstance(value, dict | list | bool) else "" if value is None else str(value)
    text = text.replace("\n", "\\n")
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDriver(f"this needs {name}", hint=f"pip install {name}") from error
