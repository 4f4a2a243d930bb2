"""Contact results, made up on demand.

Row k of a run is a pure function of the run's seed and k, so a million rows cost nothing until they are read, and every
page can be read again. Phone numbers come from 555-0100 to 555-0199, which no subscriber has.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_campaigns.simulator.campaigns import Campaign

# Of 256 contacts, so many end this way: (up to this byte, dialerOutcome). Only `completed` and "" (in progress) occur
# in the documented samples; the others come from public material that is not documentation.
_OUTCOMES = (
    (118, "completed"),
    (166, "no-answer"),
    (190, "busy"),
    (206, "machine_detected"),
    (220, "failed"),
    (228, "invalid"),
    (236, "timezone_skip"),
    (240, "waitingForDisposition"),
    (256, ""),
)
_OUTCOME_OF_BYTE = tuple(next(outcome for limit, outcome in _OUTCOMES if byte < limit) for byte in range(256))

_DISPOSITIONS: tuple[list[str], ...] = (
    ["Resolved"],
    ["System Generated"],
    ["Requires Supervisor Attention"],
    ["Resolved", "System Generated"],
    [],
)
_HANG_UPS = (("userHangUp", "user_hangup"), ("agentHangUp", "agent_hangup"), ("userHangUp", "Client side"))

_TALKED = frozenset({"completed", "waitingForDisposition", ""})
_AREA_CODES = 800  # 200 to 999
_NUMBERS_PER_AREA = 100  # 555-0100 to 555-0199
_NUMBERS = _AREA_CODES * _NUMBERS_PER_AREA
_SETTLED = {"": "retry-cancelled", "waitingForDisposition": "completed"}


def rows(campaign: Campaign, indices: Iterable[int], *, pending: bool) -> list[dict[str, Any]]:
    """The campaign's result rows at these places; `pending` while what was under way when it ended goes on."""
    if not isinstance(campaign.contacts, int):
        return [campaign.contacts[index] for index in indices]
    seed, settled = campaign.results_seed, not pending and campaign.status in {"Stopped", "Completed"}
    return [row(seed, index, settled=settled) for index in indices]


def row(seed: int, index: int, *, settled: bool) -> dict[str, Any]:
    """The result of contact `index`; once it has `settled`, retries are cancelled and notes are written."""
    digest = hashlib.blake2b(b"%d/%d" % (seed, index), digest_size=16).digest()
    outcome = _OUTCOME_OF_BYTE[digest[12]]
    talked = outcome in _TALKED
    hang_up, detail = _HANG_UPS[digest[13] % len(_HANG_UPS)] if talked else ("", "")
    return {
        "phoneNumber": phone_number(index),
        # Nothing but its number tells a contact without one from others, so none has one where numbers repeat.
        "uniqueId": "" if index % 10 == 9 and index < _NUMBERS else f"customer-{index:07d}",
        "dialerOutcome": _SETTLED.get(outcome, outcome) if settled else outcome,
        "numberOfAttemptsSoFar": 0 if outcome == "timezone_skip" else 1 + digest[14] % 3,
        "botSessionId": digest[:12].hex() if talked else "",
        "agentDispositionCodes": list(_DISPOSITIONS[digest[15] % len(_DISPOSITIONS)]) if talked else [],
        "botOutboundStatus": hang_up,
        "botOutboundStatusDetail": detail,
    }


def phone_number(index: int) -> str:
    """A number that cannot be dialled, without `+` as in the samples; after 80,000 contacts they repeat."""
    block, last = divmod(index, _NUMBERS_PER_AREA)
    return f"1{200 + block % _AREA_CODES}55501{last:02d}"
