"""Who may call, and with what: every refusal, its status and its body."""

from __future__ import annotations

import time
from typing import Any

import pytest
from calling import Caller, documented, signed

STATUS = "/agentassist/api/v1/public/{iid}/campaign/cd-1/status"
TRIGGER_V1 = "/campaign/api/v1/public/{iid}/campaign/cd-1"
TRIGGER_V2 = "/campaign/api/v2/public/{iid}/campaign/trigger/cd-1"
START_SMS_V2 = "/campaign/api/v2/public/{iid}/campaign/cd-1"
DELETE_V1 = "/agentassist/api/v1/public/{iid}/campaign/cd-1"
DELETE_V2 = "/campaign/api/v2/public/{iid}/campaign/cd-1"
LIST_V1 = "/agentassist/api/v1/public/{iid}/campaign/getAllCampaignDetails"
LIST_V2 = "/campaign/api/v2/public/{iid}/campaign/getAllCampaignDetails"
SCHEDULE = "/campaign/api/v2/public/{iid}/campaign/schedule"

INVALID_TOKEN = (401, documented("error-401-bad-jwt.platform.response"))
WRONG_CREDENTIALS = (401, documented("error-401-missing-or-wrong-credentials.platform.response"))
INVALID_ARGUMENTS = (412, documented("error-412-validation.platform.response"))


@pytest.fixture
def caller(caller: Caller) -> Caller:
    """A caller whose simulator has the campaign `cd-1`, named `One`."""
    caller.simulator.add_campaign(campaign_id="cd-1", name="One", status="Active")
    return caller


def test_token__documented_example(caller: Caller) -> None:
    """The documented header and payload, with the app's Client ID put in, make a token that passes."""
    payload = documented("jwt-payload") | {"appId": caller.simulator.client_id}
    token = signed(payload, caller.simulator.client_secret, header=documented("jwt-header"))

    assert caller.status("cd-1", headers=caller.headers(auth=token)).status == 200


@pytest.mark.parametrize(
    ("make_token", "refusal"),
    [
        (lambda caller: None, WRONG_CREDENTIALS),
        (lambda caller: signed({"appId": caller.simulator.client_id, "sub": "1"}, "another"), WRONG_CREDENTIALS),
        (lambda caller: caller.token(appId="cs-other"), WRONG_CREDENTIALS),
        (lambda caller: caller.token(appId=None, appid=caller.simulator.client_id), WRONG_CREDENTIALS),
        (lambda caller: caller.token()[:-4] + "AAAA", WRONG_CREDENTIALS),
        (lambda caller: caller.token(sub=None), INVALID_TOKEN),
        (lambda caller: caller.token(exp=time.time() - 1), INVALID_TOKEN),
        (lambda caller: caller.token(exp="tomorrow"), INVALID_TOKEN),
        (lambda caller: f"Bearer {caller.token()}", INVALID_TOKEN),
        (lambda caller: "not-a-token", INVALID_TOKEN),
        (lambda caller: "a.b.c", INVALID_TOKEN),
        (lambda caller: caller.token().replace(".", ".!", 1), INVALID_TOKEN),
        (
            lambda caller: signed(
                {"appId": caller.simulator.client_id, "sub": "1"},
                caller.simulator.client_secret,
                header={"alg": "none", "typ": "JWT"},
            ),
            INVALID_TOKEN,
        ),
    ],
)
def test_token__refused(caller: Caller, make_token: Any, refusal: tuple[int, Any]) -> None:
    """A token that is missing, foreign, misspelled, expired or unreadable is refused in the platform's shape."""
    reply = caller.status("cd-1", headers=caller.headers(auth=make_token(caller)))

    assert refusal == (reply.status, reply.body)
    assert "cd-1" not in str(reply.body)


