"""Errors: the tree, what they carry, and what they may show."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_campaigns.kore import errors
from airflow_provider_campaigns.kore.errors import (
    CampaignMismatchError,
    CampaignsFailedError,
    CampaignStateError,
    CampaignTimeoutError,
    KoreAuthenticationError,
    KoreBudgetError,
    KoreConfigurationError,
    KoreConnectionError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreRequestError,
    KoreResponseError,
    KoreScopeError,
    KoreServiceError,
    excerpt,
    shown_argument,
)

# May the same call succeed later? Would any other request meet it as well?
ANSWERS = {
    KoreError: (False, False),
    KoreConfigurationError: (False, True),
    KoreBudgetError: (True, True),
    KoreConnectionError: (True, False),
    KoreProtocolError: (False, False),
    KoreResponseError: (False, False),
    KoreAuthenticationError: (False, True),
    KoreScopeError: (False, True),
    KoreNotFoundError: (False, False),
    KoreRequestError: (False, False),
    KoreRateLimitError: (True, True),
    KoreServiceError: (True, False),
    CampaignStateError: (False, False),
    CampaignMismatchError: (False, False),
    CampaignTimeoutError: (True, False),
}


def drawn_tree() -> dict[str, str]:
    """Class name to parent name, as the module's docstring draws them."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in inspect.getdoc(errors).splitlines():  # type: ignore[union-attr]
        match = re.match(r"([\s│├└─]*)(\w+Error)\b", line)
        if match is None or not (match[1] or match[2] == "KoreError"):
            continue
        indent, name = len(match[1]), match[2]
        above = [entry for entry in above if entry[0] < indent]
        if above:
            parents[name] = above[-1][1]
        above.append((indent, name))
    return parents


class TestTree:
    def test_tree__as_drawn(self) -> None:
        """The tree in the docstring is the tree of the classes."""
        classes = {
            name: cls.__bases__[0].__name__
            for name, cls in inspect.getmembers(errors, inspect.isclass)
            if issubclass(cls, KoreError) and cls is not KoreError
        }

        assert classes == drawn_tree()
        assert len(classes) == 15

    def test_configuration_error__is_a_value_error(self) -> None:
        """A wrong argument can be caught as what it is in Python."""
        assert issubclass(KoreConfigurationError, ValueError)

    @pytest.mark.parametrize(("cls", "answers"), ANSWERS.items())
    def test_answers__by_class(self, cls: type[KoreError], answers: tuple[bool, bool]) -> None:
        """Each class says whether the same call may succeed later, and whether any other request would meet it."""
        error = cls("it went wrong")

        assert (error.retryable, error.concerns_account) == answers
        assert error.outcome_unknown is False

    def test_answers__every_class(self) -> None:
        """No class is missing from the table but the one that answers for its failures."""
        classes = {cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, KoreError)}

        assert classes - ANSWERS.keys() == {CampaignsFailedError}

    def test_concerns_account__certificate(self) -> None:
        """A connection that will not come by itself, as with a wrong certificate, is missing for every request."""
        assert KoreConnectionError("the certificate was not accepted", retryable=False).concerns_account is True

    def test_retryable__given(self) -> None:
        """One error may be retryable although its class is not, and the class stays as it is."""
        assert KoreProtocolError("cut off", retryable=True).retryable is True
        assert KoreProtocolError("another").retryable is False


