"""SV2TTS: espnet's Tacotron 2 is given the right phrases, and gives what espnet's own gives."""

import copy
from pathlib import Path

import pytest
import torch
from tiny_models import encode_with, encoding_of, tiny_encoder
from tiny_synthesis import EMBEDDING, spoken_batch

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.layers.espnet import espnet_class
from joint.seeding import seeded
from joint.synthesis.decoders.base import Sampling
from joint.synthesis.examples import Examples, aligned_examples
from joint.synthesis.mel import MELS
from joint.synthesis.speaking import SpeakingOptions
from joint.task import ENROLLMENT
from tasks.synthesis.tacotron.phrases import random_phrases
from tasks.synthesis.tacotron.task import FRAMES_A_PHONE, TacotronTask

MODULE = "espnet2.tts.tacotron2.tacotron2"
pytest.importorskip(MODULE, reason="espnet is not installed", exc_type=ImportError)


@pytest.fixture(scope="module")
def corpus(aligned: Path) -> Corpus:
    return open_corpus(aligned)


@pytest.fixture(scope="module")
def task(corpus: Corpus) -> TacotronTask:
    with seeded(0, "synthesis"):
        made = TacotronTask(EMBEDDING, corpus.phones, 16, 24, 8, 12, 10, reduction=2, longest=1.0)
    made.setup(corpus)
    return made


@pytest.fixture(scope="module")
def examples(corpus: Corpus, task: TacotronTask) -> Examples:
    batch = spoken_batch(corpus, (0, 5, 9))
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    encode = encode_with(tiny_encoder())
    with torch.no_grad():
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
    found = aligned_examples(batch, encoding, task.acoustic)
    assert found is not None
    return found


def test_phrases_are_whole_phones_between_pauses(examples: Examples) -> None:
    timed = examples.timed
    frames = int(timed.durations.sum(dim=1).max())
    mel = torch.arange(frames).float()[None, :, None].expand(3, -1, 2)
    torch.manual_seed(0)
    whole = random_phrases(timed, mel, 10_000)
    for longest in (60, 120, 10_000):
        for _ in range(20):
            found = random_phrases(timed, mel, longest)
            assert sorted(found.rows.tolist()) == [0, 1, 2]
            assert found.phone_counts.tolist() == sorted(found.phone_counts.tolist())[::-1]
            for place, row in enumerate(found.rows.tolist()):
                count, length = int(found.phone_counts[place]), int(found.frame_counts[place])
                begin = int(found.mel[place, 0, 0])
                ends = timed.durations[row].cumsum(dim=0).tolist()
                first = [0, *ends].index(begin)
                assert ends[first + count - 1] == begin + length and length <= longest
                spoken = timed.phones[row, first : first + count]
                assert torch.equal(found.phones[place, :count], spoken)
                assert (found.phones[place, count:] == -1).all()
                assert first == 0 or int(timed.phones[row, first]) == 0
    assert whole.mel.shape[1] <= frames


def test_it_equals_espnet(corpus: Corpus, task: TacotronTask, examples: Examples) -> None:
    theirs = espnet_class(MODULE, "Tacotron2", "test")(
        len(corpus.phones) + 2,
        MELS,
        embed_dim=16,
        eunits=16,
        econv_chans=16,
        adim=10,
        dunits=24,
        prenet_units=8,
        postnet_chans=12,
        reduction_factor=2,
        spk_embed_dim=EMBEDDING,
        use_guided_attn_loss=True,
    )
    theirs.load_state_dict(task.network.state_dict())
    theirs.eval(), task.eval()
    embedding = examples.encoding.embedding
    with torch.no_grad():
        torch.manual_seed(1)  # of the phrases, and of the dropout that is always on
        mel = task.acoustic.normalised(examples.spoken.log_mel)
        p = random_phrases(examples.timed, mel, 80)
        expected, stats, _ = theirs(
            p.phones + 1, p.phone_counts, p.mel, p.frame_counts, spembs=embedding[p.rows]
        )
        torch.manual_seed(1)
        ours = task.examples_loss(examples)
        torch.testing.assert_close(ours.loss, expected[0])
        assert float(ours.metrics["attention_loss"]) == pytest.approx(float(stats["attn_loss"]))
        phones = examples.timed.phones[0][examples.timed.mask[0]]
        torch.manual_seed(3)
        made = theirs.inference(
            phones + 1, spembs=embedding[0], use_att_constraint=True, maxlenratio=FRAMES_A_PHONE
        )["feat_gen"]
        spoken = task.speak_in(
            encoding_of(embedding[:1]), phones, SpeakingOptions(sampling=Sampling(seed=3))
        )
    assert spoken.shape == (MELS, len(made))
    torch.testing.assert_close(task.acoustic.normalised(spoken[None])[0], made, atol=1e-4, rtol=0)
    task.train()


def test_speech_depends_on_voice_and_seed_alone(task: TacotronTask, examples: Examples) -> None:
    phones = examples.timed.phones[0][examples.timed.mask[0]]
    one, other = (encoding_of(examples.encoding.embedding[i : i + 1]) for i in (0, 1))
    task.eval()
    with torch.no_grad():
        usual = task.speak_in(one, phones)
        torch.rand(3)
        assert torch.equal(task.speak_in(one, phones), usual)
        seed = SpeakingOptions(sampling=Sampling(seed=1))
        for made in (task.speak_in(other, phones), task.speak_in(one, phones, seed)):
            assert made.shape != usual.shape or not torch.allclose(made, usual, atol=1e-3)
    task.train()


def test_it_learns_two_phrases_and_can_be_copied(task: TacotronTask, examples: Examples) -> None:
    learning = copy.deepcopy(task)
    optimizer = torch.optim.Adam(learning.parameters(), 0.01)
    losses = []
    for _ in range(25):
        torch.manual_seed(0)
        output = learning.examples_loss(examples)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        losses.append(float(output.loss.detach()))
    assert losses[-1] < 0.75 * losses[0]
    copy.deepcopy(learning)  # the attention keeps nothing of the graph
