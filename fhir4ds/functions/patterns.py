r"""Regular expressions that mean the same in every database.

FHIRPath recommends the dialect of PCRE; databases have dialects of their own. A pattern is read here and written again
in what they have in common: classes such as ``\d`` become sets of characters, names of groups numbers, and counts stay
within the limits of each. Only a word boundary has no spelling of its own, so a pattern is a sequence of texts and such
marks. What some database cannot do at all, such as looking ahead, is refused with the place and a way around.
"""

from __future__ import annotations

import enum
import re
from typing import TypeAlias

import attrs

from fhir4ds.functions import characters
from fhir4ds.functions.characters import Range


class InvalidPattern(ValueError):
    """The text is no regular expression, or no substitution for one. Says what is wrong and what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UnsupportedPattern(InvalidPattern):
    """A regular expression that not every database can match."""


class Mark(enum.Enum):
    """A part of a pattern that each database spells in its own way."""

    WORD_BOUNDARY = "word_boundary"


Part: TypeAlias = str | Mark

#: The longest count that every database takes: PostgreSQL's limit for one repetition, and RE2's for nested ones.
_MOST_REPEATED, _MOST_IN_ALL = 255, 1000

_GROUPS_IN_SUBSTITUTION = 9

_META = frozenset("\\.[]{}()*+?^$|")
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b"}
_REPEAT = re.compile(r"\{(?=,?\d)(\d*)(,?)(\d*)\}")
_OPTIONS = re.compile(r"\(\?([a-zA-Z]+)\)")
_GROUP_NAME = re.compile(r"\?(?:P?<|')([A-Za-z_]\w*)[>']", re.ASCII)
_REFERENCE = re.compile(r"\\([\\$]|\d)|\$(?:([$&])|(\d)|\{(\w+)\}|<(\w+)>)", re.ASCII)
_HEX = {"x": "([0-9a-fA-F]{2})", "u": "([0-9a-fA-F]{4})"}
_LOW_SURROGATE = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_AROUND = "write what must and must not match as conditions of their own, joined with and"


@attrs.frozen
class Pattern:
    """A regular expression in what all databases have in common.

    Parameters
    ----------
    parts : tuple of (str or Mark)
        Its text, in pieces between the marks.
    options : str
        Letters of the options that it is matched with: ``i`` for any case, ``m`` for line by line.
    groups : int
        How many groups it captures.
    names : dict of str to int
        Numbers of the groups that have a name.
    greedy, lazy : bool
        Whether it repeats anything as often, or as seldom, as it can.
    """

    parts: tuple[Part, ...]
    options: str
    groups: int
    names: dict[str, int]
    greedy: bool
    lazy: bool


def read_pattern(text: str, options: str = "") -> Pattern:
    r"""Read a regular expression.

    Parameters
    ----------
    text : str
        In the dialect of PCRE.
    options : str
        Letters of the options that it is matched with.

    Returns
    -------
    Pattern

    Raises
    ------
    InvalidPattern
        If it is none, or one that not every database can match.

    Examples
    --------
    >>> read_pattern(r"(?<year>\d{4})-\w").parts
    ('([0-9]{4})-[0-9A-Z_a-z]',)
    """
    reader = _Reader(text, options)
    parts = reader.alternatives()
    if reader.rest:
        raise InvalidPattern("there is a ) without a (", r"a parenthesis that is meant is written \)")
    joined = _joined(parts)
    return Pattern(joined, reader.options, reader.groups, reader.names, reader.greedy, reader.lazy)


@attrs.frozen
class Substitution:
    r"""What matches are replaced with.

    Parameters
    ----------
    text : str
        With groups as ``\1`` and backslashes doubled.
    whole : bool
        Whether it needs a group around the whole pattern, which is the first one then.
    groups : bool
        Whether it names any other group.
    """

    text: str
    whole: bool
    groups: bool


def read_substitution(text: str, pattern: Pattern) -> Substitution:
    r"""Read what matches are replaced with: ``$1``, ``${name}`` and ``\1`` are groups, ``$&`` is all that matched.

    Examples
    --------
    >>> read_substitution("${b}-$1", read_pattern("(?<a>x)(?<b>y)"))
    Substitution(text='\\2-\\1', whole=False, groups=True)
    >>> read_substitution("<$&>", read_pattern("(x)"))
    Substitution(text='<\\1>', whole=True, groups=False)
    """
    pieces: list[str | int] = []
    end = 0
    for match in _REFERENCE.finditer(text):
        pieces += [text[end : match.start()], _referenced(match, pattern)]
        end = match.end()
    pieces.append(text[end:])
    numbers = [piece for piece in pieces if isinstance(piece, int)]
    whole = 0 in numbers
    written = [piece.replace("\\", "\\\\") if isinstance(piece, str) else f"\\{piece + whole}" for piece in pieces]
    if any(number + whole > _GROUPS_IN_SUBSTITUTION for number in numbers):
        raise UnsupportedPattern(f"a substitution can refer to {_GROUPS_IN_SUBSTITUTION} groups at most")
    return Substitution("".join(written), whole, groups=any(numbers))


def _referenced(match: re.Match[str], pattern: Pattern) -> str | int:
    """The character or the number of the group that a reference of a substitution stands for."""
    escaped, symbol, digit, braced, angled = match.groups()
    if escaped in ("\\", "$") or symbol == "$":
        return escaped or symbol
    name = escaped or digit or braced or angled
    number = 0 if symbol == "&" else int(name) if name.isdecimal() else pattern.names.get(name, -1)
    if not 0 <= number <= pattern.groups:
        raise InvalidPattern(f"the pattern has no group {name}", "a dollar sign that is meant is written $$")
    return number


class _Reader:
    """Reads a pattern from left to right and writes it again."""

    def __init__(self, text: str, options: str) -> None:
        self.rest = text
        self.groups = 0
        self.names: dict[str, int] = {}
        self.greedy = self.lazy = False
        leading = _OPTIONS.match(text)
        letters = options
        unknown = set(options) - set("im")
        if leading:
            letters += leading[1]
            unknown |= set(leading[1]) - set("ims")
            self.rest = text[leading.end() :]
        if unknown:
            raise UnsupportedPattern(
                f"regular expressions have no option {min(unknown)!r}",
                "the options are i, for any case, and m, for ^ and $ at each line",
            )
        # With s a dot is any character, as it is anyway.
        self.options = "".join(letter for letter in "im" if letter in letters)

    def alternatives(self) -> list[Part]:
        """Read up to a closing parenthesis or the end."""
        parts: list[Part] = []
        while self.rest and self.rest[0] != ")":
            parts += [self._take(1)] if self.rest[0] == "|" else self._repeated()
        return parts

    def _take(self, length: int) -> str:
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def _repeated(self) -> list[Part]:
        groups = self.groups
        first = self.rest[0]
        if first in "*+?" or _REPEAT.match(self.rest):
            raise InvalidPattern(
                f"there is nothing for {first} to repeat", f"a {first} that is meant is written \\{first}"
            )
        atom = self._atom()
        least, most = self._count()
        if (least, most) == (1, 1):
            return atom
        if atom in (["^"], ["$"], [Mark.WORD_BOUNDARY]):
            raise InvalidPattern("a place in the text, such as its end, cannot be repeated")
        lazy = self.rest[:1] == "?"
        if lazy:
            self._take(1)
        if (self.rest[:1] and self.rest[0] in "*+?") or _REPEAT.match(self.rest):
            raise UnsupportedPattern(
                f"a repetition cannot be followed by {self.rest[0]}", "put what is repeated twice into a group: (?:...)"
            )
        if least != most:
            self.greedy, self.lazy = self.greedy or not lazy, self.lazy or lazy
        if max(least, most or 0) > _MOST_IN_ALL:
            raise UnsupportedPattern(f"nothing can be asked for more than {_MOST_IN_ALL} times", "use * or + instead")
        if max(least, most or 0) > _MOST_REPEATED and self.groups > groups:
            raise UnsupportedPattern(
                f"a group cannot be repeated more than {_MOST_REPEATED} times", "one that captures nothing can: (?:...)"
            )
        return _repeat(atom, least, most, "?" if lazy else "")

    def _count(self) -> tuple[int, int | None]:
        """Read how often something is to be there."""
        sign = self.rest[:1]
        if sign and sign in "*+?":
            self._take(1)
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        match = _REPEAT.match(self.rest)
        if match is None:
            return 1, 1
        self._take(match.end())
        least = int(match[1] or 0)
        most = least if not match[2] else int(match[3]) if match[3] else None
        if most is not None and most < least:
            raise InvalidPattern(f"the repetition {match[0]} has its numbers the wrong way round")
        return least, most

    def _atom(self) -> list[Part]:
        character = self._take(1)
        if character == "(":
            return self._group()
        if character == "[":
            return [self._set()]
        if character == "\\":
            return [self._escape()]
        return [character if character in ".^$" else _literal(character)]

    def _group(self) -> list[Part]:
        opening = "("
        if self.rest.startswith("?"):
            name = _GROUP_NAME.match(self.rest)
            if name is not None:
                self._take(name.end())
                if name[1] in self.names:
                    raise InvalidPattern(f"there are two groups of the name {name[1]}")
                self.names[name[1]] = self.groups + 1
            elif self.rest.startswith("?:"):
                opening += self._take(2)
            elif self.rest.startswith(("?=", "?!", "?<=", "?<!")):
                raise UnsupportedPattern("a pattern cannot look ahead or behind", _AROUND)
            else:
                raise UnsupportedPattern(
                    f"a group cannot begin with ({self.rest[:2]}", "groups are (...), (?:...) and (?<name>...)"
                )
        if opening == "(":
            self.groups += 1
        inner = self.alternatives()
        if not self.rest:
            raise InvalidPattern("there is a ( without a )", r"a parenthesis that is meant is written \(")
        self._take(1)
        return [opening, *inner, ")"]

    def _escape(self) -> Part:
        letter = self.rest[:1]
        if letter == "b":
            self._take(1)
            return Mark.WORD_BOUNDARY
        if letter and letter in "AzZ":
            self._take(1)
            if "m" in self.options:
                raise UnsupportedPattern(f"\\{letter} cannot be asked for line by line", "leave out the option m")
            return "^" if letter == "A" else "$"
        found = self._escaped()
        return _literal(chr(found)) if isinstance(found, int) and found else characters.written(found or [])

    def _escaped(self) -> int | list[Range]:
        """Read what follows a backslash, inside and outside a set: one character or several."""
        letter = self._take(1)
        if letter.lower() in characters.CLASSES:
            ranges = characters.CLASSES[letter.lower()]
            return ranges if letter in characters.CLASSES else characters.complement(ranges)
        if letter.lower() == "p" and letter:
            return self._property(negated=letter == "P")
        if letter in _CONTROL:
            return ord(_CONTROL[letter])
        if letter in ("x", "u"):
            return self._code(letter)
        if not letter:
            raise InvalidPattern("the pattern ends with a backslash", r"a backslash that is meant is written \\")
        if letter.isdecimal() or letter == "k":
            raise UnsupportedPattern("a pattern cannot refer back to what a group has matched")
        if letter.isascii() and letter.isalpha():
            raise UnsupportedPattern(f"\\{letter} is not supported in a pattern")
        return ord(letter)

    def _code(self, letter: str) -> int:
        """Read the number of a character."""
        digits = re.match(r"\{([0-9a-fA-F]{1,6})\}" if self.rest[:1] == "{" else _HEX[letter], self.rest)
        if digits is None or int(digits[1], 16) > characters.LAST:
            raise InvalidPattern(f"\\{letter} is not followed by the number of a character", r"such as \x{e9}")
        self._take(digits.end())
        code = int(digits[1], 16)
        if code not in characters.SURROGATES:
            return code
        # Half of a character of UTF-16; such characters take two numbers.
        other = _LOW_SURROGATE.match(self.rest)
        if other is None or code > int(other[1], 16):
            raise InvalidPattern(f"\\{letter} is followed by the number of half a character", r"such as \ud83d\udd25")
        self._take(other.end())
        return ord((chr(code) + chr(int(other[1], 16))).encode("utf-16", "surrogatepass").decode("utf-16"))

    def _property(self, *, negated: bool) -> list[Range]:
        match = re.match(r"\{(\^?)([A-Za-z]{1,2})\}|()([A-Z])", self.rest)
        ranges = characters.category(match[2] or match[4]) if match is not None else ()
        if match is None or not ranges:
            raise UnsupportedPattern(
                r"\p needs a general category of Unicode", r"such as \p{L} for letters and \p{Lu} for capital ones"
            )
        self._take(match.end())
        return characters.complement(ranges) if negated != (match[1] == "^") else list(ranges)

    def _set(self) -> str:
        negated = self.rest[:1] == "^"
        if negated:
            self._take(1)
        ranges: list[Range] = []
        first = True
        while first or self.rest[:1] != "]":
            if not self.rest:
                raise InvalidPattern("there is a [ without a ]", r"a bracket that is meant is written \[")
            first = False
            member = self._member()
            if isinstance(member, int):
                last = self._end_of_range(member)
                ranges.append((member, last))
            else:
                ranges += member
        self._take(1)
        return characters.written(ranges, negated=negated)

    def _end_of_range(self, start: int) -> int:
        if self.rest[:1] != "-" or self.rest[1:2] in ("]", ""):
            return start
        self._take(1)
        end = self._member()
        if not isinstance(end, int) or end < start:
            raise InvalidPattern(f"the range that begins with {chr(start)} has no end after it")
        return end

    def _member(self) -> int | list[Range]:
        """Read one member of a set."""
        if named := re.match(r"\[:(\^?)([a-z]+):\]", self.rest):
            if named[2] not in characters.POSIX:
                raise InvalidPattern(f"there is no class of characters {named[0]}")
            self._take(named.end())
            ranges = characters.POSIX[named[2]]
            return characters.complement(ranges) if named[1] else ranges
        character = self._take(1)
        if character != "\\":
            return ord(character)
        if self.rest[:1] == "b":
            self._take(1)
            return ord("\b")
        return self._escaped()


def _literal(character: str) -> str:
    return "\\" + character if character in _META else character


def _repeat(atom: list[Part], least: int, most: int | None, lazy: str) -> list[Part]:
    """Repeat an atom; a count beyond the limit of one repetition is made of several."""
    if max(least, most or 0) <= _MOST_REPEATED:
        count = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((least, most))
        if count is None:
            upper = "" if most is None else str(most)
            count = f"{{{least}}}" if least == most else f"{{{least},{upper}}}"
        return [*atom, count + lazy]
    parts: list[Part] = []
    for times, form in ((least, "{{{0}}}"), ((most or least) - least, "{{0,{0}}}" + lazy)):
        many, rest = divmod(times, _MOST_REPEATED)
        if many:
            parts += ["(?:", *atom, form.format(_MOST_REPEATED), ")", form.format(many)]
        if rest:
            parts += [*atom, form.format(rest)]
    return [*parts, *atom, "*" + lazy] if most is None else parts


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    """The parts with neighbouring texts put together."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)
