"""The steps that put the codes of a value set together (FHIR R4, "ValueSet", sections on composition and expansion)."""

from __future__ import annotations

from collections.abc import Callable

from fhir4ds.dialect.path import Step
from fhir4ds.dialect.syntax import Syntax
from fhir4ds.dialect.types import SqlType
from fhir4ds.plan.nodes import Each, Extract, Node, Reference, Repeat, apply, empty
from fhir4ds.plan.relation import Mark, ValueSetCodes
from fhir4ds.sql.cte import CTE, CTEBuilder

#: The column of the step that has the codes.
CODE = "code"

#: How deep value sets may include one another.
_MOST_LEVELS = 4
#: How deep codes may stand below one another.
_MOST_CODES_DEEP = 30

_RESOURCE = Reference("resource", SqlType.JSON)


def expand(
    syntax: Syntax,
    steps: CTEBuilder,
    render: Callable[[Node], str],
    relation: ValueSetCodes,
    value_sets: CTE | None,
    code_systems: CTE | None,
) -> CTE:
    """Add the steps of a value set.

    Parameters
    ----------
    syntax : Syntax
        The dialect's words.
    steps : CTEBuilder
        Where the steps are added.
    render : callable
        Renders a plan for the statement.
    relation : ValueSetCodes
        The value set.
    value_sets, code_systems : CTE, optional
        What is loaded: resources by url and version; None where nothing is.

    Returns
    -------
    CTE
        The step with the codes and marks.
    """
    if value_sets is None or code_systems is None:
        return steps.add("value_set", f"SELECT {syntax.text(Mark.UNKNOWN.value)} AS {CODE}")
    return _Expansion(syntax, steps, render, value_sets, code_systems).of(relation)


