"""The topologies of the recogniser: padding, permutations, silence, the shared encoder's frames."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from tiny_models import tiny_encoder
from torch import Tensor

from joint.conditioning.frame_fusion import CrossAttentionFusion, FrameFusion
from joint.conditioning.local_similarity import LocalSimilarity
from joint.data.opening import open_corpus
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer
from joint.data.storage.store import FileStore
from joint.encoders.frontends.filterbank import Filterbank
from joint.errors import ConfigError
from joint.model import JointModel
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.task import WINDOWS, Enrollment, encode_recording
from joint.text.units import CharacterUnits, PhoneUnits
from tasks.extraction.extractors.bsrnn import small_bsrnn
from tasks.recognition.core import RecognizerCore
from tasks.recognition.decoding.attention_beam import AttentionBeamSearch
from tasks.recognition.decoding.best_path import BestPath, best_path
from tasks.recognition.decoding.timing import timed_words
from tasks.recognition.extracted import ExtractedRecognition
from tasks.recognition.objectives.attention import AttentionDecoder
from tasks.recognition.objectives.serialization import InterleavedTokens
from tasks.recognition.task import RecognitionTask
from tasks.recognition.topologies import (
    SimoRecognition,
    SingleRecognition,
    SisoRecognition,
    TargetRecognition,
)

PHONES = ("SIL", *(f"P{i}" for i in range(45)))

core = partial(
    RecognizerCore, Filterbank(24), width=16, lower=1, upper=1, hidden=32, kernel=5, channels=4
)
decoder = partial(AttentionDecoder, layers=1, hidden=32, dropout=0.0)
frames = partial(FrameFusion, layer="tdnn2", layer_dim=16)
attend = partial(CrossAttentionFusion, frame_dim=32)
extract = partial(small_bsrnn, features=8, depth=1, bottleneck=8)
compare = partial(extract, profile=False, similarity=LocalSimilarity)

TOPOLOGIES: dict[str, Callable[[], RecognitionTask]] = {
    "single": lambda: SingleRecognition(PhoneUnits(PHONES), core, fusion=frames),
    "simo": lambda: SimoRecognition(CharacterUnits(), core, decoder, fusion=frames),
    "siso": lambda: SisoRecognition(CharacterUnits(), core, decoder),
    "t-sot": lambda: SisoRecognition(PhoneUnits(PHONES), core, None, order=InterleavedTokens()),
    "target": lambda: TargetRecognition(12, CharacterUnits(), core, decoder),
    "similar": lambda: TargetRecognition(12, PhoneUnits(PHONES), core, similarity=LocalSimilarity),
    "attending": lambda: TargetRecognition(12, PhoneUnits(PHONES), core, fusion=attend),
    "extracted": lambda: ExtractedRecognition(12, CharacterUnits(), core, extract),
    "extracted, similar": lambda: ExtractedRecognition(12, CharacterUnits(), core, compare),
}
WITHOUT_PADDING = {"extracted", "extracted, similar"}
"""Those whose extractor processes the padding too."""


WITH_DECODER = {"simo", "siso", "target"}


def model_of(name: str) -> JointModel:
    if name in WITH_DECODER:
        pytest.importorskip("espnet2", reason="espnet, of the attention decoder, is not installed")
    torch.manual_seed(0)
    task = TOPOLOGIES[name]()
    for part in task.modules():  # what is zero at first hides what it would do
        if isinstance(part, FrameFusion):
            torch.nn.init.normal_(part.project.weight)
        if isinstance(part, CrossAttentionFusion):
            torch.nn.init.normal_(part.merge.weight)
    return JointModel(tiny_encoder(), {"task": task})


@pytest.fixture(scope="module")
def batch(aligned: Path) -> Callable[..., SceneBatch]:
    corpus = open_corpus(aligned)
    renderer = Renderer(corpus, FileStore(corpus))

    def render(count: int = 3, first: int = 0, **keys: object) -> SceneBatch:
        planner = ScenePlanner(
            **{"delay": (0.2, 0.6), "speeds": (1.0,), "enrollment": 2.0, **keys}  # type: ignore[arg-type]
        )
        return renderer.batch([planner.plan(corpus, 3, 0, first + i) for i in range(count)])

    return render


def scenes_for(name: str, batch: Callable[..., SceneBatch], count: int = 3) -> SceneBatch:
    return batch(count, speakers=1) if name == "single" else batch(count)


@pytest.mark.parametrize("name", sorted(TOPOLOGIES.keys() - WITHOUT_PADDING))
def test_padding_changes_nothing(name: str, batch: Callable[..., SceneBatch]) -> None:
    model = model_of(name).eval()
    task, view = model.tasks["task"], model.view("task")
    scenes = scenes_for(name, batch)
    assert scenes.mixture is not None and scenes.mixture_lengths is not None
    assert len(set(scenes.mixture_lengths.tolist())) == 3
    with torch.no_grad():
        enrolled = task.enrolled(view, scenes)
        together = task.posteriors(view, scenes.mixture, scenes.mixture_lengths, enrolled)
        for row, length in enumerate(scenes.mixture_lengths.tolist()):
            own = row_of(scenes, row, length)
            encode = model.view("task")
            enrolled = task.enrolled(encode, own)
            alone = task.posteriors(encode, own.mixture, own.mixture_lengths, enrolled)
            for one, several in zip(alone, together, strict=True):
                count = int(one.frames[0])
                assert count == int(several.frames[row])
                torch.testing.assert_close(
                    one.log_probabilities[0, :count],
                    several.log_probabilities[row, :count],
                    atol=2e-4,
                    rtol=1e-3,
                )
                assert best_path(one, 0) == best_path(several, row)


def row_of(scenes: SceneBatch, row: int, length: int) -> SceneBatch:
    """One scene alone, without padding."""
    assert scenes.mixture is not None and scenes.enrollment is not None
    assert scenes.enrollment_lengths is not None
    return SceneBatch(
        [scenes.scene_ids[row]],
        enrollment=scenes.enrollment[row : row + 1],
        enrollment_lengths=scenes.enrollment_lengths[row : row + 1],
        mixture=scenes.mixture[row : row + 1, :length],
        mixture_lengths=torch.tensor([length]),
    )


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_every_parameter_learns(name: str, batch: Callable[..., SceneBatch]) -> None:
    model = model_of(name)
    task = model.tasks["task"]
    output = task.loss(model.view("task"), scenes_for(name, batch), 0.5)
    assert output.count > 20 and torch.isfinite(output.loss)
    output.loss.backward()
    still = [n for n, p in task.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert not still
    reached = [p.grad is not None and bool(p.grad.abs().any()) for p in model.encoder.parameters()]
    assert any(reached) == (name not in ("siso", "t-sot"))
    figures = model.eval().tasks["task"].validate(model.view("task"), [scenes_for(name, batch)])
    assert figures["error_percent"] > 0.0


def test_the_order_of_sources_is_free(batch: Callable[..., SceneBatch]) -> None:
    model = model_of("simo").eval()
    scenes = batch()
    assert scenes.texts is not None
    turned = SceneBatch(
        **{**vars(scenes), "texts": [list(reversed(texts)) for texts in scenes.texts]}
    )
    losses = [model.tasks["task"].loss(model.view("task"), b, 0.5).loss for b in (scenes, turned)]
    torch.testing.assert_close(*losses)


def test_the_reference_of_an_absent_speaker_is_empty(batch: Callable[..., SceneBatch]) -> None:
    task = model_of("target").tasks["task"]
    scenes = batch(8, absent_probability=0.5)
    assert scenes.enrollment_source is not None and scenes.texts is not None
    reference = task.references(scenes, task.units.targets(scenes))[0]
    for row, source in enumerate(scenes.enrollment_source[:, 0].tolist()):
        written = "" if source < 0 else scenes.texts[row][source]
        assert (
            task.units.words(reference.ids[row, : reference.counts[row]].tolist())
            == written.split()
        )
    assert {0} < set(reference.counts.tolist())


def test_first_in_first_out_needs_an_attention_decoder() -> None:
    """CTC cannot align one speaker's words behind those of another who spoke at the same time."""
    with pytest.raises(ConfigError, match=r"CTC alone with the order FirstInFirstOut.*t-SOT"):
        SisoRecognition(CharacterUnits(), core, decoder=None)
    pytest.importorskip("espnet2", reason="espnet, of the attention decoder, is not installed")
    assert SisoRecognition(CharacterUnits(), core).decoder is not None


