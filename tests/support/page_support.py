"""Campaigns, summaries and manifests as an export has them, and a reader of the page that is made of them."""

from __future__ import annotations

from copy import deepcopy
from html.parser import HTMLParser
from typing import Any

from airflow_provider_campaigns.reports.page.render import render_page

CALLER_ID = "+4930901820555"
WEEKDAYS = [{"start": "9:00 AM", "end": "6:00 PM", "day": day} for day in ("MO", "TU", "WE", "TH", "FR")]

VOICE: dict[str, Any] = {
    "_id": "cd-9e14b72-88cc-4544-9a98-7aee9b700001",
    "name": "Service Renewal Spring",
    "lname": "service renewal spring",
    "description": "Asks customers whose contract ends in May whether they want to renew it.",
    "dncLists": {"id": "cl-68b802a-2b99-4245-8eea-6d322a800001", "name": "DNC CL Dec 4"},
    "priority": "5",
    "dialingMode": "Agentless",
    "dialingStrategy": {
        "callerId": {"phoneNumber": CALLER_ID},
        "callingHours": {"frequency": "WEEKLY", "days": WEEKDAYS, "timezone": "Asia/Kolkata"},
        "dialingOrder": "FIFO",
        "maxAttemptsPerRecord": 3,
        "defaultRetryPeriod": 10,
        "maxRingTime": 30,
        "useSystemMappings": False,
    },
    "experienceFlow": "cf-ecfa3927-eabc-52c4-8373-8a0b75d00001",
    "status": "Stopped",
    "campaignInstanceId": "cid-700c76d-1c1f-4a64-9f55-1a2b3c4d5e6f",
    "isFiltersEnabled": False,
    "createdAt": "2025-12-01T05:29:38.298Z",
    "updatedAt": "2025-12-08T12:30:00.977Z",
    "schedule": {"isSchedulingEnabled": False, "isRecurrenceEnabled": False},
    "contactLists": ["CL Only 2020 Dec 4"],
}
SMS: dict[str, Any] = {
    "_id": "cd-e7110489-a30a-5d1e-80ee-f246cc800001",
    "name": "Payment Reminder",
    "status": "Completed",
    "dncLists": {"name": "testdnc"},
    "priority": "2",
    "dialingStrategy": {
        "callerId": {"phoneNumber": CALLER_ID},
        "callingHours": {"frequency": "WEEKLY", "days": WEEKDAYS, "timezone": "America/New_York"},
    },
    "campaignInstanceId": "cid-0a1b2c3d-1c1f-4a64-9f55-1a2b3c4d5e6f",
    "campaignExecutionType": "NORMAL",
    "createdAt": "2025-12-05T08:16:19.398Z",
    "updatedAt": "2025-12-05T08:16:19.177Z",
    "schedule": {"isSchedulingEnabled": False},
    "contactLists": ["CL Only 2020 Dec 4"],
    "format": "advanced",
}


class Case:
    """The three arguments of ``render_page``, each free to be changed; complete results of 1,200 contacts at first."""

    def __init__(self, campaign: dict[str, Any] = VOICE, kind: str | None = "voice") -> None:
        self.campaign = deepcopy(campaign)
        about = {
            "campaign_id": campaign["_id"],
            "name": campaign["name"],
            "campaign_type": kind,
            "status": campaign["status"],
            "campaign_instance_id": campaign["campaignInstanceId"],
            "created_at": campaign["createdAt"],
            "updated_at": campaign["updatedAt"],
        }
        self.summary: dict[str, Any] = {
            "format": 1,
            "campaign": about,
            "contacts": {"total": 1200, "rows": 1200, "never_reached": 412, "in_progress": 12, "pending": 0},
            "outcomes": {"completed": 553, "no-answer": 405, "failed": 140, "machine_detected": 61, "busy": 29, "": 12},
            "dispositions": {"Resolved": 210, "System Generated": 168, "Requires Supervisor Attention": 42},
            "hang_ups": {"userHangUp": 402, "agentHangUp": 210},
            "attempts": {"total": 2307, "mean": 1.923, "most": 3, "histogram": {"0": 31, "1": 400, "2": 400, "3": 369}},
            "messages_sent": None,
        }
        self.manifest: dict[str, Any] = {
            "format": 1,
            "provider_version": "0.1.0",
            "complete": True,
            "reason": None,
            "reason_text": None,
            **about,
            "contact_results": True,
            "total": 1200,
            "rows": 1200,
            "duplicate_rows": 0,
            "pending": 0,
            "contacts_before_stop": 1200,
            "stopped_at": "2025-12-08T12:30:01.204Z",
            "phone_numbers": "keep",
            "formats": ["jsonl", "csv", "html"],
            "passes": 1,
            "proven_by": "one_reading",
            "files": {name: {} for name in ("contacts-0123456789abcdef.jsonl", "contacts-fedcba9876543210.csv")},
            "allow_empty": False,
        }

    @property
    def strategy(self) -> dict[str, Any]:
        strategy: dict[str, Any] = self.campaign["dialingStrategy"]
        return strategy

    @property
    def hours(self) -> dict[str, Any]:
        hours: dict[str, Any] = self.strategy["callingHours"]
        return hours

    def rename(self, name: str) -> Case:
        """Give the campaign another name, everywhere."""
        for where in (self.campaign, self.summary["campaign"], self.manifest):
            where["name"] = name
        return self

    def html(self) -> str:
        return render_page(campaign=self.campaign, summary=self.summary, manifest=self.manifest)


