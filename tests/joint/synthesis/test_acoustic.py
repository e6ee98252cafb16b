"""What acoustic models learn from: aligned utterances, at one level, in normalised mel bands; and
the pitch range of enrolled voices."""

from pathlib import Path

import pytest
import torch
from tiny_models import encoding_of
from tiny_synthesis import EMBEDDING, spoken_batch, synthesis
from torch import Tensor

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.outputs import SpeakerEncoding
from joint.synthesis.acoustic import AcousticModel
from joint.synthesis.examples import aligned_examples
from joint.synthesis.level import levelled
from joint.synthesis.mel import HOP, MELS, LogMel, frames_of
from joint.synthesis.pitch import estimate_pitch, pitch_range
from joint.synthesis.spoken import Prosody
from joint.synthesis.voice import VoiceRange

FEW = (0, 5, 9)


@pytest.fixture(scope="module")
def corpus(aligned: Path) -> Corpus:
    return open_corpus(aligned)


@pytest.fixture(scope="module")
def acoustic(corpus: Corpus) -> AcousticModel:
    model = synthesis(corpus.phones).acoustic
    model.setup(corpus)
    return model


def embedded(rows: int) -> SpeakerEncoding:
    return encoding_of(torch.randn(rows, EMBEDDING, generator=torch.Generator().manual_seed(0)))


def test_mel_bands_are_measured_once(corpus: Corpus, acoustic: AcousticModel) -> None:
    bands = [LogMel()(levelled(torch.from_numpy(u.waveform())[None]))[0] for u in corpus.utterances]
    together = torch.cat(bands, dim=1)
    torch.testing.assert_close(acoustic.mean, together.mean(dim=1))
    torch.testing.assert_close(acoustic.deviation, together.std(dim=1))
    whole = acoustic.normalised(together[None])
    torch.testing.assert_close(whole.mean(dim=1), torch.zeros(1, 80), atol=1e-4, rtol=0)
    torch.testing.assert_close(whole.std(dim=1), torch.ones(1, 80), atol=1e-4, rtol=0)
    torch.testing.assert_close(acoustic.restored(whole)[0], together, atol=1e-4, rtol=1e-5)
    # a checkpoint's are kept
    other = synthesis(corpus.phones).acoustic
    other.load_state_dict(acoustic.state_dict())
    other.mean.add_(1.0)
    other.setup(corpus)
    torch.testing.assert_close(other.mean, acoustic.mean + 1.0)


def test_examples_are_those_that_are_aligned(corpus: Corpus, acoustic: AcousticModel) -> None:
    batch, encoding = spoken_batch(corpus, FEW), embedded(3)
    assert batch.source_phones is not None and batch.source_lengths is not None
    everyone = aligned_examples(batch, encoding, acoustic)
    assert everyone is not None and len(everyone) == 3
    frames = [frames_of(n) for n in batch.source_lengths[:, 0].tolist()]
    assert everyone.timed.durations.sum(dim=1).tolist() == frames
    assert everyone.spoken.mask.sum(dim=1).tolist() == frames
    for index, phones in zip(FEW, everyone.timed.phones, strict=True):
        known = corpus.utterances[index].phones
        assert known is not None
        assert phones[phones > 0].tolist() == known.phones[known.phones > 0].tolist()

    unknown = {"source_phones_known": torch.tensor([[True], [False], [True]])}
    without_times = torch.where(torch.tensor([[[0]], [[1]], [[0]]]).bool(), -1, 0)
    starts = batch.source_phone_starts
    assert starts is not None
    untimed = {"source_phone_starts": torch.where(without_times == -1, -1, starts)}
    crowded = {
        "source_lengths": torch.where(torch.arange(3)[:, None] == 1, HOP, batch.source_lengths)
    }
    for other in (unknown, untimed, crowded):
        some = aligned_examples(spoken_batch(corpus, FEW, **other), encoding, acoustic)
        assert some is not None and len(some) == 2
        torch.testing.assert_close(some.encoding.embedding, encoding.embedding[[0, 2]])
        torch.testing.assert_close(
            some.spoken.log_mel[1], everyone.spoken.log_mel[2][:, : some.spoken.log_mel.shape[2]]
        )
    none = {"source_phones_known": torch.zeros(3, 1).bool()}
    assert aligned_examples(spoken_batch(corpus, FEW, **none), encoding, acoustic) is None


def test_padding_and_level_change_no_example(corpus: Corpus, acoustic: AcousticModel) -> None:
    batch = spoken_batch(corpus, FEW)
    assert batch.sources is not None and batch.source_lengths is not None
    lengths = batch.source_lengths[:, 0]
    together = acoustic.spoken(batch.sources[:, 0], lengths)
    for row, length in enumerate(lengths.tolist()):
        quiet = 0.2 * batch.sources[row : row + 1, 0, :length]
        alone = acoustic.spoken(quiet, lengths[row : row + 1])
        frames = frames_of(length)
        torch.testing.assert_close(
            together.log_mel[row, :, :frames], alone.log_mel[0], atol=1e-3, rtol=1e-4
        )
        prosody = together.prosody.features()[row, :frames]
        torch.testing.assert_close(prosody, alone.prosody.features()[0], atol=1e-3, rtol=1e-3)
        assert together.mask[row].sum() == frames == alone.mask.sum()


