"""The columns of a view: what type each has, and its values in the form in which they are delivered."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from fhir4ds.compiler.lowering import LoweredCall
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import CompileError, InvalidOperation, InvalidView
from fhir4ds.fhir.model import MODELS, Model, load_model
from fhir4ds.functions import values
from fhir4ds.functions.typing import is_exactly, narrow
from fhir4ds.plan import fusion
from fhir4ds.plan.collection import SYSTEM_TYPES, Collection, TypeName
from fhir4ds.plan.exactness import numeral, plain
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    Apply,
    Array,
    Case,
    Cast,
    Constant,
    Each,
    Node,
    Raise,
    Reference,
    apply,
    bind,
    integer,
    length,
    null,
    text,
)
from fhir4ds.suggestion import did_you_mean
from fhir4ds.views.definition import ColumnDefinition
from fhir4ds.views.plan import Form, ViewColumn
from fhir4ds.views.types import ANSI_TYPE, converts, default_type, delivered, native, parse_ansi

#: The FHIR types of System types, which columns are said to have.
_FHIR_TYPES = {
    "Boolean": "boolean",
    "Integer": "integer",
    "Long": "integer64",
    "Decimal": "decimal",
    "String": "string",
    "Date": "date",
    "DateTime": "dateTime",
    "Time": "time",
    "Quantity": "Quantity",
}


@attrs.frozen(kw_only=True)
class Cell:
    """A column in one branch of a view.

    Parameters
    ----------
    column : ColumnDefinition
        As the view has it.
    node : Node
        Its value, or the array of them: native values where they are computed, JSON where they are elements.
    kind : SqlType
        What the values are.
    fhir_type : str or None
        Their FHIR type.
    """

    column: ColumnDefinition
    node: Node
    kind: SqlType
    fhir_type: str | None


def cell_of(call: LoweredCall, collection: Collection, column: ColumnDefinition, model: Model | None) -> Cell:
    """The cell that an expression gives.

    Parameters
    ----------
    call : LoweredCall
        The whole expression.
    collection : Collection
        What it denotes.
    column : ColumnDefinition
        The column that it is for.
    model : Model, optional
        The FHIR model, for the types that are declared.

    Returns
    -------
    Cell

    Raises
    ------
    InvalidView
        If the column cannot have the type that it is declared to have.
    """
    declared = _declared(column, model)
    if values.is_empty(collection):
        kind = declared or SqlType.TEXT
        return _cell(call, Collection(plan=null(kind)), column, kind, column.type)
    collection = _decided(call, collection, column)
    kind = values.sql_type(collection, call.model)
    dynamic = values.is_dynamic(collection, call.model)
    if declared is None or declared is kind:
        return _cell(call, collection, column, kind, column.type or _fhir_type(collection))
    if dynamic or (kind is SqlType.INTEGER and declared is SqlType.DECIMAL):
        return _cell(call, collection, column, declared, column.type)
    shown = " or ".join(dict.fromkeys(type.name for type in collection.types)) or kind.value
    error = call.error(
        InvalidOperation, f"the column is declared as {column.type}, but its path gives {shown}", "correct its type"
    )
    raise view_fault(error, f"{column.at}.type", "column-type")


def view_fault(error: CompileError, path: str, rule: str) -> InvalidView:
    """A fault of an expression as one of the view that has it."""
    return InvalidView(
        error.message, path=path, rule=rule, hint=error.hint, expression=error.expression, position=error.position
    )


def _declared(column: ColumnDefinition, model: Model | None) -> SqlType | None:
    """What the values of a column of its declared type are; None where nothing is declared or known."""
    if column.type is None:
        return None
    name = column.type.rsplit("System.", 1)[-1]
    if name != column.type and name in SYSTEM_TYPES:
        return SYSTEM_TYPES[name]
    if model is None:
        # The primitive types are the same in all versions, and mean the same where elements have none.
        primitive = load_model(MODELS[0]).primitives.get(column.type)
        return None if primitive is None else SYSTEM_TYPES[primitive]
    root = column.type.split(".", 1)[0]
    if model.type(root) is None and root not in _NEWER:
        close = did_you_mean(column.type, model.types)
        raise InvalidView(
            f"FHIR {model.name} has no type {column.type!r}", path=f"{column.at}.type", rule="column-type", hint=close
        )
    system = _NEWER.get(root) or model.primitives.get(column.type)
    return SqlType.JSON if system is None else SYSTEM_TYPES[system]


#: Types that not every version of FHIR has, and that any view may name.
_NEWER: Mapping[str, str] = {"integer64": "Integer"}


def _decided(call: LoweredCall, collection: Collection, column: ColumnDefinition) -> Collection:
    """A choice element of the declared type, where it can have that type."""
    if collection.choices and column.type is not None:
        wanted = TypeName("FHIR", column.type)
        if any(choice.type == wanted for choice in collection.choices):
            return narrow(call, collection, wanted, is_exactly)
    return collection


def _fhir_type(collection: Collection) -> str | None:
    type = collection.type
    if type is None:
        return None
    return _FHIR_TYPES.get(type.name, type.name) if type.namespace == "System" else type.name


def _cell(
    call: LoweredCall, collection: Collection, column: ColumnDefinition, kind: SqlType, fhir_type: str | None
) -> Cell:
    plan = values.items(collection, call.names)
    if column.collection:
        node = values.as_array(plan, call.names)
    elif plan.many:
        message = "the column has several values; set its collection to true, or choose one, as with first()"

        def only(array: Node) -> Node:
            several = apply("less", integer(1), length(array))
            first = apply("array_at", array, integer(1), type=plan.type)
            return Case(((several, Raise(message, call.position, plan.type)),), first)

        node = bind(call.names.fresh(), plan, only)
    else:
        node = plan
    return Cell(column=column, node=node, kind=kind, fhir_type=fhir_type)


def settled(cells: Mapping[str, list[Cell]], faults: list[InvalidView]) -> tuple[ViewColumn, ...]:
    """The columns of a view: what their cells have in common.

    Parameters
    ----------
    cells : Mapping of str to list of Cell
        The cells of each column, in order; several where branches of a union have it.
    faults : list of InvalidView
        Where columns are added whose cells have nothing in common.
    """
    return tuple(_settled(place, found, faults) for place, found in cells.items())


def _settled(place: str, cells: list[Cell], faults: list[InvalidView]) -> ViewColumn:
    first = cells[0]
    kinds = {cell.kind for cell in cells}
    kind = SqlType.DECIMAL if kinds == {SqlType.INTEGER, SqlType.DECIMAL} else first.kind
    for cell in cells[1:]:
        column, shown = cell.column, f"{first.column.at}"
        declared = {column.type, first.column.type} - {None}
        if column.collection != first.column.collection:
            message = f"the column {column.name!r} is a collection in one branch of unionAll only, see {shown}"
            faults.append(InvalidView(message, path=f"{column.at}.collection", rule="union-types"))
        elif len(declared) > 1 or (cell.kind is not first.kind and kind is not SqlType.DECIMAL):
            types = f"{cell.fhir_type or cell.kind.value} here and {first.fhir_type or first.kind.value} in {shown}"
            message = f"the column {column.name!r} has different types in the branches of unionAll: {types}"
            faults.append(InvalidView(message, path=column.at, rule="union-types", hint="convert one of them"))
    tags = {tag.value: tag for cell in cells for tag in cell.column.tags if tag.name == ANSI_TYPE}
    type = default_type(first.fhir_type, kind)
    for value, tag in tags.items():
        asked = parse_ansi(value)
        if asked is None or len(tags) > 1:
            faults.append(InvalidView("the branches give the column different types", path=tag.at, rule="ansi-type"))
        elif not converts(kind, asked):
            message = f"values of type {first.fhir_type or kind.value} cannot be kept as {asked}"
            faults.append(InvalidView(message, path=f"{tag.at}.value", rule="ansi-type"))
        else:
            type = asked
    many = first.column.collection
    return ViewColumn(
        name=first.column.name,
        place=place,
        fhir_type=first.fhir_type if len({cell.fhir_type for cell in cells}) == 1 else _common(cells, kind),
        value=kind,
        type=attrs.evolve(type, many=many),
        tagged=bool(tags),
        many=many,
    )


def _common(cells: list[Cell], kind: SqlType) -> str | None:
    """The type of a column whose branches have several: the declared one, or that of computed values of their kind."""
    declared = [cell.column.type for cell in cells if cell.column.type is not None]
    if declared:
        return declared[0]
    return {SqlType.TEXT: "string", SqlType.DECIMAL: "decimal", SqlType.INTEGER: "integer"}.get(kind)


def finished(node: Node, column: ViewColumn, form: Form, names: Names) -> Node:
    """A value of a cell, or the array of them, in the form in which it is delivered.

    Parameters
    ----------
    node : Node
        As `Cell` has it; NULL where there is no item to iterate.
    column : ViewColumn
        The column that it is in.
    form : Form
        What it is made for.
    names : Names
        Source of variable names.
    """
    if not column.many:
        return _value(node, column, form, names)
    if isinstance(node, Constant) and node.value is None:
        none = _values(Array((), column.value), column, form, names)
        return Apply("null_if", (none, none), none.type, many=True)
    return _values(node, column, form, names)


def _values(node: Node, column: ViewColumn, form: Form, names: Names) -> Node:
    array = node if _is_text(node, column, form) else fusion.read(node, column.value, names)
    # Below an item that is not there is no array.
    array = Apply("coalesce", (array, Array((), array.type)), array.type, many=True)
    item = Reference(names.fresh(), array.type)
    body = _value(item, column, form, names)
    present = apply("is_not_null", item)
    if array.type is SqlType.JSON:
        present = apply("unequal", apply("json_kind", item, type=SqlType.TEXT), text("null"))
    return Each(array, item.name, body, where=present)


def _value(node: Node, column: ViewColumn, form: Form, names: Names) -> Node:
    if _is_text(node, column, form):
        return numeral(node)
    value = _typed(node, column.value, names)
    if form is Form.TABLE:
        return native(value, attrs.evolve(column.type, many=False), names)
    if column.tagged:
        return delivered(value, attrs.evolve(column.type, many=False), names)
    if column.value is SqlType.DECIMAL:
        return apply("decimal_text", value, type=SqlType.TEXT)
    return value


def _is_text(node: Node, column: ViewColumn, form: Form) -> bool:
    """Whether it is a decimal whose text in the JSON is delivered, which is exact and spares conversions."""
    bare = form is Form.ROWS and not column.tagged and column.value is SqlType.DECIMAL
    return bare and node.type is SqlType.JSON


def _typed(node: Node, kind: SqlType, names: Names) -> Node:
    if kind is SqlType.JSON:
        return plain(values.boxed(node, names))
    value = fusion.read(node, kind, names)
    if value.type is kind and kind in (SqlType.TEXT, SqlType.BOOLEAN):
        return value
    return value if isinstance(value, Reference) and value.type is kind else Cast(value, kind)
