"""speechocean762: the embedded corpus, the layout of OpenSLR 101, and the lists made from them."""

import csv
import shutil
from collections import Counter
from pathlib import Path

import pytest
import soundfile
from lhotse import SupervisionSet
from typer.testing import CliRunner

import recipes.speechocean762
from joint.app.cli.main import app
from joint.audio import read_audio
from joint.data.corpus import Utterance
from joint.data.opening import open_corpus
from joint.data.prepare.manifests import PrepareReport
from joint.data.prepare.tables import write_tables
from joint.errors import DataError
from recipes.speechocean762.lists import choose_speakers, make_mixtures, make_trials
from recipes.speechocean762.prepare import HELD_OUT, prepare, read_speakers

EMBEDDED = Path(recipes.speechocean762.__file__).with_name("embedded")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PrepareReport:
    return prepare(EMBEDDED, tmp_path_factory.mktemp("embedded") / "data")


@pytest.fixture(scope="module")
def held_out() -> dict[str, Utterance]:
    return dict(open_corpus(EMBEDDED / "test").by_id)


@pytest.fixture
def openslr(tmp_path: Path) -> Path:
    """A tiny corpus as OpenSLR 101 ships it: WAV files, tables relative to the corpus root.

    Two ordinary and two held-out speakers train, two others test; three utterances each.
    """
    root = tmp_path / "speechocean762"
    train = _first(open_corpus(EMBEDDED / "train").by_id, 4)
    validation = _first(open_corpus(EMBEDDED / "test").by_id, 2)
    _write_openslr(root, "train", train[:6] + validation)
    _write_openslr(root, "test", train[6:])
    shutil.copytree(EMBEDDED / "resource", root / "resource")
    return root


def _first(utterances: dict[str, Utterance], speakers: int) -> list[Utterance]:
    seen: Counter[str] = Counter()
    chosen = []
    for utterance in utterances.values():
        if seen[utterance.speaker] < 3 and (utterance.speaker in seen or len(seen) < speakers):
            seen[utterance.speaker] += 1
            chosen.append(utterance)
    return chosen


def _write_openslr(root: Path, split: str, utterances: list[Utterance]) -> None:
    (root / split).mkdir(parents=True)
    write_tables(root / split, utterances)
    lines = []
    for utterance in utterances:
        name = f"WAVE/SPEAKER{utterance.speaker}/{utterance.id}.WAV"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, read_audio(utterance.path), 16_000, format="WAV")
        lines.append(f"{utterance.id}\t{name}\n")
    (root / split / "wav.scp").write_text("".join(lines))


def test_embedded_corpus_is_whole(prepared: PrepareReport) -> None:
    assert prepared.utterances == {"train": 396, "test": 132}
    assert prepared.speakers == {"train": 36, "test": 12}
    assert prepared.skipped == [] and prepared.warned == []
    assert not (prepared.output / "validation").exists()
    size = sum(path.stat().st_size for path in EMBEDDED.rglob("*") if path.is_file())
    assert size <= 18_000_000


def test_embedded_speakers_are_disjoint_and_balanced(
    held_out: dict[str, Utterance],
) -> None:
    train = {u.speaker: u for u in open_corpus(EMBEDDED / "train").utterances}
    test = {u.speaker: u for u in held_out.values()}
    assert not set(train) & set(test)
    assert set(test) == read_speakers(HELD_OUT)
    for speakers, each in ((train, 9), (test, 3)):
        groups = Counter((u.gender, u.age_group) for u in speakers.values())
        assert len(groups) == 4 and set(groups.values()) == {each}


def test_supervisions_carry_words_phones_gender_and_age(prepared: PrepareReport) -> None:
    for split in ("train", "test"):
        for segment in SupervisionSet.from_file(prepared.output / split / "supervisions.jsonl.gz"):
            assert segment.gender in ("m", "f") and segment.language == "English"
            assert segment.custom["age_group"] == (
                "child" if segment.custom["age"] < 16 else "adult"
            )
            assert len(segment.custom["phones"]) == len(segment.text.split())
            assert all(segment.custom["phones"])


def test_embedded_trials(prepared: PrepareReport, held_out: dict[str, Utterance]) -> None:
    lines = (prepared.output / "test" / "trials").read_text().splitlines()
    trials = [line.split() for line in lines]
    assert len({frozenset(pair) for _, *pair in trials}) == len(trials) == 1800
    kinds: Counter[str] = Counter()
    for label, first, second in trials:
        one, other = held_out[first], held_out[second]
        assert (one.speaker == other.speaker) == (label == "1") and first != second
        alike = (one.gender, one.age_group) == (other.gender, other.age_group)
        kinds["target" if label == "1" else "alike" if alike else "unlike"] += 1
    assert kinds == {"target": 360, "alike": 1080, "unlike": 360}


