"""Fair timing: alternatives take turns, and medians of several rounds are told."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def median_ms(alternatives: Mapping[str, Callable[[], object]], *, rounds: int, calls: int) -> dict[str, float]:
    """Median milliseconds a call of each alternative takes.

    Each round makes ``calls`` calls of every alternative in turn, so that a machine whose speed drifts is unfair to
    none; a round counts with the median of its calls, and the result is the median of the rounds.
    """
    medians: dict[str, list[float]] = {name: [] for name in alternatives}
    for call in alternatives.values():
        call()
    for _ in range(rounds):
        for name, call in alternatives.items():
            taken = []
            for _ in range(calls):
                began = time.perf_counter()
                call()
                taken.append(time.perf_counter() - began)
            medians[name].append(statistics.median(taken))
    return {name: statistics.median(one) * 1000 for name, one in medians.items()}


def table(title: str, rows: Mapping[str, float], *, unit: str, relative_to: str | None = None) -> str:
    """The figures as lines, each also as a multiple of one of them."""
    lines = [f"{title}"]
    for name, value in rows.items():
        factor = f"  {value / rows[relative_to]:6.2f} x" if relative_to else ""
        lines.append(f"  {name:<52} {value:9.3f} {unit}{factor}")
    return "\n".join(lines)
