"""People of pictures paired with speakers, embedded and fused."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from joint.errors import ConfigError, DataError
from joint.terminal import errors_in_one_line
from recipes.audiovisual import embed, fuse
from recipes.audiovisual.people import Item
from recipes.audiovisual.prepare import prepare, read_items
from tasks.audiovisual.faces.face import Face, FaceEncoder
from tasks.verification.trials import Trials

SIDE = 32


class CountedFaces:
    """As many faces as the blue of a picture's first pixel says."""

    def __call__(self, picture: np.ndarray) -> list[Face]:
        return [Face((0.0, 0.0, SIDE, SIDE), 1.0)] * int(picture[0, 0, 2])


class Pixels:
    """A face's pixels as its embedding."""

    def crop(self, picture: np.ndarray, face: Face) -> np.ndarray:
        return picture

    def embed(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        grey = np.stack([crop[::4, ::4].mean(axis=2).ravel() for crop in crops])
        return grey.astype(np.float32)


def spectra(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    """Log power in 16 bands."""
    bands = [np.array_split(np.abs(np.fft.rfft(w)) ** 2, 16) for w in waveforms]
    return np.log([[band.mean() + 1e-9 for band in own] for own in bands]).astype(np.float32)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 people, half of each gender, with three pictures, and one of two faces."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    lines = []
    for number in range(48):
        name, own = f"person{number:02d}", rng.integers(60, 200, (SIDE, SIDE, 3))
        (root / name).mkdir()
        for shot in range(4):
            pixels = np.clip(own + rng.normal(0, 70, own.shape), 0, 255).astype(np.uint8)
            pixels[0, 0] = 2 if shot == 1 else 1
            Image.fromarray(pixels).save(root / name / f"{name}_{shot}.png")
        lines.append(f"{name} {'fm'[number % 2]}\n")
    (root / "genders.tsv").write_text("".join(lines))
    return root


@pytest.fixture(scope="module")
def prepared(
    pictures: Path, embedded_corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    output = tmp_path_factory.mktemp("audiovisual")
    prepare(pictures, output, splits(embedded_corpus), CountedFaces(), utterances=3)
    return output


def splits(corpus: Path) -> dict[str, Sequence[Path]]:
    """The same twelve speakers in each, with other people."""
    return {name: [corpus / "test"] for name in ("train", "validation", "test")}


def genders(folder: Path) -> dict[str, str]:
    return dict(line.split() for line in (folder / "genders.tsv").read_text().splitlines())


def test_a_person_has_one_speaker_of_the_own_gender_in_one_split(
    prepared: Path, pictures: Path
) -> None:
    found = {name: read_items(prepared / name) for name in ("train", "validation", "test")}
    people = {name: {item.person for item in items} for name, items in found.items()}
    assert not people["train"] & people["test"] and not people["validation"] & people["test"]
    for items in found.values():
        pairs = {(item.person, item.utterance.speaker) for item in items}
        assert len(pairs) == len({person for person, _ in pairs}) == len({s for _, s in pairs})
        assert all(genders(pictures)[i.person] == i.utterance.gender for i in items)
        assert all(i.picture.parent.name == i.person and "_1." not in i.picture.name for i in items)
    skipped = (prepared / "skipped.tsv").read_text().splitlines()[1:]
    assert len(skipped) == len(set.union(*people.values()))
    assert all("found 2 faces; expected one face" in line for line in skipped)


def test_target_trials_are_of_two_pictures(prepared: Path) -> None:
    items: dict[str, Item] = {i.name: i for i in read_items(prepared / "test")}
    trials = Trials.load(prepared / "test" / "trials")
    for label, first, second in zip(trials.labels, trials.first, trials.second, strict=True):
        one, other = items[trials.names[first]], items[trials.names[second]]
        assert (one.person == other.person) == label
        assert one.utterance.gender == other.utterance.gender
        assert one.utterance.id != other.utterance.id and one.picture != other.picture


def test_the_table_has_every_fusion_and_condition(
    prepared: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    encoder = FaceEncoder(CountedFaces(), Pixels())
    for split in ("train", "test"):
        embed.write_split(prepared, split, spectra, encoder, seconds=1.0)
    fuse.main([str(prepared), str(tmp_path / "table.md"), "--steps", "3"])
    found = json.loads((tmp_path / "table.json").read_text())
    assert capsys.readouterr().out.strip() == (tmp_path / "table.md").read_text().strip()
    assert len(found) == 8 and all(len(row) == 5 for row in found.values())
    # invented faces are as good as their pixels: blur and squares hide them, nothing else does
    assert found["clean"]["face alone"] < found["face occluded"]["face alone"]
    assert found["clean"]["face alone"] == found["voice in noise at 0 dB"]["face alone"]
    assert found["voice missing in half"]["face alone"] == found["clean"]["face alone"]
    assert found["voice missing in half"]["voice alone"] > found["clean"]["voice alone"]


@pytest.mark.parametrize("people, expected", [(0, "no such folder"), (3, "too few people")])
def test_too_few_people(
    people: int, expected: str, pictures: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    (tmp_path / "few").mkdir()
    for name in sorted(genders(pictures))[:people]:
        (tmp_path / "few" / name).symlink_to(pictures / name)
    with pytest.raises(DataError, match=expected):
        prepare(tmp_path / "few", tmp_path / "out", splits(embedded_corpus), CountedFaces())
    assert not (tmp_path / "out").exists()


def test_bad_input_is_one_line(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped, errors_in_one_line():
        fuse.main([str(tmp_path), str(tmp_path / "table.md")])
    assert stopped.value.code == 2
    line = capsys.readouterr().err
    assert "items.npz: found no file; expected what recipes.audiovisual.embed wrote" in line
    with pytest.raises(ConfigError, match="--utterances, --pictures"):
        prepare(tmp_path, tmp_path, {}, CountedFaces(), utterances=1)
    np.savez(tmp_path / "items.npz", other=np.zeros(3))
    with pytest.raises(DataError, match=r"items.npz: found no names"):
        embed.read_split(tmp_path)
    header = (prepared / "test" / "items.tsv").read_text().splitlines()[0]
    for content, found in (
        ("", "items.tsv: found no line"),
        ("a\tb\n", r"items.tsv: found 'a\\tb'"),
        (f"{header}\na\tb\n", "items.tsv:2: found 2 fields; expected 4 fields"),
    ):
        (tmp_path / "items.tsv").write_text(content)
        with pytest.raises(DataError, match=found):
            read_items(tmp_path)
