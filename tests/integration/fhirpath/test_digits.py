"""Numbers are the same on DuckDB and on PostgreSQL to the last digit, however and wherever they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from fhir4ds.database import connect
from fhir4ds.errors import EvaluationError
from fhir4ds.runtime.answer import decode_json
from tests.integration.fhirpath.conftest import MakePair, Pair

pytestmark = pytest.mark.postgres

#: Numbers as JSON, and the text that they have: what has an exponent is written out, and zero has no sign.
WRITTEN = {
    "1.50": "1.50",
    "2.0": "2.0",
    "3": "3",
    "0.00": "0.00",
    "-0.0": "0.0",
    "-0.00": "0.00",
    "-0": "0",
    "-1.500": "-1.500",
    "123456789012345.670": "123456789012345.670",
    "0.1234567890123456789": "0.1234567890123456789",
    "1e2": "100",
    "1.5E3": "1500",
    "-2e-3": "-0.002",
    "1.50e1": "15.0",
    "1.50e0": "1.50",
    "12.5e1": "125",
    "0.012e2": "1.2",
    "120E-1": "12.0",
    "1e+002": "100",
    "1e-20": "0.00000000000000000001",
    "1.5e25": "15" + 24 * "0",
    "0e5": "0",
    "-0.0e3": "0",
    "0.00e-1": "0.000",
}

#: What looks like numbers in arrays and in members, in a text; and the same as JSON.
LOOKALIKE = 'a, 1.50, [2.50, 1e2], "x": 3.50, "y": 1e2} \\", 4.50, \u00e9'


def _sequence(numbers: str, id: str, text: str = "") -> str:
    return (
        f'{{"resourceType": "MolecularSequence", "id": "{id}", "coordinateSystem": 0, "text": {{"status": "generated", '
        f'"div": {json.dumps(text)}}}, "quality": [{{"type": "snp", "roc": {{"precision": [{numbers}]}}}}]}}'
    )


def _observation(number: str, id: str) -> str:
    return f'{{"resourceType": "Observation", "id": "{id}", "status": "final", "valueQuantity": {{"value": {number}}}}}'


@pytest.fixture(scope="module")
def pair(make_pair: MakePair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Each number in a member, all of them in one array, and others in arrays beside texts that look like it."""
    resources = [
        *(_observation(number, f"number-{place:02}") for place, number in enumerate(WRITTEN)),
        _sequence(", ".join(WRITTEN), "all"),
        _sequence("1.50,2.0", "beside", LOOKALIKE),
        _sequence("15e-1,2", "same", LOOKALIKE),
        _sequence("-0.0, 1.0", "zero"),
    ]
    file = tmp_path_factory.mktemp("digits") / "resources.ndjson"
    file.write_text("\n".join(resources), "utf-8")
    with make_pair(file) as pair:
        yield pair


def _texts(pair: Pair, expression: str) -> list[str]:
    """The values of an expression as texts, which both databases must give alike."""
    left, right = ([str(value) for _, value in side.query(expression).rows] for side in (pair.duckdb, pair.postgres))
    assert left == right
    return left


def test_what_stands_in_a_member(pair: Pair) -> None:
    """The text, and what is delivered."""
    texts = list(WRITTEN.values())
    assert _texts(pair, "Observation.value.ofType(Quantity).value.toString()") == texts
    assert _texts(pair, "Observation.value.ofType(Quantity).value") == [_shown(text) for text in texts]


def test_what_stands_in_an_array(pair: Pair) -> None:
    numbers = "MolecularSequence.where(id = 'all').quality.roc.precision"
    assert _texts(pair, f"{numbers}.select(toString())") == list(WRITTEN.values())
    assert _texts(pair, numbers) == [_shown(text) for text in WRITTEN.values()]


