"""Connections that are kept: idle ones that break, those that are refused, and those of a forked process."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from kore_support import (
    CAMPAIGN,
    ENDPOINTS,
    RawServer,
    Received,
    Waits,
    account,
    client_of,
    http_answer,
    listening,
    transport_to,
)

from airflow_provider_campaigns.kore import connections
from airflow_provider_campaigns.kore.auth import TokenSigner
from airflow_provider_campaigns.kore.budget import Priority, RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.connections import Pace
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreBudgetError, KoreConnectionError
from airflow_provider_campaigns.kore.patience import Patience
from airflow_provider_campaigns.kore.retry import Bounds
from airflow_provider_campaigns.kore.transport import Transport

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

OBJECT = http_answer(b'{"data": {"id": "%s", "status": "Active"}}' % CAMPAIGN.encode())
STOPPED = http_answer(b'{"status": "Stopped"}')


class Tired(RawServer):
    """Answers the first request of each connection, and resets the connection at the second.

    Attributes:
        good: how many connections are so; those after them are reset at the first.
    """

    def __init__(self, good: int = 99) -> None:
        super().__init__(None)
        self.good = good

    def respond(self, conn: socket.socket, received: Received) -> bool:
        is_first = sum(one.connection == received.connection for one in self.requests) == 1
        self.answer = OBJECT if "trigger=" not in received.line else STOPPED
        if not is_first or received.connection > self.good:
            self.answer = None
        return super().respond(conn, received)

    @property
    def verbs(self) -> list[str]:
        """What was asked, in order."""
        return ["stop" if "trigger=stop" in one.line else one.line.split()[0] for one in self.requests]


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twentieth of a second of silence is taken for a second."""
    monkeypatch.setattr(connections, "IDLE_S", 0.05)


@pytest.mark.usefixtures("idle")
class TestIdle:
    """A connection that was idle breaks before a byte of an answer comes: the server had closed it."""

    def test_read__sent_again_at_once(self, waits: list[float]) -> None:
        """A reading is sent once more on another connection, without a pause."""
        with listening(Tired()) as server, client_of(account(server.url), waits) as client:
            client.get_campaign(CAMPAIGN)
            time.sleep(0.06)
            client.get_campaign(CAMPAIGN)

        assert (server.verbs, server.connections, waits) == (["GET", "GET", "GET"], 2, [])

    def test_read__once(self) -> None:
        """A reading that finds another connection broken as well fails as any other."""
        with listening(Tired(good=1)) as server:
            transport = transport_to(account(server.url))
            transport.send(ENDPOINTS["get_v2"], priority=Priority.READ, campaign_id=CAMPAIGN)
            time.sleep(0.06)
            with pytest.raises(KoreConnectionError, match="the connection broke"):
                transport.send(ENDPOINTS["get_v2"], priority=Priority.READ, campaign_id=CAMPAIGN)
            transport.close()

        assert len(server.requests) == 3

    def test_stop__sent_again_at_once(self, waits: list[float]) -> None:
        """So is a stop, and nothing is read before; it was sent twice."""
        with listening(Tired()) as server, client_of(account(server.url), waits) as client:
            client.get_campaign(CAMPAIGN)
            time.sleep(0.06)
            stop = client.send_stop_once(CAMPAIGN, "voice")

        assert stop.receipt is not None
        assert (stop.receipt.sendings, stop.receipt.by_reading) == (2, False)
        assert (server.verbs, waits) == (["GET", "stop", "stop"], [])

    def test_stop__the_others(self) -> None:
        """Once one has broken, no other that was idle as long is used again: a new one is opened in its place."""

        class Together(Tired):
            """Its first three connections are tired; as many readings as are expected are answered together."""

            expected = threading.Barrier(3)

            def respond(self, conn: socket.socket, received: Received) -> bool:
                if received.line.startswith("GET "):
                    self.expected.wait(5)
                if received.connection <= 3:
                    return super().respond(conn, received)
                conn.sendall(OBJECT if received.line.startswith("GET ") else STOPPED)
                return True

        with listening(Together()) as server, client_of(account(server.url)) as client, ThreadPoolExecutor(3) as pool:
            list(pool.map(client.get_campaign, [CAMPAIGN] * 3))
            time.sleep(0.06)
            assert client.send_stop_once(CAMPAIGN, "voice").receipt is not None
            server.expected = threading.Barrier(2)
            list(pool.map(client.get_campaign, [CAMPAIGN] * 2))

        assert server.verbs[3:] == ["stop", "stop", "GET", "GET"]
        assert server.connections == 5

    def test_stop__once(self) -> None:
        """A stop that breaks a second time is in doubt, as any other: the campaign is read."""
        with listening(Tired(good=1)) as server, client_of(account(server.url), bounds=Bounds(seconds=2)) as client:
            client.get_campaign(CAMPAIGN)
            time.sleep(0.06)
            stop = client.send_stop_once(CAMPAIGN, "voice")
            assert (stop.receipt, server.verbs) == (None, ["GET", "stop", "stop"])
            with pytest.raises(KoreConnectionError) as caught:
                stop.finish()

        assert caught.value.outcome_unknown is True

    def test_stop__that_may_be_sent_once_only(self) -> None:
        """One that may be sent once is not sent twice."""
        with listening(Tired()) as server, client_of(account(server.url), bounds=Bounds(attempts=1)) as client:
            client.get_campaign(CAMPAIGN)
            time.sleep(0.06)
            assert client.send_stop_once(CAMPAIGN, "voice").receipt is None

        assert server.verbs == ["GET", "stop"]

    def test_delete__read_first(self) -> None:
        """A delete is not sent again before the campaign was read."""
        with listening(Tired()) as server, client_of(account(server.url)) as client:
            client.get_campaign(CAMPAIGN)
            time.sleep(0.06)
            with pytest.raises(CampaignStateError, match="is Active, so the delete is not sent"):
                client.delete_campaign(CAMPAIGN, "voice")

        assert server.verbs == ["GET", "DELETE", "GET"]


