"""From the syntax tree to a plan: types, static errors, and the meaning of each node."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatchmethod

import attrs

from fhir4ds.compiler import variables
from fhir4ds.compiler.asking import (
    asks_types,
    compared,
    is_about_references,
    is_about_types,
    looks_beside,
    resolves,
)
from fhir4ds.compiler.literals import literal, negative
from fhir4ds.compiler.navigation import member, type_or_member
from fhir4ds.compiler.options import Options
from fhir4ds.compiler.scope import Scope
from fhir4ds.compiler.settling import Settled, settle
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import (
    CompileError,
    InvalidArguments,
    InvalidOperation,
    UnknownElement,
    UnknownFunction,
    UnknownVariable,
    UnsupportedFeature,
)
from fhir4ds.fhir.model import Model, load_model
from fhir4ds.fhirpath import ast
from fhir4ds.functions import values
from fhir4ds.functions.arguments import whole
from fhir4ds.functions.arithmetic import signed
from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.functions.declaration import Function
from fhir4ds.functions.instances import instance
from fhir4ds.functions.left_out import LEFT_OUT, VARIABLES_LEFT_OUT
from fhir4ds.functions.subsetting import at, check_order
from fhir4ds.functions.typing import narrow, resolve_type
from fhir4ds.plan.collection import (
    INTEGER,
    STRING,
    Collection,
    TypeName,
)
from fhir4ds.plan.fusion import Names
from fhir4ds.plan.nodes import RESOURCE, Constant, Node, null
from fhir4ds.plan.size import Sizes
from fhir4ds.suggestion import did_you_mean

#: Variables that an expression cannot give another meaning.
_FIXED = ("resource", "rootResource", "context", "ucum", "sct", "loinc")
_FIXED_PREFIXES = ("vs-", "ext-")

#: Nodes of the plan of an expression, as often as they stand in the statement: no person writes such, no database reads it.
MAX_SIZE = 100_000
#: Functions and operators that are lowered, as often as that is done.
MAX_CALLS = 5_000

_SINGULAR = ("1", "at least 1")

#: The code systems that have a variable (FHIR R4, "FHIRPath", section "Environment variables").
_SYSTEMS = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}


class Lowering:
    """Lowers one expression.

    Parameters
    ----------
    text : str
        The expression, for messages.
    options : Options
        As given to the compiler.
    root : tuple of str
        The types that the resource can have; none where that is not known.
    names : Names, optional
        Source of variable names, where other expressions of the statement share it.
    given : Mapping of str to Collection, optional
        What further variables denote.
    typed : bool
        Whether only resources of the types that paths begin with are read.
    """

    def __init__(
        self,
        text: str,
        options: Options,
        root: tuple[str, ...],
        *,
        names: Names | None = None,
        given: Mapping[str, Collection] | None = None,
        typed: bool = True,
    ) -> None:
        self.text = text
        self.options = options
        self.model: Model | None = load_model(options.model) if options.model is not None else None
        self.names = names or Names()
        self.typed = typed
        self.variables = dict(options.variables)
        #: What is given, and what ``defineVariable`` has named on the way to the node at hand.
        self._defined: dict[str, Collection] = dict(given or {})
        self._sizes = Sizes()
        self._calls = 0
        self.root = Collection(plan=RESOURCE, types=tuple(TypeName("FHIR", name) for name in root))

    def expression(self, node: ast.Expression) -> Collection:
        """Lower a whole expression, which begins at the resource."""
        return self.lower(node, Scope(this=self.root))

    def error(
        self, kind: type[CompileError], message: str, node: ast.Expression | int, hint: str | None = None
    ) -> CompileError:
        """Make an error that points into the expression."""
        position = node if isinstance(node, int) else node.position
        return kind(message, expression=self.text, position=position, hint=hint)

    def member(self, focus: Collection, name: str, node: ast.Expression) -> Collection:
        """Navigate to an element."""
        return member(LoweredCall(self, node, focus, (), Scope(this=focus)), focus, name)

    @singledispatchmethod
    def lower(self, node: ast.Expression, scope: Scope) -> Collection:
        """Lower one node of the tree in a scope."""
        raise self.error(UnsupportedFeature, f"{type(node).__name__} expressions are not supported", node)

    @lower.register
    def _(self, node: ast.Literal, scope: Scope) -> Collection:
        return literal(node, lambda kind, message, hint: self.error(kind, message, node, hint))

    @lower.register
    def _(self, node: ast.Empty, scope: Scope) -> Collection:
        return Collection(plan=null(SqlType.JSON))

    @lower.register
    def _(self, node: ast.Member, scope: Scope) -> Collection:
        if node.focus is not None:
            return self.member(self.lower(node.focus, scope), node.name, node)
        return self._start(node, scope)

    def apart(self, node: ast.Expression, scope: Scope) -> Collection:
        """Lower a node whose variables are its own: what it defines is not seen by what stands beside it."""
        before = dict(self._defined)
        try:
            return self.lower(node, scope)
        finally:
            self._defined = before

    def define(self, call: LoweredCall, name: str, collection: Collection) -> None:
        """Name a collection for the rest of the path.

        FHIRPath, current specification, "defineVariable": a name is given once, and never to a variable of the system.
        """
        fixed = name in _FIXED or name.startswith(_FIXED_PREFIXES)
        if fixed or name in self._defined or name in self.variables:
            raise call.error(InvalidArguments, f"variable %{name} is defined already", "choose another name")
        self._defined[name] = collection

    def _start(self, node: ast.Member, scope: Scope) -> Collection:
        """A name at the start of a path: the type of the resource, or an element of ``$this``."""
        if scope.this is self.root and self._names_a_type(node.name):
            wanted = TypeName("FHIR", node.name)
            if self.model is None:
                return self.root if self.typed else type_or_member(node.name, self.names)
            found = narrow(self.call(node, self.root, (), scope), self.root, wanted)
            if values.is_empty(found):
                if self.options.strict:
                    shown = " or ".join(type.name for type in self.root.types)
                    raise self.error(UnknownElement, f"the resource is a {shown}, not a {node.name}", node)
                # What follows is checked against the type that was named, of which there is nothing.
                return attrs.evolve(found, types=(wanted,))
            return found
        if not scope.this.types and self.model is not None and not values.is_empty(scope.this):
            raise self.error(
                UnknownElement,
                f"which resource type {node.name!r} belongs to is not known",
                node,
                hint=f"start with the type, such as Patient.{node.name}, or say which resources are meant",
            )
        return self.member(scope.this, node.name, node)

    def _names_a_type(self, name: str) -> bool:
        if self.model is not None:
            return self.model.is_resource(name)
        return name[:1].isupper()

    @lower.register
    def _(self, node: ast.Call, scope: Scope) -> Collection:
        focus = scope.this if node.focus is None else self.lower(node.focus, scope)
        function = FUNCTIONS.get(node.name)
        if function is None:
            if node.name in LEFT_OUT:
                message = f"the function {node.name!r} is not supported: {LEFT_OUT[node.name]}"
                raise self.error(UnsupportedFeature, message, node)
            close = did_you_mean(node.name, FUNCTIONS)
            raise self.error(UnknownFunction, f"there is no function {node.name!r}", node, close)
        self._check_arguments(function, node)
        return self._apply(function, node, focus, node.arguments, scope)

    def _apply(
        self,
        function: Function,
        node: ast.Expression,
        focus: Collection,
        arguments: tuple[ast.Expression | ast.TypeSpecifier, ...],
        scope: Scope,
    ) -> Collection:
        # Where references come from is asked of the plan that they come from.
        settled = Settled(focus) if is_about_references(node) else self._settle(focus)
        call = attrs.evolve(self.call(node, settled.collection, arguments, scope, function), settled=settled)
        return self._bounded(settled.within(function.lower(call)), node)

    def _check_arguments(self, function: Function, node: ast.Call) -> None:
        required = sum(not parameter.optional for parameter in function.parameters)
        repeated = any(parameter.repeated for parameter in function.parameters)
        most = len(function.parameters)
        if len(node.arguments) < required or (len(node.arguments) > most and not repeated):
            expected = f"{required}" if required == most else f"{required} to {most}"
            expected = f"at least {required}" if repeated else expected
            raise self.error(
                InvalidArguments,
                f"{function.name} takes {expected} argument{'s' * (expected not in _SINGULAR)}, not {len(node.arguments)}",
                node,
                hint=f"write {function.signature}",
            )

    def call(
        self,
        node: ast.Expression,
        focus: Collection,
        arguments: tuple[ast.Expression | ast.TypeSpecifier, ...],
        scope: Scope,
        function: Function | None = None,
    ) -> LoweredCall:
        """What the lowering of a function or operator gets to see."""
        self._calls += 1
        if self._calls > MAX_CALLS:
            raise self._too_large(node)
        return LoweredCall(self, node, focus, arguments, scope, function)

    def _settle(self, operand: Collection) -> Settled:
        return settle(operand, self._sizes, self.names)

    def _bounded(self, collection: Collection, node: ast.Expression) -> Collection:
        """Insist that the statement can be written; what is used twice in each of many steps doubles in each of them."""
        if self._sizes.of(collection.plan) > MAX_SIZE:
            raise self._too_large(node)
        return collection

    def _too_large(self, node: ast.Expression) -> CompileError:
        return self.error(CompileError, "the expression becomes too large for a statement", node, "split it up")

    @lower.register
    def _(self, node: ast.Index, scope: Scope) -> Collection:
        focus = self.lower(node.focus, scope)
        index = self.lower(node.index, scope)
        call = self.call(node, focus, (), scope)
        position = whole(call, index, "an index", InvalidOperation)
        check_order(call, "an index")
        return self._bounded(at(call, focus, position), node)

    @lower.register
    def _(self, node: ast.Binary, scope: Scope) -> Collection:
        declared = OPERATORS.get(node.operator)
        if declared is None:
            raise self.error(UnsupportedFeature, f"the operator {node.operator!r} is not supported yet", node)
        left, right = self.apart(node.left, scope), self.apart(node.right, scope)
        if declared.decides:  # nothing is written twice here
            return self._bounded(declared.lower(self.call(node, left, (), scope), left, right), node)
        first, second = self._settle(left), self._settle(right)
        call = self.call(node, first.collection, (), scope)
        return self._bounded(
            first.within(second.within(declared.lower(call, first.collection, second.collection))), node
        )

    @lower.register
    def _(self, node: ast.TypeOperation, scope: Scope) -> Collection:
        focus = self.lower(node.operand, scope)
        return self._apply(FUNCTIONS[node.operator], node, focus, (node.type,), scope)

    @lower.register
    def _(self, node: ast.InstanceSelector, scope: Scope) -> Collection:
        call = self.call(node, scope.this, (), scope)
        type = resolve_type(call, node.type.namespace, node.type.name)
        elements = [
            (self.call(element.value, scope.this, (), scope), element.name, self.apart(element.value, scope))
            for element in node.elements
        ]
        return self._bounded(instance(call, type, elements), node)

    @lower.register
    def _(self, node: ast.Polarity, scope: Scope) -> Collection:
        least = negative(node)
        if least is not None:
            return self.lower(least, scope)
        return signed(self.call(node, self.lower(node.operand, scope), (), scope), node.sign)

    @lower.register
    def _(self, node: ast.SortArgument, scope: Scope) -> Collection:
        # The sign of a key is its direction, also where the key is no number.
        key = node.expression.operand if isinstance(node.expression, ast.Polarity) else node.expression
        return self.lower(key, scope)

    @lower.register
    def _(self, node: ast.This, scope: Scope) -> Collection:
        return scope.this

    @lower.register
    def _(self, node: ast.IndexVariable, scope: Scope) -> Collection:
        if scope.index is None:
            raise self.error(InvalidOperation, "$index has a meaning only inside the argument of an iteration", node)
        return values.system(scope.index, INTEGER)

    @lower.register
    def _(self, node: ast.Total, scope: Scope) -> Collection:
        if scope.total is None:
            raise self.error(InvalidOperation, "$total has a meaning only inside aggregate", node)
        return scope.total

    @lower.register
    def _(self, node: ast.External, scope: Scope) -> Collection:
        name = node.name
        if name in self.variables:
            return variables.collection(name, self.variables[name], self.names)
        if name in self._defined:
            return self._defined[name]
        if name in ("resource", "rootResource", "context"):
            return self.root
        uri = _SYSTEMS.get(name)
        if uri is None and name.startswith("vs-"):
            uri = "http://hl7.org/fhir/ValueSet/" + name.removeprefix("vs-")
        if uri is None and name.startswith("ext-"):
            uri = "http://hl7.org/fhir/StructureDefinition/" + name.removeprefix("ext-")
        if uri is not None:
            return values.system(Constant(uri, SqlType.TEXT), STRING)
        if name in VARIABLES_LEFT_OUT:
            reason = VARIABLES_LEFT_OUT[name]
            raise self.error(UnsupportedFeature, f"the variable %{name} is not supported: {reason}", node)
        close = did_you_mean(name, [*self.variables, *self._defined, "resource", "context", "rootResource", *_SYSTEMS])
        hint = close or f"give its value: query(..., {name}=...)"
        raise self.error(UnknownVariable, f"variable %{name} has no value", node, hint)


def _is_negated(node: ast.Expression) -> bool:
    return isinstance(node, ast.Polarity) and node.sign == "-"


@attrs.frozen(eq=False)
class LoweredCall:
    """A call as the declaration of a function sees it (`fhir4ds.functions.declaration.Call`)."""

    _lowering: Lowering
    node: ast.Expression
    focus: Collection
    arguments: tuple[ast.Expression | ast.TypeSpecifier, ...]
    _scope: Scope
    _function: Function | None = None
    _settled: Settled | None = None
    #: Arguments that are lowered already, also for the same call on another focus, and errors of those that cannot be.
    _given: dict[int, Collection | CompileError] = attrs.field(factory=dict)

    @property
    def root(self) -> Collection:
        """The resource that the expression is evaluated on."""
        return self._lowering.root

    @property
    def position(self) -> int:
        """Offset of the call in the expression."""
        return self.node.position

    @property
    def names(self) -> Names:
        """Source of variable names."""
        return self._lowering.names

    @property
    def model(self) -> Model | None:
        """The FHIR model."""
        return self._lowering.model

    @property
    def strict(self) -> bool:
        """Whether strict rules are enforced."""
        return self._lowering.options.strict

    @property
    def count(self) -> int:
        """Number of arguments."""
        return len(self.arguments)

    @property
    def looks_beside(self) -> bool:
        """Whether an argument mentions what stands beside the value of a primitive element."""
        return any(map(looks_beside, self.arguments))

    @property
    def asks_types(self) -> bool:
        """Whether the call or an argument asks for the types of items."""
        return is_about_types(self.node) or any(map(asks_types, self.arguments))

    @property
    def compared(self) -> frozenset[str]:
        """The names of the elements that arguments compare."""
        return frozenset[str]().union(*map(compared, self.arguments))

    @property
    def resolves(self) -> bool:
        """Whether an argument looks for what references point to."""
        return any(map(resolves, self.arguments))

    def on(self, focus: Collection) -> LoweredCall:
        """The same call on another focus."""
        return attrs.evolve(self, focus=focus)

    def value(self, number: int) -> Collection:
        """Lower an argument that is evaluated once."""
        if number not in self._given:
            try:
                self._given[number] = self._lowering.apart(self._expression(number), self._scope)
            except CompileError as error:
                self._given[number] = error
        found = self._given[number]
        if isinstance(found, CompileError):
            raise found
        return found

    def body(
        self, number: int, item: Collection, *, index: Node | None = None, total: Collection | None = None
    ) -> Collection:
        """Lower an argument for one item; without an index or total of its own it sees those around it."""
        scope = Scope(this=item, index=index or self._scope.index, total=total or self._scope.total)
        return self._lowering.apart(self._expression(number), scope)

    def _expression(self, number: int) -> ast.Expression:
        argument = self.arguments[number]
        if isinstance(argument, ast.TypeSpecifier):
            raise self.error(InvalidArguments, "expected an expression, not the name of a type")
        return argument

    def define(self, name: str, collection: Collection) -> None:
        """Name a collection for the rest of the path."""
        # Beyond the call its focus is no variable any more.
        known = collection if self._settled is None else self._settled.within(collection)
        self._lowering.define(self, name, known)

    def descending(self, number: int) -> bool:
        """Whether an argument of ``sort`` asks for descending order; a minus before the key does so too."""
        argument = self.arguments[number]
        if not isinstance(argument, ast.SortArgument):
            return False
        return argument.descending != _is_negated(argument.expression)

    def empty_last(self, number: int) -> bool:
        """Whether an argument of ``sort`` says ``desc``: empty is lower than all else."""
        argument = self.arguments[number]
        return isinstance(argument, ast.SortArgument) and argument.descending

    def named_type(self, number: int) -> TypeName:
        """The type that an argument names."""
        argument = self.arguments[number]
        specifier = argument if isinstance(argument, ast.TypeSpecifier) else ast.type_specifier(argument)
        if specifier is None:
            raise self.error(InvalidArguments, "expected the name of a type, such as Quantity or System.String")
        return resolve_type(self, specifier.namespace, specifier.name)

    def member(self, collection: Collection, name: str) -> Collection:
        """Navigate to an element."""
        return self._lowering.member(collection, name, self.node)

    def error(self, kind: type[CompileError], message: str, hint: str | None = None) -> CompileError:
        """Make a compile error that points at the call."""
        return self._lowering.error(kind, message, self.node, hint)
