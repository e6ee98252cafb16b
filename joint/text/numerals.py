"""Numbers as words: cardinals, ordinals, years, decimals, fractions, money, measures."""

import re
from collections.abc import Callable
from functools import lru_cache

from joint.text.pronunciation import require_package

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], list[str] | None]]
"""What is written, and its words; None where the rule does not hold after all."""

NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,4}(?!,?\d)|\d+)"
"""Digits, with or without separators of thousands."""
AMOUNT = rf"{NUMBER}(?:\.\d+)?"
LONGEST_NUMBER = 15
"""Digits of a number that is read as one; more are read one by one."""
YEARS = range(1100, 2100)
_YEAR_AFTER = (
    "in since by before after during until till from of year circa early late mid around for"
)
YEAR_AFTER = frozenset(_YEAR_AFTER.split())
"""Words after which such a number is a year rather than a count."""

DENOMINATORS = frozenset({*range(2, 11), 12, 16, 20, 32, 64, 100, 1000})

CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
_SIGNS = "".join(CURRENCIES)
SCALES = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion"}
SCALES |= {"tn": "trillion"} | {w: w for w in ("thousand", "million", "billion", "trillion")}

_UNITS = (
    "km:kilometer m:meter cm:centimeter mm:millimeter µm:micrometer nm:nanometer kg:kilogram "
    "g:gram mg:milligram µg:microgram l:liter ml:milliliter ft:foot yd:yard lb:pound lbs:pound "
    "oz:ounce h:hour hr:hour hrs:hour min:minute mins:minute sec:second secs:second "
    "ms:millisecond µs:microsecond Hz:hertz kHz:kilohertz MHz:megahertz GHz:gigahertz dB:decibel "
    "kB:kilobyte KB:kilobyte MB:megabyte GB:gigabyte TB:terabyte W:watt kW:kilowatt MW:megawatt "
    "kWh:kilowatt+hour V:volt km/h:kilometer+per+hour kmh:kilometer+per+hour "
    "kph:kilometer+per+hour "
    "mph:mile+per+hour m/s:meter+per+second °:degree °C:degree+celsius °F:degree+fahrenheit "
    "%:percent ¢:cent m²:square+meter km²:square+kilometer m³:cubic+meter ft²:square+foot"
)
UNITS = dict(pair.split(":") for pair in _UNITS.split())
"""What may stand behind a number, and its first word in the singular."""
UNCHANGED = frozenset(name for name in UNITS.values() if name.endswith("hertz")) | {"percent"}
_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))


@lru_cache(maxsize=4096)
def _spelled(number: int, kind: str) -> tuple[str, ...]:
    require_package("num2words")
    from num2words import num2words

    words: str = num2words(number, to=kind)
    return tuple(words.replace(",", "").replace("-", " ").split())


def cardinal(number: int) -> list[str]:
    """5 as `five`. Raises JointError where num2words is not installed."""
    return [*_spelled(number, "cardinal")]


def ordinal(number: int) -> list[str]:
    """5 as `fifth`."""
    return [*_spelled(number, "ordinal")]


def year(number: int) -> list[str]:
    """1984 as `nineteen eighty four`."""
    return [*_spelled(number, "year")]


def digits(written: str) -> list[str]:
    """Each digit as a word."""
    return [word for digit in written if digit.isdigit() for word in cardinal(int(digit))]


def whole(written: str) -> list[str]:
    """A whole number: `1,250` as a cardinal, `007` and very long ones digit by digit."""
    plain = written.replace(",", "")
    if len(plain) > LONGEST_NUMBER or (len(plain) > 1 and plain[0] == "0"):
        return digits(plain)
    return cardinal(int(plain))


def quantity(written: str) -> list[str]:
    """A number with or without decimals; `1.2.3` is read with two points."""
    first, *others = written.split(".")
    words = whole(first) if first else []
    for part in others:
        words += ["point", *(digits(part) if len(others) == 1 else whole(part))]
    return words


def plural(word: str) -> str:
    """`sixties` of `sixty`, `feet` of `foot`."""
    if word == "foot":
        return "feet"
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}{'es' if word[-1] == 'x' else 's'}"


