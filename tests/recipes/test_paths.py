"""What a preparation writes is found from any folder, wherever the command ran."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import layouts
import overlap_layouts
import pytest

from joint.data.opening import open_corpus
from joint.data.prepare.kaldi import prepare_kaldi
from joint.data.prepare.tables import read_tables, write_tables
from recipes.cnceleb.prepare import prepare as prepare_cnceleb
from recipes.librimix.prepare import prepare as prepare_librimix
from recipes.librispeechmix.prepare import prepare as prepare_librispeechmix
from recipes.speechocean762.prepare import prepare as prepare_speechocean762
from recipes.threedspeaker.prepare import prepare as prepare_threedspeaker
from recipes.voxblink.prepare import prepare as prepare_voxblink
from recipes.voxceleb.prepare import prepare as prepare_voxceleb
from tasks.extraction.mixtures import MixtureList
from tasks.extraction.rendering import render


def kaldi(root: Path) -> Path:
    """Tables whose paths are relative to the folder."""
    root.mkdir()
    rows = [u for own in layouts.people("train", 2, 2) for u in own]
    for utterance in rows:
        layouts.save(root / "audio" / f"{utterance.id}.wav", utterance)
    write_tables(root, rows)
    lines = "".join(f"{u.id} audio/{u.id}.wav\n" for u in rows)
    (root / "wav.scp").write_text(lines)
    return root


def overlapped(root: Path) -> Path:
    """LibriSpeech with the lists of LibriSpeechMix and LibriMix beside it."""
    corpus = overlap_layouts.librispeech(root / "LibriSpeech")
    overlap_layouts.librispeechmix(root / "LibriSpeechMix", corpus)
    overlap_layouts.librimix(root / "LibriMix", corpus, ("max",))
    return root


PREPARES: dict[str, tuple[Callable[[Path], Path], Callable[[Path, Path], object]]] = {
    "voxceleb": (layouts.voxceleb, prepare_voxceleb),
    "cnceleb": (layouts.cnceleb, prepare_cnceleb),
    "threedspeaker": (layouts.threedspeaker, prepare_threedspeaker),
    "voxblink": (layouts.voxblink, prepare_voxblink),
    "kaldi": (kaldi, prepare_kaldi),
    "librispeechmix": (
        overlapped,
        lambda root, out: prepare_librispeechmix(
            root / "LibriSpeech", root / "LibriSpeechMix", out
        ),
    ),
    "librimix": (
        overlapped,
        lambda root, out: prepare_librimix(root / "LibriSpeech", root / "LibriMix", out),
    ),
}


@pytest.mark.parametrize("name", PREPARES)
def test_relative_paths(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish, prepare = PREPARES[name]
    publish(tmp_path / "published")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    prepare(Path("published"), Path("prepared"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    splits = [path.parent for path in (tmp_path / "prepared").rglob("wav.scp")]
    assert splits
    for split in splits:
        corpus = open_corpus(split)
        assert all(Path(u.path).is_absolute() and Path(u.path).is_file() for u in corpus.utterances)
        tables = {u.id: u.path for u in read_tables(split)}
        assert tables == {u.id: u.path for u in corpus.utterances}
    if name == "librimix":
        listed = MixtureList.load(tmp_path / "prepared" / "test" / "mix2_extraction.csv")
        test = open_corpus(tmp_path / "prepared" / "test")
        assert all(len(render(row, test).mixture) for row in listed)


def test_speechocean762(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(layouts.EMBEDDED.parent)
    prepare_speechocean762("embedded", tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    for split in ("train", "test"):
        assert all(Path(u.path).is_file() for u in open_corpus(tmp_path / "out" / split).utterances)


def test_a_file_whose_name_is_not_utf8_is_skipped_and_listed(tmp_path: Path) -> None:
    root = layouts.voxblink(tmp_path / "published")
    clip = min(root.rglob("*.wav"))
    shutil.copyfile(clip, clip.with_name(os.fsdecode(b"caf\xe9.wav")))
    report = prepare_voxblink(root, tmp_path / "out")
    (skipped,) = report.skipped
    assert skipped.utterance.endswith("caf\\udce9") and "not UTF-8" in skipped.reason
    listed = (tmp_path / "out" / "skipped.tsv").read_text(encoding="utf-8").splitlines()
    assert len(listed) == 2 and skipped.utterance in listed[1]
    assert clip.stem in {
        Path(u.path).stem for u in open_corpus(tmp_path / "out" / "train").utterances
    }
