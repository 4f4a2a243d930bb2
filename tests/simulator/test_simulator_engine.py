"""Campaigns, results, seeds, snapshots and threads."""

from __future__ import annotations

import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from calling import Caller
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_campaigns.simulator import Credentials, KoreSimulator, Switches, contacts
from airflow_provider_campaigns.simulator.seeds import HANDFUL, read_seed

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.simulator import ManualClock


# -- campaigns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"colour": "red"}, "a campaign has no colour; it has caller_id, calling_hours"),
        ({"campaign_type": "fax"}, "campaign_type is 'voice' or 'sms', not 'fax'"),
        ({"contacts": -1}, "contacts is a number of contacts or a list of rows, not -1"),
        ({"campaign_id": "cd-taken"}, "there is a campaign cd-taken already"),
    ],
)
def test_add_campaign__refused(kore_simulator: KoreSimulator, fields: dict[str, Any], complaint: str) -> None:
    """A misspelled field, an impossible value or a taken id is an error that says so."""
    kore_simulator.add_campaign(campaign_id="cd-taken")

    with pytest.raises(ValueError, match=complaint):
        kore_simulator.add_campaign(**fields)

    assert len(kore_simulator.campaigns()) == 1


def test_add_campaign__odd_calling_hours_stay_as_they_are(caller: Caller) -> None:
    """Hours that the documentation does not know reach the client unchanged, for tests of its mistakes."""
    for hours in ({}, {"frequency": "CUSTOM", "days": [{"date": "2026-01-01"}, 7]}, "always", ["MO"]):
        campaign_id = caller.simulator.add_campaign(calling_hours=hours)

        assert caller.get(campaign_id).body["data"]["dialingStrategy"]["callingHours"] == hours


def test_campaign__is_a_copy(kore_simulator: KoreSimulator) -> None:
    """What is handed out can be changed without changing the simulator, and what was handed in too."""
    hours = {"frequency": "DAILY", "timezone": "UTC", "days": []}
    campaign_id = kore_simulator.add_campaign(calling_hours=hours)
    hours["timezone"] = "Europe/London"
    kore_simulator.campaign(campaign_id).calling_hours["timezone"] = "Asia/Tokyo"

    assert kore_simulator.campaigns()[0].calling_hours["timezone"] == "UTC"


def test_campaign__unknown(kore_simulator: KoreSimulator) -> None:
    """Asking for a campaign that is not there is an error, in every method."""
    for ask in (
        lambda: kore_simulator.campaign("cd-1"),
        lambda: kore_simulator.set_status("cd-1", "Active"),
        lambda: kore_simulator.restart("cd-1"),
        lambda: kore_simulator.set_contacts("cd-1", 1),
    ):
        with pytest.raises(LookupError, match="no campaign cd-1"):
            ask()


def test_list__filters_and_order(still: Caller, clock: ManualClock) -> None:
    """Lists filter by type, date of creation, status, priority and dialing mode, and sort by several keys."""
    still.simulator.switches(rate_limit=None)
    for name, status, priority, mode in (
        ("A", "Ready", "5", "Progressive"),
        ("B", "Stopped", "1", "Preview"),
        ("C", "Active", "5", "Agentless"),
        ("A", "Active", "3", "Progressive"),
    ):
        still.simulator.add_campaign(name=name, status=status, priority=priority, dialing_mode=mode)
        clock.advance(3600)
    still.simulator.add_campaign(campaign_type="sms", name="S")

    def names(**body: Any) -> list[str]:
        return [shown["name"] + shown["priority"] for shown in still.list(**body).body["data"]["results"]]

    assert names() == ["A3", "C5", "B1", "A5"]
    assert names(type="sms", filters={"dialingMode": ["Preview"]}) == ["S5"]
    assert names(sortBy={"name": "asc", "createdAt": "desc"}) == ["A3", "A5", "B1", "C5"]
    assert names(sortBy={"createdAt": "asc"}) == ["A5", "B1", "C5", "A3"]
    assert names(sortBy={"updatedAt": "desc"}) == ["A3", "C5", "B1", "A5"]
    assert names(filters={"status": ["Ready", "Stopped"]}) == ["B1", "A5"]
    assert names(filters={"priority": [1, 3], "status": []}) == ["A3", "B1"]
    assert names(filters={"dialingMode": ["Preview"]}) == ["B1"]
    assert names(startDate="2025-12-05T13:00:00.000Z", endDate="2025-12-05T14:00:00.000Z") == ["C5", "B1"]
    assert names(filters={"status": ["Completed"]}) == []


