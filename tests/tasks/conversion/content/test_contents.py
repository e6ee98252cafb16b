"""What every content has to do: rows of a batch do not know each other, the length is the source's,
a training step reaches it, and a checkpoint brings all of it."""

from pathlib import Path

import pytest
import torch
from tiny_contents import CONTENTS, settings_of
from tiny_models import randomise, tiny_encoder
from tiny_synthesis import conversion, spoken_batch
from torch import Tensor

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.encoders.view import EncoderView
from joint.errors import ConfigError
from joint.scene import SceneBatch
from joint.synthesis.mel import MELS, frames_of
from joint.task import Encode, Enrollment
from tasks.conversion.task import ConversionTask

pytest.importorskip("parselmouth")
each_content = pytest.mark.parametrize("name", CONTENTS)


@pytest.fixture(scope="module")
def corpus(aligned: Path) -> Corpus:
    return open_corpus(aligned)


@pytest.fixture(scope="module")
def batch(corpus: Corpus) -> SceneBatch:
    return spoken_batch(corpus, (0, 9, 22), speaker=torch.tensor([[1], [3], [5]]))


@pytest.fixture(scope="module")
def encode() -> Encode:
    encoder = tiny_encoder().eval()
    randomise(encoder)
    return EncoderView(encoder, "frozen", layers=("tdnn2",))


def ready(name: str, corpus: Corpus) -> ConversionTask:
    made = conversion(corpus.phones, **settings_of(name))
    made.setup(corpus)
    return made


def sources(batch: SceneBatch) -> tuple[Tensor, Tensor]:
    """Three recordings, the others padded to the longest."""
    assert batch.sources is not None
    lengths = torch.tensor([24_123, 18_222, 9_600])
    source = batch.sources[:, 0, :24_123].clone()
    return source * (torch.arange(24_123) < lengths[:, None]), lengths


@each_content
@torch.no_grad()
def test_a_batch_is_its_rows(name: str, corpus: Corpus, batch: SceneBatch, encode: Encode) -> None:
    task = ready(name, corpus).eval()
    source, lengths = sources(batch)
    task_input = task.acoustic.spoken(source, lengths)
    raised = torch.linspace(-0.5, 0.5, task_input.mask.shape[1]).expand(3, -1)
    together = task.content_of(task_input, encode, raised)
    assert together.loss is None and together.features.dtype == torch.float32
    for row, length in enumerate(lengths.tolist()):
        one, count = slice(row, row + 1), frames_of(length)
        alone = task.acoustic.spoken(source[one, :length], lengths[one])
        expected = task.content_of(alone, encode, raised[one, :count]).features[0]
        assert expected.shape == (count, task.content.width)
        torch.testing.assert_close(together.features[row, :count], expected, atol=5e-3, rtol=1e-3)
        assert not together.features[row, count:].any()


@each_content
@torch.no_grad()
def test_it_converts(name: str, corpus: Corpus, batch: SceneBatch, encode: Encode) -> None:
    task = ready(name, corpus).eval()
    assert batch.sources is not None and batch.enrollment is not None
    with torch.no_grad():
        for parameter in task.acoustic.parameters():
            parameter.mul_(2.0 if parameter.ndim > 1 else 1.0)
    source, targets = batch.sources[0, 0, :12_100], batch.enrollment[:, 0]
    one, other = (task.infer(encode, source, [Enrollment.of(t)]) for t in targets[1:])
    assert one.shape == (MELS, frames_of(12_100)) and one.isfinite().all()
    assert not torch.allclose(one, other, atol=1e-2)
    again = task.infer(encode, source, [Enrollment.of(targets[1])])
    assert torch.equal(one, again)  # nothing is perturbed
    length = torch.tensor([12_100])
    higher = task.convert(
        source[None],
        length,
        encode(targets[1:2], torch.tensor([24_000]), "x"),
        encode=encode,
        pitch=0.5,
    )
    assert not torch.allclose(one, higher[0], atol=1e-2)


@each_content
def test_a_training_step_reaches_it(
    name: str, corpus: Corpus, batch: SceneBatch, encode: Encode
) -> None:
    task = ready(name, corpus)
    assert task.requires <= batch.present()
    torch.manual_seed(0)
    output = task.loss(encode, batch, 0.5)
    assert output.loss.isfinite() and output.count == 3
    output.loss.backward()
    missed = {
        n
        for n, p in task.named_parameters()
        if p.requires_grad and (p.grad is None or not p.grad.any())
    }
    assert not {n for n in missed if n.startswith("content.")}, missed
    figures = task.eval().validate(encode, [batch])
    assert "decoder_loss" in figures and "speaker_loss" not in figures
    assert "adversary_loss" not in figures


def test_the_encoder_is_asked_for(corpus: Corpus, batch: SceneBatch, encode: Encode) -> None:
    task = ready("encoder_units", corpus).eval()
    assert task.layers == {"tdnn2"}
    source, lengths = sources(batch)
    encoding = encode(source, lengths, "target")
    with pytest.raises(ConfigError, match="content: found no shared encoder"):
        task.convert(source, lengths, encoding)
