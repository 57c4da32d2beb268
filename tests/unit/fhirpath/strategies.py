"""Random syntax trees, each of which some text parses to."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from fhir4ds.fhirpath.ast import (
    Binary,
    Call,
    Empty,
    Expression,
    External,
    Index,
    IndexVariable,
    InstanceElement,
    InstanceSelector,
    Literal,
    LiteralType,
    Member,
    Polarity,
    Quantity,
    SortArgument,
    This,
    Total,
    TypeOperation,
    TypeSpecifier,
)
from fhir4ds.fhirpath.grammar import BINARY, CALENDAR_UNITS, RESERVED

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
names = st.one_of(
    st.sampled_from(["name", "Patient", "_x1", "as", "is", "in", "contains", "asc", "desc", "not", "T", "L"]),
    st.sampled_from(sorted(RESERVED)),
    _texts,
)
_numbers = st.integers(min_value=0, max_value=10**30)
_decimals = st.builds(
    lambda digits, scale: Decimal((0, tuple(map(int, str(digits))), -scale)),
    _numbers,
    st.integers(min_value=1, max_value=20),
)
_dates = st.dates().map(str).flatmap(lambda date: st.sampled_from([date, date[:7], date[:4]]))
_times = (
    st.times()
    .map(lambda time: time.isoformat("microseconds"))
    .flatmap(lambda time: st.sampled_from([time, time[:10], time[:8], time[:5], time[:2]]))
)
_offsets = st.builds(
    lambda sign, hours, minutes: f"{sign}{hours:02d}:{minutes:02d}",
    st.sampled_from("+-"),
    st.integers(0, 13),
    st.integers(0, 59),
)
_datetimes = st.one_of(
    _dates,
    st.builds(lambda date, time, zone: f"{date}T{time}{zone}", _dates, _times, st.just("Z") | st.just("") | _offsets),
)
_quantities = st.one_of(
    st.builds(Quantity, _decimals | _numbers.map(Decimal), st.sampled_from(sorted(CALENDAR_UNITS)), st.just(True)),
    st.builds(Quantity, _decimals | _numbers.map(Decimal), _texts, st.just(False)),
)
_leaves: st.SearchStrategy[Expression] = st.one_of(
    st.builds(Literal, st.booleans(), st.just(LiteralType.BOOLEAN)),
    st.builds(Literal, _texts, st.just(LiteralType.STRING)),
    st.builds(Literal, _numbers, st.just(LiteralType.INTEGER)),
    st.builds(Literal, _numbers, st.just(LiteralType.LONG)),
    st.builds(Literal, _decimals, st.just(LiteralType.DECIMAL)),
    st.builds(Literal, _dates, st.just(LiteralType.DATE)),
    st.builds(Literal, _datetimes, st.just(LiteralType.DATETIME)),
    st.builds(Literal, _times, st.just(LiteralType.TIME)),
    st.builds(Literal, _quantities, st.just(LiteralType.QUANTITY)),
    st.builds(Member, st.none(), names),
    st.builds(External, names),
    st.sampled_from([Empty(), This(), IndexVariable(), Total()]),
)
_types = st.builds(TypeSpecifier, st.none() | names, names)


def _grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    operators = st.sampled_from(sorted(set(BINARY) - {"is", "as"}))
    functions = names.filter(lambda name: name != "sort")
    return st.one_of(
        st.builds(Member, inner, names),
        st.builds(Call, st.none() | inner, functions, st.lists(inner, max_size=3).map(tuple)),
        st.builds(
            Call,
            st.none() | inner,
            st.just("sort"),
            st.lists(st.builds(SortArgument, inner, st.booleans()), max_size=3).map(tuple),
        ),
        st.builds(Index, inner, inner),
        st.builds(Polarity, st.sampled_from("+-"), inner),
        st.builds(Binary, operators, inner, inner),
        st.builds(TypeOperation, st.sampled_from(["is", "as"]), inner, _types),
        st.builds(InstanceSelector, _types, st.lists(st.builds(InstanceElement, names, inner), max_size=3).map(tuple)),
    )


expressions: st.SearchStrategy[Expression] = st.recursive(_leaves, _grow, max_leaves=12)
