"""The compiler: text in, one statement of one dialect out."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from functools import partial

import attrs

from fhir4ds.compiler.lowering import Lowering
from fhir4ds.compiler.options import Care, OnError, Options
from fhir4ds.dialect.statement import Statement
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import CompileError
from fhir4ds.fhir.model import Model, load_model, may_hold_decimals
from fhir4ds.fhirpath import ast
from fhir4ds.fhirpath.parser import parse
from fhir4ds.functions import values
from fhir4ds.functions.catalog import FUNCTIONS
from fhir4ds.functions.declaration import ParameterKind
from fhir4ds.plan import failures, fusion, overlooked
from fhir4ds.plan.checking import Checking
from fhir4ds.plan.collection import Collection
from fhir4ds.plan.exactness import NUMERAL, PLAIN, readiness
from fhir4ds.plan.nodes import Case, empty
from fhir4ds.plan.source import InlineSource, Source
from fhir4ds.sql.statement import StatementBuilder

_CACHED_STATEMENTS = 1024


@attrs.frozen(kw_only=True)
class Compiled:
    """A statement whose parameters have no values yet.

    Parameters
    ----------
    statement : Statement
        The statement.
    parameters : tuple of str
        Names of the parameters that it uses.
    """

    statement: Statement
    parameters: tuple[str, ...]


@functools.lru_cache(maxsize=_CACHED_STATEMENTS)
def compile_expression(text: str, syntax: Syntax, source: Source, options: Options) -> Compiled:
    """Compile a FHIRPath expression.

    Parameters
    ----------
    text : str
        The expression.
    syntax : Syntax
        The dialect's words.
    source : Source
        Where the resources come from.
    options : Options
        Choices that change its meaning.

    Returns
    -------
    Compiled
        The same object again for equal arguments.

    Raises
    ------
    CompileError
        With the position of what is wrong.

    Examples
    --------
    >>> from fhir4ds.plan.source import TableSource
    >>> from fhir4ds_postgres.syntax import PostgresSyntax
    >>> compiled = compile_expression("Patient.name.given", PostgresSyntax(), TableSource(), Options())
    >>> [column.name for column in compiled.statement.columns]
    ['id', 'value']
    >>> compiled.statement.summary
    'fhirpath Patient.name.given'
    """
    tree = parse(text)
    root = _resource_types(tree, options)
    lowering = Lowering(text, options, root, typed=not isinstance(source, InlineSource))
    try:
        collection = lowering.expression(tree)
        statement = StatementBuilder(syntax, source, _stored_types(root, options))
        checking = Checking(lowering.names, partial(ast.place, tree)) if options.care is Care.VALUES else None
        return _deliver(" ".join(text.split()), collection, lowering, statement, checking)
    except CompileError as error:
        if error.expression is None:
            error.expression = text
        raise
    except RecursionError:
        raise CompileError("the expression is nested too deeply", expression=text, position=0) from None


def _resource_types(tree: ast.Expression, options: Options) -> tuple[str, ...]:
    """The resource types that an expression is about: those that it names, or else the given ones."""
    if options.context:
        return options.context
    model = load_model(options.model) if options.model is not None else None
    # Without a model a capital letter has to tell a type from an element.
    named = (
        name for name in _first_names(tree) if (model.is_resource(name) if model is not None else name[:1].isupper())
    )
    return tuple(dict.fromkeys(named))


def _first_names(node: ast.Node) -> Iterator[str]:
    """The names with which paths begin; names of types in arguments are not such."""
    if isinstance(node, ast.Member) and node.focus is None:
        yield node.name
    function = FUNCTIONS.get(node.name) if isinstance(node, ast.Call) else None
    typed = function is not None and any(parameter.kind is ParameterKind.TYPE for parameter in function.parameters)
    for child in ast.children(node):
        if not (typed and isinstance(node, ast.Call) and child in node.arguments):
            yield from _first_names(child)


def _stored_types(root: tuple[str, ...], options: Options) -> tuple[str, ...]:
    """The resource types to read: all of them (none is named) where the expression is about an abstract type."""
    if options.model is None:
        return root
    model = load_model(options.model)
    definitions = [model.type(name) for name in root]
    return () if any(definition is None or definition.abstract for definition in definitions) else root


def _deliver(
    title: str, collection: Collection, lowering: Lowering, builder: StatementBuilder, checking: Checking | None
) -> Compiled:
    """The statement that delivers the items of a collection."""
    kind = values.sql_type(collection, lowering.model)
    guard, unguarded = collection.guard, attrs.evolve(collection, guard=None)
    items = values.items(unguarded, lowering.names)
    # Where only extensions may have decimals, making many resources ready for them costs more than all the rest.
    delivered = None
    if kind is SqlType.JSON and (
        lowering.options.care is not Care.USUAL
        or isinstance(builder.source, InlineSource)
        or _may_hold_decimals(collection, lowering.model)
        or readiness(items, guard) is not None
    ):
        delivered = PLAIN
    if kind is SqlType.DECIMAL:
        # Decimals are delivered as text, which keeps their exact value and spares a conversion where they are JSON.
        delivered = NUMERAL if items.type is SqlType.JSON else "decimal_text"
    else:
        items = fusion.read(items, kind, lowering.names)
    if checking is not None:
        items = checking.numbers(items) if delivered == NUMERAL else checking.checked(items)
        guard = None if guard is None else checking.checked(guard)
    system = values.system_of(collection, lowering.model)
    failed = None
    whole = items if guard is None else Case(((guard, items),), empty(items.type, many=items.many))
    if lowering.options.on_error is OnError.NULL:
        failed = failures.failure(whole, lowering.names)
        if failed is not None:
            items, guard = failures.quiet(whole), None
    elif guard is not None and not overlooked.may_be_known(items):
        items, guard = (overlooked.heeded(node, lowering.names) for node in (items, guard))
    else:
        # Nothing looks at a resource of which nothing comes.
        items, guard = overlooked.heeded(whole, lowering.names), None
    statement = builder.build(
        title=title,
        items=items,
        guard=guard,
        failure=failed,
        type=kind,
        delivered=delivered,
        fhir_type=str(collection.type or system) if collection.type is not None else None,
    )
    return Compiled(statement=statement, parameters=builder.parameters)


def _may_hold_decimals(collection: Collection, model: Model | None) -> bool:
    """Whether items that are delivered as JSON can have decimals in them, whose digits are those that were written."""
    of_fhir = bool(collection.types) and all(type.namespace == "FHIR" for type in collection.types)
    if model is None or not of_fhir:
        return True
    return any(may_hold_decimals(model, type.name) for type in collection.types)
