"""The id and the extensions of primitive elements, wherever an expression meets them, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import CompileError, EvaluationError


def _extension(value: str, url: str = "u") -> dict[str, Any]:
    return {"url": url, "valueString": value}


#: Given names with a value, with an extension, with both, and in a name that has extensions alone.
_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "birthDate": "1980-05-17",
    "_birthDate": {"id": "b", "extension": [_extension("x")]},
    "_gender": {"extension": [_extension("q")]},
    "deceasedBoolean": True,
    "_deceasedBoolean": {"extension": [_extension("d")]},
    "name": [
        {
            "given": ["a", None, "c"],
            "_given": [None, {"id": "g2", "extension": [_extension("e2")]}, {"extension": [_extension("e3")]}],
        },
        {"_given": [{"extension": [_extension("e4")]}]},
        {"given": ["d"]},
    ],
}


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        # elements without a value are elements
        ("name.given", ["a", "c", "d"]),
        ("name.given.count()", [5]),
        ("name[1].given.exists()", [True]),
        ("name[1].given.count()", [1]),
        ("name.where(given.exists()).count()", [3]),
        ("gender.exists()", [True]),
        ("gender.hasValue()", [False]),
        # of which the values that are not there are none
        ("name.given.value", ["a", "c", "d"]),
        ("name.given.value.count()", [3]),
        ("name[0].given.value[1]", ["c"]),
        ("name.given[1].value.exists()", [False]),
        ("name.given.where(value.empty()).count()", [2]),
        ("gender.value.exists()", [False]),
        ("gender.getValue().exists()", [False]),
        ("gender.toString().exists()", [False]),
        ("coalesce(gender.value, 'none')", ["none"]),
        ("name[1].given.value.empty()", [True]),
        ("deceased.value", [True]),
        ("deceased.value is Boolean", [True]),
        # of all, and of some
        ("name.given.extension.value", ["e2", "e3", "e4"]),
        ("name.given.where($this = 'c').extension.value", ["e3"]),
        ("name.given[1].extension.value", ["e2"]),
        ("name.given[1].id", ["g2"]),
        ("name.given[0].extension.value", []),
        ("name.given.tail().extension.value", ["e2", "e3", "e4"]),
        ("name.given.skip(1).take(1).extension.value", ["e2"]),
        ("name.given.where(hasValue().not()).extension.value", ["e2", "e4"]),
        ("name.given.sort($this desc).extension.value", ["e3", "e2", "e4"]),
        ("name.given.trace('names').extension.value", ["e2", "e3", "e4"]),
        ("name.given.ofType(string).extension.value", ["e2", "e3", "e4"]),
        ("name.select(given.first()).extension.value", ["e4"]),
        ("name.first().given.last().extension.value", ["e3"]),
        # inside of iterations
        ("name.given.where(extension.exists())", ["c"]),
        ("name.given.where(extension.exists()).count()", [3]),
        ("name.given.where(extension.exists()).exists()", [True]),
        ("name.given.where(extension('u').value = 'e3')", ["c"]),
        ("name.given.where(id = 'g2').extension.value", ["e2"]),
        ("name.given.where(extension.exists().not())", ["a", "d"]),
        ("name.given.where(extension.exists() and $this = 'c').extension.value", ["e3"]),
        ("name.given.select(extension.value)", ["e2", "e3", "e4"]),
        ("name.given.select(iif(hasValue(), $this, extension.value.first()))", ["a", "e2", "c", "e4", "d"]),
        ("name.given.select($this & '-' & extension.value.first())", ["a-", "-e2", "c-e3", "-e4", "d-"]),
        ("name.given.exists(extension.url = 'u')", [True]),
        ("name.given.all(extension.exists())", [False]),
        ("name.where(given.where(extension.value = 'e3').exists()).given", ["a", "c"]),
        ("name.select(given.where(extension.exists()).select(extension.value & '!'))", ["e2!", "e3!", "e4!"]),
        # all that is below an element, among it what stands beside its value
        ("birthDate.children()", [_extension("x"), "b"]),
        ("birthDate.children().ofType(Extension).value", ["x"]),
        ("birthDate.children().type().name", ["Extension", "String"]),
        ("birthDate.descendants()", [_extension("x"), "b", "u", "x"]),
        ("birthDate.where($this > @1900).children().count()", [2]),
        ("gender.children()", [_extension("q")]),
        ("id.children()", []),
        ("name.given.children()", [_extension("e2"), "g2", _extension("e3"), _extension("e4")]),
        ("name.given.select(descendants().count())", [0, 4, 3, 3, 0]),
        ("name.given.where(children().exists())", ["c"]),
        ("name.where(given.children().exists()).count()", [2]),
        # a single element, and a choice
        ("birthDate.select(extension.value)", ["x"]),
        ("birthDate.where(extension.exists())", ["1980-05-17"]),
        ("gender.select(extension.value)", ["q"]),
        ("iif(true, birthDate, {}).extension.value", ["x"]),
        ("deceased.extension.value", ["d"]),
        ("deceased.ofType(boolean).where($this).extension.value", ["d"]),
    ],
)
def test_what_stands_beside_values(database: Database, expression: str, items: list[object]) -> None:
    assert database.evaluate(expression, _PATIENT) == items


#: Elements with and without a value, of which some have the same beside them.
_NAMES = {
    "resourceType": "Patient",
    "id": "p2",
    "birthDate": "1980-05-17",
    "_birthDate": {"id": "d"},
    "_gender": {"id": "g"},
    "extension": [
        {"url": "i", "valueInteger": 3},
        {"url": "n", "_valueInteger": {"id": "n"}},
        {"url": "s", "valueString": "v"},
    ],
    "name": [
        {"given": ["a", None, "b"], "_given": [None, {"id": "x"}, {"id": "z", "extension": [_extension("e")]}]},
        {"_given": [{"id": "y"}], "family": "F"},
        {"_family": {"id": "x"}},
    ],
}


@pytest.mark.parametrize(
    ("expression", "items"),
    [
        # places
        ("name.given[0]", ["a"]),
        ("name.given[1]", []),
        ("name.given[2]", ["b"]),
        ("name.given[3]", []),
        ("name.given[3].exists()", [True]),
        ("name.given[4].exists()", [False]),
        ("name.given.last()", []),
        ("name.given.last().exists()", [True]),
        ("name.given.last().id", ["y"]),
        ("name.given.tail().count()", [3]),
        ("name.given.skip(1).first()", []),
        ("name.given.skip(1).take(2)", ["b"]),
        ("name.given.skip(1).take(2).count()", [2]),
        ("name.where(family.exists()).given.first().count()", [1]),
        ("name[1].given.single().id", ["y"]),
        ("name[1].given.single()", []),
        ("name.select(given.first()).count()", [2]),
        # iteration
        ("name.given.where(true).count()", [4]),
        ("name.given.where($this = 'b' or $index = 3).count()", [2]),
        ("name.given.where($index = 2)", ["b"]),
        ("name.given.where($this.empty()).count()", [0]),
        ("name.given.where(hasValue().not()).count()", [2]),
        ("name.given.where($this != 'a')", ["b"]),
        ("name.given.select($index)", [0, 1, 2, 3]),
        ("name.given.select($this & '!')", ["a!", "!", "b!", "!"]),
        ("name.given.select(upper())", ["A", "B"]),
        ("name.given.all($this.exists())", [True]),
        ("name.given.all(length() = 1)", [False]),
        ("name.given.exists($this = 'b' and $index = 2)", [True]),
        ("name.given.exists($this.length() > 0)", [True]),
        ("name.given.aggregate($total + 1, 0)", [4]),
        ("name.given.aggregate($total & iif($this.hasValue(), $this, '-'), '')", ["a-b-"]),
        ("name.given.sort().count()", [4]),
        ("name.given.join(',')", ["a,b"]),
        ("iif(true, name.given).count()", [4]),
        ("defineVariable('g', name.given).select(%g.count())", [4]),
        # what belongs together, and what is equal
        ("name.given.combine(name.given).count()", [8]),
        ("name.given.combine('c').count()", [5]),
        ("name.given.distinct().count()", [4]),
        ("name.given.distinct().distinct().count()", [4]),
        ("name.given.isDistinct()", [True]),
        ("(name.given | name.given).count()", [4]),
        ("(name.given | name.family).count()", [5]),
        ("(name.given | name.family)", ["a", "b", "F"]),
        ("(name.given | 'a' | 'c').count()", [5]),
        ("name.given.intersect(name.given.skip(1)).count()", [3]),
        ("name.given.intersect(name.family).id", ["x"]),
        ("name.given.exclude('a').count()", [3]),
        ("name.given.exclude(name.family).id", ["z", "y"]),
        ("name.given.exclude(name.given).count()", [0]),
        ("name.family.subsetOf(name.family)", [True]),
        ("name.family.subsetOf(name.family.first())", [False]),
        ("name.family.supersetOf(name.given.skip(1).first())", [True]),
        ("name.family.supersetOf('F')", [True]),
        ("'F' in name.family", [True]),
        ("name.family contains 'G'", [False]),
        ("name.given = name.given", [True]),
        ("name.given = name.given.tail()", [False]),
        ("name.given != name.given", [False]),
        ("name.family = 'F'", [False]),
        ("name.family != 'F'", [True]),
        ("name[0].given[1] = name[2].family", []),
        ("name.given ~ name.given", [True]),
        ("name.given ~ (name.given.tail().combine(name.given.first()))", [True]),
        ("name.given ~ name.given.tail()", [False]),
        ("name.family ~ 'F'", [False]),
        # what stands beside them stays there
        ("name.given.distinct().id", ["x", "z", "y"]),
        ("name.given.distinct().extension.value", ["e"]),
        ("name.given.combine(name.family).id", ["x", "z", "y", "x"]),
        ("(name.given | name.family).id", ["x", "z", "y"]),
        ("(name.given | name.family).where(id = 'z')", ["b"]),
        ("name.given.distinct().skip(1).first().id", ["x"]),
        # with what has no arguments
        ("name.given.combine(now()).count()", [5]),
        ("today() in birthDate.combine(today())", [True]),
        # of several types
        ("(name.given | birthDate).count()", [5]),
        ("(name.given | birthDate)", ["a", "b", "1980-05-17"]),
        ("(name.given | birthDate).id", ["x", "z", "y", "d"]),
        ("(name | birthDate).id", ["d"]),
        ("(name.given | birthDate).type().name", ["string", "string", "string", "string", "date"]),
        ("extension.value.count()", [3]),
        ("extension.value", [3, "v"]),
        ("extension.value[1].exists()", [True]),
        ("extension.value[1].id", ["n"]),
        ("extension.value.distinct().count()", [3]),
        ("(extension.value | extension.value).count()", [3]),
        ("extension.value.combine(name.family).count()", [5]),
        ("extension.value.exclude('v').count()", [2]),
        ("extension.value.subsetOf(extension.value)", [True]),
        ("extension.value = extension.value", [True]),
        ("extension.value ~ extension.value", [True]),
        ("extension.value = extension.value.tail()", [False]),
        ("extension.value.ofType(integer).count()", [2]),
        # one element, not of many: what has no value is equal to nothing, not even to itself
        ("name[1].given = 'x'", []),
        ("name[1].given = name[1].given", []),
        ("name[1].given ~ 'x'", [False]),
        ("name[1].given & 'x'", ["x"]),
        ("gender.combine(gender).count()", [2]),
        ("(gender | gender).count()", [1]),
        ("(gender | name.family).id", ["g", "x"]),
        ("gender.first().exists()", [True]),
        ("coalesce(gender, 'x').exists()", [True]),
        # in order
        ("name.given.sort(id desc).id", ["z", "y", "x"]),
        ("name.given.sort(id desc)", ["b", "a"]),
        # over and over again
        ("name.given.repeat(extension).value", ["e"]),
        ("extension.value.repeat(id)", ["n"]),
    ],
)
def test_elements_without_a_value_keep_their_places(database: Database, expression: str, items: list[object]) -> None:
    assert database.evaluate(expression, _NAMES) == items


def test_elements_without_a_value_are_no_single_item(database: Database) -> None:
    for expression in ("name.family.single()", "name.family.upper()", "name.family & 'x'", "name.family < 'G'"):
        with pytest.raises(EvaluationError, match="expected a single item but found several"):
            database.evaluate(expression, _NAMES)


def test_what_is_computed_has_nothing_beside_it(database: Database) -> None:
    for expression in ("name.given.select($this & 'x').extension", "name.family.upper().id"):
        with pytest.raises(CompileError, match="has no element|cannot be reached"):
            database.evaluate(expression, _PATIENT)


def test_over_a_population(database: Database) -> None:
    table = Database(database.dispatcher, table="primitive_elements")
    table.load([_PATIENT, {"resourceType": "Patient", "id": "p2", "name": [{"given": ["e"]}]}])
    assert table.query("Patient.name.given.where(extension.exists()).extension.value").rows == [
        ("p1", "e2"),
        ("p1", "e3"),
        ("p1", "e4"),
    ]
    assert table.query("Patient.name.given.count()").rows == [("p1", 5), ("p2", 1)]


@pytest.mark.parametrize(
    "expression",
    [
        "{} | (gender as System.Decimal).extension('u')",
        "{} | (birthDate as System.Decimal).extension('u')",
        "(id as System.Integer).extension.value",
        "{}.combine(ofType(System.Decimal).extension('u'))",
        "({} | {}).extension('u')",
    ],
)
def test_nothing_has_no_extensions(database: Database, expression: str) -> None:
    assert database.evaluate(expression, _PATIENT) == []


def test_extensions_without_a_model(untyped: Database) -> None:
    resource = {"extension": [_extension("a"), _extension("b", url="v")], "name": {"extension": [_extension("c")]}}
    assert untyped.evaluate("extension('v').valueString", resource) == ["b"]
    assert untyped.evaluate("(name | name).extension('u')", resource) == [_extension("c")]
