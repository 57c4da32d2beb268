"""Messages are behaviour: what a user reads, word for word."""

from __future__ import annotations

import json

import pytest

from fhir4ds.dialect.faults import Fault, FaultKind
from fhir4ds.dialect.model import Capabilities
from fhir4ds.errors import ConnectFailed, EvaluationError, FHIRPathExecutionError, QueryFailed
from fhir4ds.runtime.call import Call, Failure
from fhir4ds.runtime.deadline import Deadline
from fhir4ds.runtime.explain import Explainer
from fhir4ds.runtime.retry import Phase
from fhir4ds.target import Target

from .fakes import FakeClock, FakeDriver, fake_dialect

TARGET = Target.parse("fake://ada:s3cret@db.example/clinic")


def explain(
    kind: FaultKind,
    message: str,
    phase: Phase = Phase.READ,
    *,
    expression: str | None = "Patient.name",
    embedded: bool = False,
    code: str | None = None,
) -> FHIRPathExecutionError:
    clock = FakeClock()
    driver = FakeDriver()
    call = Call(driver, clock, Deadline(30.0, clock), limited=True, summary="SELECT", expression=expression)
    call.attempt = 1
    dialect = fake_dialect(driver, capabilities=Capabilities(embedded=embedded))
    fault = Fault(kind=kind, code=code, message=message)
    return Explainer(dialect, TARGET).error(Failure(fault, phase), call)


@pytest.mark.parametrize(
    ("kind", "embedded", "hint"),
    [
        (FaultKind.AUTH, False, "check user name and password, and that the server lets this user in"),
        (FaultKind.MISSING, False, "check the name of the database, or create it"),
        (FaultKind.BUSY, False, "let go of other connections, lower pool_size, or raise the limit of the server"),
        (FaultKind.RESOURCE, False, "the server is out of a resource that a connection needs; look at its log"),
        (FaultKind.CONNECT, False, "check that the server is running and reachable at this host and port"),
        (FaultKind.OTHER, False, "check that the server is running and reachable at this host and port"),
        (
            FaultKind.BUSY,
            True,
            "another process has the database open; close it there, or open it read-only in both",
        ),
        (FaultKind.MISSING, True, "check the path and its permissions"),
    ],
)
def test_failures_to_connect_say_what_to_check(kind: FaultKind, embedded: bool, hint: str) -> None:
    error = explain(kind, "no", Phase.CONNECT, embedded=embedded)
    assert isinstance(error, ConnectFailed)
    assert str(error) == f"cannot connect to fake://ada:***@db.example/clinic: no\nhint: {hint}"


@pytest.mark.parametrize(
    ("kind", "words", "shown"),
    [
        (
            FaultKind.DATA,
            'invalid input syntax for type integer: "Jane"',
            "invalid input syntax for type integer: '...'",
        ),
        (FaultKind.DATA, "Could not convert string 'O''Neil' to INT32", "Could not convert string '...' to INT32"),
        (FaultKind.DATA, 'token "a""b" is invalid', "token '...' is invalid"),
        (
            FaultKind.INTEGRITY,
            'duplicate key value violates unique constraint "resource_pkey"',
            'duplicate key value violates unique constraint "resource_pkey"',
        ),
        (
            FaultKind.INTEGRITY,
            'null value in column "id" of relation "resource" violates not-null constraint',
            'null value in column "id" of relation "resource" violates not-null constraint',
        ),
        (
            FaultKind.INTEGRITY,
            'Constraint Error: Duplicate key "name: Jane" violates primary key constraint.',
            "Constraint Error: Duplicate key '...' violates primary key constraint.",
        ),
        (FaultKind.MISSING, 'column "nonsense" does not exist', 'column "nonsense" does not exist'),
        (FaultKind.SYNTAX, 'syntax error at or near "SELEC"', 'syntax error at or near "SELEC"'),
    ],
)
def test_values_in_the_words_of_a_database_are_left_out(kind: FaultKind, words: str, shown: str) -> None:
    assert explain(kind, words).message == f"'Patient.name' failed on fake: {shown}"


def test_a_long_expression_is_shortened_and_put_on_one_line() -> None:
    error = explain(FaultKind.SYNTAX, "no", expression="Patient\n  ." + "a" * 100)
    assert error.message == f"'Patient .{'a' * 68}...' failed on fake: no"
    assert explain(FaultKind.SYNTAX, "no", expression=None).message == "SELECT failed on fake: no"


def test_an_error_that_the_statement_raised_is_given_as_it_was_meant() -> None:
    content = {"message": 'more than one item: "it\'s"', "position": 13, "key": ["Patient", "p1"]}
    error = explain(
        FaultKind.DATA, f'invalid input syntax for type integer: "fhir4ds:{json.dumps(content)}"', code="22P02"
    )
    assert isinstance(error, EvaluationError)
    assert (error.message, error.position, error.key, error.expression, error.code) == (
        'more than one item: "it\'s"',
        13,
        ["Patient", "p1"],
        "Patient.name",
        "22P02",
    )


def test_an_error_that_the_statement_raised_may_say_less() -> None:
    error = explain(FaultKind.DATA, 'Invalid Input Error: fhir4ds:{"message": "no"}')
    assert isinstance(error, EvaluationError)
    assert (error.message, error.position, error.key) == ("no", None, None)


@pytest.mark.parametrize("text", ["fhir4ds:", "fhir4ds:{", "fhir4ds:[1]", "fhir4ds:{}", 'fhir4ds:"message"'])
def test_a_value_that_looks_like_a_raised_error_is_not_taken_for_one(text: str) -> None:
    error = explain(FaultKind.DATA, f"bad value: '{text}'")
    assert type(error) is QueryFailed
    assert error.hint == "a value does not fit its type; the cause has the database's own words"


def test_a_code_may_have_a_hint_of_its_own() -> None:
    assert explain(FaultKind.OTHER, "VACUUM cannot run inside a transaction block", code="25001").hint == (
        "the statement cannot run inside a transaction; run it on a connection of its own, from connection()"
    )


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.INTERRUPTED])
@pytest.mark.parametrize("phase", Phase)
def test_no_message_tells_the_password(kind: FaultKind, phase: Phase) -> None:
    error = explain(kind, "no", phase)
    assert "s3cret" not in f"{error} {error!r} {TARGET!r}"
    assert error.expression == "Patient.name"