def test_token__extra_claims_pass(caller: Caller) -> None:
    """`iat`, `exp` and `jti` are no trouble, and one token may be used twice while jti is not enforced."""
    token = caller.token(iat=int(time.time()) + 500, exp=time.time() + 9000, jti="once")

    assert [caller.status("cd-1", headers=caller.headers(auth=token)).status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(("ahead_s", "status"), [(500, 401), (60, 401), (-60, 200)])
def test_token__iat_checked(caller: Caller, ahead_s: int, status: int) -> None:
    """Where `iat` is looked at, a token of the future is refused."""
    caller.simulator.switches(check_iat=True)
    token = caller.token(iat=int(time.time()) + ahead_s)

    assert caller.status("cd-1", headers=caller.headers(auth=token)).status == status


def test_token__jti_enforced(caller: Caller) -> None:
    """With Enforce JTI a token needs a jti and an exp within the hour, and works once."""
    caller.simulator.switches(enforce_jti=True)

    def answer(**claims: Any) -> tuple[int, Any]:
        reply = caller.status("cd-1", headers=caller.headers(auth=caller.token(**claims)))
        return reply.status, reply.body

    soon = time.time() + 300
    assert answer(exp=soon) == INVALID_TOKEN
    too_long = documented("error-401-jti-exp-too-long.platform.response")
    assert (401, too_long) == answer(jti="a")
    assert (401, too_long) == answer(jti="a", exp=time.time() + 3700)
    assert answer(jti="a", exp=soon)[0] == 200
    assert (401, documented("error-401-jti-replay.platform.response")) == answer(jti="a", exp=soon)
    assert answer(jti="b", exp=soon)[0] == 200


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"iid": None}, INVALID_ARGUMENTS),
        ({"accountId": None}, INVALID_ARGUMENTS),
        ({"iid": "st-other"}, WRONG_CREDENTIALS),
        ({"accountId": "67777ce93e25326494e90000"}, WRONG_CREDENTIALS),
    ],
)
def test_headers__missing_or_foreign(caller: Caller, changes: dict[str, str | None], refusal: tuple[int, Any]) -> None:
    """Both id headers are required, and have to be the app's own."""
    reply = caller.status("cd-1", headers=caller.headers(**changes))

    assert refusal == (reply.status, reply.body)


def test_path__foreign_app(caller: Caller) -> None:
    """An app id in the path that is not the credentials' is refused, whatever the header says."""
    reply = caller.send("POST", STATUS.replace("{iid}", "st-other"), {})

    assert (reply.status, reply.body) == WRONG_CREDENTIALS


