"""Campaigns, statuses and contact results as values."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_campaigns.kore.campaigns import (
    KNOWN_STATUSES,
    Campaign,
    CampaignStatus,
    CampaignType,
    ContactResult,
    campaign_id_of,
    checked_campaign_id,
    checked_campaign_type,
)
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreProtocolError

# As the page get-voice-campaign-by-id-v2 prints it, shortened.
VOICE = {
    "_id": "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000",
    "name": "Service Renewal Outreach Campaign61",
    "lname": "service renewal outreach campaign61",
    "dialingMode": "Progressive",
    "dialingStrategy": {"callerId": {"phoneNumber": "+18165550100"}},
    "status": "Stopped",
    "campaignInstanceId": "cid-dbb5e25-605e-4556-8912-929218100000",
    "createdAt": "2025-12-08T07:09:14.523Z",
    "updatedAt": "2025-12-08T07:09:31.423Z",
    "schedule": {"isSchedulingEnabled": False, "isRecurrenceEnabled": False},
    "aFieldOfTomorrow": {"kept": True},
}


class TestCampaignStatus:
    @pytest.mark.parametrize(
        ("text", "spelled"),
        [("Active", "Active"), ("active", "Active"), ("  STOPPED\n", "Stopped"), ("rescheduled", "Rescheduled")],
    )
    def test_new__known(self, text: str, spelled: str) -> None:
        """A known status is spelled as documented, whatever its case and surrounding blanks were."""
        status = CampaignStatus(text)

        assert status == spelled
        assert status.is_known

    @pytest.mark.parametrize("text", ["Rerun", "Archiving ", "", "Stopped?"])
    def test_new__unknown(self, text: str) -> None:
        """An unknown status keeps its own text, and is neither ended, running nor scheduled."""
        status = CampaignStatus(text)

        assert status == text.strip()
        assert not status.is_known
        assert not (status.is_ended)
        assert not (status.is_running)
        assert not (status.is_scheduled)

    @pytest.mark.parametrize(
        ("status", "is_ended", "is_running", "is_scheduled"),
        [
            ("Preparing", False, False, False),
            ("Ready", False, False, False),
            ("Scheduled", False, False, True),
            ("Rescheduled", False, False, True),
            ("Active", False, True, False),
            ("Paused", False, True, False),
            ("Stopped", True, False, False),
            ("Completed", True, False, False),
        ],
    )
    def test_questions__known(self, status: str, is_ended: bool, is_running: bool, is_scheduled: bool) -> None:
        """Each known status is in one group at most."""
        found = CampaignStatus(status)

        assert (found.is_ended, found.is_running, found.is_scheduled) == (is_ended, is_running, is_scheduled)

    def test_known_statuses__in_order(self) -> None:
        """The documented statuses, in the order of a campaign's life."""
        assert KNOWN_STATUSES == (
            "Preparing",
            "Ready",
            "Scheduled",
            "Rescheduled",
            "Active",
            "Paused",
            "Stopped",
            "Completed",
        )

    def test_constants__spelled(self) -> None:
        """The class has a constant for each known status."""
        assert (CampaignStatus.ACTIVE, CampaignStatus.STOPPED) == ("Active", "Stopped")
        assert CampaignStatus.RESCHEDULED.is_scheduled

    def test_status__is_text(self) -> None:
        """A status prints, serialises, copies and pickles as text."""
        status = CampaignStatus("active")

        assert f"{status} {status!r} {json.dumps(status)}" == "Active 'Active' \"Active\""
        assert pickle.loads(pickle.dumps(status)) == copy.deepcopy(status) == status


