"""LibriSpeech's own layout: parts, held-out speakers, trials, and what is wrong with a tree."""

import itertools
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
import soundfile
from layouts import people
from lhotse import SupervisionSet
from support import Command, Refused

from joint.audio import read_audio
from joint.data.choices import Check
from joint.data.corpus import SUPERVISIONS, Utterance
from joint.data.opening import open_corpus
from joint.data.prepare.splits import hold_out_by_gender
from recipes.librispeech.prepare import prepare
from recipes.librispeech.trials import make_trials

CHAPTERS = ((198, 0), (198, 1), (209, 0), (209, 1))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """15 speakers of train-clean-100, some of whose chapters are train-clean-5; 4 of test-clean."""
    root = tmp_path_factory.mktemp("published") / "LibriSpeech"
    speakers = [";ID |SEX| SUBSET |MINUTES| NAME\n"]
    chapters = [";ID |READER|MINUTES| SUBSET | PROJ.|BOOK ID| CH. TITLE | PROJECT TITLE\n"]
    for part, own, first in (
        ("train-clean-100", people("train", 15, 4), 19),
        ("test-clean", people("test", 4, 4), 61),
    ):
        for speaker, utterances in enumerate(own, start=first):
            gender = "FM"[utterances[0].gender == "m"]
            speakers.append(f"{speaker:<5}| {gender} | {part:<16} | 25.03 | |X|Y\n")
            for (chapter, number), utterance in zip(CHAPTERS, utterances, strict=True):
                folder = root / part / str(speaker) / str(chapter + 100 * speaker)
                name = f"{speaker}-{folder.name}"
                folder.mkdir(parents=True, exist_ok=True)
                waveform = read_audio(utterance.path)[:12_000]
                soundfile.write(folder / f"{name}-{number:04d}.flac", waveform, 16_000)
                with (folder / f"{name}.trans.txt").open("a") as file:
                    file.write(f"{name}-{number:04d} {utterance.text}\n")
                if number == 0:
                    line = f"{folder.name} | {speaker} | 8.4 | {part} | {chapter} | 121 | A | B|C\n"
                    chapters.append(line)
    (root / "SPEAKERS.TXT").write_text("".join(speakers))
    (root / "CHAPTERS.TXT").write_text("".join(chapters))
    for speaker in (19, 20):
        copied = f"{speaker}/{198 + 100 * speaker}"
        shutil.copytree(root / "train-clean-100" / copied, root / "train-clean-5" / copied)
    return root


