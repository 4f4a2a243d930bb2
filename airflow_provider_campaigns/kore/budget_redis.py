"""A request budget's ledger in Redis: a hash for each account. Needs redis; the extra ``redis`` installs it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.budget_shared import CLOCK_S, TIMEOUT_S, Kept, StoreAwayError

if TYPE_CHECKING:
    from redis import Redis

_KEPT_MS = 24 * 3600 * 1000
"""A ledger that nobody changed for a day says nothing any more."""

_LOAD = """
local kept = redis.call('HMGET', KEYS[1], 'version', 'ledger')
local now = redis.call('TIME')
return {kept[1], kept[2], now[1], now[2]}
"""

_REPLACE = """
local version = redis.call('HGET', KEYS[1], 'version')
local now = redis.call('TIME')
local late_s = tonumber(ARGV[5]) and now[1] + now[2] / 1e6 - ARGV[5] or 0
if (version or '0') ~= ARGV[1] or late_s < -1e-6 or late_s > tonumber(ARGV[6]) then
  return {version, redis.call('HGET', KEYS[1], 'ledger'), now[1], now[2]}
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'ledger', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
"""


class RedisStore:
    """Keeps ledgers in one Redis server; times are those of its clock.

    May be used from many threads, and after a fork.

    Args:
        options: what ``redis.Redis`` takes to find the server: ``host``, ``port``, ``db``, ``username``, ``password``,
            ``ssl``, ``ssl_ca_certs`` ... Nothing is opened yet.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options

    def __str__(self) -> str:
        return "Redis"

    def load(self, name: str) -> Kept:
        """The ledger of this name; one round trip."""
        return _kept(self._run("load", name))

    def replace(
        self, name: str, data: bytes, *, version: int, new_version: int, as_of: float | None = None
    ) -> Kept | None:
        """Keep these bytes if the version is still this one, else the ledger of this name; one round trip."""
        found = self._run(
            "replace", name, version, new_version, data, _KEPT_MS, "" if as_of is None else f"{as_of:.6f}", CLOCK_S
        )
        return None if found is None else _kept(found)

    def _run(self, script: str, name: str, *arguments: object) -> Any:
        from redis import RedisError  # noqa: PLC0415 - 0.3 s, which only its users are to pay

        try:
            return self._scripts[script](keys=[f"kore-campaign-budget:{name}"], args=arguments)
        except (RedisError, OSError) as error:
            # A server that became a replica stays one; a new connection may lead to another.
            vars(self).pop("_scripts", None)
            # Its own words may name the address.
            raise StoreAwayError(f"Redis: {type(error).__name__}") from None

    @cached_property
    def _scripts(self) -> dict[str, Any]:
        from redis import Redis  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        # By itself it tries again, for up to 7 s.
        client: Redis = Redis(
            **self._options,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        return {"load": client.register_script(_LOAD), "replace": client.register_script(_REPLACE)}


def _kept(answer: list[Any]) -> Kept:
    version, data, seconds, micros = answer
    return Kept(data or b"", int(version or 0), int(seconds) + int(micros) / 1e6)
