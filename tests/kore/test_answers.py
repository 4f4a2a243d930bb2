"""Answers: which are successes, and which error each of the others is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kore_support import OTHERWISE

from airflow_provider_campaigns.kore.answers import as_utf8, body_of
from airflow_provider_campaigns.kore.endpoints import ENDPOINTS
from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreScopeError,
    KoreServiceError,
)

STOP = "stop_voice_v1 of campaign cd-1 (POST /campaign/api/v1/public/{stream_id}/campaign/cd-1)"
SAMPLES = Path(__file__).parents[1] / "data" / "kore"
LIMIT_TEXT = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."


def read(status: int, body: object, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """The body of an answer to a stop of campaign cd-1; bytes are sent as they are, all else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return body_of(ENDPOINTS["stop_voice_v1"], status, headers or {}, content, campaign_id="cd-1")


def refused(status: int, body: object, headers: dict[str, str] | None = None) -> KoreError:
    """The error of an answer."""
    with pytest.raises(KoreError) as caught:
        read(status, body, headers)
    return caught.value


class TestSuccess:
    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, {"status": "success", "data": {}}),
            (200, {"status": "Stopped"}),
            (201, {"status": "Active"}),
            (200, {}),
            (200, {"errors": []}),
            (200, {"errors": None, "status": None}),
            (200, {"status": 1}),
            (200, {"status": "success", "message": f"Campaign {LIMIT_TEXT} retrieved successfully"}),
        ],
    )
    def test_body_of__success(self, status: int, body: dict[str, Any]) -> None:
        """A 2xx JSON object without errors and without a failure in its status is a success."""
        assert read(status, body) == body

    @pytest.mark.parametrize(
        "path",
        [p for p in sorted(SAMPLES.glob("*.response.json")) if ".platform." not in p.name],
        ids=lambda path: path.name,
    )
    def test_body_of__documented_samples(self, path: Path) -> None:
        """Every documented answer is a success."""
        assert read(200, path.read_bytes()) == json.loads(path.read_text())


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "body", "cls", "retryable"),
        [
            # By the HTTP status.
            (400, {"errors": [{"msg": "Campaign is Active", "code": 400}]}, KoreRequestError, False),
            (401, {"errors": [{"msg": "Invalid JWT token", "code": 4002}]}, KoreAuthenticationError, False),
            (403, {}, KoreAuthenticationError, False),
            (404, {}, KoreNotFoundError, False),
            (403, {"errors": [{"msg": "Scope is incorrect!"}]}, KoreScopeError, False),
            (405, {"errors": [{"msg": "Method Not Allowed", "code": 405}]}, KoreRequestError, False),
            (412, {"errors": [{"msg": "Validation errors/ Invalid arguments", "code": 412}]}, KoreRequestError, False),
            (412, {"errors": [{"msg": "campaignType not found", "code": 412}]}, KoreRequestError, False),
            (429, b"", KoreRateLimitError, True),
            (500, {}, KoreServiceError, True),
            (500, {"errors": [{"msg": "Campaign not found"}]}, KoreServiceError, True),
            (502, b"<html>Bad Gateway</html>", KoreServiceError, True),
            (503, b"", KoreServiceError, True),
            (504, b"[]", KoreServiceError, True),
            (599, b"null", KoreServiceError, True),
            # Of this moment, whoever says so.
            (408, {"errors": [{"msg": "Request Timeout"}]}, KoreServiceError, True),
            (409, {}, KoreServiceError, True),
            (421, b"", KoreServiceError, True),
            (423, {"errors": [{"msg": "Campaign not found"}]}, KoreServiceError, True),
            (425, {"status": "failure"}, KoreServiceError, True),
            # Not the service's own word.
            (400, b"campaign not found", KoreServiceError, True),
            (401, b"", KoreServiceError, True),
            (401, b"Permission denied. Scope is incorrect!", KoreServiceError, True),
            (403, b"<html>Request blocked</html>", KoreServiceError, True),
            (403, b'{"errors": [{"msg": "Forb', KoreServiceError, True),
            (404, b"<html>Not here</html>", KoreServiceError, True),
            (404, "Not Found", KoreServiceError, True),
            (405, [], KoreServiceError, True),
            (407, b"Proxy Authentication Required", KoreServiceError, True),
            (412, None, KoreServiceError, True),
            # By the text.
            (401, {"errors": [{"msg": "Permission denied. Scope is incorrect!", "code": 4002}]}, KoreScopeError, False),
            (400, {"errors": [{"msg": "Campaign not found", "code": 400}]}, KoreNotFoundError, False),
            (400, {"message": "campaign NOT FOUND"}, KoreNotFoundError, False),
            (400, {"errors": [{"msg": LIMIT_TEXT, "code": 400}]}, KoreRateLimitError, True),
            (503, {"message": LIMIT_TEXT}, KoreRateLimitError, True),
            (403, LIMIT_TEXT.upper().encode(), KoreRateLimitError, True),
            # 2xx that says no.
            (200, {"errors": [{"msg": LIMIT_TEXT}]}, KoreRateLimitError, True),
            (200, {"message": LIMIT_TEXT}, KoreRateLimitError, True),
            (200, {"status": "Stopped", "message": LIMIT_TEXT}, KoreRateLimitError, True),
            (200, {"status": "failure", "message": "Campaign not found"}, KoreNotFoundError, False),
            (200, {"status": "FAILED"}, KoreRequestError, False),
            (200, {"status": "Error", "error": "no"}, KoreRequestError, False),
            (200, {"status": "success", "errors": ["no"]}, KoreRequestError, False),
            (200, {"errors": {"msg": "no"}}, KoreRequestError, False),
            # 2xx that is no JSON object: perhaps cut off.
            (200, b"", KoreProtocolError, True),
            (204, b"", KoreProtocolError, True),
            (200, b'{"status": "Stop', KoreProtocolError, True),
            (200, b"<html>Just a moment</html>", KoreProtocolError, True),
            (200, b"\xff\xfe\x00", KoreProtocolError, True),
            (200, [], KoreProtocolError, True),
            (200, "Stopped", KoreProtocolError, True),
            (200, None, KoreProtocolError, True),
            (200, b"[" * 100_000, KoreProtocolError, True),
            (200, LIMIT_TEXT.encode(), KoreRateLimitError, True),
            # Redirects.
            (301, b"", KoreServiceError, True),
            (302, {"status": "success"}, KoreServiceError, True),
            (307, b"", KoreServiceError, True),
            (304, b"", KoreServiceError, True),
        ],
    )
    def test_body_of__refused(self, status: int, body: object, cls: type[KoreError], retryable: bool) -> None:
        """Each kind of answer is one class of error, which says whether the same call may succeed later."""
        error = refused(status, body)

        assert type(error) is cls
        assert error.retryable is retryable
        assert (error.status, error.endpoint, error.campaign_id) == (status, "stop_voice_v1", "cd-1")

    @pytest.mark.parametrize(
        ("status", "body", "cls", "meant"),
        [
            (200, {"errors": [{"msg": "Service Unavailable", "code": 503}]}, KoreServiceError, 503),
            (200, {"status": "error", "statusCode": "504", "message": "no"}, KoreServiceError, 504),
            (200, {"status": "error", "message": "Internal Server Error"}, KoreServiceError, 500),
            (200, {"status": "failure", "message": "Something went wrong"}, KoreServiceError, 500),
            (200, {"errors": [{"msg": "Unknown", "code": 404}]}, KoreNotFoundError, 404),
            (200, {"errors": [{"msg": "Invalid JWT token", "code": 4002}]}, KoreAuthenticationError, 401),
            (200, {"errors": [{"msg": "Scope is incorrect!", "code": 4002}]}, KoreScopeError, 401),
            (200, {"status": "error", "message": "Too many requests, please try again later"}, KoreRateLimitError, 200),
            (200, {"errors": ["no"], "code": "E11000"}, KoreRequestError, 200),
            (400, {"errors": [{"msg": "Invalid JWT token", "code": 4002}]}, KoreAuthenticationError, 401),
            (400, {"errors": [{"msg": "Slow down", "code": 429}]}, KoreRateLimitError, 429),
            (400, {"errors": [{"msg": "no", "code": 500}]}, KoreServiceError, 500),
            (400, {"message": "We are busy. Please try again later."}, KoreServiceError, 500),
            (400, {"message": "Connection timed out"}, KoreServiceError, 500),
            (400, {"message": "Campaign Internal Error is Stopped"}, KoreRequestError, 400),
            (400, {"errors": [{"msg": "no", "code": 412}]}, KoreRequestError, 400),
            (412, {"message": "Please try again later"}, KoreRequestError, 412),
        ],
    )
    def test_body_of__hidden_status(self, status: int, body: object, cls: type[KoreError], meant: int) -> None:
        """A success or a 400 whose body tells of another failure is that failure."""
        error = refused(status, body)

        assert (type(error), error.status) == (cls, meant)

    @pytest.mark.parametrize(
        ("status", "body", "outcome_unknown"),
        [
            (429, {"message": "Slow down"}, False),
            (400, {"errors": [{"msg": LIMIT_TEXT}]}, False),
            (429, b"", True),
            (429, b"<html>Too many requests</html>", True),
            (403, LIMIT_TEXT.encode(), True),
            (404, {"message": "Campaign not found"}, False),
        ],
    )
    def test_body_of__whose_limit(self, status: int, body: object, outcome_unknown: bool) -> None:
        """What the service counts it has not taken; a page before it may stand in the place of any answer."""
        assert refused(status, body).outcome_unknown is outcome_unknown

    @pytest.mark.parametrize(
        ("name", "status", "cls"),
        [
            ("error-400-not-found.platform", 400, KoreNotFoundError),
            ("error-401-bad-jwt.platform", 401, KoreAuthenticationError),
            ("error-401-jti-exp-too-long.platform", 401, KoreAuthenticationError),
            ("error-401-jti-replay.platform", 401, KoreAuthenticationError),
            ("error-401-missing-or-wrong-credentials.platform", 401, KoreAuthenticationError),
            ("error-401-scope.platform", 401, KoreScopeError),
            ("error-405.platform", 405, KoreRequestError),
            ("error-412-validation.platform", 412, KoreRequestError),
        ],
    )
    def test_body_of__platform_errors(self, name: str, status: int, cls: type[KoreError]) -> None:
        """The error bodies of the platform's other public APIs are understood."""
        assert type(refused(status, (SAMPLES / f"{name}.response.json").read_bytes())) is cls


