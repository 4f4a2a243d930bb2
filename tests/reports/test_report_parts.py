"""What a report holds in memory while it is made."""

from __future__ import annotations

from airflow_provider_campaigns.reports.parts import Page
from airflow_provider_campaigns.reports.whole_reading import _First


def test_repr() -> None:
    """No page shows a contact where it is printed."""
    page = Page([b'{"phoneNumber":"12005550100"}\n'], [{"phoneNumber": "12005550100", "name": "Ann"}], [7])

    assert repr(page) == "Page()"
    assert repr(_First(page, 1, 1)) == "_First(page=Page(), pages=1, total=1)"
