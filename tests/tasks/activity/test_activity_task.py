"""What a task of activity owes: order, padding, absence, learning."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_models import encode_with, randomise, tiny_encoder
from torch import Tensor

from joint.conversation.frames import inside, on_frames
from joint.data.opening import open_corpus
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer
from joint.data.storage.store import FileStore
from joint.encoders.view import EncoderView
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.task import ENROLLMENT, Encode, Enrollment
from joint.training.building.model import layer_dims
from tasks.activity.network import ActivityNetwork
from tasks.activity.personal import OTHER, SILENCE, TARGET, PersonalActivityTask
from tasks.activity.targets import spoken
from tasks.activity.task import ActivityTask, TargetActivityTask

READS = ("tdnn1", "tdnn3")
KINDS = (TargetActivityTask, PersonalActivityTask)


def small(**settings: int) -> Callable[..., ActivityNetwork]:
    def network(**given: int) -> ActivityNetwork:
        return ActivityNetwork(**given, width=24, dilations=(1, 2, 4), step=8000)  # type: ignore[arg-type]

    return network


@pytest.fixture(scope="module")
def encode() -> Encode:
    encoder = tiny_encoder().eval().requires_grad_(False)
    randomise(encoder)
    return EncoderView(encoder, "frozen", layers=READS)


def made(kind: type[ActivityTask]) -> ActivityTask:
    with seeded(3, "activity"):
        task = kind(12, layer_dims(tiny_encoder()), small(), READS)
        for part in task.modules():  # an untrained FiLM does not depend on the speaker
            if isinstance(part, torch.nn.Linear):
                torch.nn.init.normal_(part.weight, 0.0, 0.3)
    return task.eval()


@pytest.fixture(scope="module")
def batch(prepared: Path) -> SceneBatch:
    """Two conversations of three people; in the second the first enrolled one is absent."""
    corpus = open_corpus(prepared / "train")
    planner = ScenePlanner(
        speakers=3,
        enrollments=3,
        delay=(0.5, 1.2),
        turns=2,
        turn=1.0,
        enrollment=1.5,
        speeds=(1.0,),
    )
    absent = replace(planner, absent_probability=1.0)
    scenes = [planner.plan(corpus, 0, 0, 0), absent.plan(corpus, 0, 0, 1)]
    return Renderer(corpus, FileStore(corpus), ActivityTask.requires).batch(scenes)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_enrolled(
    kind: type[ActivityTask], encode: Encode, batch: SceneBatch
) -> None:
    task, order = made(kind), torch.tensor([2, 0, 1])
    assert batch.enrollment is not None and batch.speaker is not None
    turned = replace(batch, enrollment=batch.enrollment[:, order], speaker=batch.speaker[:, order])
    first, other = task.of_batch(encode, batch), task.of_batch(encode, turned)
    torch.testing.assert_close(first.values[:, order], other.values, atol=1e-4, rtol=1e-4)
    assert float((first.values - other.values).detach().abs().max()) > 0.01
    torch.testing.assert_close(
        task.loss(encode, batch, 0.0).loss, task.loss(encode, turned, 0.0).loss
    )


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(
    kind: type[ActivityTask], encode: Encode, batch: SceneBatch
) -> None:
    task = made(kind)
    assert batch.enrollment is not None and batch.enrollment_lengths is not None
    assert batch.mixture is not None and batch.mixture_lengths is not None
    generator = torch.Generator().manual_seed(0)

    def longer(waveform: Tensor, by: int) -> Tensor:
        more = 0.1 * torch.randn(*waveform.shape[:-1], by, generator=generator)
        return torch.cat([waveform, more], dim=-1)

    padded = replace(
        batch, enrollment=longer(batch.enrollment, 7000), mixture=longer(batch.mixture, 21_000)
    )
    alone, together = task.of_batch(encode, batch), task.of_batch(encode, padded)
    for row, samples in enumerate(batch.mixture_lengths.tolist()):
        count = int(alone.mask[row].sum())
        assert count == int(together.mask[row].sum()) and 0 <= samples - 640 * count < 3 * 640
        torch.testing.assert_close(
            alone.values[row, :, :count], together.values[row, :, :count], atol=1e-4, rtol=1e-4
        )
    torch.testing.assert_close(
        task.loss(encode, batch, 0.0).loss, task.loss(encode, padded, 0.0).loss
    )


def test_people_know_of_each_other(encode: Encode, batch: SceneBatch) -> None:
    """In TS-VAD another person's embedding changes this one's activity, in personal VAD not."""
    assert batch.enrollment is not None
    other = batch.enrollment.clone()
    other[:, 2] = other[:, 2].flip(0)
    changed = replace(batch, enrollment=other)
    for kind, depends in zip(KINDS, (True, False), strict=True):
        task = made(kind)
        before, after = (task.of_batch(encode, b).values[:, :2] for b in (batch, changed))
        assert (float((before - after).detach().abs().max()) > 1e-4) == depends


def test_targets_are_of_the_enrolled_speakers(batch: SceneBatch) -> None:
    known = spoken(batch)
    assert batch.activity is not None and known.shape[:2] == (2, 3)
    # two turns each: sources 0 and 3, 1 and 4, 2 and 5
    for person in range(3):
        own = batch.activity[0, person] | batch.activity[0, person + 3]
        torch.testing.assert_close(known[0, person], own)
    assert known[0].any(dim=1).all() and not known[1, 0].any() and known[1, 1:].any(dim=1).all()


def test_frames_are_averages_of_activity() -> None:
    active = torch.zeros(1, 20, dtype=torch.bool)
    active[:, 5:12] = True
    # frames of 640 Samples around 440, 1080, …: from the second of activity on, four each
    found = on_frames(active, 6, 640, 440)
    torch.testing.assert_close(found[0], torch.tensor([0.0, 1.0, 0.75, 0.0, 0.0, 0.0]))
    # half a frame lies before the beginning
    torch.testing.assert_close(on_frames(~active, 2, 640, 0)[0], torch.tensor([0.5, 0.75]), msg=str)
    lengths = torch.tensor([1000, 1081])
    assert inside(lengths, 3, 640, 440).tolist() == [[True, False, False], [True, True, False]]


class Kept:
    """Encodings by role: the same batch is encoded once, as far as windows go too. An encoder that
    has learnt nothing hardly tells people apart, so that each enrolment has a drawn embedding."""

    def __init__(self, encode: Encode) -> None:
        self.encode, self.memo = encode, dict[str, SpeakerEncoding]()

    def __call__(self, audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        if role not in self.memo:
            found = self.encode(audio, lengths, role)
            if role == ENROLLMENT:
                drawn = torch.Generator().manual_seed(1)
                found = replace(
                    found, embedding=torch.randn(found.embedding.shape, generator=drawn)
                )
            self.memo[role] = found
        return self.memo[role]


@pytest.mark.parametrize("kind", KINDS)
def test_two_conversations_are_learnt(
    kind: type[ActivityTask], encode: Encode, batch: SceneBatch
) -> None:
    task, kept = made(kind).train(), Kept(encode)
    optimizer = torch.optim.Adam(task.parameters(), lr=5e-3)
    losses = []
    for _ in range(80):
        optimizer.zero_grad()
        output = task.loss(kept, batch, 0.0)
        output.loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(task.parameters(), 1.0)
        optimizer.step()
        losses.append(float(output.loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
    figures = task.eval().validate(kept, [batch])
    assert figures["frame_error_percent"] < 8.0
    found = task.of_batch(kept, batch)
    absent = task.probabilities(found.values)[1, 0][found.mask[1]]
    assert float((absent > 0.5).float().mean()) < 0.02
    if kind is PersonalActivityTask:
        assert figures["target_average_precision"] > 0.95
    else:
        assert figures["absent_active_percent"] < 2.0 and figures["der_percent"] < 20.0


def test_classes_of_personal_activity(encode: Encode, batch: SceneBatch) -> None:
    """The person's own speech goes before that of others; silence is where no source speaks."""
    task = made(PersonalActivityTask)
    assert isinstance(task, PersonalActivityTask)
    found = task.of_batch(encode, batch)
    values, classes = task._valid(found, batch)
    count = int(found.mask.sum())
    assert values.shape == (3 * count, 3) and set(classes.tolist()) == {SILENCE, TARGET, OTHER}
    own = on_frames(spoken(batch), found.values.shape[2], found.hop, found.offset) >= 0.5
    assert int((classes == TARGET).sum()) == int((own & found.mask[:, None]).sum())
    # silence against others weighs a tenth
    weights = task.pairs
    assert weights[SILENCE, OTHER] == weights[OTHER, SILENCE] == pytest.approx(0.1)
    assert weights[TARGET].tolist() == [1.0, 0.0, 1.0]


