r"""The one exception tree: every failure a user of FHIR4DS can meet, and what to try next.

Messages are behaviour. Each says what happened, where, why, and (as ``hint``) what to do; the error of a database
driver stays reachable as ``__cause__``. ``docs/errors.md`` lists the tree; a test keeps both equal.

Examples
--------
>>> str(UnknownDialect("no dialect named 'duckdb'", hint="pip install fhir4ds-duckdb"))
"no dialect named 'duckdb'\nhint: pip install fhir4ds-duckdb"
"""

from __future__ import annotations


class Fhir4dsError(Exception):
    """Something went wrong that FHIR4DS can explain.

    Parameters
    ----------
    message : str
        What happened: a lower-case statement without a full stop.
    hint : str, optional
        What to try; shown on a line of its own.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


# --- finding a dialect ------------------------------------------------------------------------------------------------


class RegistryError(Fhir4dsError):
    """A dialect cannot be had from the registry."""


class UnknownDialect(RegistryError, LookupError):
    """No installed plugin provides the dialect that was asked for."""


class DuplicateDialect(RegistryError):
    """Two distributions provide a dialect of the same name."""


class IncompatibleDialect(RegistryError):
    """A plugin speaks a version of the plugin API that this core does not."""


class BrokenPlugin(RegistryError, ImportError):
    """A plugin is installed but failed to load; ``__cause__`` has the reason."""


class MissingDriver(RegistryError, ImportError):
    """The dialect is there, the database driver that it needs is not."""


class InvalidTarget(Fhir4dsError, ValueError):
    """A database URL that cannot be read. Its text is never repeated: it may hold a password."""


class InvalidSetting(Fhir4dsError, ValueError):
    """A setting whose value makes no sense, such as a pool of no connections."""


class Unsupported(Fhir4dsError):
    """The dialect does not claim a capability that the call needs."""


# --- understanding an expression --------------------------------------------------------------------------------------


class CompileError(Fhir4dsError):
    """An expression was refused before any database saw it.

    Parameters
    ----------
    message : str
        What is wrong.
    expression : str, optional
        The whole text of the expression.
    position : int, optional
        Offset of the fault in it, in characters from 0.
    hint : str, optional
        What to try.

    Examples
    --------
    >>> print(UnknownElement("Patient has no element 'brthDate'", expression="Patient.brthDate", position=8,
    ...                      hint="did you mean 'birthDate'?"))
    Patient has no element 'brthDate' (line 1, column 9)
        Patient.brthDate
                ^
    hint: did you mean 'birthDate'?
    """

    def __init__(
        self, message: str, *, expression: str | None = None, position: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.expression = expression
        self.position = position

    @property
    def line(self) -> int | None:
        """Line of the fault, from 1; None where the place is not known."""
        if self.expression is None or self.position is None:
            return None
        return self.expression.count("\n", 0, self.position) + 1

    @property
    def column(self) -> int | None:
        """Column of the fault in its line, from 1; None where the place is not known."""
        if self.expression is None or self.position is None:
            return None
        return self.position - (self.expression.rfind("\n", 0, self.position) + 1) + 1

    def __str__(self) -> str:
        lines = [self.message]
        if self.expression is not None and self.line is not None and self.column is not None:
            lines[0] += f" (line {self.line}, column {self.column})"
            text = self.expression.split("\n")[self.line - 1].replace("\t", " ")
            # A window keeps the caret on the screen where the line is very long.
            start = max(0, self.column - 1 - 80)
            lines += ["    " + text[start : start + 120], "    " + " " * (self.column - 1 - start) + "^"]
        if self.hint is not None:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class FHIRPathSyntaxError(CompileError):
    """The text is not FHIRPath."""


class UnknownElement(CompileError):
    """The FHIR model has no such element on the type at hand."""


class UnknownType(CompileError):
    """No type of that name is in the FHIR model or the System namespace."""


class UnknownFunction(CompileError):
    """FHIRPath has no function of that name."""


class UnknownVariable(CompileError):
    """An environment variable or parameter was not given."""


class InvalidArguments(CompileError):
    """A function was called with too few, too many or the wrong arguments."""


class InvalidOperation(CompileError):
    """Operands whose types the operator or function does not take."""


class UnsupportedFeature(CompileError):
    """Valid FHIRPath that FHIR4DS leaves out on purpose; the message says so."""


class InvalidModel(CompileError):
    """A FHIR version that FHIR4DS has no model of."""


class InvalidView(CompileError):
    """A ViewDefinition that breaks rules, or asks for what there is not; no database saw it.

    Parameters
    ----------
    message : str
        What is wrong.
    path : str, optional
        Where: a path into the JSON of the view.
    rule : str, optional
        Short name of the rule that is broken.
    expression, position, hint
        As in `CompileError`; the expression is the one in which the fault is.
    faults : tuple of InvalidView
        All faults of the view, where this is the error that holds them.

    Examples
    --------
    >>> print(InvalidView("a column needs a name", path="select[0].column[2]", rule="required", hint="add a name"))
    select[0].column[2]: a column needs a name
    hint: add a name
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        rule: str | None = None,
        hint: str | None = None,
        expression: str | None = None,
        position: int | None = None,
        faults: tuple[InvalidView, ...] = (),
    ) -> None:
        super().__init__(message, expression=expression, position=position, hint=hint)
        self.path = path
        self.rule = rule
        self.faults = faults or (self,)

    def __str__(self) -> str:
        if self.faults != (self,):
            return "\n".join([self.message, *map(str, self.faults)])
        return super().__str__() if self.path is None else f"{self.path}: {super().__str__()}"


