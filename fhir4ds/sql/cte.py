"""Common table expressions: one per step, named after it, put together into one statement."""

from __future__ import annotations

import re

import attrs

_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 40


@attrs.frozen
class CTE:
    """One named step of a statement.

    Parameters
    ----------
    name : str
        Unique in the statement; an unquoted identifier of every dialect.
    query : str
        The SELECT that makes it.
    materialized : bool
        Whether the database must compute it once and must not merge it into its readers.
    merged : bool
        Whether the database must merge it into its readers, however many there are.
    """

    name: str
    query: str
    materialized: bool = False
    merged: bool = False


class CTEBuilder:
    """Collects the steps of one statement in order and gives each a readable, unique name.

    Examples
    --------
    >>> builder = CTEBuilder()
    >>> builder.add("Patient", "SELECT 1 AS key").name
    'patient'
    >>> builder.add("patient", "SELECT 2 AS key").name
    'patient_2'
    """

    def __init__(self) -> None:
        self._steps: list[CTE] = []

    def add(self, title: str, query: str, *, materialized: bool = False, merged: bool = False) -> CTE:
        """Add a step that is named after ``title``.

        Parameters
        ----------
        title : str
            What the step is about, such as ``"Patient.name.given"``; any text.
        query : str
            Its SELECT; may read the steps before it by name.
        materialized, merged : bool
            As in `CTE`.

        Returns
        -------
        CTE
        """
        stem = _NOT_A_NAME.sub("_", title.lower()).strip("_")[:_LONGEST_NAME].strip("_")
        # A prefix keeps the name clear of keywords and of a leading digit.
        stem = stem if stem and not stem[0].isdigit() and stem not in _TAKEN else f"step_{stem}".strip("_")
        names = {step.name for step in self._steps}
        name, number = stem, 1
        while name in names:
            number += 1
            name = f"{stem}_{number}"
        step = CTE(name, query, materialized, merged)
        self._steps.append(step)
        return step

    @property
    def steps(self) -> tuple[CTE, ...]:
        """The steps so far, in order."""
        return tuple(self._steps)


class CTEAssembler:
    """Puts steps and a final SELECT together into the text of one statement.

    Examples
    --------
    >>> print(CTEAssembler().assemble((CTE("one", "SELECT 1 AS key"),), "SELECT key FROM one"))
    WITH one AS (
      SELECT 1 AS key
    )
    SELECT key FROM one
    """

    def assemble(self, steps: tuple[CTE, ...], final: str) -> str:
        """Return ``WITH step AS (...), ... final``."""
        parts = []
        for step in steps:
            materialized = "MATERIALIZED " if step.materialized else "NOT MATERIALIZED " if step.merged else ""
            # Later lines are not indented: they can only be those of a text literal.
            parts.append(f"{step.name} AS {materialized}(\n  {step.query}\n)")
        return ("WITH " + ",\n".join(parts) + "\n" if parts else "") + final


#: Words that a step may not be called: columns of the statement, and keywords that element names collide with.
_TAKEN = frozenset(
    [
        "all",
        "analyse",
        "analyze",
        "and",
        "anti",
        "any",
        "array",
        "as",
        "asc",
        "asof",
        "asymmetric",
        "at",
        "authorization",
        "binary",
        "both",
        "by",
        "case",
        "cast",
        "check",
        "collate",
        "collation",
        "column",
        "concurrently",
        "constraint",
        "create",
        "cross",
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "default",
        "deferrable",
        "desc",
        "describe",
        "distinct",
        "do",
        "else",
        "end",
        "except",
        "false",
        "fetch",
        "for",
        "foreign",
        "freeze",
        "from",
        "full",
        "glob",
        "grant",
        "group",
        "having",
        "ilike",
        "in",
        "initially",
        "inner",
        "intersect",
        "into",
        "is",
        "isnull",
        "join",
        "key",
        "lambda",
        "lateral",
        "leading",
        "left",
        "like",
        "limit",
        "localtime",
        "localtimestamp",
        "natural",
        "not",
        "notnull",
        "null",
        "offset",
        "on",
        "only",
        "or",
        "order",
        "outer",
        "overlaps",
        "pivot",
        "pivot_longer",
        "pivot_wider",
        "placing",
        "positional",
        "primary",
        "qualify",
        "references",
        "resource",
        "returning",
        "right",
        "select",
        "semi",
        "session_user",
        "show",
        "similar",
        "some",
        "summarize",
        "symmetric",
        "system_user",
        "table",
        "tablesample",
        "then",
        "to",
        "trailing",
        "true",
        "union",
        "unique",
        "unpack",
        "unpivot",
        "user",
        "using",
        "value",
        "variadic",
        "verbose",
        "when",
        "where",
        "window",
        "with",
    ]
)