def test_decoding_is_the_decoders_where_there_is_one() -> None:
    assert isinstance(model_of("t-sot").tasks["task"].decoding(), BestPath)
    task = model_of("siso").tasks["task"]
    assert isinstance(task.decoding(), AttentionBeamSearch)
    assert task.decoding().ctc_weight > 0.0 and task.decoding(4, 0.7).ctc_weight == 0.7
    task.attention = 1.0  # CTC has not been trained
    assert task.decoding().ctc_weight == 0.0
    with pytest.raises(ConfigError, match="attention decoder alone"):
        timed_words(task, model_of("siso").view("task"), torch.zeros(16_000))


def test_an_alignment_counts_at_the_beginning_alone(batch: Callable[..., SceneBatch]) -> None:
    scenes, losses = batch(), {}
    for alignment in (0.0, 0.8):
        torch.manual_seed(0)
        task = SimoRecognition(PhoneUnits(PHONES), core, alignment=alignment)
        model = JointModel(tiny_encoder(), {"task": task}).eval()
        with torch.no_grad():
            losses[alignment] = [
                float(task.loss(model.view("task"), scenes, progress).loss)
                for progress in (0.0, 0.5, 1.0)
            ]
    plain, guided = losses.values()
    assert len(set(plain)) == 1 and guided[2] == plain[2]
    # halfway the alignment's part is half of what it was
    assert guided[1] - plain[0] == pytest.approx((guided[0] - plain[0]) / 2, rel=1e-3)
    assert guided[0] != plain[0]


