"""Libri2Mix with published enrolments: every version equals what LibriMix's scripts generate."""

import shutil
from pathlib import Path

import numpy as np
import overlap_layouts as layouts
import pytest
import soundfile
from support import Command, Refused

from joint.data.choices import Check
from joint.data.opening import open_corpus
from recipes.librimix.choices import Mode
from recipes.librimix.lists import Version
from recipes.librimix.prepare import prepare as prepare_librimix
from tasks.extraction.mixtures import MixtureList
from tasks.extraction.rendering import render
from tasks.recognition.conversations.lists import Conversations

ROUNDING = 2.5 / 32768

FIRST, SECOND = ("_".join(pair) for pair in layouts.MIXTURES[2]["test"])
DEV = "_".join(layouts.MIXTURES[2]["dev"][0])
MAP = {
    (FIRST, "61-198-0000"): f"s2/{SECOND}",
    (FIRST, "121-209-0000"): "test-clean/121/198/121-198-0001.flac",
    (SECOND, "237-198-0001"): "237-198-0000",
    (SECOND, "61-209-0000"): f"s1/{FIRST}.wav",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layouts.librispeech(tmp_path_factory.mktemp("published") / "LibriSpeech")


@pytest.fixture(scope="module")
def metadata(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layouts.librimix_metadata(tmp_path_factory.mktemp("published") / "LibriMix", corpus)


def write_map(path: Path, rows: dict[tuple[str, str], str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{mix} {target} {e}\n" for (mix, target), e in rows.items()))
    return path


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A map of the test mixtures."""
    return write_map(tmp_path / "data" / "wav8k" / "min" / "test" / "map_mixture2enrollment", MAP)


@pytest.mark.parametrize("rate", [16_000, 8_000])
@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("given", ["metadata", "generated"])
def test_every_version_is_as_generated(
    given: str,
    mode: str,
    rate: int,
    corpus: Path,
    metadata: Path,
    published: Path,
    joint_command: Command,
    tmp_path: Path,
) -> None:
    generated = layouts.librimix(tmp_path / "generated", corpus, ("min", "max"), rate)
    source = generated if given == "generated" else metadata
    options = ("--mode", mode, "--rate", rate, "--check", "header", "--test-only")
    out = tmp_path / "out"
    command = ("prepare", "librimix", corpus, source, out, "--enrollments", published, *options)
    done = joint_command(*command)
    assert done.code == 0 and not done.err, done
    tables = open_corpus(out / "test")
    mixtures = MixtureList.load(out / "test" / "mix2_extraction.csv")
    mixtures.check(tables)
    assert mixtures.sample_rate == rate and len(mixtures) == len(MAP)
    folder = generated / "Libri2Mix" / f"wav{rate // 1000}k" / mode / "test"

    def wav(kind: str, name: str) -> np.ndarray:
        samples, found = soundfile.read(folder / kind / f"{name}.wav")
        assert found == rate
        return samples

    for row in mixtures:
        mix_id, kind = row.mix_id.rsplit("_", 1)
        other = {"s1": "s2", "s2": "s1"}[kind]
        assert row.target == mix_id.split("_")[int(kind[1]) - 1]
        rendered = render(row, tables)
        for waveform, expected in (
            (rendered.mixture, wav("mix_clean", mix_id)),
            (rendered.reference, wav(kind, mix_id)),
            (rendered.interference, wav(other, mix_id)),
        ):
            assert np.allclose(waveform, expected, atol=ROUNDING)
        chosen = MAP[mix_id, row.target]
        if chosen.startswith("s"):
            expected = wav(*chosen.removesuffix(".wav").split("/"))
            if mode == "max":  # without the zeros behind it
                assert not np.any(expected[len(rendered.enrollment) :])
                expected = expected[: len(rendered.enrollment)]
            assert np.allclose(rendered.enrollment, expected, atol=ROUNDING)
        else:
            assert row.enrollment == Path(chosen).stem
            recorded = soundfile.info(layouts.flac(corpus, row.enrollment)).frames
            assert len(rendered.enrollment) == -(-recorded * rate // 16_000)
    assert (out / "test" / "mix2_recognition.csv").is_file() == (rate == 16_000)


def test_maps_of_all_splits_in_a_folder(
    corpus: Path, metadata: Path, published: Path, tmp_path: Path
) -> None:
    """The training mixtures get a list of extraction, which they have by a map alone."""
    train = ("19-198-0000", "26-209-0000"), ("26-198-0001", "27-198-0000")
    path = tmp_path / "LibriMix" / "metadata" / "Libri2Mix" / "libri2mix_train-clean-100.csv"
    path.parent.mkdir(parents=True)
    head = "mixture_ID,source_1_path,source_1_gain,source_2_path,source_2_gain\n"
    lines = (
        f"{a}_{b},train-clean-100/x/{a}.flac,0.5,train-clean-100/x/{b}.flac,0.7\n" for a, b in train
    )
    path.write_text(head + "".join(lines))
    for other in (metadata / "metadata" / "Libri2Mix").iterdir():
        (path.parent / other.name).write_text(other.read_text())
    folder = published.parents[1]
    write_map(folder / "dev" / published.name, {(DEV, "84-198-0001"): "84-198-0000"})
    three = "_".join(layouts.MIXTURES[3]["test"][0])
    write_map(folder / "three" / published.name, {(three, "61-198-0000"): f"s1/{three}"})
    write_map(
        folder / "train-100" / published.name,
        {
            ("_".join(train[0]), "26-209-0000"): f"s1/{'_'.join(train[1])}",
            ("_".join(train[1]), "26-198-0001"): "26-198-0001",
        },
    )
    report = prepare_librimix(
        corpus, tmp_path / "LibriMix", tmp_path / "out", check=Check.HEADER, enrollments=[folder]
    )
    found = {
        split: [(row.target, row.enrollment) for row in MixtureList.load(path)]
        for split in ("train", "validation", "test")
        if (path := tmp_path / "out" / split / "mix2_extraction.csv").is_file()
    }
    assert found["train"] == [("26-209-0000", "26-198-0001"), ("26-198-0001", "26-198-0001")]
    assert found["validation"] == [("84-198-0001", "84-198-0000")]
    assert found["test"] == [
        ("61-198-0000", "61-209-0000"),
        ("121-209-0000", "121-198-0001"),
        ("237-198-0001", "237-198-0000"),
        ("61-209-0000", "61-198-0000"),
    ]
    assert not (tmp_path / "out" / "train" / "mix2_recognition.csv").exists()
    # Recognition never enrols with the utterance itself, as a published map may do.
    for row in Conversations.load(tmp_path / "out" / "test" / "mix2_recognition.csv"):
        assert all(turn.enrollment != turn.utterance for turn in row.turns)
    expected = (
        f"{published.name}: not used, its mixtures are in no list of two speakers",
        f"{published.name}: 1 of 2 targets (26-198-0001 …) are enrolled with themselves",
        "mix2_extraction.csv: 2 of 4 targets left out, without enrolment",
        "mix2_extraction.csv: 1 of 2 targets left out, without enrolment",
    )
    assert len(report.warned) == len(expected), report.warned
    for words in expected:
        assert any(words in line for line in report.warned), words


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (f"{SECOND} 237", f"{SECOND[:-1]}9 237", ":3: found unknown mixture 237-198-0001_61-209"),
        (f"{FIRST} 61", f"{FIRST[:-1]}9 61", ":1: found unknown mixture 61-198-0000_121-209-0009"),
        (f"{FIRST} 61-198-0000", f"{FIRST} 61-198-0001", ":1: found target 61-198-0001 in mixture"),
        (f"s2/{SECOND}", f"s3/{SECOND}", ":1: found unknown source s3/237-198-0001_61-209-0000"),
        (f"s2/{SECOND}", f"s2/{DEV}", f":1: found unknown source s2/{DEV}"),
        ("121-198-0001.flac", "121-198-0007.flac", ":2: found unknown utterance test-clean/121"),
        (f"s2/{SECOND}", f"s1/{SECOND}", "of speaker 237 to enrol 61; expected an utterance"),
        ("237-198-0000", "237-198-0000 237-209-0000", "found '237-198-0001_61-209-0000 237-198-00"),
        (f"{FIRST} 121-209-0000", f"{FIRST} 61-198-0000", ":2: found 61-198-0000_121-209-0000 61"),
    ],
)
def test_a_bad_map_is_refused(
    old: str,
    new: str,
    words: str,
    corpus: Path,
    metadata: Path,
    published: Path,
    refused: Refused,
    tmp_path: Path,
) -> None:
    assert old in published.read_text()
    published.write_text(published.read_text().replace(old, new, 1))
    out = tmp_path / "out"
    line = refused("prepare", "librimix", corpus, metadata, out, "--enrollments", published)
    assert f"{published}:" in line and words in line, line
    assert not out.exists()


def test_no_map_at_all(
    corpus: Path, metadata: Path, published: Path, refused: Refused, tmp_path: Path
) -> None:
    command = ("prepare", "librimix", corpus, metadata, tmp_path / "out", "--enrollments")
    assert "found an unreadable file" in refused(*command, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "found no map_mixture2enrollment" in refused(*command, tmp_path / "empty")
    (tmp_path / "blank").write_text("\n")
    assert "blank: found no rows" in refused(*command, tmp_path / "blank")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\n")
    assert "bytes:1: found bytes that are not UTF-8" in refused(*command, tmp_path / "bytes")
    again = write_map(tmp_path / "again", MAP)
    line = refused(*command, published, "--enrollments", again)
    assert f"{again}: found a second map of its mixtures" in line


def test_lists_of_another_rate_and_of_another_utterance(
    corpus: Path, metadata: Path, refused: Refused, tmp_path: Path
) -> None:
    generated = layouts.librimix(tmp_path / "generated", corpus, ("min",), 8_000)
    command = ("prepare", "librimix", corpus, generated, tmp_path / "out")
    line = refused(*command)
    assert "found mixtures at 8 kHz alone" in line
    assert "expected a list at 16 kHz, or --rate 8000" in line
    assert "'44100'" in refused(*command, "--rate", 44_100)
    assert "'mean'" in refused(*command, "--mode", "mean")
    path = metadata / "metadata" / "Libri2Mix" / "libri2mix_test-clean.csv"
    copied = tmp_path / "LibriMix" / "Libri2Mix" / path.name
    copied.parent.mkdir(parents=True)
    copied.write_text(
        path.read_text().replace("61/198/61-198-0000.flac", "61/198/61-198-0001.flac")
    )
    line = refused("prepare", "librimix", corpus, copied.parents[1], tmp_path / "out")
    assert "test-clean.csv:2: found 'test-clean/61/198/61-198-0001.flac' in mixture_ID" in line


def test_a_target_without_a_usable_enrolment_is_left_out(
    corpus: Path, metadata: Path, published: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(corpus, tmp_path / "LibriSpeech")
    # The source of the first target's enrolment is in a mixture that cannot be measured.
    layouts.flac(root, "237-198-0001").write_bytes(b"fLaC")
    options = {"test_only": True, "enrollments": [published], "version": Version(Mode.MIN, 8_000)}
    report = prepare_librimix(root, metadata, tmp_path / "out", check=Check.HEADER, **options)
    (row,) = MixtureList.load(tmp_path / "out" / "test" / "mix2_extraction.csv")
    assert row.target == "121-209-0000" and row.sample_rate == 8_000
    assert any("1 of 2 targets left out" in line for line in report.warned)
    assert any("1 of 2 mixtures left out" in line for line in report.warned)
    assert [skipped.utterance for skipped in report.skipped] == ["237-198-0001"]
