"""UniCATS on two real sentences: memorised and given back between a context that stays."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny_models import encode_with, tiny_encoder
from tiny_synthesis import codec
from torch import Tensor

from joint.conditioning.fusion import FilmFusion, NoFusion
from joint.data.corpus import Corpus
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.synthesis.codec.codec import FRAMES
from joint.synthesis.decoders.base import Sampling
from joint.synthesis.examples import Utterances, aligned_utterances, only
from joint.synthesis.lengths import TimedPhones
from joint.synthesis.level import levelled
from joint.synthesis.mel import HOP
from joint.synthesis.speaking import SpeakingOptions
from joint.synthesis.timing.spans import random_spans
from joint.task import ENROLLMENT
from tasks.codec_synthesis.diffusion.task import UnicatsTask
from tasks.codec_synthesis.examples import CodeExamples, stretches

SURE = Sampling(temperature=0.0)
SHORT = SpeakingOptions(sampling=Sampling(steps=2))


def made(corpus: Corpus, weights: dict[str, Tensor], **settings: Any) -> UnicatsTask:
    own = codec(size=16)
    own.load_state_dict(weights)
    with seeded(0, "task"):
        settings = {"diffusion_steps": 8, "dropout": 0.0} | settings
        shape = {"dim": 32, "blocks": 1, "heads": 2, "text_blocks": 1}
        return UnicatsTask(12, corpus.phones, own, **shape | settings)


def encoding_of(batch: SceneBatch) -> SpeakerEncoding:
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    encode = encode_with(tiny_encoder().eval().requires_grad_(False))
    return encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)


def utterances(batch: SceneBatch) -> Utterances:
    found = aligned_utterances(batch)
    assert found is not None
    return found


def row_of(timed: TimedPhones, row: int) -> TimedPhones:
    count = int(timed.mask[row].sum())
    return TimedPhones(timed.phones[row : row + 1, :count], timed.durations[row : row + 1, :count])


def learnt(task: UnicatsTask, batch: SceneBatch) -> CodeExamples:
    """A stretch of each sentence, after a training on them with ever other contexts and noise."""
    found = utterances(batch)
    codes = task.codec.encode(levelled(found.waveform), found.lengths)
    torch.manual_seed(1)
    rows = [x.repeat(4, *[1] * (x.dim() - 1)) for x in stretches(found.timed, codes, 32)]
    encoding = only(encoding_of(batch), torch.tensor([0, 1] * 4))
    none = rows[1][:, :0], rows[1][:, :0, 0].bool()
    examples = CodeExamples(*rows, *none, encoding)
    optimizer = torch.optim.AdamW([p for p in task.parameters() if p.requires_grad], 8e-3)
    for _ in range(200):
        examples = replace(examples, infilled=random_spans(examples.mask, 0.2, 0.5))
        loss = task.decoder.loss(*task.content_of(examples), examples, 0)[0]
        loss = loss + task.further.loss(examples)[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return examples


def test_two_sentences_by_heart(
    corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor]
) -> None:
    """The codes of a stretch of each come back, of all quantisers, whole and between others."""
    task = made(corpus, weights, masked=0.97)
    task.setup(corpus)
    examples = learnt(task, batch)
    task.eval()
    for row in (0, 1):
        encoding = only(examples.encoding, torch.tensor([row]))
        own = examples.codes[row][examples.mask[row]]
        phones = examples.phones[row][examples.phones[row] >= 0]
        places = examples.places[row][examples.mask[row]]
        lasting = FRAMES * torch.bincount(places, minlength=len(phones))
        for before, behind in ((own[:0], own[:0]), (own[:9], own[25:]), (own[:20], own[:0])):
            codes = task.infill(encoding, phones, lasting, before, behind, SURE)
            assert codes.shape == own.shape
            assert float((codes == own).float().mean()) > 0.9
            again = task.infill(encoding, phones, lasting, before, behind, SURE)
            assert torch.equal(codes, again)


def test_the_context_stays(corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor]) -> None:
    """Codes before and behind come back as they are, also from an untrained network."""
    task = made(corpus, weights).eval()
    encoding = only(encoding_of(batch), torch.tensor([0]))
    phones, lasting = torch.tensor([0, 3, 5, 7, 0]), torch.tensor([4, 10, 9, 12, 6])
    rng = torch.Generator().manual_seed(0)
    before, behind = (torch.randint(16, (n, 3), generator=rng) for n in (5, 6))
    codes = task.infill(encoding, phones, lasting, before, behind, Sampling(steps=3))
    assert codes.shape == (21, 3)  # 41 frames of the log-mel
    assert torch.equal(codes[:5], before) and torch.equal(codes[15:], behind)


def test_the_context_is_read_and_what_is_made_is_not(
    corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor]
) -> None:
    """Of both models: other codes around change what is estimated, those to be made do not, but for
    the noisy ones and those of the former quantisers."""
    task = made(corpus, weights, fusion=NoFusion).eval()
    found = utterances(batch)
    torch.manual_seed(0)
    phones, codes, mask, places = stretches(found.timed, task.codec.encode(found.waveform), 32)
    frame = torch.arange(codes.shape[1])
    infilled = ((frame >= 8) & (frame < 20)) & mask
    none = codes[:, :0], codes[:, :0, 0].bool()
    examples = CodeExamples(phones, codes, mask, places, *none, encoding_of(batch), infilled)
    noisy, step = torch.where(infilled, 16, codes[..., 0]), torch.tensor([3, 7])
    around, within = codes.clone(), codes.clone()
    around[:, 2:5] = 15 - around[:, 2:5]
    within[infilled] = 15 - within[infilled]
    later = codes.clone()
    later[..., 2][infilled] = 15 - later[..., 2][infilled]

    def both(changed: Tensor, first: bool) -> Tensor:
        given = replace(examples, codes=changed)
        if first:
            logits = task.decoder(noisy, step, *task.content_of(given), given)
        else:
            logits = task.further.logits(given, 2)
        return logits.detach()[infilled]

    for first, same in ((True, within), (False, later)):
        usual = both(codes, first)
        assert not torch.allclose(both(around, first), usual, atol=1e-4)
        torch.testing.assert_close(both(same, first), usual)


def test_the_loss_counts_what_is_made_and_reaches_the_embedding(
    corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor]
) -> None:
    task = made(corpus, weights)
    encoder = tiny_encoder()
    torch.manual_seed(0)
    found = task.loss(encode_with(encoder), batch, 0.5)
    diffusion = {"bound", "code_loss", "code_accuracy"}
    further = {"further_code_loss", "further_code_accuracy"}
    assert found.metrics.keys() == diffusion | further | {"duration_loss"} and found.count == 2
    values = {n: float(torch.as_tensor(v).detach()) for n, v in found.metrics.items()}
    expected = values["bound"] + 0.01 * 8 * values["code_loss"] + values["further_code_loss"]
    expected += 0.5 * values["duration_loss"]
    assert float(found.loss.detach()) == pytest.approx(expected, rel=1e-5)
    found.loss.backward()
    assert encoder.projection.weight.grad is not None
    assert all(p.grad is None for p in task.codec.parameters())
    assert task.validate(encode_with(encoder.eval()), [batch]).keys() == {"loss", *found.metrics}


def test_an_enrolment_is_gone_on_from(
    corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor]
) -> None:
    """With the enrolment's phones its end is the context, its pace that of the speech; the waveform
    is that of the text alone."""
    task = made(corpus, weights, prompt=0.6).eval()
    found = utterances(batch)
    waveform = found.waveform[:1, : int(found.lengths[0])]
    encoding = only(encoding_of(batch), torch.tensor([0]))
    own = replace(encoding, waveform=waveform, lengths=found.lengths[:1])
    timed, phones = row_of(found.timed, 0), torch.tensor([0, 3, 5, 9, 12, 8, 4, 0])
    alone = task.speak_in(own, phones, SHORT)
    going_on = task.speak_in(own, phones, replace(SHORT, prompt=timed))
    for speech in (alone, going_on):
        assert speech.dim() == 1 and len(speech) % (2 * HOP) == HOP and speech.isfinite().all()
    assert len(task.speak_in(own, phones, replace(SHORT, rate=2.0))) < 0.7 * len(alone)
    kept, _, codes = task.prompt_of(own, timed)
    assert 0 < len(codes) <= 0.6 * 40 and torch.equal(kept, timed.phones[0, -len(kept) :])
    spoken = torch.cat([timed.phones[0], phones])
    usual, slow = (
        task.text.lasting(
            own, spoken, torch.cat([pace * timed.durations[0], torch.zeros_like(phones)]), 1.0
        )
        for pace in (1, 2)
    )
    before = len(timed.phones[0])
    assert torch.equal(usual[:before], timed.durations[0]) and (usual[before:] > 0).all()
    assert int(slow[before:-1].sum()) == pytest.approx(2 * int(usual[before:-1].sum()), abs=2)


@pytest.mark.parametrize("odd", [0, 1])
def test_phones_are_exchanged(
    corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor], odd: int
) -> None:
    """Whichever frame of the log-mel they begin at, what stands behind keeps its codes."""
    task = made(corpus, weights).eval()
    found = utterances(batch)
    sound = levelled(found.waveform[:1, : int(found.lengths[0])])[0]
    timed, encoding = row_of(found.timed, 0), only(encoding_of(batch), torch.tensor([0]))
    durations = timed.durations.clone()
    durations[0, 0] += odd
    durations[0, -1] -= odd
    given: list[tuple[Tensor, Tensor, Tensor]] = []
    infill = task.infill

    def noted(*arguments: Any) -> Tensor:
        whole = infill(*arguments)
        given.append((arguments[3], arguments[4], whole))
        return whole

    task.infill = noted  # type: ignore[method-assign]
    phones = torch.tensor([5, 9, 12])
    timed = TimedPhones(timed.phones, durations)
    changed = task.exchange(encoding, sound, timed, (2, 4), phones, SHORT)
    start, end = int(durations[0, :2].sum()), int(durations[0, :4].sum())
    assert changed.start == start and changed.end > start
    longer = changed.end - end
    assert longer % FRAMES == 0
    before, behind, whole = given[0]
    codes = task.codec.encode(sound[None])[0]
    assert torch.equal(before, codes[: start // 2]) and torch.equal(whole[: len(before)], before)
    assert torch.equal(behind, codes[(end + 1) // 2 :])
    assert torch.equal(whole[len(codes) - len(behind) + longer // FRAMES :], behind)


def test_what_is_refused(corpus: Corpus, batch: SceneBatch, weights: dict[str, Tensor]) -> None:
    with pytest.raises(ConfigError, match="context: found false, and no fusion"):
        made(corpus, weights, fusion=NoFusion, context=False)
    with pytest.raises(ConfigError, match="quantizers: found 1; expected 2 or more"):
        UnicatsTask(12, corpus.phones, codec(1))
    with pytest.raises(ConfigError, match="codec without training"):
        UnicatsTask(12, corpus.phones, codec()).setup(corpus)
    phones, kept = torch.tensor([0, 3, 0]), SpeakerEncoding(torch.zeros(1, 12))
    alone = made(corpus, weights, fusion=NoFusion).eval()
    with pytest.raises(ConfigError, match="enrolment: found no words of it"):
        alone.speak_in(kept, phones, SHORT)
    prompt = row_of(utterances(batch).timed, 0)
    with pytest.raises(ConfigError, match="a kept embedding without its recording"):
        alone.speak_in(kept, phones, replace(SHORT, prompt=prompt))
    embedded = made(corpus, weights, fusion=FilmFusion, context=False).eval()
    assert not embedded.reads_prompt and embedded.speak_in(kept, phones, SHORT).dim() == 1
