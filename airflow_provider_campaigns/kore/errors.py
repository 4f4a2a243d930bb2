"""What can go wrong between a caller and the Kore.ai campaign service, named by what the caller can do about it.

    KoreError
    ├── KoreConfigurationError      mend the connection or the argument; nothing was sent (also a ValueError)
    ├── KoreBudgetError             no place in the request budget in time; nothing was sent; try again
    ├── KoreConnectionError         no complete answer: refused, reset, timed out; try again
    ├── KoreProtocolError           an answer came that this client does not understand
    ├── KoreResponseError           the service answered, and the answer is no
    │   ├── KoreAuthenticationError     wrong credentials: mend the connection
    │   │   └── KoreScopeError          right credentials without the API scope: mend the app on the platform
    │   ├── KoreNotFoundError           the service says that there is no such thing
    │   ├── KoreRequestError            the request itself is refused; sending it again changes nothing
    │   ├── KoreRateLimitError          too many requests for the account; wait ``retry_after_s``
    │   └── KoreServiceError            the service failed, or something before it refused; try again
    ├── CampaignStateError          the campaign is in a state in which this must not be done; nothing more is sent
    ├── CampaignMismatchError       the campaign is not the one that was meant (type, name); nothing was sent
    ├── CampaignTimeoutError        the campaign did not get where it should within the time given
    └── CampaignsFailedError        some of many campaigns failed; ``failures`` says which and why

No message holds a header, a token, a secret or a phone number. A value of a connection's field is put into one by
``shown_value`` alone, because it may be the secret in the wrong field, an argument's by ``shown_argument``; what the
service said by ``quoted``.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

EXCERPT_LENGTH = 200
_READ = 4 * EXCERPT_LENGTH
"""Characters of an answer that are looked at for one."""

QUOTED_LENGTH = 16
SHORTEST_SECRET = 8
"""A shorter text is taken for none: it is shown, and it is not looked for in texts."""

_TOKEN = re.compile(r"eyJ[\w-]*(\.[\w-]*){0,2}")
BETWEEN_DIGITS = r"(?:[^\w:]|_){0,3}"
"""What may part the digits of a phone number: any blank, dash or other mark. A colon parts hours, ports and fields."""

# Digits may be grouped for reading, so the separators are part of the number. Ids, digests, instants and days look
# alike; they are matched first, and kept.
_NUMBER = re.compile(
    r"(?P<kept>\b(?:[a-z]{1,4}-)?[0-9a-f]{7,8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?:[0-9a-f]{24}|[0-9a-f]{64})\b"
    r"|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\b|\b20\d\d(?P<mark>[-/])[01]\d(?P=mark)[0-3]\d\b)"
    rf"|\+?\d(?:{BETWEEN_DIGITS}\d){{6,}}"
)
# Not after a slash: what stands before the "@" of an address of storage is the id of a connection.
_ADDRESS = re.compile(r"(?<![\w.+/%-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")


class KoreError(Exception):
    """Any failure to do something with a campaign.

    Attributes:
        endpoint: name of the row in ``ENDPOINTS`` that was called, None when nothing was called.
        campaign_id: the campaign it was about, None when it was about none or about many.
        retryable: True if the same call may succeed later without anybody mending anything.
        ends_retries: True if nothing may be tried again by itself, whatever else failed: a person has to look first.
        outcome_unknown: True if a write was sent and it could not be found out whether it took effect.
        status: HTTP status of the answer, None without an answer.
        retry_after_s: seconds that the service asked to wait, None if it did not.
        names_campaign: True if a refusal in the service's own words speaks of a campaign: its path is known.
        is_unreadable: True of a reading if whatever could tell the same was asked, and answered, and refused as well.
        nothing_found: how a reading was answered that may have found nothing, in a form that can be compared with
            another such answer; None if the answer cannot mean that. ``proof`` says whether it does.

    Two questions are answered here and nowhere else: ``retryable`` for whoever waits or tries again, and
    ``concerns_account`` for whoever has another request to send; ``may_concern_one_request`` says how sure that is.
    """

    retryable: bool = False
    ends_retries: bool = False
    names_campaign: bool = False
    is_unreadable: bool = False
    nothing_found: str | None = None

    def __init__(
        self,
        message: str,
        *,
        endpoint: str | None = None,
        campaign_id: str | None = None,
        retryable: bool | None = None,
        outcome_unknown: bool = False,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.campaign_id = campaign_id
        if retryable is not None:
            self.retryable = retryable
        self.outcome_unknown = outcome_unknown
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def concerns_account(self) -> bool:
        """True if any other request would meet this error as well: it is about the account or the connection to it.

        So it is of wrong settings, wrong credentials, the rate limit, a full request budget, and a certificate that is
        not trusted. Every other error is about one request, and the next one may be answered.
        """
        return False

    @property
    def may_concern_one_request(self) -> bool:
        """True unless ``concerns_account`` is certain: of a refusal by 401 or 403, which may be about one endpoint."""
        return not self.concerns_account

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process borders (an executor, a retry policy) whole."""
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(cls: type[KoreError], args: tuple[object, ...], state: dict[str, object]) -> KoreError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class KoreConfigurationError(KoreError, ValueError):
    """A connection field or an argument is missing or wrong; nothing was sent.

    Attributes:
        field: the field or argument to mend, as the user spells it.
    """

    concerns_account = True

    def __init__(self, message: str, *, field: str | None = None, campaign_id: str | None = None) -> None:
        super().__init__(message, campaign_id=campaign_id)
        self.field = field


