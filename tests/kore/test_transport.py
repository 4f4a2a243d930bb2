"""One request: what each kind of trouble on the wire is called, and that connections are kept."""

from __future__ import annotations

import dataclasses
import logging
import re
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from kore_support import (
    CAMPAIGN,
    ENDPOINTS,
    OTHERWISE,
    REQUESTS,
    SECRET,
    RawServer,
    account,
    client_of,
    closed_port,
    http_answer,
    listening,
    transport_to,
)

from airflow_provider_campaigns.kore.auth import TokenSigner
from airflow_provider_campaigns.kore.budget import Priority, RequestBudget
from airflow_provider_campaigns.kore.connections import Pace
from airflow_provider_campaigns.kore.errors import (
    Cause,
    KoreAuthenticationError,
    KoreConnectionError,
    KoreError,
    KoreRequestError,
)
from airflow_provider_campaigns.kore.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

PHONE_NUMBER = "15555550100"
STATUS = b'{"status": "success", "data": {"id": "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000", "status": "Ready"}}'


def failure(settings: KoreSettings, endpoint: str = "stop_voice_v1") -> KoreError:
    """The error of one request."""
    transport = transport_to(settings)
    with pytest.raises(KoreError) as caught:
        transport.send(ENDPOINTS[endpoint], priority=Priority.STOP, campaign_id=CAMPAIGN)
    transport.close()
    assert (caught.value.endpoint, caught.value.campaign_id) == (endpoint, CAMPAIGN)
    return caught.value


