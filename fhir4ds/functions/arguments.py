"""Arguments that are one Integer: a position, a number of items, digits."""

from __future__ import annotations

from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import CompileError, InvalidArguments
from fhir4ds.functions import kinds, singletons, values
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.kinds import Kind
from fhir4ds.plan.collection import INTEGER, Collection
from fhir4ds.plan.nodes import Case, FromJson, Node, Raise, apply, null, text

_WHOLE = frozenset([Kind.WHOLE])


def whole(call: Call, argument: Collection, what: str, kind: type[CompileError] = InvalidArguments) -> Node:
    """The single Integer that an argument is; NULL if it is empty.

    Parameters
    ----------
    call : Call
        Of the function.
    argument : Collection
        The argument.
    what : str
        What it is, for messages.
    kind : type of CompileError
        The error for what is known to be no Integer; what turns out to be none is an `EvaluationError`.
    """
    if values.is_empty(argument):
        return null(SqlType.INTEGER)
    systems = {values.system_type(type, call.model) for type in argument.types}
    if systems == {INTEGER}:
        return singletons.single_value(call, argument)
    if INTEGER not in systems and not values.is_untyped(argument):
        shown, hint = values.shown(argument, model=call.model)
        raise call.error(kind, f"{what} must be an Integer, not {shown}", hint)
    error = Raise(f"{what} must be an Integer", call.position, SqlType.INTEGER)

    def read(json: Node) -> Node:
        found = apply("coalesce", apply("json_kind", json, type=SqlType.TEXT), text("null"), type=SqlType.TEXT)
        missing = apply("equal", found, text("null"))
        number = FromJson(json, SqlType.INTEGER)
        return Case(((missing, null(SqlType.INTEGER)), (kinds.is_of(json, _WHOLE), number)), error)

    item = values.boxed(values.items(singletons.single(call, argument), call.names), call.names)
    return values.of_parent(item, call.names, read)
