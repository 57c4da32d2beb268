"""Path fusion: runs of plain navigation become one extraction."""

from __future__ import annotations

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.fusion import Names, extract, read
from fhir4ds.plan.nodes import RESOURCE, Apply, Array, Case, Each, Extract, FromJson, Node, Reference, apply, null, text

_NAME, _GIVEN, _PERIOD = Step("name", each=True), Step("given", each=True), Step("period")


def _walk(*steps: Step, base: Node = RESOURCE) -> Node:
    names, node = Names(), base
    for step in steps:
        node = extract(node, step, names)
    return node


def test_names_are_never_given_twice() -> None:
    """Each fresh name is a new one; two statements begin alike, so that equal expressions compile alike."""
    names = Names()
    fresh = [names.fresh() for _ in range(100)]
    assert len(set(fresh)) == 100
    assert Names().fresh() == fresh[0]


def test_navigation_is_one_extraction() -> None:
    """Steps from the resource are one path, however many repeat."""
    assert _walk(_NAME, _PERIOD, Step("start")) == Extract(RESOURCE, (_NAME, _PERIOD, Step("start")), SqlType.JSON)
    assert _walk(_NAME, _GIVEN).many


def test_steps_after_a_filter_go_inside_the_iteration() -> None:
    """Going on from the items that a filter kept needs no second iteration."""
    item = Reference("v1", SqlType.JSON)
    kept = Each(_walk(_NAME), "v1", item, where=apply("is_not_null", item))
    onward = _walk(_GIVEN, base=kept)
    assert onward == Each(_walk(_NAME), "v1", Extract(item, (_GIVEN,), SqlType.JSON), where=apply("is_not_null", item))


def test_steps_after_an_indexed_iteration_start_another() -> None:
    """An iteration that counts its items keeps its body."""
    counted = Each(_walk(_NAME), "v7", Reference("v7", SqlType.JSON), index="v8")
    onward = _walk(_PERIOD, base=counted)
    assert isinstance(onward, Each)
    assert onward.source == counted


def test_steps_from_a_computed_array_iterate() -> None:
    """What is no navigation itself is walked item by item."""
    array = Apply("array_concat", (_walk(_NAME), _walk(_NAME)), SqlType.JSON, many=True)
    onward = _walk(_GIVEN, base=array)
    assert isinstance(onward, Each) and onward.source == array
    assert onward.body == Extract(Reference(onward.variable, SqlType.JSON), (_GIVEN,), SqlType.JSON)


def test_steps_from_a_computed_value_extract() -> None:
    """A single computed value is the base of the path."""
    first = Apply("array_at", (_walk(_NAME), Reference("n", SqlType.INTEGER)), SqlType.JSON)
    assert _walk(_PERIOD, base=first) == Extract(first, (_PERIOD,), SqlType.JSON)


def test_reading_goes_to_the_end_of_the_path() -> None:
    """Conversion to the value's type happens in the extraction, not after it."""
    names = Names()
    assert read(_walk(_NAME, _GIVEN), SqlType.TEXT, names) == Extract(RESOURCE, (_NAME, _GIVEN), SqlType.TEXT)
    item = Reference("v1", SqlType.JSON)
    each = Each(_walk(_NAME), "v1", _walk(Step("use"), base=item))
    assert read(each, SqlType.TEXT, names) == Each(each.source, "v1", Extract(item, (Step("use"),), SqlType.TEXT))


def test_reading_goes_into_branches() -> None:
    """Both branches of a condition are read."""
    branched = Case(((apply("is_null", RESOURCE), _walk(Step("a"))),), null(SqlType.JSON))
    read_ = read(branched, SqlType.INTEGER, Names())
    condition = apply("is_null", RESOURCE)
    assert read_ == Case(((condition, Extract(RESOURCE, (Step("a"),), SqlType.INTEGER)),), null(SqlType.INTEGER))


def test_reading_json_or_native_values_changes_nothing() -> None:
    """Only JSON that is to become something else is read."""
    names = Names()
    assert read(text("x"), SqlType.TEXT, names) == text("x")
    assert read(_walk(_NAME), SqlType.JSON, names) == _walk(_NAME)


def test_reading_anything_else_converts_the_items() -> None:
    """Computed JSON is converted where it stands, an array item by item."""
    names = Names()
    item = Reference("v9", SqlType.JSON)
    assert read(item, SqlType.TEXT, names) == FromJson(item, SqlType.TEXT)
    array = Array((item,), SqlType.JSON)
    converted = read(array, SqlType.TEXT, names)
    assert isinstance(converted, Each)
    assert converted.body == FromJson(Reference(converted.variable, SqlType.JSON), SqlType.TEXT)
