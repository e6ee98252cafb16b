"""Abbreviations and acronyms of English as words."""

import re
from collections.abc import Callable

from joint.text.dates import MONTHS
from joint.text.numerals import cardinal, ordinal

_TITLES = (
    "Mr:mister Mrs:missus Ms:miz Dr:doctor Prof:professor Rev:reverend Gen:general Col:colonel "
    "Maj:major Capt:captain Lt:lieutenant Sgt:sergeant Gov:governor Sen:senator Rep:representative "
    "Pres:president Hon:honorable Supt:superintendent Messrs:messieurs St:saint Mt:mount Ft:fort"
)
TITLES = dict(pair.split(":") for pair in _TITLES.split())
"""They stand before a name, so their full stop ends no sentence."""
WITHOUT_STOP = frozenset({"Mr", "Mrs", "Ms", "Dr", "St", "Prof", "vs", "etc"})
"""Abbreviations that are often written without their full stop."""
STREETS = {"St": "street", "Dr": "drive"}
"""The other reading, where no name follows."""

_BEFORE_NUMBERS = (
    "no:number nos:numbers p:page pp:pages vol:volume ch:chapter sec:section fig:figure "
    "figs:figures eq:equation art:article op:opus app:appendix par:paragraph ca:about c:about "
    "pt:part ex:example rm:room"
)
BEFORE_NUMBERS = dict(pair.split(":") for pair in _BEFORE_NUMBERS.split())
_WEEKDAYS = "mon:monday tue:tuesday tues:tuesday wed:wednesday thu:thursday thur:thursday "
_WEEKDAYS += "thurs:thursday fri:friday sat:saturday sun:sunday"
BEFORE_DATES = dict(pair.split(":") for pair in _WEEKDAYS.split())
BEFORE_DATES |= {name[:3].lower(): name.lower() for name in MONTHS} | {"sept": "september"}

_OTHERS = (
    "etc:et+cetera vs:versus approx:approximately dept:department est:established inc:incorporated "
    "ltd:limited corp:corporation co:company bros:brothers ave:avenue blvd:boulevard rd:road "
    "jr:junior sr:senior viz:namely cf:compare al:al assn:association govt:government "
    "univ:university tel:telephone misc:miscellaneous incl:including excl:excluding "
    "min:minutes max:maximum hwy:highway apt:apartment"
)
OTHERS = {w: words.split("+") for w, words in (pair.split(":") for pair in _OTHERS.split())}
DOTTED = {"e.g.": ["for", "example"], "i.e.": ["that", "is"], "p.s.": ["p.", "s."]}

_STARTERS = (
    "the a an he she it they we you i this that these those there in on at but and or if when what "
    "who how why where his her its our my your their for as so then after before now yes no not "
    "all one some many most with from while although however"
)
STARTERS = frozenset(_STARTERS.split())
"""Words that begin a sentence where they have a capital behind the stop of an abbreviation."""

_ORDINARY = "AM AN AS AT BE BY DO GO HE HI IF IN IS ME MY NO OF OH OK ON OR OX SO TO UP WE"
ORDINARY = frozenset(_ORDINARY.split())
"""Words of two letters that remain words in capitals."""
_SYLLABLES = re.compile(r"(?=.{4})[^AEIOU](?:[AEIOU][^AEIOU]{1,2})+[AEIOU]?|(?=.*[AEIOU]).{6,}")
_PLURAL = re.compile(r"(?<=[A-Z]{2})(?:'[Ss]|s)$")
_ROMAN = re.compile(r"(?P<tens>X{0,3})(?P<ones>IX|IV|V?I{0,3})")
_COUNTED = (
    "chapter part volume act scene section war appendix article phase type class level grade stage "
    "figure table group title mark"
)
COUNTED = frozenset(_COUNTED.split())
"""What is numbered by cardinals, where kings are by ordinals."""


def abbreviation(match: re.Match[str]) -> tuple[list[str], int] | None:
    """The words of an abbreviation `match["word"]` and where it ends, with its stop unless that
    ends a sentence too; None for other words."""
    text, word, end = match.string, match["word"], match.end("word")
    stopped = text.startswith(".", end)
    following = text[end + stopped : end + stopped + 24]
    if not stopped and word not in WITHOUT_STOP:
        return None
    lower = word.lower()
    title = word if word in TITLES else word.capitalize() if word.isupper() else ""
    if title in TITLES and re.match(r"\s[\"'(]?[A-Z0-9]", following):
        return [TITLES[title]], end + stopped
    if word in STREETS and re.search(
        r"[A-Z]\w*\s$", text[max(0, match.start() - 24) : match.start()]
    ):
        return [STREETS[word]], stop_end(text, end)
    if stopped and lower in BEFORE_NUMBERS and re.match(r"\s?\d", following):
        return [BEFORE_NUMBERS[lower]], end + 1
    if stopped and lower in BEFORE_DATES and re.match(r"\s?\d|,", following) and word[0].isupper():
        return [BEFORE_DATES[lower]], end + 1
    if lower not in OTHERS:
        return ([TITLES[title]], stop_end(text, end)) if title in TITLES else None
    if lower == "etc" and re.match(r"\s[A-Z]", following):
        return OTHERS[lower], end
    return OTHERS[lower], stop_end(text, end)


def dotted(match: re.Match[str]) -> tuple[list[str], int]:
    """The words of `e.g.`, `U.S.`, `Ph.D.`, and where they end."""
    written = match[0]
    words = DOTTED.get(written.lower())
    if words is None:
        words = [f"{letter.lower()}." for letter in written if letter.isalpha()]
    return words, stop_end(match.string, match.end() - written.endswith("."))


def stop_end(text: str, at: int) -> int:
    """Where an abbreviation ends whose stop may be at `at`: before the stop if it ends a sentence
    too."""
    if not text.startswith(".", at):
        return at
    following = text[at + 1 : at + 24].lstrip("\"') ")
    first = re.match(r"[A-Za-z']+", following)
    if not following.strip() or (first and first[0][0].isupper() and first[0].lower() in STARTERS):
        return at
    return at + 1


def capitals(word: str, known: Callable[[str], bool]) -> list[str]:
    """A word in capitals within ordinary text: letters, or a word where it is one that is `known`
    or has syllables (`NASA`)."""
    base = _PLURAL.sub("", word)
    if known(word.lower()) or known(base.lower()):
        spelled = len(base) == 2 and base not in ORDINARY
    else:
        spelled = len(base) == 2 or not _SYLLABLES.fullmatch(base)
    if not spelled:
        return [word.lower()]
    letters = [f"{letter.lower()}." for letter in base]
    return letters if base == word else [*letters[:-1], f"{letters[-1][0]}'s"]


def roman(written: str, before: str) -> list[str] | None:
    """The words of a Roman number of two letters or more behind the word `before`: `World War II`,
    `Henry VIII`; None for other words."""
    found = _ROMAN.fullmatch(written)
    if len(written) < 2 or found is None or not before[:1].isupper():
        return None
    ones = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"].index(found["ones"])
    number = 10 * len(found["tens"]) + ones
    return cardinal(number) if before.lower() in COUNTED else ["the", *ordinal(number)]
