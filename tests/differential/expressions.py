"""FHIRPath made from the declarations of its functions and operators, about a resource that is at hand.

Expressions are made by kind: what an operator or function is made for, so that most of them have a value. Now and then
something of another kind stands in the place, so that errors are met as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs
from hypothesis import strategies as st

from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.functions.declaration import Function, Parameter, ParameterKind
from tests.differential import literals
from tests.differential.resources import MODEL, Path, paths_of, system_kind
from tests.differential.signatures import (
    CLOCKS,
    GIVING,
    ITERATING,
    KEEPING,
    NUMBERS,
    ORDERED,
    SYSTEM,
    argument_kinds,
    focus_kinds,
)

#: Operators of the grammar that have no declaration: what stands on their right is a type or a position.
FORMS = ("is", "as", "[]", "+x", "-x")

_GIVING_BOOLEANS = ("=", "!=", "~", "!~", "<", "<=", ">", ">=", "and", "or", "xor", "implies", "in", "contains")

#: Lambdas inside one another.
LAMBDAS = 3

_CODES: Mapping[str, st.SearchStrategy[str]] = {
    "small": st.sampled_from(["0", "1", "2", "3", "(-1)", "5"]),
    "base": st.sampled_from(["2", "10", "2.5", "1", "0"]),
    "exponent": st.sampled_from(["0", "1", "2", "3", "(-1)", "0.5"]),
    "regex": literals.regexes,
    "flags": literals.flags,
    "truth": st.sampled_from(["true", "false"]),
    "substitution": literals.substitutions,
    "encoding": st.sampled_from(["'base64'", "'urlbase64'", "'hex'", "'other'"]),
    "escaping": st.sampled_from(["'html'", "'json'", "'other'"]),
    "structure": st.sampled_from(["Patient", "Bundle", "Resource", "string"]).map(
        "'http://hl7.org/fhir/StructureDefinition/{}'".format
    ),
    "unit": st.sampled_from(["'mg'", "'g'", "'m'", "'cm'", "'d'", "'1'", "'day'", "'nonsense'"]),
    "url": st.sampled_from(["'http://example.org/a'", "'http://example.org/b'", "'http://example.org/c'"]),
    "valueset": st.just("'http://example.org/ValueSet/none'"),
    "name": st.sampled_from(["'v'", "'w'"]),
    "init": st.sampled_from(["0", "1", "{}", "1.5", "''"]),
    "aggregator": st.sampled_from(
        ["$total + $this", "iif($total.empty(), $this, $total)", "$total | $this", "$this", "$total & $this"]
    ),
    "type": st.sampled_from(
        ["String", "Integer", "Boolean", "System.Decimal", "Quantity", "FHIR.string", "code", "HumanName", "Patient"]
    ),
}


#: What needs no parentheses: a path of names, calls without arguments, and what is in parentheses of its own.
_PATH = re.compile(r"(\([^()]*\)|[$%]?\w+(\(\w*\))?)(\.\w+(\(\w*\))?)*")


@attrs.frozen
class Scope:
    """Where an expression stands.

    Parameters
    ----------
    paths : Mapping
        The paths that lead somewhere, by the type of the object from which they start.
    this : str
        The kind of ``$this``: a System type or a FHIR type.
    root : str
        The type of the resource.
    lambdas : int
        How many lambdas stand around.
    """

    paths: Mapping[str, tuple[Path, ...]]
    this: str
    root: str
    lambdas: int = 0

    @property
    def leading(self) -> tuple[Path, ...]:
        """The paths that lead somewhere from ``$this``."""
        return self.paths.get(self.this, ())

    def inside(self, this: str) -> Scope:
        """The scope of an argument that is evaluated for each item."""
        return attrs.evolve(self, this=this, lambdas=self.lambdas + 1)


@attrs.frozen
class Part:
    """An expression and the kind of its items."""

    text: str
    kind: str

    @property
    def operand(self) -> str:
        """The expression where a tighter operator stands beside it."""
        return self.text if _PATH.fullmatch(self.text) else f"({self.text})"


def scope_of(resource: Mapping[str, Any]) -> Scope:
    """The scope of an expression about a resource."""
    name = str(resource["resourceType"])
    return Scope(paths_of(resource), name, name)


@st.composite
def expressions(draw: st.DrawFn, scope: Scope, depth: int = 3) -> str:
    """Any expression."""
    return any_part(draw, scope, depth).text


@st.composite
def calls(draw: st.DrawFn, scope: Scope, name: str) -> str:
    """An expression that calls a function; what is around it and in it is anything."""
    part = call(draw, scope, FUNCTIONS[name], 2)
    return _around(draw, part, scope).text


@st.composite
def operations(draw: st.DrawFn, scope: Scope, symbol: str) -> str:
    """An expression that uses an operator."""
    return _around(draw, operation(draw, scope, symbol, 2), scope).text


@st.composite
def nested(draw: st.DrawFn, scope: Scope, levels: int = LAMBDAS) -> str:
    """Functions that iterate, inside one another."""
    return _nest(draw, scope, levels).text


# --- parts ------------------------------------------------------------------------------------------------------------


def any_part(draw: st.DrawFn, scope: Scope, depth: int) -> Part:
    """An expression of any kind."""
    choice = draw(st.integers(0, 5))
    if choice <= 1 or depth <= 0:
        return collection(draw, scope, depth)
    if choice == 2:
        return value(draw, scope, draw(st.sampled_from(SYSTEM)), depth)
    if choice == 3:
        return operation(draw, scope, draw(st.sampled_from([*OPERATORS, *FORMS])), depth)
    return call(draw, scope, draw(st.sampled_from(list(FUNCTIONS.values()))), depth)


def value(draw: st.DrawFn, scope: Scope, kind: str, depth: int) -> Part:
    """An expression of a kind; of another kind now and then."""
    if draw(st.integers(0, 14)) == 14:
        return any_part(draw, scope, 0)
    if kind not in SYSTEM:
        return _special(draw, scope, kind, depth)
    choice = draw(st.integers(0, 7)) if depth > 0 else 0
    if choice <= 2:
        return _simple(draw, scope, kind)
    if choice == 3 and kind == "Boolean":
        return operation(draw, scope, draw(st.sampled_from(_GIVING_BOOLEANS)), depth - 1)
    if choice == 3 and kind in (*NUMBERS, "Quantity"):
        a, b = (value(draw, scope, kind, depth - 2).operand for _ in range(2))
        return Part(f"{a} {draw(st.sampled_from(['+', '-']))} {b}", kind)
    if choice == 4:
        condition = value(draw, scope, "Boolean", depth - 1).text
        return Part(f"iif({condition}, {value(draw, scope, kind, depth - 1).text})", kind)
    if choice == 5:
        items = collection(draw, scope, depth - 1, kind)
        return Part(f"{items.operand}.{draw(st.sampled_from(['first()', 'last()', 'take(1)']))}", kind)
    if choice == 6 and kind == "Integer" and scope.lambdas:
        return Part("$index", kind)
    if GIVING[kind]:
        return attrs.evolve(call(draw, scope, draw(st.sampled_from(GIVING[kind])), depth - 1), kind=kind)
    return _simple(draw, scope, kind)


def _simple(draw: st.DrawFn, scope: Scope, kind: str) -> Part:
    """A path, ``$this`` or a literal."""
    if scope.this == kind and draw(st.booleans()):
        return Part("$this", kind)
    leading = [path for path in scope.leading if system_kind(path.type) == kind]
    if leading and draw(st.integers(0, 2)):
        return Part(draw(st.sampled_from(leading)).text, kind)
    return Part("{}" if draw(st.integers(0, 19)) == 19 else draw(literals.LITERALS[kind]), kind)


def _special(draw: st.DrawFn, scope: Scope, kind: str, depth: int) -> Part:
    """What has no literal: an element of a type, a collection, a code word."""
    if kind == "any":
        return any_part(draw, scope, depth - 1)
    if kind in _CODES:
        return Part(draw(_CODES[kind]), {"small": "Integer", "truth": "Boolean"}.get(kind, "String"))
    if kind == "Resource":
        return Part(draw(st.sampled_from(["%resource", "$this"])), scope.root)
    if kind == "key":
        part = value(draw, scope, draw(st.sampled_from(ORDERED[:4])), 1)
        return Part(part.text + draw(st.sampled_from(["", " asc", " desc"])), part.kind)
    leading = [path for path in scope.leading if path.type == kind]
    if leading:
        path = draw(st.sampled_from(leading))
        return Part(path.text, path.type)
    return collection(draw, scope, depth)


def collection(draw: st.DrawFn, scope: Scope, depth: int, kind: str | None = None) -> Part:
    """An expression that may have several items, of a kind if one is given."""
    paths = [path for path in scope.leading if kind is None or system_kind(path.type) == kind]
    choice = draw(st.integers(0, 9))
    if paths and choice <= 5:
        path = draw(st.sampled_from(paths))
        part = Part(path.text, system_kind(path.type))
    elif choice == 6 and kind is None and scope.this in MODEL.types:
        # An element that the model knows and this resource may not have.
        names = [element for element in MODEL.elements(scope.this).values() if len(element.types) == 1]
        element = draw(st.sampled_from(names))
        part = Part(f"`{element.name}`", system_kind(element.types[0]))
    else:
        of = kind or draw(st.sampled_from(SYSTEM))
        separator = draw(st.sampled_from([" | ", ").combine("]))
        items = [_simple(draw, scope, of).text for _ in range(draw(st.integers(2, 3)))]
        part = Part(items[0], of)
        for item in items[1:]:
            part = Part(f"({part.text}{separator}{item})", of)
    if depth > 1 and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(KEEPING)))
        return attrs.evolve(_apply(draw, scope, FUNCTIONS[name], part, depth - 1), kind=part.kind)
    return part


# --- functions and operators ------------------------------------------------------------------------------------------


def call(draw: st.DrawFn, scope: Scope, function: Function, depth: int) -> Part:
    """A call of a function on something that it is made for."""
    if function.name in CLOCKS:
        # The clock stands still during a statement, but two databases are two statements.
        form = draw(st.sampled_from(["({0} = {0})", "({0} is DateTime)", "{0}.count()", "{0}.toString().length()"]))
        return Part(form.format(f"{function.name}()"), "Boolean")
    kind = draw(st.sampled_from(focus_kinds(function)))
    if kind in SYSTEM and draw(st.integers(0, 3)):
        single = value(draw, scope, kind, depth)
        focus = Part(single.text, kind)
    else:
        focus = collection(draw, scope, depth, kind) if kind in SYSTEM else _special(draw, scope, kind, depth)
    return _apply(draw, scope, function, focus, depth)


def _apply(draw: st.DrawFn, scope: Scope, function: Function, focus: Part, depth: int) -> Part:
    arguments = []
    for parameter in function.parameters:
        if parameter.optional and draw(st.booleans()):
            break
        for _ in range(draw(st.integers(1, 3)) if parameter.repeated else 1):
            arguments.append(_argument(draw, scope, function, parameter, focus, depth - 1))
    text = f"{focus.operand}.{function.name}({', '.join(arguments)})"
    if function.name == "defineVariable":
        text += f".select({draw(st.sampled_from(['%v', '%w', '%v.count()', '%v | %w']))})"
    kind = result_of(function, focus)
    return Part(text, kind)


def result_of(function: Function, focus: Part) -> str:
    """The kind of what a function gives, as far as it is known."""
    giving = next((kind for kind, functions in GIVING.items() if function in functions), None)
    return giving or focus.kind


def _argument(draw: st.DrawFn, scope: Scope, function: Function, parameter: Parameter, focus: Part, depth: int) -> str:
    kind = draw(st.sampled_from(argument_kinds(function, parameter)))
    if kind == "same":
        return collection(draw, scope, depth, focus.kind if focus.kind in SYSTEM else None).text
    if kind == "below":
        below = [path.text for path in scope.inside(focus.kind).leading if path.type in scope.paths]
        return draw(st.sampled_from([*below, "children()", "extension", "{}"]))
    if parameter.kind is ParameterKind.EXPRESSION:
        if scope.lambdas >= LAMBDAS:
            return draw(st.sampled_from(["$this", "true", "$this.exists()"]))
        scope = scope.inside(focus.kind)
    return value(draw, scope, kind, depth).text


def operation(draw: st.DrawFn, scope: Scope, symbol: str, depth: int) -> Part:
    """An operation on operands that it is made for."""
    if symbol in FORMS:
        return _form(draw, scope, symbol, depth)
    left_kinds, right_kinds, gives = _operands(draw, symbol)
    left, right = (
        collection(draw, scope, depth - 1) if kind == "any" else value(draw, scope, kind, depth - 1)
        for kind in (left_kinds, right_kinds)
    )
    if symbol == "+" and right_kinds == "span":
        right = Part(draw(literals.spans), "Quantity")
    return Part(f"{left.operand} {symbol} {right.operand}", gives or left.kind)


def _operands(draw: st.DrawFn, symbol: str) -> tuple[str, str, str | None]:
    """Kinds of the operands of an operator and of its result."""
    if symbol in ("and", "or", "xor", "implies"):
        return "Boolean", "Boolean", "Boolean"
    if symbol == "&":
        return "String", "String", "String"
    if symbol in ("div", "mod"):
        kind = draw(st.sampled_from(NUMBERS))
        return kind, draw(st.sampled_from([kind, "Integer"])), kind
    if symbol in ("*", "/", "+", "-"):
        if symbol in "+-" and draw(st.integers(0, 2)) == 0:
            return draw(st.sampled_from(["Date", "DateTime", "Time"])), "span", None
        kind = draw(st.sampled_from([*NUMBERS, "Quantity", *(["String"] if symbol == "+" else [])]))
        return kind, draw(st.sampled_from([kind, kind, "Integer"])) if kind != "String" else kind, None
    if symbol in ("<", "<=", ">", ">="):
        kind = draw(st.sampled_from(ORDERED))
        return kind, draw(st.sampled_from([kind, kind, "Date" if kind == "DateTime" else kind])), "Boolean"
    if symbol in ("=", "!=", "~", "!~"):
        kind = draw(st.sampled_from([*SYSTEM, "any"]))
        return kind, kind, "Boolean"
    if symbol in ("in", "contains"):
        kind = draw(st.sampled_from(SYSTEM))
        return (kind, "any", "Boolean") if symbol == "in" else ("any", kind, "Boolean")
    # ``|``, and whatever is declared tomorrow
    return "any", "any", None


def _form(draw: st.DrawFn, scope: Scope, symbol: str, depth: int) -> Part:
    if symbol in ("+x", "-x"):
        part = value(draw, scope, draw(st.sampled_from([*NUMBERS, "Quantity"])), depth - 1)
        return Part(f"({symbol[0]}{part.operand})", part.kind)
    part = collection(draw, scope, depth - 1)
    if symbol == "[]":
        return Part(f"{part.operand}[{draw(_CODES['small'])}]", part.kind)
    if draw(st.booleans()):
        part = Part(f"{part.operand}.first()", part.kind)
    return Part(f"({part.operand} {symbol} {draw(_CODES['type'])})", "Boolean" if symbol == "is" else part.kind)


# --- around an expression, and nesting --------------------------------------------------------------------------------


def _around(draw: st.DrawFn, part: Part, scope: Scope) -> Part:
    """An expression as it is, or in another one."""
    form = draw(st.sampled_from(["{}", "{}", "{}", "({}).exists()", "({}).count()", "iif(true, {})", "({}).first()"]))
    if scope.lambdas == 0 and draw(st.integers(0, 5)) == 5:
        form = draw(st.sampled_from(["%context.select({})", "({}).combine(1)", "({}).type().name", "{{}} | ({})"]))
    return Part(form.format(part.text), part.kind)


def _nest(draw: st.DrawFn, scope: Scope, levels: int) -> Part:
    """A function that iterates over a collection, and in its lambda the next one."""
    if levels == 0:
        return value(
            draw, scope, draw(st.sampled_from([scope.this if scope.this in SYSTEM else "String", "Boolean"])), 1
        )
    # The argument of repeatAll is a path and nothing else, so the next function goes into another one's.
    function = draw(st.sampled_from([function for function in ITERATING if function.name != "repeatAll"]))
    leading = [path for path in scope.leading if path.type in scope.paths]
    if leading and draw(st.integers(0, 3)):
        path = draw(st.sampled_from(leading))
        focus = Part(path.text, path.type)
    else:
        focus = collection(draw, scope, 0)
    inner = _nest(draw, scope.inside(focus.kind), levels - 1)
    arguments = []
    for number, parameter in enumerate(function.parameters):
        if number == 0 and parameter.kind is ParameterKind.EXPRESSION:
            wants_boolean = "Boolean" in argument_kinds(function, parameter)
            arguments.append(f"({inner.text}).exists()" if wants_boolean and inner.kind != "Boolean" else inner.text)
        elif not parameter.optional:
            arguments.append(_argument(draw, scope, function, parameter, focus, 1))
    return Part(f"{focus.operand}.{function.name}({', '.join(arguments)})", result_of(function, focus))
