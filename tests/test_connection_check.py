"""The connection's test: where to look, what to do there, and all of it within ten seconds."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from kore_support import OTHERWISE

from airflow_provider_campaigns import connection_check
from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore.errors import Cause, KoreAuthenticationError, KoreConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")

NOT_THE_PLATFORM = (
    "host or account_id: an unexpected answer; is this the platform's address? Set the host to that, without a path"
)
SCOPE = (
    "scope: the credentials are right, but the app may not manage campaigns; give it the API scope 'Campaign "
    "Management' and publish it"
)
CREDENTIALS = "login, password, stream_id or account_id: the platform does not accept these credentials for this app"
OUTAGE = "outage: the service fails, or what is before it; ask its support if that stays; test again"
FIREWALL = "network: what is before the service refused, as a firewall does; have this machine let through; test again"
PATH = "account_id or path: the service knows none such; compare account_id, and endpoint_overrides"
REFUSED = "account_id or path: the service refuses the request; compare account_id, and api_version"
LIMIT = "rate limit: the account has sent more than it may, from here or from elsewhere; test again in {} s"
NO_ANSWER = "outage: the host takes connections and does not answer in time; test again"
LIST = "list_v2 (POST /campaign/api/v2/public/st-1/campaign/getAllCampaignDetails)"
NO_CONNECTION = (
    "host: no connection; is it spelled right, and may this machine reach it (DNS, firewall, proxy)? "
    f"({LIST}: no connection: refused, or no such host ({{}}))"
)


@pytest.fixture
def check(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[bool, str]]:
    """Test the connection to the simulator, with other fields where given."""

    def check(host: str | None = None, **extra: Any) -> tuple[bool, str]:
        given = json.loads(kore_simulator.connection_json(**{"requests_per_minute": 6000, "timeout_s": 2, **extra}))
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", json.dumps(given | ({"host": host} if host else {})))
        works, message = KoreCampaignHook().test_connection()
        return works, message.replace(kore_simulator.stream_id, "st-1")

    return check


@contextmanager
def serving(answer: Callable[[socket.socket], object], times: int = 1) -> Iterator[str]:
    """The address of a host that does ``answer`` with its first connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for _ in range(times):
                connection, _ = server.accept()
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            thread.join()


LONG_AGO = "Mon, 02 Mar 2026 12:30:00 GMT"
FORBIDDEN_HTML = "<html><title>403 Forbidden</title></html>"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 429}, f"{LIMIT.format(60)} ({LIST}: HTTP 429: You've exceeded ... (84 characters))"),
        (
            {"status": 429, "headers": {"Retry-After": "399.2"}},
            f"{LIMIT.format(400)} ({LIST}: HTTP 429: You've exceeded ... (84 characters))",
        ),
        (
            {"status": 429, "headers": {"Retry-After": "604800"}},
            f"{LIMIT.format(3600)} ({LIST}: HTTP 429: You've exceeded ... (84 characters))",
        ),
        (
            {"status": 403, "body": {"message": "Quota exceeded"}},
            f"{LIMIT.format(60)} ({LIST}: HTTP 403: Quota exceeded)",
        ),
        ({"status": 500}, f"{OUTAGE} ({LIST}: HTTP 500: Internal Server ... (21 characters))"),
        ({"status": 502, "body": "<html>"}, f"{OUTAGE} ({LIST}: HTTP 502: <html>)"),
        (
            {"status": 503, "headers": {"Retry-After": "150"}},
            f"{OUTAGE} in 150 s ({LIST}: HTTP 503: Service Unavaila... (19 characters))",
        ),
        (
            {"status": 503, "headers": {"Retry-After": "0"}},
            f"{OUTAGE} ({LIST}: HTTP 503: Service Unavaila... (19 characters))",
        ),
        (
            {"status": 403, "body": FORBIDDEN_HTML},
            f"{FIREWALL} ({LIST}: HTTP 403: <html><title>403... (41 characters))",
        ),
        ({"status": 407, "body": "no"}, f"{FIREWALL} ({LIST}: HTTP 407: no)"),
        ({"status": 423}, f"{FIREWALL} ({LIST}: HTTP 423: Locked)"),
        ({"status": 404, "body": "<html>"}, f"{NOT_THE_PLATFORM}; test again ({LIST}: HTTP 404: <html>{OTHERWISE})"),
        (
            {"status": 200, "body": "<html>"},
            f"{NOT_THE_PLATFORM}; test again ({LIST}: HTTP 200: <html> (expected a JSON object){OTHERWISE})",
        ),
        ({"status": 404, "body": {"message": "no"}}, f"{PATH} ({LIST}: HTTP 404: no{OTHERWISE})"),
        ({"status": 405, "body": {"message": "no"}}, f"{REFUSED} ({LIST}: HTTP 405: no{OTHERWISE})"),
        ({"status": 412, "body": {"message": "no"}}, f"{REFUSED} ({LIST}: HTTP 412: no{OTHERWISE})"),
        (
            {"status": 403, "body": {"message": "Scope is incorrect"}, "headers": {"Date": LONG_AGO}},
            f"{SCOPE} ({LIST}: HTTP 403: Scope is incorre... (18 characters) (met once))",
        ),
        (
            {"status": 403, "headers": {"Date": LONG_AGO}},
            f"{CREDENTIALS} ({LIST}: HTTP 403: Forbidden (met once))",
        ),
        ({"status": 403}, f"{CREDENTIALS} ({LIST}: HTTP 403: Forbidden (met once))"),
    ],
)
def test_check_connection__answers(
    kore_simulator: KoreSimulator, check: Callable[..., tuple[bool, str]], answer: dict[str, Any], said: str
) -> None:
    """Each answer is told from the others, and what it asks for is said before what it was."""
    kore_simulator.fail_next(**answer, times=9)

    assert check() == (False, said)


