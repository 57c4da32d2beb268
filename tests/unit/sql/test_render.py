"""Rendering: nodes of a plan in the words of a dialect, and the parameters that they use."""

from __future__ import annotations

import json

import pytest
from fhir4ds_duckdb.syntax import DuckDBSyntax
from fhir4ds_postgres.syntax import PostgresSyntax

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.statement import RAISE_MARKER
from fhir4ds.dialect.syntax import ItemForm, Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.errors import UnsupportedFeature
from fhir4ds.plan.nodes import (
    RESOURCE,
    TRUE,
    Array,
    Bind,
    Case,
    Cast,
    Constant,
    Each,
    Exists,
    Extract,
    Fold,
    FromJson,
    Node,
    Parameter,
    Raise,
    Reference,
    apply,
    integer,
    text,
)
from fhir4ds.sql.render import Renderer
from fhir4ds.testing.engine import Engine
from tests.support.engines import engine_of

_DUCKDB, _POSTGRES = DuckDBSyntax(), PostgresSyntax()
_NAMES = Extract(RESOURCE, (Step("name", each=True),), SqlType.JSON)
_ITEM = Reference("v1", SqlType.JSON)
_LETTERS = Array((text("a"), text("b")), SqlType.TEXT)
_LETTER = Reference("v2", SqlType.TEXT)


