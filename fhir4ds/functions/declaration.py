"""How a function is declared: everything about it in one place."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

import attrs

from fhir4ds.errors import CompileError
from fhir4ds.fhir.model import Model
from fhir4ds.plan.collection import Collection, TypeName
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import Node

#: How an item itself is called, among the names of its elements.
THIS = "$this"


class ParameterKind(enum.Enum):
    """How an argument is evaluated."""

    VALUE = "value"  # once, where the call stands: it sees the outer $this
    EXPRESSION = "expression"  # for each item of the focus, which it sees as $this
    TYPE = "type"  # not at all: it names a type


@attrs.frozen
class Parameter:
    """A parameter of a function."""

    name: str
    kind: ParameterKind = ParameterKind.VALUE
    optional: bool = False
    repeated: bool = False


class Call(Protocol):
    """One call of a function in an expression, as its lowering sees it."""

    @property
    def focus(self) -> Collection:
        """The collection that the function is called on."""
        ...

    @property
    def root(self) -> Collection:
        """The resource that the expression is evaluated on."""
        ...

    @property
    def position(self) -> int:
        """Offset of the function's name in the expression."""
        ...

    @property
    def names(self) -> Names:
        """Source of variable names for the statement."""
        ...

    @property
    def model(self) -> Model | None:
        """The FHIR model that types elements, if there is one."""
        ...

    @property
    def strict(self) -> bool:
        """Whether the strict rules of the specification are enforced."""
        ...

    @property
    def count(self) -> int:
        """Number of arguments."""
        ...

    def on(self, focus: Collection) -> Call:
        """The same call on another focus."""
        ...

    @property
    def looks_beside(self) -> bool:
        """Whether an argument may ask for the id or the extensions of a primitive element."""
        ...

    @property
    def asks_types(self) -> bool:
        """Whether the function or an argument may ask for the types of items."""
        ...

    @property
    def compared(self) -> frozenset[str]:
        """The names of the elements that arguments compare with something, and `THIS` if it is the items themselves."""
        ...

    @property
    def resolves(self) -> bool:
        """Whether an argument may look for what references point to."""
        ...

    def value(self, number: int) -> Collection:
        """Lower argument ``number``, which is evaluated once."""
        ...

    def body(
        self, number: int, item: Collection, *, index: Node | None = None, total: Collection | None = None
    ) -> Collection:
        """Lower argument ``number`` for one item of the focus."""
        ...

    def define(self, name: str, collection: Collection) -> None:
        """Name a collection for the rest of the path."""
        ...

    def descending(self, number: int) -> bool:
        """Whether argument ``number`` asks for descending order."""
        ...

    def empty_last(self, number: int) -> bool:
        """Whether items for which argument ``number`` is empty come last."""
        ...

    def named_type(self, number: int) -> TypeName:
        """The type that argument ``number`` names."""
        ...

    def error(self, kind: type[CompileError], message: str, hint: str | None = None) -> CompileError:
        """Make a compile error that points at the call."""
        ...

    def member(self, collection: Collection, name: str) -> Collection:
        """Navigate to an element by name."""
        ...


Lowering: TypeAlias = Callable[[Call], Collection]


@attrs.frozen(kw_only=True)
class Example:
    """An expression over a resource and what it gives; runs as a test on every database.

    Parameters
    ----------
    expression : str
        FHIRPath.
    result : tuple
        Expected values.
    resource : Mapping, optional
        The resource; none for expressions over literals.
    stored : tuple of Mapping
        Resources that are loaded beside it.
    """

    expression: str
    result: tuple[object, ...]
    resource: Mapping[str, object] | None = None
    stored: tuple[Mapping[str, object], ...] = ()


@attrs.frozen(kw_only=True)
class Function:
    """A FHIRPath function.

    Parameters
    ----------
    name : str
        As it is called.
    group : str
        Section of the reference page.
    parameters : tuple of Parameter
        Its signature.
    returns : str
        Type and cardinality of the result, for the reference page.
    summary : str
        What it does, in a sentence or two.
    examples : tuple of Example
        Tested on every database.
    lower : Lowering
        How it becomes a plan.
    """

    name: str
    group: str
    parameters: tuple[Parameter, ...]
    returns: str
    summary: str
    examples: tuple[Example, ...]
    lower: Lowering

    @property
    def signature(self) -> str:
        """The signature as the reference page shows it."""
        shown = [
            f"[{parameter.name}]" if parameter.optional else parameter.name + ("..." if parameter.repeated else "")
            for parameter in self.parameters
        ]
        return f"{self.name}({', '.join(shown)})"


#: Every function that is declared, by name.
FUNCTIONS: dict[str, Function] = {}


def function(
    name: str, *parameters: Parameter, group: str, returns: str, examples: tuple[Example, ...] = ()
) -> Callable[[Lowering], Lowering]:
    """Declare a function; the docstring of the lowering is its documentation.

    Parameters
    ----------
    name, parameters, group, returns, examples
        As in `Function`.

    Returns
    -------
    callable
        Decorator for the lowering.
    """

    def declare(lower: Lowering) -> Lowering:
        if name in FUNCTIONS:
            raise ValueError(f"function {name!r} is declared twice")
        FUNCTIONS[name] = Function(
            name=name,
            group=group,
            parameters=parameters,
            returns=returns,
            summary=" ".join((lower.__doc__ or "").split()),
            examples=examples,
            lower=lower,
        )
        return lower

    return declare
