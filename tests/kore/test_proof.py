"""What proves that a campaign is not there: tried, and known for ten minutes to all who use the account here."""

from __future__ import annotations

import contextlib
import stat
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.budget_store import FileStore, MemoryStore
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus, CampaignType
from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreBudgetError,
    KoreConnectionError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRequestError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.proof import Means, Proof

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_campaigns.kore.budget_store import Store

THERE = Campaign.from_api({"_id": "cd-there", "status": "Stopped"})
REFUSED = KoreAuthenticationError("HTTP 403")
BROKEN = KoreConnectionError("reset")
NO_MEANS = "nothing would prove that a campaign is gone"
NOT_TRIED = "what would prove that a campaign is gone could not be tried"


def answered(error: KoreError, nothing_found: str) -> KoreError:
    error.nothing_found = nothing_found
    return error


NOT_FOUND = answered(KoreNotFoundError("HTTP 404"), "404")
GONE = answered(KoreRequestError("HTTP 410"), "410")
NO_DATA = answered(KoreProtocolError("no data"), "no data")


@dataclass
class Service:
    """A service with one campaign, whose answers are noted.

    Attributes:
        listed: the ids in its list, or why there is none.
        there: how reading a campaign that is there is answered; None finds it.
        nobody: how reading an id that cannot be there is.
        asked: what was asked for.
        now: its time.
    """

    listed: Any = ("cd-there",)
    there: KoreError | None = None
    nobody: KoreError | None = NOT_FOUND
    asked: list[str] = field(default_factory=list)
    now: float = 1000.0
    slow_s: float = 0.0

    def read(self, campaign_id: str) -> Campaign:
        is_there = campaign_id == "cd-there"
        self.asked.append("there" if is_there else "nobody")
        time.sleep(self.slow_s)
        answer = self.there if is_there else self.nobody
        if answer is not None:
            raise answer
        return THERE

    def read_status(self, campaign_id: str) -> CampaignStatus:
        raise AssertionError(campaign_id)

    def try_list(self, kind: CampaignType | None) -> dict[str, Campaign]:
        self.asked.append("list")
        if isinstance(self.listed, KoreError):
            raise self.listed
        return dict.fromkeys(self.listed, THERE)

    def proof(self, store: Store | None = None, clock: Callable[[], float] | None = None) -> Proof:
        return Proof(
            read=self.read,
            read_status=self.read_status,
            try_list=self.try_list,
            store=store or MemoryStore(),
            clock=clock or (lambda: self.now),
        )


class TestTried:
    @pytest.mark.parametrize(
        ("service", "means"),
        [
            (Service(), Means(has_list=True, nothing_found="404", is_plain=True)),
            (Service(nobody=GONE), Means(has_list=True, nothing_found="410", is_plain=False)),
            (Service(nobody=NO_DATA), Means(has_list=True, nothing_found="no data", is_plain=False)),
            (Service(listed=REFUSED), Means(has_list=False, nothing_found="404", is_plain=True)),
            (Service(listed=KoreProtocolError("odd")), Means(has_list=False, nothing_found="404", is_plain=True)),
        ],
    )
    def test_means__work(self, service: Service, means: Means) -> None:
        """List and reading prove it; without a list, reading does if it says "not found" in so many words."""
        proof = service.proof()
        proof.saw("cd-there")

        assert proof.means() == means
        assert service.asked == ["list", "nobody"]

    @pytest.mark.parametrize(
        ("service", "what", "why"),
        [
            (
                Service(listed=REFUSED, nobody=GONE),
                NO_MEANS,
                "the list cannot be used (HTTP 403), and what is not there is not called 'not found' (HTTP 410)",
            ),
            (Service(nobody=None), NO_MEANS, "reading finds a campaign also for an id that cannot be there"),
            (
                Service(nobody=KoreProtocolError("another campaign")),
                NO_MEANS,
                "reading an id that cannot be there is answered by another campaign",
            ),
            (Service(nobody=REFUSED), NO_MEANS, "reading an id that cannot be there is answered by HTTP 403"),
            (Service(nobody=KoreServiceError("HTTP 500")), NOT_TRIED, "an id that cannot be there: HTTP 500"),
            (Service(listed=BROKEN), NOT_TRIED, "the list: reset"),
        ],
    )
    def test_means__do_not_work(self, service: Service, what: str, why: str) -> None:
        """What does not work is named, with what to do; it may be mended, so a retry tries again."""
        proof = service.proof()
        proof.saw("cd-there")

        with pytest.raises(KoreProtocolError) as caught:
            proof.means()

        assert str(caught.value) == (
            f"{what}: {why}. Nothing was sent. Mend that, or say confirm=False, which believes the answer to the delete"
        )
        assert caught.value.retryable
        assert proof.known() is None

    def test_means__budget(self) -> None:
        """A request that got no place says so by itself."""
        proof = Service(listed=KoreBudgetError("no place")).proof()

        with pytest.raises(KoreBudgetError, match="no place"):
            proof.means()

    @pytest.mark.parametrize(
        ("seen", "later_s", "listed", "asked"),
        [
            (True, 59.0, ["cd-there"], ["list", "nobody"]),
            (True, 61.0, ["cd-there"], ["list", "there", "nobody"]),
            (True, 61.0, [], ["list", "there", "nobody"]),
            (True, 61.0, REFUSED, ["list", "there", "nobody"]),
            (False, 0.0, ["cd-there"], ["list", "there", "nobody"]),
            (False, 0.0, [], ["list", "nobody"]),
        ],
    )
    def test_means__one_that_is_there(self, seen: bool, later_s: float, listed: Any, asked: list[str]) -> None:
        """A campaign that was read within a minute counts as one that is there; else one is read, if there is any."""
        service = Service(listed=listed)
        proof = service.proof()
        if seen:
            proof.saw("cd-there")
        service.now += later_s

        assert proof.means().is_plain
        assert service.asked == asked

    def test_means__one_that_is_refused(self) -> None:
        """One campaign that cannot be read, although the list shows it, tells nothing of the others."""
        service = Service(listed=["cd-odd", "cd-there"])

        assert service.proof().means().is_plain
        assert service.asked == ["list", "nobody", "there", "nobody"]

    def test_means__account(self) -> None:
        """Where no request gets through, no other campaign is tried."""
        service = Service(listed=["cd-there", "cd-other"], there=KoreBudgetError("no place"))

        with pytest.raises(KoreBudgetError, match="no place"):
            service.proof().means()

        assert service.asked == ["list", "there"]

    @pytest.mark.parametrize(
        ("service", "message"),
        [
            (Service(there=NOT_FOUND), "could not be tried: campaign cd-there, which is there: HTTP 404"),
            (
                Service(listed=("cd-1", "cd-2", "cd-3", "cd-there")),
                "could not be tried: campaign cd-3, which is there: HTTP 404",
            ),
            (Service(listed=REFUSED), "the list cannot be used (HTTP 403), and no campaign that is there was read"),
        ],
    )
    def test_means__none_that_is_there(self, service: Service, message: str) -> None:
        """A service that does not find what is there proves nothing by finding nothing."""
        with pytest.raises(KoreProtocolError) as caught:
            service.proof().means()

        assert message in str(caught.value)


