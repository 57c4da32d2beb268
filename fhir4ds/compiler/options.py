"""What can be asked of the compiler beside the expression."""

from __future__ import annotations

import enum

import attrs

from fhir4ds.compiler.variables import Variable
from fhir4ds.errors import InvalidArguments


class OnError(enum.Enum):
    """What becomes of a resource for which an expression raises an error."""

    RAISE = "raise"  # the error ends the query
    NULL = "null"  # it has no items, and the error is told beside them

    @classmethod
    def named(cls, name: str) -> OnError:
        """The choice that a user names.

        Raises
        ------
        InvalidArguments
            For any other name.
        """
        try:
            return cls(name)
        except ValueError:
            raise InvalidArguments(f"on_error is 'raise' or 'null', not {name!r}") from None


class Care(enum.Enum):
    """What is made sure of in the values of resources, at a cost."""

    USUAL = "usual"  # what a resource that is FHIR needs, as a rule
    DIGITS = "digits"  # numbers within items are delivered as they are written, also where hardly any item has one
    VALUES = "values"  # that too, and each value is looked at before it is read: one that cannot be is an error


@attrs.frozen(kw_only=True)
class Options:
    """Choices that change the meaning of an expression; equal options compile alike.

    Parameters
    ----------
    model : str, optional
        FHIR version that types elements, such as ``"R4"``; None navigates untyped JSON.
    strict : bool
        Whether the specification's strict rules are enforced.
    context : tuple of str
        Resource types that the expression is about, where it does not begin with one.
    variables : tuple of (str, Variable)
        Variables that the expression may use as ``%name``, and what is known of them.
    on_error : OnError
        What becomes of a resource for which the expression raises an error.
    care : Care
        What is made sure of in the values of resources.
    """

    model: str | None = "R4"
    strict: bool = False
    context: tuple[str, ...] = ()
    variables: tuple[tuple[str, Variable], ...] = ()
    on_error: OnError = OnError.RAISE
    care: Care = Care.USUAL
