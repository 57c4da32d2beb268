"""From a ViewDefinition to the plan of its rows, through the lowering of its expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import attrs

from fhir4ds.compiler.lowering import LoweredCall, Lowering
from fhir4ds.compiler.options import Care, Options
from fhir4ds.compiler.scope import Scope
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import CompileError, InvalidOperation, InvalidView, UnknownElement, UnknownVariable
from fhir4ds.fhir.model import Model, load_model
from fhir4ds.fhirpath.parser import parse
from fhir4ds.functions import carrying, iteration, presence, singletons, values
from fhir4ds.functions.holders import UNKNOWN, Holders, Kind
from fhir4ds.plan.checking import Checking
from fhir4ds.plan.collection import BOOLEAN, INTEGER, Collection, TypeName
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import (
    RESOURCE,
    Apply,
    Array,
    Each,
    Node,
    Raise,
    Reference,
    both,
    integer,
    null,
)
from fhir4ds.plan.overlooked import heeded
from fhir4ds.plan.rewriting import rewrite
from fhir4ds.plan.rows import Product, Rows, Union, Unnest, mapped, product
from fhir4ds.plan.trees import depth_first
from fhir4ds.suggestion import did_you_mean
from fhir4ds.views.columns import Cell, cell_of, finished, settled, view_fault
from fhir4ds.views.definition import ColumnDefinition, Selection, ViewDefinition
from fhir4ds.views.plan import Form, ViewColumn, ViewPlan

T = TypeVar("T")

#: More than resources are nested in practice. Without a limit, a path that leads back would be followed for ever.
_MOST_LEVELS = 100

#: The variable that says which item of an iteration is at hand.
_ROW_INDEX = "rowIndex"


@attrs.frozen
class _Focus:
    """What the expressions of a selection are evaluated on.

    Parameters
    ----------
    item : Collection or None
        One item of an iteration; None for the resource itself.
    index : Node
        The value of ``%rowIndex``.
    """

    item: Collection | None
    index: Node


def lower_view(view: ViewDefinition, options: Options, form: Form, faults: list[InvalidView]) -> ViewPlan | None:
    """Lower a view.

    Parameters
    ----------
    view : ViewDefinition
        The view.
    options : Options
        The model, and the types of variables.
    form : Form
        What the values are made for.
    faults : list of InvalidView
        What is wrong with the view so far; what is wrong with its expressions is added.

    Returns
    -------
    ViewPlan or None
        None if anything is wrong.
    """
    lowering = _ViewLowering(view, options, faults)
    where = lowering.where()
    rows = product((), tuple(lowering.selection(selection, _Focus(None, integer(0))) for selection in view.select))
    if faults:
        return None
    columns = settled(lowering.cells, faults)
    if faults:
        return None
    return ViewPlan(
        title=view.name or view.resource,
        resource=view.resource,
        where=where,
        rows=mapped(rows, lowering.finisher(columns, form)),
        columns=columns,
    )


class _ViewLowering:
    def __init__(self, view: ViewDefinition, options: Options, faults: list[InvalidView]) -> None:
        self.view = view
        self.options = options
        self.model: Model | None = load_model(options.model) if options.model is not None else None
        self.names = Names()
        self.faults = faults
        #: The cells of each column; several where branches of a union have it.
        self.cells: dict[str, list[Cell]] = {}
        self._next = 0
        #: Whether any path resolves references, as far as its text says; then the resources of items matter.
        self._resolves = any("resolve" in path for selection in view.select for path in selection.paths())

    # --- the parts of a view ------------------------------------------------------------------------------------------

    def where(self) -> Node | None:
        """The condition that resources must meet."""
        found: Node | None = None
        for condition in self.view.where:
            at = f"{condition.at}.path"
            with self._faults(at):
                call, collection = self._lower(condition.path, _Focus(None, integer(0)))
                system = values.system_of(collection, self.model)
                known = bool(collection.types) and not values.is_empty(collection)
                if known and system != BOOLEAN:
                    shown = " or ".join(type.name for type in collection.types)
                    hint = "compare it, or ask exists()"
                    if any(type.name == "boolean" for type in collection.types):
                        hint = "write ofType(boolean) behind it"
                    error = call.error(InvalidOperation, f"a condition must be a boolean, not {shown}", hint)
                    raise view_fault(error, at, "boolean-condition")
                found = both(found, self._placed(singletons.boolean(call, collection), at))
        return found

    def selection(self, selection: Selection, focus: _Focus) -> Product | Rows:
        """The rows of a selection for one item or resource."""
        if selection.repeat:
            return self._iterated(selection, focus, lambda: self._tree(selection, focus))
        path = selection.for_each or selection.for_each_or_null
        if path is not None:
            at = f"{selection.at}.{'forEach' if selection.for_each else 'forEachOrNull'}"
            return self._iterated(selection, focus, lambda: self._items(path, at, focus))
        return self._body(selection, focus)

    def _body(self, selection: Selection, focus: _Focus) -> Product:
        cells = tuple(self._column(column, focus) for column in selection.columns)
        parts = [self.selection(nested, focus) for nested in selection.selects]
        if selection.union_all:
            start, branches = self._next, []
            for branch in selection.union_all:
                self._next = start
                branches.append(product((), (self.selection(branch, focus),)))
            parts.append(Union(tuple(branches)))
        return product(cells, tuple(parts))

    def _iterated(
        self, selection: Selection, focus: _Focus, source: Callable[[], iteration.Iteration]
    ) -> Product | Rows:
        walk = self._guarded(selection.at, source)
        if walk is None:
            return Product(())  # the fault is told, and what is below cannot be judged
        index = self.names.fresh()
        start = self._next
        body = self._body(selection, _Focus(walk.item, iteration.zero_based(index)))
        blank = None
        if selection.for_each_or_null is not None:
            places = [f"c{number}" for number in range(start + 1, self._next + 1)]
            blank = tuple(
                (place, self._blank(column, place))
                for place, column in zip(places, selection.all_columns(), strict=False)
            )
        return Unnest(walk.source, walk.variable, index, body, blank)

    def _blank(self, column: ColumnDefinition, place: str) -> Node:
        """A value where there is no item to iterate: ``Process(S, N)``, step 3."""
        if column.path.strip() in (f"%{_ROW_INDEX}", f"%`{_ROW_INDEX}`", f"%'{_ROW_INDEX}'"):
            return integer(0)
        return null(self.cells[place][0].kind if place in self.cells else SqlType.TEXT)

    def _column(self, column: ColumnDefinition, focus: _Focus) -> tuple[str, Node]:
        self._next += 1
        place = f"c{self._next}"
        at = f"{column.at}.path"
        cell: Cell | None = None
        with self._faults(at):
            call, collection = self._lower(column.path, focus)
            cell = cell_of(call, collection, column, self.model)
        if cell is None:
            return place, null(SqlType.TEXT)
        cell = attrs.evolve(cell, node=self._placed(cell.node, column.at))
        self.cells.setdefault(place, []).append(cell)
        return place, cell.node

    def finisher(self, columns: tuple[ViewColumn, ...], form: Form) -> Callable[[str, Node], Node]:
        """What makes the values of columns ready for delivery."""
        by_place = {column.place: column for column in columns}

        def finish(place: str, node: Node) -> Node:
            column = by_place[place]
            return self._placed(finished(node, column, form, self.names), f"column {column.name!r}")

        return finish

    # --- iterations ---------------------------------------------------------------------------------------------------

    def _items(self, path: str, at: str, focus: _Focus) -> iteration.Iteration:
        """The items of ``forEach``."""
        with self._told(at):
            call, collection = self._lower(path, focus)
            walk = _walk(call, collection, resolves=self._resolves)
            return attrs.evolve(walk, source=self._placed(walk.source, at))

    def _tree(self, selection: Selection, focus: _Focus) -> iteration.Iteration:
        """The items of ``repeat``: each path from the focus, and again from all that was found, depth first."""
        at = f"{selection.at}.repeat"
        places = [f"{at}[{number}]" for number in range(len(selection.repeat))]
        start = focus.item or Collection(plan=RESOURCE, types=(TypeName("FHIR", self.view.resource),))
        types = self._reachable(selection.repeat, focus, start.types)
        known = tuple(dict.fromkeys((*start.types, *types))) if self.model is not None else ()
        variable = self.names.fresh()
        item = Collection(plan=Reference(variable, SqlType.JSON), types=known)
        first: list[Node] = []
        below: list[Node] = []
        for path, place in zip(selection.repeat, places, strict=True):
            with self._told(place):
                first.append(self._array(path, focus, start, known))
                below.append(self._array(path, _Focus(item, focus.index), item, known))
        message = f"{at}: still finds items {_MOST_LEVELS} levels below"
        overflow = Raise(message, 0, SqlType.JSON, many=True)
        tree = depth_first(_joined(first), variable, _joined(below), _MOST_LEVELS, overflow, self.names)
        found = self.names.fresh()
        holders = Holders(self.names, UNKNOWN)
        holder = holders.kind(_joined(first))
        if not isinstance(holder, Kind) and holders.within(variable, holder).kind(_joined(below)) == holder:
            self.names.holders[found] = holder
        one = Collection(plan=Reference(found, SqlType.JSON), types=types)
        return iteration.Iteration(self._placed(tree, at), found, one)

    def _array(self, path: str, focus: _Focus, start: Collection, known: tuple[TypeName, ...]) -> Node:
        """The items at a path, as JSON; from a focus that may be of any of the known types."""
        try:
            _, collection = self._lower(path, focus)
        except UnknownElement:
            try:
                _, collection = self._lower(path, attrs.evolve(focus, item=attrs.evolve(start, types=known)))
            except UnknownElement:
                # Where nothing has the element there is nothing to follow, as at the end of any path that is followed.
                return Array((), SqlType.JSON)
        plan = values.items(collection, self.names)
        return values.boxed(values.as_array(plan, self.names), self.names)

    def _reachable(self, paths: tuple[str, ...], focus: _Focus, start: tuple[TypeName, ...]) -> tuple[TypeName, ...]:
        """The types of the items that paths lead to when they are followed again and again."""
        if self.model is None:
            return ()
        found: tuple[TypeName, ...] = ()
        while True:
            known = tuple(dict.fromkeys((*start, *found)))
            item = Collection(plan=Reference(self.names.fresh(), SqlType.JSON), types=known)
            more = found
            for path in paths:
                for tried in (focus, _Focus(item, focus.index)):
                    try:
                        _, collection = self._lower(path, tried)
                    except CompileError:
                        continue  # another type may have the element; if none has, this is told later
                    more = tuple(dict.fromkeys((*more, *collection.types)))
            if more == found:
                return found
            found = more

    # --- expressions --------------------------------------------------------------------------------------------------

    def _lower(self, text: str, focus: _Focus) -> tuple[LoweredCall, Collection]:
        """Lower an expression; the call is for what is done with the whole of it."""
        given = {_ROW_INDEX: values.system(focus.index, INTEGER)}
        if focus.item is not None:
            given["context"] = focus.item
        # Below items of no known type, elements are looked for by name alone.
        untyped = focus.item is not None and not focus.item.types
        options = attrs.evolve(self.options, model=None) if untyped else self.options
        lowering = Lowering(text, options, (self.view.resource,), names=self.names, given=given)
        tree = parse(text)
        scope = Scope(this=focus.item or lowering.root)
        collection = lowering.lower(tree, scope)
        return lowering.call(tree, collection, (), scope), collection

    def _placed(self, node: Node, at: str) -> Node:
        """The plan, no error of which is overlooked, with the place in the view before the message of each."""

        def told(node: Node) -> Node | None:
            if not isinstance(node, Raise) or node.message.startswith(("select[", "where[")):
                return None
            return attrs.evolve(node, message=f"{at}: {node.message}")

        if self.options.care is Care.VALUES:
            node = Checking(self.names, lambda _: None).checked(node)
        return heeded(rewrite(node, told), self.names)

    def _guarded(self, at: str, body: Callable[[], T]) -> T | None:
        with self._faults(at):
            return body()
        return None

    @contextmanager
    def _told(self, at: str) -> Iterator[None]:
        """Say where in the view a fault of an expression is."""
        try:
            yield
        except InvalidView:
            raise  # it says where it is
        except CompileError as error:
            raise self._fault(error, at) from error
        except RecursionError:
            raise InvalidView("the expression is nested too deeply", path=at, rule="nesting") from None

    @contextmanager
    def _faults(self, at: str) -> Iterator[None]:
        """Collect a fault instead of ending there."""
        try:
            with self._told(at):
                yield
        except InvalidView as error:
            self.faults.append(error)

    def _fault(self, error: CompileError, at: str) -> InvalidView:
        rule = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__).lower()
        fault = view_fault(error, at, rule)
        if isinstance(error, UnknownVariable):
            name = error.message.split("%", 1)[-1].split(" ", 1)[0]
            fault.message = f"there is no constant {name!r}"
            known = [known for known, _ in self.options.variables]
            fault.hint = did_you_mean(name, [*known, _ROW_INDEX]) or "define it under constant"
        return fault


def _joined(arrays: list[Node]) -> Node:
    plan = arrays[0]
    for other in arrays[1:]:
        plan = Apply("array_concat", (plan, other), SqlType.JSON, many=True)
    return plan


def _walk(call: LoweredCall, collection: Collection, *, resolves: bool) -> iteration.Iteration:
    """Iterate over any collection, also one that has a single item at most."""
    if collection.many:
        return iteration.iterate(call, collection, resolves=resolves)
    variable, names = call.names.fresh(), call.names
    item = attrs.evolve(collection, plan=Reference(variable, collection.plan.type), guard=None)
    plan = presence.walkable(call, collection)
    array = values.as_array(plan, names)
    if collection.choices:
        one = Reference(names.fresh(), plan.type)
        array = Each(
            Array((plan,), plan.type), one.name, one, where=presence.present(call, attrs.evolve(item, plan=one))
        )
    source, own = carrying.iterated(call, array, variable, resolves=resolves)
    return iteration.Iteration(source, variable, attrs.evolve(item, plan=own))