def _shown(text: str) -> str:
    """A number as `str` of a Decimal shows it."""
    return str(decode_json(text)) if "." in text else text


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("MolecularSequence.where(id = 'all').quality.roc.precision.take(5).select(precision())", ["2", "1", "0", "2", "1"]),
        ("MolecularSequence.where(id = 'beside').quality.roc.precision.lowBoundary()", None),
        ("MolecularSequence.where(id = 'beside').text.`div`", [LOOKALIKE]),
        ("MolecularSequence.where(id = 'beside').quality.roc.precision", ["1.50", "2.0"]),
        ("MolecularSequence.where(id = 'same').quality.roc.precision", ["1.5", "2"]),
        ("MolecularSequence.where(id = 'same').quality.roc.precision.select($this + 1)", ["2.5", "3"]),
        ("MolecularSequence.where(id = 'same').quality.roc.precision = (1.5 | 2.0)", ["True"]),
        ("MolecularSequence.where(id = 'zero').quality.roc.precision = (0 | 1)", ["True"]),
        ("Observation.where(value.ofType(Quantity).value = 100).id", ["number-10", "number-18"]),
    ],
)  # fmt: skip
def test_what_is_made_of_them(pair: Pair, expression: str, values: list[str] | None) -> None:
    if values is None:
        pair.error(expression)
    else:
        assert _texts(pair, expression) == values


def test_whole_objects(pair: Pair) -> None:
    """What is delivered as JSON has the digits, and its texts are left alone."""
    for side in (pair.duckdb, pair.postgres):
        delivered = dict(side.query("MolecularSequence.quality.roc").rows)
        assert [str(number) for number in delivered["all"]["precision"]] == [_shown(text) for text in WRITTEN.values()]
        narrative = dict(side.query("MolecularSequence.text").rows)["beside"]
        assert narrative == {"status": "generated", "div": LOOKALIKE}


@pytest.mark.parametrize("expression", ["id | meta", "meta | id", "meta.combine(meta).distinct()", "meta"])
def test_decimals_of_extensions_are_delivered(pair: Pair, expression: str) -> None:
    """An element that has decimals in extensions only, compared with others before it is delivered."""
    meta = (
        '{"extension": [{"url": "urn:a", "valueDecimal": 0.0}, {"url": "urn:b", "valueDecimal": 12345678901234567.25}]}'
    )
    resource = f'{{"resourceType": "Basic", "id": "a", "meta": {meta}}}'
    for side in (pair.duckdb, pair.postgres):
        (found,) = (item for item in side.evaluate(expression, resource) if item != "a")
        assert [str(each["valueDecimal"]) for each in found["extension"]] == ["0.0", "12345678901234567.25"]


@pytest.mark.parametrize("operator", ["=", "~"])
def test_objects_with_arrays_of_equal_numbers(pair: Pair, operator: str) -> None:
    """Numbers are equal by value, in arrays too."""
    parts = ("-0.0, 1.0, 1.50", "0, 1, 1.5", "0e0,10e-1,150e-2")
    qualities = ", ".join(f'{{"roc": {{"precision": [{part}]}}}}' for part in parts)
    resource = f'{{"resourceType": "MolecularSequence", "quality": [{qualities}]}}'
    for side in (pair.duckdb, pair.postgres):
        for other in (1, 2):
            assert side.evaluate(f"quality[0] {operator} quality[{other}]", resource) == [True]
        assert side.evaluate("quality.distinct().count()", resource) == [1]


def test_kinds_of_numbers_without_a_model(pair: Pair) -> None:
    """Without a model a number is an Integer or a Decimal by its text."""
    resource = _sequence(", ".join(WRITTEN), "all")
    for url in ("duckdb://", pair.postgres_url):
        with connect(url, model=None) as side:
            for type, values in {
                "Decimal": ["." in text for text in WRITTEN.values()],
                "Integer": ["." not in text for text in WRITTEN.values()],
            }.items():
                assert side.evaluate(f"quality.roc.precision.select($this is {type})", resource) == values