class TestNotIdle:
    """What else breaks may have been received."""

    def test_stop__used_right_before(self) -> None:
        """A stop on a connection that was used less than a second ago is in doubt."""
        with listening(Tired()) as server, client_of(account(server.url)) as client:
            client.get_campaign(CAMPAIGN)
            assert client.send_stop_once(CAMPAIGN, "voice").receipt is None

        assert server.verbs == ["GET", "stop"]

    @pytest.mark.usefixtures("idle")
    def test_stop__new_connection(self) -> None:
        """A stop on a new connection, in the place of one that was seen to be closed, may have been received."""

        class Closing(Tired):
            def respond(self, conn: socket.socket, received: Received) -> bool:
                super().respond(conn, received)
                return False

        with listening(Closing(good=1)) as server, client_of(account(server.url)) as client:
            client.get_campaign(CAMPAIGN)
            time.sleep(0.06)
            assert client.send_stop_once(CAMPAIGN, "voice").receipt is None

        assert (server.verbs, server.connections) == (["GET", "stop"], 2)

    @pytest.mark.usefixtures("idle")
    @pytest.mark.parametrize("answer", [b"H", b"HTTP/1.1 200 OK\r\n", STOPPED[:-3]])
    def test_stop__answer_begun(self, answer: bytes) -> None:
        """One whose answer had begun was received."""

        class Dying(Tired):
            def respond(self, conn: socket.socket, received: Received) -> bool:
                if "trigger=" not in received.line:
                    return super().respond(conn, received)
                conn.sendall(answer)
                return False

        with listening(Dying()) as server, client_of(account(server.url)) as client:
            client.get_campaign(CAMPAIGN)
            time.sleep(0.06)
            assert client.send_stop_once(CAMPAIGN, "voice").receipt is None

        assert server.verbs == ["GET", "stop"]

    @pytest.mark.usefixtures("idle")
    def test_stop__silence(self) -> None:
        """One that nobody answers in time may have been received."""

        class Silent(Tired):
            def respond(self, conn: socket.socket, received: Received) -> bool:
                return "trigger=" in received.line or super().respond(conn, received)

        with listening(Silent()) as server, client_of(account(server.url, timeout_s=0.7)) as client:
            client.get_campaign(CAMPAIGN)
            time.sleep(0.06)
            assert client.send_stop_once(CAMPAIGN, "voice").receipt is None

        assert server.verbs == ["GET", "stop"]


class Reopening:
    """A port at which nobody listens until so many seconds have been waited."""

    def __init__(self, opens_s: float) -> None:
        self.server = RawServer(STOPPED)
        with listening(self.server):
            pass
        self.waits = Waits()
        self._opens_s = opens_s
        self._stack = contextlib.ExitStack()
        self._is_open = False

    def sleep(self, seconds: float) -> None:
        self.waits.sleep(seconds)
        if not self._is_open and self.waits.clock() >= self._opens_s:
            self._is_open = True
            self._stack.enter_context(listening(self.server))

    @contextlib.contextmanager
    def client(self, limit: int) -> Iterator[KoreClient]:
        """A client of so many requests a minute, for which time passes while it waits."""
        budget = RequestBudget(limit, account_key=None, clock=self.waits.clock, sleep=self.sleep)
        with (
            self._stack,
            KoreClient(
                account(self.server.url), budget=budget, clock=self.waits.clock, sleep=self.sleep, jitter=lambda: 1.0
            ) as client,
        ):
            yield client