class TestNoAnswer:
    """A request without a complete answer, and whether the service may have acted on it."""

    def test_send__refused(self) -> None:
        """A refused connection carried nothing."""
        url = f"http://127.0.0.1:{closed_port()}"

        error = failure(account(url))

        assert str(error) == f"{REQUESTS['stop_voice_v1']}: no connection: refused, or no such host ({url})"
        assert isinstance(error, KoreConnectionError)
        assert (error.cause, error.outcome_unknown, error.retryable) == (Cause.HOST, False, True)

    def test_send__no_such_host(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A host that has no address was sent nothing."""

        def unknown(*args: object, **kwargs: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)

        error = failure(account("https://nobody.test"))

        assert "no connection: refused, or no such host (https://nobody.test)" in str(error)
        assert isinstance(error, KoreConnectionError)
        assert error.cause is Cause.HOST
        assert (error.outcome_unknown, error.retryable) == (False, True)

    @pytest.mark.parametrize(("timeout_s", "shown"), [(30.0, "10"), (2.5, "2.5")])
    def test_send__no_connection_in_time(self, monkeypatch: pytest.MonkeyPatch, timeout_s: float, shown: str) -> None:
        """A connection that is not made within 10 s, or less if less is allowed, carried nothing."""
        asked: list[float] = []

        def never(address: object, timeout: float, **kwargs: object) -> None:
            asked.append(timeout)
            raise TimeoutError("timed out")

        monkeypatch.setattr("urllib3.util.connection.create_connection", never)

        error = failure(account("https://192.0.2.1", timeout_s=timeout_s))

        assert f"no connection within {shown} s (https://192.0.2.1)" in str(error)
        assert isinstance(error, KoreConnectionError)
        assert (error.cause, error.outcome_unknown, error.retryable) == (Cause.HOST, False, True)
        assert asked == [pytest.approx(float(shown), abs=0.5)]

    @pytest.mark.parametrize(
        ("answer", "what"),
        [
            (None, "the connection broke before the answer was complete"),
            (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "the connection broke before the answer was complete"),
            (b"", "no complete answer within 0.4 s"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "no complete answer within 0.4 s"),
            (
                http_answer(b"not gzip", "200 OK", "Content-Encoding: gzip"),
                "the connection broke before the answer was complete",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                "the connection broke before the answer was complete",
            ),
        ],
        ids=["reset", "no HTTP", "silence", "half a body", "no gzip", "two lengths"],
    )
    @pytest.mark.parametrize(("endpoint", "changes"), [("stop_voice_v1", True), ("status_v2", False)])
    def test_send__sent(self, *, answer: bytes | None, what: str, endpoint: str, changes: bool) -> None:
        """A request that went out and got no readable answer may have taken effect, if it was to change anything."""
        with listening(RawServer(answer)) as server:
            error = failure(account(server.url, timeout_s=0.4), endpoint)

        assert str(error) == f"{REQUESTS[endpoint]}: {what} ({server.url})"
        assert isinstance(error, KoreConnectionError)
        assert (error.outcome_unknown, error.retryable) == (changes, True)
        assert error.cause is (Cause.TIMEOUT if "within" in what else Cause.BROKEN)
        assert len(server.requests) == 1

    def test_send__about_no_campaign(self) -> None:
        """A request about no single campaign names none in its error."""
        settings = account(f"http://127.0.0.1:{closed_port()}")

        with pytest.raises(KoreConnectionError) as caught:
            transport_to(settings).send(ENDPOINTS["list_v2"], priority=Priority.READ)

        assert str(caught.value).startswith(f"{REQUESTS['list_v2']}: no connection: ")


class TestToken:
    def test_send__signed_after_the_wait(self) -> None:
        """A token is made when the request goes out, not before it waits for the budget, where it might expire."""
        waits: list[float] = []
        signed_at: list[float] = []

        class Signer(TokenSigner):
            def sign(self) -> str:
                signed_at.append(sum(waits))
                return super().sign()

        budget = RequestBudget(1, account_key=None, clock=lambda: sum(waits), sleep=waits.append)
        with listening(RawServer(http_answer(STATUS))) as server:
            transport = Transport(
                account(server.url), budget=budget, signer=Signer("cs-1", SECRET), clock=time.monotonic
            )
            for _ in range(2):
                transport.send(ENDPOINTS["status_v2"], priority=Priority.READ, campaign_id=CAMPAIGN)
            transport.close()

        assert signed_at == [0.0, 60.0]

    def test_send__one_each(self) -> None:
        """No token is used twice, not even for the same request again."""
        with (
            listening(RawServer(http_answer(b"{}", "401 Unauthorized"))) as server,
            client_of(account(server.url)) as client,
            pytest.raises(KoreError),
        ):
            client.get_campaign(CAMPAIGN, api_version="v2")

        assert len({request.headers["auth"] for request in server.requests}) == 2


class TestConnections:
    def test_send__kept(self) -> None:
        """Many calls one after another use one connection."""
        with listening(RawServer(http_answer(STATUS))) as server, client_of(account(server.url)) as client:
            for _ in range(50):
                client.get_campaign_status(CAMPAIGN)

        assert (len(server.requests), server.connections) == (50, 1)

    def test_send__kept_after_errors(self) -> None:
        """An answer that says no leaves the connection usable."""
        with (
            listening(RawServer(http_answer(b'{"errors": [{"msg": "no"}]}', "412 No"))) as server,
            client_of(account(server.url)) as client,
        ):
            for _ in range(5):
                with pytest.raises(KoreRequestError):
                    client.get_campaign_status(CAMPAIGN)

        assert server.connections == 1

    def test_send__from_threads(self) -> None:
        """Eight threads share eight connections at most, however many calls they make."""
        with listening(RawServer(http_answer(STATUS))) as server, client_of(account(server.url)) as client:
            start = threading.Barrier(8)

            def work() -> None:
                start.wait()
                for _ in range(25):
                    assert client.get_campaign_status(CAMPAIGN) == "Ready"

            with ThreadPoolExecutor(8) as pool:
                for done in [pool.submit(work) for _ in range(8)]:
                    done.result()

        assert len(server.requests) == 200
        assert server.connections <= 8
        assert len({request.headers["auth"] for request in server.requests}) == 200

    def test_send__connections_one_after_the_other(self) -> None:
        """Connections are opened ten milliseconds apart, whoever asks; one that is kept waits for nobody."""
        waits: list[float] = []
        with listening(RawServer(http_answer(STATUS))) as server, client_of(account(server.url)) as client:
            client._transport._opened().pace = Pace(0.01, clock=lambda: 5.0, sleep=waits.append)
            for _ in range(3):
                client.get_campaign_status(CAMPAIGN)
            assert waits == []
            for _ in range(2):
                client.close()
                client.get_campaign_status(CAMPAIGN)

        assert server.connections == 3
        assert waits == [pytest.approx(0.01), pytest.approx(0.02)]

    def test_send__writes_from_threads(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """Writes of many threads do not get into each other's way, also under faults."""
        kore_simulator.switches(rate_limit=None)
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(24)]
        kore_simulator.random_faults(0.2, seed=3)

        with ThreadPoolExecutor(8) as pool:
            receipts = list(pool.map(lambda campaign_id: client.stop_campaign(campaign_id, "voice"), ids))

        assert [receipt.campaign_id for receipt in receipts] == ids
        for campaign_id in ids:
            kore_simulator.assert_one_effect("stop", campaign_id)


