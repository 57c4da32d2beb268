"""docs/dialect-contract.md lists every word, primitive, method and flag of the contract, as the code has them."""

from __future__ import annotations

from tests.support.contract_page import PAGE, filled


def test_page_is_what_the_code_says() -> None:
    page = PAGE.read_text("utf-8")
    assert filled(page) == page, "run: python -m tests.support.contract_page"
