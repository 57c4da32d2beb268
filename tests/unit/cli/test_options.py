"""Values of options: what they become, and what is refused before anything runs."""

from __future__ import annotations

import inspect
from datetime import date, datetime, time, timezone
from decimal import Decimal

import click
import pytest

from fhir4ds.cli import options
from fhir4ds.cli.options import read_model, read_parameters, read_table
from fhir4ds.database import Database


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("v=female", "female"),
        ("v=", ""),
        ("v=a=b", "a=b"),
        ("v=12345", "12345"),
        ("v=true", "true"),
        ("v=NaN", "NaN"),
        ("v:String=x:Integer=1", "x:Integer=1"),
        ("v:Boolean=true", True),
        ("v:Boolean=false", False),
        ("v:Integer=-7", -7),
        ("v:Decimal=1.50", Decimal("1.50")),
        ("v:Decimal=2", Decimal(2)),
        ("v:Date=2020-02-29", date(2020, 2, 29)),
        ("v:DateTime=2020-02-29T12:30:00Z", datetime(2020, 2, 29, 12, 30, tzinfo=timezone.utc)),
        ("v:DateTime=2020-02-29T12:30:00", datetime(2020, 2, 29, 12, 30)),
        ("v:Time=12:30:00", time(12, 30)),
    ],
)
def test_parameters(text: str, value: object) -> None:
    [(name, read)] = read_parameters([text]).items()
    assert (name, read, type(read)) == ("v", value, type(value))
    assert str(read) == str(value)  # 1.50 keeps its digits


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["v"], "'v' is not NAME=VALUE or NAME:TYPE=VALUE"),
        (["=1"], "'' is not NAME=VALUE or NAME:TYPE=VALUE"),
        (["%v=1"], "'%v' is not NAME=VALUE or NAME:TYPE=VALUE"),
        (["v:int=1"], "'int' is none of the types Boolean, Integer, Decimal, Date, DateTime, Time, String"),
        (["v:Boolean=yes"], "this is no Boolean, such as true or false"),
        (["v:Integer=1.0"], "this is no Integer, such as 42"),
        (["v:Integer=1_000"], "this is no Integer, such as 42"),
        (["v:Decimal=NaN"], "this is no Decimal, such as 1.50"),
        (["v:Decimal=1e5"], "this is no Decimal, such as 1.50"),
        (["v:Date=2020-02-30"], "this is no Date, such as 2020-02-29"),
        (["v:DateTime=yesterday"], "this is no DateTime, such as 2020-02-29T12:30:00Z"),
        (["v:Time=25:00"], "this is no Time, such as 12:30:00"),
        (["v=1", "v=2"], "'v' is given twice"),
        (["timeout=1"], "a variable cannot be called 'timeout'"),
    ],
)
def test_refused_parameters(given: list[str], message: str) -> None:
    with pytest.raises(click.BadParameter) as raised:
        read_parameters(given)
    assert raised.value.message == message


def test_names_that_the_library_takes_itself_are_refused() -> None:
    """Else they would be taken for arguments of the call instead of variables."""
    keywords = [
        parameter.name
        for parameter in inspect.signature(Database.stream).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    assert set(keywords) == options._TAKEN


def test_tables_and_models() -> None:
    assert read_table("resource") == "resource"
    assert read_table("analytics.Resource") == ("analytics", "Resource")
    assert (read_model("R4B"), read_model("none")) == ("R4B", None)
