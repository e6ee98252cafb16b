"""Lists and tables that cannot be used: one line, exit 2, nothing written."""

from pathlib import Path

import pytest
from support import Refused

TRIALS = {
    "unknown utterance": ("1 {a} {b}\n0 {a} nobody\n", "unknown utterance nobody"),
    "targets only": ("1 {a} {b}\n", "target"),
    "non-targets only": ("0 {a} {b}\n", "target"),
    "no trial": ("", "target"),
    "two columns": ("1 {a}\n", "LABEL UTT1 UTT2"),
    "a label that is none": ("maybe {a} {b}\n", "LABEL UTT1 UTT2"),
}
MIXTURES = {
    "missing column": ("mix_id,target,interferer,snr_db\nm,{a},{b},0\n", "enrollment"),
    "unknown utterance": (
        "mix_id,target,interferer,enrollment,snr_db\nm,{a},nobody,{b},0\n",
        "nobody",
    ),
    "a level that is no number": (
        "mix_id,target,interferer,enrollment,snr_db\nm,{a},{b},{a},loud\n",
        "loud",
    ),
    "empty": ("", "mix"),
}


@pytest.fixture
def names(embedded_corpus: Path) -> dict[str, str]:
    lines = (embedded_corpus / "test" / "wav.scp").read_text().splitlines()
    return {"a": lines[0].split()[0], "b": lines[1].split()[0]}


@pytest.mark.parametrize("text, expected", TRIALS.values(), ids=TRIALS.keys())
def test_trials(
    refused: Refused,
    tiny_checkpoint: Path,
    embedded_corpus: Path,
    names: dict[str, str],
    tmp_path: Path,
    text: str,
    expected: str,
) -> None:
    trials = tmp_path / "trials"
    trials.write_text(text.format(**names))
    line = refused(
        *("evaluate", "verification", "--checkpoint", tiny_checkpoint),
        *("--data", embedded_corpus / "test", "--trials", trials),
        *("--scores", tmp_path / "scores.csv", "--json", tmp_path / "figures.json"),
    )
    assert str(trials) in line and expected in line
    assert [path.name for path in tmp_path.iterdir()] == ["trials"]


@pytest.mark.parametrize("text, expected", MIXTURES.values(), ids=MIXTURES.keys())
def test_mixtures(
    refused: Refused,
    tiny_checkpoint: Path,
    embedded_corpus: Path,
    names: dict[str, str],
    tmp_path: Path,
    text: str,
    expected: str,
) -> None:
    mixtures = tmp_path / "mix.csv"
    mixtures.write_text(text.format(**names))
    line = refused(
        *("evaluate", "extraction", "--checkpoint", tiny_checkpoint),
        *("--data", embedded_corpus / "test", "--mixtures", mixtures),
        *("--output", tmp_path / "wav", "--scores", tmp_path / "scores.csv"),
        *("--json", tmp_path / "figures.json"),
    )
    assert str(mixtures) in line and expected in line
    assert [path.name for path in tmp_path.iterdir()] == ["mix.csv"]


def test_missing_lists(
    refused: Refused, tiny_checkpoint: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    common = ("--checkpoint", tiny_checkpoint, "--data", embedded_corpus / "test")
    nowhere = tmp_path / "nowhere"
    assert str(nowhere) in refused("evaluate", "verification", *common, "--trials", nowhere)
    assert str(nowhere) in refused("evaluate", "extraction", *common, "--mixtures", nowhere)


def test_a_folder_without_tables(
    refused: Refused, tiny_checkpoint: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    trials = embedded_corpus / "test" / "trials"
    common = ("--checkpoint", tiny_checkpoint, "--data", tmp_path)
    assert "wav.scp" in refused("evaluate", "verification", *common, "--trials", trials)
    assert "wav.scp" in refused("prepare", "kaldi", tmp_path, tmp_path / "out")
    assert str(tmp_path) in refused("prepare", "speechocean762", tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_wav_scp(refused: Refused, tiny_checkpoint: Path, tmp_path: Path) -> None:
    table = tmp_path / "wav.scp"
    common = ("embed", "--checkpoint", tiny_checkpoint, "--output", tmp_path / "a.npz")
    assert str(table) in refused(*common, "--wav-scp", table)
    for text in ("", "a one.wav\na two.wav\n", "a cat one.wav |\n"):
        table.write_text(text)
        assert str(table) in refused(*common, "--wav-scp", table)
    assert "--wav-scp" in refused(*common)
    assert "--wav-scp" in refused(*common, "--wav-scp", table, "one.wav")
    assert "again" in refused(*common, "x/one.wav", "y/one.flac")
    assert [path.name for path in tmp_path.iterdir()] == ["wav.scp"]


def test_a_recognizer_that_is_none(
    refused: Refused, tiny_checkpoint: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    data = embedded_corpus / "test"
    common = ("evaluate", "extraction", "--checkpoint", tiny_checkpoint, "--data", data)
    for name in ("faster-whisper", "nobody:here", f"faster-whisper:{tmp_path}"):
        refused(*common, "--mixtures", data / "mix2_extraction.csv", "--recognizer", name)
