"""What a query gives back: rows of Python values, and the same as tables of other libraries."""

from __future__ import annotations

import html
import importlib
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from fhir4ds.dialect.driver import Row
from fhir4ds.dialect.statement import Column
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import MissingDriver
from fhir4ds.runtime.answer import decode_json, encode_json

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

#: Rows shown by the representations.
_SHOWN = 20
#: Longest text of one cell there.
_WIDEST = 60

_DECODERS: dict[SqlType | None, Callable[[Any], Any]] = {SqlType.JSON: decode_json, SqlType.DECIMAL: Decimal}


def decode(rows: Sequence[Row], columns: Sequence[Column]) -> list[Row]:
    """Turn rows as the driver gave them into rows of Python values typed by their columns.

    Parameters
    ----------
    rows : sequence of tuple
        JSON values and decimals as text, everything else as the driver gives it.
    columns : sequence of Column
        What the columns hold.

    Returns
    -------
    list of tuple
        JSON as dict, list, str, int, bool or exact Decimal; decimals as Decimal.

    Examples
    --------
    >>> decode([("p1", "1.50")], [Column(name="id"), Column(name="value", type=SqlType.DECIMAL)])
    [('p1', Decimal('1.50'))]
    """
    decoders = [(place, _DECODERS[column.type]) for place, column in enumerate(columns) if column.type in _DECODERS]
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


@attrs.frozen(eq=False, repr=False)
class Result:
    """The complete answer to a query, in the order of resources and, within each, of the document.

    Parameters
    ----------
    columns : tuple of Column
        What the columns are.
    rows : list of tuple
        The rows.

    Examples
    --------
    >>> result = Result((Column(name="id"), Column(name="value")), [("p1", "Ada"), ("p2", "Eve")])
    >>> len(result), list(result)[0], result.values()
    (2, ('p1', 'Ada'), ['Ada', 'Eve'])
    """

    columns: tuple[Column, ...]
    rows: list[Row]

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
        """
        arrow = _library("pyarrow")
        columns = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.columns)
        arrays = [
            _arrow_array(arrow, column, list(values)) for column, values in zip(self.columns, columns, strict=True)
        ]
        return arrow.table(arrays, names=[column.name for column in self.columns])

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
        return rows if len(self.rows) <= _SHOWN else f"{rows}, the first {_SHOWN} shown"


def _cell(value: object) -> str:
    text = encode_json(value) if isinstance(value, dict | list | bool) else "" if value is None else str(value)
    text = text.replace("\n", "\\n")
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _arrow_array(arrow: Any, column: Column, values: list[Any]) -> Any:
    if column.type is SqlType.JSON or any(isinstance(value, dict | list) for value in values):
        return arrow.array([None if value is None else encode_json(value) for value in values], arrow.string())
    types: dict[SqlType | None, Any] = {
        SqlType.BOOLEAN: arrow.bool_(),
        SqlType.INTEGER: arrow.int64(),
        SqlType.TEXT: arrow.string(),
    }
    return arrow.array(values, types.get(column.type))


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingDriver(f"this needs {name}", hint=f"pip install {name}") from error
