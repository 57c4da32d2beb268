"""Complex values as text that is the same for equivalent ones (FHIRPath N1, section 6.1.2), but for what is compared pair by pair.

First each member name, text and number of the JSON becomes a word without any punctuation. Then the innermost objects and
arrays become words too: their members and items in an order of their own, within other brackets. That is done again until
there is no bracket of JSON left, so it takes as many rounds as there are levels, and no more for many members than for few.
"""

from __future__ import annotations

import functools
from functools import partial

from fhir4ds.dialect.types import SqlType
from fhir4ds.fhir.model import Model
from fhir4ds.functions import markings, measures, quantities
from fhir4ds.functions.declaration import Call
from fhir4ds.functions.markings import MARK, NUMBER, SPACE, TEXT
from fhir4ds.plan.collection import Collection
from fhir4ds.plan.nodes import (
    Array,
    Case,
    Cast,
    Each,
    FromJson,
    Node,
    Reference,
    Repeat,
    Sort,
    apply,
    bind,
    empty,
    integer,
    length,
    text,
)

#: How many levels are looked into, which is far more than resources have; what is deeper is as its JSON is.
_MOST_LEVELS = 40

#: What stands around a part while it is made a word. No text has it, as in JSON it is escaped.
_HERE = "\x02"

#: What the Codings of a CodeableConcept begin with between two `MARK`, which tells them from a number; and what stands between
#: the CodeableConcepts of an array, which have no order: they are between the same two.
CONCEPT = "c"
BETWEEN = "|"

#: What stands between marks; and the same with all around it, of which the last word says how numbers are ordered.
_MARKED = text(f"{MARK}[^{MARK}]*{MARK}")
_RANKS = text(f"[^{MARK}]*{MARK}(?:[^{MARK} ]* )*([^{MARK} ]*){MARK}[^{MARK}]*")

#: What is made a word: a part between marks, a text, which is a name if a colon follows, or a number.
_ATOM = text(f"({MARK}[^{MARK}]*{MARK}|{TEXT}(?:{SPACE}:)?|{NUMBER})")

#: The innermost objects and arrays, with their names, also where an object is the first of several; and what stands around
#: what is in them, and the names.
_INNERMOST = text(r"((?:[0-9a-f]+:\[?)?\{[^{}\[\]]*\}|(?:[0-9a-f]+:)?\[[^{}\[\]]*\])")
_OUTER = text(r"^(?:[0-9a-f]*:)?(?:\[?\{|\[)|[}\]]$")
_UNNAMED = text(r"\{.*$|\[[^{]*$")

#: A word alone in an array, and what tells that there are objects or arrays left.
_ALONE = text(r"\[([^\[\]{},]*)\]")
_BRACKETS = text(r"[{\[]")


def _word(name: str) -> str:
    """A member name as a word.

    Examples
    --------
    >>> _word("id")
    '6964'
    """
    return name.encode().hex()


def _any_of(*names: str) -> str:
    return f"(?:{'|'.join(map(_word, names))})"


def _removed(*names: str) -> str:
    """Some members of an object, without its braces and with a comma before each."""
    return f",{_any_of(*names)}:[^,]*"


#: What equivalence of complex values overlooks (FHIR R4, "FHIRPath", section "Changes to operators").
_ID = text(_removed("id"))

_CODING = ("code", "display", "system", "userSelected", "version")

#: What may be a Coding, or several that are words: objects that have no other members than these, and some of these two.
_LIKE_CODINGS = text(
    rf"^[0-9a-f]+:(?:\[?\{{(?:{_any_of(*_CODING)}:[^,]*,?)+\}}|\[(?:<(?:{_any_of(*_CODING)}:[^;<>]*;)+>,?)+\])$"
)

_TELLING = text(f"[{{,<;]{_any_of('code', 'system')}:")

