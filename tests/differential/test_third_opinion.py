"""An evaluator of another make agrees, or the specification says that it is wrong.

Sentences are those of the FHIRPath specification (hl7.org/fhirpath, current build) where nothing else is said.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

import attrs
import pytest

from fhir4ds.database import Database
from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from tests.differential.enumeration import RESOURCE, enumerated
from tests.differential.opinions import ask
from tests.differential.third_opinion import NoOpinion, plain, third_opinion


@attrs.frozen
class Fault:
    """Why fhirpathpy 2 is wrong about some expressions.

    Parameters
    ----------
    expressions : tuple of str
        Patterns in the manner of file names, where ``[[]`` is a bracket.
    sentence : str
        What shows it.
    """

    expressions: tuple[str, ...]
    sentence: str


_FHIR_PRIMITIVES = 'FHIR R4, "FHIRPath": "FHIR primitive types ... are automatically converted to the FHIRPath types", here date to Date.'
_QUANTITY_KEEPS_UNIT = "When used with a Quantity, the result is a Quantity with the same units."
_BESIDE = "FHIR, JSON: what stands in _given is the id and the extensions of an item of given, and no item of its own."

FAULTS = (
    Fault(("name.given.type()", "name.given.last()", "name.given.count()", "name.given.select(*)"), _BESIDE),
    Fault(
        ("@2020-02T.precision()", "@2020-02T.*Of()", "@2020-02T *"),
        "The grammar lets a DateTime end in T, whatever its precision: DATETIME : '@' DATEFORMAT 'T' (TIMEFORMAT ...)?",
    ),
    Fault(("true.toQuantity()",), "the item is a Boolean, where true results in the quantity 1.0 '1'"),
    Fault(
        ("2.50.*oQuantity('mg')", "'1.5'.*oQuantity('mg')"),
        "When an integer, long or decimal is implicitly converted to a Quantity, the resulting quantity will have the "
        "default unit ('1'). The official examples give it any unit: 45.toQuantity('m') is 45 'm'.",
    ),
    Fault(
        ("birthDate.*oQuantity('g')", "@T10:30:00.*oQuantity('g')"),
        "If the item is not one of the above types, the result is empty; and false for convertsToQuantity().",
    ),
    Fault(
        ("birthDate.convertsTo*()", "birthDate.toString()", "birthDate.toDate*()", "birthDate.toTime()"),
        _FHIR_PRIMITIVES,
    ),
    Fault(("true.toString()",), "the item is a Boolean, where true results in 'true' and false in 'false'."),
    Fault(("@T10:30:00.toTime()",), "this function will return a single time if: the item is a Time"),
    Fault(("@T10:30:00.convertsToTime()",), "this function will return true if: the item is a Time"),
    Fault(
        ("name.family.encode(*)",),
        'FHIR R4, "FHIRPath": a FHIR string is automatically converted to a System.String.',
    ),
    Fault(
        ("*.decode(*)",),
        "Nothing is said of texts that decode to no text; what cannot be converted is empty everywhere else.",
    ),
    Fault(
        ("%resource.conformsTo(*)",),
        'FHIR R4, "FHIRPath": conformsTo(structure) "returns true if the single input element conforms to the profile"; '
        "%resource is that element as much as Patient is.",
    ),
    Fault(
        ("*.matches('[[]a-c]+', 'i')", "*.replaceMatches(*, 'i')"),
        "matches(regex : String, [flags : String]) : Boolean",
    ),
    Fault(
        tuple(
            f"({unit}).{name}()" for unit in ("4 'mg'", "2 days") for name in ("abs", "ceiling", "floor", "truncate")
        ),
        _QUANTITY_KEEPS_UNIT,
    ),
    Fault(
        ("(-5).ln()", "(-1.5).ln()", "(-5).log(2)", "(-1.5).log(2)"),
        'N1 has no sentence for logarithms of what has none; as of sqrt() and power(), "the result is empty".',
    ),
    Fault(
        ("[0-9]*.power(0.5)", "(-*).power(2)"),
        "If the power cannot be represented (such as -1 raised to the 0.5), the result is empty: these can.",
    ),
    Fault(
        ("2.50.round(*)", "3.round()"),
        "If not specified, the rounding will default to 0 decimal places; a decimal value greater than or equal to 0.5 "
        "and less than 1.0 will round to 1.",
    ),
    Fault(
        ("*.children()", "*.descendants()"),
        "Note that the ordering of the children is undefined; and what stands beside a primitive element is shown in "
        "different forms.",
    ),
    Fault(
        ("*.combine(*, true)",),
        "combine(other : collection, preserveOrder : Boolean) : collection",
    ),
    Fault(("*.coalesce(name.given)",), "It returns the first non-empty collection from the arguments."),
    Fault(
        ("(4 'mg') [-+] (1 'g')", "(2 days) [-+] (2 days)"),
        "the dimensions of each quantity must be the same, but not necessarily the unit",
    ),
    Fault(
        ("(2 days) [*/] (-5)", "(4 'mg') [*/] multipleBirth"),
        "For multiplication involving quantities, the resulting quantity will have the appropriate unit",
    ),
    Fault(
        ("(-5) mod multipleBirth",),
        "Computes the remainder of the truncated division of its arguments: of -5 and 2, -1",
    ),
    Fault(
        ("(4 'mg') [<>]* (2 days)",),
        "Implementations ... may return empty ({ }) when the units are different, or not handled.",
    ),
    Fault(
        ("(4 'mg') | (1 'g')",),
        "items are considered duplicates if and only if the equals (=) operator returns true",
    ),
    Fault(
        ("%resource.getResourceKey()",),
        "SQL on FHIR: getResourceKey() is invoked at the root of a resource, which this is.",
    ),
)


def _fault(expression: str) -> Fault | None:
    return next(
        (fault for fault in FAULTS if any(fnmatchcase(expression, pattern) for pattern in fault.expressions)), None
    )


@pytest.fixture(scope="module")
def database() -> Database:
    """One database is enough: that the others say the same is another test's."""
    from fhir4ds.database import connect

    return connect("duckdb://")


@pytest.mark.parametrize("name", [*FUNCTIONS, *OPERATORS])
def test_the_third_opinion_is_ours_or_wrong(database: Database, name: str) -> None:
    """Same items, by value and in order; an error where it has an error."""
    for expression in enumerated(name):
        opinion = ask(database, expression, RESOURCE)
        if opinion.refused:
            continue  # unknown elements and wrong types are found before anything runs, which the other does not do
        try:
            theirs = third_opinion(expression, RESOURCE)
        except NoOpinion:
            continue
        ours = None if opinion.error else [plain(item) for item in database.evaluate(expression, RESOURCE)]
        if _fault(expression) is None:
            assert ours == theirs, expression


def test_faults_are_still_there(database: Database) -> None:
    """A pattern that excuses nothing goes."""
    excused = {fault for name in (*FUNCTIONS, *OPERATORS) for text in enumerated(name) if (fault := _fault(text))}
    assert [fault.sentence for fault in FAULTS if fault not in excused] == []
