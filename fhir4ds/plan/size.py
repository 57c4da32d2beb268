"""How large a plan is when it is written out.

Plans share their parts: what a function uses twice is one node that stands in two places. SQL has to write it twice, so a
chain of such functions doubles the statement with each link while the plan hardly grows. Sizes are known before that.
"""

from __future__ import annotations

from fhir4ds.plan.parts import Memo, parts


class Sizes(Memo[int]):
    """Number of nodes of plans, each counted wherever it stands; every part of a plan is looked at once.

    Examples
    --------
    >>> from fhir4ds.plan.nodes import apply, integer
    >>> sizes, plan = Sizes(), integer(1)
    >>> for _ in range(100):
    ...     plan = apply("add", plan, plan)
    >>> sizes.of(plan) == 2**101 - 1
    True
    """

    def __init__(self) -> None:
        super().__init__(lambda node: 1 + sum(map(self.of, parts(node))))
