"""Common Voice in the layout of its releases: cut clips, splits, resumption, what is wrong."""

import shutil
from collections.abc import Mapping
from hashlib import sha1
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from lhotse import SupervisionSet
from support import ROOT, Command, Refused

from joint.audio import read_audio
from joint.data.choices import Check
from joint.data.corpus import SUPERVISIONS, Utterance
from joint.data.opening import open_corpus
from joint.errors import ConfigError, DataError
from joint.files import read_lines
from joint.inspection.speech import SileroSpeech
from recipes.commonvoice.prepare import prepare
from tasks.verification.trials import Trials

EMBEDDED = ROOT / "recipes" / "speechocean762" / "embedded" / "train"
LANGUAGES = {
    "en": "client_id path sentence up_votes down_votes age gender accent locale segment",
    "fy-NL": "client_id path sentence_id sentence sentence_domain up_votes down_votes age gender "
    "accents variant locale segment",
}
"""Columns of release 6.1, and of one of today."""
CLIPS = {  # clip: speaker, gender
    "en_1": ("a", "female"),
    "en_2": ("a", "female"),
    "en_3": ("a", "female"),
    "en_4": ("b", "male"),
    "en_5": ("c", "other"),
    "en_6": ("d", ""),
    "en_7": ("e", "male"),
    "en_8": ("f", "male"),
    "fy-NL_1": ("a", "female_feminine"),
    "fy-NL_2": ("g", "male_masculine"),
    "fy-NL_3": ("g", "male_masculine"),
}
LITTLE, NO_AUDIO, MISSING = "en_6", "en_7", "en_8"
SILENCE = 1.2
SENTENCE = "He said: \"Wait,  he's #1"


def speaker(name: str) -> str:
    return f"cv-{sha1(name.encode()).hexdigest()[:12]}"


