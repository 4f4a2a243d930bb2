"""Is a campaign there: yes, provably not, or nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreConnectionError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.presence import PROVEN_MISSING, look_for, not_there

if TYPE_CHECKING:
    from collections.abc import Callable

FOUND = Campaign.from_api({"_id": "cd-1", "status": "Stopped"})
NOT_FOUND = KoreNotFoundError("HTTP 404")
REFUSED = KoreAuthenticationError("HTTP 401")
BROKEN = KoreConnectionError("reset")


def saying(answer: Any) -> Callable[[str], Any]:
    def answer_of(campaign_id: str) -> Any:
        assert campaign_id == "cd-1"
        if isinstance(answer, KoreError):
            raise answer
        return answer

    return answer_of


def not_asked(campaign_id: str) -> bool:
    raise AssertionError("the list was asked for nothing")


@pytest.mark.parametrize(
    ("reading", "listed", "presence"),
    [
        (FOUND, None, FOUND),
        (NOT_FOUND, False, PROVEN_MISSING),
        # Nobody can tell.
        (NOT_FOUND, True, KoreProtocolError),
        (NOT_FOUND, REFUSED, KoreAuthenticationError),
        (NOT_FOUND, BROKEN, KoreConnectionError),
        (REFUSED, None, KoreAuthenticationError),
        (BROKEN, None, KoreConnectionError),
        (KoreServiceError("HTTP 503"), None, KoreServiceError),
    ],
)
def test_look_for(reading: Any, listed: Any, presence: Any) -> None:
    """It is there if reading finds it, missing if neither reading nor the list does; else that is an error."""
    ask_list = not_asked if listed is None else saying(listed)

    if isinstance(presence, type):
        with pytest.raises(presence):
            look_for("cd-1", read=saying(reading), is_listed=ask_list)
    else:
        assert look_for("cd-1", read=saying(reading), is_listed=ask_list) is presence


def test_look_for__contradiction() -> None:
    """Reading and list that contradict each other may agree the next time."""
    with pytest.raises(KoreProtocolError) as caught:
        look_for("cd-1", read=saying(NOT_FOUND), is_listed=saying(True))

    assert str(caught.value) == ("campaign cd-1: is in the list, but reading it says that there is none (HTTP 404)")
    assert (caught.value.retryable, caught.value.campaign_id) == (True, "cd-1")


def test_not_there() -> None:
    """The error says how it was proven, and what then."""
    error = not_there("cd-1", "; nothing was sent")

    assert str(error) == "campaign cd-1: there is none, by reading and by the list; nothing was sent"
    assert (error.campaign_id, error.retryable) == ("cd-1", False)