class TestAttributes:
    def test_init__everything(self) -> None:
        """An error carries what is known about the call, and its text is the message alone."""
        error = KoreRateLimitError(
            "too many requests",
            endpoint="stop_voice_v1",
            campaign_id="cd-1",
            outcome_unknown=True,
            status=429,
            retry_after_s=17.0,
        )

        assert str(error) == "too many requests"
        assert vars(error) == {
            "endpoint": "stop_voice_v1",
            "campaign_id": "cd-1",
            "outcome_unknown": True,
            "status": 429,
            "retry_after_s": 17.0,
        }

    def test_init__nothing(self) -> None:
        """What is not known is None."""
        error = KoreError("it went wrong")

        assert (error.endpoint, error.campaign_id, error.status, error.retry_after_s) == (None, None, None, None)

    @pytest.mark.parametrize(
        "error",
        [
            KoreError("a", endpoint="get_v2", campaign_id="cd-1", status=500, retry_after_s=1.5, retryable=True),
            KoreConfigurationError("login: missing", field="login", campaign_id="cd-2"),
            CampaignsFailedError("1 of 2", failures={"cd-1": KoreConnectionError("reset", outcome_unknown=True)}),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_pickle__whole(self, error: KoreError) -> None:
        """An error crosses a process border with its class, text and attributes."""
        error.endpoint = "list_v2"

        copy = pickle.loads(pickle.dumps(error))

        assert type(copy) is type(error)
        assert str(copy) == str(error)
        assert repr(vars(copy)) == repr(vars(error))

    def test_repr__bare(self) -> None:
        """The repr shows class and message, nothing that was attached."""
        assert repr(KoreRateLimitError("too many", campaign_id="cd-1")) == "KoreRateLimitError('too many')"


class TestCampaignsFailedError:
    @pytest.mark.parametrize(
        ("failures", "retryable", "outcome_unknown"),
        [
            ([KoreRequestError("no"), KoreConnectionError("reset")], True, False),
            ([KoreRequestError("no"), CampaignStateError("is Active")], False, False),
            ([KoreConnectionError("reset", outcome_unknown=True)], True, True),
            ([KoreConnectionError("reset"), KoreAuthenticationError("who?")], False, False),
            ([KoreConnectionError("reset"), KoreAuthenticationError("who?", retryable=True)], True, False),
            ([KoreConnectionError("reset"), KoreScopeError("may not")], False, False),
        ],
    )
    def test_init__from_failures(self, failures: list[KoreError], retryable: bool, outcome_unknown: bool) -> None:
        """Retryable if a failure is, unless the credentials are refused; unknown if the outcome of one is."""
        named = {f"cd-{number}": failure for number, failure in enumerate(failures)}

        error = CampaignsFailedError("some failed", failures=named)

        assert (error.retryable, error.outcome_unknown) == (retryable, outcome_unknown)
        assert error.failures == named


class TestExcerpt:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("Campaign not found", "Campaign not found"),
            ("  two\n\tlines  ", "two lines"),
            ("", ""),
            ("token eyJhbGciOi.eyJzdWIi.c2ln-_x was bad", "token <token> was bad"),
            ("cut off eyJhbGciOi.eyJz", "cut off <token>"),
            ("call +15555550100 now", "call <number> now"),
            ("call 15555550100", "call <number>"),
            ("call +1 (555) 555-0100.", "call <number>."),
            ("call 555.555.0100", "call <number>"),
            ("call 555 - 555 - 0100", "call <number>"),
            ("call 5550100", "call <number>"),
            ("call +1 555\u2013123\u20134567", "call <number>"),
            ("call 555\u2011123\u20114567", "call <number>"),
            ("call 555\u00a0123\u202f4567", "call <number>"),
            ("call (555) 123 ~ 4567", "call (<number>"),
            ("call +1 555_123_4567", "call <number>"),
            ("call 555\u00b7123\u00b74567", "call <number>"),
            ("call +1,555,123,4567", "call <number>"),
            ('{"phoneNumber":"15555550100"}', '{"phoneNumber":"<number>"}'),
            ("tel:15555550100", "tel:<number>"),
            ("tel-15555550100", "tel-<number>"),
            ("no_15555550100_", "no_<number>_"),
            ("x15555550100y", "x<number>y"),
            ("code 412, 7 of 10", "code 412, 7 of 10"),
            ("555010", "555010"),
            ("cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000 is gone", "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000 is gone"),
            ("cid-1234567-1234-1234-1234-123456789012", "cid-1234567-1234-1234-1234-123456789012"),
            ("account 67777ce93e25326494e90000", "account 67777ce93e25326494e90000"),
            ("since 2025-06-27T07:13:51.444Z", "since 2025-06-27T07:13:51.444Z"),
            ("since 2025-06-27 07:13:51, for good", "since 2025-06-27 07:13:51, for good"),
            ("at 127.0.0.1:37201", "at 127.0.0.1:37201"),
            ("open 9:00-12:00, 13:00-18:00", "open 9:00-12:00, 13:00-18:00"),
            (f"digest {'12345678' * 8}", f"digest {'12345678' * 8}"),
        ],
    )
    def test_excerpt__table(self, text: str, shown: str) -> None:
        """Tokens and numbers that may be phones' are replaced; ids, instants and short numbers stay."""
        assert excerpt(text) == shown

    def test_excerpt__long(self) -> None:
        """An excerpt has at most 200 characters and says that it was cut."""
        shown = excerpt("word " * 1000)

        assert len(shown) == 200
        assert shown.endswith("...")

    def test_excerpt__exactly_as_long_as_allowed(self) -> None:
        """A text of 200 characters is shown whole."""
        assert excerpt("a" * 200) == "a" * 200

    @given(
        before=st.text(alphabet="az :\"'=/_-+(", max_size=20),
        digits=st.lists(st.sampled_from("0123456789"), min_size=7, max_size=15),
        separator=st.sampled_from(["", " ", "-", ".", "/", " - ", ") ", "\u2013", "\u2011", "_", "\u00b7", ",", " ~ "]),
        after=st.text(alphabet="az \"'}_-", max_size=20),
    )
    def test_excerpt__no_number(self, before: str, digits: list[str], separator: str, after: str) -> None:
        """Seven digits or more never get through, however they are grouped and whatever surrounds them."""
        assert not re.search(r"\d", excerpt(before + separator.join(digits) + after))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("16 of 16 or less", "'16 of 16 or less'"),
        ("Q7x9vTk", "'Q7x9vTk'"),
        ("Q7x9vTkL", "'<8 characters>'"),
        ("Q7x9vTkLm3ZpR0sWu", "'<17 characters>'"),
        ("h8!Kq2?zW7", "'<10 characters>'"),
        ("Frühling*", "'Frühling*'"),
        ("cd-1a!", "'cd-1a!'"),
        ("Bearer Q7x9vTkL", "'Bearer <8 characters>'"),
        ("q9W! zx7 ünïK8p L2m", "'<4 characters> zx7 <6 characters> L2m'"),
        ('{"client_secret": "Q7x9vTkL"}', '\'{"client_secret": "<8 characters>"}\''),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n", "'-----BEGIN PRIVATE <26 characters>'"),
        ("cs-9f31c2d7-5b7e-4a10-8f6e-2d4c9b7a1e55", "'<39 characters>'"),
        ("ab-9f31c2d7-5b7e-4a10-8f6e-2d4c9b7a1e55", "'<39 characters>'"),
        ("st-0603182c-7ffb-53c3-b307-47ca14b90000", "'st-0603182c-7ffb-53c3-b307-47ca14b90000'"),
        ("abfss://c@acc/r?sig=Q7x9vTkL", "'abfss://c@acc/<14 characters>'"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlMQ", "'<token>'"),
        ("+14155550123", "'<number>'"),
        ("(415) 555-0123", "'(<number>'"),
        ("+1-415-555-0123", "'<number>'"),
        (4155550123, "<number>"),
        ("jane.roe@example.com", "'<address>'"),
        ("2026-12-24", "'2026-12-24'"),
        ("s3://aws_default@bucket/2026/12/24", "'s3://aws_default@bucket/2026/12/24'"),
        ("at_the_end_of_the_calling_hours", "'at_the_end_of_the_calling_hours'"),
        ("cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000", "'cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000'"),
        ("7ae45a7b-e8ba-4e97-a339-476ebc7d0000", "'<36 characters>'"),
        ("America/Argentina/ComodRivadavia", "'America/Argentina/ComodRivadavia'"),
        ("2026-12-24T18:00:00.5+05:30", "'2026-12-24T18:00:00.5+05:30'"),
        (
            "{{ ti.xcom_pull('report_of_the_voice_campaigns') }}",
            "\"{{ ti.xcom_pull('report_of_the_voice_campaigns') }}\"",
        ),
        ("s3://aws_default@bucket/2026-11/spring", "'s3://aws_default@bucket/2026-11/spring'"),
        ("/data/Q7x9vTkLm3ZpR0sWuY7b/r", "'/data/<20 characters>/r'"),
        ("Q7x9vTkLm3/ZpR0sWuY7b", "'<21 characters>'"),
        ("Q7x9'vTkLm,3ZpR0\"sWuY7b", "'<23 characters>'"),
        (["Stopped", "Q7x9vTkLm3ZpR0sWu"], "['Stopped', '<17 characters>']"),
        ({"Q7x9vTkLm3ZpR0sWu": 1}, "{'<17 characters>': 1}"),
        (48151623421082_4815, "<number>"),
        (1.5, "1.5"),
        (None, "None"),
    ],
)
def test_shown_argument(value: object, shown: str) -> None:
    """An argument is shown as it is, but for words whose letters and digits alternate, and what may be a person's."""
    assert shown_argument(value) == shown


@pytest.mark.parametrize("text", ["-a" * 20_000 + "1b" * 10, "a1-" * 13_340, "1a." * 13_340, "a@" * 20_010])
def test_shown_argument__at_once(text: str) -> None:
    """Also a text that was made to keep a pattern busy is judged at once."""
    assert shown_argument(f"{text}a1b2c3d4") == f"'<{len(text) + 8} characters>'"
