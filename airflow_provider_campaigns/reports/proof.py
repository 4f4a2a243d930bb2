"""How a report was proven, how many readings that took and how many results are not final: the same words everywhere.

Pure.
"""

from __future__ import annotations

from airflow_provider_campaigns.reports.page.text import plural

_HOW = {
    "one_reading": "the pages stood still while they were read",
    "same_rows_twice": "a further reading found the same rows",
    "gathered": "all readings together hold each contact",
    "totals": "by totals only, as there are no results by contact",
}


def proof_in_words(proven_by: str | None, readings: int, pending: int | None, *, complete: bool) -> str:
    """One line for page, question and log, such as ``proven: the pages stood still ...; 1 reading; all results final``.

    Args:
        proven_by: as in the manifest; None of a report that is not complete, or that an earlier version has made.
        readings: how often the pages were read.
        pending: results that are not final; None where they were not counted, of which nothing is said.
        complete: the report is.
    """
    how = f"proven: {_HOW.get(proven_by or '', 'how is not known')}" if complete else "not proven"
    final = [] if pending is None else [f"{plural(pending, 'result')} not final" if pending else "all results final"]
    return "; ".join([how, plural(readings, "reading"), *final])
