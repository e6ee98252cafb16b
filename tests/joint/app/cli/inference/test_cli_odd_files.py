"""Files that are no audio, or odd audio, given to the commands: used, refused in one line, or
skipped, counted and listed; never waited for."""

import os
import signal
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import Command, Refused

from joint.audio import read_audio
from joint.conversation.turns import read_turns

pytestmark = pytest.mark.usefixtures("loaded_once", "in_time")

PIPE, CUT, GSM, NMS, LATIN = (
    "pipe.wav",
    "cut.mp3",
    "gsm.wav",
    "nms.wav",
    os.fsdecode(b"caf\xe9.wav"),
)
UNUSABLE = ("/dev/zero", PIPE, CUT)
USABLE = (GSM, NMS, LATIN)


@pytest.fixture
def in_time() -> Iterator[None]:
    """A command that waits for a pipe fails instead of all tests."""

    def late(_number: int, _frame: types.FrameType | None) -> None:
        raise TimeoutError("the command does not end")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def odd(speakers: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of one speaker in every odd form, and as a good file."""
    folder = tmp_path_factory.mktemp("odd")
    (paths, *_) = speakers.values()
    speech = np.concatenate([read_audio(path) for path in paths])[:80_000]
    soundfile.write(folder / "good.wav", speech, 16_000)
    soundfile.write(folder / GSM, speech[::2], 8_000, subtype="GSM610")
    soundfile.write(folder / NMS, speech[::2], 8_000, subtype="NMS_ADPCM_32")
    soundfile.write(folder / "whole.mp3", speech, 16_000, format="MP3")
    content = (folder / "whole.mp3").read_bytes()
    (folder / CUT).write_bytes(content[: len(content) // 2])
    (folder / LATIN).write_bytes((folder / "good.wav").read_bytes())
    os.mkfifo(folder / PIPE)
    return folder


def tables(folder: Path, odd: Path) -> Path:
    """Kaldi tables of three good recordings of two speakers and all odd ones that UTF-8 has."""
    folder.mkdir()
    places = {f"good{n}": odd / "good.wav" for n in range(3)}
    places |= {Path(name).stem: odd / name for name in (*UNUSABLE, GSM, NMS)}
    for table, lines in {
        "wav.scp": places.items(),
        "text": ((name, "ONE") for name in places),
        "utt2spk": ((name, f"s{number % 2}") for number, name in enumerate(places)),
    }.items():
        (folder / table).write_text("".join(f"{name} {value}\n" for name, value in lines))
    pairs = "".join(f"{int(name < 'h')} good0 {name}\n" for name in places)
    (folder / "trials").write_text(pairs)
    return folder


@pytest.mark.parametrize("name", UNUSABLE)
def test_refused(
    refused: Refused, tiny_checkpoint: Path, odd: Path, name: str, tmp_path: Path
) -> None:
    common = ("--checkpoint", tiny_checkpoint)
    output = tmp_path / "out"
    for line in (
        refused("verify", odd / "good.wav", odd / name, *common),
        refused("diarize", odd / name, "--output", f"{output}.rttm", *common),
        refused("enroll", "Anna", odd / name, "--database", output, *common),
        refused("transcribe", odd / name, *common),
        refused(
            *("extract", "--mixture", odd / name, "--enrollment", odd / "good.wav"),
            *("--output", f"{output}.wav", *common),
        ),
    ):
        assert str(odd / name) in line
        assert ("a pipe or device" in line) == (name != CUT) and ("truncated" in line) == (
            name == CUT
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", USABLE)
def test_used(
    joint_command: Command, tiny_checkpoint: Path, odd: Path, name: str, tmp_path: Path
) -> None:
    common = ("--checkpoint", tiny_checkpoint)
    database = ("--database", tmp_path / "speakers")
    for arguments in (
        ("verify", odd / "good.wav", odd / name, *common),
        ("embed", odd / name, "--output", tmp_path / "e.npz", *common),
        ("enroll", "Anna", odd / name, *database, *common),
        ("identify", odd / name, *database, "--threshold", 0, *common),
        ("diarize", odd / name, "--output", tmp_path / "d.rttm", "--speakers", 1, *common),
        ("diarize", odd / name, "--output", tmp_path / "d.json", "--speakers", 1, *common),
    ):
        outcome = joint_command(*arguments)
        assert outcome.code == 0, outcome
        # Codecs at 8 kHz; an embedding is no judgement, and is not warned of.
        assert all("narrow band" in line for line in outcome.err), outcome
        assert name in (GSM, NMS) or not outcome.err, outcome
    shown = "caf\ufffd" if name == LATIN else Path(name).stem
    assert list(np.load(tmp_path / "e.npz")) == [shown]
    assert list(read_turns(tmp_path / "d.rttm")) == list(read_turns(tmp_path / "d.json")) == [shown]


def test_an_output_whose_name_is_not_utf8(
    joint_command: Command, tiny_checkpoint: Path, odd: Path, tmp_path: Path
) -> None:
    output = tmp_path / os.fsdecode(b"caf\xe9.npz")
    outcome = joint_command(
        "embed", odd / "good.wav", "--output", output, "--checkpoint", tiny_checkpoint
    )
    assert outcome.code == 0 and "caf\\udce9.npz: 1 embeddings" in outcome.out
    assert list(np.load(output)) == ["good"]


def test_embed_skips_and_counts(
    joint_command: Command, tiny_checkpoint: Path, odd: Path, tmp_path: Path
) -> None:
    files = [odd / name for name in (*UNUSABLE, "good.wav")]
    output = ("--output", tmp_path / "e.npz", "--checkpoint", tiny_checkpoint)
    outcome = joint_command("embed", *files, *output)
    assert outcome.code == 0 and outcome.err[-1] == "warning: 3 of 4 skipped: zero, pipe, cut"
    assert list(np.load(tmp_path / "e.npz")) == ["good"]


@pytest.mark.parametrize("check", ["full", "header"])
def test_prepare_skips_counts_and_lists(
    joint_command: Command, odd: Path, check: str, tmp_path: Path
) -> None:
    folder = tables(tmp_path / "tables", odd)
    outcome = joint_command("prepare", "kaldi", folder, tmp_path / "out", "--check", check)
    assert outcome.code == 0 and "3 recordings skipped" in outcome.out
    rows = (tmp_path / "out" / "skipped.tsv").read_text().splitlines()[1:]
    assert [row.split("\t")[1] for row in rows] == ["zero", "pipe", "cut"]


def test_evaluate_skips_and_counts(
    joint_command: Command, tiny_checkpoint: Path, odd: Path, tmp_path: Path
) -> None:
    folder = tables(tmp_path / "tables", odd)
    options = ("--data", folder, "--trials", folder / "trials", "--checkpoint", tiny_checkpoint)
    outcome = joint_command("evaluate", "verification", *options)
    assert outcome.code == 0
    figures = dict(line.split() for line in outcome.out.partition("\n\n")[0].splitlines())
    assert (figures["skipped_utterances"], figures["trials"]) == ("3", "5")


def test_a_table_with_a_name_that_is_not_utf8(refused: Refused, odd: Path, tmp_path: Path) -> None:
    folder = tables(tmp_path / "tables", odd)
    with (folder / "wav.scp").open("ab") as file:
        file.write(b"latin " + os.fsencode(odd / LATIN) + b"\n")
    line = refused("prepare", "kaldi", folder, tmp_path / "out")
    assert "wav.scp:9: found bytes that are not UTF-8" in line


@pytest.mark.parametrize("place", ["/dev/zero", "pipe"])
def test_pipes_and_devices_for_other_inputs(
    refused: Refused, tiny_checkpoint: Path, odd: Path, place: str, tmp_path: Path
) -> None:
    if place == "pipe":
        place = str(tmp_path / place)
        os.mkfifo(place)
    folder = tables(tmp_path / "tables", odd)
    data = ("evaluate", "verification", "--data")
    for arguments in (
        (*data, folder, "--trials", place),
        (*data, place, "--trials", folder / "trials"),
        (*data, folder, "--trials", folder / "trials", "--checkpoint", place),
        ("evaluate", "diarization", "--data", place),
        ("prepare", "kaldi", place, tmp_path / "out"),
        ("embed", "--wav-scp", place, "--output", tmp_path / "e.npz"),
        ("train", place),
    ):
        assert f"{place}: found " in refused(*arguments)