@pytest.mark.parametrize(
    ("expression", "ordered"),
    [
        ("n.sort()", ["-2", "3", "3.00", "20.5", "1e2", "1000000"]),
        ("n.sort($this desc)", ["1000000", "1e2", "20.5", "3", "3.00", "-2"]),
        ("t.sort()", ["10", "9", "B", "a", "\u00e9"]),
        ("k.sort(v, w desc).w", ["z", "y", "x", "u"]),
        ("k.sort(v desc).w", ["u", "x", "y", "z"]),
    ],
)
def test_order_without_a_model(pair: Pair, expression: str, ordered: list[str]) -> None:
    """Numbers are in the order of their values, and texts in that of code points."""
    resource = (
        '{"resourceType": "Basic", "n": [1e2, 3, 1000000, 20.5, 3.00, -2], "t": ["a", "9", "B", "10", "\u00e9"], '
        '"k": [{"v": 3, "w": "x"}, {"v": 20, "w": "u"}, {"v": 3.0, "w": "y"}, {"w": "z"}]}'
    )
    for url in ("duckdb://", pair.postgres_url):
        with connect(url, model=None) as side:
            values = [str(value) for value in side.evaluate(expression, resource)]
            assert values == ["100" if text == "1e2" else text for text in ordered]
            # Numbers and texts have no order among each other (FHIRPath, current specification, "sort").
            with pytest.raises(EvaluationError, match="items of several types have no order"):
                side.evaluate("(n.take(2) | t.take(2)).sort()", resource)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("value.value = 12345678901234567.25", [True]),
        ("value.value > 12345678901234567.2", [True]),
        ("value.value < 12345678901234567.26", [True]),
        ("value.value = component[0].value.value", [False]),
        ("value = component[0].value", [False]),
        ("(value.value | component[0].value.value).count()", [2]),
        ("value.value + 1 = 12345678901234568.25", [True]),
        ("component.value.value.sum() = 12345678901234567.26", [True]),
        ("code.extension.value.where($this < 0.123456789012).exists()", [False]),
    ],
)
def test_values_of_many_digits(pair: Pair, expression: str, expected: list[bool | int]) -> None:
    """A number is its value where no digits are asked for, too, also one that no binary fraction is."""
    observation = json.loads(_observation("1", "many")) | {
        "component": [{"valueQuantity": {"value": Decimal("12345678901234567.26"), "code": "g"}}],
        "code": {"extension": [{"url": "e", "valueDecimal": Decimal("0.123456789012345678")}]},
        "valueQuantity": {"value": Decimal("12345678901234567.25"), "code": "g"},
    }
    for database in (pair.duckdb, pair.postgres):
        assert database.evaluate(expression, observation) == expected


@pytest.mark.parametrize("operator", ["=", "~"])
def test_objects_with_numbers_of_many_digits(pair: Pair, operator: str) -> None:
    """They are equal by value, whatever their members' order, and differ in the last digit."""
    numbers = (
        "12345678901234567.25",
        "12345678901234567.250",
        "12345678901234567.26",
        "1.50",
        "150e-2",
        "0.0000001",
        "1e-7",
    )
    metas = ", ".join(
        f'{{"resourceType": "Basic", "meta": {{"extension": [{{{", ".join(order)}}}]}}}}'
        for place, number in enumerate(numbers)
        for order in [[f'"valueDecimal": {number}', '"url": "a"'][:: 1 if place % 2 else -1]]
    )
    resource = f'{{"resourceType": "Basic", "contained": [{metas}]}}'
    for side in (pair.duckdb, pair.postgres):
        for places, equal in {(0, 1): True, (0, 2): False, (1, 2): False, (3, 4): True, (5, 6): True}.items():
            sides = (f"contained[{place}].meta" for place in places)
            assert side.evaluate(f" {operator} ".join(sides), resource) == [equal], places
        assert side.evaluate("contained.meta.distinct().count()", resource) == [4]
