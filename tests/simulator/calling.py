"""A caller of the simulator that shares no code with the package's client."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from airflow_provider_campaigns.simulator import KoreSimulator

DATA = Path(__file__).parents[1] / "data" / "kore"


def documented(name: str) -> Any:
    """A documented body, by its file's name without `.json`."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def signed(claims: dict[str, Any], secret: str, *, header: dict[str, Any] | None = None) -> str:
    """A JWT over any claims and header, signed with HMAC-SHA256 whatever the header says."""
    parts = [_base64url(json.dumps(part).encode()) for part in (header or {"alg": "HS256", "typ": "JWT"}, claims)]
    signature = hmac.new(secret.encode(), ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, _base64url(signature)])


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    body: Any
    headers: http.client.HTTPMessage

    @property
    def reason(self) -> str | None:
        """Why the simulator refused."""
        return self.headers["X-Simulator-Reason"]


class Caller:
    """Sends one request per connection to a simulator, with the right token and headers unless told otherwise."""

    def __init__(self, simulator: KoreSimulator) -> None:
        self.simulator = simulator

    def token(self, **claims: Any) -> str:
        """A token of the app; a claim given as None is left out."""
        given = {"appId": self.simulator.client_id, "sub": "1234567890", **claims}
        return signed({k: v for k, v in given.items() if v is not None}, self.simulator.client_secret)

    def headers(self, **changes: str | None) -> dict[str, str]:
        """The documented headers; one given as None is left out."""
        given = {
            "auth": self.token(),
            "iid": self.simulator.stream_id,
            "accountId": self.simulator.account_id,
            "Content-Type": "application/json",
        } | {name.replace("_", "-"): value for name, value in changes.items()}
        return {name: value for name, value in given.items() if value is not None}

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        timeout: float = 10,
    ) -> Reply:
        """Send a request; `{iid}` and `{acc}` in the path are filled in, a body that is not text becomes JSON."""
        filled = path.replace("{iid}", self.simulator.stream_id).replace("{acc}", self.simulator.account_id)
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        connection = http.client.HTTPConnection(urlsplit(self.simulator.url).netloc, timeout=timeout)
        try:
            connection.request(method, filled, text, self.headers() if headers is None else headers)
            answer = connection.getresponse()
            raw = answer.read()
            is_json = answer.headers.get_content_type() == "application/json"
            return Reply(answer.status, json.loads(raw or b"null") if is_json else raw.decode(), answer.headers)
        finally:
            connection.close()

    def start(self, campaign_id: str, campaign_type: str = "voice") -> Reply:
        """POST start, v1."""
        path = f"/campaign/api/v1/public/{{iid}}/campaign/{campaign_id}?campaignType={campaign_type}&trigger=play"
        return self.send("POST", path, {})

    def stop(self, campaign_id: str, campaign_type: str = "voice", **how: Any) -> Reply:
        """POST stop, v1."""
        path = f"/campaign/api/v1/public/{{iid}}/campaign/{campaign_id}?campaignType={campaign_type}&trigger=stop"
        return self.send("POST", path, {}, **how)

    def delete(self, campaign_id: str, campaign_type: str = "voice", **how: Any) -> Reply:
        """DELETE, v2."""
        path = f"/campaign/api/v2/public/{{iid}}/campaign/{campaign_id}?accountId={{acc}}&campaignType={campaign_type}"
        return self.send("DELETE", path, **how)

    def get(self, campaign_id: str) -> Reply:
        """GET, v2."""
        return self.send("GET", f"/campaign/api/v2/public/{{iid}}/campaign/{campaign_id}?accountId={{acc}}")

    def status(self, campaign_id: str, **how: Any) -> Reply:
        """POST status, v1."""
        return self.send("POST", f"/agentassist/api/v1/public/{{iid}}/campaign/{campaign_id}/status", {}, **how)

    def status_text(self, campaign_id: str) -> str:
        """The campaign's status as the service tells it."""
        return self.status(campaign_id).body["data"]["status"]

    def contacts(self, campaign_id: str, **body: Any) -> Reply:
        """POST contacts, v1."""
        path = f"/agentassist/api/v1/public/{{iid}}/campaign/{campaign_id}/status?view=contacts"
        return self.send("POST", path, body)

    def list(self, **body: Any) -> Reply:
        """POST list, v2."""
        path = "/campaign/api/v2/public/{iid}/campaign/getAllCampaignDetails?accountId={acc}"
        return self.send("POST", path, {"type": "voice", **body})