class TestCampaign:
    def test_from_api__voice(self) -> None:
        """A voice campaign as the service prints it, with everything it says kept."""
        campaign = Campaign.from_api(VOICE)

        assert campaign.campaign_id == "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000"
        assert campaign.name == "Service Renewal Outreach Campaign61"
        assert campaign.status == "Stopped"
        assert campaign.campaign_type is CampaignType.VOICE
        assert campaign.campaign_instance_id == "cid-dbb5e25-605e-4556-8912-929218100000"
        assert campaign.created_at == "2025-12-08T07:09:14.523Z"
        assert campaign.updated_at == "2025-12-08T07:09:31.423Z"
        assert campaign.is_scheduled is False
        assert campaign.raw == VOICE

    @pytest.mark.parametrize(
        ("fields", "campaign_type"),
        [
            ({"dialingMode": "Preview"}, CampaignType.VOICE),
            ({"format": "simple"}, CampaignType.SMS),
            ({"format": "advanced", "dialingMode": ""}, CampaignType.SMS),
            ({}, None),
            ({"dialingMode": "Preview", "format": "simple"}, None),
        ],
    )
    def test_from_api__type(self, fields: dict[str, str], campaign_type: CampaignType | None) -> None:
        """The type follows from the object; an object that tells neither, or both, has none."""
        assert Campaign.from_api({"id": "cd-1", "status": "Ready"} | fields).campaign_type is campaign_type

    @pytest.mark.parametrize(
        ("status", "schedule", "is_scheduled"),
        [
            ("Ready", None, False),
            ("Ready", {"isSchedulingEnabled": False}, False),
            ("Ready", {"isSchedulingEnabled": True}, True),
            ("Ready", {"isSchedulingEnabled": "true"}, False),
            ("Ready", "weekly", False),
            ("Scheduled", {"isSchedulingEnabled": False}, True),
            ("Rescheduled", None, True),
        ],
    )
    def test_from_api__schedule(self, status: str, schedule: object, is_scheduled: bool) -> None:
        """A campaign is scheduled by its status or by an enabled schedule."""
        campaign = Campaign.from_api({"id": "cd-1", "status": status, "schedule": schedule})

        assert campaign.is_scheduled is is_scheduled

    def test_from_api__little(self) -> None:
        """Id and status are enough; what is not said is None or empty."""
        campaign = Campaign.from_api({"id": "cd-1", "status": "Rerun", "name": None, "campaignInstanceId": ""})

        assert (campaign.name, campaign.status, campaign.campaign_instance_id) == ("", "Rerun", None)
        assert (campaign.created_at, campaign.updated_at) == (None, None)

    @pytest.mark.parametrize(
        ("body", "message", "campaign_id"),
        [
            ({}, "a campaign object without an id: it has the fields (none)", None),
            ({"status": "Ready"}, "a campaign object without an id: it has the fields status", None),
            ({"_id": 7, "status": "Ready"}, "a campaign object without an id: it has the fields _id, status", None),
            ({"_id": "cd-1"}, "a campaign object without a status: it has the fields _id", "cd-1"),
            (
                {"_id": "cd-1", "status": " "},
                "a campaign object without a status: it has the fields _id, status",
                "cd-1",
            ),
            (
                {"_id": "cd-1", "status": None},
                "a campaign object without a status: it has the fields _id, status",
                "cd-1",
            ),
            (
                {"15555550100": 1, "Jane Roe": 1, "n5555550100": 1, "status": "Ready"},
                "a campaign object without an id: it has the fields <11 characters>, <8 characters>, n<number>, status",
                None,
            ),
        ],
    )
    def test_from_api__unreadable(self, body: dict[str, Any], message: str, campaign_id: str | None) -> None:
        """An object without id or status is an error that names its fields, and shows none of its values."""
        with pytest.raises(KoreProtocolError) as caught:
            Campaign.from_api(body)

        assert str(caught.value) == message
        assert caught.value.campaign_id == campaign_id

    def test_repr__no_phone_number(self) -> None:
        """The caller id of a campaign does not show."""
        assert "8165550100" not in repr(Campaign.from_api(VOICE))

    def test_raw__read_only(self) -> None:
        """What the service said cannot be changed afterwards."""
        with pytest.raises(TypeError):
            Campaign.from_api(VOICE).raw["status"] = "Active"  # type: ignore[index]


class TestContactResult:
    def test_from_api__documented(self) -> None:
        """A row of the page get-all-contact-details-voice-campaigns-v2, with unknown fields kept."""
        row = {
            "phoneNumber": "15555550100",
            "dialerOutcome": "completed",
            "numberOfAttemptsSoFar": 2,
            "agentDispositionCodes": ["System Generated"],
            "aFieldOfTomorrow": 1,
        }

        result = ContactResult.from_api(row)

        assert (result.outcome, result.attempts, result.dispositions) == ("completed", 2, ("System Generated",))
        assert result.raw == row
        assert "15555550100" not in repr(result)

    @pytest.mark.parametrize(
        "row",
        [
            {},
            {"dialerOutcome": None, "numberOfAttemptsSoFar": "2", "agentDispositionCodes": "none"},
            {"dialerOutcome": 7, "numberOfAttemptsSoFar": True},
        ],
    )
    def test_from_api__odd(self, row: dict[str, Any]) -> None:
        """A row is never refused: what is missing or of another kind is empty."""
        result = ContactResult.from_api(row)

        assert (result.outcome, result.attempts, result.dispositions) == ("", 0, ())


