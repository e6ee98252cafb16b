"""A folder of SpeechBrain's gives the embeddings that SpeechBrain gives."""

from collections.abc import Callable
from pathlib import Path

import pytest
import speechbrain_hub
import torch
import torch.nn.functional as F
from speechbrain.inference.classifiers import EncoderClassifier
from speechbrain.nnet.pooling import StatisticsPooling
from torch import Tensor

from joint.audio import read_audio
from joint.encoders.encoder import SpeakerEncoder
from joint.training import checkpoint
from joint.training.building.objects import build
from pretrained.speechbrain import reader as speechbrain

NOISE = 5e-5
"""The mean of what the x-vector adds to its means: chance between 1e-5 and 9e-5."""
NEAR = {"ecapa": 2e-6, "resnet": 1e-4, "xvector": 2e-6}
"""Of embeddings of length 1; the ResNet of chance squares activations in the hundreds."""

Encode = Callable[[Tensor], Tensor]


@pytest.fixture(scope="module")
def utterances(embedded_corpus: Path) -> list[Tensor]:
    """Four of four speakers, from 1.5 s to 0.4 s."""
    folders = sorted((embedded_corpus / "WAVE").iterdir())[:4]
    waveforms = [read_audio(sorted(folder.iterdir())[1]) for folder in folders]
    lengths = (24_000, 17_759, 12_001, 6_400)
    return [torch.from_numpy(w[6000 : 6000 + n]) for w, n in zip(waveforms, lengths, strict=True)]


@pytest.fixture(scope="module", params=speechbrain_hub.PUBLISHED)
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, SpeakerEncoder, Encode]:
    """Name, our encoder, and SpeechBrain's `encode_batch` of the same folder."""
    folder = speechbrain_hub.write(tmp_path_factory.mktemp("hub"), request.param)
    saved = tmp_path_factory.mktemp("saved")
    theirs = EncoderClassifier.from_hparams(source=str(folder), savedir=str(saved))
    return request.param, speechbrain.read(folder).build(), theirs.encode_batch


def differs_by(found: Tensor, expected: Tensor) -> float:
    """The largest difference of embeddings `(B, E)`, each scaled to length 1."""
    assert found.shape == expected.shape
    return float((F.normalize(found) - F.normalize(expected)).abs().max())


@torch.no_grad()
def test_equal_to_encode_batch(
    model: tuple[str, SpeakerEncoder, Encode],
    utterances: list[Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, encoder, encode = model
    ours = torch.cat([encoder(w[None]).embedding for w in utterances])
    noisy = torch.cat([encode(w[None]).flatten(1) for w in utterances])
    assert differs_by(ours, noisy) < 1e-4
    monkeypatch.setattr(
        StatisticsPooling, "_get_gauss_noise", lambda _, shape, device: torch.full(shape, NOISE)
    )
    theirs = torch.cat([encode(w[None]).flatten(1) for w in utterances])
    assert differs_by(ours, theirs) < NEAR[name]
    torch.testing.assert_close(ours.norm(dim=1), theirs.norm(dim=1), rtol=1e-4, atol=0)
    apart = torch.pdist(F.normalize(theirs)).min()
    assert apart > 100 * NEAR[name]  # recordings differ by far more than the two toolkits do


@torch.no_grad()
def test_padded_equals_alone(
    model: tuple[str, SpeakerEncoder, Encode], utterances: list[Tensor]
) -> None:
    name, encoder, _ = model
    lengths = torch.tensor([len(w) for w in utterances])
    batch = 0.1 * torch.randn(4, int(lengths.max()), generator=torch.Generator().manual_seed(0))
    for row, waveform in zip(batch, utterances, strict=True):
        row[: len(waveform)] = waveform
    alone = torch.cat([encoder(w[None]).embedding for w in utterances])
    assert differs_by(encoder(batch, lengths).embedding, alone) < NEAR[name]


@pytest.mark.parametrize("name", speechbrain_hub.PUBLISHED)
def test_every_tensor_of_the_published_size_has_its_place(name: str, tmp_path: Path) -> None:
    published = speechbrain_hub.PUBLISHED[name]
    speechbrain_hub.write_text(tmp_path, name, published.widths, published.dim)
    with torch.device("meta"):
        theirs = speechbrain_hub.encoder_of(name, published.widths, published.dim)
    torch.save(theirs.state_dict(), tmp_path / "embedding_model.ckpt")
    found = speechbrain.read(tmp_path)
    with torch.device("meta"):
        encoder = build(found.encoder, "encoder")
    own = {n: v.shape for n, v in encoder.state_dict().items()}
    assert {n: v.shape for n, v in found.tensors.items()} == own
    count = sum(p.numel() for p in theirs.parameters())
    folded = {"ecapa": 0, "resnet": 2 * published.dim, "xvector": 0}[name]
    assert sum(p.numel() for p in encoder.parameters()) == count - folded


def test_written_as_a_checkpoint(tmp_path: Path, utterances: list[Tensor]) -> None:
    found = speechbrain.read(speechbrain_hub.write(tmp_path / "hub", "ecapa"))
    found.write(tmp_path / "ecapa.safetensors", "ecapa")
    tensors, metadata = checkpoint.read(tmp_path / "ecapa.safetensors")
    encoder = build(metadata["config"]["encoder"], "encoder").eval()
    checkpoint.load_into(encoder, tensors, tmp_path, "model/encoder.")
    with torch.no_grad():
        expected = found.build()(utterances[0][None]).embedding
        assert torch.equal(encoder(utterances[0][None]).embedding, expected)