def test_inference_is_that_of_a_batch(encode: Encode, batch: SceneBatch) -> None:
    task = made(TargetActivityTask)
    assert batch.mixture is not None and batch.enrollment is not None
    assert batch.mixture_lengths is not None
    recording = batch.mixture[0, : int(batch.mixture_lengths[0])]
    people = [Enrollment.of(row) for row in batch.enrollment[0]]
    found = task.infer(encode, recording, people)
    expected = task.of_batch(encode, batch)
    count = int(expected.mask[0].sum())
    assert (found.hop, found.offset) == (640, expected.offset)
    torch.testing.assert_close(
        found.probabilities[:, :count],
        expected.values[0, :, :count, 0].sigmoid(),
        atol=1e-4,
        rtol=1e-4,
    )
    kept = [
        Enrollment.kept(
            encode(p.recordings[0][None], torch.tensor([24_000]), "enrollment").embedding[0]
        )
        for p in people
    ]
    again = task.infer(encode, recording, kept)
    torch.testing.assert_close(found.probabilities, again.probabilities, atol=1e-5, rtol=1e-5)
    with pytest.raises(ConfigError, match="enrolments: found none"):
        task.infer(encode, recording)


def test_unfit_settings(batch: SceneBatch) -> None:
    dims = layer_dims(tiny_encoder())
    with pytest.raises(ConfigError, match="hop: found 500"):
        TargetActivityTask(12, dims, small(), READS, hop=500)
    with pytest.raises(ConfigError, match="reads: found no layer"):
        TargetActivityTask(12, dims, small(), ())
    with pytest.raises(ConfigError, match="layer: found block9"):
        TargetActivityTask(12, dims, small(), ("block9",))
    task = TargetActivityTask(12, dims, small(), READS)
    with pytest.raises(ConfigError, match="must be asked for"):
        task.of_batch(encode_with(tiny_encoder().eval()), batch)
