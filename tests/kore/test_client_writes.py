"""Writes that take effect once: stop, start and delete under every kind of trouble, over real sockets."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from kore_support import RawServer, account, client_of, closed_port, http_answer, listening

from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreConnectionError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreScopeError,
    KoreServiceError,
)
from airflow_provider_campaigns.simulator import KoreSimulator

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.kore.writes import Receipt

pytestmark = pytest.mark.usefixtures("no_rate_limit")

VERBS = ["stop", "start", "delete"]
STATUS_BEFORE = {"stop": "Active", "start": "Stopped", "delete": "Stopped"}
STATUS_AFTER = {"stop": "Stopped", "start": "Active", "delete": None}

# What can be sent again although the service may still be at work on it: a second start would call everybody twice.
REPEATABLE = pytest.mark.parametrize("verb", ["stop", "delete"])

# What is waited for while reading settles what became of a write: a delete is looked for once, the others may be slow.
READ_IN_VAIN = {"stop": [0.0, 1.0, 2.0, 3.0, 4.0], "start": [0.0, 1.0, 2.0, 3.0, 4.0], "delete": [0.0]}


def left_of(pause: float, verb: str) -> list[float]:
    """What is left to wait for of a pause after a write, once it was looked for: nothing of a short one in 10 s."""
    return [pause] if verb == "delete" else []


READS = ("get", "status", "list")
ANOTHER = {"data": {"_id": "cd-2", "status": "Ready"}}

LIMIT_TEXT = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."

Arrange = Callable[[KoreSimulator, str], object]


@pytest.fixture(params=VERBS)
def verb(request: pytest.FixtureRequest) -> str:
    """Each write in turn."""
    return str(request.param)


@pytest.fixture
def campaign_id(kore_simulator: KoreSimulator, verb: str) -> str:
    """A voice campaign to which the verb can be done."""
    return kore_simulator.add_campaign(status=STATUS_BEFORE[verb])


@pytest.fixture
def hasty(settings: KoreSettings, waits: list[float]) -> Iterator[KoreClient]:
    """A client that waits for an answer for 0.6 s only."""
    with client_of(dataclasses.replace(settings, timeout_s=0.6), waits) as client:
        yield client


def write(client: KoreClient, verb: str, campaign_id: str, sim: KoreSimulator, **options: Any) -> Receipt:
    """Do the verb to the campaign as it is now."""
    method: Callable[..., Receipt] = getattr(client, f"{verb}_campaign")
    return method(campaign_id, "voice", instance_id=sim.campaign(campaign_id).instance_id, **options)


def failure(client: KoreClient, verb: str, campaign_id: str, sim: KoreSimulator) -> KoreError:
    """The error of doing the verb to the campaign."""
    with pytest.raises(KoreError) as caught:
        write(client, verb, campaign_id, sim)
    assert caught.value.campaign_id == campaign_id
    assert caught.value.endpoint == f"{verb}_voice_{'v2' if verb == 'delete' else 'v1'}"
    return caught.value


FIREWALL = "<html><head><title>Attention Required!</title></head><body>Sorry, you have been blocked</body></html>"
# Refusals that are not the service's own word, or of this moment: status and body. A 408 is told of as a lost answer.
PASSING = [
    *[(status, FIREWALL) for status in (400, 401, 403, 404, 405, 412, 451)],
    *[(status, {"errors": [{"msg": "no", "code": status}]}) for status in (409, 421, 423, 425)],
    (403, b""),
    (404, "no such route"),
    (403, ["denied"]),
]

LOST_BEFORE: dict[str, Arrange] = {
    "reset": lambda sim, op: sim.drop_next(before=True, operation=op),
    "500": lambda sim, op: sim.fail_next(500, before=True, operation=op),
    "502": lambda sim, op: sim.fail_next(502, before=True, operation=op),
    "503": lambda sim, op: sim.fail_next(503, before=True, operation=op),
    "504": lambda sim, op: sim.fail_next(504, before=True, operation=op),
    "403 of a firewall": lambda sim, op: sim.fail_next(403, before=True, body=FIREWALL, operation=op),
    "408": lambda sim, op: sim.fail_next(408, before=True, operation=op),
    "409": lambda sim, op: sim.fail_next(409, before=True, operation=op),
    "no JSON": lambda sim, op: sim.garble_next(before=True, operation=op),
    "empty": lambda sim, op: sim.fail_next(200, body=b"", operation=op),
    "another object": lambda sim, op: sim.fail_next(200, body={"status": "success"}, operation=op),
}
SAYS_NOTHING = {"no JSON", "empty", "another object"}
OVER = {"500", "503", "403 of a firewall", "409"}
LOST_AFTER: dict[str, Arrange] = {
    "reset": lambda sim, op: sim.drop_next(after=True, operation=op),
    "500": lambda sim, op: sim.fail_next(500, after=True, operation=op),
    "502": lambda sim, op: sim.fail_next(502, after=True, operation=op),
    "503": lambda sim, op: sim.fail_next(503, after=True, operation=op),
    "504": lambda sim, op: sim.fail_next(504, after=True, operation=op),
    "403 of a firewall": lambda sim, op: sim.fail_next(403, after=True, body=FIREWALL, operation=op),
    "408": lambda sim, op: sim.fail_next(408, after=True, operation=op),
    "no JSON": lambda sim, op: sim.garble_next(after=True, operation=op),
    "cut off": lambda sim, op: sim.truncate_next(operation=op),
    "empty": lambda sim, op: sim.fail_next(204, after=True, body=b"", operation=op),
    "redirect": lambda sim, op: sim.fail_next(
        302, after=True, body=b"", headers={"Location": "http://[elsewhere"}, operation=op
    ),
}


class TestWithoutTrouble:
    def test_write__once(self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, campaign_id: str) -> None:
        """A write that is answered is one request, and its receipt holds what the answer said."""
        receipt = write(client, verb, campaign_id, kore_simulator)

        assert len(kore_simulator.requests) == 1
        kore_simulator.assert_one_effect(verb, campaign_id)
        assert (receipt.campaign_id, receipt.status) == (campaign_id, STATUS_AFTER[verb])
        assert (receipt.sendings, receipt.by_reading) == (1, False)
        if verb != "delete":
            assert receipt.campaign_instance_id == kore_simulator.campaign(campaign_id).instance_id

    @pytest.mark.parametrize("version", ["v1", "v2"])
    @pytest.mark.parametrize("campaign_type", ["voice", "sms"])
    def test_write__every_endpoint(
        self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, campaign_type: Any, version: str
    ) -> None:
        """All twelve write endpoints of the service do what they are for."""
        campaign_id = kore_simulator.add_campaign(campaign_type=campaign_type, status=STATUS_BEFORE[verb])

        getattr(client, f"{verb}_campaign")(campaign_id, campaign_type, api_version=version)

        assert kore_simulator.assert_one_effect(verb, campaign_id).version == version


class TestInDoubt:
    """After trouble that leaves the outcome open, the campaign is read before anything is sent again."""

    @pytest.mark.parametrize(
        ("verb", "trouble"),
        # The other starts may still take effect: test_client_start_in_doubt.py.
        [(verb, trouble) for verb in VERBS for trouble in LOST_BEFORE if verb != "start" or trouble in OVER],
    )
    def test_write__lost_before_its_effect(
        self,
        *,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        verb: str,
        campaign_id: str,
        trouble: str,
    ) -> None:
        """A write that provably had no effect is sent once more."""
        LOST_BEFORE[trouble](kore_simulator, verb)

        receipt = write(client, verb, campaign_id, kore_simulator)

        kore_simulator.assert_one_effect(verb, campaign_id)
        assert (receipt.sendings, receipt.by_reading) == (2, False)
        assert len(kore_simulator.requests.of(verb)) == 2
        # A stop that a 2xx may have accepted is given a minute.
        accepted = [10.0] * 5 if verb == "stop" and trouble in SAYS_NOTHING else []
        assert waits == [*READ_IN_VAIN[verb], *accepted, *left_of(0.5, verb)]

    @pytest.mark.parametrize(("status", "body"), PASSING)
    def test_write__a_refusal_that_passes(
        self,
        *,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        verb: str,
        campaign_id: str,
        status: int,
        body: Any,
    ) -> None:
        """A refusal that is not the service's own word is survived: the campaign is read, and the write sent again."""
        kore_simulator.fail_next(status, body=body, operation=verb)

        receipt = write(client, verb, campaign_id, kore_simulator)

        kore_simulator.assert_one_effect(verb, campaign_id)
        assert (receipt.sendings, receipt.by_reading) == (2, False)
        assert kore_simulator.requests.of("get")

    @pytest.mark.parametrize("trouble", LOST_AFTER)
    def test_write__lost_after_its_effect(
        self,
        *,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        verb: str,
        campaign_id: str,
        trouble: str,
    ) -> None:
        """A write that took effect is not sent again; reading says so."""
        LOST_AFTER[trouble](kore_simulator, verb)

        receipt = write(client, verb, campaign_id, kore_simulator)

        kore_simulator.assert_one_effect(verb, campaign_id)
        assert (receipt.sendings, receipt.by_reading, receipt.status) == (1, True, STATUS_AFTER[verb])
        assert len(kore_simulator.requests.of(verb)) == 1
        assert waits == [0.0]

    @pytest.mark.parametrize("when", ["before", "after"])
    @REPEATABLE
    def test_write__no_answer_in_time(
        self,
        *,
        hasty: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        verb: str,
        campaign_id: str,
        when: str,
    ) -> None:
        """A time-out before the effect leads to a second sending, one after it does not."""
        kore_simulator.hang_next(5, before=when == "before", after=when == "after", operation=verb)

        receipt = write(hasty, verb, campaign_id, kore_simulator)

        kore_simulator.assert_one_effect(verb, campaign_id)
        assert (receipt.sendings, receipt.by_reading) == ((2, False) if when == "before" else (1, True))
        assert waits == ([*READ_IN_VAIN[verb], *left_of(0.5, verb)] if when == "before" else [0.0])

    @REPEATABLE
    def test_write__late_effect(
        self, hasty: KoreClient, kore_simulator: KoreSimulator, campaign_id: str, verb: str
    ) -> None:
        """A write that is carried out after its time-out only, and a second one that overtakes it, are one effect."""
        kore_simulator.hang_next(2, late=True, operation=verb)

        write(hasty, verb, campaign_id, kore_simulator)

        first, second = kore_simulator.requests.of(verb)
        until = time.monotonic() + 60
        while first.status is None and time.monotonic() < until:
            time.sleep(0.01)
        assert (first.status, first.effect) == (400, None)
        assert second.effect is not None

    def test_write__trouble_that_stays(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str, campaign_id: str
    ) -> None:
        """After five sendings without effect a write gives up, and it is certain that nothing happened."""
        kore_simulator.fail_next(503, operation=verb, times=6)

        error = failure(client, verb, campaign_id, kore_simulator)

        assert type(error) is KoreServiceError
        assert (error.outcome_unknown, error.retryable, error.status) == (False, True, 503)
        assert len(kore_simulator.requests.of(verb)) == 5
        assert not kore_simulator.effects()
        idle, pauses = READ_IN_VAIN[verb], (0.5, 1.0, 2.0, 4.0)
        assert waits == [*(wait for pause in pauses for wait in (*idle, *left_of(pause, verb))), *idle]

    @REPEATABLE
    def test_write__answers_that_say_nothing(
        self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, campaign_id: str
    ) -> None:
        """A 2xx answer that says nothing may have accepted a stop; a delete is disproved by the campaign."""
        kore_simulator.garble_next(operation=verb)
        kore_simulator.fail_next(503, operation=verb, times=4)

        error = failure(client, verb, campaign_id, kore_simulator)

        assert type(error) is (KoreProtocolError if verb == "stop" else KoreServiceError)
        assert (error.outcome_unknown, error.retryable) == (verb == "stop", True)
        assert len(kore_simulator.requests.of(verb)) == (2 if verb == "stop" else 5)

    @REPEATABLE
    def test_write__several_kinds_of_trouble(
        self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, campaign_id: str
    ) -> None:
        """Trouble of several kinds in a row, at the end after the effect, is survived too."""
        kore_simulator.drop_next(operation=verb)
        kore_simulator.fail_next(429, operation=verb)
        kore_simulator.fail_next(401, operation=verb)
        kore_simulator.garble_next(operation=verb)
        kore_simulator.truncate_next(operation=verb)
        kore_simulator.fail_next(500, operation="get")

        receipt = write(client, verb, campaign_id, kore_simulator)

        kore_simulator.assert_one_effect(verb, campaign_id)
        # The 401 was answered by a fresh token within the third sending.
        assert (receipt.sendings, receipt.by_reading) == (4, True)

    def test_write__redirect(
        self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, campaign_id: str
    ) -> None:
        """A redirect is not followed; reading proves that it had no effect, and the write is sent again."""
        with listening(RawServer(http_answer(b"{}"))) as elsewhere:
            kore_simulator.redirect_next(f"{elsewhere.url}/campaign", operation=verb)

            receipt = write(client, verb, campaign_id, kore_simulator)

        assert (receipt.sendings, receipt.by_reading) == (2, False)
        assert elsewhere.connections == 0
        kore_simulator.assert_one_effect(verb, campaign_id)

    @pytest.mark.parametrize(
        ("arrange", "retryable"),
        [
            (lambda sim: sim.fail_next(503, operation=READS, times=99), True),
            (lambda sim: sim.drop_next(operation="get", times=5), True),
            (lambda sim: sim.fail_next(401, operation=READS, times=99), False),
            (lambda sim: sim.fail_next(412, operation=READS, times=99), False),
            (lambda sim: sim.fail_next(200, body=ANOTHER, operation=READS, times=99), False),
            (lambda sim: sim.fail_next(429, headers={"Retry-After": "500"}, operation="get", times=99), True),
        ],
    )
    @pytest.mark.parametrize("took_effect", [True, False])
    def test_write__reading_fails_as_well(
        self,
        *,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        verb: str,
        arrange: Callable[[KoreSimulator], object],
        retryable: bool,
        took_effect: bool,
    ) -> None:
        """If the campaign cannot be read either, the outcome is unknown, and the error says so and what to do."""
        campaign_id = kore_simulator.add_campaign(status=STATUS_BEFORE[verb])
        kore_simulator.drop_next(after=took_effect, operation=verb)
        arrange(kore_simulator)

        error = failure(client, verb, campaign_id, kore_simulator)

        assert type(error) is KoreConnectionError
        assert (error.outcome_unknown, error.retryable) == (True, retryable)
        assert "whether it took effect is unknown, because reading the campaign failed as well (" in str(error)
        assert isinstance(error.__cause__, KoreConnectionError)
        assert len(kore_simulator.requests.of(verb)) == 1

    def test_write__not_found_but_listed(
        self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, campaign_id: str
    ) -> None:
        """A campaign that reading does not find but the list holds is not gone; nothing is concluded."""
        kore_simulator.drop_next(operation=verb)
        kore_simulator.fail_next(404, operation="get")

        error = failure(client, verb, campaign_id, kore_simulator)

        assert (type(error), error.outcome_unknown, error.retryable) == (KoreConnectionError, True, True)
        assert "but reading it says that there is none" in str(error)

    def test_write__list_fails(
        self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, campaign_id: str
    ) -> None:
        """Gone is believed only if the list can be read."""
        kore_simulator.drop_next(operation=verb)
        kore_simulator.fail_next(404, operation="get")
        kore_simulator.fail_next(503, operation="list", times=5)

        error = failure(client, verb, campaign_id, kore_simulator)

        assert (type(error), error.outcome_unknown, error.retryable) == (KoreConnectionError, True, True)


