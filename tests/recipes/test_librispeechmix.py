"""LibriSpeechMix in the layout in which it is published."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import overlap_layouts as layouts
import pytest
import soundfile
from overlap_layouts import conversations
from support import Command, Refused

from joint.data.choices import Check
from joint.data.opening import open_corpus
from joint.errors import DataError
from recipes.librispeechmix.prepare import prepare as prepare_librispeechmix
from tasks.recognition.conversations.lists import Conversations, render
from tasks.recognition.evaluate import evaluate_recognition
from tasks.recognition.references import words_of


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layouts.librispeech(tmp_path_factory.mktemp("published") / "LibriSpeech")


@pytest.fixture(scope="module")
def lists(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layouts.librispeechmix(tmp_path_factory.mktemp("published") / "LibriSpeechMix", corpus)


def edit(path: Path, **change: object) -> None:
    """Change fields of the first line of a published list."""
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(first) | change), *rest]) + "\n")


def test_prepared(corpus: Path, lists: Path, joint_command: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = joint_command("prepare", "librispeechmix", corpus, lists, out, "--jobs", 2)
    assert done.code == 0 and not done.err, done
    assert "train: 9 utterances, 3 speakers" in done.out
    trained = open_corpus(out / "train")
    assert trained.speakers == ["19", "26", "27"]
    by_id = {u.id: u for u in trained.utterances}
    assert by_id["26-209-0000"].text == layouts.text(corpus, "26-209-0000") != ""
    table = (corpus / "SPEAKERS.TXT").read_text().splitlines()[1:]
    expected = {line.split("|")[0].strip(): line.split("|")[1].strip().lower() for line in table}
    assert all(u.gender == expected[u.speaker] for u in trained.utterances)
    assert len(open_corpus(out / "validation")) == 6 and len(open_corpus(out / "test")) == 9
    assert (out / "validation" / "trials").is_file()
    counts = {
        path.relative_to(out).as_posix(): len(Conversations.load(path))
        for path in out.rglob("*.csv")
    }
    assert counts == {f"test/mix{n}_recognition.csv": c for n, c in ((1, 1), (2, 2), (3, 1))} | {
        "validation/mix2_recognition.csv": 1
    }


def test_rendered_as_published(corpus: Path, lists: Path, tmp_path: Path) -> None:
    prepare_librispeechmix(corpus, lists, tmp_path / "out", check=Check.HEADER)
    for n in (1, 2, 3):
        found, tables = conversations(tmp_path / "out" / "test", f"mix{n}_recognition.csv")
        lines = (lists / "list" / f"test-clean-{n}mix.jsonl").read_text().splitlines()
        for row, line in zip(found, map(json.loads, lines), strict=True):
            published = np.zeros(0)
            for wav, delay in zip(line["wavs"], line["delays"], strict=True):
                samples = soundfile.read(corpus / wav.replace(".wav", ".flac"))[0]
                samples = np.concatenate([np.zeros(int(delay * 16_000)), samples])
                length = max(len(published), len(samples))
                published = np.pad(published, (0, length - len(published)))
                published += np.pad(samples, (0, length - len(samples)))
            mixture, texts = render(row, tables)
            assert row.mix_id == line["id"].split("/")[1]
            assert np.allclose(mixture, published, atol=1e-6)
            assert list(texts) == line["texts"]
            for turn, i in zip(row.turns, line["speaker_profile_index"], strict=True):
                assert turn.enrollment == Path(line["speaker_profile"][i][0]).stem


def test_recognition_is_evaluated_from_the_lists(
    corpus: Path, lists: Path, recogniser: Path, joint_command: Command, tmp_path: Path
) -> None:
    """A recogniser that knows the texts has a cpWER of 0 with its outputs in any order; one that is
    hardly trained gets through all three lists."""
    pytest.importorskip("meeteval")
    out = tmp_path / "out" / "test"
    prepare_librispeechmix(corpus, lists, out.parent, check=Check.HEADER, test_only=True)
    for n in (1, 2, 3):
        found, tables = conversations(out, f"mix{n}_recognition.csv")
        known = [(render(row, tables), row) for row in found]
        asked: list[int] = []

        def transcribe(mixture: np.ndarray, enrolments: Sequence[np.ndarray]) -> list[list[str]]:
            rendered, row = known[len(asked)]  # noqa: B023
            asked.append(len(row.turns))  # noqa: B023
            assert np.array_equal(mixture, rendered.mixture)
            return [text.split() for text in reversed(rendered.texts)]

        reference_of = words_of(tables)
        figures, _ = evaluate_recognition(transcribe, tables, found, reference_of, progress=False)
        spoken = sum(len(text.split()) for rendered, _ in known for text in rendered.texts)
        assert figures["error_percent"] == 0 and figures["reference_words"] == spoken
        assert asked == [n] * len(found)
        json_file = tmp_path / f"{n}.json"
        done = joint_command(
            *("evaluate", "recognition", "--checkpoint", recogniser, "--data", out),
            *("--conversations", out / f"mix{n}_recognition.csv", "--mode", "target"),
            *("--json", json_file),
        )
        assert done.code == 0, done
        figures = json.loads(json_file.read_text())
        assert figures["reference_words"] == spoken and figures["error_percent"] > 50


def test_without_dev_clean_training_speakers_are_held_out(
    corpus: Path, lists: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(corpus, tmp_path / "parent" / "LibriSpeech")
    shutil.rmtree(root / "dev-clean")
    report = prepare_librispeechmix(
        root.parent, lists / "list", tmp_path / "out", ["train-clean-100"], held_out=1
    )
    assert report.speakers == {"train": 2, "validation": 1, "test": 3}
    assert any("no dev-clean" in line for line in report.warned)
    assert not list((tmp_path / "out" / "validation").glob("*.csv"))


@pytest.mark.parametrize("kind", ["librispeechmix", "librimix"])
@pytest.mark.parametrize("train", [True, False], ids=["few speakers", "none"])
def test_few_training_speakers_or_none_are_enough(
    corpus: Path, lists: Path, kind: str, train: bool, joint_command: Command, tmp_path: Path
) -> None:
    root, out = shutil.copytree(corpus, tmp_path / "LibriSpeech"), tmp_path / "out"
    if kind == "librimix":
        lists = layouts.librimix(tmp_path / "mix", corpus, ("max",))
    shutil.rmtree(root / "dev-clean")
    if not train:
        shutil.rmtree(root / "train-clean-100")
    done = joint_command("prepare", kind, root, lists, out)
    assert done.code == 0, done
    assert any("no dev-clean" in line for line in done.err)
    asked = joint_command("prepare", kind, corpus, lists, tmp_path / "asked", "--test-only")
    assert asked.code == 0 and "train:" not in asked.out and not asked.err, asked
    assert (tmp_path / "asked" / "test" / "wav.scp").is_file()
    assert not (tmp_path / "asked" / "validation").exists()
    if train:
        assert "train: 9 utterances, 3 speakers" in done.out
        assert any("3 speakers are too few to hold out 50: 0 become" in line for line in done.err)
    else:
        assert any("no speaker to train on, the test set alone" in line for line in done.err)
    assert sorted(p.name for p in out.iterdir() if p.is_dir()) == ["test", "train"][: 1 + train]
    written, corpus_of_it = conversations(out / "test", "mix2_recognition.csv")
    assert len(written) == 2 and len(corpus_of_it) == 9


def test_a_bad_recording_leaves_its_mixtures_out(corpus: Path, lists: Path, tmp_path: Path) -> None:
    root = shutil.copytree(corpus, tmp_path / "LibriSpeech")
    layouts.flac(root, "237-198-0000").write_bytes(b"fLaC")
    layouts.flac(root, "19-198-0000").unlink()
    bare = shutil.copytree(lists / "list", tmp_path / "lists")
    (bare / "test-clean-3mix.jsonl").unlink()
    report = prepare_librispeechmix(root, bare, tmp_path / "out")
    assert {s.utterance for s in report.skipped} == {"19-198-0000", "237-198-0000"}
    found, _ = conversations(report.output / "test", "mix2_recognition.csv")
    assert [row.mix_id for row in found] == ["test-clean-2mix-0002"]
    assert any("mix2_recognition.csv: 1 of 2 mixtures left out" in w for w in report.warned)
    with pytest.raises(DataError, match=r"mix3_recognition\.csv: found none of 1 mixtures"):
        prepare_librispeechmix(root, lists, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_text_that_is_not_the_transcript_is_warned_of(
    corpus: Path, lists: Path, tmp_path: Path
) -> None:
    changed = shutil.copytree(lists, tmp_path / "lists")
    edit(changed / "list" / "test-clean-1mix.jsonl", texts=["SOMETHING ELSE"])
    report = prepare_librispeechmix(corpus, changed, tmp_path / "out", check=Check.HEADER)
    assert any("1mix.jsonl: 1 texts (61-198-0000 …)" in line for line in report.warned)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"wavs": ["test-clean/9/9/9-9-0000.wav"]},
            "unknown utterance 9-9-0000; expected one of",
        ),
        ({"wavs": ["dev-clean/84/198/84-198-0000.wav"]}, "unknown utterance 84-198-0000"),
        ({"wavs": None}, "found wavs null"),
        ({"wavs": ["a.wav", "b.wav"]}, "found 2 wavs; expected 1"),
        ({"delays": [0.5]}, "found delays [0.5]; expected seconds, the first 0"),
        ({"delays": ["0"]}, 'found delays ["0"]'),
        ({"id": ""}, "found id ''"),
        ({"texts": ["A", "B"]}, "found 2 texts; expected 1"),
        ({"speaker_profile_index": [3]}, "found speaker_profile_index 3; expected 0 to 0"),
        ({"speaker_profile": [[]]}, "a speaker_profile without recordings"),
    ],
)
def test_a_bad_line_is_refused(
    change: dict, words: str, corpus: Path, lists: Path, tmp_path: Path
) -> None:
    changed = shutil.copytree(lists, tmp_path / "lists")
    edit(changed / "list" / "test-clean-1mix.jsonl", **change)
    with pytest.raises(DataError) as error:
        prepare_librispeechmix(corpus, changed, tmp_path / "out")
    assert "test-clean-1mix.jsonl:1: found " in str(error.value) and words in str(error.value)
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def test_bad_folders_are_refused(
    corpus: Path, lists: Path, refused: Refused, tmp_path: Path
) -> None:
    command, out = ("prepare", "librispeechmix"), tmp_path / "out"
    assert "no list of test-clean" in refused(*command, corpus, tmp_path, out)
    assert "no part of LibriSpeech" in refused(*command, lists, lists, out)
    line = refused(*command, corpus, lists, out, "--train-part", "train-other-500")
    assert "no train-other-500 (dev-clean, test-clean, train-clean-100)" in line
    broken = shutil.copytree(lists, tmp_path / "lists") / "list" / "test-clean-2mix.jsonl"
    broken.write_text(broken.read_text()[:-40] + "\n")
    line = refused(*command, corpus, tmp_path / "lists", out)
    assert "test-clean-2mix.jsonl:2: found no JSON" in line and "expected an object" in line
    root = shutil.copytree(corpus, tmp_path / "LibriSpeech")
    transcripts = root / "test-clean" / "61" / "198" / "61-198.trans.txt"
    transcripts.write_text(transcripts.read_text().splitlines()[0])
    line = refused(*command, root, lists, out)
    assert "61-198.trans.txt: found no text of 61-198-0001" in line
    transcripts.unlink()
    line = refused(*command, root, lists, out)
    assert "61/198: found no 61-198.trans.txt; expected the transcripts" in line
    (root / "SPEAKERS.TXT").write_text("61 | unknown\n")
    assert "SPEAKERS.TXT:1: found '61 | unknown'" in refused(*command, root, lists, out)
    assert not out.exists()