#: What does not matter of a Coding (FHIR R4, "FHIRPath", section "Changes to operators").
_BESIDE_CODE = text(
    f"{_removed('display', 'userSelected', 'version')}|{_any_of('display', 'userSelected', 'version')}:[^;<>,]*;"
)

#: A CodeableConcept; its Codings, if nothing else is known of them.
_CODINGS = text(rf"^<(?:.*;)?{_word('coding')}:(\((?:<[^<>]*>;)+\)|<[^<>]*>);.*>$")

#: Between two such that follow each other in an array.
_NEXT_CONCEPT = text(f"([)>]){MARK};{MARK}{CONCEPT}")


@functools.lru_cache(maxsize=8)
def _members_of_codings(model: Model) -> tuple[str, ...]:
    """The members that may be Codings.

    Examples
    --------
    >>> from fhir4ds.fhir.model import load_model
    >>> names = _members_of_codings(load_model("R4"))
    >>> [name in names for name in ("coding", "class", "valueCoding", "text")]
    [True, True, True, False]
    """
    elements = (element for name in model.types for element in model.elements(name).values())
    return tuple(
        sorted(
            {
                element.json_name("Coding") if element.choice else element.name
                for element in elements
                if "Coding" in element.types
            }
        )
    )


def canonical(call: Call, item: Node, *collections: Collection) -> Node:
    """A JSON item as text, without case and surplus white space, and without ids.

    Numbers and quantities stand between two `MARK`, with what is known of their units, and so do CodeableConcepts, of which
    there are the Codings after a `CONCEPT`. Those of an array stand between the same two.

    Parameters
    ----------
    call : Call
        Of the operator.
    item : Node
        The item.
    *collections : Collection
        What items are of that are compared with each other.
    """
    written: Node = Cast(item, SqlType.TEXT)
    names = markings.dated(call, *collections)
    if names is not None:
        marked = markings.marked(written, names)
        measured = markings.measured(call, marked, partial(measures.ranked, call.names))
        written = apply("coalesce", measured, written, type=SqlType.TEXT)
    # In brackets there is at least one round.
    start = quantities.joined(text("["), _words(call, written), text("]"))
    level = Reference(call.names.fresh(), SqlType.TEXT, many=True)
    last, nothing = _at(level, integer(1)), empty(SqlType.TEXT, many=True)
    again = apply("regexp_matches", last, _BRACKETS)
    following = Case(((again, Array((_round(call, last),), SqlType.TEXT)),), nothing)
    rounds = Repeat(Array((start,), SqlType.TEXT), level.name, following, False, _MOST_LEVELS, nothing)
    found = bind(call.names.fresh(), rounds, lambda rounds: _at(rounds, length(rounds)))
    return apply("coalesce", found, Cast(item, SqlType.TEXT), type=SqlType.TEXT)


def _at(array: Node, place: Node) -> Node:
    return apply("array_at", array, place, type=SqlType.TEXT)


def _words(call: Call, written: Node) -> Node:
    """JSON whose names, texts and numbers are words."""
    part, place = Reference(call.names.fresh(), SqlType.TEXT), Reference(call.names.fresh(), SqlType.INTEGER)
    first, last = (apply(side, part, integer(1), type=SqlType.TEXT) for side in ("left", "right"))
    name = _hex(_read(apply("regexp_remove", part, text(f"{SPACE}:$"), type=SqlType.TEXT)))
    folded = _hex(apply("fold_text", _read(part), type=SqlType.TEXT))
    branches = (
        (apply("not", markings.is_marked(place)), apply("regexp_remove", part, text(r"\s"), type=SqlType.TEXT)),
        (apply("equal", first, text(MARK)), part),
        (apply("unequal", first, text('"')), _number(call, part)),
        (apply("equal", last, text(":")), quantities.joined(name, text(":"))),
    )
    word = Case(branches, quantities.joined(text("s"), folded))
    atoms = apply("regexp_replace", written, _ATOM, text(rf"{_HERE}\1{_HERE}"), type=SqlType.TEXT)
    return markings.joined(Each(markings.parts(atoms, _HERE), part.name, word, index=place.name))


