"""A collection of FHIRPath as the compiler knows it before anything runs: static types and the plan of its items."""

from __future__ import annotations

import attrs

from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.elements import VALUE
from fhir4ds.plan.nodes import Node


@attrs.frozen
class TypeName:
    """A type of FHIRPath's type system, such as ``System.String`` or ``FHIR.Patient``.

    Examples
    --------
    >>> str(TypeName("FHIR", "HumanName"))
    'FHIR.HumanName'
    """

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}.{self.name}"


#: How the values of each System type stand in SQL. FHIRPath N1, "Types and Reflection"; dates and times are text with
#: the precision that they were written with.
SYSTEM_TYPES = {
    "Boolean": SqlType.BOOLEAN,
    "Integer": SqlType.INTEGER,
    "Long": SqlType.INTEGER,
    "Decimal": SqlType.DECIMAL,
    "String": SqlType.TEXT,
    "Date": SqlType.TEXT,
    "DateTime": SqlType.TEXT,
    "Time": SqlType.TEXT,
    "Quantity": SqlType.JSON,
    "TypeInfo": SqlType.JSON,
}

BOOLEAN, INTEGER, LONG, DECIMAL, STRING, DATE, DATETIME, TIME, QUANTITY, TYPE_INFO = (
    TypeName("System", name) for name in SYSTEM_TYPES
)


@attrs.frozen
class Choice:
    """One type that a choice element may have, and the JSON member that holds it then."""

    type: TypeName
    member: str


#: Where a tagged item itself is; as of any whole element, there may be something beside it.
TAGGED = VALUE


@attrs.frozen
class Tags:
    """The items of a plan once more, each as an object of its type and itself.

    Parameters
    ----------
    plan : Node
        The plan whose items they are; they say nothing of any other.
    tagged : Node
        The objects, in the same order.
    """

    plan: Node
    tagged: Node


@attrs.frozen(kw_only=True)
class Collection:
    """What an expression denotes.

    Parameters
    ----------
    plan : Node
        The items. JSON for elements of a resource, also primitive ones, until their value is needed; native SQL values
        for what operators and functions compute. With ``choices`` it is the *parent* of the choice element.
    types : tuple of TypeName
        The types that items can have; none at all where they cannot be known (no model).
    choices : tuple of Choice
        A choice element whose type is not decided yet.
    guard : Node, optional
        Condition without which the collection is empty; only for single items.
    ordered : bool
        Whether the order of the items means something.
    targets : tuple of str
        Resource types that references among the items may point to; empty where that is not known, or any will do.
    tags : Tags, optional
        The items with their types, where their JSON does not say which of several they have.
    """

    plan: Node
    types: tuple[TypeName, ...] = ()
    choices: tuple[Choice, ...] = ()
    guard: Node | None = None
    ordered: bool = True
    targets: tuple[str, ...] = ()
    tags: Tags | None = None

    @property
    def many(self) -> bool:
        """Whether there can be more than one item."""
        return self.plan.many

    @property
    def tagged(self) -> Node | None:
        """The items with their types; None where these are not known, or were known of another plan."""
        return self.tags.tagged if self.tags is not None and self.tags.plan is self.plan else None

    @property
    def type(self) -> TypeName | None:
        """The type of the items if there is just one that they can have."""
        return self.types[0] if len(self.types) == 1 else None
