from __future__ import annotations

import pytest

from fhir4ds.errors import FHIRPathSyntaxError
from fhir4ds.fhirpath.parser import parse

NAME = "the name of an element or function"
OPERATOR = "an operator or the end of the expression"
END = "the end of the expression"
DATE_FORM = "a date is @YYYY, @YYYY-MM or @YYYY-MM-DD; a time follows as Thh:mm:ss, then a zone as Z or +hh:mm"
NEGATION = "negation is a function: active.not()"
CHOICE = "a choice is a function: iif(condition, value, otherwise)"
SORT = "asc and desc belong to the arguments of sort()"


def fault_of(text: str) -> FHIRPathSyntaxError:
    with pytest.raises(FHIRPathSyntaxError) as caught:
        parse(text)
    assert caught.value.expression == text
    return caught.value


@pytest.mark.parametrize(
    ("text", "position", "message", "hint"),
    [
        ("", 0, "the expression is empty", "an expression is, for example, Patient.name.given"),
        (" // a", 5, "the expression is empty", "an expression is, for example, Patient.name.given"),
        # Something is missing.
        ("a.", 2, f"expected {NAME} after '.', found {END}", None),
        ("a..b", 2, f"expected {NAME} after '.', found '.'", None),
        (".a", 0, "expected an expression, found '.'", None),
        ("2 + 2 /", 7, f"expected an expression after '/', found {END}", None),
        ("a + * b", 4, "expected an expression after '+', found '*'", None),
        (
            "and a",
            0,
            "expected an expression, found 'and'",
            "'and' is an operator and stands between two expressions; as a name it is `and`",
        ),
        ("f(a,)", 4, "expected an expression after ',', found ')'", None),
        ("f(,a)", 2, "expected an expression after '(', found ','", None),
        ("f(", 2, f"expected an expression after '(', found {END}", None),
        ("a[]", 2, "expected an expression after '[', found ']'", None),
        ("()", 1, "expected an expression after '(', found ')'", None),
        (".5", 0, "expected an expression, found '.'", "a decimal has a digit before the point: 0.5"),
        # Brackets.
        ("(a", 2, "missing ')' for the '(' at column 1", "add ')'"),
        ("a.where(b = 'c'", 15, "missing ')' for the '(' at column 8", "add ')'"),
        ("a.b(c).d(\n  e", 13, "missing ')' for the '(' at line 1, column 9", "add ')'"),
        ("a[0", 3, "missing ']' for the '[' at column 2", "add ']'"),
        ("{", 1, "missing '}' for the '{' at column 1", "add '}'"),
        ("T { a: 1", 8, "missing '}' for the '{' at column 3", "add '}'"),
        ("a)", 1, f"expected {OPERATOR} after 'a', found ')'", "no '(' is open here"),
        ("f(a)]", 4, f"expected {OPERATOR} after ')', found ']'", "no '[' is open here"),
        ("a[0)", 3, "expected ']' for the '[' at column 2 after the number 0, found ')'", "no '(' is open here"),
        ("(a[0)", 4, "expected ']' for the '[' at column 3 after the number 0, found ')'", None),
        ("f(a b)", 4, "expected ',' or ')' for the '(' at column 2 after 'a', found 'b'", None),
        # Something is left over.
        ("a b", 2, f"expected {OPERATOR} after 'a', found 'b'", None),
        ("a `b c`", 2, f"expected {OPERATOR} after 'a', found `b c`", None),
        ("true false", 5, f"expected {OPERATOR} after 'true', found 'false'", None),
        ("a 'b'", 2, f"expected {OPERATOR} after 'a', found the string 'b'", None),
        ("1L 'mg'", 3, f"expected {OPERATOR} after the number 1L, found the string 'mg'", None),
        (f"a '{'x' * 50}'", 2, f"expected {OPERATOR} after 'a', found the string '{'x' * 39}...", None),
        ("a()()", 3, f"expected {OPERATOR} after ')', found '('", None),
        (
            "a, b",
            1,
            f"expected {OPERATOR} after 'a', found ','",
            "commas separate the arguments of a function; a union is a | b",
        ),
        # Words of other languages.
        ("not a", 4, f"expected {OPERATOR} after 'not', found 'a'", NEGATION),
        ("a and not (b) c", 14, f"expected {OPERATOR} after ')', found 'c'", None),
        ("a not in b", 2, f"expected {OPERATOR} after 'a', found 'not'", NEGATION),
        ("a AND b", 2, f"expected {OPERATOR} after 'a', found 'AND'", "operators are written in lower case: and"),
        (
            "1 Div 2",
            2,
            f"expected {OPERATOR} after the number 1, found 'Div'",
            "operators are written in lower case: div",
        ),
        (
            "a is not null",
            9,
            f"expected {OPERATOR} after 'not', found 'null'",
            "there is no null: a.exists() and a.empty() ask whether there is a value",
        ),
        (
            "a LIKE 'b'",
            2,
            f"expected {OPERATOR} after 'a', found 'LIKE'",
            "patterns are functions: name.contains('...'), name.matches('...')",
        ),
        ("if a then b", 3, f"expected {OPERATOR} after 'if', found 'a'", CHOICE),
        ("(a) then b", 4, f"expected {OPERATOR} after ')', found 'then'", CHOICE),
        (
            "a % b",
            2,
            f"expected {OPERATOR} after 'a', found '%'",
            "a remainder is a mod b; % starts the name of a variable from outside",
        ),
        ("a desc", 2, f"expected {OPERATOR} after 'a', found 'desc'", SORT),
        ("f(a asc)", 4, "expected ',' or ')' for the '(' at column 2 after 'a', found 'asc'", SORT),
        # After a dot.
        ("a.0", 2, f"expected {NAME} after '.', found the number 0", "an item is picked by its index in brackets: [0]"),
        (
            "a.'b c'",
            2,
            f"expected {NAME} after '.', found the string 'b c'",
            "names with special characters stand in backticks: `b c`",
        ),
        (
            f"a.'{'x' * 60}'",
            2,
            f"expected {NAME} after '.', found the string '{'x' * 39}...",
            "names with special characters stand in backticks",
        ),
        ("a.(b)", 2, f"expected {NAME} after '.', found '('", "an expression is applied to each item by select(...)"),
        ("a.*", 2, f"expected {NAME} after '.', found '*'", "all elements of an item are children()"),
        (
            "a.$this",
            2,
            f"expected {NAME} after '.', found '$this'",
            "$this stands at the beginning of a path: $this.name",
        ),
        (
            "text.div",
            5,
            f"expected {NAME} after '.', found 'div'",
            "'div' is an operator and stands between two expressions; as a name it is `div`",
        ),
        (
            "a.year",
            2,
            f"expected {NAME} after '.', found 'year'",
            "'year' is a word of the language; as a name it stands in backticks: `year`",
        ),
        # Variables.
        ("$thiz", 0, "expected an expression, found '$thiz'", "did you mean '$this'?"),
        (
            "$patient",
            0,
            "expected an expression, found '$patient'",
            "the variables of an iteration are $this, $index and $total; those from outside start with %",
        ),
        ("a $this", 2, f"expected {OPERATOR} after 'a', found '$this'", None),
        ("%", 1, f"expected the name of a variable after '%', found {END}", None),
        ("%1", 1, "expected the name of a variable after '%', found the number 1", None),
        # Units, dates and times.
        ("1 yeer", 2, f"expected {OPERATOR} after the number 1, found 'yeer'", "did you mean 'year'?"),
        ("1.5 Days", 4, f"expected {OPERATOR} after the number 1.5, found 'Days'", "did you mean 'days'?"),
        ("5 mg", 2, f"expected {OPERATOR} after the number 5, found 'mg'", "a UCUM unit stands in quotes: 5 'mg'"),
        ("@20150204", 5, f"expected {OPERATOR} after '@2015', found the number 0204", DATE_FORM),
        ("@2015-02-04Z", 11, f"expected {OPERATOR} after '@2015-02-04', found 'Z'", DATE_FORM),
        ("@2015-02-04T14:3", 14, f"expected {OPERATOR} after '@2015-02-04T14', found ':'", DATE_FORM),
        (
            "@T1430",
            4,
            f"expected {OPERATOR} after '@T14', found the number 30",
            "a time is @Thh, @Thh:mm, @Thh:mm:ss or @Thh:mm:ss.fff",
        ),
        ("@2015 2", 6, f"expected {OPERATOR} after '@2015', found the number 2", None),
        *(
            (
                text,
                0,
                f"{text.partition('T')[0]} is not a date of the calendar",
                "dates run from @0001-01-01 to @9999-12-31",
            )
            for text in ("@2015-13", "@2015-02-30", "@2015-00-01", "@0000", "@2015-02-29T", "@2015-04-31T10:00")
        ),
        *(
            (
                text,
                0,
                f"@{text[text.index('T') :]} is not a time of the day",
                "times run from @T00:00:00 to @T23:59:59.999",
            )
            for text in ("@T24", "@T23:60", "@T23:59:60", "@2015-02-04T25:00")
        ),
        ("@2015T10+14:01", 0, "+14:01 is not an offset of a time zone", "offsets run from -14:00 to +14:00"),
        ("@2015T10-01:60", 0, "-01:60 is not an offset of a time zone", "offsets run from -14:00 to +14:00"),
        # Types.
        ("a is", 4, f"expected the name of a type after 'is', found {END}", None),
        (
            "a as (B)",
            5,
            "expected the name of a type after 'as', found '('",
            "the type after 'as' stands without parentheses",
        ),
        ("a is 'B'", 5, "expected the name of a type after 'is', found the string 'B'", None),
        # Instances and braces.
        (
            "T {}",
            3,
            "expected the name of an element, or ':' for an empty instance, after '{', found '}'",
            "an instance without elements is written with a colon: Coding { : }",
        ),
        ("T { a }", 6, "expected ':' after 'a', found '}'", None),
        ("T { : a", 6, "expected '}' for the '{' at column 3 after ':', found 'a'", None),
        ("T { a: 1 b: 2 }", 9, "expected ',' or '}' for the '{' at column 3 after the number 1, found 'b'", None),
        ("(T) { : }", 4, f"expected {OPERATOR} after ')', found '{{'", None),
        ("f() { : }", 4, f"expected {OPERATOR} after ')', found '{{'", None),
        ("a.f().b { : }", 8, f"expected {OPERATOR} after 'b', found '{{'", None),
        ("1 { : }", 2, f"expected {OPERATOR} after the number 1, found '{{'", None),
        (
            "{ 1 }",
            2,
            "expected '}' for the '{' at column 1 after '{', found the number 1",
            "{} is the empty collection; a collection of several items is (1 | 2 | 3)",
        ),
        # Values.
        (
            r"a = '\uD83D'",
            4,
            "a Unicode escape stands for half a character",
            r"characters beyond U+FFFF take two: \uD83D\uDD25",
        ),
        ("9" * 1001, 0, "a number of 1001 characters is too long", "at most 1000 are read"),
        ("0." + "9" * 1000, 0, "a number of 1002 characters is too long", "at most 1000 are read"),
    ],
)
def test_message_names_what_was_found_and_what_was_expected(
    text: str, position: int, message: str, hint: str | None
) -> None:
    fault = fault_of(text)
    assert (fault.message, fault.hint, fault.position) == (message, hint, position)


@pytest.mark.parametrize(
    "word", ["true", "false", "and", "or", "xor", "implies", "div", "mod", "year", "weeks", "millisecond"]
)
def test_reserved_words_are_no_names_without_backticks(word: str) -> None:
    for text in (f"a.{word}", f"%{word}", f"a is {word}", f"{word}()", f"T {{ {word}: 1 }}"):
        fault_of(text)
        parse(text.replace(word, f"`{word}`"))


def test_caret_points_to_the_fault() -> None:
    fault = fault_of("Patient.name\n  .where(use = 'official'\n  .given")
    assert str(fault).splitlines() == [
        "missing ')' for the '(' at line 2, column 9 (line 3, column 9)",
        "      .given",
        "            ^",
        "hint: add ')'",
    ]