def is_year(match: re.Match[str]) -> bool:
    """Whether the number that begins `match` is rather a year than a count: 1100 to 2099, behind a
    word such as `in`, or with no word behind it."""
    number, text = match["number"], match.string
    if not (number.isdigit() and len(number) == 4 and int(number) in YEARS):
        return False
    before = re.search(r"([A-Za-z]+)\W{1,2}$", text[max(0, match.start() - 12) : match.start()])
    after = match.end("number")
    counted = re.match(r"\s[A-Za-z]", text[after : after + 2])
    return not counted or (before is not None and before[1].lower() in YEAR_AFTER)


def _money(match: re.Match[str]) -> list[str] | None:
    amount, scale = match["amount"], match.groupdict().get("scale")
    one, many, small, smalls = CURRENCIES[match["currency"]]
    if scale:
        return [*quantity(amount), SCALES[scale.lower()], many]
    units, _, cents = amount.partition(".")
    if len(cents) != 2 or not small:
        return [*quantity(amount), one if amount == "1" else many]
    coins = [*cardinal(int(cents)), small if cents == "01" else smalls] if int(cents) else []
    if coins and units == "0":
        return coins
    return [*whole(units), one if units == "1" else many, *(["and", *coins] if coins else [])]


def _ordinal(match: re.Match[str]) -> list[str] | None:
    plain = match["number"].replace(",", "")
    return ordinal(int(plain)) if len(plain) <= LONGEST_NUMBER else None


def _decade(match: re.Match[str]) -> list[str]:
    number = int(match["number"])
    words = year(number) if number in YEARS else cardinal(number)
    return [*words[:-1], plural(words[-1])]


def _fraction(match: re.Match[str]) -> list[str] | None:
    above, below = int(match["above"]), int(match["below"])
    if not (0 < above < below and below in DENOMINATORS):  # 24/7
        return None if match["whole"] else [*cardinal(above), *cardinal(below)]
    name = {2: ["half"], 4: ["quarter"]}.get(below) or ordinal(below)
    if above > 1:
        name = [*name[:-1], plural(name[-1])]
    if not match["whole"]:
        return [*cardinal(above), *name]
    return [*whole(match["whole"]), "and", *(["a"] if above == 1 else cardinal(above)), *name]


def _number(match: re.Match[str]) -> list[str]:
    written, unit = match["number"] + (match["decimals"] or ""), match["unit"]
    if unit is None:
        return year(int(written)) if not match["decimals"] and is_year(match) else quantity(written)
    first, *others = UNITS[unit].split("+")
    if first in ("square", "cubic", "kilowatt") and others:
        others[-1] = others[-1] if written == "1" else plural(others[-1])
    elif written != "1" and first not in UNCHANGED:
        first = plural(first)
    return [*quantity(written), first, *others]


RULES: list[Rule] = [
    (
        re.compile(
            rf"(?P<currency>[{_SIGNS}])\s?(?P<amount>{AMOUNT})"
            rf"(?:\s?(?P<scale>(?i:{'|'.join(sorted(SCALES, key=len, reverse=True))}))\b)?"
        ),
        _money,
    ),
    (re.compile(rf"(?P<amount>{AMOUNT})\s?(?P<currency>[{_SIGNS}])(?!\s?\d)"), _money),
    (
        re.compile(
            r"\+\d{1,3}(?:[\s-]\d{2,4}){2,4}(?![\d-])|(?:\(\d{3}\)\s?|\d{3}-)\d{3}-\d{4}(?![\d-])"
        ),
        lambda match: digits(match[0]),  # telephones
    ),
    (re.compile(r"(?P<number>\d{2}|\d{3}0)'?s\b"), _decade),
    (re.compile(rf"(?P<number>{NUMBER})(?:st|nd|rd|th)\b", re.I), _ordinal),
    (re.compile(r"(?:(?P<whole>\d{1,9})\s)?(?P<above>\d{1,9})/(?P<below>\d{1,9})\b"), _fraction),
    (
        re.compile(
            rf"(?P<number>{NUMBER})(?P<decimals>(?:\.\d+)+)?(?:\s?(?P<unit>{_UNIT})(?![A-Za-z0-9/])"
            r"(?:\.(?=\s[a-z]))?)?"
        ),
        _number,
    ),
    (re.compile(r"(?<![\w.])\.(?P<decimals>\d+)"), lambda match: quantity(match[0])),
]
"""Everything that begins with a digit, a sign of a currency or a decimal point."""