class TestIds:
    @pytest.mark.parametrize(
        ("body", "campaign_id"),
        [
            ({"_id": "a", "id": "b", "campId": "c"}, "a"),
            ({"id": "b", "campId": "c"}, "b"),
            ({"_id": "", "campId": "c"}, "c"),
            ({"_id": "65f0c0ffee27c1d2a4b1e301", "id": "cd-1"}, "cd-1"),
            ({"_id": "cd-1", "id": "cd-2"}, "cd-1"),
            ({"_id": "65f0c0ffee27c1d2a4b1e301"}, "65f0c0ffee27c1d2a4b1e301"),
            ({"ID": "a"}, "a"),
            ({"Id": "a"}, "a"),
            ({"campaignID": "a"}, "a"),
            ({"ID": "a", "id": "b"}, "b"),
            ({"uuid": "cd-1"}, "cd-1"),
            ({"UUID": "cd-1", "Id": "a"}, "a"),
            ({"uuid": "5e4b1c5e-4f0f-4f57-8a33-0d9c0a1f6a10"}, None),
            ({"_id": 5}, None),
            ({}, None),
        ],
    )
    def test_campaign_id_of__names(self, body: dict[str, Any], campaign_id: str | None) -> None:
        """An id goes by three names."""
        assert campaign_id_of(body) == campaign_id

    @pytest.mark.parametrize("value", ["cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000", "x", "A.b_c:d-9"])
    def test_checked_campaign_id__accepted(self, value: str) -> None:
        """Ids are opaque: whatever is safe in a path is one."""
        assert checked_campaign_id(value) == value

    @pytest.mark.parametrize(
        "value",
        [
            "",
            " ",
            "cd-1 ",
            "cd-1\n",
            "a/b",
            "..",
            "cd-..",
            "cd..1",
            "cd-1?x=y",
            "cd-1#x",
            "cd%2e",
            "-cd",
            "ü",
            None,
            7,
            ["cd-1"],
        ],
    )
    def test_checked_campaign_id__refused(self, value: object) -> None:
        """What could leave its place in the path is refused, with an example of an id."""
        with pytest.raises(KoreConfigurationError) as caught:
            checked_campaign_id(value)

        assert caught.value.field == "campaign_id"
        assert str(caught.value) == (
            f"campaign_id: expected a campaign's id such as 'cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000', got {value!r}"
        )

    def test_checked_campaign_id__long(self) -> None:
        """A long wrong value is shown in part."""
        with pytest.raises(KoreConfigurationError, match=r"got '/{76}\.\.\.$"):
            checked_campaign_id("/" * 1000)

    def test_checked_campaign_id__of_a_run(self) -> None:
        """The id of a run is not the id of a campaign, although it looks like one."""
        with pytest.raises(KoreConfigurationError, match="is the id of one run"):
            checked_campaign_id("cid-dbb5e25-605e-4556-8912-929218100000")

    @pytest.mark.parametrize("value", ["voice", "sms", CampaignType.SMS])
    def test_checked_campaign_type__accepted(self, value: str) -> None:
        """There are two types."""
        assert checked_campaign_type(value) == value

    @pytest.mark.parametrize("value", ["Voice", "fax", "", None, ["voice"]])
    def test_checked_campaign_type__refused(self, value: object) -> None:
        """Anything else is an error that names both."""
        with pytest.raises(KoreConfigurationError) as caught:
            checked_campaign_type(value)

        assert caught.value.field == "campaign_type"
        assert str(caught.value) == f"campaign_type: expected 'voice' or 'sms', got {value!r}"


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[1] / "data" / "kore").glob("get-*campaign-v?.response.json"))
)
def test_from_api__samples(path: Path) -> None:
    """Every documented sample of a campaign object can be read."""
    campaign = Campaign.from_api(json.loads(path.read_text())["data"])

    assert campaign.campaign_id.startswith("cd-")
    assert campaign.status.is_known
    assert campaign.campaign_type is not None
