"""Codec language models on two real sentences: memorised and given back; what they read."""

from functools import partial
from typing import Any

import pytest
import torch
from tiny_models import encode_with, encoding_of, shares, tiny_encoder
from tiny_synthesis import codec
from torch import Tensor

from joint.conditioning.fusion import FilmFusion
from joint.data.corpus import Corpus
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.synthesis.codec.codec import codes_of
from joint.synthesis.codec.quantizer import Codebook
from joint.synthesis.decoders.base import Sampling
from joint.synthesis.examples import only
from joint.synthesis.lengths import TimedPhones
from joint.synthesis.speaking import SpeakingOptions
from joint.task import ENROLLMENT
from tasks.codec_synthesis.examples import CodeExamples, stretches
from tasks.codec_synthesis.network import Transformer
from tasks.codec_synthesis.sampling import Draw
from tasks.codec_synthesis.task import CodecSynthesisTask

SURE = SpeakingOptions(sampling=Sampling(temperature=0.0))
KINDS: dict[str, dict[str, Any]] = {
    "prompt, stop token": {"fusion": None, "monotonic": False},
    "embedding, steps of the text": {"fusion": FilmFusion, "prompt": 0.0},
}


def made(corpus: Corpus, weights: dict[str, Tensor], **settings: Any) -> CodecSynthesisTask:
    own = codec(size=16)
    own.load_state_dict(weights)
    with seeded(0, "task"):
        settings = {"dim": 32, "blocks": 1, "heads": 2, "dropout": 0.0} | settings
        return CodecSynthesisTask(12, corpus.phones, own, **settings)


def encoded(task: CodecSynthesisTask, batch: SceneBatch) -> tuple[SpeakerEncoding, CodeExamples]:
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    encode = encode_with(tiny_encoder().eval().requires_grad_(False))
    encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
    examples = task.examples_of(batch, encoding)
    assert examples is not None
    return encoding, examples


def row_of(encoding: SpeakerEncoding, row: int) -> SpeakerEncoding:
    return only(encoding, torch.tensor([row]))


def test_untrained_the_blocks_give_the_content_and_not_the_speaker() -> None:
    torch.manual_seed(0)
    content = torch.randn(1, 30, 32).expand(12, -1, -1)
    blocks = Transformer(32, 6, 2, 0.0, partial(FilmFusion, embedding_dim=24))
    speaker, frame = shares(blocks(content, None, encoding_of(torch.randn(12, 24))))
    assert frame > 0.9 and 0.0 < speaker < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_two_sentences_by_heart(
    corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor], kind: str
) -> None:
    """The codes of a stretch of each come back, of all quantisers, and where it ends (± 1)."""
    torch.manual_seed(1)
    task = made(corpus, weights, stretch=0.8, **KINDS[kind])
    task.setup(corpus)
    encoding, examples = encoded(task, batch)
    optimizer = torch.optim.AdamW([p for p in task.parameters() if p.requires_grad], 4e-3)
    torch.manual_seed(0)
    for _ in range(300):
        loss = task.first.loss(examples)[0] + task.further.loss(examples)[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    task.eval()
    for row in (0, 1):
        phones = examples.phones[row][examples.phones[row] >= 0]
        codes = task.codes_of_text(row_of(encoding, row), phones, SURE)
        own = examples.codes[row][examples.mask[row]]
        assert abs(len(codes) - len(own)) <= 1
        both = min(len(codes), len(own))
        assert float((codes[:both] == own[:both]).float().mean()) > 0.9
        waveform = task.speak_in(row_of(encoding, row), phones, SURE)
        torch.testing.assert_close(waveform, task.codec.decode(codes[None])[0])
        assert waveform.shape == ((2 * len(codes) - 1) * 200,)


def test_stretches_have_the_phones_of_their_codes(
    corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor]
) -> None:
    """Each frame of codes of a whole sentence has the phone that the alignment has there; a stretch
    is a part of it."""
    task = made(corpus, weights)
    _, whole = encoded(task, batch)
    assert batch.source_lengths is not None
    assert whole.mask.sum(dim=1).tolist() == codes_of(batch.source_lengths[:, 0]).tolist()
    assert batch.source_phones is not None and batch.source_phone_starts is not None
    assert batch.source_phone_ends is not None
    for row in (0, 1):
        for phone, start, end in zip(
            batch.source_phones[row, 0],
            batch.source_phone_starts[row, 0],
            batch.source_phone_ends[row, 0],
            strict=True,
        ):
            if phone >= 0 and end - start > 1_200:
                assert int(whole.spoken[row, int(start + end) // 2 // 400]) == int(phone)
    short = made(corpus, weights, stretch=0.5)
    torch.manual_seed(2)
    _, part = encoded(short, batch)
    several = (part.phones >= 0).sum(dim=1) > 1
    assert bool(several.any()) and int(part.mask.sum(dim=1)[several].max()) <= 20
    for row in (0, 1):
        own = part.codes[row][part.mask[row]]
        everywhere = whole.codes[row][whole.mask[row]].unfold(0, len(own), 1).transpose(1, 2)
        place = int((everywhere == own).all(dim=2).all(dim=1).nonzero()[0])
        phones = whole.spoken[row, place : place + len(own)]
        assert torch.equal(part.spoken[row][part.mask[row]][1:-1], phones[1:-1])


def test_cached_generation_is_that_of_the_whole(
    corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor]
) -> None:
    """Sampled codes are the most probable ones of a forward pass over all of them at once."""
    task = made(corpus, weights, fusion=FilmFusion, blocks=2).eval()
    task.first.output.own.bias.data[-1] = -100.0  # the text ends speech: sampling has no stop
    encoding, examples = encoded(task, batch)
    row, phones = row_of(encoding, 0), examples.phones[0][examples.phones[0] >= 0]
    prompt = examples.prompt[:1]
    codes, places = task.first.sample(phones, prompt[0, :, 0], row, Draw(0, 0.0), 30)
    own = CodeExamples(
        phones[None],
        codes[None, :, None].expand(-1, -1, 3),
        torch.ones(1, len(codes), dtype=torch.bool),
        places[None],
        prompt,
        torch.ones_like(prompt[..., 0], dtype=torch.bool),
        row,
    )
    _, metrics = task.first.loss(own)
    assert float(metrics["code_accuracy"]) == 1.0


def test_the_loss_is_that_of_both_models_and_reaches_the_embedding(
    corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor]
) -> None:
    task = made(corpus, weights, fusion=FilmFusion)
    encoder = tiny_encoder()
    torch.manual_seed(0)
    found = task.loss(encode_with(encoder), batch, 0.5)
    metrics = {"code_loss", "code_accuracy", "step_loss", "further_code_loss"}
    assert found.metrics.keys() == metrics | {"further_code_accuracy"} and found.count == 2
    parts = sum(
        float(torch.as_tensor(v).detach()) for n, v in found.metrics.items() if n.endswith("loss")
    )
    assert float(found.loss.detach()) == pytest.approx(parts, rel=1e-5)
    found.loss.backward()
    assert encoder.projection.weight.grad is not None
    assert all(p.grad is None for p in task.codec.parameters())
    assert task.validate(encode_with(encoder.eval()), [batch]).keys() == {"loss", *found.metrics}