def test_scope__missing(caller: Caller) -> None:
    """An app without the scope gets 401, not 403."""
    caller.simulator.switches(scope_granted=False)

    reply = caller.status("cd-1")

    assert (401, documented("error-401-scope.platform.response")) == (reply.status, reply.body)


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("POST", f"{TRIGGER_V1}?trigger=stop", {}, "query parameter campaignType is missing"),
        ("POST", f"{TRIGGER_V1}?campaignType=Voice&trigger=stop", {}, "query parameter campaignType is none of"),
        ("POST", f"{TRIGGER_V1}?campaignType=voice", {}, "query parameter trigger is neither play nor stop"),
        ("POST", f"{TRIGGER_V1}?campaignType=voice&trigger=pause", {}, "query parameter trigger is neither"),
        ("POST", f"{TRIGGER_V1}?campaignType=voice&trigger=stop&force=1", {}, "query parameter force is unknown"),
        (
            "POST",
            f"{TRIGGER_V1}?campaignType=voice&trigger=stop&trigger=stop",
            {},
            "query parameter trigger is given twice",
        ),
        ("POST", f"{TRIGGER_V1}?campaignType=voice&trigger=stop", None, "the body is missing"),
        ("POST", f"{TRIGGER_V1}?campaignType=voice&trigger=stop", "stop", "the body is not JSON"),
        ("POST", f"{TRIGGER_V1}?campaignType=voice&trigger=stop", "[]", "the body is not a JSON object"),
        ("POST", f"{TRIGGER_V1}?campaignType=voice&trigger=stop", {"a": 1}, "body field a is unknown"),
        ("POST", f"{TRIGGER_V2}?campaignType=voice&trigger=stop", {}, "query parameter accountId is missing"),
        ("POST", f"{TRIGGER_V2}?accountId=x&campaignType=voice&trigger=stop", {}, "query parameter accountId differs"),
        ("POST", f"{TRIGGER_V2}?accountId={{acc}}&campaignType=sms&trigger=play", {}, "this path is not documented"),
        ("POST", f"{START_SMS_V2}?campaignType=sms&trigger=stop", {}, "this path is not documented"),
        ("DELETE", DELETE_V1, None, "query parameter campaignType is missing"),
        ("DELETE", f"{DELETE_V1}?campaignType=fax", None, "query parameter campaignType is none of sms, voice"),
        ("DELETE", f"{DELETE_V2}?campaignType=voice", None, "query parameter accountId is missing"),
        ("DELETE", f"{DELETE_V2}?campaignType=voice&accountId=x", None, "query parameter accountId differs"),
        ("GET", DELETE_V2, None, "query parameter accountId is missing"),
        ("GET", f"{DELETE_V1}?campaignType=voice", None, "query parameter campaignType is unknown"),
        ("POST", f"{STATUS}?view=everything", {}, "query parameter view is none of contacts, status"),
        ("POST", f"{STATUS}?view=contacts", {"page": 0}, "page is not a whole number of at least 1"),
        ("POST", f"{STATUS}?view=contacts", {"page": "1"}, "page is not a whole number of at least 1"),
        ("POST", f"{STATUS}?view=contacts", {"limit": 0}, "limit is not a whole number of at least 1"),
        ("POST", f"{STATUS}?view=contacts", {"limit": 101}, "limit is more than 100"),
        ("POST", f"{STATUS}?view=contacts", {"limit": True}, "limit is not a whole number of at least 1"),
        ("POST", f"{STATUS}?view=contacts", {"skip": 5}, "body field skip is unknown"),
        ("POST", LIST_V2, {"type": "voice"}, "query parameter accountId is missing"),
        ("POST", LIST_V1, {}, "type is missing or neither voice nor sms"),
        ("POST", LIST_V1, {"type": "call"}, "type is missing or neither voice nor sms"),
        ("POST", LIST_V1, {"type": ["voice"]}, "type is missing or neither voice nor sms"),
        ("POST", LIST_V1, {"type": "voice", "filter": {}}, "body field filter is unknown"),
        ("POST", LIST_V1, {"type": "voice", "limit": 0}, "limit is not a whole number of at least 1"),
        ("POST", LIST_V1, {"type": "voice", "filters": []}, "filters is not an object"),
        ("POST", LIST_V1, {"type": "voice", "filters": {"state": []}}, "filter state is unknown"),
        ("POST", LIST_V1, {"type": "voice", "filters": {"status": "Ready"}}, "status is not an array"),
        ("POST", LIST_V1, {"type": "voice", "filters": {"status": ["Running"]}}, "status holds a value"),
        ("POST", LIST_V1, {"type": "voice", "filters": {"priority": ["5"]}}, "priority holds a value"),
        ("POST", LIST_V1, {"type": "voice", "filters": {"priority": [6]}}, "priority holds a value"),
        ("POST", LIST_V1, {"type": "voice", "filters": {"dialingMode": ["Power"]}}, "dialingMode holds a value"),
        (
            "POST",
            f"{LIST_V2}?accountId={{acc}}",
            {"type": "voice", "filters": {"dialingMode": ["Agentless"]}},
            "dialingMode holds a value",
        ),
        ("POST", LIST_V1, {"type": "voice", "sortBy": {"status": "asc"}}, "sortBy takes"),
        ("POST", LIST_V1, {"type": "voice", "sortBy": {"name": ["asc"]}}, "sortBy takes"),
        ("POST", LIST_V1, {"type": "voice", "startDate": "2025-12-01"}, "startDate is not ISO 8601"),
        ("POST", f"{SCHEDULE}?campaignName=One", {}, "query parameter enableSchedule is missing"),
        ("POST", f"{SCHEDULE}?enableSchedule=false", {}, "query parameter campaignName is missing"),
        ("POST", f"{SCHEDULE}?enableSchedule=yes&campaignName=One", {}, "query parameter enableSchedule is none of"),
        ("POST", f"{SCHEDULE}?enableSchedule=true&campaignName=One", {}, "startDateTime is not YYYY-MM-DD HH:mm:ss"),
    ],
)
def test_arguments__refused(caller: Caller, method: str, path: str, body: Any, reason: str) -> None:
    """What is missing, unknown or not allowed is answered 412, changes nothing, and the reason is told aside."""
    reply = caller.send(method, path, body)

    assert (reply.status, reply.body) == INVALID_ARGUMENTS
    assert reply.reason is not None
    assert reply.reason.startswith(reason)
    assert reply.reason == caller.simulator.requests[-1].reason
    assert not caller.simulator.effects()


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ({"startDateTime": "2035-01-01 10:00:00", "endDateTime": "2035-01-01 09:00:00"}, "endDateTime is not after"),
        ({"startDateTime": "2015-01-01 10:00:00", "endDateTime": "2015-01-02 10:00:00"}, "endDateTime is not after"),
        ({"startDateTime": "2035-02-30 10:00:00", "endDateTime": "2035-03-01 09:00:00"}, "startDateTime is no date"),
        ({"startDateTime": "2035-01-01T10:00:00Z", "endDateTime": "2035-01-02"}, "startDateTime is not YYYY"),
        ({"recurrenceObject": {"recurType": "Monthly"}}, "recurType is neither"),
        ({"recurrenceObject": {"recurType": "Daily"}}, "onceEveryNdays is not a whole number"),
        ({"recurrenceObject": {"recurType": "Weekly", "weeklyDetails": {"onceEveryNweeks": 1}}}, "weeklyDetails.which"),
        (
            {"recurrenceObject": {"recurType": "Weekly", "weeklyDetails": {"onceEveryNweeks": 1, "whichDays": ["MO"]}}},
            "whichDays holds a value",
        ),
    ],
)
def test_schedule__plan_refused(caller: Caller, plan: dict[str, Any], reason: str) -> None:
    """A schedule needs a future end after its start, in the documented format, and a recurrence that is complete."""
    body = {"startDateTime": "2035-01-01 10:00:00", "endDateTime": "2035-02-01 10:00:00"} | plan

    reply = caller.send("POST", f"{SCHEDULE}?enableSchedule=true&campaignName=One", body)

    assert (reply.status, reply.body) == INVALID_ARGUMENTS
    assert str(reply.reason).startswith(reason)


