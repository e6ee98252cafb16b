"""Checkpoints by name: models on the hub are imported into a cache once, then read from there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ROOT, Command, Refused
from wespeaker_golden import DATA, Golden, published

from joint.app.checkpoints import SHIPPED, checkpoint_file
from joint.errors import CheckpointError
from pretrained.catalogue import ALIASES, ReplacedWarning
from pretrained.names import cache_folder, named_checkpoint

NAME = "Wespeaker/wespeaker-ecapa-tdnn512-LM"


class FakeHub:
    """A hub whose every model is `folder`; offline where that is None."""

    def __init__(self, folder: Path | None) -> None:
        self.folder, self.asked = folder, list[str]()

    def __call__(self, name: str, **options: object) -> str:
        self.asked.append(name)
        if self.folder is None:
            raise ConnectionError("no route to host")
        return str(self.folder)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    import huggingface_hub

    folder = published(Golden.load(DATA / "simam_resnet34.json"), tmp_path / "foreign")
    found = FakeHub(folder)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", found)
    monkeypatch.setenv("JOINT_CACHE", str(tmp_path / "cache"))
    yield found


def test_a_name_on_the_hub_is_imported_once(
    hub: FakeHub, joint_command: Command, embedded_corpus: Path, tmp_path: Path
) -> None:
    recordings = sorted((embedded_corpus / "WAVE").rglob("*.*"))[:2]
    first = joint_command("verify", "--checkpoint", NAME, *recordings)
    assert first.code == 0 and not first.err, first
    hub.folder = None  # offline from here on
    again = joint_command("verify", "--checkpoint", NAME, *recordings)
    assert again.out == first.out and hub.asked == [NAME]
    assert "wespeaker-ecapa-tdnn512-LM" in joint_command("info", NAME).out
    assert tmp_path / "cache" in checkpoint_file(NAME).parents


def test_offline_with_an_empty_cache(hub: FakeHub, refused: Refused, tmp_path: Path) -> None:
    hub.folder = None
    line = refused("info", NAME)
    assert NAME in line and "offline" in line and "local folder" in line
    assert not (tmp_path / "cache").exists()


def test_an_import_that_fails_leaves_no_file(
    hub: FakeHub, refused: Refused, tmp_path: Path
) -> None:
    assert hub.folder is not None
    (hub.folder / "avg_model.pt").write_bytes(b"half")
    assert "avg_model.pt" in refused("info", NAME)
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


def test_a_folder_of_that_name_comes_first(
    hub: FakeHub, tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(NAME).mkdir(parents=True)
    (Path(NAME) / "model.safetensors").write_bytes(tiny_checkpoint.read_bytes())
    assert checkpoint_file(NAME) == Path(NAME) / "model.safetensors" and not hub.asked


def test_names_that_are_not_known() -> None:
    with pytest.raises(CheckpointError, match=NAME):
        checkpoint_file("Wespeaker/wespeaker-ecapa-tdnn512")
    with pytest.raises(CheckpointError, match=SHIPPED):
        checkpoint_file("speechocean999-joint")


def test_a_folder_of_another_toolkit(hub: FakeHub, refused: Refused) -> None:
    line = refused("info", hub.folder)
    assert str(hub.folder) in line and "joint import" in line


def test_paths(tiny_checkpoint: Path) -> None:
    assert checkpoint_file(tiny_checkpoint.parent) == checkpoint_file(tiny_checkpoint)
    assert ROOT / "pretrained" in checkpoint_file(SHIPPED).parents


def test_the_cache_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("JOINT_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "joint-speaker"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "joint-speaker"
    monkeypatch.setenv("JOINT_CACHE", "~/kept")
    assert cache_folder() == tmp_path / "kept"


def test_a_former_name_says_what_is_used_in_its_place() -> None:
    for former, name in ALIASES.items():
        with pytest.warns(ReplacedWarning, match=f"{former} has been replaced by {name}"):
            assert checkpoint_file(former) == checkpoint_file(name)
        with pytest.warns(ReplacedWarning):
            assert named_checkpoint(former) == checkpoint_file(name)
    assert SHIPPED in ALIASES.values()