class TestRefused:
    """What is refused had no effect, and is known to have had none."""

    @pytest.mark.parametrize("verb", ["start", "delete"])
    def test_write__no_connection(
        self, kore_simulator: KoreSimulator, waits: list[float], verb: str, campaign_id: str
    ) -> None:
        """A write that found no connection was never sent, and is not sent again before the campaign can be read."""
        with (
            client_of(account(f"http://127.0.0.1:{closed_port()}"), waits) as client,
            pytest.raises(KoreConnectionError, match="no connection: refused, or no such host") as caught,
        ):
            write(client, verb, campaign_id, kore_simulator)

        assert (caught.value.outcome_unknown, caught.value.retryable) == (False, True)
        assert (caught.value.endpoint, caught.value.campaign_id) == ("get_v2", campaign_id)
        assert waits == [0.5, 0.5, 1.0, 2.0, 4.0]

    def test_write__expired_token(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str, campaign_id: str
    ) -> None:
        """A token that is rejected once is replaced at once."""
        kore_simulator.fail_next(401, operation=verb)

        receipt = write(client, verb, campaign_id, kore_simulator)

        kore_simulator.assert_one_effect(verb, campaign_id)
        assert (receipt.sendings, receipt.by_reading) == (1, False)
        assert len(kore_simulator.requests) == 2
        assert waits == []

    def test_write__wrong_credentials(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str, campaign_id: str
    ) -> None:
        """Credentials that are rejected twice are wrong."""
        kore_simulator.renew_credentials()

        error = failure(client, verb, campaign_id, kore_simulator)

        assert type(error) is KoreAuthenticationError
        assert (error.outcome_unknown, error.retryable, error.status) == (False, False, 401)
        assert len(kore_simulator.requests) == 2
        assert waits == []

    def test_write__scope(self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, campaign_id: str) -> None:
        """A missing scope is not mended by a fresh token, so none is tried."""
        kore_simulator.switches(scope_granted=False)

        error = failure(client, verb, campaign_id, kore_simulator)

        assert (type(error), error.outcome_unknown) == (KoreScopeError, False)
        assert len(kore_simulator.requests) == 1

    @REPEATABLE
    def test_write__replayed_tokens(
        self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, campaign_id: str
    ) -> None:
        """An app that enforces ``jti`` takes every request, also the repeated ones."""
        kore_simulator.switches(enforce_jti=True)
        kore_simulator.drop_next(operation=verb)

        assert write(client, verb, campaign_id, kore_simulator).sendings == 2

    @pytest.mark.parametrize("status", [400, 404, 405, 412])
    def test_write__refused(
        self,
        *,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        verb: str,
        campaign_id: str,
        status: int,
    ) -> None:
        """A request that the service refuses is sent once; by another version only if its path is unknown.

        A refused delete is read after, once, before that is told.
        """
        no_campaign = {"errors": [{"msg": "No campaign", "code": status}]}
        kore_simulator.fail_next(status, body=no_campaign, operation=verb)
        options = {"api_version": "v2" if verb == "delete" else "v1"} if status == 405 else {}

        with pytest.raises(KoreError) as caught:
            write(client, verb, campaign_id, kore_simulator, **options)

        error = caught.value
        assert type(error) is (KoreNotFoundError if status == 404 else KoreRequestError)
        assert (error.outcome_unknown, error.retryable, error.status) == (False, False, status)
        is_read = verb == "delete" and status != 404
        assert [one.operation for one in kore_simulator.requests] == [verb, *(["get"] if is_read else [])]
        assert waits == []

    @pytest.mark.parametrize(
        "answer",
        [
            {"status": 400, "body": {"errors": [{"msg": "Failed"}]}},
            {"status": 200, "body": {"status": "failure"}},
            {"status": 412, "body": {"message": "no"}},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("verb", ["delete"])
    def test_delete__refused_after_its_effect(
        self, client: KoreClient, kore_simulator: KoreSimulator, campaign_id: str, answer: dict[str, Any], verb: str
    ) -> None:
        """A delete that is refused, and after which the campaign is gone, was done: reading says so."""
        kore_simulator.fail_next(**answer, after=True, operation=verb)

        receipt = write(client, verb, campaign_id, kore_simulator)

        assert (receipt.sendings, receipt.by_reading, receipt.changed) == (1, True, True)
        assert len(kore_simulator.requests.of("delete")) == 1

    @pytest.mark.parametrize("answer", [{"status": 412}, {"status": 200, "body": {"status": "failure"}}], ids=str)
    @pytest.mark.parametrize("verb", ["delete"])
    def test_delete__refused_and_unreadable(
        self, client: KoreClient, kore_simulator: KoreSimulator, campaign_id: str, answer: dict[str, Any], verb: str
    ) -> None:
        """Where the reading after it fails in passing, the refusal is told, and may be tried again."""
        kore_simulator.fail_next(**answer, after=True, operation=verb)
        for reading in READS:
            kore_simulator.fail_next(503, operation=reading, times=100)

        error = failure(client, verb, campaign_id, kore_simulator)

        assert (type(error), error.retryable) == (KoreRequestError, True)
        assert len(kore_simulator.requests.of("delete")) == 1

    @pytest.mark.parametrize("status", [404, 405])
    @pytest.mark.parametrize("body", [FIREWALL, {"message": "Method Not Allowed"}], ids=["page", "object"])
    @pytest.mark.parametrize("verb", ["delete"])
    def test_delete__unknown_path_after_its_effect(
        self,
        *,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        campaign_id: str,
        status: int,
        body: Any,
        verb: str,
    ) -> None:
        """One that was done, and whose path is said to be unknown, is ours; unless the service says "not found"."""
        kore_simulator.fail_next(status, body=body, after=True, operation=verb)

        receipt = write(client, verb, campaign_id, kore_simulator)

        is_its_word = status == 404 and isinstance(body, dict)
        assert (receipt.by_reading, receipt.changed) == (True, not is_its_word)
        assert len(kore_simulator.requests.of("delete")) == 1

    @pytest.mark.parametrize("body", [FIREWALL, b""], ids=["page", "empty"])
    def test_write__limit_of_something_else_after_its_effect(
        self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, campaign_id: str, body: Any
    ) -> None:
        """A 429 that is not the service's own may hide that a stop or a delete was done: what shows then is ours."""
        kore_simulator.fail_next(429, body=body, after=True, operation=verb)

        if verb == "start":
            assert "somebody else may have started it" in str(failure(client, verb, campaign_id, kore_simulator))
        else:
            receipt = write(client, verb, campaign_id, kore_simulator)
            assert (receipt.by_reading, receipt.changed) == (True, True)
        kore_simulator.assert_one_effect(verb, campaign_id)
        assert len(kore_simulator.requests.of(verb)) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            {"status": 429},
            {"status": 429, "body": FIREWALL},
            {"status": 200, "body": {"message": LIMIT_TEXT}},
            {"status": 400, "body": {"errors": [{"msg": LIMIT_TEXT}]}},
        ],
    )
    def test_write__rate_limit(
        self,
        *,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        waits: list[float],
        verb: str,
        campaign_id: str,
        answer: dict[str, Any],
    ) -> None:
        """A rate limit, whatever it looks like, delays a stop for 10 s and anything else for its minute."""
        kore_simulator.fail_next(**answer, operation=verb)

        receipt = write(client, verb, campaign_id, kore_simulator)

        kore_simulator.assert_one_effect(verb, campaign_id)
        assert receipt.sendings == 2
        assert waits == [10.5 if verb == "stop" else 60.5]

    def test_write__rate_limit_with_a_pause(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str, campaign_id: str
    ) -> None:
        """The pause that the service asks for is kept, for stops as well."""
        kore_simulator.fail_next(429, headers={"Retry-After": "17"}, operation=verb)

        write(client, verb, campaign_id, kore_simulator)

        kore_simulator.assert_one_effect(verb, campaign_id)
        assert waits == [17.5]

    def test_write__rate_limit_too_long(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str, campaign_id: str
    ) -> None:
        """A pause of more than 300 s is in the error, which is raised at once; a stop tries again each minute."""
        kore_simulator.fail_next(429, headers={"Retry-After": "301"}, operation=verb, times=9)

        error = failure(client, verb, campaign_id, kore_simulator)

        assert type(error) is KoreRateLimitError
        assert (error.retry_after_s, error.retryable, error.outcome_unknown) == (301.0, True, False)
        assert waits == ([60.5] * 4 if verb == "stop" else [])

    def test_write__rate_limit_that_stays(
        self, client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], verb: str, campaign_id: str
    ) -> None:
        """A rate limit that stays ends the call after five sendings, a stop's after 300 s; each but the first looks."""
        kore_simulator.fail_next(429, operation=verb, times=9)

        error = failure(client, verb, campaign_id, kore_simulator)

        assert (type(error), error.outcome_unknown) == (KoreRateLimitError, False)
        assert [one.operation for one in kore_simulator.requests] == [
            verb,
            *["get", verb] * (6 if verb == "stop" else 4),
        ]
        assert waits == ([10.5, 20.5, 30.5, 60.5, 60.5, 60.5] if verb == "stop" else [60.5] * 4)
