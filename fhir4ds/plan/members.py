"""Reading a resource once: what plans go to in it, gathered, so that one pass over the text finds all of it."""

from __future__ import annotations

import attrs

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.nodes import RESOURCE, Apply, Case, Extract, FromJson, Front, Node, Reference, apply
from fhir4ds.plan.parts import everything
from fhir4ds.plan.places import MENTIONS
from fhir4ds.plan.rewriting import rewrite


@attrs.frozen
class Member:
    """What is read of a resource.

    Parameters
    ----------
    path : tuple of Step
        Where it is; of arrays on the way it is in the first item.
    repeats : bool
        Whether it is gone into item by item; then it must not be missing.
    whole : bool
        Whether it is used as the JSON that it is; then it must not be JSON's null.
    """

    path: tuple[Step, ...]
    repeats: bool = False
    whole: bool = False


@attrs.define
class Members:
    """Takes what plans read of the resource from columns that hold it already.

    Examples
    --------
    >>> members = Members()
    >>> given = Extract(RESOURCE, (Step("name", each=True), Step("given", each=True)), SqlType.TEXT)
    >>> plan = members.instead(given)
    >>> plan.base.name, [step.name for step in plan.steps], [step.name for step in members.found[0].path]
    ('m1', ['', 'given'], ['name'])
    """

    #: What is read so far; the value of the first is in the column ``m1``, and so on.
    found: list[Member] = attrs.field(factory=list, init=False)
    #: Whether a plan needs the resource as a whole.
    whole: bool = attrs.field(default=False, init=False)

    def instead(self, node: Node) -> Node:
        """A plan that reads columns, where it read the resource."""
        return rewrite(node, self._change)

    def _change(self, node: Node) -> Node | None:
        if node == RESOURCE:
            self.whole = True
        if isinstance(node, Case):
            return self._look(node)
        if isinstance(node, Front) and node.path.base == RESOURCE:
            return self._value(node.path.steps, node.type)
        if not isinstance(node, Extract) or node.base != RESOURCE:
            return None
        # A path ends where items begin: several paths that hold patterns cannot be read at once.
        place = next((place for place, step in enumerate(node.steps) if step.each is not False), None)
        if place is None:
            return self._value(node.steps, node.type)
        repeated = node.steps[place]
        array = self._member(Member((*node.steps[:place], Step(repeated.name)), repeats=True))
        return Extract(array, (Step("", repeated.each, here=True), *node.steps[place + 1 :]), node.type)

    def _look(self, node: Case) -> Node | None:
        """A condition that is looked into where the resource mentions a name, of what is read of it for the condition."""
        match node:
            case Case(branches=((Apply(primitive, (document, name)), condition),)) if (
                primitive == MENTIONS and document == RESOURCE
            ):
                inner = self.instead(condition)
                columns = {part.name for part in everything(inner) if isinstance(part, Reference)} & self._columns
                if len(columns) == 1:
                    own = Reference(columns.pop(), SqlType.JSON)
                    return Case(((apply(MENTIONS, own, name), inner),), node.otherwise)
        return None

    def _value(self, steps: tuple[Step, ...], type: SqlType) -> Node:
        whole = type is SqlType.JSON
        value = self._member(Member(steps, whole=whole))
        return value if whole else FromJson(value, type)

    @property
    def _columns(self) -> set[str]:
        return {f"m{number}" for number in range(1, len(self.found) + 1)}

    def _member(self, member: Member) -> Reference:
        if member not in self.found:
            self.found.append(member)
        return Reference(f"m{self.found.index(member) + 1}", SqlType.JSON)