class KoreBudgetError(KoreError):
    """The account's request budget had no place in time, so nothing was sent."""

    retryable = True
    concerns_account = True


class Cause(Enum):
    """Why no complete answer came."""

    HOST = "host"
    """There was no connection: refused, no such host, or not in time."""

    PROXY = "proxy"
    """It did not connect."""

    CERTIFICATE = "certificate"
    """It was not accepted."""

    TIMEOUT = "timeout"
    """There was a connection, and no complete answer in time."""

    BROKEN = "broken"
    """The connection broke, or what came over it is no HTTP."""

    TOO_LONG = "too long"
    """The answer is longer than anybody can keep."""


class KoreConnectionError(KoreError):
    """No complete answer came: connection refused or reset, or a time-out.

    Attributes:
        cause: why; None of a request that was not sent, or whose effect is not known, for more reasons than one.
        never_sent: True if there was no connection to send anything over.
        broke_idle: True if a connection that had been idle broke instead of carrying the request.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        cause: Cause | None = None,
        never_sent: bool = False,
        broke_idle: bool = False,
        **about: Any,
    ) -> None:
        super().__init__(message, **about)
        self.cause = cause
        self.never_sent = never_sent
        self.broke_idle = broke_idle

    @property
    def concerns_account(self) -> bool:
        """True if it does not pass by itself: the certificate was not accepted, and is the same for every request."""
        return not self.retryable


class KoreProtocolError(KoreError):
    """An answer came that is not what the documentation promises, and reading could not tell what it means."""


class KoreResponseError(KoreError):
    """The service answered, and the answer is no."""


class KoreAuthenticationError(KoreResponseError):
    """The service does not accept the credentials (HTTP 401, or 403).

    Attributes:
        clock_is_off: True if that may be because this machine's clock is minutes away from the service's.
    """

    clock_is_off: bool = False

    concerns_account = True
    may_concern_one_request = True


class KoreScopeError(KoreAuthenticationError):
    """The credentials are right, but the app lacks the API scope ``Campaign Management``, or is not published."""


class KoreNotFoundError(KoreResponseError):
    """The service says that there is no such campaign (HTTP 404, or 400 whose text says so)."""


class KoreRequestError(KoreResponseError):
    """The service refuses the request itself; sending the same again changes nothing."""


class KoreRateLimitError(KoreResponseError):
    """The account sent more requests than it may; ``retry_after_s`` says how long to wait, if the service said."""

    retryable = True
    concerns_account = True


class KoreServiceError(KoreResponseError):
    """The service failed to do its work (HTTP 5xx), or a refusal of this moment came, or one that is not its own.

    Those are HTTP 408, 409, 421, 423 and 425, any other 4xx without a JSON object, as of a firewall, and a redirect, as
    to a page about maintenance. None says anything about campaign, credentials or rights.
    """

    retryable = True


class CampaignStateError(KoreError):
    """The campaign is in a state in which this must not be done to it.

    Nothing was sent, unless ``outcome_unknown``; then nothing more is.
    """


class CampaignMismatchError(KoreError):
    """The campaign is not the one that was meant: another type or another name; nothing was sent."""


class CampaignTimeoutError(KoreError):
    """The campaign did not reach the state it should within the time given."""

    retryable = True


class CampaignsFailedError(KoreError):
    """Some of many campaigns failed; the others were served.

    Retryable unless every failure is permanent, because a retry does only what is left, or unless the credentials
    are refused and no other was served, because then nothing can be done for any of them. One that is refused while
    others are served says nothing about the rest. Nor if one of them ``ends_retries``: a retry would not leave it out.

    Attributes:
        failures: campaign id to its error.
    """

    def __init__(self, message: str, *, failures: Mapping[str, KoreError], some_served: bool = False) -> None:
        credentials = not some_served and any(
            isinstance(error, KoreAuthenticationError) and not error.retryable for error in failures.values()
        )
        super().__init__(
            message,
            retryable=not credentials
            and not any(error.ends_retries for error in failures.values())
            and any(error.retryable for error in failures.values()),
            outcome_unknown=any(error.outcome_unknown for error in failures.values()),
        )
        self.failures = dict(failures)


def excerpt(text: str) -> str:
    """A short piece of an answer that may be shown: one line, without tokens, addresses, and what may be a phone's."""
    redacted = _impersonal(" ".join(text[:_READ].split()))
    return redacted if len(redacted) <= EXCERPT_LENGTH else redacted[: EXCERPT_LENGTH - 3] + "..."


