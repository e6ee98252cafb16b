"""Voicebox: the context stays, what is infilled is not looked at, and the voice comes from where
the task says."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import encode_with, encoding_of, randomise, tiny_encoder
from tiny_synthesis import EMBEDDING, FLOW, speaking_model, spoken_batch

from joint.conditioning.fusion import NoFusion
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import ConfigError
from joint.model import StreamBatch
from joint.outputs import SpeakerEncoding
from joint.seeding import seeded
from joint.synthesis.decoders.base import Sampling
from joint.synthesis.decoders.flow import FlowDecoder
from joint.synthesis.examples import Examples, aligned_examples
from joint.synthesis.lengths import TimedPhones
from joint.synthesis.mel import MELS
from joint.synthesis.speaking import SpeakingOptions
from joint.task import ENROLLMENT
from tasks.synthesis.voicebox.task import VoiceboxTask


@pytest.fixture(scope="module")
def corpus(aligned: Path) -> Corpus:
    return open_corpus(aligned)


def voicebox(corpus: Corpus, **settings: Any) -> VoiceboxTask:
    """In eval mode, with weights as large as if they had learnt something."""
    with seeded(0, "synthesis"):
        settings = {"dim": 16, "blocks": 1, "layers": 1, "decoder": FLOW} | settings
        made = VoiceboxTask(EMBEDDING, corpus.phones, **settings)
    made.setup(corpus)
    randomise(made)
    return made.eval()


@pytest.fixture(scope="module")
def examples(corpus: Corpus) -> Examples:
    batch = spoken_batch(corpus, (0, 5))
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    encode = encode_with(tiny_encoder())
    with torch.no_grad():
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        found = aligned_examples(batch, encoding, voicebox(corpus).acoustic)
    assert found is not None
    return found


def of_row(examples: Examples, row: int) -> tuple[TimedPhones, torch.Tensor]:
    """Phones with durations, and the log-mel spectrogram, of one utterance."""
    own = examples.timed.mask[row]
    timed = TimedPhones(
        examples.timed.phones[row : row + 1, own], examples.timed.durations[row : row + 1, own]
    )
    return timed, examples.spoken.log_mel[row, :, : int(timed.durations.sum())]


def test_the_context_stays_as_it_is(corpus: Corpus, examples: Examples) -> None:
    task = voicebox(corpus)
    timed, log_mel = of_row(examples, 0)
    phones, durations = timed.phones[0], timed.durations[0].clone()
    start, end = int(durations[:4].sum()), int(durations[:7].sum())
    durations[4:7] = 0
    context = torch.cat([log_mel[:, :start], log_mel[:, end:]], dim=1)
    encoding = encoding_of(examples.encoding.embedding[:1])
    with torch.no_grad():
        made = task.infill(encoding, phones, durations, context)
        slow = task.infill(encoding, phones, durations, context, rate=0.5)
        seed = task.infill(encoding, phones, durations, context, sampling=Sampling(seed=1))
        other = task.infill(encoding, phones, durations, context + 1.0)
    count = int(made.made.sum())
    assert made.made[start : start + count].all() and count >= 3
    assert torch.equal(made.log_mel[:, :start], log_mel[:, :start])
    assert torch.equal(made.log_mel[:, start + count :], log_mel[:, end:])
    assert int(slow.made.sum()) == pytest.approx(2 * count, abs=2)
    here = made.log_mel[:, made.made]
    for different in (seed, other):
        assert not torch.allclose(different.log_mel[:, different.made], here, atol=1e-3)


def test_what_is_infilled_is_not_looked_at(corpus: Corpus, examples: Examples) -> None:
    task = voicebox(corpus)
    spoken, timed = examples.spoken, examples.timed
    mel = task.acoustic.normalised(spoken.log_mel)
    made = spoken.mask.clone()
    made[:, :20] = False
    content = torch.randn(*mel.shape[:2], 16)
    hidden = torch.where(made.unsqueeze(-1), mel + 1.0, mel)
    shown = torch.where(made.unsqueeze(-1), mel, mel + 1.0)
    missing = timed.mask.clone()
    missing[:, :4] = False
    text = torch.randn(*timed.phones.shape, 16)
    longer = timed.durations + 5 * missing
    with torch.no_grad():
        read = partial(task._features, content, made=made, mask=spoken.mask)
        usual = read(mel=mel, encoding=examples.encoding)
        assert torch.equal(read(mel=hidden, encoding=examples.encoding), usual)
        assert not torch.allclose(read(mel=shown, encoding=examples.encoding), usual, atol=1e-3)
        durations = partial(task.durations, text, infilled=missing, mask=timed.mask)
        lasting = durations(durations=timed.durations, encoding=examples.encoding)
        assert torch.equal(durations(durations=longer, encoding=examples.encoding), lasting)


def test_the_loss_counts_what_is_infilled_alone() -> None:
    torch.manual_seed(0)
    decoder = FlowDecoder(4, lambda width: NoFusion(width, 0), 8, 1, 16, 8)
    features, mask = torch.randn(2, 30, 4), torch.ones(2, 30, 1)
    counted = (torch.arange(30) < 10).float()[None, :, None].expand(2, -1, -1)
    encoding = encoding_of(torch.randn(2, 6))
    losses = []
    for added in (0.0, 9.0):
        # what is far behind the counted frames is another spectrogram
        mel = torch.zeros(2, 30, MELS) + added * (torch.arange(30) >= 20)[None, :, None]
        torch.manual_seed(1)
        losses.append(decoder.loss(mel, features, mask, encoding, counted)[0])
        torch.manual_seed(1)
        losses.append(decoder.loss(mel, features, mask, encoding)[0])
    torch.testing.assert_close(losses[0], losses[2])
    assert losses[3] > 2.0 * losses[1]


@pytest.mark.parametrize("source", ["context", "embedding", "both"])
def test_where_the_voice_comes_from(corpus: Corpus, examples: Examples, source: str) -> None:
    settings: dict[str, Any] = {"context": source != "embedding"}
    if source == "context":
        settings["fusion"] = NoFusion
    task = voicebox(corpus, **settings)
    timed, _ = of_row(examples, 1)
    batch = spoken_batch(corpus, (1,))
    assert batch.sources is not None
    waveform = batch.sources[0, :, : int((timed.durations.sum() - 1) * 200)]
    lengths = torch.tensor([waveform.shape[1]])
    phones = torch.tensor([0, 5, 6, 7, 0])
    one, two = examples.encoding.embedding[:1], examples.encoding.embedding[1:]

    def speak(embedding: torch.Tensor, sound: torch.Tensor, known: bool = True) -> torch.Tensor:
        encoding = SpeakerEncoding(embedding, waveform=sound, lengths=lengths)
        options = SpeakingOptions(prompt=timed if known else None)
        with torch.no_grad():
            return task.speak_in(encoding, phones, options)

    def alike(first: torch.Tensor, second: torch.Tensor) -> bool:
        return first.shape == second.shape and torch.allclose(first, second, atol=1e-3)

    usual = speak(one, waveform)
    assert usual.shape[0] == MELS and usual.shape[1] >= len(phones)
    assert alike(speak(two, waveform), usual) == (source == "context")
    assert alike(speak(one, waveform.flip(1)), usual) == (source == "embedding")
    assert task.reads_prompt == (source != "embedding")
    if source == "context":
        with pytest.raises(ConfigError, match="enrolment: found no words of it"):
            speak(one, waveform, known=False)
    else:
        assert alike(speak(one, waveform, known=False), usual) == (source == "embedding")


def test_a_long_prompt_is_cut_at_a_phone(corpus: Corpus) -> None:
    task = voicebox(corpus)
    phones = torch.tensor([[0, *([3, 4] * 50), 0]])
    durations = torch.full_like(phones, 10)
    samples = (int(durations.sum()) - 1) * 200
    encoding = SpeakerEncoding(
        torch.zeros(1, EMBEDDING), None, None, torch.randn(1, samples), torch.tensor([samples])
    )
    kept, lasting, context = task._prompt(encoding, TimedPhones(phones, durations))
    assert len(kept) == 64 and context.shape == (MELS, 640) == (MELS, int(lasting.sum()))
    assert torch.equal(kept, phones[0, -64:])


def test_it_trains_its_parts(corpus: Corpus) -> None:
    task = voicebox(corpus, stretch=1.0)
    model = speaking_model(task, corpus)
    batch = spoken_batch(corpus, (0, 5))
    model.train()
    for given in (batch, replace(batch, source_phones_known=torch.zeros(2, 1).bool())):
        model.zero_grad()
        output = model([StreamBatch(given, ("voice",))], 0.5)
        output.loss.backward()
        without = [n for n, p in model.tasks.named_parameters() if p.grad is None]
        assert not without
    assert float(output.loss.detach()) == 0.0


def test_a_voice_must_come_from_somewhere(corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match="context: found false"):
        voicebox(corpus, fusion=NoFusion, context=False)
