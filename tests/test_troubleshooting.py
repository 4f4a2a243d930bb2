"""docs/troubleshooting.md: every error is there, and says what the page shows."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_clock import FakeClock

from airflow_provider_campaigns.actions.deleting.delete import DeleteOptions, delete_campaigns
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore import errors as kore_errors
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.reports import errors as report_errors
from airflow_provider_campaigns.reports.fit import read_manifest
from airflow_provider_campaigns.reports.folder import Folder
from airflow_provider_campaigns.reports.manifest import load_manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.simulator import KoreSimulator

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "troubleshooting.md").read_text()

SPRING = "cd-a1e45a7-e8ba-4e97-a339-476ebc700001"
GONE = "cd-a1e45a7-e8ba-4e97-a339-476ebc700009"


def errors() -> list[type[Exception]]:
    """Every error class of the modules that define them."""
    return [
        found
        for module in (kore_errors, report_errors)
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, Exception) and found.__module__ == module.__name__
    ]


def section(name: str) -> str:
    """What the page says below the heading of an error."""
    found = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, f"docs/troubleshooting.md has no section '### {name}'"
    return found[1]


def test_page__what_is_quoted() -> None:
    """This page and the one about security say the same of what a message repeats, word by word."""
    said = (
        "Of an error text of the service 16 characters are quoted, and its length; where contacts are read, its length "
        "alone. A contact's name cannot be told from other words, so it is in a message only if the service begins any "
        "other error with it."
    )
    security = (Path(__file__).resolve().parents[1] / "docs" / "security.md").read_text()

    assert said in " ".join(PAGE.split())
    assert said in " ".join(security.split())


@pytest.mark.parametrize("error", errors(), ids=lambda error: error.__name__)
def test_page__every_error(error: type[Exception]):
    """Each error class has its section, with a cause and a remedy."""
    text = section(error.__name__)

    assert "**Cause.**" in text
    assert "**Remedy.**" in text


def test_page__nothing_else():
    """No section is about an error that does not exist."""
    headings = re.findall(r"^### (\w+Error)$", PAGE, re.MULTILINE)

    assert sorted(headings) == sorted(error.__name__ for error in errors())


class Situations:
    """How each error comes about, at the simulator; a method is named as the error."""

    def __init__(self, simulator: KoreSimulator, reports: Path) -> None:
        self.simulator = simulator
        self.reports = reports
        self.clock = FakeClock()

    def client(self, budget: RequestBudget | None = None, **settings: object) -> KoreClient:
        fields: dict[str, object] = {
            "host": self.simulator.url,
            "client_id": self.simulator.client_id,
            "client_secret": self.simulator.client_secret,
            "stream_id": self.simulator.stream_id,
            "account_id": self.simulator.account_id,
            **settings,
        }
        return KoreClient(
            KoreSettings(**fields),  # type: ignore[arg-type]
            budget=budget or RequestBudget(10_000, account_key=None),
            clock=self.clock.clock.monotonic,
            sleep=self.clock.sleep,
            jitter=lambda: 0.5,
        )

    def stop(self, *ids: str) -> None:
        options = StopOptions(CampaignType.VOICE)
        targets = [Target(one) for one in ids]
        stop_campaigns(self.client(), targets, options, clock=self.clock.clock).raise_failures("stopped")

    def delete(self, target: Target) -> None:
        delete_campaigns(
            self.client(), [target], DeleteOptions(if_unreported="delete"), clock=self.clock.clock
        ).raise_failures("deleted")

    def KoreConfigurationError(self) -> None:  # noqa: N802
        self.client(client_id="st-0603182c-7ffb-53c3-b307-47ca14b90000")

    def KoreBudgetError(self) -> None:  # noqa: N802
        budget = RequestBudget(60, 1200, account_key=None, clock=self.clock.clock.monotonic, sleep=self.clock.sleep)
        for _ in range(54):
            with budget.slot():
                pass
        self.client(budget).get_campaign(SPRING)

    def KoreConnectionError(self) -> None:  # noqa: N802
        self.client(host="http://127.0.0.1:9").get_campaign(SPRING)

    def KoreProtocolError(self) -> None:  # noqa: N802
        self.simulator.mislabel_next(times=2)
        self.client().get_campaign(SPRING)

    def KoreAuthenticationError(self) -> None:  # noqa: N802
        self.client(client_secret="not-the-secret-of-this-app-but-another").get_campaign(SPRING)

    def KoreScopeError(self) -> None:  # noqa: N802
        self.simulator.switches(scope_granted=False)
        self.client().get_campaign(SPRING)

    def KoreNotFoundError(self) -> None:  # noqa: N802
        self.stop(GONE)

    def KoreRequestError(self) -> None:  # noqa: N802
        self.simulator.fail_next(412, times=100)
        self.client().get_campaign(SPRING)

    def KoreRateLimitError(self) -> None:  # noqa: N802
        self.simulator.fail_next(429, headers={"Retry-After": "900"})
        self.client().get_campaign(SPRING)

    def KoreServiceError(self) -> None:  # noqa: N802
        self.simulator.fail_next(503, times=100)
        self.client().get_campaign(SPRING)

    def CampaignStateError(self) -> None:  # noqa: N802
        self.delete(Target(SPRING))

    def CampaignMismatchError(self) -> None:  # noqa: N802
        self.simulator.set_status(SPRING, "Stopped", force=True)
        self.delete(Target(SPRING, name="Autumn Offer", is_name_expected=True))

    def CampaignTimeoutError(self) -> None:  # noqa: N802
        self.simulator.switches(drain_polls=1000)
        self.stop(SPRING)

    def CampaignsFailedError(self) -> None:  # noqa: N802
        self.stop(SPRING, GONE)

    def ReportError(self) -> None:  # noqa: N802
        (self.reports / "manifest.json").write_text('{"format": 1, "campaign_id": "cd-a1e')
        load_manifest(Folder(self.reports))

    def ReportStorageError(self) -> None:  # noqa: N802
        self.reports.rmdir()
        self.reports.write_text("a file where the folder should be")
        Folder(self.reports / SPRING).write("campaign.json", [b"{}"])

    def ReportRefusedError(self) -> None:  # noqa: N802
        read_manifest(Folder(self.reports))


@pytest.fixture
def situations(kore_simulator: KoreSimulator, tmp_path: Path) -> Situations:
    """A campaign that runs, and nothing else."""
    kore_simulator.add_campaign(campaign_id=SPRING, name="Spring Offer", status="Active")
    (tmp_path / "reports").mkdir()
    return Situations(kore_simulator, tmp_path / "reports")


@pytest.mark.parametrize("name", [name for name in vars(Situations) if name.endswith("Error")])
def test_page__messages_are_real(situations: Situations, name: str):
    """The message that the page shows is the one that the situation gives, to the letter."""
    arrange: Callable[[], None] = getattr(situations, name)

    with pytest.raises(KoreError) as caught:
        arrange()

    assert type(caught.value).__name__ == name
    shown = re.search(r"```text\n(.*?)\n```", section(name), re.DOTALL)
    assert shown is not None
    said = str(caught.value).replace("http://127.0.0.1:9", "https://platform.kore.ai")
    said = said.replace(situations.simulator.stream_id, "st-0603182c-7ffb-53c3-b307-47ca14b90000")
    assert said.replace(f"file://{situations.reports}", "file:///data/reports") == shown[1]


def test_situations__all():
    """An error without a situation is one that only groups others."""
    without = {error.__name__ for error in errors()} - set(vars(Situations))

    assert without == {"KoreError", "KoreResponseError"}
