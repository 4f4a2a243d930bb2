"""The hook: from an Airflow connection to the service."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlencode

import pytest
from airflow.providers.common.compat import sdk as compat_sdk

from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.errors import KoreAuthenticationError, KoreError, KoreServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_campaigns.simulator import KoreSimulator

SECRET = "canary-secret-3f9c1d-3f9c1d-3f9c1d-3f9c1d"


@pytest.fixture
def hook(kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> KoreCampaignHook:
    """A hook of the simulator."""
    kore_simulator.switches(rate_limit=None)
    monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", kore_simulator.connection_json(requests_per_minute=6000))
    return KoreCampaignHook()


class TestHook:
    """The verbs, against the simulator."""

    def test_init__no_lookup(self) -> None:
        """Making a hook looks nothing up."""
        assert KoreCampaignHook("nowhere").kore_conn_id == "nowhere"
        assert KoreCampaignHook().kore_conn_id == "kore_default"

    def test_get_conn__the_same_client(self, hook: KoreCampaignHook) -> None:
        """The client is one and the same, so that its connections are reused."""
        assert isinstance(hook.get_conn(), KoreClient)
        assert hook.get_conn() is hook.get_conn()

    def test_get_conn__from_a_uri(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """Airflow's URI form works from end to end."""
        address = quote(kore_simulator.url, safe="")
        credentials = f"{kore_simulator.client_id}:{quote(kore_simulator.client_secret, safe='')}"
        extras = urlencode({"iid": kore_simulator.stream_id, "account_id": kore_simulator.account_id})
        monkeypatch.setenv("AIRFLOW_CONN_KORE_URI", f"kore-campaign://{credentials}@{address}?{extras}")

        assert KoreCampaignHook("kore_uri").list_campaigns("voice") == []

    def test_get_conn__masks_the_secret_only(
        self, kore_simulator: KoreSimulator, hook: KoreCampaignHook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The secret is registered once for the log's mask, and no token ever: each one slows every log line."""
        masked: list[tuple[Any, ...]] = []
        monkeypatch.setattr(compat_sdk, "mask_secret", lambda *args: masked.append(args))

        for _ in range(3):
            hook.list_campaigns("voice")

        assert masked == [(kore_simulator.client_secret,)]

    def test_sleep(self, kore_simulator: KoreSimulator, hook: KoreCampaignHook) -> None:
        """Waits before something is sent again are the caller's to make."""
        waits: list[float] = []
        kore_simulator.drop_next(times=2)

        assert KoreCampaignHook(sleep=waits.append).list_campaigns("voice") == []
        assert len(waits) == 2

    @pytest.mark.usefixtures("hook")
    def test_looks_again(self, kore_simulator: KoreSimulator) -> None:
        """A refusal is said at once, as one met once; as an operator has it, the hook looks again after 30 s."""
        waits: list[float] = []
        kore_simulator.fail_next(403, times=6)  # each time in both versions, and once again

        with pytest.raises(KoreAuthenticationError, match=r"\(met once\)$"):
            KoreCampaignHook(sleep=waits.append).list_campaigns("voice")
        assert waits == []

        assert KoreCampaignHook(sleep=waits.append, looks_again=True).list_campaigns("voice") == []
        assert [round(seconds) for seconds in waits] == [30]

    @pytest.mark.usefixtures("hook")
    def test_looks_again__outage(self, kore_simulator: KoreSimulator) -> None:
        """A service that fails is asked five times; as an operator has it, until five minutes are over."""
        waits: list[float] = []
        kore_simulator.fail_next(503, times=25 + 2 * 2)  # each time in both versions before

        with pytest.raises(KoreServiceError):
            KoreCampaignHook(sleep=waits.append).list_campaigns("voice")
        assert len(waits) == 4

        assert KoreCampaignHook(sleep=waits.append, looks_again=True).list_campaigns("voice") == []
        assert len(waits) == 4 + 20

    @pytest.mark.parametrize("campaign_type", ["voice", "sms"])
    def test_verbs__write(
        self, kore_simulator: KoreSimulator, hook: KoreCampaignHook, campaign_type: Literal["voice", "sms"]
    ) -> None:
        """Start, stop and delete, each in its documented version."""
        campaign_id = kore_simulator.add_campaign(campaign_type=campaign_type)

        started = hook.start_campaign(campaign_id, campaign_type=campaign_type)
        stopped = hook.stop_campaign(campaign_id, campaign_type=campaign_type)
        deleted = hook.delete_campaign(campaign_id, campaign_type=campaign_type)

        assert (started.status, stopped.status, deleted.status) == ("Active", "Stopped", None)
        assert [(one.operation, one.version) for one in kore_simulator.requests] == [
            ("start", "v1"),
            ("stop", "v1"),
            ("delete", "v2"),
        ]
        assert kore_simulator.campaigns() == []

    def test_verbs__version(self, kore_simulator: KoreSimulator, hook: KoreCampaignHook) -> None:
        """The version given is the one that is sent."""
        campaign_id = kore_simulator.add_campaign()

        hook.start_campaign(campaign_id, api_version="v2")
        hook.stop_campaign(campaign_id, api_version="v2")
        hook.delete_campaign(campaign_id, api_version="v1")

        assert [one.version for one in kore_simulator.requests] == ["v2", "v2", "v1"]

    @pytest.mark.parametrize(("argument", "version"), [(None, "v2"), ("v1", "v1")])
    def test_verbs__version_precedence(
        self,
        kore_simulator: KoreSimulator,
        monkeypatch: pytest.MonkeyPatch,
        argument: str | None,
        version: str,
    ) -> None:
        """The argument comes before the connection, and the connection before the default."""
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", kore_simulator.connection_json(api_version="v2"))
        campaign_id = kore_simulator.add_campaign(status="Active")

        KoreCampaignHook().stop_campaign(campaign_id, api_version=argument)

        assert kore_simulator.requests[0].version == version

    def test_verbs__read(self, kore_simulator: KoreSimulator, hook: KoreCampaignHook) -> None:
        """Get, status, find and list."""
        campaign_id = kore_simulator.add_campaign(name="Spring", status="Paused")
        kore_simulator.add_campaign(name="Summer", status="Active")

        assert hook.get_campaign(campaign_id).name == "Spring"
        assert hook.get_campaign_status(campaign_id) == "Paused"
        assert hook.find_campaign("Spring").campaign_id == campaign_id
        assert {one.name for one in hook.list_campaigns("voice")} == {"Spring", "Summer"}
        assert [one.name for one in hook.list_campaigns("voice", statuses=("Paused",))] == ["Spring"]
        assert [one.name for one in hook.list_campaigns("voice", name_pattern="Su*")] == ["Summer"]
        assert hook.list_campaigns("sms") == []
        kore_simulator.assert_no_writes()

    @pytest.mark.parametrize("names", [[], ["Spring", "Spring"]])
    def test_find_campaign__not_exactly_one(
        self, kore_simulator: KoreSimulator, hook: KoreCampaignHook, names: list[str]
    ) -> None:
        """A name that nobody has, or that two have, is an error."""
        for name in names:
            kore_simulator.add_campaign(name=name)

        with pytest.raises(KoreError, match="Spring"):
            hook.find_campaign("Spring")

    def test_iter_contact_results(self, kore_simulator: KoreSimulator, hook: KoreCampaignHook) -> None:
        """Contact results come page by page, from a page on."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=250)

        assert [len(page.contacts) for page in hook.iter_contact_results(campaign_id)] == [100, 100, 50]
        assert [page.page for page in hook.iter_contact_results(campaign_id, start_page=3)] == [3]

    def test_disable_schedule(self, kore_simulator: KoreSimulator, hook: KoreCampaignHook) -> None:
        """A schedule is disabled by the campaign's name."""
        campaign_id = kore_simulator.add_campaign(name="Nightly", status="Scheduled")

        hook.disable_schedule("Nightly")

        assert kore_simulator.campaign(campaign_id).status == "Ready"


@contextmanager
def stranger(status: int, body: bytes) -> Iterator[str]:
    """The address of an HTTP server that is not the platform."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestTestConnection:
    """The test proves host, credentials and scope, or says which of them is wrong."""

    def check(self, monkeypatch: pytest.MonkeyPatch, simulator: KoreSimulator, **changes: Any) -> tuple[bool, str]:
        """Test the connection to the simulator with some of its fields changed."""
        given = json.loads(simulator.connection_json(timeout_s=2, requests_per_minute=6000))
        for name, value in changes.items():
            (given["extra"] if name in given["extra"] else given)[name] = value
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", json.dumps(given))
        works, message = KoreCampaignHook().test_connection()
        assert simulator.client_secret not in message
        assert given["password"] not in message
        simulator.assert_no_writes()
        return works, message

    def test_test_connection__works(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """One harmless read proves it."""
        kore_simulator.add_campaign()

        assert self.check(monkeypatch, kore_simulator) == (
            True,
            f"Connected to {kore_simulator.url}: credentials and scope are accepted (1 voice campaigns)",
        )
        assert [one.operation for one in kore_simulator.requests] == ["list"]

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"password": f"not-{SECRET}"}, "login, password, stream_id or account_id: the platform does not accept"),
            ({"login": "cs-of-another-app"}, "login, password, stream_id or account_id: "),
            ({"stream_id": "st-of-another-app"}, "login, password, stream_id or account_id: "),
            ({"account_id": "another"}, "login, password, stream_id or account_id: "),
            ({"login": "st-swapped"}, "login: expected the Client ID"),
            ({"host": ""}, "host: missing"),
        ],
    )
    def test_test_connection__wrong_field(
        self,
        kore_simulator: KoreSimulator,
        monkeypatch: pytest.MonkeyPatch,
        changes: dict[str, Any],
        named: str,
    ) -> None:
        """What is wrong is named first."""
        works, message = self.check(monkeypatch, kore_simulator, **changes)

        assert works is False
        assert message.startswith(named)

    def test_test_connection__once(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """A refusal that may pass is said to have been met once; nobody at a screen waits for a second look."""
        kore_simulator.fail_next(403)

        works, message = self.check(monkeypatch, kore_simulator)

        assert (works, "(met once)" in message, len(kore_simulator.requests)) == (False, True, 1)

    def test_test_connection__scope(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """Right credentials without the scope are told apart from wrong ones."""
        kore_simulator.switches(scope_granted=False)

        works, message = self.check(monkeypatch, kore_simulator)

        assert works is False
        assert message.startswith("scope: the credentials are right")
        assert "'Campaign Management'" in message

    def test_test_connection__nobody_there(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A port that nobody listens on is the host's fault, and is not tried again and again."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            works, message = self.check(monkeypatch, kore_simulator, host=f"http://127.0.0.1:{unused.getsockname()[1]}")

        assert works is False
        assert message.startswith("host: no connection")

    def test_test_connection__asks_once(self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nobody waits at a form for a service that fails to be asked again and again."""
        kore_simulator.fail_next(503, times=100)

        assert self.check(monkeypatch, kore_simulator)[0] is False
        assert len(kore_simulator.requests) == 1

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, b"<html><body>Welcome</body></html>"),
            (404, b"<html><body>Not Found</body></html>"),
            (200, b'{"hello": "world"}'),
            (302, b""),
        ],
    )
    def test_test_connection__not_the_platform(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes
    ) -> None:
        """A server that is not the platform is recognised as such."""
        with stranger(status, body) as address:
            works, message = self.check(monkeypatch, kore_simulator, host=address)

        assert works is False
        assert message.startswith("host or account_id: an unexpected answer; is this the platform's address?")

    def test_test_connection__through_airflow(
        self, kore_simulator: KoreSimulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Airflow's own test, which passes the connection on as a URI, works as well."""
        from airflow.models.connection import Connection as StoredConnection

        parsed = StoredConnection.from_json(kore_simulator.connection_json(), conn_id="kore_default")
        monkeypatch.setenv("AIRFLOW_CONN_KORE_DEFAULT", parsed.get_uri())

        assert KoreCampaignHook().test_connection()[0] is True
