"""What Databricks' and Airbyte's triggers ask while they wait, as a local service: jobs that run until they are ended.

``python -m benchmarks.peer_service`` prints its port, and serves until it is terminated.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from benchmarks.deferred import LATENCY_S, ControlPort

if TYPE_CHECKING:
    from collections.abc import Iterator


class PeerService:
    """The service as ``measure`` wants it, from another process."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._control = ControlPort(f"http://127.0.0.1:{port}/control")

    def end(self, name: str) -> None:
        """Let a job succeed."""
        self._control.call(f"/jobs/{name}/end", {})

    def count(self) -> int:
        """Requests for the status of a job, up to the one that told its end."""
        count: int = self._control.call("/looks")
        return count


@contextmanager
def peer_service() -> Iterator[PeerService]:
    """A new one in a process of its own, for as long as the block lasts."""
    command = [sys.executable, "-m", __spec__.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            printed = process.stdout.readline()
            if not printed:
                raise RuntimeError("the peers' service did not start")
            yield PeerService(int(printed))
        finally:
            process.terminate()
            process.wait(timeout=10)


class _Jobs:
    """Every number is a job that runs, unless it was ended."""

    def __init__(self) -> None:
        self.looks = 0
        self._ended: set[int] = set()
        self._told: set[int] = set()

    async def databricks(self, request: web.Request) -> web.Response:
        """The state of a run; its number is in the body of the GET."""
        has_ended = await self._look((await request.json())["run_id"])
        if has_ended:
            state = {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS", "state_message": ""}
        else:
            state = {"life_cycle_state": "RUNNING", "state_message": "In run"}
        return web.json_response({"state": state})

    async def airbyte(self, request: web.Request) -> web.Response:
        """A job."""
        job_id = int(request.match_info["job_id"])
        return web.json_response({
            "jobId": job_id,
            "status": "succeeded" if await self._look(job_id) else "running",
            "jobType": "sync",
            "startTime": "2026-01-01T00:00:00Z",
            "connectionId": "00000000-0000-4000-8000-000000000000",
        })

    async def airbyte_token(self, _: web.Request) -> web.Response:
        """A token that nobody checks."""
        await asyncio.sleep(LATENCY_S)
        return web.json_response({"access_token": "unchecked", "token_type": "Bearer", "expires_in": 3600})

    async def end(self, request: web.Request) -> web.Response:
        """Let a job succeed, at once."""
        self._ended.add(int(request.match_info["job_id"]))
        return web.json_response({})

    async def count(self, _: web.Request) -> web.Response:
        """The looks so far."""
        return web.json_response(self.looks)

    async def _look(self, job_id: int) -> bool:
        """True if the job has ended."""
        if job_id not in self._told:
            self.looks += 1
        await asyncio.sleep(LATENCY_S)
        if job_id not in self._ended:
            return False
        self._told.add(job_id)
        return True


async def _serve() -> None:
    jobs = _Jobs()
    app = web.Application()
    app.add_routes([
        web.get("/api/2.2/jobs/runs/get", jobs.databricks),
        web.get("/v1/jobs/{job_id}", jobs.airbyte),
        web.post("/v1/applications/token", jobs.airbyte_token),
        web.post("/control/jobs/{job_id}/end", jobs.end),
        web.get("/control/looks", jobs.count),
    ])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
