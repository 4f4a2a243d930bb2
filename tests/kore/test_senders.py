"""How many campaigns are served at a time."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from airflow_provider_campaigns.kore.senders import run_all

PATIENCE_S = 5.0


def test_run_all__those_that_hang_hold_up_no_other():
    """Eight that hang until the ninth was served do not keep it waiting."""
    served = threading.Event()

    def work(campaign_id: str) -> bool:
        if campaign_id == "cd-9":
            served.set()
        return served.wait(PATIENCE_S)

    futures = run_all(work, [f"cd-{number}" for number in range(1, 10)], most=50)

    assert [future.result() for future in futures.values()] == [True] * 9


@pytest.mark.parametrize(("most", "at_once"), [(8, 8), (10, 10)], ids=["as ever", "more where they hang"])
def test_run_all__no_more_at_a_time(most: int, at_once: int):
    """However long each takes, no more than ``most`` go on at a time; all are served, and told of in their order."""
    lock = threading.Lock()
    under_way: set[str] = set()
    counted: list[int] = []
    enough = threading.Event()

    def work(campaign_id: str) -> str:
        with lock:
            under_way.add(campaign_id)
            counted.append(len(under_way))
            if len(under_way) == at_once:
                enough.set()
        enough.wait(PATIENCE_S)
        with lock:
            under_way.remove(campaign_id)
        return campaign_id

    ids = [f"cd-{number}" for number in range(30)]

    futures = run_all(work, ids, most=most)

    assert max(counted) == at_once
    assert [future.result() for future in futures.values()] == ids


def test_run_all__an_error_is_in_its_own_future():
    """What one raises keeps no other from being served."""

    def work(campaign_id: str) -> str:
        if campaign_id == "cd-1":
            raise ValueError(campaign_id)
        return campaign_id

    futures = run_all(work, ["cd-1", "cd-2"])

    assert isinstance(futures["cd-1"].exception(), ValueError)
    assert futures["cd-2"].result() == "cd-2"


def test_run_all__none():
    """No campaigns are no work."""
    assert run_all(lambda campaign_id: campaign_id, []) == {}


class Interrupted(BaseException):
    """As Airflow's time-out is raised: in the thread that waits, from a signal's handler."""


def test_run_all__interrupted():
    """An interrupted thread waits for none that is under way, and begins none that is not."""
    begun: list[str] = []
    release = threading.Event()

    def work(campaign_id: str) -> None:
        begun.append(campaign_id)
        release.wait(PATIENCE_S)

    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1))
    timer.start()
    began = time.monotonic()
    try:
        with pytest.raises(Interrupted):
            run_all(work, [f"cd-{number}" for number in range(30)])
        took = time.monotonic() - began
    finally:
        signal.signal(signal.SIGUSR1, before)
        release.set()

    assert took < PATIENCE_S - 1
    assert begun == [f"cd-{number}" for number in range(8)]
