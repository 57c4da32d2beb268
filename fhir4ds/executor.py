"""The executor of the original design: an expression in, rows out."""

from __future__ import annotations

from typing import Any

import attrs

from fhir4ds.database import Database


@attrs.frozen
class FHIRPathExecutor:
    """Runs FHIRPath expressions on one database.

    Parameters
    ----------
    database : Database
        Where the resources are; DuckDB and PostgreSQL give the same rows.

    Examples
    --------
    >>> from fhir4ds.database import connect
    >>> database = connect()
    >>> report = database.load([{"resourceType": "Patient", "id": "p1", "name": [{"given": ["Ada", "Eve"]}]}])
    >>> FHIRPathExecutor(database).execute("Patient.name.given")
    [('p1', 'Ada'), ('p1', 'Eve')]
    """

    database: Database

    def execute(self, expression: str, **variables: Any) -> list[tuple[Any, Any]]:
        """Evaluate an expression over all resources that it is about.

        Parameters
        ----------
        expression : str
            FHIRPath, starting with a resource type.
        **variables
            Values of its ``%name`` variables.

        Returns
        -------
        list of (key, value)
            In the order of keys, then of the document.

        Raises
        ------
        CompileError
            If the expression is wrong.
        FHIRPathExecutionError
            If the database fails.
        """
        return self.database.query(expression, **variables).rows

    def sql(self, expression: str, **variables: Any) -> str:
        """The SQL that `execute` runs."""
        return self.database.sql(expression, **variables)
