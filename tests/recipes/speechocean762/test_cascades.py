"""Cascades on the embedded corpus: oracles make no errors, nothing is computed twice, the table."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from support import ROOT

from joint.app.api import SpeakerModel
from joint.data.opening import open_corpus
from joint.errors import CheckpointError, DataError, JointError
from joint.inspection.speech import Region
from joint.training.run import train
from recipes.speechocean762.studies.cascades import run as cascades
from recipes.speechocean762.studies.cascades.segments import (
    FoundSegments,
    ListedMixtures,
    between_pauses,
    whole,
)
from recipes.speechocean762.studies.cascades.systems import words_in
from tasks.diarization.pipeline import Diarizer
from tasks.recognition.conversations.cascades import segmented
from tasks.recognition.conversations.kept import Clock
from tasks.recognition.conversations.lists import Conversations, render
from tasks.recognition.evaluate import evaluate_recognition

pytest.importorskip("meeteval")
pytest.importorskip("silero_vad")


@pytest.fixture(scope="module")
def recogniser(aligned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained recognisers: single in letters, SIMO in phones, target in letters."""
    folder = tmp_path_factory.mktemp("recogniser")
    recipe = yaml.safe_load((ROOT / "tests" / "recognition.yaml").read_text())
    task = {k: v for k, v in recipe["tasks"]["target"]["task"].items() if k != "_target_"}
    single = {"_target_": "tasks.recognition.topologies.SingleRecognition", **task}
    recipe["tasks"]["single"] = {"task": single}
    alone = {"speakers": 1, "delay": [0.0, 0.0], "enrollment": 1.0}
    recipe["streams"]["alone"] = {"tasks": ["single"], "batch_size": 2, "scenes": alone}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    places = [f"data.train={aligned}", f"output={folder / 'run'}", "trainer.max_steps=1"]
    train(folder / "recipe.yaml", places)
    return folder / "run"


def test_oracle_segments_and_an_oracle_recogniser(tested: Path) -> None:
    folder = open_corpus(tested)
    listed = Conversations.load(tested / "mix2_recognition.csv")
    counting, pauses = words_in(folder), between_pauses(tested)
    assert pauses is not None
    mixtures = ListedMixtures(listed.rows, folder)
    lengths = {}
    for where in (whole, pauses[0]):
        known: dict[bytes, list[str]] = {}
        for row in listed:
            mixture = render(row, folder).mixture
            for turn, regions in zip(row.turns, mixtures.segments(where)(mixture), strict=True):
                words = counting.reference(turn.utterance) or []
                lengths[where] = lengths.get(where, 0) + sum(b - a for a, b in regions)
                for i, (start, end) in enumerate(regions):
                    # the order of the words is known, but not where the segments cut them
                    part = words if i == len(regions) - 1 else words[:1]
                    words = words[len(part) :]
                    known[np.trim_zeros(mixture[start:end]).tobytes()] = part

        def known_words(waveform: np.ndarray, known: dict[bytes, list[str]] = known) -> list[str]:
            return known[np.trim_zeros(waveform).tobytes()]

        transcribe = segmented(mixtures.segments(where), known_words)
        figures, results = evaluate_recognition(
            transcribe, folder, listed, counting.reference, progress=False
        )
        assert figures["error_percent"] == 0.0 and len(results) == len(listed)
    # what lies before the first word and after the last is not transcribed
    assert 0.2 < lengths[pauses[0]] / lengths[whole] < 0.95