def test_a_stretch_is_a_part_of_the_whole(corpus: Corpus, acoustic: AcousticModel) -> None:
    """Of an utterance in the middle of which it begins, and of one that is shorter."""
    batch = spoken_batch(corpus, (5, 4))
    assert batch.sources is not None and batch.source_lengths is not None
    source, lengths = batch.sources[:, 0], batch.source_lengths[:, 0].clone()
    lengths[1] = 30 * HOP + 60
    whole = acoustic.spoken(source, lengths)
    assert not whole.starts.any()
    torch.manual_seed(0)
    starts = set()
    for _ in range(8):
        part = acoustic.spoken(source, lengths, 50)
        assert part.log_mel.shape == (2, MELS, 50) and part.mask.sum(dim=1).tolist() == [50, 31]
        first = int(part.starts[0])
        assert part.starts[1] == 0 and 0 <= first <= frames_of(int(lengths[0])) - 50
        for row, count, begin in ((0, 50, first), (1, 31, 0)):
            own = slice(begin, begin + count)
            torch.testing.assert_close(
                part.log_mel[row, :, :count], whole.log_mel[row, :, own], atol=1e-3, rtol=1e-3
            )
            inner = slice(begin + 3, begin + count - 3)
            both = part.pitch.voiced[row, 3 : count - 3] & whole.pitch.voiced[row, inner]
            torch.testing.assert_close(
                part.pitch.log_hertz[row, 3 : count - 3][both],
                whole.pitch.log_hertz[row, inner][both],
                atol=1e-3,
                rtol=0,
            )
        numbers = torch.arange(400.0)[None, :, None].expand(2, -1, 3)
        assert torch.equal(part.cut(numbers)[0, :, 0], first + torch.arange(50.0))
        starts.add(first)
    assert len(starts) > 4


def test_prosody_is_about_one_in_size(corpus: Corpus, acoustic: AcousticModel) -> None:
    batch = spoken_batch(corpus, FEW)
    assert batch.sources is not None and batch.source_lengths is not None
    spoken = acoustic.spoken(batch.sources[:, 0], batch.source_lengths[:, 0])
    features = spoken.prosody.features()[spoken.mask]
    assert features.abs().mean() < 2.0 and features.abs().max() < 8.0
    other = Prosody(spoken.prosody.pitch + 1.0, spoken.prosody.voiced, spoken.prosody.energy)
    differs = (other.features() != spoken.prosody.features()).any(dim=2)
    assert torch.equal(differs, spoken.prosody.voiced.bool())


def with_recording(waveform: Tensor, lengths: Tensor) -> SpeakerEncoding:
    return SpeakerEncoding(embedded(len(waveform)).embedding, waveform=waveform, lengths=lengths)


def test_the_range_of_a_voice_is_measured_where_there_is_speech(corpus: Corpus) -> None:
    batch = spoken_batch(corpus, (0, 12))
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    waveform, lengths = batch.enrollment[:, 0].clone(), batch.enrollment_lengths[:, 0]
    waveform[1, 4_000:] = 0.0
    torch.manual_seed(0)
    voice = VoiceRange(EMBEDDING)
    torch.nn.init.normal_(voice.output.weight)
    found = voice(with_recording(waveform, lengths))
    measured = pitch_range(estimate_pitch(waveform, lengths))
    predicted = voice.predicted(embedded(2))
    assert found.mean[0] == measured.mean[0] != predicted.mean[0]
    assert found.spread[0] == measured.spread[0]
    assert found.mean[1] == predicted.mean[1] and found.spread[1] == predicted.spread[1]
    kept = voice(SpeakerEncoding(embedded(2).embedding))
    torch.testing.assert_close(kept.mean, predicted.mean)


def test_the_range_of_a_voice_is_learnt_from_its_embedding(corpus: Corpus) -> None:
    batch = spoken_batch(corpus, (0, 12, 16))
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    own = pitch_range(estimate_pitch(batch.enrollment[:, 0], batch.enrollment_lengths[:, 0]))
    voice, encoding = VoiceRange(EMBEDDING), embedded(3)
    optimizer = torch.optim.Adam(voice.parameters(), lr=0.02)
    for _ in range(150):
        loss = voice.loss(encoding, own)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = voice.predicted(encoding)
    assert own.mean.std() > 0.05
    torch.testing.assert_close(found.mean, own.mean, atol=0.03, rtol=0)
    torch.testing.assert_close(found.spread, own.spread, atol=0.03, rtol=0)
