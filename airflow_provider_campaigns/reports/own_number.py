"""A contact's own phone number, found in whatever its row holds, in any usual spelling, and put out of sight."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.errors import BETWEEN_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LEAST_DIGITS = 7
"""Shorter ones are no phone numbers; to look for them inside of other texts would spoil those."""

LONGEST_COUNTRY_CODE = 3

_DIGIT = re.compile(r"\d")
_NOT_A_DIGIT = re.compile(r"\D+")
_RUN = re.compile(rf"\d(?:{BETWEEN_DIGITS}\d){{{LEAST_DIGITS - 1},}}")
_LIKE_A_NUMBER = re.compile(r"[\W_]*(?:\d[\W_]*)+")
# What belongs to a number besides its digits: how it is dialed from abroad, a country code behind that, the zero that
# is dialed within the country, a bracket.
_LEADS_IN = re.compile(r"(?:(?:\+|(?<!\d)00|(?<!\d)011)[\W_]{0,2}(?:\d{1,3}[\W_]{0,3})?)?(?:\(0\)[\W_]{0,2}|0)?\(?$")
_LONGEST_LEAD = 16


class OwnNumber:
    """The phone number of one row.

    It is found as all of its digits in a row, with up to three marks, blanks or dashes between two of them, or as these
    without the country code, of one to three digits, if no other digit adjoins them but a leading zero. It must have
    seven digits at least; a shorter one is found only where it is the whole value.
    """

    def __init__(self, value: object) -> None:
        """``value`` is what the row's field holds: a text, or whatever the service put there."""
        self._texts = frozenset(text for text in _texts_in(value) if text.strip())
        self._plain = frozenset(_digits_in(text) for text in self._texts if _LIKE_A_NUMBER.fullmatch(text))
        found = {_significant(run[0]) for text in self._texts for run in _RUN.finditer(text)}
        # Longest first: where one begins with the other, all of it is found.
        self._numbers = sorted((one for one in found if len(one) >= LEAST_DIGITS), key=len, reverse=True)
        self._literal = [one for one in self._texts if len(_digits_in(one)) >= LEAST_DIGITS]

    def hidden_in(self, row: Mapping[str, Any], instead: str | None) -> dict[str, Any]:
        """The row with ``instead`` in the number's place, in values and names; with None, what is the number goes."""
        shown = ((self._shown(name, instead), self._shown(one, instead)) for name, one in row.items())
        return {name: one for name, one in shown if name is not _GONE and one is not _GONE}

    def _shown(self, value: Any, instead: str | None) -> Any:
        if isinstance(value, dict):
            return self.hidden_in(value, instead)
        if isinstance(value, list):
            return [one for one in (self._shown(one, instead) for one in value) if one is not _GONE]
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return value
        text = _text_of(value)
        if text not in self._texts and _DIGIT.search(text) is None:
            return value
        if self._is_it(text):
            return _GONE if instead is None else instead
        spans = list(self._spans(text))
        if not spans:
            return value
        rest, end = [], 0
        for first, last in spans:
            rest.append(text[end:first])
            end = last
        rest.append(text[end:])
        if not any(one.isalnum() for piece in rest for one in piece):
            return _GONE if instead is None else instead
        return (instead or "").join(rest)

    def _is_it(self, text: str) -> bool:
        return text in self._texts or (_LIKE_A_NUMBER.fullmatch(text) is not None and _digits_in(text) in self._plain)

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where in a text the number is: first and last index, one behind the other."""
        end = 0
        for first, last in sorted({*self._literal_spans(text), *self._digit_spans(text)}):
            if last <= end:
                continue
            lead = _LEADS_IN.search(text, max(end, first - _LONGEST_LEAD), max(end, first))
            yield (max(end, first) if lead is None else lead.start(), last)
            end = last

    def _literal_spans(self, text: str) -> Iterator[tuple[int, int]]:
        for literal in self._literal:
            first = text.find(literal)
            while first >= 0:
                yield (first, first + len(literal))
                first = text.find(literal, first + len(literal))

    def _digit_spans(self, text: str) -> Iterator[tuple[int, int]]:
        if not self._numbers:
            return
        for run in _RUN.finditer(text):
            digits = _digits_in(run[0])
            at = [index for index in range(run.start(), run.end()) if text[index].isdecimal()]
            for number in self._numbers:
                for first, last in (*_whole(number, digits), *_national(number, digits, at)):
                    yield (at[first], at[last - 1] + 1)


def _whole(number: str, digits: str) -> Iterator[tuple[int, int]]:
    """Where all digits of a number are."""
    first = digits.find(number)
    while first >= 0:
        yield (first, first + len(number))
        first = digits.find(number, first + len(number))


def _national(number: str, digits: str, at: list[int]) -> Iterator[tuple[int, int]]:
    """Where the digits without a country code are, with nothing beside them that would make them another number."""
    for code in range(1, LONGEST_COUNTRY_CODE + 1):
        core = number[code:]
        if len(core) < LEAST_DIGITS:
            return
        first = digits.find(core)
        while first >= 0:
            last = first + len(core)
            begins = first - 1 if first and digits[first - 1] == "0" and _is_apart(first - 1, at) else first
            if _is_apart(begins, at) and _is_apart(last, at):
                yield (begins, last)
            first = digits.find(core, first + 1)


def _is_apart(index: int, at: list[int]) -> bool:
    """True if no digit adjoins the place between the digits before and at ``index``."""
    return index in {0, len(at)} or at[index] - at[index - 1] > 1


def _significant(text: str) -> str:
    """The digits of a number, without the zeros with which it is dialed from abroad or within the country."""
    return _digits_in(text.replace("(0)", "")).lstrip("0")


def _digits_in(text: str) -> str:
    """The decimal digits of a text, of whatever script, as ASCII."""
    if text.isascii():
        return _NOT_A_DIGIT.sub("", text)
    return "".join(one if one.isascii() else str(unicodedata.decimal(one)) for one in text if one.isdecimal())


def _texts_in(value: object) -> Iterator[str]:
    """Every text and number in a value, as text."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts_in(one)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield _text_of(value)


def _text_of(value: str | float) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


_GONE = object()
