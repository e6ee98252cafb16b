"""The loss that extractors are trained on."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.metrics.separation import si_sdr_db, snr_db
from joint.units import Decibels, Samples
from tasks.extraction.extractor import Estimate
from tasks.extraction.extractors.spectrum import Spectrum, compressed, level_of

SILENT: Decibels = -30.0
"""Level of an absent person's estimate, relative to the mixture, below which the loss of it hardly
falls."""
RATIOS = {"si_sdr": si_sdr_db, "snr": snr_db}


def is_present(reference: Tensor, mixture: Tensor) -> Tensor:
    """Whether the target speaks in each `reference (B, S)` of `mixture (B, S)`, at whatever level:
    `(B,)`. 80 dB below the mixture is silence."""
    return reference.square().mean(dim=1) > 1e-8 * mixture.square().mean(dim=1)


def level_db(waveform: Tensor, mixture: Tensor, floor: Decibels = -100.0) -> Tensor:
    """Power of each `waveform (B, S)` over that of its mixture, in Decibels, smoothly limited to
    the `floor`: finite, with a finite gradient, where `waveform` is all zero."""
    share = waveform.square().mean(dim=1) / level_of(mixture).squeeze(1).square()
    return 10.0 * torch.log10(share + 10.0 ** (floor / 10.0))


class ExtractionLoss(nn.Module):
    """Negative SI-SDR, or SNR, and spectral terms, each with a weight.

    Trained on SI-SDR alone an extractor stays long at the identity; distances of compressed spectra
    (Ephrat et al., SIGGRAPH 2018; Braun and Tashev, 2021) fall from the first steps. So
    `compressed_weight` applies from the beginning and the SI-SDR's weight rises from `si_sdr_start`
    to `si_sdr_weight` between the shares `rise` of the training. `l1_weight` adds the mean absolute
    distance of magnitudes. All distances are relative to the mixture's level.

    `scale_weights` are the shares of the SI-SDR that an extractor's further estimates have, in
    turn; the first has the rest. Without it each of them has 0.1 (Ge et al., Interspeech 2020).

    The right answer for a person who is absent is silence, of which SI-SDR knows nothing: there the
    term is the level of the estimate relative to the mixture, limited at `SILENT` (Wisdom et al.,
    "What's all the fuss about free universal sound separation data?", ICASSP 2021, for sources that
    are not active; in extraction Borsdorf et al., Interspeech 2021, and Delcroix et al.,
    SoundBeam, TASLP 2023). `absent_weight` is its weight; None: that of the SI-SDR. Beside it the
    level of those who are present needs a reason to stay: with `ratio: snr` the SNR, which an
    estimate of another level than its reference lowers, takes the place of the SI-SDR.

    Spectra are taken with windows of `window` Samples every `hop`. An extractor's own spectrum is
    compared directly where it has that resolution; else that of its waveform is.
    """

    def __init__(
        self,
        si_sdr_weight: float = 1.0,
        si_sdr_start: float = 1.0,
        rise: tuple[float, float] = (0.0, 0.1),
        compressed_weight: float = 0.0,
        l1_weight: float = 0.0,
        power: float = 0.3,
        ceiling_db: Decibels = 30.0,
        window: Samples = 1024,
        hop: Samples = 512,
        scale_weights: Sequence[float] | None = None,
        absent_weight: float | None = None,
        ratio: Literal["si_sdr", "snr"] = "si_sdr",
    ) -> None:
        super().__init__()
        if ratio not in RATIOS:
            raise ConfigError("ratio", repr(ratio), " or ".join(RATIOS))
        self.ratio = RATIOS[ratio]
        given = list(scale_weights or ())
        if min(given, default=0.0) < 0 or sum(given) > 1:
            raise ConfigError("scale_weights", str(given), "shares, at most 1 in all")
        self.scale_weights = None if scale_weights is None else given
        self.spectrum = Spectrum(window, hop)
        self.si_sdr_weight, self.si_sdr_start, self.rise = si_sdr_weight, si_sdr_start, rise
        self.compressed_weight, self.l1_weight = compressed_weight, l1_weight
        self.absent_weight = absent_weight
        self.power, self.ceiling_db = power, ceiling_db

    def weight_at(self, progress: float) -> float:
        """The SI-SDR's weight when a share `progress` of the training is done."""
        begin, end = self.rise
        done = min(max((progress - begin) / max(end - begin, 1e-8), 0.0), 1.0)
        return self.si_sdr_start + (self.si_sdr_weight - self.si_sdr_start) * done

    def forward(
        self,
        estimate: Estimate,
        reference: Tensor,
        mixture: Tensor,
        progress: float = 1.0,
    ) -> Tensor:
        """Loss of each estimate, `(B,)`: `reference (B, S)`, zero where the person is absent, and
        `mixture (B, S)`."""
        with torch.autocast(mixture.device.type, enabled=False):
            present = is_present(reference, mixture)
            level = level_of(mixture)
            total = torch.zeros_like(level.squeeze(1))
            weight = self.weight_at(progress)
            absent_weight = weight if self.absent_weight is None else self.absent_weight
            # further estimates have a gradient, if of 0, from the first step: processes share them
            if weight or absent_weight or estimate.others:
                for share, waveform in self.scales(estimate):
                    ratio = self.ratio(waveform, reference).clamp(max=self.ceiling_db)
                    silence = level_db(waveform, mixture, SILENT)
                    term = torch.where(present, -weight * ratio, absent_weight * silence)
                    total = total + share * term
            if self.compressed_weight or self.l1_weight:
                scale = level.unsqueeze(-1)
                target = self.spectrum(reference)
                found = estimate.spectrum
                if found is None or found.shape != target.shape:
                    found = self.spectrum(estimate.waveform)
                total = total + self.spectral(target / scale, found / scale)
            return total

    def scales(self, estimate: Estimate) -> list[tuple[float, Tensor]]:
        """The estimates and their shares. Raises ConfigError for `scale_weights` of another
        number than the further estimates."""
        others = estimate.others
        weights = [0.1] * len(others) if self.scale_weights is None else self.scale_weights
        if len(weights) != len(others):
            expected = f"{len(others)}, the extractor's further estimates"
            raise ConfigError("criterion.scale_weights", f"{len(weights)} weights", expected)
        shares = [1.0 - sum(weights), *weights]
        return list(zip(shares, (estimate.waveform, *others), strict=True))

    def spectral(self, target: Tensor, found: Tensor) -> Tensor:
        """The spectral terms of complex `(B, T, bins)`, `(B,)`."""
        total = torch.zeros(len(target), device=target.device)
        if self.compressed_weight:
            near, far = compressed(target, self.power), compressed(found, self.power)
            norm = near.abs().square().mean(dim=(1, 2)).clamp(min=0.05)
            magnitudes = (near.abs() - far.abs()).square().mean(dim=(1, 2))
            # squares of real and imaginary parts: the gradient of a complex modulus at 0 is not one
            difference = torch.view_as_real(near - far).square().sum(-1).mean(dim=(1, 2))
            total = total + self.compressed_weight * (magnitudes + 0.5 * difference) / norm
        if self.l1_weight:
            distance = (target.abs() - found.abs()).abs().mean(dim=(1, 2))
            total = total + self.l1_weight * distance
        return total
