"""Every declared function and operator is documented, with examples, which the conformance kit runs."""

from __future__ import annotations

import pytest

from fhir4ds.functions.catalog import FUNCTIONS, OPERATORS
from fhir4ds.functions.declaration import ParameterKind

_DECLARED = [*FUNCTIONS.values(), *OPERATORS.values()]


def _title(declared: object) -> str:
    return str(getattr(declared, "name", None) or getattr(declared, "symbol"))


@pytest.mark.parametrize("declared", _DECLARED, ids=_title)
def test_declared_with_documentation_and_examples(declared: object) -> None:
    """Each declaration has a summary that is a sentence, a group, and at least one example."""
    assert declared.examples  # type: ignore[attr-defined]
    assert declared.group  # type: ignore[attr-defined]
    summary: str = declared.summary  # type: ignore[attr-defined]
    assert summary.endswith(".") and len(summary) > 10


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_signatures_are_readable(function: object) -> None:
    """Optional parameters come last, and the signature names every parameter."""
    parameters = function.parameters  # type: ignore[attr-defined]
    optional = [parameter.optional for parameter in parameters]
    assert optional == sorted(optional)
    assert len({parameter.name for parameter in parameters}) == len(parameters)
    assert all(isinstance(parameter.kind, ParameterKind) for parameter in parameters)
    signature: str = function.signature  # type: ignore[attr-defined]
    assert signature.startswith(f"{function.name}(")  # type: ignore[attr-defined]
    assert all(parameter.name in signature for parameter in parameters)