def test_padding_changes_nothing(
    corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor]
) -> None:
    """The loss of both sentences is the mean of those alone, weighted by their codes."""
    task = made(corpus, weights, fusion=FilmFusion).eval()
    encoding, examples = encoded(task, batch)
    together, _ = task.first.loss(examples)
    alone, counts = [], []
    for row in (0, 1):
        count, phones = int(examples.mask[row].sum()), int((examples.phones[row] >= 0).sum())
        part = CodeExamples(
            examples.phones[row : row + 1, :phones],
            *(x[row : row + 1, :count] for x in (examples.codes, examples.mask, examples.places)),
            examples.prompt[row : row + 1],
            examples.prompt_mask[row : row + 1],
            row_of(encoding, row),
        )
        alone.append(float(task.first.loss(part)[0].detach()))
        counts.append(count)
    mean = sum(a * c for a, c in zip(alone, counts, strict=True)) / sum(counts)
    assert float(together.detach()) == pytest.approx(mean, rel=1e-4)


def test_the_codec_stays(corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor]) -> None:
    task = made(corpus, weights).train()
    encoded(task, batch)
    assert not task.codec.training and not any(p.requires_grad for p in task.codec.parameters())
    assert all(torch.equal(v, weights[n]) for n, v in task.codec.state_dict().items())


def test_draws() -> None:
    logits = torch.tensor([0.0, 3.0, 2.0, -5.0])
    assert {Draw(seed, 0.0)(logits) for seed in range(5)} == {1}
    assert {Draw(seed, 1.0, 0.7)(logits) for seed in range(40)} == {1}
    assert {Draw(seed, 1.0, 0.9)(logits) for seed in range(40)} == {1, 2}
    first, second = Draw(3), Draw(3)
    assert [first(logits) for _ in range(9)] == [second(logits) for _ in range(9)]


def test_what_is_refused(corpus: Corpus, weights: dict[str, Tensor]) -> None:
    with pytest.raises(ConfigError, match="a prompt, a fusion, or both"):
        made(corpus, weights, prompt=0.0)
    with pytest.raises(ConfigError, match="quantizers: found 1; expected 2 or more"):
        CodecSynthesisTask(12, corpus.phones, codec(1))
    with pytest.raises(ConfigError, match="codec without training"):
        CodecSynthesisTask(12, corpus.phones, codec()).setup(corpus)
    kept = SpeakerEncoding(torch.zeros(1, 12))
    with pytest.raises(ConfigError, match="a kept embedding without its recording"):
        made(corpus, weights).speak_in(kept, torch.tensor([0, 3, 0]))
    alone = made(corpus, weights, fusion=partial(FilmFusion), prompt=0.0).eval()
    assert alone.speak_in(kept, torch.tensor([0, 3, 0])).dim() == 1


def test_a_last_phone_longer_than_a_stretch_is_one() -> None:
    timed = TimedPhones(torch.tensor([[1, 2]]), torch.tensor([[2, 60]]))
    torch.manual_seed(0)
    for _ in range(20):
        phones, codes, mask, _ = stretches(timed, torch.zeros(1, 31, 2).long(), 20)
        assert phones.tolist() in ([[1]], [[2]]) and codes.shape[1] == int(mask.sum()) in (1, 30)


def test_where_nothing_is_known_the_expected_code_is_near_the_middle(
    corpus: Corpus, weights: dict[str, Tensor]
) -> None:
    vectors = made(corpus, weights).further.vectors
    codebook = vectors.codec.quantizer.codebooks[1]
    assert isinstance(codebook, Codebook)
    codes = torch.arange(vectors.size)
    sure = 100.0 * torch.nn.functional.one_hot(codes, vectors.size)
    same = codebook.vectors[vectors.expected(1, sure)] - codebook.vectors
    assert same.abs().max() < 1e-4  # two codes may have one vector
    nothing = vectors.expected(1, torch.zeros(1, vectors.size))
    assert nothing == codebook.nearest(codebook.vectors.mean(dim=0, keepdim=True))
