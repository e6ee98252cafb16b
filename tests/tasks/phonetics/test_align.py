"""Forced alignment of real recordings, into the manifests of a prepared folder."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import DataError
from joint.text.pronunciation import INVENTORY, dictionary, pronounced, words_of
from tasks.phonetics.align import BEGUN, align_folder
from tasks.phonetics.annotate import UNALIGNED, pronounce_folder
from tasks.phonetics.sphinx import SphinxAligner, UnalignableError, _aligned


@pytest.fixture(scope="module")
def corpus(aligned: Path) -> Corpus:
    return open_corpus(aligned)


@pytest.fixture(scope="module")
def aligner(corpus: Corpus) -> SphinxAligner:
    words = {word for u in corpus.utterances for word in words_of(u.text)}
    return SphinxAligner(pronounced(words, {}))


def test_phones_are_those_of_the_words(corpus: Corpus) -> None:
    assert corpus.phones == INVENTORY
    known = [u for u in corpus.utterances if u.phones is not None]
    assert len(known) >= 0.9 * len(corpus)
    for utterance in known:
        assert utterance.phones is not None
        assert utterance.phones.ends[-1] == utterance.samples
        spoken = [INVENTORY[p] for p in utterance.phones.phones if p > 0]
        expected: set[tuple[str, ...]] = {()}
        for word in words_of(utterance.text):
            expected = {begun + tuple(v) for begun in expected for v in dictionary()[word]}
        assert tuple(spoken) in expected


def test_speech_is_louder_than_silence(corpus: Corpus) -> None:
    """Phones lie where there is sound: silences at the ends have far less energy."""
    differences = []
    for utterance in corpus.utterances:
        if utterance.phones is None:
            continue
        waveform = utterance.waveform()[: utterance.samples]
        silent = np.repeat(utterance.phones.phones, np.diff(utterance.phones.ends, prepend=0)) == 0
        if silent.any():
            levels = [np.mean(waveform[mask] ** 2) for mask in (~silent, silent)]
            differences.append(10 * np.log10(levels[0] / levels[1]))
    assert np.median(differences) > 10


def test_order_does_not_matter(corpus: Corpus, aligner: SphinxAligner) -> None:
    first, second = corpus.utterances[:2]
    alone = aligner.align(second.waveform(), words_of(second.text))
    aligner.align(first.waveform(), words_of(first.text))
    assert aligner.align(second.waveform(), words_of(second.text)) == alone


def test_a_delay_moves_every_phone(corpus: Corpus, aligner: SphinxAligner) -> None:
    utterance = next(u for u in corpus.utterances if u.phones is not None)
    waveform, words = utterance.waveform(), words_of(utterance.text)
    at_once = aligner.align(waveform, words).phones
    later = aligner.align(np.pad(waveform, (8000, 0)), words).phones
    assert [p.symbol for p in at_once] == [p.symbol for p in later]
    shifts = [b.start - a.start for a, b in zip(at_once, later, strict=True)]
    assert np.median(shifts) == pytest.approx(0.5, abs=0.011)


def test_what_cannot_be_aligned(corpus: Corpus, aligner: SphinxAligner) -> None:
    waveform = corpus.utterances[0].waveform()
    cases = {"no words": [], "no pronunciation of 'xyz'": ["xyz"]}
    for reason, words in cases.items():
        with pytest.raises(UnalignableError, match=reason):
            aligner.align(waveform, words)
    with pytest.raises(UnalignableError, match="silence"):
        aligner.align(np.zeros(16_000, dtype=np.float32), words_of(corpus.utterances[0].text))


def test_other_words_do_not_agree(corpus: Corpus, aligner: SphinxAligner) -> None:
    own = other = 0
    for i, utterance in enumerate(corpus.utterances):
        strange = corpus.utterances[(i + 5) % len(corpus)].text
        for words in (words_of(utterance.text), words_of(strange)):
            try:
                aligner.align(utterance.waveform(), words)
            except UnalignableError:
                other += words == words_of(strange)
                own += words != words_of(strange)
    assert own <= 0.1 * len(corpus) and other >= 0.4 * len(corpus)


class Decoder:
    """A decoder that has found a breath between two words."""

    def get_alignment(self) -> "Decoder":
        return self

    def words(self) -> list[SimpleNamespace]:
        names = [
            ("<s>", 0, 5),
            ("a", 5, 10),
            ("[NOISE]", 15, 5),
            ("be(2)", 20, 10),
            ("</s>", 30, 5),
        ]
        return [SimpleNamespace(name=n, start=s, duration=d, score=-d) for n, s, d in names]

    def phones(self) -> list[SimpleNamespace]:
        names = [("SIL", 0, 5), ("AH", 5, 10), ("+NSN+", 15, 5), ("B", 20, 4), ("IY", 24, 6)]
        return [SimpleNamespace(name=n, start=s, duration=d, score=-2 * d) for n, s, d in names]

    def __getattr__(self, name: str) -> object:
        return lambda *arguments, **keys: None


def test_breaths_are_no_phones() -> None:
    found = _aligned(Decoder(), b"", "a be")
    assert found is not None
    assert [w.symbol for w in found.words] == ["a", "be"]
    assert [p.symbol for p in found.phones] == ["AH", "B", "IY"] and found.score == -2


def test_an_interrupted_run_goes_on(aligned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "again"
    shutil.copytree(aligned, folder)
    whole = open_corpus(folder)
    align_folder(folder, {})  # leaves its partial file away
    assert not (folder / BEGUN).exists()
    words = {word for u in whole.utterances for word in words_of(u.text)}
    from tasks.phonetics.align import _digest

    planted = [whole.utterances[0].id, "as if it had been found before"]
    content = f'{_digest(pronounced(words, {}))}\n{json.dumps(planted)}\n["half a li'
    (folder / BEGUN).write_text(content)
    report = align_folder(folder, {})
    assert report.unaligned[planted[0]] == planted[1]
    assert planted[1] in (folder / UNALIGNED).read_text()
    (folder / BEGUN).write_text(f"another digest\n{json.dumps(planted)}\n")
    assert planted[0] not in align_folder(folder, {}).unaligned


def test_two_processes_find_the_same(aligned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "two"
    shutil.copytree(aligned, folder)
    align_folder(folder, {}, jobs=2)
    for one, two in zip(
        open_corpus(aligned).utterances, open_corpus(folder).utterances, strict=True
    ):
        assert (one.phones is None) == (two.phones is None)
        if one.phones is not None and two.phones is not None:
            assert one.phones.row() == two.phones.row()


def test_nothing_to_align(prepared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mute"
    shutil.copytree(prepared / "test", folder)
    rewrite(folder, lambda row: {**row, "text": "!"})
    with pytest.raises(DataError, match=r"nothing to align .*no words"):
        align_folder(folder, {})
    assert not (folder / BEGUN).exists() and not (folder / "phones.txt").exists()


def rewrite(folder: Path, change) -> None:  # type: ignore[no-untyped-def]
    import gzip

    path = folder / "supervisions.jsonl.gz"
    with gzip.open(path, "rt") as file:
        rows = [change(json.loads(line)) for line in file]
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_pronunciations_without_times(aligned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "untimed"
    shutil.copytree(aligned, folder)
    timed = open_corpus(folder)
    for utterance in timed.utterances:
        if utterance.phones is not None and utterance.pronunciation is not None:
            spoken = utterance.phones.phones[utterance.phones.phones > 0]
            assert spoken.tolist() == utterance.pronunciation.tolist()
    assert pronounce_folder(folder, {"the": [("DH", "IY")]}).aligned == len(timed)
    for utterance in open_corpus(folder).utterances:
        assert utterance.phones is None and utterance.words is None
        assert utterance.pronunciation is not None
        spoken_phones = [INVENTORY[p] for p in utterance.pronunciation]
        known = {**dictionary(), "the": [("DH", "IY")]}
        first = [phone for word in words_of(utterance.text) for phone in known[word][0]]
        assert spoken_phones == first