class TestNothingFound:
    """How an answer may say that there is no such campaign, for comparing one answer with another."""

    @pytest.mark.parametrize(
        ("status", "body", "other_status", "other_body", "is_same"),
        [
            (410, {"message": "Campaign cd-1 is gone"}, 410, {"message": "campaign cd-a1e45a7  is gone"}, True),
            (400, {"message": "no campaign"}, 400, {"message": "no campaign (request 8c1f, at 12:30)"}, False),
            (400, {"message": "no (request 8c1f)"}, 400, {"message": "no (request 77ab)"}, True),
            (400, {"message": "no campaign"}, 410, {"message": "no campaign"}, False),
            (400, {"message": "no campaign"}, 400, {"message": "no right"}, False),
            (400, {"message": "not found"}, 404, {"message": "not found"}, False),
            (
                200,
                {"status": "failure", "message": "No campaign"},
                200,
                {"status": "failed", "message": "No campaign"},
                True,
            ),
            (204, b"", 204, b"", True),
        ],
    )
    def test_nothing_found__compared(
        self, status: int, body: object, other_status: int, other_body: object, is_same: bool
    ) -> None:
        """Two answers are the same by kind, status and words, ids and numbers left out."""
        one, other = refused(status, body).nothing_found, refused(other_status, other_body).nothing_found

        assert one is not None
        assert (one == other) is is_same

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (401, {"errors": [{"msg": "Invalid JWT token"}]}),
            (403, {"message": "no right"}),
            (408, {"message": "too slow"}),
            (429, {"message": "wait"}),
            (410, b"<html>gone</html>"),
            (404, b""),
            (500, {"message": "not found"}),
            (302, b""),
            (200, b""),
            (200, b'{"data": {'),
            (200, b"null"),
        ],
    )
    def test_nothing_found__other_answers(self, status: int, body: object) -> None:
        """What is about the account, of the moment, cut off, or no word of the service's, does not mean that."""
        assert refused(status, body).nothing_found is None

    @pytest.mark.parametrize(("name", "retryable"), [("stop_voice_v1", True), ("get_v2", False)])
    def test_no_content(self, name: str, retryable: bool) -> None:
        """A 204 is read once; of a write it does not say whether it was done."""
        with pytest.raises(KoreProtocolError) as caught:
            body_of(ENDPOINTS[name], 204, {}, b"", campaign_id="cd-1")

        assert caught.value.retryable is retryable


