"""The strategies reach everything that is declared, and say so where they do not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir4ds.fhirpath import ast
from fhir4ds.fhirpath.parser import parse
from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.functions.declaration import Function, Parameter, ParameterKind
from fhir4ds.runtime.answer import encode_json
from tests.differential.conftest import examples
from tests.differential.enumeration import enumerated
from tests.differential.expressions import call, calls, nested, operations, scope_of
from tests.differential.resources import MODEL, PRIMITIVES, TYPES, resources
from tests.differential.signatures import CLOCKS, FOCUS, GROUPS, ITERATING, PARAMETERS


def _called(text: str) -> Iterator[str]:
    """The functions and operators of an expression."""
    nodes: list[ast.Node] = [parse(text)]
    while nodes:
        node = nodes.pop()
        nodes += ast.children(node)
        if isinstance(node, ast.Call):
            yield node.name
        elif isinstance(node, ast.Binary):
            yield node.operator


@pytest.mark.parametrize("name", [*FUNCTIONS, *OPERATORS])
def test_each_is_enumerated(name: str) -> None:
    """A fixed list of expressions for each: it is met, whatever chance does."""
    texts = enumerated(name)
    assert texts and all(name in _called(text) for text in texts)


@pytest.mark.parametrize("name", [*FUNCTIONS, *OPERATORS])
def test_each_is_in_what_is_generated_for_it(name: str) -> None:
    """What is generated for a function calls it."""

    @examples(2)
    @given(st.data(), resources())
    def law(data: st.DataObject, resource: dict[str, Any]) -> None:
        strategy = calls if name in FUNCTIONS else operations
        assert name in _called(data.draw(strategy(scope_of(resource), name)))

    law()


def test_every_declaration_is_known_by_what_it_takes() -> None:
    """A new name of a parameter or group still gets something; a line for it in `signatures` makes that meaningful."""
    parameters = {parameter.name for function in FUNCTIONS.values() for parameter in function.parameters}
    assert parameters - set(PARAMETERS) == set()
    assert {function.group for function in FUNCTIONS.values()} - set(GROUPS) == set()
    assert (set(FOCUS) | CLOCKS) - set(FUNCTIONS) == set()


@examples(10)
@given(st.data(), resources())
def test_what_is_declared_tomorrow_is_generated(data: st.DataObject, resource: dict[str, Any]) -> None:
    """Also where nobody wrote a line for it."""
    strange = Function(
        name="strange",
        group="Strange",
        parameters=(
            Parameter("odd"),
            Parameter("even", ParameterKind.EXPRESSION),
            Parameter("kind", ParameterKind.TYPE),
        ),
        returns="something",
        summary="",
        examples=(),
        lower=lambda call: call.focus,
    )

    @st.composite
    def strategy(draw: st.DrawFn) -> str:
        return call(draw, scope_of(resource), strange, 2).text

    assert "strange" in _called(data.draw(strategy()))


@examples(20)
@given(st.data(), resources())
def test_lambdas_nest_three_deep(data: st.DataObject, resource: dict[str, Any]) -> None:
    """The deepest chain of functions that iterate has three links at least."""
    iterating = {function.name for function in ITERATING}

    def depth(node: ast.Node) -> int:
        deepest = max(map(depth, ast.children(node)), default=0)
        return deepest + (isinstance(node, ast.Call) and node.name in iterating)

    assert depth(parse(data.draw(nested(scope_of(resource))))) >= 3


# --- resources --------------------------------------------------------------------------------------------------------


def test_every_primitive_type_has_a_strategy() -> None:
    """A type of FHIR that nothing is made for would never be met."""
    assert set(MODEL.primitives) == set(PRIMITIVES)


@examples(60)
@given(resources())
def test_resources_are_valid_by_the_model(resource: dict[str, Any]) -> None:
    """Every member is an element of its type, in the right cardinality, and what is required is there."""
    assert resource["resourceType"] in TYPES
    assert json.loads(encode_json(resource))
    _check(resource, resource["resourceType"])


def _check(item: dict[str, Any], type_name: str) -> None:
    for name, value in item.items():
        if name == "resourceType":
            continue
        plain = name.removeprefix("_")
        element = MODEL.element(type_name, plain)
        found = (element, element.types[0]) if element is not None else MODEL.choice(type_name, plain)
        assert found is not None, f"{type_name} has no {plain}"
        element, below = found
        assert isinstance(value, list) == element.many, f"{type_name}.{name}"
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and not name.startswith("_"):
                _check(one, one.get("resourceType", below))
    for element in MODEL.elements(type_name).values():
        names = {element.json_name(kind) for kind in element.types}
        names |= {f"_{name}" for name in names}
        # What only has an extension in place of all its content stands for the type.
        assert not element.required or names & set(item) or set(item) <= {"extension", "url", "reference"}


@examples(60)
@given(resources())
def test_nulls_of_arrays_have_something_beside_them(resource: dict[str, Any]) -> None:
    """FHIR, JSON: an array is padded with null where an item has no value, and then it has extensions."""
    objects = [resource]
    while objects:
        item = objects.pop()
        for name, value in item.items():
            values = value if isinstance(value, list) else [value]
            objects += [one for one in values if isinstance(one, dict)]
            if isinstance(value, list) and None in value and not name.startswith("_"):
                beside = item[f"_{name}"]
                assert len(beside) == len(value)
                assert all(a is not None or b is not None for a, b in zip(value, beside, strict=True))
