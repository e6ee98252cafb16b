"""VoxCeleb, CN-Celeb, 3D-Speaker and VoxBlink, each in the layout in which it is published."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import layouts
import pytest
from lhotse import SupervisionSet
from support import ROOT, Command, Refused, short

from joint.data.choices import Check
from joint.data.opening import open_corpus
from joint.data.prepare.manifests import PrepareReport
from joint.errors import DataError
from joint.training.run import train
from recipes.cnceleb.prepare import prepare as prepare_cnceleb
from recipes.threedspeaker.prepare import prepare as prepare_threedspeaker
from recipes.voxblink.prepare import prepare as prepare_voxblink
from recipes.voxceleb.parts import TrainOn
from recipes.voxceleb.prepare import prepare as prepare_voxceleb
from tasks.verification.trials import Trials


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a corpus, made once; a test that changes it takes a copy."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = getattr(layouts, name)(tmp_path_factory.mktemp("published") / name)
        return made[name]

    return folder


def speakers(report: PrepareReport, split: str) -> set[str]:
    return {u.speaker for u in open_corpus(report.output / split).utterances}


def trials(report: PrepareReport, name: str) -> Trials:
    """A list of the test split, which its tables must cover."""
    listed = Trials.load(report.output / "test" / name)
    listed.check(open_corpus(report.output / "test"))
    return listed


class TestVoxCeleb:
    def test_trains_on_2_and_tests_on_1(
        self, published: Callable[[str], Path], tmp_path: Path
    ) -> None:
        report = prepare_voxceleb(published("voxceleb"), tmp_path / "out", held_out=2, jobs=3)
        assert report.utterances == {"train": 12, "validation": 8, "test": 10}
        assert report.skipped == [] and report.warned == []
        trained, held_out = speakers(report, "train"), speakers(report, "validation")
        assert trained | held_out == {f"id{n:05d}" for n in (12, 15, 16, 18, 19)}
        assert not trained & held_out
        listed = trials(report, "trials_O")
        assert listed.names[0] == "id10270-vid_-0-00001" and listed.labels.tolist() == [1, 0, 1, 0]
        assert len(trials(report, "trials_E")) == len(trials(report, "trials_H")) == 10
        test = open_corpus(report.output / "test").utterances
        assert {u.speaker: u.gender for u in test} == dict.fromkeys(
            ("id10001", "id10002", "id11251"), "f"
        ) | dict.fromkeys(("id10270", "id10309"), "m")
        own = Trials.load(report.output / "validation" / "trials")
        own.check(open_corpus(report.output / "validation"))
        assert 0 < own.labels.sum() < len(own)

    @pytest.mark.parametrize("part, second", [(TrainOn.VOXCELEB1, 0), (TrainOn.BOTH, 5)])
    def test_voxceleb1_in_training_leaves_only_o(
        self, part: TrainOn, second: int, published: Callable[[str], Path], tmp_path: Path
    ) -> None:
        report = prepare_voxceleb(
            published("voxceleb"), tmp_path / "out", part, held_out=0, check=Check.HEADER
        )
        found = speakers(report, "train")
        assert {"id10001", "id10002", "id11251"} <= found and len(found) == 3 + second
        assert speakers(report, "test") == {"id10270", "id10309"}
        assert [p.name for p in (tmp_path / "out" / "test").glob("trials*")] == ["trials_O"]
        assert not (tmp_path / "out" / "validation").exists()

    def test_m4a_alone_is_refused_with_the_command(
        self, published: Callable[[str], Path], refused: Refused, tmp_path: Path
    ) -> None:
        root = shutil.copytree(published("voxceleb"), tmp_path / "voxceleb")
        for path in (root / "voxceleb2").rglob("*.wav"):
            path.rename(path.with_suffix(".m4a")).write_bytes(b"\0\0\0\x1cftypM4A ")
        line = refused("prepare", "voxceleb", root, tmp_path / "out")
        assert "m4a, which libsndfile cannot decode" in line and "ffmpeg" in line
        assert [p.name for p in tmp_path.iterdir()] == ["voxceleb"]

    def test_wav_is_taken_before_m4a_and_a_lone_m4a_is_skipped(
        self, published: Callable[[str], Path], tmp_path: Path
    ) -> None:
        root = shutil.copytree(published("voxceleb"), tmp_path / "voxceleb")
        wavs = sorted((root / "voxceleb2").rglob("*.wav"))
        for path in wavs:
            path.with_suffix(".m4a").write_bytes(b"\0\0\0\x1cftypM4A ")
        wavs[0].unlink()
        # A tree of its own, as converters make it.
        moved = root / "voxceleb2_wav" / wavs[1].relative_to(root / "voxceleb2")
        moved.parent.mkdir(parents=True)
        wavs[1].rename(moved)
        report = prepare_voxceleb(root, tmp_path / "out", held_out=0)
        assert [s.utterance for s in report.skipped] == ["id00012-vid_-0-00001"]
        assert report.utterances["train"] == 19
        found = open_corpus(report.output / "train").by_id["id00012-vid_-0-00002"]
        assert found.path == str(moved)

    def test_bad_and_missing_recordings_leave_their_trials_out(
        self, published: Callable[[str], Path], tmp_path: Path
    ) -> None:
        root = shutil.copytree(published("voxceleb"), tmp_path / "voxceleb")
        folder = root / "voxceleb1" / "test" / "wav"
        (folder / "id10270" / "vid_-1" / "00002.wav").unlink()
        (folder / "id10309" / "vid_-1" / "00002.wav").write_bytes(b"RIFF")
        (root / "list_test_hard2.txt").unlink()
        (root / "list_test_all2.txt").unlink()
        with pytest.raises(DataError, match="target and non-target"):
            trials(prepare_voxceleb(root, tmp_path / "out", held_out=0), "trials_O")
        report = prepare_voxceleb(root, tmp_path / "out", held_out=0)
        assert [s.utterance for s in report.skipped] == ["id10309-vid_-1-00002"]
        assert any("trials_O: 2 of 4 trials left out" in line for line in report.warned)
        assert sum("no list_test" in line for line in report.warned) == 2

    def test_missing_parts_and_lists(
        self, published: Callable[[str], Path], refused: Refused, tmp_path: Path
    ) -> None:
        root, out = published("voxceleb"), tmp_path / "out"
        assert "no veri_test2.txt" in refused("prepare", "voxceleb", root / "voxceleb1", out)
        assert "no folder of a speaker" in refused("prepare", "voxceleb", tmp_path, out)
        shutil.copytree(root / "voxceleb1", tmp_path / "alone")
        list_ = shutil.copy(root / "veri_test2.txt", tmp_path / "alone")
        report = prepare_voxceleb(tmp_path / "alone", tmp_path / "tests", check=Check.HEADER)
        assert set(report.utterances) == {"test"} and not (tmp_path / "tests" / "train").exists()
        assert any("no speaker to train on" in line for line in report.warned)
        shutil.copytree(root / "voxceleb2", tmp_path / "second" / "voxceleb2")
        shutil.copy(list_, tmp_path / "second")
        line = refused("prepare", "voxceleb", tmp_path / "second", out)
        assert "no speaker of voxceleb1" in line
        Path(list_).write_text("1 id10270/00001.wav id10270/x/00002.wav\n")
        line = refused("prepare", "voxceleb", tmp_path / "alone", out)
        assert "veri_test2.txt:1" in line and "SPEAKER/VIDEO/UTTERANCE.wav" in line


def test_prepared_trained_and_evaluated(
    published: Callable[[str], Path], joint_command: Command, tmp_path: Path
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    prepare_voxceleb(published("voxceleb"), data, held_out=2, check=Check.HEADER)
    recipe = ROOT / "recipes" / "voxceleb" / "verification.yaml"
    overrides = short(recipe, data / "train", data / "validation", run)
    checkpoint = train(recipe, [*overrides, "encoder.backbone.channels=64"])
    tested = ("--data", data / "test", "--trials", data / "test" / "trials_E")
    done = joint_command("evaluate", "verification", "--checkpoint", checkpoint, *tested)
    assert done.code == 0 and "eer_percent" in done.out, done


class TestCnCeleb:
    def test_both_parts(self, published: Callable[[str], Path], tmp_path: Path) -> None:
        report = prepare_cnceleb(published("cnceleb"), tmp_path / "out", held_out=1)
        assert report.utterances == {"train": 16, "validation": 4, "test": 4}
        assert speakers(report, "test") == {"id00800", "id00999"}
        listed = trials(report, "trials")
        pairs = [(listed.names[listed.first[t]], listed.names[listed.second[t]]) for t in (0, 1)]
        assert listed.labels[:2].tolist() == [True, False]
        assert pairs == [
            ("id00800-enroll", "id00800-singing-01-005"),
            ("id00999-enroll", "id00800-singing-01-005"),
        ]
        found = SupervisionSet.from_file(report.output / "train" / "supervisions.jsonl.gz")
        assert {s.custom["genre"] for s in found} == {"singing", "live_broadcast"}
        assert {s.id for s in found if s.speaker == "id10000"} <= {
            f"id10000-{g}-01-{n:03d}" for g in ("singing", "live_broadcast") for n in range(4)
        }

    def test_the_first_part_alone(self, published: Callable[[str], Path], tmp_path: Path) -> None:
        root = published("cnceleb") / "CN-Celeb_flac"
        report = prepare_cnceleb(root, tmp_path / "out", held_out=0, check=Check.HEADER)
        assert speakers(report, "train") == {"id00000", "id00001", "id00002"}

    def test_an_eval_speaker_in_training_is_refused(
        self, published: Callable[[str], Path], tmp_path: Path
    ) -> None:
        root = shutil.copytree(published("cnceleb"), tmp_path / "cnceleb")
        with (root / "CN-Celeb_flac" / "dev" / "dev.lst").open("a") as file:
            file.write("id00800\n")
        with pytest.raises(DataError, match="id00800 in train and in test"):
            prepare_cnceleb(root, tmp_path / "out", held_out=0)
        with pytest.raises(DataError, match=r"no eval/lists/trials\.lst"):
            prepare_cnceleb(tmp_path, tmp_path / "out")


class TestThreeDSpeaker:
    def test_conditions_and_lists(self, published: Callable[[str], Path], tmp_path: Path) -> None:
        report = prepare_threedspeaker(published("threedspeaker"), tmp_path / "out", held_out=1)
        assert report.utterances == {"train": 6, "validation": 2, "test": 4}
        found = SupervisionSet.from_file(report.output / "train" / "supervisions.jsonl.gz")
        assert {(s.custom["device"], s.custom["distance"], s.custom["dialect"]) for s in found} == {
            ("Device01", "Distance00", "Dialect00"),
            ("Device03", "Distance01", "Dialect00"),
        }
        for name in ("device", "distance", "dialect"):
            assert len(trials(report, f"trials_cross_{name}")) == 4

    def test_missing_files(self, published: Callable[[str], Path], tmp_path: Path) -> None:
        root = shutil.copytree(published("threedspeaker"), tmp_path / "corpus")
        (root / "files" / "trials_cross_dialect").write_text("a b maybe\n")
        with pytest.raises(DataError, match=r"trials_cross_dialect:1.*'maybe'"):
            prepare_threedspeaker(root, tmp_path / "out", held_out=1)
        (root / "files" / "test_utt2spk").unlink()
        with pytest.raises(DataError, match="no test_utt2spk"):
            prepare_threedspeaker(root, tmp_path / "out", held_out=1)


def test_voxblink(published: Callable[[str], Path], joint_command: Command, tmp_path: Path) -> None:
    root, out = published("voxblink"), tmp_path / "out"
    listed = ("--utterances", root / "resource" / "utt_clean")
    genders = ("--genders", root / "resource" / "spk2gender")
    done = joint_command(
        "prepare", "voxblink", root, out, *listed, *genders, "--held-out", 0, "--check", "header"
    )
    assert done.code == 0 and "train: 12 utterances, 3 speakers" in done.out, done
    assert any("1 of 13 utterances" in line for line in done.err)
    found = open_corpus(out / "train").utterances
    assert {u.speaker: u.gender for u in found} == {"id00000": "m", "id00001": "f", "id00002": None}
    assert prepare_voxblink(root, out, held_out=1).speakers == {"train": 3, "validation": 1}


def test_a_name_that_is_not_utf8_is_skipped(
    published: Callable[[str], Path], tmp_path: Path
) -> None:
    for name, prepare in (("cnceleb", prepare_cnceleb), ("voxblink", prepare_voxblink)):
        root, out = shutil.copytree(published(name), tmp_path / name), tmp_path / f"{name}-out"
        good = next(path for path in sorted(root.rglob("id00000/**/*")) if path.is_file())
        bad = os.path.join(os.fsencode(good.parent), b"\xe9t\xe9" + good.suffix.encode())
        shutil.copy(good, bad)
        (skipped,) = prepare(root, out, held_out=0).skipped
        assert "not UTF-8" in skipped.reason and r"\udce9t\udce9" in skipped.utterance
        assert skipped.utterance in (out / "skipped.tsv").read_text(encoding="utf-8")
