"""`joint evaluate recognition` with recognisers that are hardly trained, and an external one."""

import json
from pathlib import Path

import numpy as np
import pytest
from support import Command, Refused


def test_evaluate(recogniser: Path, tested: Path, joint_command: Command, tmp_path: Path) -> None:
    pytest.importorskip("meeteval")
    base = ("evaluate", "recognition", "--checkpoint", recogniser, "--data", tested)
    listed = ("--conversations", tested / "mix2_recognition.csv", "--limit", 2)
    out, written = tmp_path / "figures.json", tmp_path / "transcripts.json"
    done = joint_command(*base, *listed, "--mode", "simo", "--json", out, "--transcripts", written)
    assert done.code == 0, done
    figures = json.loads(out.read_text())
    assert figures["counted_in"] == "phones" and figures["conversations"] == 2
    assert figures["error_percent"] > 50.0 and "person_error_percent" not in figures
    assert {len(row["hypotheses"]) for row in json.loads(written.read_text()).values()} == {2}
    done = joint_command(*base, *listed, "--mode", "target", "--json", out)
    figures = json.loads(out.read_text())
    assert done.code == 0 and figures["counted_in"] == "words"
    assert figures["person_error_percent"] > 50.0 and 0.0 <= figures["silent_share"] <= 1.0


def test_evaluate_names(
    recogniser: Path, tested: Path, joint_command: Command, refused: Refused, tmp_path: Path
) -> None:
    pytest.importorskip("meeteval")
    base = ("evaluate", "recognition", "--checkpoint", recogniser, "--data", tested)
    base = (*base, "--conversations", tested / "mix2_recognition.csv", "--limit", 2)
    simo, out = (*base, "--mode", "simo", "--attributed"), tmp_path / "figures.json"
    done = joint_command(*simo, "--threshold", -1, "--json", out)
    assert done.code == 0, done
    figures = json.loads(out.read_text())
    assert 0.0 <= figures["named_share"] <= 1.0
    assert figures["person_error_percent"] >= figures["error_percent"] > 50.0
    assert "no threshold" in refused(*simo)
    assert "--attributed" in refused(*base, "--mode", "simo", "--threshold", 0)
    assert "no times" in refused(*simo, "--threshold", 0, "--beam", 5)
    assert "mode target; expected single" in refused(
        *base, "--mode", "target", "--attributed", "--threshold", 0
    )


class Short:
    """An external recogniser that writes two words for anything, and counts how often."""

    asked = 0

    def transcribe(self, waveform: np.ndarray) -> str:
        Short.asked += 1
        return "Zero, zero!"


def test_evaluate_cascade(
    tiny_checkpoint: Path,
    tested: Path,
    joint_command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("meeteval")
    monkeypatch.setattr("joint.metrics.recognizers.load_recognizer", lambda given: Short())
    monkeypatch.setattr(Short, "asked", 0)
    listed = tested / "mix2_recognition.csv"
    base = ("evaluate", "recognition", "--checkpoint", tiny_checkpoint, "--data", tested)
    base = (*base, "--conversations", listed, "--recognizer", "faster-whisper:x", "--limit", 2)
    written, kept = tmp_path / "transcripts.json", tmp_path / "kept"
    outs = [tmp_path / name for name in ("plain.json", "first.json", "again.json")]
    done = joint_command(*base, "--json", outs[0])
    assert done.code == 0, done
    done = joint_command(*base, "--json", outs[1], "--transcripts", written, "--kept", kept)
    assert done.code == 0, done
    before = Short.asked
    assert before > 0
    assert joint_command(*base, "--json", outs[2], "--kept", kept).code == 0
    assert Short.asked == before  # nothing a second time
    plain, first, again = (json.loads(out.read_text()) for out in outs)
    assert plain.pop("real_time_factor") > 0.0
    assert first == again == plain
    assert first["conversations"] == 2 and first["counted_in"] == "words"
    # of an output of two wrong words for every speaker: two substitutions each
    words = first["reference_words"]
    assert first["error_percent"] == first["mixture_error_percent"] == 100.0
    assert first["error_substitutions_percent"] == pytest.approx(100 * 4 * 2 / words)
    assert first["mixture_error_substitutions_percent"] == pytest.approx(100 * 2 * 2 / words)
    assert first["silent_share"] == 0.0 and first["words_for_absent"] == 2.0
    for row in json.loads(written.read_text()).values():
        assert row["hypotheses"] == ["zero zero"] * 2 and row["references"][0].islower()


def test_a_cascade_that_is_refused(
    tiny_checkpoint: Path,
    recogniser: Path,
    tested: Path,
    refused: Refused,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("meeteval")
    base = ("evaluate", "recognition", "--data", tested)
    listed = ("--conversations", tested / "mix2_recognition.csv")
    kept = ("--kept", tmp_path / "kept")
    whole = (*base, "--checkpoint", tiny_checkpoint, *listed)
    assert "faster-whisper:FOLDER" in refused(*whole, *kept, "--recognizer", "somebody")
    assert "--recognizer too" in refused(*whole, *kept)
    monkeypatch.setattr("joint.metrics.recognizers.load_recognizer", lambda given: Short())
    asked = (*kept, "--recognizer", "faster-whisper:x")
    for option in (("--beam", 5), ("--mode", "target"), ("--attributed",), ("--weight", 2)):
        assert "none of its options" in refused(*whole, *asked, *option)
    alone = (*base, "--checkpoint", tiny_checkpoint, *asked)
    assert "--conversations FILE.csv" in refused(*alone)
    assert "extraction" in refused(*base, "--checkpoint", recogniser, *listed, *asked)
    header, *rows = (tested / "mix2_recognition.csv").read_text().splitlines()
    bare = tmp_path / "list.csv"
    bare.write_text(f"{header}\n{rows[0].rpartition(',')[0]},\n")
    assert f"{bare}:2: found no enrolment" in refused(*alone, "--conversations", bare)
    assert not (tmp_path / "kept").exists()