def test_check_connection__redirect(kore_simulator: KoreSimulator, check: Callable[..., tuple[bool, str]]) -> None:
    """A host that leads elsewhere is not the platform's address."""
    kore_simulator.redirect_next("https://login.example/")

    works, message = check()

    assert not works
    assert message == (
        f"{NOT_THE_PLATFORM}; test again ({LIST}: HTTP 307, a redirect to login.example; redirects are not "
        "followed, because the token would travel along. Set the connection's host to the platform's own address)"
    )


@pytest.mark.parametrize(
    ("status", "said", "date", "direction"),
    [
        (401, "no", "Mon, 02 Mar 2026 12:30:00 GMT", "ahead of"),
        (401, "no", "Thu, 01 Jan 1970 00:00:00 GMT", "ahead of"),
        (401, "no", "Mon, 02 Mar 2099 12:30:00 GMT", "behind"),
        (403, "jwt not active", "Mon, 02 Mar 2026 12:30:00 GMT", "ahead of"),
        (403, "Token too early", "Mon, 02 Mar 2099 12:30:00 GMT", "behind"),
    ],
)
def test_check_connection__clock(
    *, check: Callable[..., tuple[bool, str]], status: int, said: str, date: str, direction: str
) -> None:
    """A refused token with another Date than this machine's is the clock's doing."""
    body = json.dumps({"errors": [{"msg": said}]}).encode()
    head = f"HTTP/1.1 {status} No\r\nDate: {date}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    def refuse(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(head.encode() + body)

    with serving(refuse, times=2 if status == 401 else 1) as address:  # once more with a fresh token
        works, message = check(host=address)

    assert not works
    assert message.startswith(
        "clock: the platform does not accept what this machine signs; set its clock, best by NTP "
        f"({LIST}: HTTP {status}: {said}. This machine's clock is "
    )
    assert f" s {direction} the service's" in message