class _Expansion:
    """The codes of one value set, and of all value sets that it includes, round by round."""

    def __init__(
        self,
        syntax: Syntax,
        steps: CTEBuilder,
        render: Callable[[Node], str],
        value_sets: CTE,
        code_systems: CTE,
    ) -> None:
        self.syntax = syntax
        self._steps = steps
        self._render = render
        self._value_sets = value_sets
        self._code_systems = code_systems

    def of(self, relation: ValueSetCodes) -> CTE:
        url = self._render(relation.url)
        sets = self._reached(url)
        parts = self._parts(sets)
        included = self.syntax.unnested(parts, ["place", "name"], self._texts("part", "valueSet"), "included")
        named = self._add("value_set_names", included)
        own = self._own(parts)
        expanded = self._expanded(sets)
        codes: str | None = None
        for _ in range(_MOST_LEVELS):
            codes = self._round(sets, parts, named, own, expanded, codes)
        return self._final(url, sets, str(codes))

    def _add(self, title: str, query: str) -> str:
        return self._steps.add(title, query, materialized=True).name

    def _text(self, json: str, *names: str) -> str:
        return self.syntax.extract(json, [Step(name) for name in names], SqlType.TEXT)

    def _texts(self, json: str, name: str) -> str:
        return self.syntax.extract_array(json, [Step(name, each=True)], SqlType.TEXT)

    def _items(self, json: str, *names: str) -> str:
        *outer, last = names
        steps = [*map(Step, outer), Step(last, each=True)]
        return self.syntax.extract_array(json, steps, SqlType.JSON)

    def _mark(self, mark: Mark) -> str:
        return self.syntax.text(mark.value)

    def _is_mark(self, code: str) -> str:
        return f"{self.syntax.apply('left', code, '1')} = '!'"

    def _key(self, system: str, code: str) -> str:
        return self.syntax.apply("concat", self.syntax.apply("concat", system, "'|'"), code)

    def _is(self, url: str, alias: str) -> str:
        """Whether a loaded resource is the one that a canonical url names."""
        base, version = (self.syntax.apply("split_part", url, "'|'", str(number)) for number in (1, 2))
        return f"{alias}.url = {base} AND {alias}.version = {version}"

    def _reached(self, url: str) -> str:
        """The value sets that are named, directly or by others; one that is not loaded has no resource."""
        step = self._add(
            "value_set",
            f"SELECT named.name, found.resource FROM (SELECT {url} AS name) AS named "
            f"LEFT JOIN {self._value_sets.name} AS found ON {self._is('named.name', 'found')}",
        )
        names = [step]
        for _ in range(_MOST_LEVELS - 1):
            include, exclude = (self._items("resource", "compose", name) for name in ("include", "exclude"))
            both = self.syntax.apply("array_concat", include, exclude)
            parts = f"({self.syntax.unnested(step, ['name'], both, 'part')}) AS parts"
            named = self.syntax.unnested(parts, ["name"], self._texts("part", "valueSet"), "included")
            included = f"SELECT DISTINCT included AS name FROM ({named}) AS named"
            step = self._add(
                "value_sets_included",
                f"SELECT named.name, found.resource FROM ({included}) AS named "
                f"LEFT JOIN {self._value_sets.name} AS found ON {self._is('named.name', 'found')}",
            )
            names.append(step)
        # The same value set is the same resource on every level.
        every = " UNION ALL ".join(
            f"SELECT name, resource, {level} AS level FROM {step}" for level, step in enumerate(names)
        )
        first = f"SELECT *, ROW_NUMBER() OVER (PARTITION BY name ORDER BY level) AS place FROM ({every}) AS reached"
        return self._add("value_sets", f"SELECT name, resource FROM ({first}) AS reached WHERE place = 1")

    def _parts(self, sets: str) -> str:
        """What definitions include (sign ``+``) and exclude; an expansion stands for the definition."""
        expansion = self.syntax.extract("resource", [Step("expansion")], SqlType.JSON)
        composed = f"(SELECT name, resource FROM {sets} WHERE {expansion} IS NULL) AS composed"
        selects = [
            self.syntax.unnested(
                composed, ["name", f"{sign} AS sign"], self._items("resource", "compose", name), "part"
            )
            for sign, name in (("'+'", "include"), ("'-'", "exclude"))
        ]
        size = self.syntax.apply("array_length", self._texts("part", "valueSet"))
        return self._add(
            "value_set_parts",
            f"SELECT name, sign, part, {self._text('part', 'system')} AS system, COALESCE({size}, 0) AS named, "
            f"ROW_NUMBER() OVER (ORDER BY name, sign) AS place FROM ({' UNION ALL '.join(selects)}) AS parts",
        )

    def _own(self, parts: str) -> str:
        """The codes that parts list, or take from a whole code system."""
        filtered = f"{self.syntax.apply('array_length', self._items('part', 'filter'))} > 0"
        listed = f"{self.syntax.apply('array_length', self._items('part', 'concept'))} > 0"
        kinds = self._add(
            "value_set_contents",
            f"SELECT *, CASE WHEN {filtered} THEN 'filter' WHEN {listed} THEN 'list' "
            f"WHEN system IS NOT NULL THEN 'system' END AS content FROM {parts}",
        )
        version = f"COALESCE({self._text('part.part', 'version')}, '')"
        complete = f"{self._text('found.resource', 'content')} = 'complete'"
        joined = (
            f"(SELECT * FROM {kinds} WHERE content = 'system') AS part LEFT JOIN {self._code_systems.name} AS found "
            f"ON {self._is(self._key('part.system', version), 'found')} AND {complete}"
        )
        systems = self._add("code_systems", f"SELECT part.place, part.system, found.resource FROM {joined}")
        listed_parts = f"(SELECT place, system, part FROM {kinds} WHERE content = 'list') AS listed"
        found_systems = f"(SELECT place, system, resource FROM {systems} WHERE resource IS NOT NULL) AS found"
        concepts = (
            self.syntax.unnested(listed_parts, ["place", "system"], self._items("part", "concept"), "concept"),
            self.syntax.unnested(
                found_systems, ["place", "system"], self._nested((Step("concept", each=True),)), "concept"
            ),
        )
        code = self._key("system", self._text("concept", "code"))
        selects = (
            *(f"SELECT place, {code} AS {CODE} FROM ({taken}) AS concepts" for taken in concepts),
            f"SELECT place, {self._mark(Mark.CODE_SYSTEM)} AS {CODE} FROM {systems} WHERE resource IS NULL",
            f"SELECT place, {self._mark(Mark.FILTER)} AS {CODE} FROM {kinds} WHERE content = 'filter'",
        )
        return self._add("value_set_own_codes", " UNION ".join(selects))

    def _nested(self, steps: tuple[Step, ...]) -> str:
        """The items at a path of the column ``resource``, and all that are below them by the name of the last step."""
        items = Extract(_RESOURCE, steps, SqlType.JSON)
        item = Reference("nested", SqlType.JSON)
        below = Extract(item, steps[-1:], SqlType.JSON)
        level = Reference("nested_level", SqlType.JSON, many=True)
        deeper = Repeat(
            items,
            level.name,
            Each(level, item.name, below),
            distinct=False,
            levels=_MOST_CODES_DEEP,
            overflow=empty(SqlType.JSON, many=True),
        )
        return self._render(apply("array_concat", items, deeper, type=SqlType.JSON, many=True))

    def _expanded(self, sets: str) -> str:
        """The codes of expansions; an abstract one cannot be chosen."""
        system, code = f"COALESCE({self._text('item', 'system')}, '')", self._text("item", "code")
        abstract = self.syntax.extract("item", [Step("abstract")], SqlType.BOOLEAN)
        expansion = self.syntax.extract("resource", [Step("expansion")], SqlType.JSON)
        expanded = f"(SELECT name, resource FROM {sets} WHERE {expansion} IS NOT NULL) AS expanded"
        items = self._nested((Step("expansion"), Step("contains", each=True)))
        return self._add(
            "value_set_expansions",
            f"SELECT DISTINCT name, {self._key(system, code)} AS {CODE} "
            f"FROM ({self.syntax.unnested(expanded, ['name'], items, 'item')}) AS items "
            f"WHERE {code} IS NOT NULL AND {abstract} IS NOT TRUE",
        )

    def _round(self, sets: str, parts: str, named: str, own: str, expanded: str, codes: str | None) -> str:
        """The codes of all value sets, given those of the value sets that they include from the round before."""
        alone = (
            f"SELECT part.name, part.sign, own.{CODE} FROM {parts} AS part JOIN {own} AS own ON own.place = part.place "
            f"WHERE part.named = 0 OR {self._is_mark(f'own.{CODE}')}"
        )
        selects = [alone]
        if codes is None:
            selects.append(f"SELECT name, sign, {self._mark(Mark.LEVELS)} AS {CODE} FROM {parts} WHERE named > 0")
        else:
            is_mark = self._is_mark(f"inner_code.{CODE}")
            selects.append(
                f"SELECT part.name, part.sign, inner_code.{CODE} FROM {parts} AS part "
                f"JOIN {named} AS named ON named.place = part.place "
                f"JOIN {codes} AS inner_code ON inner_code.name = named.included "
                f"LEFT JOIN {own} AS own ON own.place = part.place AND own.{CODE} = inner_code.{CODE} "
                f"WHERE part.system IS NULL OR own.{CODE} IS NOT NULL OR {is_mark} "
                f"GROUP BY part.place, part.name, part.sign, part.named, inner_code.{CODE} "
                f"HAVING COUNT(DISTINCT named.included) = part.named OR {is_mark}"
            )
        every = self._add("value_set_signed_codes", " UNION ".join(selects))
        # Read once: a database may copy a step, and all before it, for each reference to it, and rounds would multiply that.
        excluded = f"SELECT name, {CODE}, MAX(CASE sign WHEN '-' THEN 1 ELSE 0 END) AS excluded FROM {every}"
        unknown = f"MAX(CASE WHEN {self._is_mark(CODE)} THEN excluded ELSE 0 END) OVER (PARTITION BY name)"
        judged = f"SELECT *, {unknown} AS unknown FROM ({excluded} GROUP BY name, {CODE}) AS signed"
        missing = f"CASE WHEN resource IS NULL THEN {self._mark(Mark.VALUE_SET)} END"
        return self._add(
            "value_set_codes",
            f"SELECT name, {CODE} FROM {expanded} UNION "
            f"SELECT name, {missing} AS {CODE} FROM {sets} WHERE resource IS NULL UNION "
            # Without knowing what is excluded, there is no code of which it is known that it is included.
            f"SELECT name, {CODE} FROM ({judged}) AS judged WHERE {self._is_mark(CODE)} OR excluded + unknown = 0",
        )

    def _final(self, url: str, sets: str, codes: str) -> CTE:
        """The codes of the value set itself, with and without their systems, and its marks."""
        place = self.syntax.apply("position", CODE, "'|'")
        rest = self.syntax.apply("substring", CODE, f"({place} + 1)", self.syntax.apply("length", CODE))
        bare = self.syntax.apply("concat", "'#'", rest)
        system = self.syntax.apply("split_part", CODE, "'|'", "1")
        mark, unknown = self._is_mark(CODE), self._mark(Mark.VALUE_SET)
        all = self._add("value_set_all_codes", f"SELECT {CODE} FROM {codes} WHERE name = {url}")
        loaded = f"EXISTS (SELECT 1 FROM {sets} WHERE name = {url} AND resource IS NOT NULL)"
        systems = f"SELECT COUNT(DISTINCT {system}) AS systems FROM {all} WHERE NOT {mark}"
        query = (
            f"SELECT CASE WHEN {CODE} = {unknown} AND NOT {loaded} THEN {self._mark(Mark.UNKNOWN)} ELSE {CODE} END "
            f"AS {CODE} FROM {all} UNION SELECT {bare} AS {CODE} FROM {all} WHERE NOT {mark} UNION "
            f"SELECT {self._mark(Mark.SYSTEMS)} AS {CODE} FROM ({systems}) AS counted WHERE systems > 1"
        )
        return self._steps.add("value_set_members", query, materialized=True)
