"""Text: searching, cutting, putting together, encoding. Every value is stated, and holds on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from fhir4ds.database import Database
from fhir4ds.errors import CompileError, EvaluationError, InvalidArguments, InvalidOperation
from fhir4ds.testing.comparison import canonical

_PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p-1",
    "active": True,
    "gender": "female",
    "birthDate": "1815-12-10",
    "deceasedDateTime": "1852-11-27",
    "multipleBirthInteger": 2,
    "name": [
        {"use": "official", "family": "Byron King", "given": ["Ada", "Augusta"], "_given": [None, {"id": "x"}]},
        {"use": "usual", "family": "Noël", "given": ["A🔥da"]},
    ],
    "identifier": [{"system": "http://example.org/fhir", "value": "N-80001231"}],
}

_OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "valueString": "a, b",
    "component": [{"valueString": "one"}, {"valueQuantity": {"value": 5, "unit": "mg"}}, {"valueString": "two"}],
}

#: Expression, then what it gives. Characters beyond the first plane and combining ones count like any other.
_VALUES: dict[str, list[Any]] = {
    # positions
    "'a🔥b'.indexOf('b')": [2],
    "'a🔥b'.indexOf('🔥')": [1],
    "'ae\u0301x'.indexOf('x')": [3],
    "''.indexOf('')": [0],
    "''.indexOf('a')": [-1],
    "'abc'.indexOf('abcd')": [-1],
    "'a%_b'.indexOf('%')": [1],
    "'abcabc'.lastIndexOf('bc')": [4],
    "'aaaa'.lastIndexOf('aa')": [2],
    "'a🔥b🔥'.lastIndexOf('🔥')": [3],
    "'e\u0301e\u0301'.lastIndexOf('\u0301')": [3],
    "''.lastIndexOf('')": [0],
    "'0'.lastIndexOf('')": [1],
    "''.lastIndexOf('a')": [-1],
    "'abc'.lastIndexOf('abcd')": [-1],
    "'abc'.lastIndexOf({})": [],
    "{}.lastIndexOf('a')": [],
    # the ends of substrings
    "'abc'.substring(0)": ["abc"],
    "'abc'.substring(2)": ["c"],
    "'abc'.substring(3)": [],
    "''.substring(0)": [],
    "'abc'.substring(-1)": [],
    "'abc'.substring(2147483647)": [],
    "'abc'.substring(0, 2147483647)": ["abc"],
    "'abc'.substring(1, 2147483647)": ["bc"],
    "'abc'.substring(1, -1)": [""],
    "'abc'.substring(1, -2147483648)": [""],
    "'abc'.substring(-1, -1)": [],
    "'abc'.substring(3, 0)": [],
    "'abc'.substring(1, {})": ["bc"],
    "'abc'.substring({}, 1)": [],
    "'abc'.substring({})": [],
    "'a🔥b'.substring(1, 1)": ["🔥"],
    "'abcde'.substring('abcde'.indexOf('c'), 'ab'.length())": ["cd"],
    # beginnings and ends
    "''.startsWith('')": [True],
    "''.endsWith('a')": [False],
    "'abc'.startsWith('abcd')": [False],
    "'abc'.endsWith('')": [True],
    "'a🔥'.endsWith('🔥')": [True],
    "'abc'.startsWith({})": [],
    "'a%'.contains('%')": [True],
    "'ab'.contains('_')": [False],
    "'Noël'.contains('NOËL')": [False],
    "'abc'.contains({})": [],
    "'' in ('' | 'a')": [True],
    # characters
    "'ae\u0301🔥'.toChars()": ["a", "e", "\u0301", "🔥"],
    "{}.toChars()": [],
    "'aab'.toChars().distinct().count()": [2],
    "'\u0065\u0301'.length()": [2],
    "'a🔥b'.length()": [3],
    "''.length()": [0],
    # splitting and joining are each other's inverse
    "''.split(',')": [""],
    "''.split('')": [],
    "''.split('').count()": [0],
    "''.split('').exists()": [False],
    "('' | 'ab').select(split('').count())": [0, 2],
    "','.split(',')": ["", ""],
    "'a,b,'.split(',')": ["a", "b", ""],
    "'a||b'.split('||')": ["a", "b"],
    "'a.b'.split('.')": ["a", "b"],
    "'a🔥b'.split('')": ["a", "🔥", "b"],
    "'abc'.split({})": [],
    "{}.split(',')": [],
    "'a, b,,c'.split(',').select(trim()).join('|')": ["a|b||c"],
    "('a' | '').join('-')": ["a-"],
    "''.join(',')": [""],
    "'a'.combine('a').join()": ["aa"],
    "('a' | 'b').join({})": ["ab"],
    "{}.join()": [],
    "'a,b'.split(',').where($this = 'x').join('-')": [],
    # white space, as the grammar has it
    "'\\t \\r\\n a\\tb \\n'.trim()": ["a\tb"],
    "'\u00a0a\u00a0'.trim()": ["\u00a0a\u00a0"],
    "''.trim()": [""],
    # replacing
    "'abc'.replace('b', '')": ["ac"],
    "'a.b.c'.replace('.', '$1')": ["a$1b$1c"],
    "'aaa'.replace('aa', 'b')": ["ba"],
    "''.replace('', 'x')": ["x"],
    "''.replace('a', 'x')": [""],
    "'a🔥'.replace('', '-')": ["-a-🔥-"],
    "'abc'.replace('', '')": ["abc"],
    "'abc'.replace('x', {})": [],
    "'abc'.replace('', {})": [],
    "'abc'.replace({}, 'x')": [],
    # put together
    "'a' & 'b' & {} & 'c'": ["abc"],
    "{} & {}": [""],
    "('' & {}).length()": [0],
    "'a' + {}": [],
    "'O\\'Brien' & '\\\\'": ["O'Brien\\"],
    # case
    "'aBc1'.upper() & 'aBc1'.lower()": ["ABC1abc1"],
    "{}.upper()": [],
}


@pytest.mark.parametrize(("expression", "expected"), _VALUES.items(), ids=_VALUES)
def test_value(database: Database, expression: str, expected: list[Any]) -> None:
    assert list(map(canonical, database.evaluate(expression, _PATIENT))) == list(map(canonical, expected))


#: What functions give for elements of a resource, whose type is a FHIR primitive.
_ELEMENTS: dict[str, list[Any]] = {
    "Patient.gender.upper()": ["FEMALE"],
    "Patient.id.length()": [3],
    "Patient.identifier.system.startsWith('http://')": [True],
    "Patient.name.given.select(length())": [3, 7, 4],
    "Patient.name.given.select($this.substring(0, 1) & '.').join(' ')": ["A. A. A."],
    "Patient.name.where(family.contains('ö') or family.endsWith('ël')).use": ["usual"],
    "Patient.name.select(given.join(' ') & ' ' & family)": ["Ada Augusta Byron King", "A🔥da Noël"],
    "Patient.name.family.select(split(' ').first())": ["Byron", "Noël"],
    "Patient.name.family.select(toChars().count())": [10, 4],
    "Patient.name.given.where(lastIndexOf('a') = 2)": ["Ada"],
    "Patient.name.given.join(', ')": ["Ada, Augusta, A🔥da"],
    "Patient.name.family.select(replace('', '-'))": ["-B-y-r-o-n- -K-i-n-g-", "-N-o-ë-l-"],
    "Patient.name.select(family.substring(0, given.first().length()))": ["Byr", "Noël"],
    "Patient.name.suffix.join(',')": [],
    "Patient.maritalStatus.text & 'x'": ["x"],
    "(Patient.gender | Patient.name.family).select(lower()).join(' ')": ["female byron king noël"],
}


@pytest.mark.parametrize(("expression", "expected"), _ELEMENTS.items(), ids=_ELEMENTS)
def test_elements(database: Database, expression: str, expected: list[Any]) -> None:
    assert list(map(canonical, database.evaluate(expression, _PATIENT))) == list(map(canonical, expected))


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        "name.given.select(length())": [3, 7, 4],
        "name.family.select(upper().substring(0, 2))": ["BY", "NO"],
        "name.given.join('-')": ["Ada-Augusta-A🔥da"],
        "name.where(use.startsWith('off')).family": ["Byron King"],
        "gender & '!'": ["female!"],
        "'is ' + gender": ["is female"],
        "absent.length()": [],
        "(active | gender).where($this is String).join(',')": ["female"],
    }.items(),
)
def test_types_that_are_met(untyped: Database, expression: str, expected: list[Any]) -> None:
    """Without a model, a JSON string is a String and nothing else is one."""
    assert list(map(canonical, untyped.evaluate(expression, _PATIENT))) == list(map(canonical, expected))


@pytest.mark.parametrize(
    ("expression", "expected"),
    {
        "Observation.value.split(', ')": ["a", "b"],
        "Observation.value.contains('b')": [True],
        "Observation.component.value.ofType(string).join('+')": ["one+two"],
        "Observation.component.where(value is string).select(value.upper())": ["ONE", "TWO"],
        "Observation.component.where(value is string and value.startsWith('t')).count()": [1],
    }.items(),
)
def test_choice_elements(database: Database, expression: str, expected: list[Any]) -> None:
    """Of an element of several types, the one that is a String counts."""
    assert list(map(canonical, database.evaluate(expression, _OBSERVATION))) == list(map(canonical, expected))


@pytest.mark.parametrize("expression", ["Observation.component.select(value.upper())", "component.select(value & 'x')"])
def test_items_that_turn_out_to_be_no_strings(database: Database, expression: str) -> None:
    with pytest.raises(EvaluationError, match="must be a String"):
        database.evaluate(expression, _OBSERVATION)


@pytest.mark.parametrize(
    "expression", ["active.length()", "multipleBirthInteger.startsWith('2')", "active & 'x'", "name.first().upper()"]
)
def test_items_of_no_known_type_that_are_no_strings(untyped: Database, expression: str) -> None:
    with pytest.raises(EvaluationError, match="must be a String"):
        untyped.evaluate(expression, _PATIENT)


@pytest.mark.parametrize(
    "expression",
    [
        "1.length()",
        "true.upper()",
        "@2015.startsWith('2')",
        "(5 'mg').lower()",
        "Patient.name.trim()",
        "Patient.birthDate.substring(0, 4)",
        "Patient.active.contains('t')",
        "Patient.name.join(',')",
        "'abc'.indexOf(1)",
        "'abc'.replace('a', 1)",
        "'abc'.substring('1')",
        "'abc'.substring(1.0)",
        "'abc'.substring(0, '1')",
        "1 & 'a'",
        "'a' & 1",
        "'a' & Patient.birthDate",
        "'a' + 1",
        "(1 | 2).join(',')",
        "'a'.join(1)",
    ],
)
def test_other_types_are_refused(database: Database, expression: str) -> None:
    """What is known not to be a String, or an Integer where one is needed, is refused before anything runs."""
    with pytest.raises(InvalidOperation):
        database.evaluate(expression, _PATIENT)


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("1.length()", "the input of length must be a String, not System.Integer", "convert it with toString()"),
        ("'a' & 1", "an operand of & must be a String, not System.Integer", "convert it with toString()"),
        ("Patient.name.upper()", "the input of upper must be a String, not FHIR.HumanName", None),
        ("'a'.indexOf(true)", "the substring must be a String, not System.Boolean", "convert it with toString()"),
        ("'a'.substring('b')", "the start must be an Integer, not System.String", None),
    ],
)
def test_messages(database: Database, expression: str, message: str, hint: str | None) -> None:
    with pytest.raises(InvalidOperation) as caught:
        database.evaluate(expression, _PATIENT)
    assert (caught.value.message, caught.value.hint, caught.value.expression) == (message, hint, expression)
    assert caught.value.position is not None


@pytest.mark.parametrize(
    "expression",
    [
        "('a' | 'b').upper()",
        "('a' | 'b').length()",
        "'abc'.indexOf('a' | 'b')",
        "'abc'.replace('a', 'b' | 'c')",
        "'abc'.substring(0 | 1)",
        "('a' | 'b') & 'c'",
        "Patient.name.given.startsWith('A')",
        "Patient.name.family.toChars()",
        "('a' | 'b').join('-' | '+')",
        "Patient.name.given.matches('A')",
        "Patient.name.given.encode('hex')",
    ],
)
def test_several_items_are_an_error(database: Database, expression: str) -> None:
    with pytest.raises(EvaluationError, match="expected a single item"):
        database.evaluate(expression, _PATIENT)


#: Bytes are those of UTF-8; what is no text when it is decoded is empty.
_ENCODINGS: dict[str, list[Any]] = {
    "'café🔥'.encode('hex')": ["636166c3a9f09f94a5"],
    "'café🔥'.encode('base64')": ["Y2Fmw6nwn5Sl"],
    "'ÿ¾ÿ¾?'.encode('base64')": ["w7/CvsO/wr4/"],
    "'ÿ¾ÿ¾?'.encode('urlbase64')": ["w7_CvsO_wr4_"],
    "'café🔥~'.encode('ascii')": ["caf??~"],
    "''.encode('hex')": [""],
    "''.encode('base64')": [""],
    "'x'.replaceMatches('x', '0123456789012345678901234567890123456789012345678901234567').encode('base64').length()": [
        80
    ],
    "'x'.encode({})": [],
    "{}.encode('hex')": [],
    "'636166C3A9F09F94A5'.decode('hex')": ["café🔥"],
    "''.decode('hex')": [""],
    "'6'.decode('hex')": [],
    "'6g'.decode('hex')": [],
    "'ff'.decode('hex')": [],
    "'c0af'.decode('hex')": [],
    "'e08080'.decode('hex')": [],
    "'eda080'.decode('hex')": [],
    "'ed9fbf'.decode('hex')": ["\ud7ff"],
    "'f4908080'.decode('hex')": [],
    "'f48fbfbf'.decode('hex')": ["\U0010ffff"],
    "'6100'.decode('hex')": [],
    "'Y2Fmw6nwn5Sl'.decode('base64')": ["café🔥"],
    "'w7_CvsO_wr4_'.decode('urlbase64')": ["ÿ¾ÿ¾?"],
    "'w7/CvsO/wr4/'.decode('base64')": ["ÿ¾ÿ¾?"],
    "'w7_CvsO_wr4_'.decode('base64')": [],
    "'dGVzdA'.decode('base64')": ["test"],
    "'dGVzdDE='.decode('base64')": ["test1"],
    "'dGVzdDE'.decode('urlbase64')": ["test1"],
    "'dGVzd'.decode('base64')": [],
    "'dGVz!A=='.decode('base64')": [],
    "'/w=='.decode('base64')": [],
    "''.decode('base64')": [""],
    "'<a href=\"x\">&\\'</a>'.escape('html')": ["&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;"],
    "'&lt;'.escape('html')": ["&amp;lt;"],
    "'&amp;lt;&apos;&#39;&gt;'.unescape('html')": ["&lt;''>"],
    "'&#34;&quot;'.unescape('html')": ['""'],
    "'a\\\\b\"c/\\n\\t\\r\\fé'.escape('json')": ['a\\\\b\\"c/\\n\\t\\r\\fé'],
    "''.escape('json')": [""],
    r"""'\\"\\\\\\n\\u00e9\\ud83d\\udd25\\/'.unescape('json')""": ['"\\\né🔥/'],
    r"""'\\\\\\"'.unescape('json')""": ['\\"'],
    r"""'a"b'.unescape('json')""": ['a"b'],
    r"""'a\nb'.unescape('json')""": ["a\nb"],
    r"""'\\x41'.unescape('json')""": [],
    r"""'\\u12'.unescape('json')""": [],
    r"""'\\ud83d'.unescape('json')""": [],
    r"""'\\u0000'.unescape('json')""": [],
    r"""'tail\\'.unescape('json')""": [],
    r"""'a\\\\b"c'.escape('json').unescape('json')""": ['a\\\\b"c'],
    "''.unescape('json')": [""],
    "Patient.gender.encode('hex').decode('hex')": ["female"],
    "Patient.name.given.select(encode('base64')).select(decode('base64'))": ["Ada", "Augusta", "A🔥da"],
    "Patient.name.family.select(escape('json').unescape('json'))": ["Byron King", "Noël"],
}


@pytest.mark.parametrize(("expression", "expected"), _ENCODINGS.items(), ids=_ENCODINGS)
def test_encodings(database: Database, expression: str, expected: list[Any]) -> None:
    assert database.evaluate(expression, _PATIENT) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("hex", ["74"]), ("base64", ["dA=="]), ("urlbase64", ["dA=="]), ("ascii", ["t"]), ("?", [])]
)
def test_encoding_whose_name_is_met(database: Database, name: str, expected: list[str]) -> None:
    """The name need not be a literal; one that there is not gives nothing."""
    assert database.evaluate("'t'.encode(%name)", _PATIENT, variables={"name": name}) == expected


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("'a'.encode('base46')", "there is no format 'base46'", "did you mean 'base64'?"),
        ("'a'.decode('ascii')", "there is no format 'ascii'", "the choices are 'hex', 'base64', 'urlbase64'"),
        ("'a'.escape('xml')", "there is no target 'xml'", "the choices are 'html', 'json'"),
    ],
)
def test_unknown_encodings(database: Database, expression: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        database.evaluate(expression, _PATIENT)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_values_that_are_bound(database: Database) -> None:
    """Texts that come as variables are values, whatever they hold."""
    hostile = "'; DROP TABLE resource; -- %s {0} \\ $1 🔥"
    given = {"s": hostile, "n": 3, "e": ""}
    assert database.evaluate("(%s & %e).length() = %s.length()", _PATIENT, variables=given) == [True]
    assert database.evaluate("%s.substring(%n)", _PATIENT, variables=given) == [hostile[3:]]
    assert database.evaluate("'a'.replace(%e, %s)", _PATIENT, variables=given) == [f"{hostile}a{hostile}"]
    assert database.evaluate("'-'.replace('-', %s)", _PATIENT, variables=given) == [hostile]
    assert database.evaluate("%s.split(%e).join(%e)", _PATIENT, variables=given) == [hostile]
    assert database.evaluate("%s.lastIndexOf(%e)", _PATIENT, variables=given) == [len(hostile)]
    assert database.evaluate("('a' | 'b').join(%s)", _PATIENT, variables=given) == [f"a{hostile}b"]
    assert database.evaluate("%s.escape('json').unescape('json')", _PATIENT, variables=given) == [hostile]


def test_every_function_over_a_population(database: Database) -> None:
    """One statement over many resources, some without what it asks for."""
    people = [
        {"resourceType": "Patient", "id": f"p{number}", "name": [{"family": family, "given": given}]}
        for number, (family, given) in enumerate([("Byron", ["Ada", "A"]), ("O'Neil", []), (" x ", ["🔥"])])
    ]
    database.load([*people, {"resourceType": "Patient", "id": "p3"}])
    rows = database.query("Patient.name.select(family.trim().upper() & '/' & given.join(','))").rows
    assert rows == [("p0", "BYRON/Ada,A"), ("p1", "O'NEIL/"), ("p2", "X/🔥")]
    rows = database.query("Patient.where(name.exists(family.matches('^[A-Z]'))).id").rows
    assert rows == [("p0", "p0"), ("p1", "p1")]
    rows = database.query("Patient.name.given.select(toChars().select(encode('hex')).join(' '))").rows
    assert rows == [("p0", "41 64 61"), ("p0", "41"), ("p2", "f09f94a5")]
    with pytest.raises(EvaluationError) as caught:
        database.query("Patient.where(name.given.contains('A')).id")
    assert caught.value.key == "p0"


def test_compile_errors_are_errors_of_the_expression(database: Database) -> None:
    """Arity is checked like that of any other function."""
    for expression in ("'a'.substring()", "'a'.join(',', ',')", "'a'.upper('x')"):
        with pytest.raises(CompileError):
            database.evaluate(expression, _PATIENT)


def test_what_is_no_string_is_not_joined(database: Database, untyped: Database) -> None:
    """FHIRPath, "String Manipulation": an item that is no String is an error, also one whose type is only met."""
    component = [{"valueString": "one"}, {"valueInteger": 2}]
    with pytest.raises(EvaluationError, match="does not take items of these types"):
        database.evaluate("component.value.join('+')", {"resourceType": "Observation", "component": component})
    with pytest.raises(EvaluationError, match="the items must be strings"):
        untyped.evaluate("(active | gender).join(',')", {"active": True, "gender": "female"})