@pytest.mark.parametrize(
    ("node", "duckdb", "postgres"),
    [
        (RESOURCE, "resource", "resource"),
        (text("it's"), "'it''s'", "'it''s'"),
        (Cast(integer(1), SqlType.TEXT), "CAST(1 AS VARCHAR)", "CAST(1 AS text)"),
        (
            Extract(RESOURCE, (Step("gender"),), SqlType.TEXT),
            "JSON_EXTRACT_STRING(resource, '$.\"gender\"')",
            "(resource ->> 'gender')",
        ),
        (
            Each(_NAMES, "v1", Extract(_ITEM, (Step("family"),), SqlType.TEXT)),
            "LIST_FILTER(LIST_TRANSFORM(JSON_EXTRACT(resource, '$.\"name\"[*]'), "
            "LAMBDA v1: JSON_EXTRACT_STRING(v1, '$.\"family\"')), LAMBDA y: y IS NOT NULL)",
            "ARRAY_REMOVE(ARRAY(SELECT (v1 ->> 'family') "
            'FROM jsonb_path_query(resource, \'$ ? (@."name".type() != "null")."name"[*]\') AS v1_row (v1)), NULL)',
        ),
        (
            Exists(_NAMES, "v1", apply("is_null", _ITEM)),
            "(0 < LEN(LIST_FILTER(JSON_EXTRACT(resource, '$.\"name\"[*]'), LAMBDA v1: (v1 IS NULL))))",
            'EXISTS (SELECT 1 FROM jsonb_path_query(resource, \'$ ? (@."name".type() != "null")."name"[*]\') AS v1_row (v1) WHERE (v1 IS NULL))',
        ),
        (
            FromJson(_ITEM, SqlType.INTEGER),
            "CAST(NULLIF(REPLACE(REPLACE(v1, '.', '?'), 'e-', '?'), 'null') AS BIGINT)",
            "NULLIF(v1, 'null')::numeric::text::bigint",
        ),
        (
            Case(((TRUE, integer(1)),), integer(2)),
            "(CASE WHEN TRUE THEN 1 ELSE 2 END)",
            "(CASE WHEN TRUE THEN 1 ELSE 2 END)",
        ),
    ],
)
def test_text_of_nodes(node: Node, duckdb: str, postgres: str) -> None:
    """A node is spelled through the words of the dialect."""
    assert (Renderer(_DUCKDB).render(node), Renderer(_POSTGRES).render(node)) == (duckdb, postgres)


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    """DuckDB, then PostgreSQL."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else "duckdb://"
    with engine_of(url) as engine:
        yield engine


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Fold(_LETTERS, "t", "v2", Cast(text("-"), SqlType.TEXT), apply("concat", Reference("t", SqlType.TEXT), _LETTER)), "-ab"),
        (Bind("v3", apply("concat", text("a"), text("b")), apply("concat", Reference("v3", SqlType.TEXT), Reference("v3", SqlType.TEXT))), "abab"),
        (Each(_LETTERS, "v2", Array((_LETTER, _LETTER), SqlType.TEXT)), ["a", "a", "b", "b"]),
        (Each(_LETTERS, "v2", Reference("i", SqlType.INTEGER), where=apply("equal", _LETTER, text("b")), index="i"), [2]),
        (Exists(_LETTERS, "v2", apply("equal", _LETTER, text("c"))), False),
    ],
)  # fmt: skip
def test_nodes_run(engine: Engine, node: Node, expected: object) -> None:
    """What is rendered means what the node says, on every database."""
    assert engine.value(Renderer(engine.syntax).render(node)) == expected


def test_items_stand_in_the_form_that_suits_the_dialect() -> None:
    """A repeated path stands in FROM where that is the way; other collections are arrays, single values are scalars."""
    single = Extract(RESOURCE, (Step("gender"),), SqlType.TEXT)
    assert Renderer(_POSTGRES).item(_NAMES) == (
        'jsonb_path_query(resource, \'$ ? (@."name".type() != "null")."name"[*]\')',
        ItemForm.ROWS,
    )
    assert Renderer(_DUCKDB).item(_NAMES)[1] is ItemForm.ARRAY
    assert Renderer(_POSTGRES).item(_LETTERS)[1] is ItemForm.ARRAY
    assert {Renderer(syntax).item(single)[1] for syntax in (_DUCKDB, _POSTGRES)} == {ItemForm.SCALAR}


@pytest.mark.parametrize(("syntax", "placeholder"), [(_DUCKDB, "$who"), (_POSTGRES, "%(who)s")])
def test_parameters_are_collected_once_and_placed_at_the_end(syntax: Syntax, placeholder: str) -> None:
    """Each parameter is named once; per cent signs are doubled where they would be taken for placeholders."""
    renderer = Renderer(syntax)
    who = Parameter("who", SqlType.TEXT)
    sql = renderer.render(apply("equal", apply("concat", who, text("100%")), who))
    assert renderer.parameters == ["who"]
    finished = renderer.finish(sql)
    assert finished.count(placeholder) == 2
    assert ("100%%" in finished) is syntax.doubles_percent


@pytest.mark.parametrize("syntax", [_DUCKDB, _POSTGRES])
def test_without_parameters_nothing_is_doubled(syntax: Syntax) -> None:
    """A statement without placeholders is sent as it is."""
    renderer = Renderer(syntax)
    assert renderer.finish(renderer.render(text("100%"))) == "'100%'"


@pytest.mark.parametrize("syntax", [_DUCKDB, _POSTGRES])
def test_no_literal_can_look_like_a_parameter(syntax: Syntax) -> None:
    """The mark of a parameter cannot stand in a literal."""
    with pytest.raises(UnsupportedFeature, match=r"U\+0000"):
        Renderer(syntax).render(Constant("\x00who\x00", SqlType.TEXT))


@pytest.mark.parametrize("message", ["expected a single item", 'it\'s 100% \\ "quoted" {0} \u00e9'])
def test_errors_carry_message_position_and_key(engine: Engine, message: str) -> None:
    """What the database raises is one JSON object after a mark, whatever the message and the key hold."""
    sql = Renderer(engine.syntax).render(Raise(message, 7, SqlType.TEXT))
    key = engine.syntax.cast(engine.syntax.text("p'1\"\\"), SqlType.TEXT)
    with pytest.raises(engine.errors) as caught:
        engine.run(f"SELECT {sql} FROM (SELECT {key} AS key) AS one")
    fact = str(caught.value).split(RAISE_MARKER, 1)[1]
    found, _ = json.JSONDecoder().raw_decode(fact)
    assert found == {"message": message, "position": 7, "key": "p'1\"\\"}