def row(clip: str, columns: list[str]) -> str:
    name, gender = CLIPS[clip]
    known = {
        "client_id": name,
        "path": f"common_voice_{clip}.mp3",
        "sentence": SENTENCE,
        "gender": gender,
        "locale": clip.split("_")[0],
    }
    return "\t".join(known.get(column, "") for column in columns) + "\n"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real speech of about 2 s between silences of 1.2 s, as MP3 at 32 kHz."""
    root = tmp_path_factory.mktemp("published") / "cv-corpus"
    own: dict[str, list[Utterance]] = {}
    for utterance in open_corpus(EMBEDDED).utterances:
        own.setdefault(utterance.speaker, []).append(utterance)
    people = dict(zip("abcdefg", sorted(own.values(), key=lambda u: u[0].id), strict=False))
    for clip, (name, _) in CLIPS.items():
        path = root / clip.split("_")[0] / "clips" / f"common_voice_{clip}.mp3"
        path.parent.mkdir(parents=True, exist_ok=True)
        waveform = read_audio(people[name].pop(0).path)
        waveform = waveform[: 16_000 if clip == LITTLE else None]
        silent = np.zeros(round(SILENCE * 32_000))
        waveform = np.concatenate([silent, soxr.resample(waveform, 16_000, 32_000), silent])
        if clip == NO_AUDIO:
            path.write_bytes(b"no audio")
        elif clip != MISSING:
            soundfile.write(path, waveform, 32_000, format="MP3")
    for language, columns in LANGUAGES.items():
        rows = [row(clip, columns.split()) for clip in CLIPS if clip.startswith(language)]
        table = "\t".join(columns.split()) + "\n" + "".join(rows)
        # As Windows writes it, which some copies went through.
        (root / language / "validated.tsv").write_bytes(table.replace("\n", "\r\n").encode())
    return root


@pytest.fixture(scope="module")
def written(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("written") / "out"
    prepare(release, output, min_speech=1.0, held_out=2)
    return output


def rows_of(output: Path) -> Mapping[str, Utterance]:
    splits = [path.parent for path in output.glob("*/wav.scp")]
    return {u.id: u for split in splits for u in open_corpus(split).utterances}


def test_splits_and_labels(written: Path) -> None:
    assert {path.name for path in written.iterdir()} == {
        "audio", "train", "validation", "skipped.tsv",
    }  # fmt: skip
    rows = rows_of(written)
    usable = [clip for clip in CLIPS if clip not in (LITTLE, NO_AUDIO, MISSING)]
    assert set(rows) == {f"{speaker(CLIPS[clip][0])}-common_voice_{clip}" for clip in usable}
    genders = {"a": "f", "b": "m", "c": None, "g": "m"}
    assert {u.speaker: u.gender for u in rows.values()} == {
        speaker(name): gender for name, gender in genders.items()
    }
    assert {u.text for u in rows.values()} == {" ".join(SENTENCE.split())}
    train = {u.speaker for u in open_corpus(written / "train").utterances}
    held_out = {u.speaker for u in open_corpus(written / "validation").utterances}
    # Speakers of one clip are trained on, and never held out.
    assert train == {speaker("b"), speaker("c")} and held_out == {speaker("a"), speaker("g")}
    for split in ("train", "validation"):
        for supervision in SupervisionSet.from_jsonl(written / split / SUPERVISIONS):
            assert f"common_voice_{supervision.language}_" in supervision.id
    trials = Trials.load(written / "validation" / "trials")
    trials.check(open_corpus(written / "validation"))
    assert trials.labels.sum() == 7  # 6 pairs of a, in two languages, and 1 of g


def test_recordings_are_cut_to_their_speech(release: Path, written: Path) -> None:
    find = SileroSpeech()
    for utterance in rows_of(written).values():
        path = Path(utterance.path)
        language = path.stem.split("_")[2]
        assert path == written / "audio" / language / f"{path.stem}.flac"
        info = soundfile.info(path)
        assert (info.format, info.samplerate, info.channels) == ("FLAC", 16_000, 1)
        whole = read_audio(release / language / "clips" / f"{path.stem}.mp3")
        first, last = find(whole)[0].start, find(whole)[-1].end
        cut = read_audio(path)
        assert len(cut) == min(last + 1600, len(whole)) - first + 1600
        np.testing.assert_allclose(cut, whole[first - 1600 :][: len(cut)], atol=1e-4)
        assert len(whole) - len(cut) > (2 * SILENCE - 0.4) * 16_000


def test_what_is_skipped_is_listed(release: Path, written: Path) -> None:
    header, *lines = [line.split("\t") for line in read_lines(written / "skipped.tsv")]
    assert header == ["split", "utterance", "reason"]
    reasons = {name.split("common_voice_")[1]: reason for split, name, reason in lines}
    assert set(reasons) == {LITTLE, NO_AUDIO, MISSING}
    assert {split for split, _, _ in lines} == {"en"}
    assert "s of speech; expected at least 1 s" in reasons[LITTLE]
    assert "no frame of MPEG audio" in reasons[NO_AUDIO] and "no such file" in reasons[MISSING]


def test_resumed_and_repeated(release: Path, written: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(written / "audio", out / "audio")  # as an interrupted run leaves it
    kept, lost, bad = sorted((out / "audio").rglob("*.flac"))[:3]
    before = kept.stat().st_mtime_ns
    lost.unlink()
    bad.write_bytes(b"")
    prepare(release, out, min_speech=1.0, held_out=1, check=Check.HEADER)
    assert kept.stat().st_mtime_ns == before
    for path in (lost, bad):
        assert path.read_bytes() == (written / path.relative_to(out)).read_bytes()
    assert set(rows_of(out)) == set(rows_of(written))
    # More speech wanted: the recordings say how much they have. The old splits are gone.
    report = prepare(release, out, ["fy-NL"], min_speech=2.5, held_out=0)
    assert kept.stat().st_mtime_ns == before and not (out / "validation").exists()
    assert {Path(u.path).parent.name for u in rows_of(out).values()} == {"fy-NL"}
    few = [s for s in report.skipped if "expected at least 2.5 s of speech" in s.reason]
    assert len(report.skipped) == len(few) > 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_languages_in_two_processes(
    release: Path, joint_command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(release.parent)
    chosen = ("--languages", "fy-NL,en", "--min-speech", 1, "--held-out", 1, "--jobs", 2)
    done = joint_command("prepare", "commonvoice", release.name, tmp_path / "out", *chosen)
    assert done.code == 0 and "ready, 3 recordings skipped" in done.out, done
    alone = prepare(f"{release.name}/fy-NL", tmp_path / "alone", min_speech=1.0, held_out=0)
    assert alone.utterances == {"train": 3} and alone.speakers == {"train": 2}
    assert all(Path(u.path).is_absolute() for u in rows_of(tmp_path / "alone").values())
    assert {Path(u.path).parent.name for u in rows_of(tmp_path / "alone").values()} == {"fy-NL"}


def test_what_is_no_release(release: Path, refused: Refused, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def line(root: Path, *options: object) -> str:
        return refused("prepare", "commonvoice", root, out, *options)

    assert "no such file" in line(tmp_path / "none")
    assert "no validated.tsv" in line(release.parent)
    found = line(release, "--languages", "en,de")
    assert "no language 'de'" in found and "some of en, fy-NL" in found
    root = shutil.copytree(release, tmp_path / "release")
    (root / "fy-NL" / "validated.tsv").unlink()
    assert "clips without validated.tsv" in line(root / "fy-NL")
    report = prepare(root, tmp_path / "rest", min_speech=1.0, held_out=0, check=Check.HEADER)
    assert report.warned == [f"{root}: no validated.tsv in fy-NL: left out"]
    assert "no usable clip" in line(root / "en", "--min-speech", "60")
    shutil.rmtree(root / "en" / "clips")
    assert "no folder clips" in line(root)
    assert not (tmp_path / "out" / "train").exists()
    with pytest.raises(ConfigError, match="--min-speech: found nan"):
        prepare(release, out, min_speech=float("nan"))
    (out / "mine.txt").parent.mkdir(exist_ok=True)
    (out / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="other content"):
        prepare(release, out)


@pytest.mark.parametrize(
    "table, found",
    [
        ("", "no column client_id"),
        ("client_id\tsentence\n", "no column path"),
        ("client_id,path,sentence\n", "no column client_id"),
        ("client_id\tpath\tsentence\na\ta.mp3\n", "validated.tsv:2: found 2 fields"),
        ("client_id\tpath\tsentence\n\ta.mp3\tX\n", "validated.tsv:2: found client_id ''"),
        ("client_id\tpath\tsentence\na\t../a.mp3\tX\n", "path '../a.mp3'"),
        ("client_id\tpath\tsentence\na\ta.mp3\tX\nb\ta.mp3\tX\n", "3: found a.mp3 a second time"),
    ],
)
def test_a_broken_table(table: str, found: str, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "en" / "clips").mkdir(parents=True)
    (tmp_path / "en" / "validated.tsv").write_text(table)
    assert found in refused("prepare", "commonvoice", tmp_path, tmp_path.parent / "broken")
    assert not (tmp_path.parent / "broken").exists()
