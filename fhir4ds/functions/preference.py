r"""Where matches of a regular expression are not the same in all databases.

PCRE and RE2 try alternatives and repetitions in an order, and take the first way that leads to a match; PostgreSQL takes the
longest match there is, or the shortest if the expression begins to repeat lazily (documentation, 9.7.3.5). For most
expressions that is the same. ``a|ab`` is an exception: in ``ab`` the first way matches ``a``, and the longest match is ``ab``.
Nor do they agree on matches of nothing right behind others, and on what groups have matched where several ways lead to a match.

The expression becomes an automaton that is walked in both manners at once, over all texts; where one comes to a match and the
other does not, databases differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import attrs

#: Steps of a walk; whatever needs more is taken for an expression of which matches differ.
_MOST_STATES = 2_000

#: A repetition of more is walked as if it were of so many.
_MOST_TIMES = 3

_TOKEN = re.compile(r"\\.|\[\^?(?:\\.|[^\]\\])*\]|\(\?:|\{\d+(?:,\d*)?\}\??|[*+?]\??|.", re.DOTALL)
_COUNT = re.compile(r"\{(\d+)(,?)(\d*)\}")
_MEMBER = re.compile(r"(\\.|[^\\])(?:-(\\.|[^\\]))?", re.DOTALL)


@attrs.frozen
class _Set:
    """Characters one of which is read."""

    pattern: re.Pattern[str]
    edges: frozenset[int]


@attrs.frozen
class _Split:
    """Two ways to go on, the first of which is tried first; relative to here."""

    first: int
    second: int


@attrs.frozen
class _Place:
    """A place in the text: its start, its end, or another one, which may be anywhere."""

    sign: str


_Step: TypeAlias = _Set | _Split | _Place

#: A way through the automaton: the next step, and whether the end of the text is passed.
_Thread: TypeAlias = tuple[int, bool]


@attrs.frozen
class Matches:
    """What is known of the matches of an expression.

    Parameters
    ----------
    shared : bool
        Whether the first way to a match is the longest one as well, or the shortest one if the expression is lazy.
    at_times_empty : bool
        Whether it matches nothing as well as something, and not at the start of the text alone.
    groups_shared : bool
        Whether groups have matched the same whatever way is taken.
    """

    shared: bool
    at_times_empty: bool
    groups_shared: bool


def matches_of(written: str, options: str, *, lazy: bool) -> Matches:
    r"""Find out what is known of the matches of an expression.

    Parameters
    ----------
    written : str
        The expression, as `fhir4ds.functions.patterns` writes it; a word boundary is no text and left out.
    options : str
        Its options.
    lazy : bool
        Whether it repeats lazily.

    Examples
    --------
    >>> [matches_of(pattern, "", lazy=False).shared for pattern in ("a|ab", "ab|a", "a?(ab)?", "[0-9]+(?:[.][0-9]+)?")]
    [False, True, False, True]
    >>> matches_of("<.+?>", "", lazy=True).shared, matches_of("a*", "", lazy=False).at_times_empty
    (True, True)
    >>> [matches_of(pattern, "", lazy=False).groups_shared for pattern in ("(a|aa)(a*)", "(?:(a)|(b))+", "(a+)(b|c)")]
    [False, False, True]
    """
    reader = _Reader(written, options)
    walk = _Walk(reader.program(), lazy=lazy)
    shared = walk.agrees()
    # PostgreSQL takes alternatives for greedy, whatever repetitions there are.
    return Matches(
        shared=shared and not (lazy and reader.has_alternatives),
        at_times_empty=walk.matches_nothing and walk.matches_something and (lazy or not walk.only_at_start),
        groups_shared=not reader.forgets and not (reader.has_choices and walk.ways_meet),
    )


class _Reader:
    """Makes the automaton of an expression."""

    def __init__(self, written: str, options: str) -> None:
        self._tokens = _TOKEN.findall(written)
        self._flags = re.DOTALL | (re.IGNORECASE if "i" in options else 0)
        self._lines = "m" in options
        self.has_alternatives = "|" in self._tokens
        #: Whether a group has alternatives, or repetitions within one of its own.
        self.has_choices = self.has_alternatives
        #: Whether a group that is repeated may leave out one within it, whose last match is kept or not.
        self.forgets = False

    def program(self) -> list[_Step]:
        return self._alternatives()

    def _alternatives(self) -> list[_Step]:
        branches: list[list[_Step]] = [[]]
        while self._tokens and self._tokens[0] != ")":
            if self._tokens[0] == "|":
                self._tokens.pop(0)
                branches.append([])
            else:
                branches[-1] += self._repeated()
        program = branches.pop()
        while branches:
            branch = branches.pop()
            # A jump is a split of which both ways are the same.
            jump = len(program) + 1
            program = [_Split(1, len(branch) + 2), *branch, _Split(jump, jump), *program]
        return program

    def _repeated(self) -> list[_Step]:
        begun = list(self._tokens)
        atom = self._atom(self._tokens.pop(0))
        sign = self._tokens[0] if self._tokens else ""
        count = _COUNT.match(sign)
        if count is None and sign[:1] not in ("*", "+", "?"):
            return atom
        self._tokens.pop(0)
        least, most = _limits(sign, count)
        size, lazy = len(atom), len(sign) > 1 and sign.endswith("?")
        within = begun[1 : len(begun) - len(self._tokens) - 2]
        left_out = any(part == "|" or part[0] in "*?" or part.startswith("{0") for part in within)
        self.forgets |= most != 1 and "(" in within and left_out
        self.has_choices |= most != 1 and "(" in begun[: len(within) + 1] and any(part[0] in "*+?{" for part in within)
        more: list[_Step] = []
        if most is None:
            more = [_either(1, size + 2, lazy=lazy), *atom, _Split(-size - 1, -size - 1)]
        else:
            for _ in range(most - least):  # each within the one before
                more = [_either(1, size + len(more) + 1, lazy=lazy), *atom, *more]
        return [*atom * least, *more]

    def _atom(self, token: str) -> list[_Step]:
        if token in ("(", "(?:"):
            inner = self._alternatives()
            self._tokens.pop(0)
            return inner
        if token in ("^", "$"):
            return [_Place("" if self._lines else token)]
        return [_Set(re.compile(token, self._flags), _edges(token))]


def _either(on: int, past: int, *, lazy: bool) -> _Split:
    """To repeat once more or not, whichever is tried first."""
    return _Split(past, on) if lazy else _Split(on, past)


def _limits(sign: str, count: re.Match[str] | None) -> tuple[int, int | None]:
    if count is None:
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign[0]]
    least = int(count[1])
    most = least if not count[2] else int(count[3]) if count[3] else None
    few = min(least, _MOST_TIMES)
    return few, None if most is None else few + min(most - least, _MOST_TIMES)


def _edges(token: str) -> frozenset[int]:
    """Where what a token matches begins and ends."""
    inner = token.removeprefix("[").removeprefix("^").removesuffix("]") if token.startswith("[") else token
    edges = set()
    for first, last in _MEMBER.findall(inner):
        code, end = ord(first[-1]), ord((last or first)[-1])
        edges |= {code, end + 1}
    return frozenset(edges)


class _Walk:
    """Walks an automaton in both manners."""

    def __init__(self, program: Sequence[_Step], *, lazy: bool) -> None:
        self._program = program
        self._lazy = lazy
        self.matches_nothing = self.matches_something = self.only_at_start = False
        #: Whether several ways lead to the same place in the expression and in a text.
        self.ways_meet = False

    def agrees(self) -> bool:
        """Whether both come to the same match of every text."""
        letters = self._letters()
        start = tuple(self._closed([(0, False)], at_start=True))
        self.matches_nothing = any(map(self._matches, start))
        self.only_at_start = not any(self._closed([(0, False)], at_start=False))
        self.ways_meet = False
        waiting, seen = [(start, start)], {(start, start)}
        agree = True
        while waiting:
            ordered, every = waiting.pop()
            agree &= not self._differ(ordered, every)
            for letter in letters:
                read = tuple(tuple(self._after(threads, letter)) for threads in (self._tried(ordered), every))
                pair = read[0], tuple(sorted(read[1]))
                self.matches_something |= any(map(self._matches, pair[1]))
                if not pair[1] or pair in seen:
                    continue
                if len(seen) >= _MOST_STATES:
                    return False
                seen.add(pair)
                waiting.append(pair)
        return agree

    def _differ(self, ordered: Sequence[_Thread], every: Sequence[_Thread]) -> bool:
        if not any(map(self._matches, every)):
            return False
        if self._lazy and ordered:
            # A way that is tried before the shortest match might lead to another one.
            return not self._matches(ordered[0])
        return not self._lazy and not any(map(self._matches, ordered))

    def _tried(self, ordered: Sequence[_Thread]) -> Sequence[_Thread]:
        """The ways that are tried before the first one that has come to a match, if the text goes on."""
        matching = (place for place, (step, ended) in enumerate(ordered) if step == len(self._program) and not ended)
        return ordered[: next(matching, len(ordered))]

    def _matches(self, thread: _Thread) -> bool:
        return thread[0] == len(self._program)

    def _step(self, number: int) -> _Step | None:
        return self._program[number] if number < len(self._program) else None

    def _after(self, threads: Sequence[_Thread], letter: str) -> Iterator[_Thread]:
        read = []
        for number, ended in threads:
            step = self._step(number)
            if isinstance(step, _Set) and not ended and step.pattern.fullmatch(letter):
                read.append((number + 1, False))
        return self._closed(read, at_start=False)

    def _closed(self, threads: Sequence[_Thread], *, at_start: bool) -> Iterator[_Thread]:
        """The ways up to the next characters, in the order in which they are tried; each once."""
        waiting, seen = list(reversed(threads)), set()
        while waiting:
            thread = waiting.pop()
            if thread in seen:
                self.ways_meet = True
                continue
            seen.add(thread)
            number, ended = thread
            step = self._step(number)
            if isinstance(step, _Split):
                waiting += [(number + way, ended) for way in dict.fromkeys((step.second, step.first))]
            elif isinstance(step, _Place):
                if step.sign != "^" or at_start:
                    waiting.append((number + 1, ended or step.sign == "$"))
            else:
                yield thread

    def _letters(self) -> list[str]:
        """A character of each kind that the expression tells apart."""
        sets = [step for step in self._program if isinstance(step, _Set)]
        edges = sorted({0, *(edge for step in sets for edge in step.edges)})
        codes = (edge for edge in edges if edge <= 0x10FFFF and not 0xD800 <= edge < 0xE000)
        kinds: dict[tuple[bool, ...], str] = {}
        for code in codes:
            letter = chr(code)
            kinds.setdefault(tuple(step.pattern.fullmatch(letter) is not None for step in sets), letter)
        return list(kinds.values())
