"""Which campaigns an operator's arguments mean."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_campaigns.actions.targets import Target, Targets
from airflow_provider_campaigns.kore.campaigns import Campaign
from airflow_provider_campaigns.kore.errors import CampaignMismatchError, KoreConfigurationError

RESULT = {"campaign_id": "cd-2", "name": "Spring Offer", "status": "Stopped", "changed": True}


def test_parse__one_id() -> None:
    """One id by itself is one campaign, and its result is no list."""
    assert Targets.parse("cd-1", None) == Targets((Target("cd-1"),), is_many=False)


def test_parse__one_result() -> None:
    """A result dict means its campaign, under the name that it had."""
    assert Targets.parse(RESULT, None) == Targets((Target("cd-2", "Spring Offer"),), is_many=False)


@pytest.mark.parametrize(
    "campaign_ids",
    [
        ["cd-1", RESULT],
        ("cd-1", RESULT),
        iter(["cd-1", RESULT]),
        ' ["cd-1", {"campaign_id": "cd-2", "name": "Spring Offer"}]\n',
    ],
    ids=["list", "tuple", "iterable", "json"],
)
def test_parse__many(campaign_ids: object) -> None:
    """Many campaigns come as any sequence of ids and results, or as a JSON array, and keep their order."""
    assert Targets.parse(None, campaign_ids) == Targets((Target("cd-1"), Target("cd-2", "Spring Offer")), is_many=True)


@pytest.mark.parametrize("campaign_ids", [[], (), "[]"])
def test_parse__none_at_all(campaign_ids: object) -> None:
    """An empty sequence means no campaign, which is no error."""
    assert Targets.parse(None, campaign_ids) == Targets((), is_many=True)


@pytest.mark.parametrize(
    "name",
    [None, "", 7],
)
def test_parse__result_without_a_name(name: object) -> None:
    """A result whose name is not known is not compared by name."""
    assert Targets.parse(None, [{"campaign_id": "cd-1", "name": name}]).targets == (Target("cd-1", None),)


STOPPED = RESULT | {
    "campaign_instance_id": "cid-2",
    "contacts_before_stop": 1200,
    "sent_at": "2026-03-02T12:30:00.004Z",
    "confirmed_at": "2026-03-02T12:30:01.250Z",
}


@pytest.mark.parametrize(
    ("changes", "stopped_at", "contacts"),
    [
        ({}, "2026-03-02T12:30:01.250Z", 1200),
        ({"confirmed_at": None}, "2026-03-02T12:30:00.004Z", 1200),
        ({"confirmed_at": None, "sent_at": None, "contacts_before_stop": 0}, None, 0),
        ({"contacts_before_stop": True}, "2026-03-02T12:30:01.250Z", None),
        ({"contacts_before_stop": -1}, "2026-03-02T12:30:01.250Z", None),
        ({"contacts_before_stop": "1200"}, "2026-03-02T12:30:01.250Z", None),
    ],
)
def test_parse__what_a_stop_knew(changes: dict[str, object], stopped_at: str | None, contacts: int | None) -> None:
    """A stop's result tells the run, when it was stopped (confirmed, or else sent), and how many contacts it had."""
    (target,) = Targets.parse(None, [STOPPED | changes]).targets

    assert target.campaign_instance_id == "cid-2"
    assert target.stopped_at == stopped_at
    assert target.contacts_before_stop == contacts


def test_parse__id_knows_nothing() -> None:
    """An id by itself says nothing about a run."""
    (target,) = Targets.parse("cd-1", None).targets

    assert (target.campaign_instance_id, target.contacts_before_stop, target.stopped_at) == (None, None, None)


@pytest.mark.parametrize(
    ("one", "many", "problem"),
    [
        (None, None, "campaign_id, campaign_ids: give one of them;"),
        ("cd-1", ["cd-2"], "campaign_id, campaign_ids: give one of them, not both"),
        ("cd-1", [], "not both"),
        ("", None, "campaign_id: expected a campaign's id such as 'cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000', got ''"),
        ("   ", None, "campaign_id: expected a campaign's id"),
        (7, None, "campaign_id: expected a campaign's id such as 'cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000', got 7"),
        ("cd-1/../cd-2", None, "campaign_id: expected"),
        ("cd-1/stop", None, "campaign_id: expected"),
        ("cd-1..", None, "campaign_id: expected"),
        ("cd-1?force=true", None, "campaign_id: expected"),
        ("cd-1\n", None, "campaign_id: expected"),
        ("cd-1\r\nauth: x", None, "campaign_id: expected"),
        ("cd-1%2e", None, "campaign_id: expected"),
        ("cid-1", None, "campaign_id: 'cid-1' is the id of one run"),
        ({"name": "no id"}, None, "campaign_id: expected a campaign's id"),
        (None, "cd-1", 'campaign_ids: a text must be a JSON array of ids such as ["cd-a1e45a7'),
        (None, "['cd-1']", "in a template, tojson makes one; for one campaign there is campaign_id"),
        (None, '{"campaign_id": "cd-1"}', "campaign_ids: a text must be a JSON array"),
        (None, "", "campaign_ids: a text must be a JSON array"),
        (None, {"campaign_id": "cd-1"}, "campaign_ids: expected a sequence of ids such as ['cd-a1e45a7"),
        (None, 7, "got int"),
        (None, ["cd-1", ""], "campaign_ids: expected a campaign's id"),
        (None, ["cd-1", None], "campaign_ids: expected a campaign's id"),
        (None, b"cd-1", "campaign_ids: expected a campaign's id"),
        (None, [["cd-1"]], "campaign_ids: expected a campaign's id"),
        (None, [{"name": "no id"}], "campaign_ids: expected a campaign's id"),
        (
            None,
            ["cd-2", "cd-1", RESULT, "cd-1"],
            "campaign_ids: each campaign once, but cd-1, cd-2 is given more often",
        ),
    ],
)
def test_parse__bad_input(one: object, many: object, problem: str) -> None:
    """What is no campaign's id, or names one twice, is refused with the argument's name and what belongs there."""
    with pytest.raises(KoreConfigurationError) as caught:
        Targets.parse(one, many)

    assert problem in str(caught.value)
    assert caught.value.field in {"campaign_id", "campaign_ids"}
    assert not caught.value.retryable