def test_content_type__required_where_documented(caller: Caller) -> None:
    """Start, stop and list want JSON declared; a status does not, since its page's curl declares nothing."""
    headers = caller.headers(Content_Type="application/x-www-form-urlencoded")
    with_charset = caller.headers(Content_Type="application/json;charset=UTF-8")

    assert caller.stop("cd-1", headers=headers).status == 412
    assert caller.send("POST", LIST_V1, {"type": "voice"}, headers=headers).status == 412
    assert caller.status("cd-1", headers=headers).status == 200
    assert caller.stop("cd-1", headers=with_charset).status == 200


def test_strict__off(caller: Caller) -> None:
    """Without strictness unknown parameters and fields are passed over, known ones still checked."""
    caller.simulator.switches(strict=False)

    assert caller.send("POST", f"{STATUS}?view=status&verbose=1", {"a": 1}).status == 200
    assert caller.send("POST", LIST_V1, {"type": "voice", "filters": {"state": []}, "a": 1}).status == 200
    assert caller.send("POST", LIST_V1, {"type": "fax"}).status == 412


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", DELETE_V1),
        ("PUT", DELETE_V2),
        ("GET", STATUS),
        ("DELETE", f"{DELETE_V1}/status"),
        ("POST", DELETE_V1),
        ("PATCH", DELETE_V2),
        ("GET", TRIGGER_V1),
    ],
)
def test_method__not_documented(caller: Caller, method: str, path: str) -> None:
    """A method that no page documents for a path is answered 405 in the platform's shape."""
    reply = caller.send(method, path)

    assert (405, documented("error-405.platform.response")) == (reply.status, reply.body)
    assert not caller.simulator.requests.writes()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/campaign/api/v3/public/{iid}/campaign/cd-1"),
        ("POST", "/agentassist/api/v1/public/{iid}/campaign"),
        ("DELETE", "/campaign/api/v2/public/{iid}/campaign/a/b/c"),
        ("POST", "/api/v2/public/{iid}/campaign/trigger/cd-1"),
    ],
)
def test_path__not_documented(caller: Caller, method: str, path: str) -> None:
    """A path that no page documents is not found, and logged all the same."""
    reply = caller.send(method, path)

    assert (reply.status, reply.body) == (404, {"errors": [{"msg": "Not Found", "code": 404}]})
    assert caller.simulator.requests[-1].operation == "unknown"
