"""`joint transcribe` and `joint evaluate recognition` on a model that knows hardly anything."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from support import Command, Refused

import joint
from joint.data.corpus import Corpus
from joint.scene import SceneBatch
from joint.training import train
from tasks.recognition.reading import transcribed

RECIPE = Path(__file__).parents[1] / "recognition.yaml"


@pytest.fixture(scope="module")
def checkpoint(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("recognition") / "run"
    return train(RECIPE, [f"data.train={aligned}", f"output={output}"])


def test_a_training_goes_on_exactly(checkpoint: Path, aligned: Path, tmp_path: Path) -> None:
    run = shutil.copytree(checkpoint.parent, tmp_path / "run")
    last = max((run / "checkpoints").iterdir(), key=lambda path: path.name)
    assert len(list((run / "checkpoints").iterdir())) == 2
    last.unlink() if last.is_file() else shutil.rmtree(last)
    (run / "model.safetensors").unlink()
    resumed = train(RECIPE, [f"data.train={aligned}", f"output={run}"], resume=True)
    first, second = joint.load(checkpoint), joint.load(resumed)
    for name, value in first.model.state_dict().items():
        assert value.equal(second.model.state_dict()[name]), name


def test_evaluate(checkpoint: Path, tested: Path, joint_command: Command, tmp_path: Path) -> None:
    pytest.importorskip("meeteval")
    base = ("evaluate", "recognition", "--checkpoint", checkpoint, "--data", tested)
    listed = ("--conversations", tested / "mix2_recognition.csv", "--limit", 2)
    out, written = tmp_path / "figures.json", tmp_path / "transcripts.json"
    done = joint_command(*base, *listed, "--mode", "simo", "--json", out, "--transcripts", written)
    assert done.code == 0, done
    figures = json.loads(out.read_text())
    assert figures["counted_in"] == "phones" and figures["conversations"] == 2
    assert figures["error_percent"] > 50.0 and "person_error_percent" not in figures
    assert {len(row["found"]) for row in json.loads(written.read_text()).values()} == {2}
    done = joint_command(*base, *listed, "--mode", "target", "--json", out)
    figures = json.loads(out.read_text())
    assert done.code == 0 and figures["counted_in"] == "words"
    assert figures["person_error_percent"] > 50.0 and 0.0 <= figures["silent_share"] <= 1.0


def test_transcribe(
    checkpoint: Path, tested: Path, joint_command: Command, refused: Refused, tmp_path: Path
) -> None:
    audio = [u.path for u in Corpus.load(tested).utterances[:2]]
    base = ("transcribe", audio[0], "--checkpoint", checkpoint)
    done = joint_command(*base, "--mode", "simo")
    assert done.code == 0 and done.out.splitlines()[0].startswith("voice 1:")
    assert len(done.out.splitlines()) == 2
    done = joint_command(*base, "--enrollment", audio[1], "--mode", "target")
    assert done.code == 0 and done.out.startswith(Path(audio[1]).stem)
    assert "found 0 enrolments" in refused(*base, "--mode", "target")
    assert "found 1 enrolments" in refused(*base, "--mode", "simo", "--enrollment", audio[1])
    assert "target (target), simo (simo)" in refused(*base)
    assert "siso" in refused(*base, "--mode", "siso")
    assert "no beam" in refused(*base, "--mode", "simo", "--language-model", tested)
    assert "letters" in refused(
        *base, "--mode", "target", "--enrollment", audio[1], "--beam", 5, "--lexicon", tested
    )
    book = tmp_path / "voices"
    assert (
        joint_command("enroll", "Ann", audio[1], "--book", book, "--checkpoint", checkpoint).code
        == 0
    )
    assert joint_command(*base, "--book", book).code == 0


def test_a_checkpoint_without_recogniser(
    tiny_checkpoint: Path, tested: Path, refused: Refused
) -> None:
    audio = Corpus.load(tested).utterances[0].path
    line = refused("transcribe", audio, "--checkpoint", tiny_checkpoint)
    assert "tasks verification, extraction, no recogniser" in line


def test_long_recordings_are_heard_in_pieces(checkpoint: Path) -> None:
    model = joint.load(checkpoint, precision="float32")
    noise = np.random.default_rng(0).normal(size=52 * 16_000).astype(np.float32) * 0.1
    lengths = []
    task = model.model.tasks["simo"]
    heard = task.transcripts

    def listening(encode: object, waveform: object, *rest: object) -> object:
        lengths.append(waveform.shape[1] / 16_000)  # type: ignore[attr-defined]
        return heard(encode, waveform, *rest)

    task.transcripts = listening
    found = transcribed(
        task, model.model.view("simo"), torch.from_numpy(noise), SceneBatch(["noise"])
    )
    assert max(lengths) == 20.0 and len(lengths) == 3
    assert {t.log_probabilities.shape[1] for t in found} == {(len(noise) - 400) // 160 // 4 + 1}
