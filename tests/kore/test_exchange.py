"""One request on a connection: it ends in time whatever the pieces, and nothing is taken for its answer that is not."""

from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import time
from typing import TYPE_CHECKING

import pytest
from kore_support import (
    CAMPAIGN,
    ENDPOINTS,
    REQUESTS,
    RawServer,
    Received,
    account,
    client_of,
    http_answer,
    listening,
    transport_to,
)

from airflow_provider_campaigns.kore import connections, patience
from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.errors import Cause, KoreConnectionError, KoreError, KoreServiceError
from airflow_provider_campaigns.kore.exchange import Exchange
from airflow_provider_campaigns.kore.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BROKEN = "the connection broke before the answer was complete"


def saying(status: str) -> bytes:
    """The body of an answer to a reading."""
    return b'{"data": {"id": "%s", "status": "%s"}}' % (CAMPAIGN.encode(), status.encode())


READY = http_answer(saying("Ready"))


@contextlib.contextmanager
def taking(most_s: float) -> Iterator[None]:
    """What happens in the block is over in so many seconds."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < most_s


def failure(
    server: RawServer, endpoint: str = "status_v2", *, timeout_s: float = 0.15, waits: Patience = patience.ENDLESS
) -> KoreConnectionError:
    """The error of one request."""
    transport = transport_to(account(server.url, timeout_s=timeout_s))
    with pytest.raises(KoreConnectionError) as caught:
        transport.send(ENDPOINTS[endpoint], priority=Priority.STOP, campaign_id=CAMPAIGN, patience=waits)
    transport.close()
    return caught.value


class TestDeadline:
    """``timeout_s`` is from the connection to the last byte."""

    @pytest.mark.parametrize(
        ("answer", "at_once"),
        [
            (READY, 0),
            (READY, len(READY) - 60),
            (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50, 0),
            (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 50, 90),
            (b"HTTP/1.0 200 OK\r\n\r\n" + b" " * 99, 20),
        ],
        ids=["head", "body", "hints", "chunks", "no length"],
    )
    @pytest.mark.parametrize(("endpoint", "changes"), [("stop_voice_v1", True), ("status_v2", False)])
    def test_send__byte_by_byte(self, *, answer: bytes, at_once: int, endpoint: str, changes: bool) -> None:
        """An answer whose bytes come one by one ends when the time is over; what a write did is then unknown."""
        with listening(RawServer(answer, piece_s=0.01, at_once=at_once)) as server, taking(0.4):
            error = failure(server, endpoint)

        assert str(error) == f"{REQUESTS[endpoint]}: no complete answer within 0.15 s ({server.url})"
        assert (error.outcome_unknown, error.retryable) == (changes, True)

    def test_send__many_megabytes(self) -> None:
        """A long answer is whole if it comes in time, and given up if it does not, however steadily it comes."""
        answer = http_answer(saying("Ready") + b" " * 8_000_000)

        with listening(RawServer(answer)) as server, client_of(account(server.url)) as client:
            assert client.get_campaign_status(CAMPAIGN) == "Ready"
        with listening(RawServer(answer, piece_s=0.03, piece_bytes=500_000)) as server, taking(0.4):
            assert "no complete answer within 0.15 s" in str(failure(server))

    def test_send__less_patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever has less time than the account allows gets no more than that."""
        monkeypatch.setattr(patience, "LEAST_ANSWER_S", 0.1)

        with listening(RawServer(READY, piece_s=0.01)) as server, taking(0.4):
            error = failure(server, timeout_s=30.0, waits=Patience(answer_s=0.1))

        assert "no complete answer within 0.1 s" in str(error)

    def test_send__anew_for_each(self) -> None:
        """Each request on a kept connection has the whole time."""
        slow = RawServer(READY, piece_s=0.1, piece_bytes=len(READY))

        with listening(slow) as server, client_of(account(server.url, timeout_s=0.25)) as client:
            assert [client.get_campaign_status(CAMPAIGN) for _ in range(3)] == ["Ready"] * 3

        assert server.connections == 1

    def test_send__the_next_address(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A host is tried at each of its addresses, and each gets its share of the time that is left."""
        connect = socket.socket.connect
        shares: list[float] = []

        def silent_at_first(sock: socket.socket, address: tuple[str, int]) -> None:
            shares.append(sock.gettimeout() or 0.0)
            if address[0] != "127.0.0.1":
                time.sleep(shares[-1])
                raise TimeoutError("timed out")
            connect(sock, address)

        resolve = socket.getaddrinfo
        found = [one for host in ("127.0.0.3", "127.0.0.2", "127.0.0.1") for one in resolve(host, 80, 0, 1)]
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *args, **kw: found if host == "kore" else resolve(host, *args, **kw)
        )
        monkeypatch.setattr(socket.socket, "connect", silent_at_first)
        with listening(RawServer(READY)) as server:
            settings = account(f"http://kore:{server.port}", allow_http=True, timeout_s=0.3)
            with client_of(settings) as client:
                assert client.get_campaign_status(CAMPAIGN) == "Ready"

        assert shares == [pytest.approx(0.1, abs=0.02)] * 3


class Answers(RawServer):
    """Answers each request with the next of several lists of packets; None among them ends the connection."""

    def __init__(self, *answers: list[bytes | None]) -> None:
        super().__init__(b"")
        self.answers = list(answers)

    def respond(self, conn: socket.socket, received: Received) -> bool:
        del received
        for packet in self.answers.pop(0):
            if packet is None:
                return False
            conn.sendall(packet)
            time.sleep(0.02)
        return True


def statuses(server: RawServer, times: int, *, pause_s: float = 0.0) -> list[str]:
    """What so many readings say, one after the other, whatever becomes of one."""
    said = []
    transport = transport_to(account(server.url, timeout_s=2.0))
    for number in range(times):
        time.sleep(pause_s if number else 0.0)
        try:
            answer = transport.send(ENDPOINTS["status_v2"], priority=Priority.READ, campaign_id=CAMPAIGN)
            said.append(answer.get("data", {}).get("status", "nothing"))
        except KoreError as error:
            said.append(type(error).__name__)
    transport.close()
    return said


class TestBeforeTheAnswer:
    """What a server may send before the answer itself."""

    @pytest.mark.parametrize(
        "hint",
        [
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 102 Processing\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
            b"HTTP/1.1 199 Whatever\r\n\r\n",
        ],
    )
    @pytest.mark.parametrize("is_apart", [True, False])
    def test_send__hint(self, hint: bytes, *, is_apart: bool) -> None:
        """A 1xx is no answer: the request gets its own, and so does the next one, on the same connection."""
        first = [hint, READY] if is_apart else [hint + READY]

        with listening(Answers(first, [http_answer(saying("Active"))])) as server:
            assert statuses(server, 2) == ["Ready", "Active"]

        assert server.connections == 1

    def test_send__hint_alone(self) -> None:
        """A connection that ends after a 1xx has brought no answer."""
        with listening(Answers([b"HTTP/1.1 103 Early Hints\r\n\r\n", None], [READY])) as server:
            assert statuses(server, 2) == ["KoreConnectionError", "Ready"]


class TestHeaders:
    @pytest.mark.parametrize(
        "line",
        [
            "eyJhbGciOiJIUzI1NiJ9 +15155550199 Ann Smithers",
            " eyJhbGciOiJIUzI1NiJ9 +15155550199 Ann Smithers",
            ": eyJhbGciOiJIUzI1NiJ9 +15155550199 Ann Smithers",
        ],
        ids=["no colon", "a continuation", "no name"],
    )
    @pytest.mark.parametrize("status", ["200 OK", "412 No"])
    def test_send__no_header(self, line: str, status: str, caplog: pytest.LogCaptureFixture) -> None:
        """A line that is no header is left out, first or last, and nobody's log repeats it."""
        caplog.set_level(logging.INFO)
        first = f"HTTP/1.1 {status}\r\n{line}\r\nX-More: 1\r\n\r\n".encode() + saying("Ready")
        last = http_answer(saying("Ready"), status, line)

        for answer in (first, last):
            with listening(Answers([answer, None])) as server:
                assert statuses(server, 1) == ["Ready" if status == "200 OK" else "KoreRequestError"]

        assert "Failed to parse headers" not in caplog.text
        assert not any(word in caplog.text for word in ("eyJ", "5550199", "Smithers"))


class TestBehindTheAnswer:
    """What comes behind an answer is never taken for the next one."""

    @pytest.mark.parametrize(
        ("first", "said"),
        [
            ([READY + http_answer(saying("Paused"))], "Ready"),
            ([READY, http_answer(saying("Paused"))], "Ready"),
            ([READY + b"\r\n"], "Ready"),
            ([HEAD + b"Content-Length: 10\r\n\r\n" + saying("Ready")], "KoreProtocolError"),
            ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + READY], "KoreProtocolError"),
            ([b"HTTP/1.1 204 No Content\r\n\r\n" + saying("Ready")], "KoreProtocolError"),
            ([b"HTTP/1.1 204 No Content\r\n\r\n", saying("Ready")], "KoreProtocolError"),
            ([b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" + READY], "KoreServiceError"),
        ],
        ids=[
            "a second answer",
            "a later second answer",
            "a blank line",
            "a length too short",
            "behind chunks",
            "the body of a 204",
            "the late body of a 204",
            "behind an error",
        ],
    )
    def test_send__left_over(self, first: list[bytes | None], said: str) -> None:
        """The next request has a connection of its own, and its own answer."""
        with listening(Answers(first, [http_answer(saying("Active"))])) as server:
            assert statuses(server, 2, pause_s=0.05) == [said, "Active"]

        assert server.connections == 2

    def test_send__left_over_of_nothing(self) -> None:
        """Behind a 204 there may come a body when the next request is under way: that has another connection."""
        nothing: list[bytes | None] = [b"HTTP/1.1 204 No Content\r\n\r\n", saying("Ready")]

        with listening(Answers(nothing, [http_answer(saying("Active"))])) as server:
            assert statuses(server, 2) == ["KoreProtocolError", "Active"]


class TestNoEnd:
    """Answers that are not as long as they should be."""

    @pytest.mark.parametrize(
        "head",
        [b"HTTP/1.0 200 OK\r\n\r\n", HEAD + b"Connection: close\r\n\r\n", HEAD + b"\r\n"],
        ids=["HTTP/1.0", "to be closed", "no length"],
    )
    def test_send__until_it_is_closed(self, head: bytes) -> None:
        """An answer without a length ends with its connection."""
        with listening(Answers([head + saying("Ready"), None], [READY])) as server:
            assert statuses(server, 2) == ["Ready", "Ready"]

        assert server.connections == 2

    @pytest.mark.parametrize(
        ("answer", "what"),
        [
            ([HEAD + b"Content-Length: 999\r\n\r\n" + saying("Ready"), None], "KoreConnectionError"),
            ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", None], "KoreConnectionError"),
            ([HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{", None], "KoreConnectionError"),
            ([b"HTTP/1.0 200 OK\r\n\r\n" + saying("Ready")[:-4], None], "KoreProtocolError"),
            (
                [http_answer(gzip.compress(saying("Ready"))[:-30], "200 OK", "Content-Encoding: gzip")],
                "KoreProtocolError",
            ),
        ],
        ids=["a length too long", "half a chunk", "no chunk", "HTTP/1.0 cut off", "gzip cut off"],
    )
    def test_send__cut_off(self, answer: list[bytes | None], what: str) -> None:
        """Half an answer is none, and the next request gets a whole one."""
        with listening(Answers(answer, [READY])) as server:
            assert statuses(server, 2) == [what, "Ready"]

    @pytest.mark.parametrize(
        "answer",
        [
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n%s\r\n" % (b" " * 0x10000) * 40,
            http_answer(gzip.compress(b" " * 2_500_000), "200 OK", "Content-Encoding: gzip"),
            HEAD + b"\r\n" + b" " * 2_500_000,
        ],
        ids=["chunks", "gzip", "no length"],
    )
    def test_send__too_long(self, answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        """An answer that nobody can keep is not read to its end, packed or not."""
        monkeypatch.setattr(connections, "MOST_BYTES", 2**20)

        with listening(RawServer(answer)) as server:
            error = failure(server, "stop_voice_v1", timeout_s=5.0)

        assert f"the answer is longer than 1 MiB ({server.url})" in str(error)
        assert error.cause is Cause.TOO_LONG
        assert (error.outcome_unknown, error.retryable) == (True, True)

    def test_send__answered_unread(self) -> None:
        """An answer that comes before the request was read is the answer."""

        class Hasty(RawServer):
            def serve(self, conn: socket.socket) -> None:
                conn.sendall(http_answer(b"busy", "503 Busy", "Connection: close"))
                conn.shutdown(socket.SHUT_WR)
                while conn.recv(65536):
                    pass

        with listening(Hasty(b"")) as server, pytest.raises(KoreServiceError) as caught:
            transport_to(account(server.url)).send(
                ENDPOINTS["stop_voice_v1"], priority=Priority.STOP, campaign_id=CAMPAIGN
            )

        assert (caught.value.status, caught.value.outcome_unknown) == (503, True)


@pytest.mark.parametrize("is_connecting", [False, True])
def test_left__nothing(is_connecting: bool) -> None:
    """A step for which no time is left is not begun."""
    exchange = Exchange(connect_timeout_s=0.0, timeout_s=0.0, before_connecting=lambda: None, trusted_since=0.0)
    if is_connecting:
        exchange.begin_connecting()

    with pytest.raises(TimeoutError, match="timed out"):
        exchange.left_s()
