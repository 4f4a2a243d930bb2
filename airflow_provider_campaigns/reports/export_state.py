"""How far an export is: kept beside its parts, so that the next try knows whether it may go on from them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_campaigns.reports.manifest import json_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.reports.folder import Folder

STATE_NAME = "state.json"


@dataclass(frozen=True, slots=True)
class ExportState:
    """What one try tells the next.

    Attributes:
        identity: whatever must be equal for parts to belong to the same reading; plain JSON values.
        reading: 1, or 2 if the pages moved during the first.
        started_at: of the first try.
        tries: this one included.
    """

    identity: Mapping[str, Any]
    reading: int
    started_at: str
    tries: int

    @classmethod
    def kept_in(cls, folder: Folder) -> Self | None:
        """The state in the folder of the parts; None if there is none or it is torn, and then no part is trusted."""
        if not folder.exists(STATE_NAME):
            return None
        try:
            body = json.loads(folder.read(STATE_NAME))
            return cls(dict(body["identity"]), int(body["reading"]), str(body["started_at"]), int(body["tries"]))
        except (ValueError, TypeError, KeyError):
            return None

    def keep(self, folder: Folder) -> None:
        """Write it to the folder of the parts."""
        folder.write(STATE_NAME, [json_bytes(asdict(self))], is_lasting=False)