class TestKept:
    def test_means__ten_minutes(self) -> None:
        """They are known for ten minutes, and then tried anew."""
        service = Service()
        proof = service.proof()
        for later_s in (0.0, 300.0, 299.0, 1.0):
            service.now += later_s
            proof.means()

        assert service.asked == ["list", "there", "nobody"] * 2

    def test_means__after_a_restart(self) -> None:
        """What is from the future, by a clock that began anew, is tried anew."""
        service = Service()
        proof = service.proof()
        proof.means()
        service.now = 5.0

        assert proof.known() is None

    def test_means__beside_the_ledger(self, tmp_path: Path) -> None:
        """All who share the account's budget share what was found out, in a file of this user without the account."""
        service = Service()
        budgets = [RequestBudget(60, account_key="host|account", directory=tmp_path / "b") for _ in range(2)]
        one, other = (service.proof(budget.store_beside("proof")) for budget in budgets)

        assert one.means() == other.means()

        assert service.asked == ["list", "there", "nobody"]
        (kept,) = (tmp_path / "b").iterdir()
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert kept.read_text().strip() == (
            '{"at": 1000.0, "means": {"has_list": true, "nothing_found": "404", "is_plain": true}}'
        )
        assert "account" not in kept.name

    def test_store_beside__of_one_process(self) -> None:
        """A budget that is shared with nobody shares nothing else."""
        assert isinstance(RequestBudget(60, account_key=None).store_beside("proof"), MemoryStore)

    def test_means__no_file(self, tmp_path: Path) -> None:
        """Where the file cannot be used, this process knows by itself."""
        (tmp_path / "b").write_text("a file in the place of the directory")
        service = Service()
        proof = service.proof(FileStore(tmp_path / "b", "x.proof"))

        assert proof.means() == proof.means()
        assert service.asked == ["list", "there", "nobody"]

    def test_means__disk_full(self) -> None:
        """What cannot be saved is tried again, and no error."""

        class Full(MemoryStore):
            @contextlib.contextmanager
            def locked(self) -> Iterator[Any]:
                yield self

            def read(self, size: int, offset: int) -> bytes:
                return b""

            def write(self, data: bytes, offset: int) -> None:
                raise OSError(28, "No space left on device")

        service = Service()
        proof = service.proof(Full())

        assert proof.means() == proof.means()
        assert service.asked == ["list", "there", "nobody"] * 2

    @pytest.mark.parametrize(
        "content", [b"", b"[]", b"{", b'{"at": "x"}', b'{"at": 1000.0, "means": {"has_list": true}}', b"\xff"]
    )
    def test_means__garbled(self, tmp_path: Path, content: bytes) -> None:
        """A file that cannot be understood is as good as none."""
        (tmp_path / "x.proof").write_bytes(content)
        (tmp_path / "x.proof").chmod(0o600)
        tmp_path.chmod(0o700)
        service = Service()

        assert service.proof(FileStore(tmp_path, "x.proof")).means().has_list

    def test_means__tried_once_by_many(self, tmp_path: Path) -> None:
        """Those who ask while it is tried wait for it."""
        service = Service(slow_s=0.05)
        found: list[Means] = []

        def ask() -> None:
            found.append(service.proof(FileStore(tmp_path / "b", "x.proof"), time.monotonic).means())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=10)

        assert found == [Means(has_list=True, nothing_found="404", is_plain=True)] * 8
        assert service.asked == ["list", "there", "nobody"]

    def test_means__failed_once_for_many(self, tmp_path: Path) -> None:
        """Those who asked while it failed, or within 5 s, are told; who asks later tries again."""
        service = Service(slow_s=0.2, nobody=KoreServiceError("HTTP 500"))
        told: list[str] = []

        def ask(later_s: float = 0.0) -> None:
            with pytest.raises(KoreProtocolError) as caught:
                service.proof(FileStore(tmp_path / "b", "x.proof"), lambda: time.monotonic() + later_s).means()
            told.append(str(caught.value))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=10)
        ask(later_s=1.0)
        assert (len(told), len(set(told))) == (9, 1)
        assert service.asked == ["list", "there", "nobody"]

        ask(later_s=6.0)
        assert service.asked == ["list", "there", "nobody"] * 2