def test_found_segments_embed_once() -> None:
    asked = []

    def embed(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        asked.append(len(waveforms))
        return np.array([[1.0, 0.1] if w.mean() > 0 else [0.1, 1.0] for w in waveforms])

    mixture = np.concatenate([np.full(48_000, 0.1), np.full(48_000, -0.1)]).astype(np.float32)
    found = FoundSegments(Diarizer(embed, 0.25), lambda w: [Region(0, len(w))], Clock())
    first, second = found(mixture, 2)
    assert first[0].start == 0 and second[-1].end == 96_000 and first[-1].end == second[0].start
    assert abs(first[-1].end - 48_000) < 16_000
    assert found(mixture) == [first, second] and len(found(mixture, 1)) == 1
    assert len(asked) == 1
    assert found(np.zeros(96_000, dtype=np.float32), 2) == []


def test_the_table(
    tested: Path,
    recogniser: Path,
    tiny_checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Outside:
        def transcribe(self, waveform: np.ndarray) -> str:
            return "Zero, zero!"

    monkeypatch.setattr(cascades, "load_recognizer", lambda specification: Outside())
    asked = [tested, recogniser, "--extractor", tiny_checkpoint, "--end-to-end", recogniser]
    asked += ["--outside", "faster-whisper:x", "--limit", 2, "--kept", tmp_path / "kept"]
    asked += ["--cluster-threshold", 0.25]
    cascades.main([str(a) for a in (*asked, tmp_path / "first.md")])
    rows = (tmp_path / "first.md").read_text().splitlines()
    assert capsys.readouterr().out.splitlines()[: len(rows)] == rows
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    by_name = {row[0]: dict(zip(cells[0], row, strict=True)) for row in cells[2:]}
    assert len(by_name) == 1 + 2 * 7 + 2
    assert list(by_name["empty output"].values())[1:5] == ["100", "0.00", "100", "0.00"]
    # two wrong words in place of two, for every output
    words_out = sum(len(t.split()) for t in texts_of(tested, 2))
    one, all_ = (by_name[f"mixture, {how} → faster-whisper"] for how in HOWS)
    assert float(one["substituted"]) == pytest.approx(100 * 2 * 2 / words_out, rel=0.01)
    assert float(all_["substituted"]) == pytest.approx(100 * 4 * 2 / words_out, rel=0.01)
    assert one["cp error %"] == all_["cp error %"] == "100"
    units = {name: row["counted in"] for name, row in by_name.items()}
    assert [n.rpartition(": ")[2] for n in units if units[n] == "phones"] == ["simo (simo)"]
    assert {row["conversations"] for row in by_name.values()} == {"2"}
    for name, row in by_name.items():
        assert (row["each to their enrolment %"] == "–") == (
            not name.startswith("extraction") and not name.endswith("(target)")
        )

    def never(*asked: object, **more: object) -> None:
        raise AssertionError("computed a second time")

    for verb in ("transcribe", "extract", "embed"):
        monkeypatch.setattr(SpeakerModel, verb, never)
    cascades.main([str(a) for a in (*asked, tmp_path / "again.md")])
    assert (tmp_path / "again.md").read_bytes() == (tmp_path / "first.md").read_bytes()


HOWS = ("one output", "the same for all 2")


def texts_of(folder: Path, count: int) -> list[str]:
    people = open_corpus(folder).by_id
    rows = Conversations.load(folder / "mix2_recognition.csv").rows[:count]
    return [people[turn.utterance].text for row in rows for turn in row.turns]


def test_what_is_refused(
    tested: Path,
    recogniser: Path,
    tiny_checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own, extractor = str(recogniser), str(tiny_checkpoint)
    with pytest.raises(CheckpointError, match="expected one with an extraction task"):
        cascades.compare(tested, own, extractor=own)
    with pytest.raises(CheckpointError, match="no recogniser; expected single"):
        cascades.compare(tested, extractor, extractor)
    with pytest.raises(CheckpointError, match="multi-speaker recogniser"):
        cascades.compare(tested, own, extractor, several=[extractor])
    with pytest.raises(DataError, match="at least 1"):
        cascades.compare(tested, own, extractor, limit=0)
    with pytest.raises(JointError, match="faster-whisper:FOLDER"):
        cascades.compare(tested, own, extractor, outside="somebody")
    header, *rows = (tested / "mix2_recognition.csv").read_text().splitlines()
    bare = tmp_path / "list.csv"
    bare.write_text(f"{header}\n{rows[0].rpartition(',')[0]},\n")
    arguments = [tested, own, "--extractor", extractor, "--mixtures", bare, tmp_path / "out.md"]
    with pytest.raises(SystemExit) as ended:
        cascades.main([str(argument) for argument in arguments])
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and line.startswith("error: ") and "no enrolment" in line
    assert not (tmp_path / "out.md").exists()
    bare.write_text("mix_id,first\nm," + rows[0].split(",")[1] + "\n")
    with pytest.raises(DataError, match="rows of 1 speakers"):
        cascades.compare(tested, own, extractor, mixtures=bare)
