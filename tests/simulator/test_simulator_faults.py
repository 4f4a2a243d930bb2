"""Faults happen to the request they were ordered for, and their effect is as ordered."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from calling import Caller, documented

from airflow_provider_campaigns.simulator import KoreSimulator, ManualClock


@pytest.fixture
def campaign_id(caller: Caller) -> str:
    """An Active voice campaign."""
    return caller.simulator.add_campaign(status="Active")


@pytest.mark.parametrize(("moment", "after"), [("before", "Active"), ("after", "Stopped")])
def test_fail_next(caller: Caller, campaign_id: str, moment: str, after: str) -> None:
    """A 5xx comes instead of the effect, or hides it."""
    caller.simulator.fail_next(503, **{moment: True})

    reply = caller.stop(campaign_id)

    assert (reply.status, reply.body) == (503, {"errors": [{"msg": "Service Unavailable", "code": 503}]})
    assert after == caller.status_text(campaign_id)
    record = caller.simulator.requests[0]
    assert (503, f"503 {moment}", after == "Stopped") == (record.status, record.fault, record.effect is not None)


@pytest.mark.parametrize(
    ("status", "sample"),
    [
        (401, "error-401-bad-jwt.platform.response"),
        (412, "error-412-validation.platform.response"),
    ],
)
def test_fail_next__default_bodies(caller: Caller, status: int, sample: str) -> None:
    """Without a body a fault has the platform's, so that 401 looks like an expired token."""
    caller.simulator.fail_next(status)

    reply = caller.list()

    assert (status, documented(sample)) == (reply.status, reply.body)


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ({"status": "failed"}, "application/json", {"status": "failed"}),
        ("upstream gone", "text/plain", "upstream gone"),
        (b"\x00", "application/octet-stream", "\x00"),
    ],
)
def test_fail_next__own_body_and_headers(caller: Caller, body: Any, content_type: str, expected: Any) -> None:
    """Body and headers can be anything."""
    caller.simulator.fail_next(429, body=body, headers={"Retry-After": "7"})

    reply = caller.list()

    assert (429, expected, "7") == (reply.status, reply.body, reply.headers["Retry-After"])
    assert reply.headers.get_content_type() == content_type


def test_match__operation_campaign_skip_times(caller: Caller) -> None:
    """A fault waits for its operation and campaign, lets some pass, hits some, and is used up."""
    first, second = caller.simulator.add_campaign(), caller.simulator.add_campaign()
    caller.simulator.fail_next(500, operation=["status", "get"], campaign_id=second, skip=1, times=2)

    codes = [
        caller.status(first).status,
        caller.list().status,
        caller.status(second).status,
        caller.status(second).status,
        caller.contacts(second).status,
        caller.get(second).status,
        caller.status(second).status,
    ]

    assert codes == [200, 200, 200, 500, 200, 500, 200]
    assert caller.simulator.faults.pending() == []


def test_match__several_orders(caller: Caller) -> None:
    """A request meets the first order that it matches; a skipping order lets a later one have it."""
    caller.simulator.fail_next(500, skip=1)
    caller.simulator.fail_next(502)

    assert [caller.list().status for _ in range(3)] == [502, 500, 200]


def test_fail_next__of_one_version(kore_simulator: KoreSimulator) -> None:
    """A fault can be meant for one version of the API, and says so."""
    kore_simulator.fail_next(405, operation="get", api_version="v1")

    taken = [kore_simulator.faults.take("get", "cd-1", version) is not None for version in ("v2", "v1", "v1")]

    assert taken == [False, True, False]
    kore_simulator.fail_next(405, operation="get", api_version="v1")
    assert kore_simulator.faults.pending() == ["405 before on get v1, 1 times after 0"]


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ({"operation": "halt"}, "no operation 'halt'"),
        ({"api_version": "v3"}, "api_version is 'v1' or 'v2', not 'v3'"),
        ({"times": 0}, "times is at least 1"),
        ({"skip": -1}, "skip at least 0"),
        ({"before": True, "after": True}, "not several of them"),
    ],
)
def test_order__refused(kore_simulator: KoreSimulator, order: dict[str, Any], complaint: str) -> None:
    """An order that can never be met is an error."""
    with pytest.raises(ValueError, match=complaint):
        kore_simulator.drop_next(**order)

    assert kore_simulator.faults.pending() == []


@pytest.mark.parametrize(("moment", "after"), [("before", "Active"), ("after", "Stopped")])
def test_drop_next__resets_the_connection(caller: Caller, campaign_id: str, moment: str, after: str) -> None:
    """The TCP connection is reset, not answered; the effect has been applied or not, as ordered."""
    caller.simulator.drop_next(**{moment: True}, operation="stop")

    with pytest.raises(ConnectionResetError):
        caller.stop(campaign_id)

    assert after == caller.status_text(campaign_id)
    record = caller.simulator.requests[0]
    assert (None, f"drop {moment}") == (record.status, record.fault)


