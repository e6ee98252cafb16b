"""What wrappers give to the extractor inside, and what they make of its estimate."""

from functools import partial

import pytest
import torch
from tiny_models import noise_batch, tiny_encoder
from torch import Tensor

from joint.conditioning.local_similarity import LocalSimilarity
from joint.errors import ConfigError
from joint.model import JointModel, StreamBatch
from joint.outputs import SpeakerEncoding
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.bsrnn import small_bsrnn
from tasks.extraction.extractors.embedding_free.onset_prompt import OnsetPrompted, of_length
from tasks.extraction.extractors.embedding_free.re_enrolment import ReEnrolled, followed_by
from tasks.extraction.extractors.speaker_transform import SpeakerTransform
from tasks.extraction.task import ExtractionTask


class Echo(Extractor):
    """Gives the mixture back and keeps what it was given."""

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.given: list[tuple[Tensor, SpeakerEncoding]] = []

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        self.given.append((mixture, encoding))
        return Estimate(mixture.clone(), others=(2 * mixture,))


def encoding() -> SpeakerEncoding:
    """Two people, of 3 and of 5 samples."""
    waveform = torch.tensor([[3.0, -4.0, 5.0, 9.0, 9.0], [1.0, 1.0, -1.0, -1.0, 1.0]])
    return SpeakerEncoding(torch.ones(2, 4), waveform=waveform, lengths=torch.tensor([3, 5]))


def inside(wrapper: OnsetPrompted | ReEnrolled) -> Echo:
    assert isinstance(wrapper.extractor, Echo)
    return wrapper.extractor


def test_an_enrolment_is_cut_or_begins_again() -> None:
    found = of_length(encoding().waveform, torch.tensor([3, 5]), 4)
    assert found.tolist() == [[3.0, -4.0, 5.0, 3.0], [1.0, 1.0, -1.0, -1.0]]


def test_a_prompt_stands_before_the_mixture_at_its_level() -> None:
    wrapper = OnsetPrompted(4, Echo, prompt=7, glue=2)
    mixture = torch.tensor([[0.1, -0.1, 0.1]])
    estimate = wrapper(mixture, encoding())
    given, enrolled = inside(wrapper).given[0]
    assert given.shape == (2, 12) and not given[:, 7:9].any()
    torch.testing.assert_close(given[:, 9:], mixture.expand(2, -1))
    torch.testing.assert_close(given[1, :7], 0.1 * torch.tensor([1.0, 1, -1, -1, 1, 1, 1]))
    torch.testing.assert_close(given[0, :3].square().mean().sqrt(), torch.tensor(0.1))
    torch.testing.assert_close(estimate.waveform, mixture.expand(2, -1))
    torch.testing.assert_close(estimate.others[0], 2 * mixture.expand(2, -1))
    assert not enrolled.embedding.any()


def test_a_prompt_may_stand_beside_the_embedding() -> None:
    wrapper = OnsetPrompted(4, Echo, prompt=7, embedding=True)
    wrapper(torch.randn(2, 3), encoding())
    assert inside(wrapper).given[0][1].embedding.all()


def test_an_estimate_follows_the_enrolment_at_its_level() -> None:
    wrapper = ReEnrolled(4, Echo, rounds=3)
    mixture = torch.tensor([[0.5, -0.5]])
    wrapper(mixture, encoding())
    assert len(inside(wrapper).given) == 3
    for given, enrolled in inside(wrapper).given[1:]:
        torch.testing.assert_close(given, mixture.expand(2, -1))
        assert enrolled.waveform is not None and enrolled.lengths is not None
        assert enrolled.lengths.tolist() == [5, 7] and enrolled.waveform.shape == (2, 7)
        level = (50 / 3) ** 0.5
        expected = torch.tensor([3.0, -4.0, 5.0, level, -level, 0.0, 0.0])
        torch.testing.assert_close(enrolled.waveform[0], expected)
        assert enrolled.waveform[1].tolist() == [1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0]


@pytest.mark.parametrize("through", [True, False])
def test_gradients_go_through_the_first_round_where_it_is_told(through: bool) -> None:
    wrapper = ReEnrolled(4, Echo, through=through)
    wrapper(torch.randn(2, 3, requires_grad=True), encoding())
    enrolled = inside(wrapper).given[1][1].waveform
    assert enrolled is not None and enrolled.requires_grad == through


def test_joining_leaves_no_gap() -> None:
    waveform = torch.tensor([[3.0, -4.0, 5.0, 0.0, 0.0], [1.0, 1.0, -1.0, -1.0, 1.0]])
    joined, lengths = followed_by(waveform, torch.tensor([3, 5]), torch.tensor([[7.0], [8.0]]))
    assert joined.tolist() == [[3.0, -4.0, 5.0, 7.0, 0.0, 0.0], [1.0, 1.0, -1.0, -1.0, 1.0, 8.0]]
    assert lengths.tolist() == [4, 6]


def test_wrappers_that_do_nothing() -> None:
    with pytest.raises(ConfigError, match="rounds: found 1"):
        ReEnrolled(4, Echo, rounds=1)
    with pytest.raises(ConfigError, match="prompt: found 0"):
        OnsetPrompted(4, Echo, prompt=0)


def similar_bsrnn(embedding_dim: int) -> Extractor:
    """An extractor that is told how similar the mixture is to the speaker."""
    return small_bsrnn(
        embedding_dim, features=6, depth=1, bottleneck=8, profile=False, similarity=LocalSimilarity
    )


def test_what_is_measured_of_the_mixture_reaches_an_extractor_inside() -> None:
    """But not one whose mixture stands behind an enrolment: it would be at other times."""
    batch = noise_batch(2, enrolled=2)
    extractor = partial(SpeakerTransform, extractor=similar_bsrnn)
    model = JointModel(tiny_encoder(), {"extraction": ExtractionTask(12, extractor)})
    assert model([StreamBatch(batch, ["extraction"])], 0.5).loss.isfinite()
    with pytest.raises(ConfigError, match="extractor: found one that compares the mixture"):
        OnsetPrompted(12, similar_bsrnn)
