"""`joint transcribe` with recognisers that are hardly trained."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support import Command, Refused

import joint
import joint.app.cli.inference.enroll
import joint.app.cli.inference.transcribe
from joint.audio import read_audio, write_audio
from joint.conversation.turns import Turn, read_turns
from joint.data.opening import open_corpus
from joint.encoders.frames import Frames
from tasks.diarization.pipeline import Diarizer
from tasks.recognition.core import Posteriors
from tasks.recognition.inference import joined
from tasks.verification.enrolment.database import EnrolledRecording
from tasks.verification.enrolment.files import edit_database


def test_transcribe(
    recogniser: Path, tested: Path, joint_command: Command, refused: Refused, tmp_path: Path
) -> None:
    audio = [u.path for u in open_corpus(tested).utterances[:2]]
    base = ("transcribe", audio[0], "--checkpoint", recogniser)
    done = joint_command(*base, "--mode", "simo")
    assert done.code == 0 and done.out.splitlines()[0].startswith("speaker1:")
    assert len(done.out.splitlines()) == 2
    done = joint_command(*base, "--enrollment", audio[1], "--mode", "target")
    assert done.code == 0 and done.out.startswith(Path(audio[1]).stem)
    assert "found 0 enrolments" in refused(*base, "--mode", "target")
    assert "target (target), simo (simo)" in refused(*base)
    assert "siso" in refused(*base, "--mode", "siso")
    assert "no beam" in refused(*base, "--mode", "simo", "--language-model", tested)
    assert "CTC alone" in refused(*base, "--mode", "simo", "--ctc-weight", 0.3)
    assert "letters" in refused(
        *base, "--mode", "target", "--enrollment", audio[1], "--beam", 5, "--lexicon", tested
    )
    database = tmp_path / "database"
    assert (
        joint_command(
            "enroll", "Ann", audio[1], "--database", database, "--checkpoint", recogniser
        ).code
        == 0
    )
    assert joint_command(*base, "--database", database).code == 0


@pytest.fixture
def talk(
    recogniser: Path, tested: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, Path]:
    """Two speakers, one after the other, as `talk`, and each alone. The first output of `simo`
    transcribes the second speaker, with a phone every 0.4 s, the other output the first."""
    paths = {u.speaker: Path(u.path) for u in open_corpus(tested).utterances}
    first, second, *_ = paths.values()
    sound = [read_audio(path) for path in (first, second)]
    write_audio(tmp_path / "talk.wav", np.concatenate(sound))
    model = joint.load(recogniser, precision="float32")
    change, end = len(sound[0]) // 640, sum(map(len, sound)) // 640 - 1
    symbols = [(range(change + 2, end, 10), 1), (range(0, change - 1, 10), 2)]

    def posteriors(encode: object, waveform: torch.Tensor, *rest: object) -> list[Posteriors]:
        count = (waveform.shape[1] - 400) // 640 + 1
        found = []
        for places, symbol in symbols:
            scores = torch.full((1, count, len(model.metadata["phones"])), -9.0)
            scores[0, :, 0] = 0.0
            scores[0, places, symbol] = 9.0
            found.append(Posteriors(scores, torch.tensor([count]), Frames(scores, None, 640, 200)))
        return found

    monkeypatch.setattr(model.model.tasks["simo"], "posteriors", posteriors)
    for verb in (joint.app.cli.inference.transcribe, joint.app.cli.inference.enroll):
        monkeypatch.setattr(verb, "open_model", lambda *_, **__: model)
    monkeypatch.setattr(joint.app.checkpoints, "notices_overlap", lambda _: False)
    return {"talk": tmp_path / "talk.wav", "first": first, "second": second}


def test_who_says_what(talk: dict[str, Path], joint_command: Command, tmp_path: Path) -> None:
    meeteval = pytest.importorskip("meeteval")
    out, picture, plain = tmp_path / "out.json", tmp_path / "out.svg", tmp_path / "text.json"
    base = ("transcribe", talk["talk"], "--checkpoint", "any", "--mode", "simo")
    database = tmp_path / "database"
    for name in ("first", "second"):
        assert (
            joint_command(
                "enroll", name, talk[name], "--database", database, "--checkpoint", "x"
            ).code
            == 0
        )
    named = (*base, "--database", database, "--threshold", 0.5)
    done = joint_command(*named, "--output", out, "--picture", picture, "--json", plain)
    assert done.code == 0 and not done.err, done
    lines = done.out.splitlines()
    assert len(lines) == 2 and " first: " in lines[0] and " second: " in lines[1]
    texts = json.loads(plain.read_text())
    border, end = (len(read_audio(talk[name])) / 16_000 for name in ("first", "talk"))
    written = meeteval.io.SegLST(json.loads(out.read_text()))
    assert [(s["session_id"], s["speaker"], s["words"]) for s in written] == [
        ("talk", name, texts[name]) for name in ("first", "second")
    ]
    assert written[0]["start_time"] == 0.0 and border - 0.5 < written[0]["end_time"] < border
    assert border < written[1]["start_time"] < border + 0.2 < end - 0.5 < written[1]["end_time"]
    errors = meeteval.wer.cpwer(written, meeteval.io.SegLST(list(written)[::-1]))["talk"]
    assert errors.length == len(" ".join(texts.values()).split()) > 8 and errors.errors == 0
    drawn = picture.read_text()
    assert ">first<" in drawn and ">second<" in drawn and texts["first"].split()[0] in drawn
    # enrolment recordings as files; no enrolled speakers
    files = [part for n in ("first", "second") for part in ("--enrollment", talk[n])]
    stm = tmp_path / "out.stm"
    assert joint_command(*base, *files, "--threshold", -1, "--output", stm).code == 0
    names = [talk[n].stem for n in ("first", "second")]
    lines = {line.speaker_id: line.transcript for line in meeteval.io.load(stm)}
    assert lines == dict(zip(names, texts.values(), strict=True))
    done = joint_command(*base, "--output", tmp_path / "out.rttm")
    assert done.code == 0 and " speaker2: " in done.out.splitlines()[0]
    assert {t.speaker for t in read_turns(tmp_path / "out.rttm")["talk"]} == {
        "speaker1",
        "speaker2",
    }
    assert joint_command(*base).out.startswith("speaker1: ")  # without times


def test_words_have_the_speakers_that_diarization_finds(
    talk: dict[str, Path],
    joint_command: Command,
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same words, each with the speaker of its time, whichever output it comes from; or those
    of the speakers who are found."""
    base = ("transcribe", talk["talk"], "--checkpoint", "any", "--mode", "simo")
    pipeline = ("--pipeline", "clustering", "--threshold", 0.5)
    assert "no threshold" in refused(*base, "--output", tmp_path / "x.json", *pipeline[:2])
    border = len(read_audio(talk["first"]))
    end = len(read_audio(talk["talk"]))

    def halves(*given: object, **named: object) -> list[Turn]:
        return [Turn("Ann", 0, border), Turn("Ben", border, end)]

    monkeypatch.setattr(Diarizer, "__call__", halves)
    for options in (pipeline, ()):
        done = joint_command(*base, "--output", tmp_path / "out.json", *options)
        assert done.code == 0, done
        turns = read_turns(tmp_path / "out.json")["talk"]
        if options:
            assert {t.speaker for t in turns} == {"Ann", "Ben"}
            assert all((t.end <= border) == (t.speaker == "Ann") for t in turns)
            words = sorted(" ".join(t.text for t in turns).split())
    assert sorted(" ".join(t.text for t in turns).split()) == words
    # a recogniser of mode target follows whom the pipeline finds
    followed = (*base[:-1], "target", "--output", tmp_path / "target.json", *pipeline)
    assert joint_command(*followed).code == 0
    found = read_turns(tmp_path / "target.json").get("talk", [])
    assert {(t.speaker, t.start, t.end) for t in found} <= {
        (t.speaker, t.start, t.end) for t in halves()
    }


