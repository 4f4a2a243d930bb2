"""A delete that is killed at a hundred points and more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from delete_kills import kill_deletes

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

KILLS = int(os.environ.get("DELETE_KILLS", "120"))
SEED = int(os.environ.get("DELETE_KILLS_SEED", "1"))


@pytest.mark.timeout(600)
def test_delete__killed(kore_simulator: KoreSimulator, client: KoreClient, tmp_path: Path) -> None:
    """Before, between and after its DELETE and its receipt: each is met, and each ends right after the next try."""
    met = kill_deletes(kore_simulator, client, tmp_path, times=KILLS, seed=SEED)

    assert met.before >= KILLS // 4, met
    assert met.between >= KILLS // 8, met
    assert met.after >= 2, met  # five to eight of 120: only the last lines of all lie behind the receipt