# --- running a statement ----------------------------------------------------------------------------------------------


class FHIRPathExecutionError(Fhir4dsError):
    """A database did not answer as asked; the driver's own error is ``__cause__``.

    Parameters
    ----------
    message : str
        What happened, with the first line of the database's own words where they help. Never values.
    hint : str, optional
        What to try.
    code : str, optional
        SQLSTATE, or the database's own code.
    expression : str, optional
        The FHIRPath expression or view that was running.
    """

    def __init__(
        self, message: str, *, hint: str | None = None, code: str | None = None, expression: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.expression = expression


class ConnectFailed(FHIRPathExecutionError):
    """No connection could be made or kept."""


class PoolTimeout(FHIRPathExecutionError):
    """Every connection of the pool stayed in use for longer than the caller would wait."""


class PoolClosed(FHIRPathExecutionError):
    """The database object was closed; open a new one."""


class QueryTimeout(FHIRPathExecutionError):
    """The time budget of the call ran out."""


class QueryCancelled(FHIRPathExecutionError):
    """A person or another thread stopped the query."""


class QueryFailed(FHIRPathExecutionError):
    """The database refused the statement or could not finish it.

    Parameters
    ----------
    message, hint, code, expression
        As in `FHIRPathExecutionError`.
    of_value : bool
        Whether a value was at fault, which does not fit its type.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        expression: str | None = None,
        of_value: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, code=code, expression=expression)
        self.of_value = of_value


class Conflict(FHIRPathExecutionError):
    """Concurrent transactions kept colliding until the attempts ran out."""


class OutcomeUnknown(FHIRPathExecutionError):
    """The connection was lost after COMMIT was sent: the write may or may not have happened."""


class EvaluationError(QueryFailed):
    """The expression failed on a resource: several items where one is expected, or a value that is not what it must be.

    Parameters
    ----------
    message : str
        The rule that was broken.
    expression : str, optional
        The whole expression.
    position : int, optional
        Offset of the failing part in it.
    key : object, optional
        Key of the resource on which it failed.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        expression: str | None = None,
        position: int | None = None,
        key: object = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code, expression=expression)
        self.position = position
        self.key = key


# --- moving resources -------------------------------------------------------------------------------------------------


class SourceError(Fhir4dsError):
    """Resources cannot be read from where they were said to be."""


class RejectedResource(SourceError):
    """A strict load met something that is not a FHIR resource; nothing was loaded.

    Parameters
    ----------
    message : str
        What is wrong with it, with file and line.
    file : str, optional
        Where it was.
    line : int, optional
        Line in that file, from 1.
    """

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.line = line


class DestinationError(Fhir4dsError):
    """Rows cannot be put where they were said to go."""