# -- contact results ---------------------------------------------------------------------------------------------------


@given(index=st.integers(0, 5_000_000), seed=st.integers(0, 2**32), settled=st.booleans())
def test_row__pure_and_documented(index: int, seed: int, settled: bool) -> None:
    """A row depends on seed and index alone, has the documented fields, and a number that nobody has."""
    row = contacts.row(seed, index, settled=settled)

    assert row == contacts.row(seed, index, settled=settled)
    assert list(row) == [
        "phoneNumber",
        "uniqueId",
        "dialerOutcome",
        "numberOfAttemptsSoFar",
        "botSessionId",
        "agentDispositionCodes",
        "botOutboundStatus",
        "botOutboundStatusDetail",
    ]
    assert row["phoneNumber"][4:9] == "55501"
    assert len(row["phoneNumber"]) == 11
    assert not (settled and row["dialerOutcome"] == "")


def test_contacts__a_million_rows_cost_nothing(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a million contacts only those of the pages that are read are made up, and pages do not overlap."""
    campaign_id = caller.simulator.add_campaign(status="Stopped", contacts=1_000_000)
    made: list[int] = []
    row = contacts.row

    def counted(seed: int, index: int, *, settled: bool) -> dict[str, Any]:
        made.append(index)
        return row(seed, index, settled=settled)

    monkeypatch.setattr(contacts, "row", counted)

    last = caller.contacts(campaign_id, page=10_000, limit=100).body["data"]
    beyond = caller.contacts(campaign_id, page=10_001, limit=100).body["data"]
    small = caller.contacts(campaign_id, page=333_333, limit=3).body["data"]

    assert len(made) == 103
    assert (last["totalPages"], last["totalResults"], len(last["results"])) == (10_000, 1_000_000, 100)
    assert beyond["results"] == []
    assert small["results"][2] == last["results"][98]
    assert (small["totalPages"], len(small["results"])) == (333_334, 3)


def test_contacts__by_run(caller: Caller) -> None:
    """There are no results before the first run; a run's results stay the same, the next run's differ."""
    campaign_id = caller.simulator.add_campaign(contacts=200)

    def rows() -> list[dict[str, Any]]:
        return caller.contacts(campaign_id, limit=100).body["data"]["results"]

    assert rows() == []
    caller.start(campaign_id)
    running = rows()
    caller.stop(campaign_id)
    stopped = rows()
    caller.start(campaign_id)

    assert "" in {row["dialerOutcome"] for row in running}
    assert "" not in {row["dialerOutcome"] for row in stopped}
    assert [row["botSessionId"] for row in running] == [row["botSessionId"] for row in stopped]
    assert [row["phoneNumber"] for row in running] == [row["phoneNumber"] for row in rows()]
    assert running != rows()


def test_set_contacts(caller: Caller) -> None:
    """Results can grow, shrink, and be given row by row."""
    campaign_id = caller.simulator.add_campaign(status="Stopped", contacts=5)
    totals = [caller.contacts(campaign_id).body["data"]["totalResults"]]
    for given_contacts in (8, 2, [{"phoneNumber": "=1+1"}]):
        caller.simulator.set_contacts(campaign_id, given_contacts)
        totals.append(caller.contacts(campaign_id).body["data"]["totalResults"])

    assert totals == [5, 8, 2, 1]
    assert caller.contacts(campaign_id).body["data"]["results"] == [{"phoneNumber": "=1+1"}]


# -- seeds and snapshots -----------------------------------------------------------------------------------------------


def test_seed__value_text_and_file(kore_simulator: KoreSimulator, tmp_path: Path) -> None:
    """A seed is a value, JSON text, or a file named by a path or a string; a list is campaigns only."""
    seed = {"campaigns": [{"name": "A"}, {"campaign_type": "sms", "name": "B"}], "switches": {"rate_limit": 5}}
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(seed), encoding="utf-8")

    for source in (seed, json.dumps(seed), file, str(file), seed["campaigns"]):
        kore_simulator.reset()
        ids = kore_simulator.seed(source)

        assert ids == [campaign.campaign_id for campaign in kore_simulator.campaigns()]
        assert [(c.name, c.campaign_type) for c in kore_simulator.campaigns()] == [("A", "voice"), ("B", "sms")]
        assert kore_simulator.switches().rate_limit == (60 if isinstance(source, list) else 5)


@pytest.mark.parametrize(
    "seed",
    ['{"campaigns": ', {"campaign": []}, {"campaigns": {}}, {"campaigns": [1]}, {"switches": []}, '"text"', "[1]"],
)
def test_seed__refused(seed: Any) -> None:
    """What is not of a seed's form is an error."""
    with pytest.raises((ValueError, FileNotFoundError)):
        read_seed(seed)


def test_seed__unknown_switch() -> None:
    """A misspelled switch in a seed is an error before anything is added."""
    with pytest.raises(ValueError, match="no such switch: rate_limits"):
        read_seed({"switches": {"rate_limits": 5}})


def test_snapshot__restore(caller: Caller) -> None:
    """A snapshot survives JSON, brings everything back (deleted campaigns, drains, switches), and keeps the log."""
    simulator = caller.simulator
    simulator.switches(drain_polls=2)
    ids = [simulator.add_campaign(status="Active", contacts=[{"phoneNumber": "1"}]), simulator.add_campaign()]
    caller.stop(ids[0])
    taken = json.loads(json.dumps(simulator.snapshot()))
    before = simulator.campaigns()
    caller.delete(ids[1])
    caller.status(ids[0])
    simulator.switches(drain_polls=0)

    simulator.restore(taken)

    assert before == simulator.campaigns()
    assert simulator.switches().drain_polls == 2
    assert len(simulator.requests) == 3
    assert [caller.status_text(ids[0]) for _ in range(3)] == ["Active", "Active", "Stopped"]


def test_restore__refused_whole(kore_simulator: KoreSimulator) -> None:
    """A snapshot with a mistake changes nothing."""
    kore_simulator.add_campaign(name="Here")
    before = kore_simulator.snapshot()

    with pytest.raises(ValueError, match="colour"):
        kore_simulator.restore({"campaigns": [{"name": "A"}, {"colour": "red"}], "switches": {"rate_limit": 1}})

    assert before == kore_simulator.snapshot()


def test_reset__goes_back_to_the_beginning() -> None:
    """Reset brings back the first seed and switches and forgets log, faults, rate limit and used tokens."""
    seed = {"campaigns": [{"name": "A", "campaign_id": "cd-1"}], "switches": {"enforce_jti": True}}
    with KoreSimulator(seed=seed, switches=Switches(rate_limit=1)) as simulator:
        caller = Caller(simulator)
        headers = caller.headers(auth=caller.token(jti="once", exp=time.time() + 100))
        simulator.add_campaign(name="B")
        simulator.switches(drain_polls=9)
        simulator.fail_next(500, operation="delete")
        assert [caller.status("cd-1", headers=headers).status for _ in range(2)] == [200, 401]

        simulator.reset()

        assert [c.name for c in simulator.campaigns()] == ["A"]
        assert simulator.switches() == Switches(rate_limit=1, enforce_jti=True)
        assert (len(simulator.requests), simulator.faults.pending()) == (0, [])
        assert caller.status("cd-1", headers=headers).status == 200


def test_handful__has_every_kind() -> None:
    """The campaigns of the command line are both types, in several statuses, and load without complaint."""
    seen = {(campaign["campaign_type"], campaign.get("status", "Ready")) for campaign in HANDFUL["campaigns"]}

    assert {(kind, status) for kind in ("voice", "sms") for status in ("Active", "Stopped", "Ready")} <= seen


# -- server ------------------------------------------------------------------------------------------------------------


def test_connection_json(kore_simulator: KoreSimulator) -> None:
    """The connection is what Airflow reads from an environment variable."""
    connection = json.loads(kore_simulator.connection_json(requests_per_minute=6000))

    assert connection == {
        "conn_type": "kore_campaign",
        "host": kore_simulator.url,
        "login": kore_simulator.client_id,
        "password": kore_simulator.client_secret,
        "extra": {
            "stream_id": kore_simulator.stream_id,
            "account_id": kore_simulator.account_id,
            "requests_per_minute": 6000,
        },
    }
    assert kore_simulator.url.startswith("http://127.0.0.1:")


def test_credentials__given_and_renewed(caller: Caller) -> None:
    """Credentials can be given; renewing them makes what was signed before worthless."""
    caller.simulator.renew_credentials(Credentials(client_id="cs-1", stream_id="st-1"))
    headers = caller.headers()
    assert (caller.simulator.client_id, caller.simulator.stream_id) == ("cs-1", "st-1")
    assert caller.list().status == 200
    caller.simulator.renew_credentials()

    assert caller.status("cd-1", headers=headers).status == 401


def test_start__twice_and_after_close() -> None:
    """A simulator runs once at a time, has no address while it does not, and can be opened again."""
    simulator = KoreSimulator()
    with pytest.raises(RuntimeError, match="not running"):
        _ = simulator.url
    with simulator:
        campaign_id = simulator.add_campaign()
        with pytest.raises(RuntimeError, match="running already"):
            simulator.start()
    simulator.close()

    with simulator:
        assert Caller(simulator).status(campaign_id).status == 200


def test_close__does_not_wait_for_hanging_requests(caller: Caller) -> None:
    """Closing breaks what still hangs instead of waiting for it."""
    with KoreSimulator() as simulator:
        campaign_id = simulator.add_campaign()
        simulator.hang_next(300)
        errors: list[BaseException] = []

        def ask() -> None:
            try:
                Caller(simulator).status(campaign_id, timeout=300)
            except OSError as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        while not simulator.requests:
            time.sleep(0.005)
        began = time.monotonic()
    thread.join(60)

    assert time.monotonic() - began < 60
    assert len(errors) == 1


def test_start__port_in_use(kore_simulator: KoreSimulator) -> None:
    """A port that is taken is an error, and leaves nothing open."""
    port = int(kore_simulator.url.rpartition(":")[2])
    simulator = KoreSimulator(port=port)

    with pytest.raises(OSError, match="in use"):
        simulator.start()
    with pytest.raises(RuntimeError, match="not running"):
        _ = simulator.url


def test_answers__leave_at_once(caller: Caller) -> None:
    """A warm connection answers in far less than the 40 ms that a delayed acknowledgement would cost."""
    campaign_id = caller.simulator.add_campaign()
    connection = http.client.HTTPConnection(urlsplit(caller.simulator.url).netloc, timeout=5)
    path = f"/agentassist/api/v1/public/{caller.simulator.stream_id}/campaign/{campaign_id}/status"
    headers, seconds = caller.headers(), []
    for _ in range(60):
        began = time.monotonic()
        connection.request("POST", path, "{}", headers)
        assert connection.getresponse().read()
        seconds.append(time.monotonic() - began)
    connection.close()

    # At first the peer acknowledges at once; then a delayed answer is delayed every time, however busy the machine is.
    assert min(seconds[20:]) < 0.03


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_host__not_loopback(host: str) -> None:
    """Only loopback addresses are listened on, unless remote access is allowed."""
    with pytest.raises(ValueError, match="loopback only"):
        KoreSimulator(host=host)
    KoreSimulator(host=host, allow_remote=True)


def test_threads__exactly_one_stop_takes_effect(caller: Caller) -> None:
    """Many threads that stop the same campaigns at once: each campaign is stopped once, nothing is lost."""
    ids = [caller.simulator.add_campaign(status="Active") for _ in range(20)]
    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(caller.stop, ids * 4))

    assert sorted({reply.status for reply in replies}) == [200, 400]
    assert len(caller.simulator.requests) == 80
    assert sorted(record.number for record in caller.simulator.requests) == list(range(1, 81))
    for campaign_id in ids:
        caller.simulator.assert_one_effect("stop", campaign_id)


def test_threads__python_and_http_together(caller: Caller) -> None:
    """Campaigns may be added, changed and copied by the test while requests come in."""
    with ThreadPoolExecutor(4) as pool:
        lists = [pool.submit(caller.list, limit=100) for _ in range(40)]
        for _ in range(40):
            campaign_id = caller.simulator.add_campaign()
            caller.simulator.set_status(campaign_id, "Active")
            caller.simulator.snapshot()

    assert {200} == {reply.result().status for reply in lists}
    assert len(caller.simulator.campaigns()) == 40
