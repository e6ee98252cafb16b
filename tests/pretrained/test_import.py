"""`joint import`: what it writes works with every verb, and what is wrong is one line."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from support import Command, Refused
from wespeaker_golden import DATA, Golden, published

from joint.audio import read_audio
from pretrained import hub
from pretrained.wespeaker import reader as wespeaker

SMALL = DATA / "simam_resnet34.json"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    return published(Golden.load(SMALL), tmp_path / "foreign")


@pytest.fixture
def recordings(embedded_corpus: Path) -> list[Path]:
    return sorted((embedded_corpus / "WAVE").rglob("*.*"))[:2]


def test_imported(
    joint_command: Command,
    refused: Refused,
    foreign: Path,
    recordings: list[Path],
    embedded_corpus: Path,
    tmp_path: Path,
) -> None:
    outcome = joint_command("import", foreign, tmp_path / "ours")
    assert outcome.code == 0 and len(outcome.out.splitlines()) == 1
    for word in ("SimamResNet34 from WeSpeaker", "of dimension 16", "projection.weight"):
        assert word in outcome.out
    checkpoint = tmp_path / "ours" / "model.safetensors"
    assert [checkpoint] == list(checkpoint.parent.iterdir())

    table = tmp_path / "voices.npz"
    assert (
        joint_command("embed", "--checkpoint", checkpoint, "--output", table, *recordings).code == 0
    )
    encoder = wespeaker.read(foreign).build()
    voices = np.load(table)
    assert len(voices) == len(recordings)
    for path in recordings:
        with torch.inference_mode():
            expected = encoder(torch.from_numpy(read_audio(path))[None]).embedding[0]
        cosine = torch.cosine_similarity(torch.from_numpy(voices[path.stem]), expected, dim=0)
        assert cosine > 0.99  # embedding may run in bf16, and random weights amplify its noise

    outcome = joint_command("verify", "--checkpoint", checkpoint, *recordings)
    assert outcome.code == 0 and "no threshold" in outcome.out
    outcome = joint_command("info", checkpoint)
    assert outcome.code == 0 and "imported_from: WeSpeaker" in outcome.out
    output = tmp_path / "voice.wav"
    line = refused(
        *("extract", "--checkpoint", checkpoint, "--mixture", recordings[0]),
        *("--enrollment", recordings[1], "--output", output),
    )
    assert "tasks none" in line and not output.exists()
    test, trials = embedded_corpus / "test", tmp_path / "trials"
    every = (test / "trials").read_text().splitlines()
    trials.write_text("\n".join(every[:4] + every[-4:]))
    arguments = ("--checkpoint", checkpoint, "--data", test, "--trials", trials)
    outcome = joint_command("evaluate", "verification", *arguments)
    assert outcome.code == 0 and "eer_percent" in outcome.out


def test_into_a_file(joint_command: Command, foreign: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "simam.safetensors"
    assert joint_command("import", foreign / "avg_model.pt", target).code == 0
    assert target.is_file()


def test_nothing_half_written(refused: Refused, foreign: Path, tmp_path: Path) -> None:
    tensors = Golden.load(SMALL).tensors()
    del tensors["bottleneck.bias"]
    torch.save(tensors, foreign / "avg_model.pt")
    assert "projection.bias" in refused("import", foreign, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_a_folder_of_something_else(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("words")
    assert "wespeaker" in refused("import", tmp_path, tmp_path / "ours")
    assert "wespeaker" in refused("import", tmp_path / "words.txt", tmp_path / "ours")


@pytest.mark.parametrize("name", ["wespeaker/ecapa-tdnn512-lm", "Wespeaker/wespeaker-ecapatdnn512"])
def test_an_unknown_name(refused: Refused, tmp_path: Path, name: str) -> None:
    line = refused("import", name, tmp_path / "ours")
    assert "Wespeaker/wespeaker-ecapa-tdnn512-LM" in line


class TestHub:
    """Known names are downloaded; here nothing is."""

    NAME = "Wespeaker/wespeaker-ecapa-tdnn512-LM"

    def test_offline(
        self, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import huggingface_hub

        def unreachable(*_: object, **__: object) -> str:
            raise ConnectionError("no route to host")

        monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
        line = refused("import", self.NAME, tmp_path / "ours")
        assert "offline" in line and "local folder" in line and self.NAME in line
        assert not (tmp_path / "ours").exists()

    def test_without_the_library(
        self, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "huggingface_hub", None)
        assert "joint-speaker[hub]" in refused("import", self.NAME, tmp_path / "ours")

    def test_downloaded(
        self, joint_command: Command, foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import huggingface_hub

        asked = []

        def fetched(name: str, ignore_patterns: list[str]) -> str:
            asked.append(name)
            return str(foreign)

        monkeypatch.setattr(huggingface_hub, "snapshot_download", fetched)
        assert joint_command("import", self.NAME, tmp_path / "ours").code == 0
        assert asked == [self.NAME]
        assert "wespeaker-ecapa-tdnn512-LM" in joint_command("info", tmp_path / "ours").out

    def test_names_are_sorted_and_single(self) -> None:
        assert list(hub.REPOSITORIES) == sorted(set(hub.REPOSITORIES))
