"""What a database answers to an expression about a resource, in a form in which equal means alike."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs

from fhir4ds.compiler.compiler import compile_expression
from fhir4ds.compiler.options import Options
from fhir4ds.database import Database
from fhir4ds.errors import Fhir4dsError, QueryTimeout
from fhir4ds.plan.source import InlineSource
from fhir4ds.testing.comparison import canonical


@attrs.frozen
class Opinion:
    """An answer.

    Parameters
    ----------
    error : tuple of (str, str, int or None), optional
        Class, message and position of the error, if there was one.
    columns : tuple
        Name, SQL type and FHIR type of each column; empty where the compiler refused the expression.
    items : tuple
        The items with their types, in order.
    """

    error: tuple[str, str, int | None] | None = None
    columns: tuple[Any, ...] = ()
    items: tuple[Any, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether no database was asked."""
        return self.error is not None and not self.columns


def ask(database: Database, expression: str, resource: Mapping[str, Any], *, strict: bool = False) -> Opinion:
    """Ask a database; any exception that is not one of ours is the caller's to see."""
    columns: tuple[Any, ...] = ()
    options = Options(model=database.model, strict=strict, context=(str(resource["resourceType"]),))
    try:
        # From the cache of the compiler the second time.
        statement = compile_expression(expression, database.dialect.syntax, InlineSource(), options).statement
        columns = tuple((column.name, column.type, column.fhir_type, column.many) for column in statement.columns)
        found = database.evaluate(expression, resource, strict=strict)
    except QueryTimeout as error:
        return Opinion((type(error).__name__, "how long each phase took", None), columns)
    except Fhir4dsError as error:
        return Opinion((type(error).__name__, error.message, getattr(error, "position", None)), columns)
    return Opinion(None, columns, tuple(map(exactly, found)))


def exactly(item: Any) -> Any:
    """An item with its type; a Decimal with the scale that it is shown with."""
    return ("Decimal", str(item)) if isinstance(item, Decimal) else canonical(item)
