"""Literals of FHIRPath and texts of small languages inside it: regular expressions, units, encodings."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

#: Small, so that nothing that is computed reaches the 26 digits before the point of a decimal (documented limit).
_integers = st.one_of(st.integers(0, 12), st.sampled_from([100, 2147483647]))
_signed = st.one_of(_integers.map(str), st.integers(1, 12).map("(-{})".format))
_decimals = st.sampled_from(["0.0", "1.0", "1.50", "2.5", "0.67", "3.14159", "(-1.5)", "(-0.1)", "12.345"])
_units = st.sampled_from(
    ["'mg'", "'g'", "'kg'", "'cm'", "'[in_i]'", "'1'", "'wk'", "'d'", "days", "weeks", "years", "months"]
)
_spans = st.builds(
    "{} {}".format, st.integers(0, 40), st.sampled_from(["days", "day", "weeks", "months", "years", "hours"])
)

#: Words, and what conversions read.
WORDS = (
    "",
    "a",
    "A",
    "b",
    "abc",
    "ABC",
    "aXbXc",
    " a ",
    "Ada",
    "official",
    "12",
    "-1",
    "1.50",
    "true",
    "No",
    "2020-02",
    "2020-02-30",
    "2020-02-29T10:30:00Z",
    "10:30",
    "4 'mg'",
    "1 day",
    "a,b,,c",
    "a  b",
    "%_",
    "\u5b57\U0001f525",
    "line\\nline",
    "it\\'s",
    "back\\\\slash",
)

strings = st.sampled_from(WORDS).map("'{}'".format)

LITERALS: Mapping[str, st.SearchStrategy[str]] = {
    "Boolean": st.sampled_from(["true", "false"]),
    "Integer": _signed,
    # No more than 12 digits: DuckDB divides decimals of up to 13 digits before the point (documented limit).
    "Long": st.sampled_from(["1L", "0L", "900719925474L", "(-5L)"]),
    "Decimal": _decimals,
    "String": strings,
    "Date": st.sampled_from(["@2019", "@2020-02", "@2020-02-29", "@1999-12-31", "@2020-03-01"]),
    "DateTime": st.sampled_from(
        [
            "@2020T",
            "@2020-02T",
            "@2020-02-29T10",
            "@2020-02-29T10:30:00",
            "@2020-02-29T10:30:00.0Z",
            "@2020-02-29T05:30:00-05:00",
            "@1999-12-31T23:59:59.999+05:45",
        ]
    ),
    "Time": st.sampled_from(["@T10", "@T10:30", "@T10:30:00", "@T10:30:00.0", "@T23:59:59.999"]),
    "Quantity": st.one_of(
        st.builds("({} {})".format, st.sampled_from(["1", "2.5", "0", "1000", "4"]), _units), _spans.map("({})".format)
    ),
}

#: What is added to a date or time. UCUM's 'mo' and 'a' are an error there.
spans = st.one_of(_spans, st.sampled_from(["1.5 days", "2 'd'", "1 'mo'", "90 minutes", "30 seconds", "1 'mg'"]))

_atoms = st.sampled_from(
    ["a", "b", "X", ".", "[a-c]", "[^a]", "\\\\d", "\\\\w", "\\\\s", "(a|b)", "(?:ab)", "\\\\b", "\\\\.", "-"]
)
_counts = st.sampled_from(["", "", "*", "+", "?", "{1,2}", "+?"])
_pieces = st.builds("{}{}".format, _atoms, _counts)

#: Regular expressions, as string literals; now and then one that is none.
regexes = st.one_of(
    st.builds(
        "'{}{}{}'".format,
        st.sampled_from(["", "^"]),
        st.lists(_pieces, max_size=3).map("".join),
        st.sampled_from(["", "$"]),
    ),
    st.sampled_from(["'('", "'[a'", "'(?=a)'", "'(?<n>a)'", "'a{2'", "'\\\\p{L}'", "'(a)\\\\1'"]),
)
flags = st.sampled_from(["'i'", "'m'", "'im'", "''", "'x'"])
substitutions = st.one_of(strings, st.sampled_from(["'$1'", "'<$0>'", "'$$'", "'\\\\1'", "'${n}'", "'$2'"]))
