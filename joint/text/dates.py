"""Dates and times of day as words."""

import re

from joint.text.numerals import YEARS, Rule, cardinal, ordinal, whole, year

_MONTHS = "January February March April May June July August September October November December"
MONTHS = _MONTHS.split()
_SHORT_MONTHS = "Jan Feb Mar Apr Jun Jul Aug Sept Sep Oct Nov Dec"
_NUMBER_OF = {name[:3].lower(): number for number, name in enumerate(MONTHS, start=1)}
_MONTH = rf"(?P<month>(?:{'|'.join([*MONTHS, *(name.upper() for name in MONTHS)])})\b|" + (
    rf"(?:{_SHORT_MONTHS.replace(' ', '|')})\b\.?)"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_END = r"(?![\w/]|[.:]\d)"


def _date(match: re.Match[str]) -> list[str] | None:
    """A date whose month is a number: `2024-03-14`, `3/14/2024` (the month first where both are
    possible)."""
    month, day, written = int(match["month"]), int(match["day"]), match["year"]
    if month > 12 and match.re is _SLASHED:
        month, day = day, month
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return [MONTHS[month - 1].lower(), *ordinal(day), *_year(written)]


def _named_date(match: re.Match[str]) -> list[str] | None:
    """`March 14, 2024`, `14 March 2024`, `March 2024`."""
    parts = match.groupdict()
    month = [MONTHS[_NUMBER_OF[parts["month"][:3].lower()] - 1].lower()]
    years = _year(parts["year"]) if parts.get("year") else []
    if not parts.get("day"):
        return [*month, *years]
    if not 1 <= int(parts["day"]) <= 31:
        return None
    day = ordinal(int(parts["day"]))
    if match.start("day") > match.start("month"):
        return [*month, *day, *years]
    article = match.string[max(0, match.start() - 4) : match.start()].lower().endswith("the ")
    return [*([] if article else ["the"]), *day, "of", *month, *years]


def _year(written: str) -> list[str]:
    if len(written) == 2:
        return cardinal(int(written)) if written[0] != "0" else ["oh", *cardinal(int(written))]
    return year(int(written)) if int(written) in YEARS else whole(written)


def _clock(match: re.Match[str]) -> list[str] | None:
    parts = match.groupdict()
    hour, minute = int(parts["hour"]), parts.get("minute")
    if hour > 24:
        return None
    half = [f"{parts['half'].lower()}.", "m."] if parts.get("half") else []
    words = cardinal(hour)
    if minute == "00" and not half:
        words += ["o'clock"] if 1 <= hour <= 12 else ["hundred"]
    elif minute and minute != "00":
        words += [*(["oh"] if minute[0] == "0" else []), *cardinal(int(minute))]
    if parts.get("second"):
        words += ["and", *whole(parts["second"].lstrip("0") or "0"), "seconds"]
    return [*words, *half]


_HALF = r"\s?(?P<half>[AaPp])(?:\.\s?[Mm]\.(?=\s[a-z]|[,;:)–—-])|\.\s?[Mm](?=\.)|[Mm]\b)"
_SLASHED = re.compile(rf"(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}})/(?P<year>\d{{4}}|\d\d){_END}")

RULES: list[Rule] = [
    (re.compile(rf"{_YEAR}-(?P<month>\d\d)-(?P<day>\d\d){_END}"), _date),
    (_SLASHED, _date),
    (re.compile(rf"(?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})\.{_YEAR}{_END}"), _date),
    (re.compile(rf"{_DAY}\s(?:of\s)?{_MONTH}(?:,?\s{_YEAR}{_END})?"), _named_date),
    (
        re.compile(
            r"(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:])"
            f"(?:{_HALF})?"
        ),
        _clock,
    ),
    (re.compile(rf"(?P<hour>\d{{1,2}}){_HALF}"), _clock),
    (
        re.compile(r"(?P<above>\d{1,9}):(?P<below>\d{1,9})(?![\d:])"),
        lambda match: [*whole(match["above"]), "to", *whole(match["below"])],
    ),
]
"""Those that begin with a digit."""
NAMED_RULES: list[Rule] = [
    (re.compile(rf"{_MONTH}\s{_DAY}\b(?:(?:,\s|\s){_YEAR})?{_END}"), _named_date),
    (re.compile(rf"{_MONTH},?\s{_YEAR}{_END}"), _named_date),
]
"""Those that begin with the name of a month."""
