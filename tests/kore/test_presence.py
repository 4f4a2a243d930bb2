"""Is a campaign there: yes, provably not, or nobody can tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_campaigns.kore.budget_store import MemoryStore
from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreConnectionError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRequestError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.presence import (
    GET_AND_STATUS,
    PROVEN_MISSING,
    ProvenMissing,
    look_for,
    not_there,
    says_not_there,
)
from airflow_provider_campaigns.kore.proof import Proof

if TYPE_CHECKING:
    from collections.abc import Callable

FOUND = Campaign.from_api({"_id": "cd-1", "status": "Stopped"})
NOT_FOUND = KoreNotFoundError("HTTP 404")
NOT_FOUND.nothing_found = "not found"
ELSEWHERE = KoreNotFoundError("HTTP 404 of a gateway")
ELSEWHERE.nothing_found = "no such path"
OTHERWISE = KoreRequestError("HTTP 410")
OTHERWISE.nothing_found = "other words"
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


def seen(*, nobody: Any, list_answer: Any = {}, status: Any = BROKEN) -> Proof:  # noqa: B006
    """A proof that tried how the service answers for an id that cannot be there, and which list it has."""

    def answering(answer: Any) -> Any:
        if isinstance(answer, KoreError):
            raise answer
        return answer

    proof = Proof(
        read=lambda _: answering(nobody),
        read_status=lambda _: answering(status),
        try_list=lambda _: answering(list_answer),
        store=MemoryStore(),
        clock=lambda: 0.0,
    )
    proof.saw("cd-2")
    return proof


UNTRIED = seen(nobody=BROKEN)
PLAIN = seen(nobody=NOT_FOUND)
IN_OTHER_WORDS = seen(nobody=OTHERWISE)


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
            look_for("cd-1", read=saying(reading), is_listed=ask_list, proof=UNTRIED)
    else:
        assert look_for("cd-1", read=saying(reading), is_listed=ask_list, proof=UNTRIED) is presence


@pytest.mark.parametrize(
    ("proof", "may_try", "reading", "listed", "presence"),
    [
        # Other words count with the list, and only if they are those for an id that cannot be there.
        (IN_OTHER_WORDS, True, OTHERWISE, False, PROVEN_MISSING),
        (IN_OTHER_WORDS, True, OTHERWISE, True, KoreProtocolError),
        (IN_OTHER_WORDS, True, OTHERWISE, REFUSED, KoreAuthenticationError),
        (IN_OTHER_WORDS, True, NOT_FOUND, False, PROVEN_MISSING),
        (PLAIN, True, OTHERWISE, None, KoreRequestError),
        (UNTRIED, True, OTHERWISE, None, KoreRequestError),
        (seen(nobody=OTHERWISE), False, OTHERWISE, None, KoreRequestError),
        # Where the list is refused, the status view stands in, if "not found" was seen to be said.
        (seen(nobody=NOT_FOUND, status=NOT_FOUND), True, NOT_FOUND, REFUSED, ProvenMissing(GET_AND_STATUS)),
        (seen(nobody=NOT_FOUND, status=NOT_FOUND), False, NOT_FOUND, REFUSED, KoreAuthenticationError),
        (seen(nobody=NOT_FOUND, status=NOT_FOUND), True, NOT_FOUND, BROKEN, KoreConnectionError),
        (seen(nobody=NOT_FOUND, status="Stopped"), True, NOT_FOUND, REFUSED, KoreProtocolError),
        (seen(nobody=NOT_FOUND, status=REFUSED), True, NOT_FOUND, REFUSED, KoreAuthenticationError),
        (seen(nobody=OTHERWISE, status=NOT_FOUND), True, NOT_FOUND, REFUSED, KoreAuthenticationError),
        (seen(nobody=NOT_FOUND, status=NOT_FOUND), True, ELSEWHERE, REFUSED, KoreAuthenticationError),
        (UNTRIED, True, NOT_FOUND, REFUSED, KoreAuthenticationError),
    ],
)
def test_look_for__by_what_was_seen(proof: Proof, may_try: bool, reading: Any, listed: Any, presence: Any) -> None:
    """How this service was seen to answer decides what else proves that a campaign is not there."""
    ask_list = not_asked if listed is None else saying(listed)

    def found() -> Any:
        return look_for("cd-1", read=saying(reading), is_listed=ask_list, proof=proof, may_try=may_try)

    if isinstance(presence, type):
        with pytest.raises(presence):
            found()
    else:
        assert found() == presence


def test_look_for__list_refused_before() -> None:
    """A list that was refused when the proof was tried is not asked again."""
    proof = seen(nobody=NOT_FOUND, list_answer=REFUSED, status=NOT_FOUND)
    proof.means()

    assert look_for("cd-1", read=saying(NOT_FOUND), is_listed=not_asked, proof=proof) == ProvenMissing("get and status")


def test_look_for__list_refused_since() -> None:
    """A list that is refused although it was not when the proof was tried is not asked again either."""
    proof = seen(nobody=NOT_FOUND, status=NOT_FOUND)
    proof.means()
    look_for("cd-1", read=saying(NOT_FOUND), is_listed=saying(REFUSED), proof=proof)

    assert look_for("cd-1", read=saying(NOT_FOUND), is_listed=not_asked, proof=proof) == ProvenMissing("get and status")


def test_look_for__contradiction() -> None:
    """Reading and list that contradict each other may agree the next time."""
    with pytest.raises(KoreProtocolError) as caught:
        look_for("cd-1", read=saying(NOT_FOUND), is_listed=saying(True), proof=UNTRIED)

    assert str(caught.value) == (
        "campaign cd-1: the list holds it, or an item that may be it, but reading it says that there is none (HTTP 404)"
    )
    assert (caught.value.retryable, caught.value.campaign_id) == (True, "cd-1")


def test_not_there() -> None:
    """The error says how it was proven, and what then."""
    error = not_there("cd-1", "; nothing was sent")

    assert str(error) == "campaign cd-1: there is none, by reading and by the list; nothing was sent"
    assert (error.campaign_id, error.retryable) == ("cd-1", False)


@pytest.mark.parametrize(
    ("proof", "reading", "presence"),
    [
        (UNTRIED, NOT_FOUND, PROVEN_MISSING),
        (IN_OTHER_WORDS, OTHERWISE, PROVEN_MISSING),
        (UNTRIED, FOUND, FOUND),
        (UNTRIED, OTHERWISE, KoreRequestError),
        (UNTRIED, REFUSED, KoreAuthenticationError),
        (UNTRIED, BROKEN, KoreConnectionError),
    ],
)
def test_look_for__missing_before(proof: Proof, reading: Any, presence: Any) -> None:
    """Of one that the list lacked a while before, reading alone says that it is still so; no other answer does."""

    def look() -> Any:
        return look_for("cd-1", read=saying(reading), is_listed=not_asked, proof=proof, was_missing=True)

    if isinstance(presence, type):
        with pytest.raises(presence):
            look()
    else:
        assert look() is presence


def test_told() -> None:
    """Only what reading and list have proven is told to later tasks."""
    at = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)

    assert PROVEN_MISSING.told(at) == {"proven_missing_at": "2026-03-02T12:30:00.000Z"}
    assert ProvenMissing(GET_AND_STATUS).told(at) == {}


@pytest.mark.parametrize(
    ("error", "is_proven"),
    [
        (not_there("cd-1", ""), True),
        (KoreNotFoundError("HTTP 404", status=404), False),
        (KoreProtocolError("not understood"), False),
        (RuntimeError("a defect"), False),
    ],
)
def test_says_not_there(error: Exception, *, is_proven: bool) -> None:
    """What was proven, and not what one answer says."""
    assert says_not_there(error) is is_proven