def test_embedded_mixtures(prepared: PrepareReport, held_out: dict[str, Utterance]) -> None:
    with (prepared.output / "test" / "mix2_extraction.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["mix_id", "target", "interferer", "enrollment", "snr_db"]
    assert len({row["mix_id"] for row in rows}) == len(rows) == 120
    same_gender = 0
    for row in rows:
        target, interferer, enrollment = (
            held_out[row[key]] for key in ("target", "interferer", "enrollment")
        )
        assert target.speaker == enrollment.speaker != interferer.speaker
        assert target.id != enrollment.id and abs(float(row["snr_db"])) <= 5
        same_gender += target.gender == interferer.gender
    assert same_gender == 60


def test_lists_depend_on_the_seed_alone(held_out: dict[str, Utterance]) -> None:
    rows = list(held_out.values())
    assert make_trials(rows, 30, 1) == make_trials(rows[::-1], 30, 1) != make_trials(rows, 30, 2)
    assert make_mixtures(rows, 9, 1) == make_mixtures(rows[::-1], 9, 1) != make_mixtures(rows, 9, 2)
    assert choose_speakers(rows, 2, 1) == choose_speakers(rows[::-1], 2, 1)
    with pytest.raises(DataError, match="at least 4"):
        choose_speakers(rows, 4, 1)
    with pytest.raises(DataError, match="two speakers"):
        make_mixtures(rows[:5], 9, 1)


def test_openslr_layout(openslr: Path, tmp_path: Path) -> None:
    report = prepare(openslr, tmp_path / "out")
    assert report.utterances == {"train": 6, "validation": 6, "test": 6}
    validation = open_corpus(tmp_path / "out" / "validation").utterances
    assert {u.speaker for u in validation} <= read_speakers(HELD_OUT)
    assert all(Path(u.path).suffix == ".WAV" and Path(u.path).is_absolute() for u in validation)
    assert (tmp_path / "out" / "validation" / "trials").read_text().count("\n1 ") == 5
    rows = (tmp_path / "out" / "validation" / "mix2_extraction.csv").read_text().splitlines()
    assert len(rows) == 301


def test_no_held_out_speakers_gives_no_validation(openslr: Path, tmp_path: Path) -> None:
    report = prepare(openslr, tmp_path / "out", held_out=None)
    assert report.utterances == {"train": 12, "test": 6}
    runner = CliRunner()
    for options in ([], ["--everybody"]):
        out = str(tmp_path / "-".join(["cli", *options]))
        result = runner.invoke(app, ["prepare", "speechocean762", str(openslr), out, *options])
        assert result.exit_code == 0, result.output
        assert (Path(out) / "validation").exists() == (not options)


def test_bad_files_are_skipped_counted_and_listed(openslr: Path, tmp_path: Path) -> None:
    paths = sorted(openslr.glob("WAVE/*/*.WAV"))
    paths[0].unlink()
    paths[4].write_bytes(b"no audio")
    paths[9].write_bytes(paths[9].read_bytes()[:9_000])
    report = prepare(openslr, tmp_path / "out")
    assert {s.utterance for s in report.skipped} == {paths[i].stem for i in (0, 4, 9)}
    assert sum(report.utterances.values()) == 15
    listed = (tmp_path / "out" / "skipped.tsv").read_text().splitlines()
    assert len(listed) == 4 and all(len(line.split("\t")) == 3 for line in listed)


def test_missing_tables_are_named_and_nothing_is_left(openslr: Path, tmp_path: Path) -> None:
    (openslr / "test" / "spk2age").unlink()
    (openslr / "train" / "text").unlink()
    with pytest.raises(DataError, match="no train/text, test/spk2age"):
        prepare(openslr, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["speechocean762"]


def test_failure_in_the_last_split_leaves_nothing(openslr: Path, tmp_path: Path) -> None:
    for utterance in open_corpus(openslr / "test").utterances:
        Path(utterance.path).write_bytes(b"no audio")
    with pytest.raises(DataError, match="no usable recording"):
        prepare(openslr, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["speechocean762"]


def test_malformed_phones_and_shared_speakers_are_refused(openslr: Path, tmp_path: Path) -> None:
    (openslr / "resource" / "text-phone").write_text("000010011 W_B IY0_E\n")
    with pytest.raises(DataError, match=r"UTTERANCE\.WORDINDEX"):
        prepare(openslr, tmp_path / "out")
    for table in ("wav.scp", "text", "utt2spk", "spk2gender", "spk2age"):
        shutil.copyfile(openslr / "train" / table, openslr / "test" / table)
    with pytest.raises(DataError, match="in train and in test"):
        prepare(openslr, tmp_path / "out")