def test_who_says_what_refused(
    talk: dict[str, Path], recogniser: Path, tiny_checkpoint: Path, refused: Refused, tmp_path: Path
) -> None:
    base = ("transcribe", talk["talk"], "--checkpoint", "any")
    simo, out = (*base, "--mode", "simo"), tmp_path / "out.json"
    speaker = ("--enrollment", talk["first"])
    assert "ending '.txt'" in refused(*simo, "--output", tmp_path / "out.txt")
    assert ".png" in refused(*simo, "--output", out, "--picture", tmp_path / "p.gif")
    assert "a cosine" in refused(*simo, *speaker, "--threshold", 2)
    assert "no speakers to name" in refused(*simo, "--threshold", 0.5)
    assert "no turns to find" in refused(*simo, "--pipeline", "clustering")
    assert "no threshold" in refused(*simo, *speaker, "--output", out)
    # the task that is missing comes before the threshold that is missing too
    line = refused(*simo, "--pipeline", "powerset", "--output", out)
    assert "expected one with a segmentation task" in line
    assert "nobody overlaps" in refused(*simo, "--separate", "--output", out)
    line = refused(*simo, "--separate", "--pipeline", "ts-vad", "--output", out)
    assert "expected one with an extraction task" in line
    assert "two files of the same name" in refused(*simo, *speaker, *speaker, "--threshold", 0)
    assert "no times" in refused(*simo, "--beam", 2, "--output", out)
    line = refused(*base, "--mode", "target", *speaker, "--output", out)
    assert "found a recogniser of mode target" in line
    with edit_database(tmp_path / "other", joint.load(tiny_checkpoint).identity) as database:
        database.enroll("Ann", [EnrolledRecording("a", "0", 2.0, np.ones(12, np.float32))])
    assert "embeddings of encoder" in refused(
        *simo, "--database", tmp_path / "other", "--output", out
    )
    assert not out.exists()


def test_a_checkpoint_without_recogniser(
    tiny_checkpoint: Path, tested: Path, refused: Refused
) -> None:
    audio = open_corpus(tested).utterances[0].path
    line = refused("transcribe", audio, "--checkpoint", tiny_checkpoint)
    assert "tasks verification, extraction, no recogniser" in line


def test_long_recordings_are_transcribed_in_windows(recogniser: Path) -> None:
    model = joint.load(recogniser, precision="float32")
    noise = np.random.default_rng(0).normal(size=52 * 16_000).astype(np.float32) * 0.1
    seconds = []
    task = model.model.tasks["simo"]
    compute = task.posteriors

    def recorded(encode: object, waveform: torch.Tensor, *rest: object) -> object:
        seconds.append(waveform.shape[1] / 16_000)
        return compute(encode, waveform, *rest)

    task.posteriors = recorded
    windows = list(task.windows(model.model.view("simo"), torch.from_numpy(noise)))
    outputs = [joined(windows, output) for output in range(2)]
    assert max(seconds) == 20.0 and len(seconds) == 3
    frames = {output.log_probabilities.shape[1] for output in outputs}
    assert frames == {(len(noise) - 400) // 160 // 4 + 1}