def test_an_alignment_is_a_share() -> None:
    with pytest.raises(ConfigError, match=r"alignment.*1\.5.*0 to 1"):
        SingleRecognition(PhoneUnits(PHONES), core, alignment=1.5)


@pytest.mark.parametrize("name", ["target", "similar"])
def test_a_kept_embedding_does_as_its_recording(
    name: str, batch: Callable[..., SceneBatch]
) -> None:
    model, scenes = model_of(name).eval(), batch(1)
    assert scenes.mixture is not None and scenes.enrollment is not None
    assert scenes.enrollment_lengths is not None
    person = scenes.enrollment[0, 0, : int(scenes.enrollment_lengths[0, 0])]
    encoded: list[tuple[str, int]] = []

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        encoded.append((role, audio.shape[-1]))
        return model.view("task")(audio, lengths, role)

    with torch.no_grad():
        kept = Enrollment.kept(encode_recording(encode, person).embedding[0])
        task, mixture = model.tasks["task"], scenes.mixture[0]
        expected = task.infer(encode, mixture, [Enrollment.of(person)])
        encoded.clear()
        found = task.infer(encode, mixture, [kept])
    assert found == expected and any(found)
    # nothing stands in for the recording that is not there
    assert {role for role, _ in encoded} == ({WINDOWS} if name == "similar" else set())


def test_attention_over_frames_refuses_a_kept_embedding() -> None:
    task = model_of("attending").eval().tasks["task"]
    with pytest.raises(ConfigError, match=r"kept embedding without frames.*recording"):
        task.infer(
            JointModel(tiny_encoder(), {"task": task}).view("task"),
            torch.randn(8000),
            [Enrollment.kept(torch.randn(12))],
        )
