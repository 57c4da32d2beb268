"""From text to abstract syntax tree: a Pratt parser for ``fhirpath.g4``.

Deliberate differences from the grammar: ``$this``, ``$index`` and ``$total`` may not follow a dot, where the grammar lets
them but nothing gives them a meaning; dates and times must exist, a check that the grammar leaves to the parser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fhir4ds.errors import FHIRPathSyntaxError
from fhir4ds.fhirpath import literals
from fhir4ds.fhirpath.advice import advise, describe, place
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
    Node,
    Polarity,
    Quantity,
    SortArgument,
    This,
    Total,
    TypeOperation,
    TypeSpecifier,
    children,
    qualified_type,
    type_specifier,
)
from fhir4ds.fhirpath.grammar import BINARY, CALENDAR_UNITS, POLARITY, POSTFIX, RESERVED
from fhir4ds.fhirpath.lexer import Token, TokenKind, tokenize

#: Expressions inside one another, which is how deep the parser calls itself (five Python frames each, at most).
MAX_NESTING = 100
#: Levels of the tree. What works on trees calls itself for each of them and has Python's 1000 frames to do so.
MAX_DEPTH = 250

_Value = TypeVar("_Value")

_BINDING = {**BINARY, ".": POSTFIX, "[": POSTFIX, "{": POSTFIX}

_VARIABLES: dict[str, type[This | IndexVariable | Total]] = {"$this": This, "$index": IndexVariable, "$total": Total}

_SIMPLE_LITERALS: dict[TokenKind, tuple[LiteralType, Callable[[str], int | str]]] = {
    TokenKind.STRING: (LiteralType.STRING, literals.read_quoted),
    TokenKind.LONG: (LiteralType.LONG, lambda text: literals.read_integer(text[:-1])),
    TokenKind.DATE: (LiteralType.DATE, literals.read_date),
    TokenKind.DATETIME: (LiteralType.DATETIME, literals.read_datetime),
    TokenKind.TIME: (LiteralType.TIME, literals.read_time),
}


def parse(text: str) -> Expression:
    """Parse an expression.

    Parameters
    ----------
    text : str
        FHIRPath, such as ``Patient.name.where(use = 'official').given``.

    Returns
    -------
    Expression
        The root of the abstract syntax tree.

    Raises
    ------
    FHIRPathSyntaxError
        If the text is not an expression, or is nested more than `MAX_NESTING` deep, or its tree more than `MAX_DEPTH`.

    Examples
    --------
    >>> parse("name[0]")
    Index(focus=Member(focus=None, name='name'), index=Literal(value=0, type=<LiteralType.INTEGER: 'Integer'>))
    """
    return _Parser(text).parse()


class _Parser:
    """One pass over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._index = 0
        self._token = self._tokens[0]
        self._nesting = 0

    def parse(self) -> Expression:
        if self._token.kind is TokenKind.END:
            raise self._fault(
                "the expression is empty", self._token, "an expression is, for example, Patient.name.given"
            )
        root = self._expression(0)
        if not self._ended():
            raise self._unexpected("an operator or the end of the expression")
        # A node takes a token at least, so a short text cannot make a deep tree.
        if len(self._tokens) > MAX_DEPTH:
            self._check_depth(root)
        return root

    # --- expressions --------------------------------------------------------------------------------------------------

    def _expression(self, floor: int) -> Expression:
        """Parse operators that bind more tightly than ``floor``, and their operands."""
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise self._fault(
                f"expressions are nested more than {MAX_NESTING} deep", self._token, "split the expression up"
            )
        starts_with_name = self._token.kind is TokenKind.WORD or self._token.kind is TokenKind.DELIMITED
        left = self._operand()
        while (strength := _BINDING.get(self._token.text, 0)) > floor:
            operator = self._token
            if operator.text == ".":
                self._advance()
                left = self._invocation(left)
            elif operator.text == "[":
                self._advance()
                index = self._expression(0)
                self._close(operator, "]")
                left = Index(left, index, position=operator.position)
            elif operator.text == "{":
                type_ = type_specifier(left) if starts_with_name else None
                if type_ is None:
                    raise self._unexpected("an operator or the end of the expression")
                left = self._instance(type_)
            elif operator.text in ("is", "as"):
                self._advance()
                left = TypeOperation(operator.text, left, self._type(), position=operator.position)
            else:
                self._advance()
                left = Binary(operator.text, left, self._expression(strength), position=operator.position)
        self._nesting -= 1
        return left

    def _operand(self) -> Expression:
        token = self._token
        kind = token.kind
        if kind is TokenKind.WORD or kind is TokenKind.DELIMITED:
            if token.text in ("true", "false"):
                self._advance()
                return Literal(token.text == "true", LiteralType.BOOLEAN, position=token.position)
            return self._invocation(None)
        if kind in _SIMPLE_LITERALS:
            self._advance()
            type_, read = _SIMPLE_LITERALS[kind]
            return Literal(self._read(read, token), type_, position=token.position)
        if kind is TokenKind.INTEGER or kind is TokenKind.DECIMAL:
            return self._number()
        if kind is TokenKind.VARIABLE and token.text in _VARIABLES:
            self._advance()
            return _VARIABLES[token.text](position=token.position)
        if token.text == "(":
            self._advance()
            inner = self._expression(0)
            self._close(token, ")")
            return inner
        if token.text in ("+", "-"):
            return self._polarity()
        if token.text == "%":
            return self._external()
        if token.text == "{":
            self._advance()
            self._close(token, "}")
            return Empty(position=token.position)
        raise self._unexpected("an expression")

    def _polarity(self) -> Expression:
        signs: list[Token] = []
        while self._token.text in ("+", "-"):
            signs.append(self._token)
            self._advance()
        operand = self._expression(POLARITY)
        for sign in reversed(signs):
            operand = Polarity(sign.text, operand, position=sign.position)
        return operand

    def _external(self) -> External:
        percent = self._token
        self._advance()
        if self._token.kind is TokenKind.STRING:
            name = self._read(literals.read_quoted, self._token)
            self._advance()
        else:
            name = self._name("the name of a variable")
        return External(name, position=percent.position)

    # --- literals -----------------------------------------------------------------------------------------------------

    def _number(self) -> Literal:
        number = self._token
        self._advance()
        unit = self._token
        if unit.kind is TokenKind.STRING or (unit.kind is TokenKind.WORD and unit.text in CALENDAR_UNITS):
            self._advance()
            is_calendar = unit.kind is TokenKind.WORD
            quantity = Quantity(
                self._read(literals.read_decimal, number),
                unit.text if is_calendar else self._read(literals.read_quoted, unit),
                is_calendar,
            )
            return Literal(quantity, LiteralType.QUANTITY, position=number.position)
        if number.kind is TokenKind.INTEGER:
            return Literal(self._read(literals.read_integer, number), LiteralType.INTEGER, position=number.position)
        return Literal(self._read(literals.read_decimal, number), LiteralType.DECIMAL, position=number.position)

    def _read(self, read: Callable[[str], _Value], token: Token) -> _Value:
        try:
            return read(token.text)
        except literals.InvalidLiteral as fault:
            raise self._fault(fault.message, token, fault.hint) from None

    # --- names, functions, types --------------------------------------------------------------------------------------

    def _invocation(self, focus: Expression | None) -> Member | Call:
        position = self._token.position
        name = self._name("an expression" if focus is None else "the name of an element or function")
        if self._token.text == "(":
            return Call(focus, name, self._arguments(name), position=position)
        return Member(focus, name, position=position)

    def _name(self, expected: str) -> str:
        token = self._token
        if token.kind is TokenKind.DELIMITED:
            self._advance()
            return self._read(literals.read_quoted, token)
        if token.kind is not TokenKind.WORD or token.text in RESERVED:
            raise self._unexpected(expected)
        self._advance()
        return token.text

    def _arguments(self, function: str) -> tuple[Expression, ...]:
        opening = self._token
        self._advance()
        if self._token.text == ")":
            self._advance()
            return ()
        arguments = [self._argument(function)]
        while self._token.text == ",":
            self._advance()
            arguments.append(self._argument(function))
        self._close(opening, ")", "',' or ')'")
        return tuple(arguments)

    def _argument(self, function: str) -> Expression:
        position = self._token.position
        argument = self._expression(0)
        if function != "sort":
            return argument
        direction = self._token.text
        if direction in ("asc", "desc"):
            self._advance()
        return SortArgument(argument, direction == "desc", position=position)

    def _type(self) -> TypeSpecifier:
        position = self._token.position
        names = [self._name("the name of a type")]
        while self._token.text == "." and self._names_more_of_type():
            self._advance()
            names.append(self._name("the name of a type"))
        return qualified_type(names, position)

    def _names_more_of_type(self) -> bool:
        # `x is Quantity.not()` calls not() on the answer: a type is never called. The token of kind END guards the index.
        name = self._tokens[self._index + 1]
        if name.kind is TokenKind.WORD:
            return name.text not in RESERVED and self._tokens[self._index + 2].text != "("
        return name.kind is TokenKind.DELIMITED and self._tokens[self._index + 2].text != "("

    def _instance(self, type_: TypeSpecifier) -> InstanceSelector:
        opening = self._token
        self._advance()
        elements: list[InstanceElement] = []
        if self._token.text == ":":
            self._advance()
        else:
            elements.append(self._element())
            while self._token.text == ",":
                self._advance()
                elements.append(self._element())
        self._close(opening, "}", "',' or '}'" if elements else "'}'")
        return InstanceSelector(type_, tuple(elements), position=type_.position)

    def _element(self) -> InstanceElement:
        position = self._token.position
        name = self._name("the name of an element, or ':' for an empty instance,")
        if self._token.text != ":":
            raise self._unexpected("':'")
        self._advance()
        return InstanceElement(name, self._expression(0), position=position)

    # --- tokens and faults --------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        self._index += 1
        self._token = self._tokens[self._index]

    def _ended(self) -> bool:
        return self._token.kind is TokenKind.END

    def _close(self, opening: Token, closing: str, expected: str | None = None) -> None:
        """Step over a closing bracket."""
        if self._token.text == closing:
            self._advance()
        elif self._ended():
            raise self._fault(
                f"missing '{closing}' for the '{opening.text}' at {place(self._text, opening.position)}",
                self._token,
                f"add '{closing}'",
            )
        else:
            raise self._unexpected(
                f"{expected or repr(closing)} for the '{opening.text}' at {place(self._text, opening.position)}"
            )

    def _unexpected(self, expected: str) -> FHIRPathSyntaxError:
        previous = self._tokens[self._index - 1] if self._index else None
        after = f" after {describe(previous)}" if previous is not None else ""
        return self._fault(
            f"expected {expected}{after}, found {describe(self._token)}", self._token, advise(self._tokens, self._index)
        )

    def _fault(self, message: str, token: Token, hint: str | None) -> FHIRPathSyntaxError:
        return FHIRPathSyntaxError(message, expression=self._text, position=token.position, hint=hint)

    def _check_depth(self, root: Expression) -> None:
        level: list[Node] = [root]
        for _ in range(MAX_DEPTH):
            level = [child for node in level for child in children(node)]
            if not level:
                return
        raise FHIRPathSyntaxError(
            f"the expression has more than {MAX_DEPTH} steps or operators on one path",
            expression=self._text,
            position=level[0].position,
            hint="split it up, or give a long list of alternatives as a parameter: code in %codes",
        )