def test_drop_next__at_the_socket(caller: Caller, campaign_id: str) -> None:
    """What the peer's socket sees is RST: reading fails with ECONNRESET and no byte arrived."""
    caller.simulator.drop_next()
    address = urlsplit(caller.simulator.url)
    path = f"/agentassist/api/v1/public/{caller.simulator.stream_id}/campaign/{campaign_id}/status"
    head = "".join(f"{name}: {value}\r\n" for name, value in caller.headers().items())

    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5) as sock:
        sock.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 2\r\n\r\n{{}}".encode())
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_drop_next__only_that_connection(caller: Caller, campaign_id: str) -> None:
    """Other connections, kept alive beside the broken one, go on."""
    netloc = urlsplit(caller.simulator.url).netloc
    path = f"/agentassist/api/v1/public/{caller.simulator.stream_id}/campaign/{campaign_id}/status"
    warm = http.client.HTTPConnection(netloc, timeout=5)
    warm.request("POST", path, "{}", caller.headers())
    warm.getresponse().read()
    used = warm.sock
    caller.simulator.drop_next()
    with pytest.raises(ConnectionResetError):
        caller.status(campaign_id)

    warm.request("POST", path, "{}", caller.headers())

    assert warm.getresponse().status == 200
    assert used is warm.sock
    warm.close()


def test_truncate_next(caller: Caller, campaign_id: str) -> None:
    """The body ends in the middle although its length was announced; the effect has been applied."""
    caller.simulator.truncate_next(operation="stop")

    with pytest.raises(http.client.IncompleteRead) as caught:
        caller.stop(campaign_id)

    assert len(caught.value.partial) > 0
    assert caller.status_text(campaign_id) == "Stopped"


def test_trickle_next(caller: Caller, campaign_id: str) -> None:
    """The answer comes whole, byte by byte over the time that was ordered, and the effect has been applied."""
    caller.simulator.trickle_next(0.3, operation="stop")
    began = time.monotonic()

    reply = caller.stop(campaign_id)

    assert 0.3 <= time.monotonic() - began < 2
    assert (reply.status, reply.body["status"], reply.headers["connection"]) == (200, "Stopped", "close")
    assert caller.status_text(campaign_id) == "Stopped"
    assert caller.simulator.requests[0].fault == "trickle after"


def test_trickle_next__nobody_waits(caller: Caller, campaign_id: str) -> None:
    """It ends when the caller gives up; so does the simulator, which need not wait for it."""
    caller.simulator.trickle_next(60, operation="stop")

    with pytest.raises(TimeoutError):
        caller.stop(campaign_id, timeout=0.02)

    assert caller.status_text(campaign_id) == "Stopped"


