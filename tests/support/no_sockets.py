"""A simulator without sockets: requests reach its application in this process, and time passes only where told."""

from __future__ import annotations

import asyncio
import io
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.simulator.app import service_app
from airflow_provider_campaigns.simulator.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.simulator.engine import Engine

HOST = "http://127.0.0.1:9"


class NoSockets(HTTPAdapter):
    """Carries the requests of a session to an engine.

    Args:
        engine: answers.

    Attributes:
        around: called with "before" right before the engine gets a request, and with "after" right after it.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._wire = _BrokenWire()
        self._app = service_app(engine, self._wire)
        self.around: Callable[[str], object] = lambda _: None
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()

    def close(self) -> None:
        super().close()
        self._loop.close()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        with self._lock:
            self._wire.is_broken = False
            self.around("before")
            status, headers, content = self._loop.run_until_complete(self._answer(request))
            self.around("after")
            if self._wire.is_broken:
                raise requests.exceptions.ConnectionError("Connection aborted.")
        return self.build_response(request, HTTPResponse(io.BytesIO(content), headers, status, preload_content=False))

    async def _answer(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(str(request.url))
        body = request.body or b""
        received = [{"type": "http.request", "body": body.encode() if isinstance(body, str) else body}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return received.pop() if received else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": request.method,
            "path": unquote(url.path),
            "raw_path": url.path.encode(),
            "query_string": url.query.encode(),
            "headers": [(name.lower().encode(), str(value).encode()) for name, value in request.headers.items()],
        }
        await self._app(scope, receive, send)
        start = sent[0] if sent else {"status": 0, "headers": []}
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, b"".join(one.get("body", b"") for one in sent[1:])


class _BrokenWire(Wire):
    """Notes that a connection was broken; it is its own transport, and that one's socket."""

    def __init__(self) -> None:
        super().__init__()
        self.is_broken = False

    def transport(self, _scope: Any) -> Any:
        return self

    def get_extra_info(self, _name: str) -> Any:
        return self

    def setsockopt(self, *_: Any) -> None:
        """It has no options."""

    def abort(self) -> None:
        self.is_broken = True

    def close(self) -> None:
        self.is_broken = True


class AtOnce:
    """An executor without threads, so that a seed always tells the same evening."""

    def __init__(self, **_: Any) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args))
        except Exception as error:  # noqa: BLE001 - handed on
            future.set_exception(error)
        return future

    def shutdown(self, **_: object) -> None:
        """All was done when it was submitted."""


def account_of(engine: Engine, **fields: Any) -> KoreSettings:
    """The account of an engine that ``NoSockets`` serves."""
    return KoreSettings(
        host=HOST,
        client_id=engine.client_id,
        client_secret=engine.client_secret,
        stream_id=engine.stream_id,
        account_id=engine.account_id,
        **fields,
    )
