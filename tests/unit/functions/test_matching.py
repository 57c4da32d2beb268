"""Regular expressions: both databases match what an independent engine, that of Python, matches."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir4ds.database import Database
from fhir4ds.errors import CompileError, EvaluationError, InvalidArguments, InvalidOperation, UnsupportedFeature
from fhir4ds.fhirpath.literals import quote
from fhir4ds.testing.comparison import canonical

_PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "name": [{"family": "Byron", "given": ["Ada", "Augusta"]}, {"family": "b(ro)n", "given": ["$1"]}],
}

_TEXTS = (
    "",
    "a",
    "abc",
    "ABC",
    "aab",
    "abab",
    "a b",
    "a\nb",
    "line one\nline two\n",
    "tab\there",
    "2024-02-29",
    "N80001231",
    "x.y",
    "a]b[c",
    "a-b^c\\d",
    "{2}",
    "é",
    "É",
    "Noël 🔥",
    "foo_bar",
    "foo bar",
    "٣",
    "\u00a0",
    "http://example.org/fhir|4.0.1",
    "$(100)",
    "a" * 300,
)

_PATTERNS = (
    "",
    "a",
    "^abc$",
    "a.b",
    ".",
    "^.$",
    "^$",
    "a|b|",
    "^(a|b)+$",
    "(ab)*",
    "(?:ab){2}",
    "a{2}",
    "a{2,}",
    "a{0,1}b",
    "a{,2}",
    "a{x}",
    r"^\{2\}$",
    "{2",
    "a*?b",
    "a+?",
    "a??b",
    "a{1,2}?b",
    r"^\d{4}-\d{2}-\d{2}$",
    r"\D",
    r"^\D+$",
    r"^\w+$",
    r"\W",
    r"^\S+$",
    r"\s",
    r"[\d\s]",
    r"^[^\d\s]+$",
    r"^[\D]+$",
    r"^[\S\n]+$",
    r"[\w.-]+",
    r"^[\w-]+$",
    "[a-c]",
    "[^a-c]",
    "[]]",
    "[^]]",
    r"[\]\[]",
    "[a-]",
    "[-a]",
    r"[\^-]",
    r"[\\^]",
    "[.]",
    "x.y",
    r"x\.y",
    r"\t",
    r"\x41",
    r"\u00e9",
    r"[\x61-\x63]{3}",
    r"[\u0000-\u0008\u00e9]",
    "é",
    "[à-ü]",
    "🔥",
    "[🔥é]",
    r"\bbar\b",
    r"\bfoo",
    r"o\b",
    r"(foo|tab)\b.*",
    r"\$\(\d+\)",
    r"\|",
    "^http://",
    r"[^|]+\|[\d.]+$",
    "(a)(b)?(?P<last>c)?",
    "a{256}",
    "^a{300}$",
    "^a{299}$",
    "^a{256,}$",
    "^a{10,400}$",
    "^a{0,299}$",
    "^(?:a|b){290,300}$",
    "(?i)abc",
    "(?i)^[A-C]+$",
    "(?i)noël",
    r"(?i)[^\W\d]",
    "(?m)^line two$",
    "(?im)^LINE",
    "(?s)one.line",
    r"\Aabc\Z",
    "a()b",
    "(|a)b",
    "^(a(b(c)))$",
)


@pytest.mark.parametrize("pattern", _PATTERNS)
def test_matches_as_other_engines_do(database: Database, pattern: str) -> None:
    r"""The same texts match as in Python, where it is told that ``\w`` means ASCII and a dot any character."""
    texts = {"resourceType": "Patient", "name": [{"given": _TEXTS}]}
    quoted = quote(pattern, "'")
    expected = [re.search(pattern, text, re.ASCII | re.DOTALL) is not None for text in _TEXTS]
    assert database.evaluate(f"Patient.name.given.select(matches({quoted}))", texts) == expected
    if "(?m)" not in pattern and "(?im)" not in pattern:
        full = [re.fullmatch(pattern, text, re.ASCII | re.DOTALL) is not None for text in _TEXTS]
        assert database.evaluate(f"Patient.name.given.select(matchesFull({quoted}))", texts) == full


_VALUES: dict[str, list[Any]] = {
    "'FHIR'.matches('fhir')": [False],
    "'FHIR'.matches('fhir', 'i')": [True],
    "'FHIR'.matches('fhir', '')": [False],
    "'FHIR'.matches('fhir', {})": [False],
    r"'first\nsecond'.matches('^second', 'm')": [True],
    r"'first\nsecond'.matches('^second')": [False],
    r"'first\nsecond'.matches('^SECOND$', 'mi')": [True],
    r"'first\nsecond'.matches('t.s', 'm')": [True],
    r"'first\nsecond'.matchesFull('second', 'm')": [True],
    r"'first\nsecond'.matchesFull('SECOND', 'i')": [False],
    "'abc'.matches({})": [],
    "{}.matches('a')": [],
    "'abc'.matchesFull({})": [],
    "''.matchesFull('')": [True],
    "'ab'.matchesFull('a|ab')": [True],
    # Unicode
    r"'Ⅷé'.matches('^\\p{L}')": [False],
    r"'é'.matches('^\\p{L}$')": [True],
    r"'É'.matches('^\\p{Lu}$')": [True],
    r"'é'.matches('\\P{L}')": [False],
    r"'a1'.matches('^[\\p{L}\\p{Nd}]+$')": [True],
    r"'٣'.matches('^\\pN$')": [True],
    r"'🔥'.matches('^\\p{^L}$')": [True],
    r"'a🔥b'.matches('^a.b$')": [True],
    r"'a🔥b'.matches('^a\\ud83d\\udd25b$')": [True],
    r"'🔥'.matches('[\\ud83d\\udd20-\\ud83d\\udd2f]')": [True],
    r"'a'.matches('\\x00')": [False],
    r"'a'.matches('[^\\x00]')": [True],
    r"'\u0041'.matches('\\x{41}')": [True],
    # classes of POSIX are those of ASCII
    "'aZ'.matches('^[[:alpha:]]+$')": [True],
    "'é'.matches('[[:alpha:]]')": [False],
    "'a-1_'.matches('^[[:word:]-]+$')": [True],
    "'a1'.matches('[[:^alnum:]]')": [False],
    # replacing
    "'abc'.replaceMatches('[a-b]', 'x')": ["xxc"],
    "'abc'.replaceMatches('x*', '')": ["abc"],
    "'baaac'.replaceMatches('a*', '')": ["bc"],
    "'baaac'.replaceMatches('^b*', 'x')": ["xaaac"],
    "'abc'.replaceMatches('$', '-')": ["abc-"],
    "'1.5 2'.replaceMatches('[0-9]+[.][0-9]+|[0-9]+', '#')": ["# #"],
    "'abab'.replaceMatches('ab|a', 'x')": ["xx"],
    "'aab'.replaceMatches('(a*)(ab)', '<$1,$2>')": ["<a,ab>"],
    "'xa'.replaceMatches('(x|y)(a|b)', '$2$1')": ["ax"],
    "'abc'.replaceMatches('', 'x')": ["abc"],
    "'abc'.replaceMatches('', {})": [],
    "'abc'.replaceMatches('b', {})": [],
    "'abc'.replaceMatches({}, 'x')": [],
    "{}.replaceMatches('b', 'x')": [],
    "'abc'.replaceMatches('B', 'x', 'i')": ["axc"],
    r"'a\nb'.replaceMatches('^', '> ', 'm')": ["> a\n> b"],
    r"'a\nb'.replaceMatches('^', '> ')": ["> a\nb"],
    "'abc'.replaceMatches('(a)(b)', '$2$1')": ["bac"],
    "'abc'.replaceMatches('(a)(b)', '${2}1')": ["b1c"],
    r"'abc'.replaceMatches('(a)(b)', '\\2\\1')": ["bac"],
    "'abc'.replaceMatches('(?<x>a)(?P<y>b)', '${y}${x}$<x>')": ["baac"],
    "'abc'.replaceMatches('(?\\'x\\'a)b', '[${x}]')": ["[a]c"],
    "'abc'.replaceMatches('b', '[$&]')": ["a[b]c"],
    "'abc'.replaceMatches('(b)(c)', '[$0|$2]')": ["a[bc|c]"],
    "'abc'.replaceMatches('b', '$$1')": ["a$1c"],
    "'abc'.replaceMatches('b', '$')": ["a$c"],
    "'abc'.replaceMatches('b', '$x & \\\\n')": ["a$x & \\nc"],
    r"'abc'.replaceMatches('b', '\\\\')": ["a\\c"],
    r"'abc'.replaceMatches('b', '\\$1')": ["a$1c"],
    r"'abc'.replaceMatches('b', '\\&')": ["a\\&c"],
    r"'a.b'.replaceMatches('\\.', '')": ["ab"],
    "'aaa'.replaceMatches('a+?', 'b')": ["bbb"],
    "'aaa'.replaceMatches('a+', 'b')": ["b"],
    r"'one  two'.replaceMatches('\\s+', ' ')": ["one two"],
    r"'a1b22'.replaceMatches('(\\d+)', '<$1>')": ["a<1>b<22>"],
    r"'foo bar'.replaceMatches('\\b(\\w)', '.$1')": [".foo .bar"],
    "'aaabaa'.replaceMatches('aa', '\"aa\"')": ['"aa"ab"aa"'],
    # elements
    "Patient.name.given.where(matches('^A.a'))": ["Ada"],
    "Patient.name.select(family.replaceMatches('[aeiou]', '_'))": ["Byr_n", "b(r_)n"],
    "Patient.name.select(given.select(matches('a$')))": [True, True, False],
    # patterns and substitutions that are met
    "Patient.name.first().select(family.matches(given.first().substring(1, 0)))": [True],
    "Patient.name.first().select(family.matches('y' & family.substring(2)))": [True],
    "Patient.name.first().select(family.matchesFull('b.*' & family.substring(3), 'i'))": [True],
    "Patient.name.last().select('abc'.replaceMatches('b', given))": ["a$1c"],
    "Patient.name.last().select('abc'.replaceMatches('(b)', given & given))": ["abbc"],
    "Patient.name.first().select(family.replaceMatches(family.substring(0, 2), '[$&]'))": ["[By]ron"],
    "Patient.name.first().select(family.replaceMatches(family.substring(0, 0), 'x'))": ["Byron"],
    r"'a'.replaceMatches('a' & '', 'x')": ["x"],
    "Patient.name.first().select('abyc'.replaceMatches(family.substring(1, 1), '<$1>'))": ["ab<>c"],
    "Patient.name.last().select('the bron'.replaceMatches(family, '$2$1-'))": ["the ro-"],
    "Patient.name.last().select('the bron'.replaceMatches(family, '$&$1-'))": ["the bronro-"],
}


@pytest.mark.parametrize(("expression", "expected"), _VALUES.items(), ids=_VALUES)
def test_value(database: Database, expression: str, expected: list[Any]) -> None:
    assert list(map(canonical, database.evaluate(expression, _PATIENT))) == list(map(canonical, expected))


@pytest.mark.parametrize(
    ("pattern", "substitution", "expected"),
    [
        ("b", "\\1 & $1 \\", "a\\1 & $1 \\c"),
        ("(b)", "[$1]", "a[b]c"),
        ("(b)", "\\$1\\", "a\\b\\c"),
        ("(b)", "$2$", "a$2$c"),
        ("(?<x>b)", "${x}", "a${x}c"),
    ],
)
def test_bound_substitution(database: Database, pattern: str, substitution: str, expected: str) -> None:
    """A substitution that is a value can refer to groups by number; whatever else it holds is text."""
    values = {"s": substitution}
    expression = f"'abc'.replaceMatches('{pattern}', %s)"
    assert database.evaluate(expression, _PATIENT, variables=values) == [expected]


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("(a", "there is a ( without a )", r"a parenthesis that is meant is written \("),
        ("a)", "there is a ) without a (", r"a parenthesis that is meant is written \)"),
        ("[a", "there is a [ without a ]", r"a bracket that is meant is written \["),
        ("[]", "there is a [ without a ]", r"a bracket that is meant is written \["),
        ("*a", "there is nothing for * to repeat", r"a * that is meant is written \*"),
        ("a|+", "there is nothing for + to repeat", r"a + that is meant is written \+"),
        ("({2})", "there is nothing for { to repeat", r"a { that is meant is written \{"),
        ("a\\", "the pattern ends with a backslash", r"a backslash that is meant is written \\"),
        ("[c-a]", "the range that begins with c has no end after it", None),
        (r"[a-\d]", "the range that begins with a has no end after it", None),
        ("a{3,2}", "the repetition {3,2} has its numbers the wrong way round", None),
        ("[[:vowel:]]", "there is no class of characters [:vowel:]", None),
        ("(?<x>a)(?<x>b)", "there are two groups of the name x", None),
        (r"\xg1", r"\x is not followed by the number of a character", r"such as \x{e9}"),
        (r"\x{110000}", r"\x is not followed by the number of a character", r"such as \x{e9}"),
        (r"\ud83d", r"\u is followed by the number of half a character", r"such as \ud83d\udd25"),
        (r"\udd25\ud83d", r"\u is followed by the number of half a character", r"such as \ud83d\udd25"),
        ("^*", "a place in the text, such as its end, cannot be repeated", None),
    ],
)
def test_no_regular_expression(database: Database, pattern: str, message: str, hint: str | None) -> None:
    """What is wrong with a pattern is said before any database sees it."""
    with pytest.raises(InvalidArguments) as caught:
        database.evaluate(f"'a'.matches({quote(pattern, chr(39))})", _PATIENT)
    assert (caught.value.message, caught.value.hint) == (message, hint)


_AROUND = "write what must and must not match as conditions of their own, joined with and"


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("'a'.matches('a(?=b)')", "a pattern cannot look ahead or behind", _AROUND),
        ("'a'.matches('(?<!b)a')", "a pattern cannot look ahead or behind", _AROUND),
        (r"'a'.matches('(a)\\1')", "a pattern cannot refer back to what a group has matched", None),
        (r"'a'.matches('(?<x>a)\\k<x>')", "a pattern cannot refer back to what a group has matched", None),
        ("'a'.matches('(?>a)')", "a group cannot begin with (?>", "groups are (...), (?:...) and (?<name>...)"),
        (
            "'a'.matches('a++')",
            "a repetition cannot be followed by +",
            "put what is repeated twice into a group: (?:...)",
        ),
        ("'a'.matches('a{1001}')", "nothing can be asked for more than 1000 times", "use * or + instead"),
        (
            "'a'.matches('(a){300}')",
            "a group cannot be repeated more than 255 times",
            "one that captures nothing can: (?:...)",
        ),
        (r"'a'.matches('\\h')", r"\h is not supported in a pattern", None),
        (
            r"'a'.matches('\\p{Greek}')",
            r"\p needs a general category of Unicode",
            r"such as \p{L} for letters and \p{Lu} for capital ones",
        ),
        (r"'a'.matches('\\Aa', 'm')", r"\A cannot be asked for line by line", "leave out the option m"),
        (
            "'a'.matches('(?x)a')",
            "regular expressions have no option 'x'",
            "the options are i, for any case, and m, for ^ and $ at each line",
        ),
        (
            "'<a> b'.replaceMatches('<(.+?)> *', '$1')",
            "some repetitions of the regular expression are lazy and some are not, which databases read differently",
            "say what is repeated, such as [^<]*< for .*?<",
        ),
        *(
            (
                f"'abab'.replaceMatches('{pattern}', 'x')",
                "the regular expression tries a shorter match before a longer one, of which databases take either",
                "put the longer one first, such as ab|a for a|ab, or say what follows",
            )
            for pattern in ("a|ab", "a?(ab)?", "[a-b]|[a-b]+", "a+?|b", "(a|abab)")
        ),
        *(
            (
                # PCRE finds nothing again behind what it has found, as in xbxxcx for baaac; RE2 does not.
                f"'baaac'.replaceMatches('{pattern}', 'x')",
                "the regular expression also matches nothing, which databases replace in different places",
                "let it match a character at least, such as a+ for a*",
            )
            for pattern in ("a*", "x*", "a?", "a*$", "(a|b)*")
        ),
        *(
            (
                f"'aaa'.replaceMatches('{pattern}', '$1')",
                "there are several ways to a match, and databases differ in what the groups have matched then",
                "let what is repeated, and each alternative, begin in its own way",
            )
            for pattern in ("(a|aa)(a*)", "(?:(a)|(b))+", "((a)?b?a)+")
        ),
        (
            "'a'.replaceMatches('(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)', '${10}')",
            "a substitution can refer to 9 groups at most",
            None,
        ),
    ],
)
def test_what_some_database_cannot_match(database: Database, expression: str, message: str, hint: str | None) -> None:
    """A pattern means the same everywhere or is refused everywhere."""
    with pytest.raises(UnsupportedFeature) as caught:
        database.evaluate(expression, _PATIENT)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("'a'.replaceMatches('a', '$1')", "the pattern has no group 1", "a dollar sign that is meant is written $$"),
        (
            "'a'.replaceMatches('(a)', '${x}')",
            "the pattern has no group x",
            "a dollar sign that is meant is written $$",
        ),
        ("'a'.matches('a', Patient.name.family)", "the flags must be a String literal, such as 'i'", None),
    ],
)
def test_wrong_arguments(database: Database, expression: str, message: str, hint: str | None) -> None:
    with pytest.raises(InvalidArguments) as caught:
        database.evaluate(expression, _PATIENT)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_unknown_flags(database: Database) -> None:
    """The specification makes them an error."""
    with pytest.raises(CompileError, match="no option 's'"):
        database.evaluate("'a'.matches('a', 's')", {})
    with pytest.raises(CompileError, match="no option 'g'"):
        database.evaluate("'a'.matches('a', 'ig')", _PATIENT)


@pytest.mark.parametrize("expression", ["1.matches('1')", "'1'.matches(1)", "'a'.replaceMatches('a', 1)"])
def test_other_types_are_refused(database: Database, expression: str) -> None:
    with pytest.raises(InvalidOperation):
        database.evaluate(expression, _PATIENT)


@pytest.mark.parametrize("call", ["matches(iif(1 = 2, 'x'))", "matchesFull(iif(1 = 2, 'x'))", "matches('x')"])
def test_several_items_are_refused(database: Database, call: str) -> None:
    # Also where a database knows the expression to be NULL, and so the result.
    with pytest.raises(EvaluationError, match="expected a single item"):
        database.evaluate(f"('a' | 'b').{call}", _PATIENT)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("^[A-Za-z0-9\\-\\.]{1,64}$", "a-b.9", True),
        ("^[A-Za-z0-9\\-\\.]{1,64}$", "a(b", False),
        ("(?:(a)|b)+\\d\\D\\w\\b", "ab1xy", True),
        ("(?:(a)|b)+\\d\\D\\w\\b", "ab\u0661xy", False),
        ("a.c", "a\nc", True),
        ("[^a-c]+?$", "abcd", True),
        ("\\(\\[x\\]\\)\\$", "([x])$", True),
        ("^(((a|b)+)?)*$", "abab", True),
        ("^([0-9]{3}-){2}[0-9]{4,12}$", "555-907-98754", True),
        ("\\s\\S", "\u00a0x", False),
        ("", "x", True),
    ],
)
def test_computed_pattern(database: Database, pattern: str, text: str, expected: bool) -> None:
    """One that is met means the same everywhere, and the same as if it were known."""
    for expression in ("%text.matches(%pattern)", f"%text.matches({quote(pattern, chr(39))})"):
        found = database.evaluate(expression, _PATIENT, variables={"text": text, "pattern": pattern})
        assert found == [expected], expression


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "a)",
        "[",
        "*a",
        "a**",
        "{2}",
        "[z-a]",
        "a{3,1}",
        "(?=a)",
        "(?i)a",
        "\\",
        "\\1",
        "\\A",
        "\\p{L}",
        "[[:alpha:]]",
    ],
)
def test_computed_pattern_that_databases_read_differently(database: Database, pattern: str) -> None:
    """An error of the resource, and not one of the database; others are answered."""
    for function in ("matches(%pattern)", "matchesFull(%pattern)", "replaceMatches(%pattern, 'x')"):
        _is_refused(database, function, pattern)


@pytest.mark.parametrize(
    "pattern", ["a|ab", "(?:(a)|b)+", "(a)*b", "(ab)?c", "a+?b", "a*", "a?(b*)", "(b{0,2})", "a{0}", "^$", "(?:)"]
)
def test_computed_pattern_that_databases_replace_differently(database: Database, pattern: str) -> None:
    """Refused where its matches are replaced, since nothing is known of it but that."""
    _is_refused(database, "replaceMatches(%pattern, 'x')", pattern)
    found = database.evaluate("'abc'.matches(%pattern)", _PATIENT, variables={"pattern": pattern})
    assert found == [re.search(pattern, "abc") is not None]


def _is_refused(database: Database, function: str, pattern: str) -> None:
    with pytest.raises(EvaluationError, match="a computed regular expression .*may have characters, sets") as caught:
        database.evaluate(f"'abc'.{function}", _PATIENT, variables={"pattern": pattern})
    assert caught.value.position is not None
    assert database.evaluate(f"'abc'.{function}", _PATIENT, variables={"pattern": pattern}, on_error="null") == []


_PIECES = st.one_of(
    st.sampled_from(["^", "$", "\\b"]),
    st.tuples(
        st.sampled_from(["a", "b", "[a-b]", "[^a]", ".", "\\w", " ", "\\W"]),
        st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{0,2}", "{2,}"]),
    ).map("".join),
)
_ROWS = st.lists(_PIECES, min_size=1, max_size=3).map("".join)
_GROUPS = st.tuples(st.sampled_from(["(", "(?:"]), _ROWS).map(lambda parts: f"{parts[0]}{parts[1]})")


@settings(max_examples=100, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.one_of(_PIECES, _GROUPS), min_size=1, max_size=4).map("".join),
    st.sampled_from(["<$1>", "x", ""]),
    st.lists(st.text("abc ", min_size=1, max_size=7), min_size=1, max_size=6, unique=True),
)
def _computed_is_replaced_as_known(database: Database, pattern: str, substitution: str, texts: list[str]) -> None:
    named = substitution.replace("$1", "\\1" if re.compile(pattern).groups else "")
    expression = f"%texts.select('.' & $this.replaceMatches(%pattern, '{substitution}'))"
    try:
        found = database.evaluate(expression, _PATIENT, variables={"texts": texts, "pattern": pattern})
    except EvaluationError:
        return
    assert found == ["." + re.sub(pattern, named, text, flags=re.ASCII) for text in texts]


def test_computed_pattern_is_replaced_as_one_that_is_known(database: Database) -> None:
    """What Python's expressions replace, which go about it as PCRE does."""
    _computed_is_replaced_as_known(database)
