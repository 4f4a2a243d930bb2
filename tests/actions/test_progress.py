"""How far the work is, in few and short lines."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest
from stop_support import Stop, add

from airflow_provider_campaigns.actions import rounds
from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.outcomes import Outcomes
from airflow_provider_campaigns.actions.rounds import Progress, summary
from airflow_provider_campaigns.actions.starting.start import StartOptions, start_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore import senders
from airflow_provider_campaigns.kore.campaigns import CampaignType

if TYPE_CHECKING:
    from fake_clock import FakeClock

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture, kore_simulator: KoreSimulator) -> None:
    kore_simulator.switches(rate_limit=None)
    caplog.set_level(logging.INFO)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == rounds.__name__]


class TestProgress:
    """The line itself."""

    @pytest.mark.parametrize(
        ("waiting", "line"),
        [
            ({"cd-1": "Active"}, "1 Active (cd-1)"),
            ({"cd-1": "Active", "cd-2": "Preparing"}, "1 Active (cd-1), 1 Preparing (cd-2)"),
            ({f"cd-{n}": "Active" for n in range(4)}, "4 Active (cd-0, cd-1, cd-2, cd-3)"),
            ({f"cd-{n}": "Active" for n in range(5)}, "5 Active (cd-0, cd-1, cd-2 and 2 more)"),
        ],
    )
    def test_summary(self, waiting: dict[str, str], line: str) -> None:
        """Campaigns are counted by what they are, and three or four of them named."""
        assert summary(waiting) == line

    def test_tell__every_ten_seconds(self, fake_clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
        """However often it is asked to, it writes the first line and then one in ten seconds."""
        tell = Progress(3, not_yet="stopped", clock=fake_clock.clock).tell
        written = []

        for _ in range(25):
            tell({"cd-1": "Active"})
            written.append(len(told(caplog)))
            fake_clock.sleep(1)

        assert [written.index(number) for number in (1, 2, 3)] == [0, 10, 20]
        assert written[-1] == 3
        assert told(caplog)[0] == "2 of 3 campaigns done; not stopped yet: 1 Active (cd-1)"


class TestActions:
    """Where it is told."""

    def test_stop(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Fifty campaigns that stop slowly, looked at every second, make a line in ten seconds, with few ids."""
        kore_simulator.switches(drain_polls=25)
        ids = add(kore_simulator, 50, status="Active")
        (ready,) = add(kore_simulator, 1, status="Ready")

        Stop(client, fake_clock)(*ids, ready, poll_interval_s=1.0)

        lines = told(caplog)
        assert len(lines) == 3
        assert set(lines) == {
            f"1 of 51 campaigns done; not stopped yet: 50 Active ({ids[0]}, {ids[1]}, {ids[2]} and 47 more)"
        }

    def test_start(
        self, kore_simulator: KoreSimulator, client: KoreClient, fake_clock: FakeClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A campaign that is not ready to be started is named with its status."""
        (campaign,) = add(kore_simulator, 1, status="Preparing")
        fake_clock.events = [lambda: kore_simulator.set_status(campaign, "Ready", force=True)]

        start_campaigns(client, [Target(campaign)], StartOptions(CampaignType.VOICE), clock=fake_clock.clock)

        assert told(caplog) == [f"0 of 1 campaigns done; not started yet: 1 Preparing ({campaign})"]

    def test_delete(
        self,
        kore_simulator: KoreSimulator,
        client: KoreClient,
        fake_clock: FakeClock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A campaign that the service goes on showing is named."""
        (campaign,) = add(kore_simulator, 1, status="Stopped")
        body = {"status": "success", "data": {"_id": campaign}}
        kore_simulator.fail_next(200, body=body, operation="delete")

        outcomes = delete_campaigns(
            client, [Target(campaign)], DeleteOptions(if_unreported="delete"), clock=fake_clock.clock
        )

        assert list(outcomes.failures) == [campaign]
        assert set(told(caplog)) == {f"0 of 1 campaigns done; not proven gone yet: 1 shown ({campaign})"}

    def test_attempt_all__takes_long(self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
        """While requests wait for their places in the budget, the log says how many campaigns are served."""
        monkeypatch.setattr(senders, "TELL_EVERY_S", 0.05)
        is_told = threading.Event()

        class Wait(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                is_told.set()

        handler = Wait()
        logger = logging.getLogger("airflow_provider_campaigns.kore.senders")
        logger.addHandler(handler)

        try:
            done = Outcomes(["cd-1", "cd-2"]).attempt_all(
                ["cd-1", "cd-2"], lambda one: True if one == "cd-1" else is_told.wait(20)
            )
        finally:
            logger.removeHandler(handler)

        assert done == {"cd-1": True, "cd-2": True}
        assert "1 of 2 campaigns served so far" in caplog.messages