class Signer(TokenSigner):
    """A signer that remembers its tokens, to look for them where they must not be."""

    tokens: list[str]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        object.__setattr__(self, "tokens", [])  # the signer itself is a value

    def sign(self) -> str:
        self.tokens.append(super().sign())
        return self.tokens[-1]


class TestSecrecy:
    """Secrets, tokens and phone numbers are in no log, message or repr."""

    @pytest.fixture
    def signer(self, settings: KoreSettings) -> Signer:
        """A signer for the simulator."""
        return Signer(settings.client_id, settings.client_secret)

    @pytest.fixture
    def talkative(self, settings: KoreSettings, signer: Signer) -> Iterator[KoreClient]:
        """A client whose every log record is kept, as are those of the libraries below it."""
        with client_of(settings, signer=signer) as client:
            yield client

    @staticmethod
    def chain(error: BaseException) -> Iterator[BaseException]:
        """An error and everything that is reachable from it, also what a traceback would not show."""
        pending: list[BaseException | None] = [error]
        while pending:
            if (one := pending.pop()) is not None:
                yield one
                pending += [one.__cause__, one.__context__]

    def test_send__evening_with_troubles(
        self, talkative: KoreClient, signer: Signer, kore_simulator: KoreSimulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An evening in which everything goes wrong, and the service repeats what it should not, gives nothing away."""
        caplog.set_level(logging.DEBUG)
        logging.getLogger("urllib3").setLevel(logging.DEBUG)
        kore_simulator.switches(rate_limit=None)
        secret = kore_simulator.client_secret
        said = f"+{PHONE_NUMBER} and {secret} and eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.c2ln"
        campaign_id = kore_simulator.add_campaign(status="Active", contacts=3, caller_id=f"+{PHONE_NUMBER}")
        shown: list[object] = [talkative, talkative.settings, signer]
        seen: list[BaseException] = []

        def call(method: str, *arguments: Any) -> None:
            try:
                shown.append(getattr(talkative, method)(*arguments))
            except KoreError as error:
                seen.extend(self.chain(error))
                shown.extend(traceback.format_exception(error))

        faults: tuple[dict[str, Any], ...] = (
            {"status": 401, "body": {"errors": [{"msg": said}]}, "times": 2},
            {"status": 412, "body": {"errors": [{"msg": said}]}},
            {"status": 500, "body": said, "times": 10},
            {"status": 429, "body": said, "headers": {"Retry-After": "30"}, "times": 10},
            {"status": 200, "body": said, "times": 10},
            {"status": 302, "body": said, "headers": {"Location": f"https://{PHONE_NUMBER}:{secret}@h.test/{secret}"}},
        )
        for fault in faults:
            kore_simulator.fail_next(**fault)
            call("get_campaign", campaign_id)
            call("stop_campaign", campaign_id, "voice")
            kore_simulator.clear_faults()
        kore_simulator.drop_next(times=20)
        call("stop_campaign", campaign_id, "voice")
        kore_simulator.clear_faults()
        call("get_campaign", campaign_id)
        call("stop_campaign", campaign_id, "voice")
        call("list_campaigns", "voice")
        call("get_contact_page", campaign_id)
        call("delete_campaign", campaign_id, "voice")

        everything = "\n".join([caplog.text, *map(repr, shown), *map(str, shown), *(f"{e} {e!r}" for e in seen)])
        assert "urllib3" in everything
        assert len(signer.tokens) > 40
        assert secret not in everything
        assert PHONE_NUMBER not in everything
        assert "15555550" not in everything  # the contacts' numbers
        assert "eyJ" not in everything
        for error in seen:
            assert not any(token in str(vars(error)) for token in signer.tokens)
            assert getattr(error, "request", None) is None

    def test_send__secret_repeated(self) -> None:
        """Should the service ever repeat the secret, the message holds a placeholder."""
        answer = http_answer(f'{{"message": "not {SECRET}!"}}'.encode(), "412 No")

        with listening(RawServer(answer)) as server:
            error = failure(account(server.url))

        assert str(error) == f"{REQUESTS['stop_voice_v1']}: HTTP 412: not <secret>!{OTHERWISE}"


class TestClock:
    """A token that is refused because this machine's clock is wrong."""

    @staticmethod
    def refusal(settings: KoreSettings, ahead_s: float) -> str:
        """What is said of a request whose token is dated by a clock that is so far ahead."""
        signer = TokenSigner(settings.client_id, settings.client_secret, clock=lambda: time.time() + ahead_s)
        with client_of(settings, signer=signer) as client, pytest.raises(KoreAuthenticationError) as caught:
            client.count_campaigns("voice")
        return str(caught.value)

    def test_send__clock_behind(self, settings: KoreSettings) -> None:
        """The message names the clock, by the Date of the answer: the token of an hour ago has expired."""
        assert re.fullmatch(
            r"list_v2 \(POST /.*Details\): HTTP 401: .*\. This machine's clock is 3(59|60)\d s behind the "
            r"service's, so its tokens are not valid: set it, best by NTP \(met once\)",
            self.refusal(settings, -3600.0),
        )

    @pytest.mark.parametrize("ahead_s", [1.0, 5.0, 25.0])
    def test_send__clock_a_little_ahead(
        self, settings: KoreSettings, kore_simulator: KoreSimulator, ahead_s: float
    ) -> None:
        """A clock that is less than 30 s ahead does no harm where the service looks at the date of a token."""
        kore_simulator.switches(check_iat=True)
        signer = TokenSigner(settings.client_id, settings.client_secret, clock=lambda: time.time() + ahead_s)

        with client_of(settings, signer=signer) as client:
            assert client.count_campaigns("voice") == 0

    def test_send__the_longest_life(self, settings: KoreSettings, kore_simulator: KoreSimulator) -> None:
        """A token of the longest life is taken by an app that enforces its hour."""
        kore_simulator.switches(enforce_jti=True)

        with client_of(dataclasses.replace(settings, jwt_ttl_s=3600)) as client:
            assert client.count_campaigns("voice") == 0

    def test_send__clock_ahead(self, settings: KoreSettings, kore_simulator: KoreSimulator) -> None:
        """The message names a clock that is ahead as well."""
        kore_simulator.switches(check_iat=True)

        assert re.search(r"This machine's clock is 1[12]\d s ahead of the service's", self.refusal(settings, 120.0))

    @pytest.mark.parametrize("ahead_s", [0.0, 45.0, -45.0])
    def test_send__clock_right(self, settings: KoreSettings, kore_simulator: KoreSimulator, ahead_s: float) -> None:
        """A clock within a minute of the service's is not named: the credentials are wrong."""
        kore_simulator.renew_credentials()

        assert "clock" not in self.refusal(settings, ahead_s)

    @pytest.mark.parametrize("date", ["Date: soon", "Date: Wed, 21 Oct 99999999999 07:28:00 GMT", "X-Date: none"])
    def test_send__no_date(self, date: str) -> None:
        """Without a Date that can be read nothing is said of the clock."""
        answer = http_answer(b'{"errors": [{"msg": "no"}]}', "401 Unauthorized", date)
        with listening(RawServer(answer)) as server:
            assert self.refusal(account(server.url), 3600.0) == f"{REQUESTS['list_v2']}: HTTP 401: no (met once)"
