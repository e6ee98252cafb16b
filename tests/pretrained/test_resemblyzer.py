"""Resemblyzer's file gives Resemblyzer's embeddings; a file that is not whole is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import joint.app.api
from joint.audio import read_audio
from joint.errors import CheckpointError
from pretrained import resemblyzer

NARROW = Path(__file__).with_name("resemblyzer_narrow.safetensors")
"""Weights of chance for 8 channels, and what Resemblyzer's own code gives with them."""

Content = dict[str, Any]
Change = Callable[[Content], object]


@pytest.fixture(scope="module")
def narrow() -> dict[str, Tensor]:
    return load_file(NARROW)


@pytest.fixture(scope="module")
def utterances(embedded_corpus: Path) -> list[np.ndarray]:
    """Five of five speakers, 3.6 to 0.4 s; the last is quiet."""
    folders = sorted((embedded_corpus / "WAVE").iterdir())[:5]
    waveforms = [read_audio(sorted(folder.iterdir())[1])[4000:] for folder in folders]
    lengths = (57_424, 44_000, 31_000, 25_600, 6_400)
    return [w[:n] for w, n in zip(waveforms, lengths, strict=True)]


@pytest.fixture
def content(narrow: dict[str, Tensor]) -> Content:
    """What `pretrained.pt` holds."""
    prefix = f"{resemblyzer.STATE}/"
    state = {n.removeprefix(prefix): v for n, v in narrow.items() if n.startswith(prefix)}
    state |= {"similarity_weight": torch.tensor([10.0]), "similarity_bias": torch.tensor([-5.0])}
    return {"step": 7, resemblyzer.STATE: state, "optimizer_state": {"state": {}}}


@pytest.fixture
def folder(tmp_path: Path, content: Content) -> Path:
    torch.save(content, tmp_path / "pretrained.pt")
    return tmp_path


def near(found: np.ndarray, expected: Tensor) -> None:
    torch.testing.assert_close(torch.from_numpy(found), expected, atol=2e-5, rtol=0)


def test_equal_to_resemblyzer(
    folder: Path, narrow: dict[str, Tensor], utterances: list[np.ndarray]
) -> None:
    expected = narrow["embeddings"]
    assert float((expected @ expected.T).min()) < 0.5
    resemblyzer.read(folder).write(folder / "ours.safetensors", "ours")
    model = joint.app.api.load(folder / "ours.safetensors", precision="float32")
    near(model.embed(utterances), expected)
    near(np.concatenate([model.embed([u]) for u in utterances]), expected)


def test_what_lies_beside_the_encoder_is_listed(folder: Path) -> None:
    found = resemblyzer.read(folder)
    assert found.toolkit == "resemblyzer" and found.path == folder / "pretrained.pt"
    assert found.left_out == ("step", "optimizer_state", "similarity_weight", "similarity_bias")


def test_recognises_its_own(folder: Path, tmp_path: Path, content: Content) -> None:
    assert resemblyzer.recognises(folder)
    other = tmp_path / "encoder.pt"
    (folder / "pretrained.pt").rename(other)
    assert resemblyzer.recognises(other)
    assert not resemblyzer.recognises(folder)
    assert not resemblyzer.recognises(tmp_path / "nowhere")
    torch.save(content[resemblyzer.STATE], other)
    assert not resemblyzer.recognises(other)
    other.write_bytes(b"no weights")
    assert not resemblyzer.recognises(other)
    assert not resemblyzer.recognises(NARROW)


def tensors(change: Callable[[dict[str, Tensor]], object]) -> Change:
    return lambda content: change(content[resemblyzer.STATE])


CHANGES: dict[str, tuple[Change, str]] = {
    "no model": (lambda c: c.pop("model_state"), "no tensors under 'model_state'"),
    "no tensors": (lambda c: c.update(model_state={"step": 3}), "no tensors under 'model_state'"),
    "missing": (
        tensors(lambda s: s.pop("lstm.bias_hh_l1")),
        "no tensor 'backbone.lstms.1.bias_hh_l0'",
    ),
    "first missing": (
        tensors(lambda s: s.pop("lstm.weight_ih_l0")),
        "no tensor 'lstm.weight_ih_l0'",
    ),
    "too many": (
        tensors(lambda s: s.update({"relu.weight": torch.zeros(8)})),
        "a tensor 'relu.weight' too many",
    ),
    "misshapen": (
        tensors(lambda s: s.update({"lstm.weight_hh_l2": torch.zeros(32, 9)})),
        "'backbone.lstms.2.weight_hh_l0' of shape (32, 9); expected (32, 8)",
    ),
    "a vector": (
        tensors(lambda s: s.update({"linear.weight": torch.zeros(8)})),
        "'linear.weight' of shape (8,); expected a matrix",
    ),
}


@pytest.mark.parametrize("change, message", CHANGES.values(), ids=CHANGES.keys())
def test_another_model_is_refused(
    folder: Path, content: Content, change: Change, message: str
) -> None:
    change(content)
    torch.save(content, folder / "pretrained.pt")
    assert message in refused(folder)


def test_a_file_that_was_cut_is_refused(folder: Path) -> None:
    file = folder / "pretrained.pt"
    file.write_bytes(file.read_bytes()[:-3000])
    assert "no readable weights" in refused(file)


def test_no_file(tmp_path: Path) -> None:
    assert "no readable weights" in refused(tmp_path)


def refused(path: Path) -> str:
    """The line that reading and building `path` ends in."""
    with pytest.raises(CheckpointError) as error:
        resemblyzer.read(path).build()
    message = str(error.value)
    assert "\n" not in message and "pretrained.pt: found" in message
    return message


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestTheirCode:
    """Against the package itself, where it is installed; nothing else needs it."""

    @pytest.fixture
    def theirs(self) -> Any:
        return pytest.importorskip("resemblyzer")

    def test_the_expected_embeddings(
        self,
        theirs: Any,
        folder: Path,
        narrow: dict[str, Tensor],
        utterances: list[np.ndarray],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name in ("model_hidden_size", "model_embedding_size"):
            monkeypatch.setattr(theirs.voice_encoder, name, 8)
        encoder = theirs.VoiceEncoder("cpu", verbose=False, weights_fpath=folder / "pretrained.pt")
        raised = [theirs.normalize_volume(u, -30, increase_only=True) for u in utterances]
        near(np.stack([encoder.embed_utterance(u) for u in raised]), narrow["embeddings"])

    def test_its_own_weights(self, theirs: Any, utterances: list[np.ndarray]) -> None:
        encoder = theirs.VoiceEncoder("cpu", verbose=False)
        ours = resemblyzer.read(Path(theirs.__file__).parent).build()
        for utterance in utterances:
            raised = theirs.normalize_volume(utterance, -30, increase_only=True)
            expected = torch.from_numpy(encoder.embed_utterance(raised))
            with torch.no_grad():
                found = ours(torch.from_numpy(utterance)[None]).embedding[0]
            assert float(torch.cosine_similarity(found, expected, dim=0)) > 0.9999

    def test_windows(self, theirs: Any, folder: Path) -> None:
        ours: Any = resemblyzer.read(folder).build()
        lengths = torch.arange(4_800, 100_000, 79)
        expected = [
            len(theirs.VoiceEncoder.compute_partial_slices(n, 1.3, 0.75)[0])
            for n in lengths.tolist()
        ]
        assert ours.window_count(lengths).tolist() == expected
