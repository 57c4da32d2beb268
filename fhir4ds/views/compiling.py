"""A view compiled: checked as a whole, and one statement of one dialect."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter

from fhir4ds.compiler.compiler import Compiled
from fhir4ds.compiler.options import Care, Options
from fhir4ds.compiler.variables import Variable
from fhir4ds.dialect.statement import Column
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.errors import InvalidView
from fhir4ds.fhir.model import load_model
from fhir4ds.plan.source import Source
from fhir4ds.sql.view import ViewBuilder
from fhir4ds.views.constants import CONSTANT_TYPES
from fhir4ds.views.definition import ViewDefinition
from fhir4ds.views.lowering import lower_view
from fhir4ds.views.plan import Form, ViewColumn, ViewPlan
from fhir4ds.views.profiles import Profile, profile_faults
from fhir4ds.views.reading import invalid
from fhir4ds.views.validation import validate


def check_view(
    view: ViewDefinition,
    *,
    model: str | None = "R4",
    profiles: tuple[Profile, ...] = (),
    variables: Mapping[str, Variable] | None = None,
) -> tuple[InvalidView, ...]:
    """All that is wrong with a view.

    Parameters
    ----------
    view : ViewDefinition
        The view, as `fhir4ds.views.reading.read_view` gives it.
    model : str, optional
        FHIR version of the resources; None navigates untyped JSON.
    profiles : tuple of Profile
        Profiles of ViewDefinition whose rules it is to meet too.
    variables : Mapping of str to Variable, optional
        Variables that are given from outside, and what is known of them.

    Returns
    -------
    tuple of InvalidView
        Nothing if it is valid.

    Examples
    --------
    >>> from fhir4ds.views.reading import read_view
    >>> columns = [{"name": "born", "path": "brthDate"}]
    >>> [fault] = check_view(read_view({"resource": "Patient", "select": [{"column": columns}]}))
    >>> fault.path, fault.rule, fault.hint
    ('select[0].column[0].path', 'unknown-element', "did you mean 'birthDate'?")
    """
    faults, _ = _planned(view, model, Form.ROWS, variables or {})
    return (*faults, *(fault for profile in profiles for fault in profile_faults(view, profile)))


def plan_view(
    view: ViewDefinition,
    *,
    model: str | None,
    form: Form,
    variables: Mapping[str, Variable] | None = None,
    care: Care = Care.USUAL,
) -> ViewPlan:
    """The plan of a view.

    Parameters
    ----------
    view, model, variables
        As in `check_view`.
    form : Form
        What the values are made for.
    care : Care
        As in `Options`.

    Returns
    -------
    ViewPlan

    Raises
    ------
    InvalidView
        With all that is wrong.
    """
    faults, plan = _planned(view, model, form, variables or {}, care)
    if faults or plan is None:
        raise invalid(faults, view.name)
    return plan


def compile_plan(plan: ViewPlan, syntax: Syntax, source: Source, form: Form) -> Compiled:
    """The statement of a view.

    Parameters
    ----------
    plan : ViewPlan
        The view.
    syntax : Syntax
        The dialect's words.
    source : Source
        Where the resources come from.
    form : Form
        As the plan was made.
    """
    builder = ViewBuilder(syntax, source, plan.resource)
    columns = tuple((column.place, _column(column, form)) for column in plan.columns)
    statement = builder.build(plan.title, plan.rows, plan.where, columns)
    return Compiled(statement=statement, parameters=builder.parameters)


def _planned(
    view: ViewDefinition, model: str | None, form: Form, variables: Mapping[str, Variable], care: Care = Care.USUAL
) -> tuple[list[InvalidView], ViewPlan | None]:
    faults = validate(view, load_model(model) if model is not None else None)
    constants = {constant.name: Variable(CONSTANT_TYPES[constant.type]) for constant in view.constants}
    known = tuple(sorted({**variables, **constants}.items(), key=itemgetter(0)))
    options = Options(model=model, variables=known, care=care)
    if any(fault.path == "resource" for fault in faults):
        return faults, None  # nothing is known of its elements
    plan = lower_view(view, options, form, faults)
    return faults, plan


def _column(column: ViewColumn, form: Form) -> Column:
    """The column of the result: what is delivered, and what that is in a table."""
    native = form is Form.TABLE or column.tagged
    return Column(
        name=column.name,
        type=None if native else column.value,
        fhir_type=column.fhir_type,
        many=column.many,
        sql=column.type,
        native=native,
    )