class TestRefused:
    """A connection that is refused carries nothing, and uses nothing up."""

    def test_stop__port_closed_for_a_while(self) -> None:
        """Fifty stops that find the port closed go out within a second of its opening, by a budget of fifty."""
        port = Reopening(opens_s=3.0)

        with port.client(limit=50) as client:
            stops = [client.send_stop_once(CAMPAIGN, "voice") for _ in range(50)]
            assert [stop.receipt for stop in stops] == [None] * 50
            receipts = [stop.finish() for stop in stops]

        assert {receipt.sendings for receipt in receipts} == {1}
        assert 3.0 <= port.waits.clock() <= 4.0
        assert len(port.server.requests) == 50
        assert all("trigger=stop" in request.line for request in port.server.requests)

    def test_stop__closed_for_longer(self, caplog: pytest.LogCaptureFixture) -> None:
        """A stop is tried twice a second for five minutes, which is said once."""
        caplog.set_level("INFO", "airflow_provider_campaigns")
        port = Reopening(opens_s=9999.0)

        with port.client(limit=60) as client:
            client._transport._opened().pace = Pace(0.0)
            with pytest.raises(KoreConnectionError, match="no connection") as caught:
                client.stop_campaign(CAMPAIGN, "voice")

        assert (caught.value.outcome_unknown, caught.value.retryable) == (False, True)
        assert 299.0 <= port.waits.clock() <= 300.0
        assert caplog.text.count("sending again in 0.6 s") == 1

    def test_stop__fails_otherwise_then(self, caplog: pytest.LogCaptureFixture) -> None:
        """Other trouble than that counts as a sending, and is told of."""
        caplog.set_level("INFO", "airflow_provider_campaigns")
        port = Reopening(opens_s=1.0)
        port.server.answer = http_answer(b"{}", "503 Busy")

        with port.client(limit=60) as client:
            stop = client.send_stop_once(CAMPAIGN, "voice")
            with pytest.raises(KoreConnectionError, match="whether it took effect is unknown"):
                stop.finish()

        assert "HTTP 503" in caplog.text

    def test_send__gives_its_place_back(self) -> None:
        """A request that was not sent holds up no other; one that was does."""
        waits = Waits()
        budget = RequestBudget(1, account_key=None, clock=waits.clock, sleep=waits.sleep)

        with listening(RawServer(OBJECT)) as server:
            settings = account(server.url)
        transport = Transport(
            settings, budget=budget, signer=TokenSigner("cs-1", settings.client_secret), clock=time.monotonic
        )
        for _ in range(3):
            with pytest.raises(KoreConnectionError):
                transport.send(ENDPOINTS["get_v2"], priority=Priority.READ, campaign_id=CAMPAIGN)
        with listening(RawServer(None, port=server.port)), pytest.raises(KoreConnectionError):
            transport.send(ENDPOINTS["get_v2"], priority=Priority.READ, campaign_id=CAMPAIGN)
        transport.close()

        assert waits.seconds == []
        with (
            pytest.raises(KoreBudgetError),
            transport.hold(1, ENDPOINTS["get_v2"], None, priority=Priority.READ, patience=Patience(place_s=0)),
        ):
            pytest.fail("there was a place")


class TestFork:
    """A process that is forked from one with a client."""

    @pytest.mark.parametrize("held", ["nothing", "the turn to connect"])
    def test_send__after_a_fork(self, held: str) -> None:
        """The child opens a connection of its own, whatever its parent was about; the parent's goes on."""
        with listening(RawServer(OBJECT)) as server, client_of(account(server.url)) as client:
            client.get_campaign(CAMPAIGN)
            lock = client._transport._opened().pace._lock
            with contextlib.nullcontext() if held == "nothing" else lock:
                child = forked(lambda: client.get_campaign(CAMPAIGN))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            client.get_campaign(CAMPAIGN)

        assert [request.connection for request in server.requests] == [1, 2, 1]


def forked(work: Callable[[], object]) -> int:
    """A child that does some work, within 5 s, and exits with 0 if that went well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there are threads: that is the point
        child = os.fork()
    if child == 0:
        signal.alarm(5)
        with contextlib.suppress(BaseException):
            work()
            os._exit(0)
        os._exit(1)
    return child