def sms() -> Case:
    """An SMS campaign: the service gives its number of messages and no contacts."""
    case = Case(SMS, "sms")
    case.summary["contacts"] = {
        "total": None,
        "rows": None,
        "never_reached": None,
        "in_progress": None,
        "pending": None,
    }
    case.summary["attempts"] = {"total": None, "mean": None, "most": None, "histogram": {}}
    case.summary |= {"outcomes": {}, "dispositions": {}, "hang_ups": {}, "messages_sent": 48210}
    case.manifest |= {"contact_results": False, "total": None, "rows": None, "contacts_before_stop": None}
    case.manifest["stopped_at"] = None
    return case


def no_contacts() -> Case:
    """A campaign that has run, and of which the service returned nothing."""
    case = Case()
    case.summary["contacts"] = {"total": 0, "rows": 0, "never_reached": 0, "in_progress": 0, "pending": 0}
    case.summary["attempts"] = {"total": 0, "mean": None, "most": None, "histogram": {}}
    case.summary |= {"outcomes": {}, "dispositions": {}, "hang_ups": {}}
    case.manifest |= {"total": 0, "rows": 0, "contacts_before_stop": None, "allow_empty": True}
    return case


def never_ran() -> Case:
    """A campaign that was saved and never started."""
    case = no_contacts()
    for where in (case.summary["campaign"], case.manifest):
        where |= {"status": "Ready", "campaign_instance_id": None}
    case.campaign["status"] = "Ready"
    del case.campaign["campaignInstanceId"]
    case.manifest |= {"stopped_at": None, "allow_empty": False}
    return case


def incomplete(reason: str, text: str | None = None) -> Case:
    """A report that says of itself that it is not complete."""
    case = Case()
    case.manifest |= {"complete": False, "reason": reason, "reason_text": text, "proven_by": None, "total": 1180}
    return case


def many_kinds() -> Case:
    """200 dispositions."""
    case = Case()
    case.summary["dispositions"] = {f"Code {number}": 1000 - number for number in range(200)}
    return case


HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>\N{RIGHT-TO-LEFT MARK}{{ 7 * 7 }}&amp;"


def hostile() -> Case:
    """What a name, a list or a disposition should not be, everywhere at once."""
    case = Case().rename(HOSTILE)
    case.campaign |= {
        "description": "javascript:alert(1)",
        "contactLists": ["W" * 48, "\u202etxet desrever", "\ud800", HOSTILE],
        "dncLists": {"name": "</style></title><h1>"},
        "experienceFlow": "javascript:alert(1)",
        "priority": ["5"],
        "queue_name": "'\" onclick='alert(1)",
    }
    case.summary["campaign"]["status"] = "<b>Stopped</b>"
    case.summary["outcomes"] = {HOSTILE: 3, "W" * 400: 2}
    case.summary["dispositions"] = {"</table><h1>": 1}
    case.hours["days"][0]["start"] = "<i>9</i>"
    return case


class Reader(HTMLParser):
    """The page as its words: the text of each element with an id, the rows of each table, the head's parts."""

    VOID = frozenset({"meta", "link", "rect", "circle", "path", "img", "br"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.sections: dict[str, list[str]] = {"": []}
        self.tables: dict[str, list[list[str]]] = {"": []}
        self._section = [""]
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        given = dict(attrs)
        if tag == "section":
            self._section.append(str(given["aria-labelledby"]))
            self.sections[self._section[-1]] = []
            self.tables[self._section[-1]] = []
        if tag == "tr":
            self.tables[self._section[-1]].append([])
        if tag in {"th", "td", "dt", "dd"} and self._open[-1] == "tr":
            self.tables[self._section[-1]][-1].append("")
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        assert self._open.pop() == tag
        if tag == "section":
            self._section.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            return
        for section in {"", self._section[-1]}:
            self.sections[section].append(data)
        if "tr" in self._open:
            row = self.tables[self._section[-1]][-1]
            if row:
                row[-1] = " ".join(f"{row[-1]} {data}".split())

    def text(self, section: str = "") -> str:
        """The words of a section, or of the whole page, with single blanks between them."""
        return " ".join("".join(self.sections[section]).split())

    def rows(self, section: str) -> list[list[str]]:
        """The cells of every row of the section's tables, heads included."""
        return self.tables[section]


CASES = {
    "voice": Case,
    "sms": sms,
    "no contacts": no_contacts,
    "never ran": never_ran,
    "snapshot": lambda: incomplete("running"),
    "many kinds": many_kinds,
    "hostile": hostile,
    "unknown type": lambda: Case(kind=None),
}


def read(case: Case) -> Reader:
    return Reader(case.html())
