"""LibriMix in the layouts in which it is generated and published."""

import shutil
from pathlib import Path

import numpy as np
import overlap_layouts as layouts
import pytest
import soundfile
from overlap_layouts import conversations
from support import Refused

from joint.data.choices import Check
from joint.data.opening import open_corpus
from joint.errors import DataError
from recipes.librimix.prepare import prepare as prepare_librimix
from tasks.extraction.mixtures import MixtureList
from tasks.extraction.rendering import render as render_extraction
from tasks.recognition.conversations.lists import Conversations, render

ROUNDING = 2.5 / 32768
"""Of the 16-bit files of two or three sources and their sum."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layouts.librispeech(tmp_path_factory.mktemp("published") / "LibriSpeech")


@pytest.fixture(scope="module")
def librimix(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layouts.librimix(tmp_path_factory.mktemp("published") / "LibriMix", corpus)


@pytest.fixture(scope="module")
def prepared(corpus: Path, librimix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared") / "librimix"
    report = prepare_librimix(corpus, librimix, out, jobs=2)
    assert report.utterances == {"train": 9, "validation": 6, "test": 9}
    assert report.warned == [] and report.skipped == []
    return out


def test_conversations_are_the_mode_max(librimix: Path, prepared: Path) -> None:
    for split, part, speakers in (
        ("test", "test", 2),
        ("test", "test", 3),
        ("validation", "dev", 2),
    ):
        found, tables = conversations(prepared / split, f"mix{speakers}_recognition.csv")
        assert len(found) == len(layouts.MIXTURES[speakers][part])
        for row in found:
            folder = librimix / f"Libri{speakers}Mix" / "wav16k" / "max" / part / "mix_clean"
            generated = soundfile.read(folder / f"{row.mix_id}.wav")[0]
            mixture, texts = render(row, tables)
            assert np.allclose(mixture, generated, atol=ROUNDING)
            ids = row.mix_id.split("_")
            assert list(texts) == [tables.by_id[name].text for name in ids]
            assert all(turn.enrollment for turn in row.turns)


@pytest.mark.parametrize("speakers, rows", [(2, 4), (3, 3)])
def test_extraction_is_the_mode_min(
    librimix: Path, prepared: Path, speakers: int, rows: int
) -> None:
    tables = open_corpus(prepared / "test")
    found = MixtureList.load(prepared / "test" / f"mix{speakers}_extraction.csv")
    found.check(tables)
    assert len(found) == rows
    folder = librimix / f"Libri{speakers}Mix" / "wav16k" / "min" / "test"
    for row in found:
        mix_id, source = row.mix_id.rsplit("_", 1)
        generated, reference = (
            soundfile.read(folder / name / f"{mix_id}.wav")[0] for name in ("mix_clean", source)
        )
        rendered = render_extraction(row, tables)
        assert np.allclose(rendered.mixture, generated, atol=ROUNDING)
        assert np.allclose(rendered.reference, reference, atol=ROUNDING)
        assert len(rendered.interferers) == speakers - 1
        others = [name for name, _ in row.interferers]
        assert sorted([row.target, *others]) == sorted(mix_id.split("_"))
        assert row.enrollment not in (row.target, *others)


@pytest.mark.parametrize("given", ["min", "metadata"])
def test_the_same_from_the_mode_min_and_from_published_metadata(
    given: str, corpus: Path, prepared: Path, tmp_path: Path
) -> None:
    if given == "min":
        source = layouts.librimix(tmp_path / "generated", corpus, ("min",)) / "Libri2Mix"
    else:
        source = layouts.librimix_metadata(tmp_path / "published", corpus)
    prepare_librimix(corpus, source, tmp_path / "out", check=Check.HEADER)
    assert not (tmp_path / "out" / "test" / "mix3_recognition.csv").exists()
    name = "mix2_recognition.csv"
    for own, other in zip(
        *(Conversations.load(p / "test" / name) for p in (tmp_path / "out", prepared)),
        strict=True,
    ):
        assert [t.utterance for t in own.turns] == [t.utterance for t in other.turns]
        assert [t.enrollment for t in own.turns] == [t.enrollment for t in other.turns]
        levels = ([turn.gain_db for turn in row.turns] for row in (own, other))
        assert np.allclose(*levels, atol=0.003)


def test_missing_and_foreign_sources(
    corpus: Path, librimix: Path, refused: Refused, tmp_path: Path
) -> None:
    root = shutil.copytree(librimix, tmp_path / "LibriMix")
    sources = sorted((root / "Libri2Mix" / "wav16k" / "max" / "test" / "s1").iterdir())
    kept, lost = sources
    lost.unlink()
    report = prepare_librimix(corpus, root, tmp_path / "out", check=Check.HEADER)
    assert any("1 of 2 mixtures left out" in line and lost.name in line for line in report.warned)
    found, _ = conversations(report.output / "test", "mix2_recognition.csv")
    assert [row.mix_id for row in found] == [kept.stem]
    shutil.copy(sources[0].parents[1] / "s2" / kept.name, kept)
    line = refused("prepare", "librimix", corpus, root, tmp_path / "other")
    assert f"{kept}: found another recording" in line
    assert f"expected LibriSpeech's {kept.stem.split('_')[0]}, scaled" in line
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "61-198-0000_121-209-0000,6",
            "61-198-0007_121-209-0000,6",
            ":2: found unknown utterance 61-198-0007",
        ),
        ("61-198-0000_121-209-0000,6", "61-198-0000,6", ":2: found mixture_ID '61-198-0000'"),
        ("source_2_path", "second", "no column source_2_path"),
    ],
)
def test_a_bad_list_is_refused(
    old: str, new: str, words: str, corpus: Path, librimix: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(librimix, tmp_path / "LibriMix")
    path = root / "Libri2Mix" / "wav16k" / "max" / "metadata" / "mixture_test_mix_clean.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError) as error:
        prepare_librimix(corpus, root, tmp_path / "out")
    assert "mixture_test_mix_clean.csv" in str(error.value) and words in str(error.value)


def test_bad_gains_and_folders_are_refused(corpus: Path, refused: Refused, tmp_path: Path) -> None:
    line = refused("prepare", "librimix", corpus, tmp_path, tmp_path / "out")
    assert "no mixtures of test-clean at 16 kHz" in line
    published = layouts.librimix_metadata(tmp_path / "published", corpus)
    path = published / "metadata" / "Libri2Mix" / "libri2mix_test-clean.csv"
    path.write_text(path.read_text().replace(str(layouts.GAINS[1]), "loud"))
    line = refused("prepare", "librimix", corpus, published, tmp_path / "out")
    assert "test-clean.csv:2: found source_2_gain 'loud'; expected a factor above 0" in line