def quoted(text: str) -> str:
    """What the service said, as a message repeats it: of a text of more than 16 characters these and the length.

    It may repeat a piece of a secret, so its words are told as ``shown_words`` does.
    """
    piece = " ".join(shown_words(text[:_READ]).split())
    is_all = len(piece) <= QUOTED_LENGTH and len(text) <= _READ
    return piece if is_all else f"{piece[:QUOTED_LENGTH]}... ({len(text)} characters)"


def shown_value(value: object, at_most: int = SHORTEST_SECRET - 1) -> str:
    """How a message shows the value of a connection's field: it may be the secret, typed into the wrong one.

    Texts, numbers and the like are repeated up to 7 characters, those in a known form up to ``at_most``, and told by
    their length beyond; anything else is told by its type.
    """
    if value is None or isinstance(value, str | int | float):
        text = str(value)
        kind = "text" if isinstance(value, str) else "number"
        is_shown = len(text) < SHORTEST_SECRET or (len(text) <= at_most and shown_words(text) == text)
        return repr(value) if is_shown else f"a {kind} of {len(text)} characters"
    return f"a value of type {type(value).__name__}"


# What people and platforms write: ids with the letters that say of what, instants, and short words and numbers with
# marks between them, as in paths and time zones. In secrets letters and digits alternate. An id that begins otherwise
# is told by its length: a Client ID begins with "cs-", and a Client Secret may look the same.
_PLAIN = re.compile(
    r"(?:cd|cid|cl|cc|cdl|st)-[0-9a-f]{7,8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.]*(Z|[+-]\d\d:\d\d)?"
    # Atomic, for some can be read in two ways, and so many of them in two to the power of as many.
    r"|(?>([^\W\d_]{0,16}|[A-Za-z]{1,15}\d{1,2}|[A-Za-z]{1,3}\d{1,5}|\d{1,8}|\d{1,2}[A-Za-z]{1,2})([-_/.:@+]|$))+"
    r"|(?>([^\W\d_]{0,16}|\d{1,8})([-_/.:@+*?~|%<>=;!&]|$))+"
)
_WORD = re.compile(r"[^\s'\"\[\]{}(),]+")
_SHORTEST_PIECE = 4
"""Of a word in a text, which may be a phrase with blanks that opens something."""


def shown_argument(value: object) -> str:
    """How a message shows the value of a DAG's argument: as it is, but for words that may be a secret.

    They are told as ``shown_words`` does; what holds neither blanks nor brackets is one word. A text of up to 7
    characters is shown whatever it holds.
    """
    if isinstance(value, str) and len(value) < SHORTEST_SECRET:
        return repr(value)
    is_word = isinstance(value, str) and not re.search(r"[\s\[{(]", value)
    return repr(_shown_word(_impersonal(str(value)))) if is_word else shown_words(repr(value))


def shown_words(text: str) -> str:
    """A text of a DAG, in which each word of more than 3 characters that is in no known form is told by its length.

    Of a path each part is such a word. Tokens, and what may be a phone's number or somebody's address, are left out.
    """
    return _WORD.sub(lambda match: _shown_word(match[0]), _impersonal(text))


def _shown_word(word: str) -> str:
    parts = word.split("/") if word.startswith("/") or "://" in word else [word]
    is_plain = (len(part) < _SHORTEST_PIECE or _PLAIN.fullmatch(part) for part in parts)
    return "/".join(part if plain else f"<{len(part)} characters>" for part, plain in zip(parts, is_plain, strict=True))


def _impersonal(text: str) -> str:
    """The text without tokens, numbers that may be phones', and addresses of e-mail."""
    numberless = _NUMBER.sub(lambda match: match["kept"] or "<number>", _TOKEN.sub("<token>", text))
    return _ADDRESS.sub("<address>", numberless)
