"""Rendering of plan nodes through a dialect's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import reduce, singledispatchmethod
from operator import or_

import attrs

from fhir4ds.dialect.statement import RAISE_MARKER
from fhir4ds.dialect.syntax import ItemForm, Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import CompileError, UnsupportedFeature
from fhir4ds.plan import nodes
from fhir4ds.plan.failures import can_raise, fact
from fhir4ds.plan.parts import Memo, Uses, parts
from fhir4ds.plan.relation import Relation

#: Marks a placeholder in text under construction; no literal can hold it, since NUL is refused.
_MARK = "\x00"

#: Characters of a statement. Some words of dialects repeat an argument, which doubles in each that stands in another one.
MAX_LENGTH = 10_000_000


#: The nodes that are lambdas, or correlated subqueries.
_ITERATIONS = nodes.Each | nodes.Exists | nodes.Fold | nodes.Sort | nodes.Repeat

#: Names that every dialect takes as a placeholder. Some dialects do not tell upper from lower case.
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]*")


def placeholders(parameters: Sequence[str]) -> dict[str, str]:
    """The placeholder of each parameter: its name where that is a plain one, else a number.

    Examples
    --------
    >>> placeholders(["gender", "odd name"])
    {'gender': 'gender', 'odd name': '_2'}
    """
    return {
        name: name if _PLAIN_NAME.fullmatch(name) else f"_{number}" for number, name in enumerate(parameters, start=1)
    }


@attrs.frozen
class RelationStep:
    """A relation as it stands in a statement.

    Parameters
    ----------
    name : str
        Of the step that is looked into.
    columns : tuple of str
        What its rows are found by.
    item : str
        What is looked up.
    """

    name: str
    columns: tuple[str, ...]
    item: str


def _no_relation(_: Relation) -> RelationStep | None:
    return None


class Renderer:
    """Renders the nodes of one statement and collects the parameters that it uses.

    Parameters
    ----------
    syntax : Syntax
        The dialect's words.
    relation : callable
        Gives the step of a relation, and None where there is nothing to look into.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import RESOURCE, Extract
    >>> from fhir4ds.dialect.path import Step
    >>> from fhir4ds_postgres.syntax import PostgresSyntax
    >>> Renderer(PostgresSyntax()).render(Extract(RESOURCE, (Step("birthDate"),), SqlType.TEXT))
    "(resource ->> 'birthDate')"
    """

    def __init__(self, syntax: Syntax, relation: Callable[[Relation], RelationStep | None] = _no_relation) -> None:
        self.syntax = syntax
        self._relation = relation
        self.parameters: list[str] = []
        #: Variables that may be NULL; columns of resources and items of arrays are not.
        self._missing: set[str] = set()
        #: How variables are spelled that are fields of a record.
        self._fields: dict[str, str] = {}
        self._uses = Uses()
        self._iterates = Memo(self._is_iteration)

    def finish(self, sql: str) -> str:
        """Put the dialect's placeholders into the finished text of a statement."""
        if not self.parameters:
            return sql
        if self.syntax.doubles_percent:
            sql = sql.replace("%", "%%")
        for number, placeholder in enumerate(placeholders(self.parameters).values()):
            sql = sql.replace(f"{_MARK}{number}{_MARK}", self.syntax.placeholder(placeholder))
        return sql

    def item(self, node: nodes.Node) -> tuple[str, ItemForm]:
        """Render the items of a collection in the form that suits them best at the top of a statement."""
        rows = self._path_rows(node)
        if rows is not None:
            return rows, ItemForm.ROWS
        return self.render(node), ItemForm.ARRAY if node.many else ItemForm.SCALAR

    def condition(self, node: nodes.Node) -> str:
        """SQL text of a node that stands in WHERE."""
        condition = self.render(node)
        parted = isinstance(node, nodes.Apply) and node.primitive == "and"
        # Parts of a condition may be tried in any order, and one that raises is not to be passed over for another one.
        return self.syntax.apply("is_true", condition) if parted and can_raise(node) else condition

    @singledispatchmethod
    def render(self, node: nodes.Node) -> str:
        """SQL text of a node."""
        raise TypeError(node)

    @render.register
    def _(self, node: nodes.Reference) -> str:
        return self._fields.get(node.name, node.name)

    @render.register
    def _(self, node: nodes.Constant) -> str:
        if isinstance(node.value, str) and _MARK in node.value:
            raise UnsupportedFeature(
                "a string with the character U+0000 cannot be sent to a database",
                position=0,
                hint="FHIR strings never hold it",
            )
        return self.syntax.literal(node.value, node.type)

    @render.register
    def _(self, node: nodes.Parameter) -> str:
        if node.name not in self.parameters:
            self.parameters.append(node.name)
        return self.syntax.cast(f"{_MARK}{self.parameters.index(node.name)}{_MARK}", node.type)

    @render.register
    def _(self, node: nodes.Extract) -> str:
        if node.many:
            return self.syntax.extract_array(self._document(node.base), node.steps, node.type)
        return self.syntax.extract(self.render(node.base), node.steps, node.type)

    @render.register
    def _(self, node: nodes.Apply) -> str:
        first = self._first(node)
        if first is not None:
            return first
        return _bounded(self.syntax.apply(node.primitive, *map(self.render, node.arguments)))

    @render.register
    def _(self, node: nodes.Cast) -> str:
        return self.syntax.cast(self.render(node.operand), node.type)

    @render.register
    def _(self, node: nodes.Convert) -> str:
        return f"CAST({self.render(node.operand)} AS {self.syntax.column_type(node.column)})"

    @render.register
    def _(self, node: nodes.FromJson) -> str:
        texts = self._text_of_first(node)
        if texts is not None:
            return texts
        return self.syntax.from_json(self.render(node.operand), node.type)

    @render.register
    def _(self, node: nodes.Array) -> str:
        return self.syntax.array([self.render(item) for item in node.items], node.type)

    @render.register
    def _(self, node: nodes.Each) -> str:
        where = None if node.where is None else self.condition(node.where)
        source = self.source(node.source)
        if not node.body.many:
            body = self.render(node.body)
            return self.syntax.each(source, node.variable, node.index, where, body, complete=node.keeps_places)
        inner = f"{node.variable}_item"
        path = self._path_rows(node.body)
        body = self.syntax.array_rows(self.render(node.body)) if path is None else path
        item = inner if path is None else self.syntax.from_json(inner, node.type)
        return self.syntax.flat_each(source, node.variable, node.index, where, body, inner, item)

    @render.register
    def _(self, node: nodes.Exists) -> str:
        if node.where is None and isinstance(node.source, nodes.Extract):
            found = self.syntax.extract_exists(self._document(node.source.base), node.source.steps)
            if found is not None:
                return found
        where = None if node.where is None else self.condition(node.where)
        return self.syntax.exists_each(self.source(node.source), node.variable, node.index, where)

    @render.register
    def _(self, node: nodes.Fold) -> str:
        self._missing.add(node.accumulator)
        initial, body = self.render(node.initial), self.render(node.body)
        if not node.many:
            # A step may have the same type with other limits, such as digits of decimals, which a recursion must not.
            initial, body = self.syntax.cast(initial, node.type), self.syntax.cast(body, node.type)
        elif node.type is SqlType.DECIMAL:
            array = f"{self.syntax.types[node.type]}[]"
            initial, body = f"CAST({initial} AS {array})", f"CAST({body} AS {array})"
        return self.syntax.fold(self.render(node.source), node.accumulator, node.variable, initial, body)

    @render.register
    def _(self, node: nodes.Sort) -> str:
        key = self.render(node.key)
        by_code_point = self.syntax.sort_key(key, node.key.type)
        source = self.source(node.source)
        return _bounded(self.syntax.sort_each(source, node.variable, key, by_code_point, descending=node.descending))

    @render.register
    def _(self, node: nodes.Repeat) -> str:
        initial, overflow = self.render(node.initial), self.render(node.overflow)
        before = dict(self._fields)
        self._fields[node.variable] = self.syntax.level(node.variable)
        body = self.render(node.body)
        self._fields = before
        return self.syntax.repeat(
            initial, node.variable, body, node.type, distinct=node.distinct, levels=node.levels, overflow=overflow
        )

    @render.register
    def _(self, node: nodes.Bind) -> str:
        self._missing.add(node.variable)
        return self._together(node) or self.syntax.bind(node.variable, self.render(node.value), self.render(node.body))

    @render.register
    def _(self, node: nodes.Case) -> str:
        branches = [(self.render(condition), self.render(value)) for condition, value in node.branches]
        return self.syntax.case(branches, self.render(node.otherwise))

    @render.register
    def _(self, node: nodes.Raise) -> str:
        # The message must depend on the row: PostgreSQL evaluates constants while planning, even in a branch of CASE
        # that is never taken.
        key = self.syntax.cast(self.syntax.apply("to_json", nodes.KEY.name), SqlType.TEXT)
        head = self.syntax.text(RAISE_MARKER + fact(node)[:-1] + ', "key": ')
        tail = self.syntax.apply("concat", self.syntax.apply("coalesce", key, self.syntax.text("null")), "'}'")
        return self.syntax.raise_error(self.syntax.apply("concat", head, tail), node.type, many=node.many)

    @render.register
    def _(self, node: nodes.Valued) -> str:
        return self.render(node.values)

    @render.register
    def _(self, node: nodes.Front) -> str:
        found = self.syntax.extract_front(self.render(node.path.base), node.path.steps, node.type)
        return self.syntax.literal(None, node.type) if found is None else found

    @render.register
    def _(self, node: nodes.Find) -> str:
        step = self._relation(node.relation)
        if step is None:
            return self.syntax.literal(None, node.type)
        return self.syntax.find(step.name, step.columns, [self.render(key) for key in node.keys], step.item)

    @render.register
    def _(self, node: nodes.Holds) -> str:
        step = self._relation(node.relation)
        if step is None:
            return self.syntax.literal(None, node.type)
        return self.syntax.holds(step.name, step.item, self.render(node.key))

    def _document(self, node: nodes.Node) -> str:
        """JSON that is taken apart: what is missing is a null, which has no items."""
        sql = self.render(node)
        if isinstance(node, nodes.Reference) and node.name not in self._missing:
            return sql
        return self.syntax.apply("coalesce", sql, self.syntax.literal("null", SqlType.JSON))

    def _together(self, node: nodes.Bind) -> str | None:
        """A run of values bound as the fields of records, each made from the one before; None where that saves nothing.

        What a database needs to plan lambdas within lambdas doubles with each level; one after the other costs little.
        """
        stages, body = self._stages(node)
        values = sum(map(len, stages))
        if not self.syntax.lambdas or values < 2 or (values == len(stages) == 2 and not self._iterates.of(body)):
            return None
        before, sql, record = dict(self._fields), "", ""
        carried: dict[str, nodes.Node] = {}
        needed = [self._uses.of(body)]
        for stage in reversed(stages):
            needed.append(reduce(or_, map(self._uses.of, stage.values()), needed[-1]))
        try:
            for number, stage in enumerate(stages):
                self._missing |= stage.keys()
                fields = {name: self.render(value) for name, value in (carried | stage).items()}
                # The first value needs no record if it is the only one.
                alone = len(fields) == 1 and number == 0
                made = next(iter(fields.values())) if alone else self.syntax.record(fields)
                sql = made if number == 0 else self.syntax.bind(record, sql, made)
                later = needed[len(stages) - number - 1]
                carried = {
                    name: nodes.Reference(name, value.type, value.many)
                    for name, value in (carried | stage).items()
                    if later & self._uses.bits([name])
                }
                record = node.variable if alone else f"{next(iter(stage))}s"
                if not alone:
                    self._fields |= {name: self.syntax.field.format(record=record, name=name) for name in carried}
            return self.syntax.bind(record, sql, self.render(body))
        finally:
            self._fields = before

    def _is_iteration(self, node: nodes.Node) -> bool:
        """Whether there is an iteration in a plan."""
        return isinstance(node, _ITERATIONS) or any(map(self._iterates.of, parts(node)))

    def _stages(self, node: nodes.Node) -> tuple[list[dict[str, nodes.Node]], nodes.Node]:
        """The values of a run of bindings, those together that do not depend on each other, and what they are bound for."""
        stages: list[dict[str, nodes.Node]] = [{}]
        while isinstance(node, nodes.Bind):
            if self._uses.of(node.value) & self._uses.bits(stages[-1]):
                stages.append({})
            stages[-1][node.variable] = node.value
            node = node.body
        return stages, node

    def _first(self, node: nodes.Apply) -> str | None:
        """The first item at a path or of an iteration, where the dialect finds that without the others."""
        if node.primitive != "array_at" or node.arguments[1] != nodes.integer(1):
            return None
        array = node.arguments[0]
        if isinstance(array, nodes.Each) and not array.body.many and not array.keeps_places:
            found = self._first_where(array)
            if found is not None:
                return found
            where = None if array.where is None else self.condition(array.where)
            rows, body = self.source(array.source), self.render(array.body)
            return self.syntax.first_each(rows, array.variable, array.index, where, body)
        if not isinstance(array, nodes.Extract) or array.type is not SqlType.JSON:
            return None
        return self.syntax.extract_first(self.render(array.base), array.steps)

    def _first_where(self, each: nodes.Each) -> str | None:
        """The first item of a filter by the text of a member, as one path where the dialect has such."""
        item = nodes.Reference(each.variable, SqlType.JSON)
        match each:
            case nodes.Each(
                source=nodes.Extract(base, steps, SqlType.JSON),
                body=nodes.Extract(start, onward, SqlType.JSON),
                where=nodes.Apply(
                    "equal", (nodes.Extract(owner, (member,), SqlType.TEXT), nodes.Constant(value=str(wanted)))
                ),
                index=None,
            ) if start == owner == item and not member.each and _MARK not in wanted:
                return self.syntax.extract_first_where(self.render(base), steps, member.name, wanted, onward)
        return None

    def _text_of_first(self, node: nodes.FromJson) -> str | None:
        """The text of an item at a path, read together with the others instead of from JSON once more."""
        match node:
            case nodes.FromJson(
                nodes.Apply("array_at", (nodes.Extract(type=SqlType.JSON) as items, place)) as first, SqlType.TEXT
            ):
                if items.many and self._first(first) is None:
                    read = nodes.Extract(items.base, items.steps, SqlType.TEXT)
                    return self.syntax.apply("array_at", self.render(read), self.render(place))
        return None

    def source(self, node: nodes.Node) -> str:
        """Render an array as what an iteration walks, item by item in the type of the array."""
        rows = self._path_rows(node) if node.type is SqlType.JSON else None
        return self.syntax.array_rows(self.render(node)) if rows is None else rows

    def _path_rows(self, node: nodes.Node) -> str | None:
        if isinstance(node, nodes.Extract) and node.many:
            return self.syntax.extract_rows(self.render(node.base), node.steps)
        return None


def _bounded(sql: str) -> str:
    """Insist that a statement stays one that a database can read."""
    if len(sql) > MAX_LENGTH:
        raise CompileError("the expression becomes too large for a statement", position=0, hint="split it up")
    return sql