@given(st.text())
@example("cd-1\n")
@example("..")
@example("cd-1\u2025")
def test_parse__any_text(text: str) -> None:
    """Whatever text is given, an id that is accepted is one plain segment of a path."""
    try:
        (target,) = Targets.parse(text, None).targets
    except KoreConfigurationError:
        return

    assert target.campaign_id == text == quote(text, safe=":")
    assert text.strip(".")
    assert ".." not in text


@pytest.mark.parametrize(
    ("ids", "expected", "names"),
    [
        (["cd-1"], None, [None]),
        (["cd-1"], "Spring", ["Spring"]),
        ([], "Spring", []),
        ([RESULT], "Summer", ["Summer"]),
        (["cd-1", "cd-2"], {"cd-2": "Summer", "cd-1": "Spring"}, ["Spring", "Summer"]),
    ],
)
def test_with_names__fitting(ids: list[object], expected: object, names: list[str | None]) -> None:
    """Names are given to the campaigns they belong to, and take the place of an earlier task's."""
    targets = Targets.parse(None, ids).with_names(expected)  # type: ignore[arg-type]

    assert [target.name for target in targets.targets] == names
    assert targets.is_many


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ("Spring", "expected_name: 2 campaigns cannot all be named 'Spring'"),
        ({"cd-1": "Spring"}, "expected_name: no name for cd-2"),
        ({"cd-1": "Spring", "cd-2": ""}, "expected_name: no name for cd-2"),
        ({"cd-1": "Spring", "cd-2": "Summer", "cd-3": "Autumn"}, "expected_name: cd-3 is not meant at all"),
        (["Spring", "Summer"], "expected_name: expected a text or a mapping of id to name, got list"),
    ],
)
def test_with_names__not_fitting(expected: object, problem: str) -> None:
    """Names that do not fit the campaigns one by one are refused."""
    with pytest.raises(KoreConfigurationError, match=problem):
        Targets.parse(None, ["cd-1", "cd-2"]).with_names(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "expected_name: no name for cd-1"), ({}, "expected_name: no name for cd-1")],
)
def test_with_names__empty(text: object, problem: str) -> None:
    """An empty name, as a template may give it, is not taken for "any name"."""
    with pytest.raises(KoreConfigurationError, match=problem):
        Targets.parse("cd-1", None).with_names(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "fits"), [(None, True), ("Spring", True), ("spring", False), ("Spring ", False)])
def test_check_name(name: str | None, fits: bool) -> None:
    """A campaign must have exactly the name that it was chosen by."""
    campaign = Campaign.from_api({"_id": "cd-1", "status": "Active", "name": "Spring"})

    if fits:
        Target("cd-1", name).check_name(campaign)
    else:
        with pytest.raises(CampaignMismatchError, match=r"campaign cd-1: is named 'Spring', expected .*; nothing was"):
            Target("cd-1", name).check_name(campaign)


@pytest.mark.parametrize(
    ("item", "names", "remedy"),
    [
        ("cd-1", "Winter", "give its new name as expected_name"),
        ({"campaign_id": "cd-1", "name": "Winter"}, None, "clear the task whose result names it, and then this one"),
        ({"campaign_id": "cd-1", "name": "Spring"}, "Winter", "give its new name as expected_name"),
    ],
    ids=["an id", "a result", "a result, and a name"],
)
def test_check_name__remedy(item: object, names: str | None, remedy: str) -> None:
    """Who meets another name is told who has to say that the campaign is still meant: where its name comes from."""
    campaign = Campaign.from_api({"_id": "cd-1", "status": "Active", "name": "Spring"})
    (target,) = Targets.parse(None, [item]).with_names(names).targets

    with pytest.raises(CampaignMismatchError) as caught:
        target.check_name(campaign)

    assert str(caught.value) == (
        "campaign cd-1: is named 'Spring', expected 'Winter'; nothing was sent. If it was renamed and is still meant, "
        f"{remedy}"
    )


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-02T12:30:00.000Z", True),
        ("2026-03-02T11:30:00.001Z", True),
        ("2026-03-02T11:30:00.000Z", False),
        ("2026-03-02T12:30:05.000Z", True),
        ("2999-01-01T00:00:00Z", False),
        ("yesterday", False),
        (None, False),
    ],
)
def test_was_just_missing(at: str | None, expected: bool) -> None:
    """A proof is believed for less than an hour, also that of a machine whose clock is ahead by seconds."""
    (target,) = Targets.parse(None, [{"campaign_id": "cd-1", "proven_missing_at": at}]).targets

    assert target.was_just_missing(datetime(2026, 3, 2, 12, 30, tzinfo=UTC)) is expected