@pytest.mark.parametrize(("status", "line"), [(103, "HTTP/1.1 103 Early Hints"), (102, "HTTP/1.1 102 Processing")])
def test_hint_next(caller: Caller, status: int, line: str) -> None:
    """A 1xx comes before the answer, which is as usual."""
    caller.simulator.hint_next(status)

    with socket.create_connection(address(caller), timeout=5) as conn:
        headers = "".join(f"{name}: {value}\r\n" for name, value in caller.headers().items())
        conn.sendall(f"GET {caller_path(caller)} HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode())
        received = b""
        while not received.endswith(b"}"):
            received += conn.recv(65536)

    first, second = received.decode().split("\r\n\r\n")[:2]
    assert first == line
    assert second.startswith("HTTP/1.1 400 Bad Request")


@pytest.mark.parametrize("status", [200, 99])
def test_hint_next__no_hint(caller: Caller, status: int) -> None:
    """Nothing but a 1xx is a hint."""
    with pytest.raises(ValueError, match=str(status)):
        caller.simulator.hint_next(status)


def test_keep_alive(caller: Caller) -> None:
    """An idle connection is closed after so many seconds since its last answer, and not before."""
    caller.simulator.switches(keep_alive=0.1)
    connection = http.client.HTTPConnection(*address(caller), timeout=5)
    for _ in range(2):
        connection.request("GET", caller_path(caller), headers=caller.headers())
        connection.getresponse().read()
        time.sleep(0.05)
    sock = connection.sock
    assert sock is not None
    began = time.monotonic()

    assert sock.recv(1) == b""

    assert time.monotonic() - began < 0.5
    connection.close()


class TestRefuseConnections:
    """The service's port is closed for a while."""

    def test_refuse_connections(self, caller: Caller) -> None:
        """Open connections break, new ones are refused until the time is over, and then all is as before."""
        connection = http.client.HTTPConnection(*address(caller), timeout=5)
        connection.request("GET", caller_path(caller), headers=caller.headers())
        connection.getresponse().read()
        assert connection.sock is not None
        caller.simulator.refuse_connections(0.2)
        with contextlib.suppress(ConnectionResetError):
            assert connection.sock.recv(1) == b""
        connection.close()
        began = time.monotonic()
        with pytest.raises(ConnectionRefusedError):
            caller.list()
        time.sleep(0.25 - (time.monotonic() - began))

        assert caller.list().status == 200

    def test_refuse_connections__end(self, caller: Caller) -> None:
        """It can be ended, prolonged, and is ended by a reset."""
        caller.simulator.refuse_connections(60)
        caller.simulator.refuse_connections(120)
        with pytest.raises(ConnectionRefusedError):
            caller.list()
        caller.simulator.refuse_connections(0)
        assert caller.list().status == 200
        caller.simulator.refuse_connections(60)
        caller.simulator.reset()
        assert caller.list().status == 200

    def test_refuse_connections__by_the_control_port(self, kore_simulator: KoreSimulator) -> None:
        """The control port, which stays open, orders and ends it."""
        control = http.client.HTTPConnection(urlsplit(kore_simulator.control_url).netloc, timeout=5)
        body = '{"kind": "refuse", "seconds": 60}'
        control.request("POST", "/faults", body, {"Content-Type": "application/json"})
        assert control.getresponse().read() == b"[]"
        with pytest.raises(ConnectionRefusedError):
            Caller(kore_simulator).list()
        control.request("POST", "/reset")
        assert control.getresponse().read() == b'{"status":"reset"}'
        control.close()

        assert Caller(kore_simulator).list().status == 200

    def test_refuse_connections__closed_meanwhile(self) -> None:
        """A simulator that refuses connections can be closed, and then refuses none."""
        with KoreSimulator() as simulator:
            simulator.refuse_connections(60)
        simulator.reset()

        with pytest.raises(RuntimeError, match="not running"):
            simulator.refuse_connections(1)

    def test_refuse_connections__no_time(self, kore_simulator: KoreSimulator) -> None:
        """A time before now makes no sense."""
        with pytest.raises(ValueError, match="a number of seconds from 0, not -1"):
            kore_simulator.refuse_connections(-1)


def address(caller: Caller) -> tuple[str, int]:
    """Host and port of the service."""
    url = urlsplit(caller.simulator.url)
    return str(url.hostname), int(url.port or 0)


def caller_path(caller: Caller) -> str:
    """The path of a campaign that is not there."""
    return f"/campaign/api/v2/public/{caller.simulator.stream_id}/campaign/cd-1?accountId={caller.simulator.account_id}"


@pytest.mark.parametrize(("moment", "after"), [("before", "Active"), ("after", "Stopped")])
def test_garble_next(caller: Caller, campaign_id: str, moment: str, after: str) -> None:
    """A page of HTML with status 200 comes instead of JSON."""
    caller.simulator.garble_next(**{moment: True})

    reply = caller.stop(campaign_id)

    assert (reply.status, reply.headers.get_content_type()) == (200, "text/html")
    assert reply.body.startswith("<html>")
    assert after == caller.status_text(campaign_id)


def test_redirect_next(caller: Caller, campaign_id: str) -> None:
    """The caller is sent to another host, and nothing has been done."""
    caller.simulator.redirect_next("http://127.0.0.1:9/elsewhere")

    reply = caller.stop(campaign_id)

    assert (reply.status, reply.headers["Location"]) == (307, "http://127.0.0.1:9/elsewhere")
    assert caller.status_text(campaign_id) == "Active"


def test_mislabel_next(caller: Caller, campaign_id: str) -> None:
    """The answer names another campaign and another instance, and nothing else is changed."""
    caller.simulator.mislabel_next(times=3)
    true_instance = caller.simulator.campaign(campaign_id).instance_id

    stop, status, delete = caller.stop(campaign_id), caller.status(campaign_id), caller.delete(campaign_id)

    assert stop.body["campaignInstanceId"] == "cid-0000000-0000-4000-8000-000000000000"
    assert status.body["data"]["id"] == delete.body["data"]["_id"] == "cd-0000000-0000-4000-8000-000000000000"
    assert status.body["data"]["status"] == "Stopped"
    assert true_instance not in str(delete.body)
    assert campaign_id in str(caller.simulator.effects("delete")[0])


@pytest.mark.parametrize(("moment", "status"), [("before", "Active"), ("after", "Stopped")])
def test_hang_next__caller_gives_up(caller: Caller, campaign_id: str, moment: str, status: str) -> None:
    """A request nobody waits for any more has no effect, or had it at once; the end of the wait changes nothing."""
    caller.simulator.hang_next(0.5, **{moment: True}, operation="stop")

    with pytest.raises(TimeoutError):
        caller.stop(campaign_id, timeout=0.1)
    assert caller.status_text(campaign_id) == status
    time.sleep(0.6)

    assert caller.status_text(campaign_id) == status


def test_hang_next__late(caller: Caller, campaign_id: str) -> None:
    """A request nobody waits for any more takes effect when its wait is over."""
    caller.simulator.hang_next(2, late=True, operation="stop")

    with pytest.raises(TimeoutError):
        caller.stop(campaign_id, timeout=0.1)
    assert caller.status_text(campaign_id) == "Active"
    until = time.monotonic() + 60
    while caller.simulator.requests[0].status is None and time.monotonic() < until:
        time.sleep(0.02)

    assert caller.status_text(campaign_id) == "Stopped"


@pytest.mark.parametrize("moment", ["before", "after", "late"])
def test_hang_next__caller_waits(caller: Caller, campaign_id: str, moment: str) -> None:
    """A patient caller gets its answer after the wait."""
    caller.simulator.hang_next(0.15, **{moment: True})
    began = time.monotonic()

    assert caller.stop(campaign_id).body["status"] == "Stopped"
    assert time.monotonic() - began >= 0.15


def test_hang_next__does_not_hold_up_others() -> None:
    """While one request hangs, others are answered."""
    with KoreSimulator() as simulator:
        caller, campaign_id = Caller(simulator), simulator.add_campaign(status="Active")
        simulator.hang_next(300, operation="stop")

        def stop() -> None:
            with contextlib.suppress(OSError):  # closing the simulator ends it
                caller.stop(campaign_id, timeout=300)

        hanging = threading.Thread(target=stop)
        hanging.start()
        while not simulator.requests:
            time.sleep(0.005)

        assert caller.status_text(campaign_id) == "Active"
        assert hanging.is_alive()
    hanging.join()


def test_random_faults__repeatable(caller: Caller) -> None:
    """The same seed gives the same faults in the same order, about as many as ordered; another seed others."""

    def outcomes(seed: int) -> list[str | None]:
        caller.simulator.requests.clear()
        caller.simulator.random_faults(0.3, seed=seed)
        for _ in range(60):
            try:
                caller.list()
            except (OSError, http.client.HTTPException):
                continue
        return [record.fault for record in caller.simulator.requests]

    first, again, other = outcomes(7), outcomes(7), outcomes(8)

    assert first == again != other
    assert 8 <= sum(fault is not None for fault in first) <= 30
    caller.simulator.clear_faults()
    assert caller.list().status == 200


@pytest.mark.parametrize("rate", [-0.1, 1.5])
def test_random_faults__rate(kore_simulator: KoreSimulator, rate: float) -> None:
    """A rate is a share."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        kore_simulator.random_faults(rate)


def test_faults__peer_that_resets_first(caller: Caller, campaign_id: str) -> None:
    """A caller that resets its own connection does the simulator no harm."""
    address = urlsplit(caller.simulator.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as sock:
        sock.sendall(b"POST /campaign HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert caller.status_text(campaign_id) == "Active"


def test_garble_next__firewall(caller: Caller, campaign_id: str) -> None:
    """A firewall's page has a status of its own, and comes as HTML."""
    caller.simulator.garble_next(403, operation="stop")

    reply = caller.stop(campaign_id)

    assert (reply.status, reply.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert caller.simulator.campaign(campaign_id).status == "Active"


def test_maintain(still: Caller, clock: ManualClock) -> None:
    """For so long every answer is a page that names what is left; then all is as before."""
    still.simulator.maintain(150)
    clock.advance(30.5)

    reply = still.list()

    assert (reply.status, reply.headers["Retry-After"]) == (503, "120")
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert still.simulator.faults.pending() == ["maintenance for 119.5 s"]
    clock.advance(119.5)
    assert still.list().status == 200


def test_maintain__end(still: Caller) -> None:
    """It is ended by a shorter one and with all faults, and lasts for no negative time."""
    with pytest.raises(ValueError, match="a number of seconds from 0, not -1"):
        still.simulator.maintain(-1)
    for end in (lambda: still.simulator.maintain(0), still.simulator.clear_faults):
        still.simulator.maintain(60)
        assert still.list().status == 503
        end()
        assert still.list().status == 200
