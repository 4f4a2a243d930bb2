"""Counts as horizontal bars: which are shown, in which order, how long, and what their text says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_campaigns.reports.page.text import number, plural, share, shown
from airflow_provider_campaigns.reports.summary import OTHER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SHOWN = 12
"""So many kinds are shown at once; more are folded away."""

_EMPTY = "(empty)"
_MOST_BINS = 15


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        label: the kind that was counted, in the service's own words.
        gloss: what that means, in ours; empty where it speaks for itself.
        count: how many, as text.
        share: of all, as text.
        width: of the longest bar, as a percentage with two decimals, without its sign.
    """

    label: str
    gloss: str
    count: str
    share: str
    width: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, those that are folded away, and the line that stands for them; none of each if nothing was counted."""

    bars: tuple[Bar, ...] = ()
    folded: tuple[Bar, ...] = ()
    others: Bar | None = None


def bars_of(counts: Mapping[str, int], glosses: Mapping[str, str]) -> Chart:
    """A bar for each kind, in the order given; the first twelve stand for themselves."""
    bars = _bars(counts.items(), glosses)
    if len(bars) <= SHOWN + 1:  # a line for one other would take the place of that one
        return Chart(bars)
    rest = sum(list(counts.values())[SHOWN:])
    others = Bar(
        label=f"and {number(len(bars) - SHOWN)} others",
        gloss="",
        count=number(rest),
        share=share(rest, sum(counts.values())),
        width="",
    )
    return Chart(bars[:SHOWN], bars[SHOWN:], others)


def attempts_of(histogram: Mapping[str, int]) -> Chart:
    """How many contacts got how many attempts, without gaps from the fewest to the most, in at most fifteen bars.

    Those that the summary counts together, as it has too many numbers to tell apart, are one more bar at the end.
    """
    contacts = {int(attempts): count for attempts, count in histogram.items() if attempts != OTHER}
    if not contacts:
        return Chart()
    fewest, most = min(contacts), max(contacts)
    step = -(-(most - fewest + 1) // _MOST_BINS)
    bins = dict.fromkeys(range(fewest, most + 1, step), 0)
    for attempts, count in contacts.items():
        bins[attempts - (attempts - fewest) % step] += count
    labels = {start: plural(start, "attempt") for start in bins}
    if step > 1:
        labels = {start: f"{number(start)} to {number(min(start + step - 1, most))} attempts" for start in bins}
    bars = [(labels[start], count) for start, count in bins.items()]
    if OTHER in histogram:
        bars.append(("other numbers of attempts", histogram[OTHER]))
    return Chart(_bars(bars, {}))


def _bars(pairs: Collection[tuple[str, int]], glosses: Mapping[str, str]) -> tuple[Bar, ...]:
    whole = sum(count for _, count in pairs)
    longest = max((count for _, count in pairs), default=0)
    return tuple(
        Bar(
            label=shown(label) or _EMPTY,
            gloss=glosses.get(label, ""),
            count=number(count),
            share=share(count, whole),
            width=f"{100 * count / longest if longest else 0:.2f}",
        )
        for label, count in pairs
    )