def _read(json: Node) -> Node:
    return FromJson(Cast(json, SqlType.JSON), SqlType.TEXT)


def _hex(written: Node) -> Node:
    return apply("encode_hex", written, type=SqlType.TEXT)


def _number(call: Call, part: Node) -> Node:
    number = measures.ranked_number(call.names, measures.number(Cast(part, SqlType.JSON)))
    return quantities.joined(text(MARK), number, text(MARK))


def _round(call: Call, written: Node) -> Node:
    """A text in which the innermost objects and arrays have become words."""
    part, place = Reference(call.names.fresh(), SqlType.TEXT), Reference(call.names.fresh(), SqlType.INTEGER)
    around = text(rf"{_HERE}\1{_HERE}")
    marked = apply("regexp_replace", _unpacked(written), _INNERMOST, around, type=SqlType.TEXT)
    word = Case(((markings.is_marked(place), _ordered(call, part)),), part)
    return _unpacked(markings.joined(Each(markings.parts(marked, _HERE), part.name, word, index=place.name)))


def _unpacked(written: Node) -> Node:
    """A text in which a word that is alone in an array stands by itself, as these are the same."""
    return apply("regexp_replace", written, _ALONE, text(r"\1"), type=SqlType.TEXT)


def _ordered(call: Call, part: Node) -> Node:
    """An object or array, behind its name if it has one, as a word; its members or items stand in an order of their own."""
    inner: Node = apply("regexp_remove", part, _OUTER, type=SqlType.TEXT)
    inner = apply("regexp_remove", quantities.joined(text(","), inner), _ID, type=SqlType.TEXT)
    if call.model is not None:
        names = Array(tuple(text(_word(name)) for name in _members_of_codings(call.model)), SqlType.TEXT)
        own = apply("split_part", part, text(":"), integer(1), type=SqlType.TEXT)
        are_codings = apply("and", *(apply("regexp_matches", part, found) for found in (_TELLING, _LIKE_CODINGS)))
        codes = Case(((are_codings, apply("regexp_remove", inner, _BESIDE_CODE, type=SqlType.TEXT)),), inner)
        inner = Case(((apply("array_contains", names, own), codes),), inner)
    other = Reference(call.names.fresh(), SqlType.TEXT)
    bare = apply("regexp_remove", inner, text("^,"), type=SqlType.TEXT)
    words = apply("split", bare, text(","), type=SqlType.TEXT, many=True)
    ordered = Sort(words, other.name, _key(other), descending=False)
    each_ended = quantities.joined(apply("text_join", ordered, text(";"), type=SqlType.TEXT), text(";"))
    is_object = apply("equal", apply("right", part, integer(1), type=SqlType.TEXT), text("}"))
    pieces = apply("coalesce", each_ended, text(""), type=SqlType.TEXT)
    object, array = quantities.joined(text("<"), pieces, text(">")), quantities.joined(text("("), pieces, text(")"))
    if call.model is not None:
        object = apply("regexp_replace", object, _CODINGS, text(rf"{MARK}{CONCEPT}\1{MARK}"), type=SqlType.TEXT)
        array = apply("regexp_replace", array, _NEXT_CONCEPT, text(rf"\1{BETWEEN}{CONCEPT}"), type=SqlType.TEXT)
    word = Case(((is_object, object),), array)
    return quantities.joined(apply("regexp_remove", part, _UNNAMED, type=SqlType.TEXT), word)


def _key(word: Node) -> Node:
    """What items of an array are put in order by, so that those of two arrays that are equivalent have the same place.

    How numbers are written moves none: where all else is the same it is their values that do.
    """
    rest = apply("regexp_remove", word, _MARKED, type=SqlType.TEXT)
    ranks = apply("regexp_replace", word, _RANKS, text(r"\1 "), type=SqlType.TEXT)
    return quantities.joined(rest, text(" "), ranks, word)