class TestMessage:
    @pytest.mark.parametrize(
        ("status", "body", "message"),
        [
            (412, {"errors": [{"msg": "first", "message": "second"}]}, f"HTTP 412: first{OTHERWISE}"),
            (412, {"errors": [{"message": "second"}], "message": "third"}, f"HTTP 412: second{OTHERWISE}"),
            (412, {"errors": {"msg": "alone"}}, f"HTTP 412: alone{OTHERWISE}"),
            (412, {"errors": ["just text", "more"]}, f"HTTP 412: just text{OTHERWISE}"),
            (412, {"errors": [7], "error": {"message": "nested"}}, f"HTTP 412: nested{OTHERWISE}"),
            (412, {"error": "plain"}, f"HTTP 412: plain{OTHERWISE}"),
            (412, {"message": "last"}, f"HTTP 412: last{OTHERWISE}"),
            (412, {"msg": "nowhere known"}, f"HTTP 412{OTHERWISE}"),
            (412, "a JSON text", "HTTP 412: a JSON text"),
            (412, [1, 2], "HTTP 412"),
            (412, b" \n ", "HTTP 412"),
            (412, b"raw text", "HTTP 412: raw text"),
            (412, {"message": "contact +15555550100"}, f"HTTP 412: contact <number>{OTHERWISE}"),
            (412, b'{"phone": "15555550100", "cut', 'HTTP 412: {"phone": "<numb... (29 characters)'),
            (401, {"errors": [{"msg": "token eyJh.eyJz.c2ln"}]}, "HTTP 401: token <token>"),
            (
                200,
                b"<html>Busy</html>",
                f"HTTP 200: <html>Busy</html... (17 characters) (expected a JSON object){OTHERWISE}",
            ),
            (412, b"just 16 letters.", "HTTP 412: just 16 letters."),
            (412, b"it is 17 letters.", "HTTP 412: it is 17 letters... (17 characters)"),
            (200, b"", "HTTP 200 (expected a JSON object)"),
        ],
    )
    def test_message__quotes_little(self, status: int, body: object, message: str) -> None:
        """A message says what was asked for which campaign, the HTTP status, and a redacted piece of the answer."""
        assert str(refused(status, body)) == f"{STOP}: {message}"

    @pytest.mark.parametrize(
        ("status", "body", "is_named"),
        [
            (404, {"message": "no Route matched"}, True),
            (404, {"message": "Campaign not found"}, False),
            (404, b"<html>Not Found</html>", True),
            (400, {"errors": [{"msg": "Resource not found"}]}, True),
            (400, {"errors": [{"msg": "Campaign not found"}]}, False),
            (405, {"message": "Method Not Allowed"}, True),
            (405, b"", True),
            (410, {"message": "Gone"}, True),
            (501, {"message": "Not Implemented"}, True),
            (412, {"message": "accountId is missing"}, True),
            (412, {"message": "The campaign is running"}, False),
            (301, b"", True),
            (308, b"", True),
            (302, b"", False),
            (200, b"\n<!doctype html>", True),
            (200, b'{"data": {', False),
            (200, {"status": "failed", "message": "not today"}, False),
            (400, b"<html>", False),
            (401, {"message": "no"}, False),
            (403, {"message": "no"}, False),
            (409, {"message": "no"}, False),
            (429, {"message": "no"}, False),
            (500, {"message": "no"}, False),
            (503, b"<html>", False),
        ],
    )
    def test_message__otherwise(self, *, status: int, body: object, is_named: bool) -> None:
        """Where path, method or query may be why, the fields that can say them otherwise are named."""
        assert str(refused(status, body)).endswith(OTHERWISE) is is_named

    def test_message__bounded(self) -> None:
        """However long an answer is, little of it is quoted."""
        assert str(refused(500, b"x" * 1_000_000)) == (f"{STOP}: HTTP 500: <800 characters>... (1000000 characters)")

    def test_message__without_campaign(self) -> None:
        """A call about no single campaign names none."""
        with pytest.raises(KoreServiceError) as caught:
            body_of(ENDPOINTS["list_v2"], 500, {}, b"")

        assert (
            str(caught.value)
            == "list_v2 (POST /campaign/api/v2/public/{stream_id}/campaign/getAllCampaignDetails): HTTP 500"
        )
        assert caught.value.campaign_id is None

    @pytest.mark.parametrize(
        ("location", "host"),
        [
            ("https://elsewhere.test/path?token=eyJhbGciOi.x.y", "elsewhere.test"),
            ("https://user:password@elsewhere.test:8443/", "elsewhere.test"),
            ("//elsewhere.test/", "elsewhere.test"),
            ("/login", "elsewhere"),
            ("", "elsewhere"),
            (None, "elsewhere"),
            ("http://[", "elsewhere"),
            ("https://" + "h" * 500, "<500 characters>"),
        ],
    )
    def test_message__redirect(self, location: str | None, host: str) -> None:
        """A redirect is named by its host, without path, user or password, whatever the header holds."""
        error = refused(307, b"", {} if location is None else {"Location": location})

        assert str(error) == (
            f"{STOP}: HTTP 307, a redirect to {host}; redirects are not followed, because the token would travel "
            "along. Set the connection's host to the platform's own address"
        )


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"Retry-After": ""}, None),
            ({"Retry-After": "0"}, 0.0),
            ({"Retry-After": "17"}, 17.0),
            ({"Retry-After": " 17 "}, 17.0),
            ({"Retry-After": "-1"}, None),
            ({"Retry-After": "1.5"}, 1.5),
            ({"Retry-After": "150.0"}, 150.0),
            ({"Retry-After": ".5"}, 0.5),
            ({"Retry-After": "1e3"}, None),
            ({"Retry-After": "1,5"}, None),
            ({"Retry-After": "+5"}, None),
            ({"Retry-After": "-1.5"}, None),
            ({"Retry-After": "nan"}, None),
            ({"Retry-After": "inf"}, None),
            ({"Retry-After": "Infinity"}, None),
            ({"Retry-After": "1_000"}, None),
            ({"Retry-After": "\u0661\u0665"}, None),
            ({"Retry-After": "604800"}, 604_800.0),
            ({"Retry-After": "604801"}, None),
            ({"Retry-After": "1782000000"}, None),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "²"}, None),
            ({"Retry-After": "9" * 400}, None),
            # A date is measured against the answer's own clock.
            (
                {"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"},
                30.0,
            ),
            # So it may be while this machine is an hour, or ten years, off.
            ({"Retry-After": "Sat, 01 Jan 2000 00:02:30 GMT", "Date": "Sat, 01 Jan 2000 00:00:00 GMT"}, 150.0),
            ({"Retry-After": "Wed, 21 Oct 2099 07:27:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
            ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
            ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
            ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 -0000", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
            ({"Retry-After": "Wed, 21 Oct 99999999999999 07:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ],
    )
    def test_retry_after__forms(self, headers: dict[str, str], seconds: float | None) -> None:
        """Retry-After is seconds or a date; what cannot be read, or makes no sense, is as if it were not there."""
        assert refused(429, b"", headers).retry_after_s == seconds
        assert refused(503, b"", headers).retry_after_s == seconds

    def test_retry_after__by_text(self) -> None:
        """The header counts whatever the status of the rate limit's answer is."""
        assert refused(200, {"message": LIMIT_TEXT}, {"Retry-After": "5"}).retry_after_s == 5.0

    @pytest.mark.parametrize("status", [400, 403, 409, 500, 502])
    def test_retry_after__elsewhere(self, status: int) -> None:
        """Of other errors the header is not read."""
        assert refused(status, b"", {"Retry-After": "5"}).retry_after_s is None


class TestForms:
    """An answer is read in whichever form it comes."""

    def test_form__array_of_one(self) -> None:
        """An array of one object stands for the object, of a success as of a refusal."""
        assert read(200, [{"status": "Stopped"}]) == {"status": "Stopped"}
        assert type(refused(400, [{"message": "campaign not found"}])) is KoreNotFoundError

    @pytest.mark.parametrize("body", [[{"status": "Stopped"}, {}], [["Stopped"]], ["Stopped"], []])
    def test_form__another_array(self, body: object) -> None:
        """Any other does not."""
        assert type(refused(200, body)) is KoreProtocolError

    @pytest.mark.parametrize(
        ("content", "content_type"),
        [
            ("Frühling".encode("latin-1"), "application/json; charset=ISO-8859-1"),
            ("Frühling".encode("latin-1"), 'application/json;charset="latin1"'),
            ("Frühling".encode("cp1252"), "application/json; Charset = windows-1252"),
            ("Frühling".encode("iso8859-15"), "application/json; charset=iso-8859-15; x=1"),
            ("Frühling".encode(), "application/json; charset=ISO-8859-1"),
            ("Frühling".encode(), "application/json; charset=klingon"),
            ("Frühling".encode(), "application/json"),
            ("Frühling".encode("utf-16"), "application/json"),
            ("Frühling".encode("utf-16-le"), "application/json; charset=utf-16"),
            ("Frühling".encode("utf-8-sig"), ""),
        ],
    )
    def test_as_utf8__charset(self, content: bytes, content_type: str) -> None:
        """What is not UTF-8 is read by the charset that it shows or declares."""
        assert as_utf8(content, content_type) == b"Fr\xc3\xbchling"

    @pytest.mark.parametrize(
        "content_type",
        ["", "application/json", "application/json; charset=iso-8859-99", "text/html; charset=punycode"],
    )
    def test_as_utf8__unknown(self, content_type: str) -> None:
        """What nobody can read is left as it is."""
        assert as_utf8(b"Fr\xfchling", content_type) == b"Fr\xfchling"


class TestRateLimitInOtherWords:
    @pytest.mark.parametrize("status", [400, 403])
    @pytest.mark.parametrize(
        "text",
        [
            "Rate limit exceeded",
            "Rate limit exceeded.",
            "API rate limit exceeded for your account",
            "The rate limit has been exceeded, please retry later",
            "Request rate limit reached",
            "Per-minute request limit exceeded",
            "rate_limit_exceeded",
            "RateLimitExceeded",
            "Rate exceeded",
            "Quota exceeded",
            "QuotaExceeded: slow down",
            "Your API quota has been exceeded. Try again later",
            "You have exceeded your rate limit",
            "You've exceeded the per-minute request limit!",
            "Account has exceeded its daily quota",
            "Too many requests",
            "TOO_MANY_REQUESTS",
            "Error: too many requests, slow down",
            "You have sent too many requests in a short time",
            "You are being rate limited",
            "Request was throttled. Expected available in 20 seconds.",
            "ThrottlingException: Rate exceeded",
            "Forbidden. Your account is throttled",
            "API quota exceeded for account",
            "quota exceeded for the account",
            "API rate limit exceeded for 12.3.4.5",
            "User Rate Limit Exceeded",
            "rate-limit",
            "Rate limiting in effect",
            "Requests per minute exceeded",
            "Limit of 60 requests per minute reached",
            "Over quota",
            "Daily quota used up",
            "Spike arrest violation. Allowed rate: 1ps",
            "policies.ratelimit.QuotaViolation",
            "Resource has been exhausted (e.g. check quota)",
            "Rate limited.",
            "Rate limits exceeded",
            "API calls per second exceeded",
            "The limit of 100 API calls per hour has been exceeded, slow down",
            "Monthly quota exhausted",
            "You are out of quota",
            "No API quota left",
            "Client rate limit hit",
            "Maximum requests per minute reached",
            "RESOURCE_EXHAUSTED",
            "policies.ratelimit.SpikeArrestViolation",
            "Rate limit exceeded (60 a minute)",
            "Rate limit exceeded for 2001:db8::1",
        ],
    )
    def test_rate_limit__told(self, status: int, text: str) -> None:
        """A refusal that tells of too many requests is the rate limit, whatever its words and its HTTP status are."""
        error = refused(status, {"errors": [{"msg": text, "code": status}]}, {"Retry-After": "7"})

        assert (type(error), error.retryable, error.retry_after_s) == (KoreRateLimitError, True, 7.0)

    def test_rate_limit__page(self) -> None:
        """So it is on the page of a firewall."""
        page = b"<html><head><title>Too Many Requests</title></head><body>Error 1015</body></html>"

        assert type(refused(403, page)) is KoreRateLimitError

    @pytest.mark.parametrize(
        "text",
        [
            "Invalid rate limit parameter",
            "Rate limit must be between 1 and 60",
            "rate limit exceeded the allowed maximum of 60",
            "rateLimit: expected a number",
            "Campaign Too Many Requests is Active",
            "Campaign 'Rate limit exceeded' is not valid",
            'Campaign "Quota exceeded" is not valid',
            "Campaign: Quota exceeded",
            "No campaign named: Too many requests",
            "The campaign Spring Quota Exceeded has no contacts",
            "Campaign quota exceeded",
            "Contact quota exceeded for this list",
            "Quota exceeded campaigns cannot be deleted",
            "Campaign Rate limit",
            "Campaign: rate-limit",
            "Limit of 60 campaigns reached",
            "rate limiting is not a number",
            "Contact resource exhausted",
            "Quota exceeded for spring contacts",
            "Rate limit exceeded bypass is not allowed",
            "Your account has exceeded its quota of campaigns",
            "Throttle value is missing",
            "throttling must be on or off",
            "Forbidden",
        ],
    )
    def test_rate_limit__not_told(self, text: str) -> None:
        """A campaign's name, an argument's, or another limit is not taken for it."""
        assert type(refused(400, {"errors": [{"msg": text}]})) is KoreRequestError

    @pytest.mark.parametrize("status", [404, 412, 500])
    def test_rate_limit__another_status(self, status: int) -> None:
        """Other words count only where the service refuses."""
        assert type(refused(status, {"message": "Rate limit exceeded"})) is not KoreRateLimitError


@given(
    status=st.integers(200, 599),
    content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode),
    headers=st.dictionaries(st.sampled_from(["Location", "Retry-After", "Date"]), st.text(max_size=60)),
)
def test_body_of__anything(status: int, content: bytes, headers: dict[str, str]) -> None:
    """Whatever an answer holds, it is a JSON object or a typed error."""
    try:
        assert isinstance(read(status, content, headers), dict)
    except KoreError as error:
        assert error.status == status  # noqa: PT017 - both outcomes are right
