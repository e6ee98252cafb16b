"""What a training reads of its corpus: the fields that its tasks need, and no bad recording."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch
from support import TINY
from tiny_models import SPEAKERS

from joint.audio import read_audio
from joint.data.opening import open_corpus
from joint.data.prepare.tables import read_tables, write_tables
from joint.data.scenes.stream import SceneStream
from joint.errors import ConfigError
from joint.losses.margin import AamSoftmax
from joint.metrics import pairs as metric
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.training.run import train
from tasks.verification.task import VerificationTask

UNREADABLE = ("junk.wav", "gone.wav", "pipe.wav", "cut.mp3")
OPTIONS = ["trainer.max_steps=3"]


@pytest.fixture(scope="module")
def tables(embedded_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kaldi tables, unprepared, of 60 recordings: one is junk, one lost, one a pipe, one an MP3 cut
    in half; one is GSM."""
    folder = tmp_path_factory.mktemp("tables")
    rows = read_tables(embedded_corpus / "train")[:60]
    (folder / "junk.wav").write_bytes(b"junk")
    os.mkfifo(folder / "pipe.wav")
    speech = read_audio(rows[20].path)
    soundfile.write(folder / "cut.mp3", speech, 16_000)
    content = (folder / "cut.mp3").read_bytes()
    (folder / "cut.mp3").write_bytes(content[: len(content) // 2])
    soundfile.write(folder / "gsm.wav", speech[::2], 8_000, subtype="GSM610")
    for place, name in ((5, "junk.wav"), (9, "gone.wav"), (14, "pipe.wav"), (20, "cut.mp3")):
        rows[place] = replace(rows[place], path=str(folder / name))
    rows[25] = replace(rows[25], path=str(folder / "gsm.wav"))
    write_tables(folder, rows)
    return folder


@pytest.mark.parametrize("packed", [False, True])
def test_a_training_goes_on_without_bad_recordings_and_lists_them(
    tables: Path, tmp_path: Path, packed: bool
) -> None:
    places = [f"data.train={tables}", f"output={tmp_path / 'run'}"]
    if packed:
        places.append(f"data.cache={tmp_path / 'cache'}")
    assert train(TINY, [*OPTIONS, *places]).is_file()
    rows = (tmp_path / "run" / "skipped.tsv").read_text().splitlines()
    corpus = open_corpus(tables)
    assert [row.split("\t")[0] for row in rows] == [
        "utterance",
        *(u.id for u in corpus.utterances if Path(u.path).name in UNREADABLE),
    ]


def test_a_training_renders_what_its_tasks_read(
    tiny_overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[frozenset[str]] = []
    rendered = SceneStream.rendered

    def spied(self: SceneStream, step: int) -> tuple[SceneBatch, dict[str, str]]:
        batch, skipped = rendered(self, step)
        seen.append(batch.present())
        return batch, skipped

    monkeypatch.setattr(SceneStream, "rendered", spied)
    train(TINY, [*OPTIONS, *tiny_overrides, f"output={tmp_path / 'run'}"])
    of_both = {
        *{"enrollment", "enrollment_lengths", "speaker", "utterance"},
        *{"enrollment_source", "mixture", "sources"},
    }
    assert set(seen) == {frozenset(of_both | {"scene_ids"})}


def test_no_recording_is_paired_with_itself_in_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs: list[tuple[list[float], list[bool]]] = []
    found = metric.eer

    def spied(scores: torch.Tensor, labels: torch.Tensor) -> object:
        pairs.append((sorted(scores.tolist()), labels.tolist()))
        return found(scores, labels)

    monkeypatch.setattr(metric, "eer", spied)
    task = VerificationTask(2, SPEAKERS, AamSoftmax)

    def encode(audio: torch.Tensor, lengths: torch.Tensor, role: str) -> SpeakerEncoding:
        return SpeakerEncoding(audio.flatten(0, 1))

    def batch(utterances: list[int]) -> SceneBatch:
        """Recordings 0 and 1 are of one person, 2 and 3 of others."""
        embeddings = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]])
        return SceneBatch(
            scene_ids=[str(u) for u in utterances],
            enrollment=embeddings[utterances][:, None],
            enrollment_lengths=torch.ones(len(utterances), 1, dtype=torch.int64),
            speaker=torch.tensor([0, 0, 1, 2])[utterances][:, None],
            utterance=torch.tensor([[u] for u in utterances]),
        )

    task.validate(encode, [batch([0, 1, 2]), batch([3, 0, 2])])
    scores, labels = pairs[0]
    assert len(scores) == 15 - 2 and sum(labels) == 2
    assert max(scores) < 0.999


def test_speakers_with_one_utterance_are_named_before_the_waveforms_are_packed(
    embedded_corpus: Path, tmp_path: Path
) -> None:
    rows = read_tables(embedded_corpus / "train")
    lonely = rows[0].speaker
    write_tables(tmp_path, [rows[0], *(row for row in rows[:60] if row.speaker != lonely)])
    places = [f"data.train={tmp_path}", f"output={tmp_path / 'run'}"]
    with pytest.raises(ConfigError, match=rf"found \d+ of \d+ speakers .*{lonely}"):
        train(TINY, [*OPTIONS, *places, f"data.cache={tmp_path / 'cache'}"])
    assert not (tmp_path / "cache").exists()
