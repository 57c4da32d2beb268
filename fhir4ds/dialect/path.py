"""Steps of a navigation into JSON, as a dialect gets to see them."""

from __future__ import annotations

import attrs


@attrs.frozen
class Step:
    """Go to the member ``name``, and on to each item of the array that it holds if ``each``.

    Parameters
    ----------
    name : str
        Member name, as it stands in the JSON.
    each : bool or None
        Whether the member is an array whose items are meant; None where that is only known when the member is met: the
        items of an array, or the one value.
    here : bool
        Whether it goes to no member but stays at the value, whose items may be meant; then it has no name.
    """

    name: str
    each: bool | None = False
    here: bool = False
