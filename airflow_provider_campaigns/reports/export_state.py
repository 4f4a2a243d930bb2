"""How far an export is: kept beside its parts, so that the next try knows whether it may go on from them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_campaigns.reports.manifest import json_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_campaigns.reports.folder import Folder

STATE_NAME = "state.json"
PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class ExportState:
    """What one try tells the next.

    Attributes:
        identity: whatever must be equal for parts to belong to the same reading; plain JSON values.
        reading: 1, and more if the pages moved during the first.
        started_at: of the first try.
        tries: this one included.
        page_size: rows on a page of this reading.
        earlier: what the parts of earlier readings go by, whose rows still count.
    """

    identity: Mapping[str, Any]
    reading: int
    started_at: str
    tries: int
    page_size: int = PAGE_SIZE
    earlier: Sequence[Mapping[str, Any]] = ()

    @property
    def parts(self) -> dict[str, Any]:
        """What the parts of this reading go by."""
        return {**self.identity, "page_size": self.page_size, "reading": self.reading}

    @classmethod
    def kept_in(cls, folder: Folder) -> Self | None:
        """The state in the folder of the parts; None if there is none or it is torn, and then no part is trusted."""
        if not folder.exists(STATE_NAME):
            return None
        try:
            body = json.loads(folder.read(STATE_NAME))
            return cls(
                dict(body["identity"]),
                int(body["reading"]),
                str(body["started_at"]),
                int(body["tries"]),
                int(body["page_size"]),
                tuple(map(dict, body["earlier"])),
            )
        except (ValueError, TypeError, KeyError):
            return None

    def keep(self, folder: Folder) -> None:
        """Write it to the folder of the parts."""
        folder.write(STATE_NAME, [json_bytes(asdict(self))], is_lasting=False)