def test_check_connection__nobody_there(check: Callable[..., tuple[bool, str]]) -> None:
    """A port that nobody listens on, and a name that nobody has, are the host's fault."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert check(host=address) == (False, NO_CONNECTION.format(address))
    nowhere = "http://no-such-host.invalid"
    assert check(host=nowhere, allow_http=True) == (False, NO_CONNECTION.format(nowhere))


def test_check_connection__not_https(kore_simulator: KoreSimulator, check: Callable[..., tuple[bool, str]]) -> None:
    """An address that serves no https breaks the connection."""
    address = kore_simulator.url.replace("http://", "https://")

    works, message = check(host=address)

    assert not works
    assert message == (
        "host: the connection broke; is it https that is served there, and does nothing before it cut that off? "
        f"({LIST}: the connection broke before the answer was complete ({address}))"
    )


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (
            Cause.CERTIFICATE,
            "TLS: this machine does not trust the host's certificate; name your authority's file in ca_bundle",
        ),
        (
            Cause.PROXY,
            "proxy: it does not let this machine through; mend HTTPS_PROXY, or name the host in NO_PROXY",
        ),
        (
            Cause.HOST,
            "host: no connection; is it spelled right, and may this machine reach it (DNS, firewall, proxy)?",
        ),
        (Cause.TIMEOUT, NO_ANSWER),
        (Cause.TOO_LONG, NOT_THE_PLATFORM),
        (Cause.BROKEN, "host: the connection broke; is it https that is served there, and does nothing before it cut "),
    ],
)
def test_diagnosis__no_answer(cause: Cause, said: str) -> None:
    """Certificate, proxy, a host that cannot be reached, and what else ends without an answer are told apart."""
    words = "no such words: certificate, proxy, no connection, no complete answer"

    assert connection_check.diagnosis(KoreConnectionError(words, cause=cause)).startswith(said)


def test_diagnosis__clock() -> None:
    """So is a clock that is off, whatever the words."""
    error = KoreAuthenticationError("This machine's clock is as it is")
    assert connection_check.diagnosis(error) == CREDENTIALS

    error.clock_is_off = True
    assert connection_check.diagnosis(error).startswith("clock: ")


def test_check_connection__hangs(kore_simulator: KoreSimulator, check: Callable[..., tuple[bool, str]]) -> None:
    """A service that takes the connection and does not answer is an outage."""
    kore_simulator.hang_next(0.6)

    assert check(timeout_s=0.2) == (
        False,
        f"{NO_ANSWER} ({LIST}: no complete answer within 0.2 s ({kore_simulator.url}))",
    )


def test_check_connection__limits() -> None:
    """A place in the budget, a connection or an answer are waited for no longer than people are."""
    assert (
        connection_check.CHECKED_WITHIN_S,
        connection_check._ANSWER_WITHIN_S,
        connection_check._PLACE_WITHIN_S,
    ) == (9.0, 6.0, 2.0)


def test_check_connection__trickles(check: Callable[..., tuple[bool, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer in pieces, each of which comes in time, ends the test no later than one that does not come."""
    monkeypatch.setattr(connection_check, "CHECKED_WITHIN_S", 0.2)
    is_over = threading.Event()

    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        while not is_over.wait(0.01):
            connection.sendall(b" ")

    with serving(trickle) as address:
        began = time.monotonic()
        works, message = check(host=address)
        took_s = time.monotonic() - began
        is_over.set()

    assert not works
    assert message.startswith("outage: ")
    assert took_s < 2.0


def test_check_connection__backend_hangs(
    check: Callable[..., tuple[bool, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secrets backend that hangs is no reason to wait either."""
    monkeypatch.setattr(connection_check, "CHECKED_WITHIN_S", 0.05)
    is_over = threading.Event()
    monkeypatch.setattr(KoreCampaignHook, "get_connection", lambda *_: is_over.wait(20))

    works, message = check()
    is_over.set()

    assert not works
    assert message == (
        "outage: nothing came of it within 0.05 s: the service answers too slowly, or the name of the host, a proxy or "
        "the secrets backend cannot be asked. Test again; if it stays, open the host's address from this machine"
    )


def test_check_connection__no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the lookup says is the message."""
    monkeypatch.delenv("AIRFLOW_CONN_KORE_DEFAULT", raising=False)

    assert KoreCampaignHook().test_connection() == (
        False,
        "kore_conn_id: there is no such connection (got 'kore_default'), or the secrets backend that has it failed",
    )


def test_check_connection__defect(check: Callable[..., tuple[bool, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of this package is raised, and passes for no outage."""
    monkeypatch.setattr(KoreCampaignHook, "_settings", lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        check()


def test_check_connection__proxy_variable(
    check: Callable[..., tuple[bool, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that names no proxy is named; nothing was sent."""
    monkeypatch.setenv("HTTPS_PROXY", "http://[broken")

    works, message = check(host="https://platform.example")

    assert not works
    assert message.startswith("HTTPS_PROXY: names no proxy that can be used")


@pytest.mark.parametrize(("pause", "seconds"), [("200", 200), (None, 60), ("900", 900), ("604800", 3600)])
def test_check_connection__after_a_rate_limit(
    *,
    kore_simulator: KoreSimulator,
    check: Callable[..., tuple[bool, str]],
    pause: str | None,
    seconds: int,
) -> None:
    """Right after a 429 nothing is sent and nothing waited for; when to come back is said."""
    kore_simulator.fail_next(429, headers={"Retry-After": pause} if pause else None)
    check()
    began = time.monotonic()

    works, message = check()

    assert time.monotonic() - began < 2.0
    assert len(kore_simulator.requests) == 1
    assert not works
    assert message.startswith(
        "rate limit: nothing was sent; this minute's requests are used up, or the service has asked for a pause; test "
        f"again in {seconds} s ({LIST}: "
    )
