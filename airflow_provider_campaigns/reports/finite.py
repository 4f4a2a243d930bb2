"""Numbers that JSON does not have: Python reads them from an answer, other readers of a file would stop at them."""

from __future__ import annotations

import json
import math
from types import MappingProxyType
from typing import Any


def finite(value: Any) -> Any:
    """A copy of a JSON value with a text, as in ``"NaN"`` or ``"-Infinity"``, for each number that is none."""
    if isinstance(value, dict | MappingProxyType):
        return {name: one if type(one) in _PLAIN else finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [one if type(one) in _PLAIN else finite(one) for one in value]
    return json.dumps(value) if isinstance(value, float) and not math.isfinite(value) else value


_PLAIN = frozenset({str, int, bool, type(None)})
"""Nearly all that a row holds; asked here, because a call for each value takes as long as writing it."""