@pytest.fixture(scope="module")
def written(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("written") / "out"
    report = prepare(tree, out, held_out=4, jobs=2)
    assert not report.warned and not report.skipped
    assert report.utterances == {
        "train-clean-100": 60,
        "train-clean-5": 4,
        "test-clean": 16,
        "train": 44,
        "validation": 16,
    }
    return out


def pairs(folder: Path) -> dict[str, list[tuple[Utterance, Utterance]]]:
    """The trials of a prepared part by label."""
    known = open_corpus(folder).by_id
    found: dict[str, list[tuple[Utterance, Utterance]]] = {"1": [], "0": []}
    for line in (folder / "trials").read_text().splitlines():
        label, first, second = line.split()
        found[label].append((known[first], known[second]))
    return found


def test_parts_have_words_genders_and_chapters(tree: Path, written: Path) -> None:
    part = open_corpus(written / "train-clean-100").by_id
    transcripts = tree / "train-clean-100" / "21" / "2298" / "21-2298.trans.txt"
    for line in transcripts.read_text().splitlines():
        name, text = line.split(maxsplit=1)
        assert part[name].text == text and part[name].speaker == "21"
        assert part[name].path == str(transcripts.with_name(f"{name}.flac"))
    table = (tree / "SPEAKERS.TXT").read_text().splitlines()[1:]
    genders = {line.split("|")[0].strip(): line.split("|")[1].strip().lower() for line in table}
    assert all(utterance.gender == genders[utterance.speaker] for utterance in part.values())
    supervisions = SupervisionSet.from_file(written / "train-clean-100" / SUPERVISIONS)
    custom = {s.id: s.custom for s in supervisions}
    assert custom["21-2298-0001"] == {"chapter": "2298", "project": "198"}
    assert custom["21-2309-0000"] == {"chapter": "2309", "project": "209"}


def test_held_out_speakers_are_of_both_genders_and_not_trained_on(written: Path) -> None:
    train, validation = (open_corpus(written / name) for name in ("train", "validation"))
    assert not set(train.speakers) & set(validation.speakers)
    assert len(train.speakers) == 11
    gender_of = {u.speaker: u.gender for u in validation.utterances}
    assert Counter(gender_of.values()) == {"f": 2, "m": 2}
    everybody = set(open_corpus(written / "train-clean-100").by_id)
    assert set(train.by_id) | set(validation.by_id) == everybody
    first = train.utterances[0]
    assert len(first.waveform()) == 12_000
    assert first.text == open_corpus(written / "train-clean-100").by_id[first.id].text
    assert not (written / "train" / "trials").exists()


def test_the_default_holds_two_speakers_of_each_gender_out(tree: Path, tmp_path: Path) -> None:
    report = prepare(tree, tmp_path / "out", ["train-clean-100"], check=Check.HEADER)
    assert not report.warned
    assert report.speakers == {"train-clean-100": 15, "train": 11, "validation": 4}


def test_trials_are_across_chapters_and_of_one_gender(written: Path) -> None:
    for part in ("train-clean-100", "test-clean", "validation"):
        found = pairs(written / part)
        assert len(found["1"]) == 4 * len(open_corpus(written / part).speakers)
        for first, second in found["1"]:
            assert first.speaker == second.speaker
            assert first.id.split("-")[1] != second.id.split("-")[1]
        for first, second in found["0"]:
            assert first.speaker != second.speaker and first.gender == second.gender
        both = found["1"] + found["0"]
        assert len({frozenset((a.id, b.id)) for a, b in both}) == len(both)
    assert len(found["0"]) == 16  # the least there is: 2 speakers of each gender, 4 utterances each
    found = pairs(written / "train-clean-5")  # one chapter each
    assert len(found["1"]) == 2 and len(found["0"]) == 2


def speech(speakers: int, chapters: int, each: int) -> list[Utterance]:
    return [
        Utterance(f"{s}-{c}-{n:04d}", "x.flac", f"{s}", gender="fm"[s % 2])
        for s, c, n in itertools.product(range(speakers), range(chapters), range(each))
    ]


def test_many_trials_are_shared_equally_by_speakers_with_enough_pairs() -> None:
    rows = [*speech(10, 2, 20), Utterance("99-1-0000", "x.flac", "99", gender="f")]
    rows += [Utterance(f"98-1-{n:04d}", "x.flac", "98", gender="m") for n in range(3)]
    trials = make_trials(rows, seed=1, targets=1003)
    of = Counter(t.first.split("-")[0] for t in trials if t.label)
    # Three pairs of the one with a single chapter, a hundred of each of the others.
    assert of == {str(n): 100 for n in range(10)} | {"98": 3}
    assert sum(not t.label for t in trials) == 1003
    assert len({(t.first, t.second) for t in trials}) == len(trials)
    assert trials == make_trials(rows[::-1], seed=1, targets=1003)
    assert trials != make_trials(rows, seed=2, targets=1003)
    nontargets = [t for t in trials if not t.label]
    gender_of = {u.id: u.gender for u in rows}
    assert all(gender_of[t.first] == gender_of[t.second] for t in nontargets)


def test_speakers_to_train_on_are_left() -> None:
    rows = speech(5, 1, 2)
    train, validation = hold_out_by_gender(rows, 50, seed=1)
    assert len({u.speaker for u in train}) == 2 and len({u.speaker for u in validation}) == 3
    train, validation = hold_out_by_gender(speech(2, 1, 2), 1, seed=1)
    assert len({u.speaker for u in train}) == 2 and not validation


def test_chosen_parts_in_one_command(tree: Path, joint_command: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = joint_command(
        "prepare", "librispeech", tree.parent, out, "--parts", "train-clean-5,test-clean"
    )
    assert done.code == 0, done
    assert done.err == ["warning: 2 speakers are too few to hold out any: 0 become validation"]
    assert sorted(p.name for p in out.iterdir()) == [
        *("skipped.tsv", "test-clean", "train", "train-clean-5")
    ]
    assert "train: 4 utterances, 2 speakers" in done.out


def edited(tree: Path, folder: Path) -> Path:
    """A copy of the training part and the tables, to be damaged."""
    root = folder / "LibriSpeech"
    shutil.copytree(tree / "train-clean-100", root / "train-clean-100")
    for name in ("SPEAKERS.TXT", "CHAPTERS.TXT"):
        shutil.copy(tree / name, root / name)
    return root


def test_a_bad_tree_is_refused(tree: Path, refused: Refused, tmp_path: Path) -> None:
    root, out = edited(tree, tmp_path), tmp_path / "out"
    command = ("prepare", "librispeech", root, out)
    assert "found no train-clean-360 (train-clean-100); expected folders" in refused(
        *command, "--parts", "train-clean-360"
    )
    assert "found no part of LibriSpeech" in refused(*command[:2], root / "train-clean-100", out)
    for name, expected in (("SPEAKERS.TXT", "SPEAKER | M or F"), ("CHAPTERS.TXT", "CHAPTER | ")):
        content = (root / name).read_text()
        (root / name).write_text(content + "19 ; F\n")
        number = content.count("\n") + 1
        line = refused(*command)
        assert f"{name}:{number}: found '19 ; F'" in line and expected in line
        (root / name).write_text(content)
    transcripts = root / "train-clean-100" / "21" / "2298" / "21-2298.trans.txt"
    content = transcripts.read_text()
    transcripts.write_text(content.splitlines()[0])
    assert "no text of 21-2298-0001 (1 missing)" in refused(*command)
    transcripts.unlink()
    assert "found no 21-2298.trans.txt" in refused(*command)
    transcripts.write_text(content)
    shutil.copytree(root / "train-clean-100" / "21", root / "test-clean" / "21")
    assert "speaker 21 in train and in others" in refused(*command)
    assert not out.exists()


def test_files_that_are_not_utterances_are_counted(
    tree: Path, joint_command: Command, tmp_path: Path
) -> None:
    root, out = edited(tree, tmp_path), tmp_path / "out"
    chapter = root / "train-clean-100" / "21" / "2298"
    good = chapter / "21-2298-0000.flac"
    for name in (b"21-2298-00\xff.flac", b"._21-2298-0000.flac", b"\xe9t\xe9"):
        shutil.copy(good, os.path.join(os.fsencode(chapter), name))
    os.mkdir(os.path.join(os.fsencode(root / "train-clean-100"), b"caf\xe9"))
    good.write_bytes(b"fLaC")
    done = joint_command("prepare", "librispeech", root, out)
    assert done.code == 0, done
    assert len(done.err) == 2, done.err
    ignored, skipped = done.err
    assert "2 recordings ignored, not named SPEAKER-CHAPTER-NUMBER: " in ignored
    assert "._21-2298-0000.flac" in ignored and r"21-2298-00\udcff.flac" in ignored
    assert "skipped 21-2298-0000" in skipped
    assert "train-clean-100: 59 utterances" in done.out
    assert (out / "skipped.tsv").read_text().count("\n") == 2


def test_a_tree_in_a_folder_whose_name_is_not_utf8(
    tree: Path, refused: Refused, tmp_path: Path
) -> None:
    folder = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9"))
    root = edited(tree, Path(folder))
    line = refused("prepare", "librispeech", root, tmp_path / "out")
    assert "found a path that is not UTF-8" in line and r"caf\udce9" in line
