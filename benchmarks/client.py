"""One status call of a campaign: our hook beside a bare session, Airflow's HttpHook, and a new connection per call.

All send the same request to the same simulator in another process. The bare session and the alternatives send one token
that was signed once; ours signs one per request, because an app with "Enforce JTI" refuses a second use.
"""

from __future__ import annotations

import http.client
import json
import os
from typing import TYPE_CHECKING, Any

import requests
from airflow.providers.http.hooks.http import HttpHook

from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore.auth import TokenSigner
from benchmarks.simulator_process import simulator
from benchmarks.timing import median_ms, table

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 9
CALLS = 300


def run() -> str:
    """Measure and tell."""
    with simulator("--rate-limit", "0") as connection:
        connection["extra"]["requests_per_minute"] = 10_000
        os.environ["AIRFLOW_CONN_KORE_DEFAULT"] = json.dumps(connection)
        host = connection["host"].removeprefix("http://")
        os.environ["AIRFLOW_CONN_BENCH_HTTP"] = json.dumps({"conn_type": "http", "host": connection["host"]})
        hook = KoreCampaignHook()
        campaign_id = hook.list_campaigns("voice")[0].campaign_id
        request = Request(connection, campaign_id)
        alternatives: dict[str, Callable[[], object]] = {
            "requests.Session (token signed once)": request.by_session,
            "KoreCampaignHook": lambda: hook.get_campaign_status(campaign_id),
            "HttpHook.run": request.by_http_hook,
            "requests.post (a new connection each)": request.by_new_connection,
        }
        calls = median_ms(alternatives, rounds=ROUNDS, calls=CALLS)
        speed = median_ms({"http.client, kept open": SimulatorCall(host, request).send}, rounds=ROUNDS, calls=CALLS)
    return "\n\n".join([
        table(
            "One status call (target: hook <= 1.15 x session)",
            calls,
            unit="ms",
            relative_to="requests.Session (token signed once)",
        ),
        table("One call of the simulator over loopback (target: <= 2 ms)", speed, unit="ms"),
    ])


class Request:
    """The same status request by other means."""

    def __init__(self, connection: dict[str, Any], campaign_id: str) -> None:
        extra = connection["extra"]
        self.path = f"/campaign/api/v2/public/{extra['stream_id']}/campaign/{campaign_id}/status"
        self.url = connection["host"] + self.path
        self.query = {"accountId": extra["account_id"], "view": "status"}
        self.headers = {
            "auth": TokenSigner(connection["login"], connection["password"], ttl_s=3600).sign(),
            "iid": extra["stream_id"],
            "accountId": extra["account_id"],
            "Content-Type": "application/json",
        }
        self._session = requests.Session()
        self._http_hook = HttpHook(method="POST", http_conn_id="bench_http")

    def by_session(self) -> object:
        """A session that keeps its connection."""
        answer = self._session.post(self.url, params=self.query, headers=self.headers, data="{}", timeout=30)
        return answer.json()["data"]["status"]

    def by_http_hook(self) -> object:
        """Airflow's hook, one for all calls."""
        path = requests.Request("POST", self.url, params=self.query).prepare().path_url
        return self._http_hook.run(path, data="{}", headers=self.headers).json()["data"]["status"]

    def by_new_connection(self) -> object:
        """No session."""
        answer = requests.post(self.url, params=self.query, headers=self.headers, data="{}", timeout=30)
        return answer.json()["data"]["status"]


class SimulatorCall:
    """The status request with as little client around it as there can be."""

    def __init__(self, host: str, request: Request) -> None:
        self._connection = http.client.HTTPConnection(host)
        self._path = requests.Request("POST", request.url, params=request.query).prepare().path_url
        self._headers = request.headers

    def send(self) -> object:
        """Send it and read the whole answer."""
        self._connection.request("POST", self._path, "{}", self._headers)
        return self._connection.getresponse().read()
