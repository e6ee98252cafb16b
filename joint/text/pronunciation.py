"""Pronunciations of words from a lexicon, else from CMUdict, else by espeak-ng."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from joint.data.phones import SILENCE
from joint.errors import DataError, JointError

if TYPE_CHECKING:
    from phonemizer.backend import EspeakBackend

Pronunciation = tuple[str, ...]

_ARPABET = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W "
    "Y Z ZH"
)
ARPABET = tuple(_ARPABET.split())
INVENTORY = (SILENCE, *ARPABET)
"""The phones of English in alignments, without stress."""

_IPA = (
    "b:B d:D f:F h:HH k:K l:L m:M n:N p:P s:S t:T v:V w:W z:Z ɑː:AA ɑ:AA æ:AE a:AE ʌ:AH ə:AH ɐ:AH "
    "ɔː:AO ɔ:AO oː:AO aʊ:AW aɪ:AY tʃ:CH ð:DH ɛ:EH e:EH ɚ:ER ɜː:ER eɪ:EY ɡ:G g:G ɪ:IH ᵻ:IH i:IY "
    "iː:IY dʒ:JH x:K ɬ:L əl:AH+L n̩:AH+N ŋ:NG oʊ:OW o:OW ɔɪ:OY ɹ:R r:R ʃ:SH ɾ:T ʔ:T θ:TH ʊ:UH "
    "uː:UW u:UW j:Y ʒ:ZH"
)
IPA = {sound: phones.split("+") for sound, phones in (pair.rsplit(":", 1) for pair in _IPA.split())}
"""espeak-ng's IPA of American English as ARPAbet."""
_IPA_PART = re.compile("|".join(sorted(map(re.escape, IPA), key=len, reverse=True)))
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*['’]?")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)]


def read_lexicon(path: str | Path) -> dict[str, list[Pronunciation]]:
    """Read `WORD PHONE PHONE …` lines, one for each pronunciation; stress marks and positions
    (`IH1_B`) are removed. Raises DataError for an unreadable file, a word without phones, a phone
    outside ARPAbet."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path, f"an unreadable lexicon ({error})", "WORD PHONES") from error
    lexicon: dict[str, list[Pronunciation]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        word, *marked = line.split()
        phones = tuple(bare(phone) for phone in marked)
        unknown = [phone for phone in phones if phone not in ARPABET]
        if unknown or not phones:
            found = f"the phone {unknown[0]}" if unknown else f"no phone for {word}"
            raise DataError(f"{path}:{number}", found, "WORD and its phones in ARPAbet")
        known = lexicon.setdefault(word.lower(), [])
        if phones not in known:
            known.append(phones)
    return lexicon


def bare(phone: str) -> str:
    """A phone without its stress and its position in the word."""
    return phone.partition("_")[0].rstrip("012")


@cache
def dictionary() -> dict[str, list[Pronunciation]]:
    """The 134,000 words of CMUdict, from pocketsphinx's English model."""
    require_package("pocketsphinx")
    from pocketsphinx import get_model_path

    entries: dict[str, list[Pronunciation]] = {}
    for line in Path(get_model_path("en-us/cmudict-en-us.dict")).read_text().splitlines():
        word, *phones = line.split()
        entries.setdefault(word.partition("(")[0], []).append(tuple(phones))
    return entries


def grapheme_to_phoneme(words: Iterable[str]) -> dict[str, list[Pronunciation]]:
    """espeak-ng's pronunciations, of the words that it can transcribe in ARPAbet."""
    asked = sorted(set(words))
    if not asked:
        return {}
    backend = _espeak()
    from phonemizer.separator import Separator

    spoken = backend.phonemize(asked, separator=Separator(phone=" ", word="|"), strip=True)
    found = {word: in_arpabet(ipa) for word, ipa in zip(asked, spoken, strict=True)}
    return {word: [phones] for word, phones in found.items() if phones}


@cache
def _espeak() -> "EspeakBackend":
    """espeak-ng for American English; each new one would load the library again."""
    for package in ("phonemizer", "espeakng_loader"):
        require_package(package)
    import espeakng_loader
    from phonemizer.backend import EspeakBackend
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    return EspeakBackend("en-us", with_stress=False)


def in_arpabet(ipa: str) -> Pronunciation:
    """espeak-ng's IPA as ARPAbet; () where it has a sound outside it."""
    phones: list[str] = []
    for sound in ipa.replace("|", " ").split():
        parts = _IPA_PART.findall(sound)
        if "".join(parts) != sound:
            return ()
        phones += [phone for part in parts for phone in IPA[part]]
    return tuple(phones)


def pronounced(
    words: Iterable[str], lexicon: Mapping[str, list[Pronunciation]]
) -> dict[str, list[Pronunciation]]:
    """The pronunciations of those `words` that have one, from the first source that has it.

    Raises JointError where a package of the extra `phones` is missing.
    """
    asked = set(words)
    found = {word: lexicon[word] for word in asked if word in lexicon}
    found |= {word: dictionary()[word] for word in asked - found.keys() if word in dictionary()}
    return found | grapheme_to_phoneme(asked - found.keys())


def require_package(package: str) -> None:
    """Raises JointError where a package of the extra `phones` is not installed."""
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise JointError(package, "no such package", "pip install 'joint-speaker[phones]'")
