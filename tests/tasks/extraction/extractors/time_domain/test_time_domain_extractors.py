"""Extractors in the time domain train through the task, with all that their criterion compares."""

from functools import partial
from typing import Any

import pytest
import torch
from tiny_models import encoding_of, noise_batch, tiny_encoder, verification

from joint.errors import ConfigError
from joint.metrics.separation import si_sdr_db
from joint.model import JointModel, StreamBatch
from joint.seeding import seeded
from tasks.extraction.extractor import Estimate
from tasks.extraction.extractors.time_domain.blocks import ConvBlock
from tasks.extraction.extractors.time_domain.mc_spex import McSpEx
from tasks.extraction.extractors.time_domain.speaker_beam import SpeakerBeam
from tasks.extraction.extractors.time_domain.spex_plus import SpExPlus
from tasks.extraction.extractors.time_domain.x_tasnet import XTasNet
from tasks.extraction.losses import ExtractionLoss
from tasks.extraction.task import ExtractionTask

TCN: dict[str, Any] = {"filters": 12, "features": 8, "hidden": 10, "blocks": 3, "stacks": 2}
SCALES: dict[str, Any] = {"windows": (16, 40, 80), "hop": 8}
EXTRACTORS = {
    "TD-SpeakerBeam": partial(SpeakerBeam, **TCN, adapted=2),
    "SpEx+": partial(SpExPlus, **TCN, **SCALES),
    "MC-SpEx": partial(McSpEx, **TCN, **SCALES),
    "X-TaSNet": partial(XTasNet, **TCN),
}


@pytest.mark.parametrize("extractor", EXTRACTORS.values(), ids=EXTRACTORS.keys())
def test_two_steps_beside_verification(extractor: Any) -> None:
    """Every parameter of the extractor, and the encoder through it, learns from the first step."""
    with seeded(0, "time domain"):
        tasks = {
            "extraction": ExtractionTask(12, extractor, ExtractionLoss()),
            "verification": verification(),
        }
    model = JointModel(tiny_encoder(), tasks)
    batch = [StreamBatch(noise_batch(), ("extraction", "verification"))]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for _ in range(2):
        optimizer.zero_grad()
        loss = model(batch, 0.5).loss
        loss.backward()
        optimizer.step()
        assert loss.isfinite()
    unmoved = [n for n, p in model.named_parameters() if torch.equal(p, before[n])]
    assert not [name for name in unmoved if name.startswith("tasks.extraction")]
    task = model.eval().tasks["extraction"]
    with torch.no_grad():
        assert "si_sdr_improvement_db" in task.validate(model.view("extraction"), [noise_batch()])


def test_the_loss_compares_every_scale() -> None:
    """The first has what the others leave: 0.8, 0.1 and 0.1 where nothing else is given."""
    torch.manual_seed(0)
    reference, *estimates = torch.randn(4, 3, 800)
    estimate = Estimate(estimates[0], others=tuple(estimates[1:]))
    each = [-si_sdr_db(waveform, reference) for waveform in estimates]
    for weights, shares in ((None, (0.8, 0.1, 0.1)), ((0.3, 0.2), (0.5, 0.3, 0.2))):
        criterion = ExtractionLoss(scale_weights=weights)
        expected = sum(share * value for share, value in zip(shares, each, strict=True))
        found = criterion(estimate, reference, estimates[0] + reference)
        torch.testing.assert_close(found, expected)


def test_the_loss_of_an_absent_speaker_is_of_every_scale() -> None:
    waveforms = [torch.full((2, 800), 0.1, requires_grad=True) for _ in range(3)]
    estimate = Estimate(waveforms[0], others=tuple(waveforms[1:]))
    ExtractionLoss()(estimate, torch.zeros(2, 800), torch.ones(2, 800)).sum().backward()
    grads = [w.grad for w in waveforms]
    assert all(g is not None and g.isfinite().all() and (g > 0).all() for g in grads)


def test_every_scale_has_a_gradient_while_si_sdr_has_no_weight() -> None:
    waveforms = [torch.randn(2, 800, requires_grad=True) for _ in range(3)]
    estimate = Estimate(waveforms[0], others=tuple(waveforms[1:]))
    criterion = ExtractionLoss(si_sdr_start=0.0, rise=(0.5, 1.0), l1_weight=1.0)
    criterion(estimate, torch.randn(2, 800), torch.randn(2, 800), 0.0).sum().backward()
    assert all(w.grad is not None and w.grad.abs().max() == 0 for w in waveforms[1:])


def test_bad_weights_of_scales() -> None:
    for weights in ((0.6, 0.6), (-0.1, 0.1)):
        with pytest.raises(ConfigError, match="scale_weights"):
            ExtractionLoss(scale_weights=weights)
    waveform = torch.randn(2, 800)
    with pytest.raises(ConfigError, match="found 2 weights; expected 0, the extractor's further"):
        ExtractionLoss(scale_weights=(0.1, 0.1))(Estimate(waveform), waveform, waveform)


def test_blocks_before_the_adaptation_run_once_a_mixture(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    extractor = SpeakerBeam(10, **TCN, adapted=2)
    rows, inner = [], ConvBlock.hidden

    def counted(block: ConvBlock, x: torch.Tensor, *rest: Any) -> torch.Tensor:
        rows.append(len(x))
        return inner(block, x, *rest)

    monkeypatch.setattr(ConvBlock, "hidden", counted)
    extractor(torch.randn(2, 800), encoding_of(torch.randn(6, 10)))
    assert rows == [2, 2, 2, 6, 6, 6]


@pytest.mark.parametrize("adapted", [-1, 5])
def test_an_adaptation_after_no_block(adapted: int) -> None:
    with pytest.raises(ConfigError, match=r"adapted: found .* 0 to 4"):
        SpeakerBeam(10, **TCN, adapted=adapted)


def test_without_its_level_a_mixture_is_read_as_it_is() -> None:
    torch.manual_seed(0)
    extractor = SpExPlus(10, **TCN, **SCALES, normalise_level=False).eval()
    mixture, encoding = torch.randn(1, 800), encoding_of(torch.randn(1, 10))
    with torch.no_grad():
        soft, loud = (extractor(gain * mixture, encoding).waveform for gain in (0.01, 1.0))
    assert not torch.allclose(100 * soft, loud, atol=1e-3)
