"""Vits: a text in a voice becomes a waveform through latent frames that a recording has too.

phones ──► text encoder ──► Gaussian of each phone ──► flow⁻¹ ──► latent frames ──► decoder ──►
                 └──► durations                                       ▲
                                recording ──► posterior encoder ──────┘  (training)
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, FilmFusion
from joint.data.phones import UNKNOWN
from joint.layers.espnet import espnet_class, normalise_weights
from joint.outputs import SpeakerEncoding
from joint.synthesis.decoders.base import noise_like
from joint.synthesis.lengths import TimedPhones, frames_mask, random_starts, regulate, window
from joint.synthesis.mel import WINDOW
from tasks.synthesis.yourtts.alignment import log_likelihoods, most_likely_durations
from tasks.synthesis.yourtts.decoders import LatentDecoder

LONGEST = 200.0
"""Frames of a phone, at most."""


class Prior(NamedTuple):
    """Of each phone: `hidden (B, H, P)`, the `mean` and the `log_scale` of its latent frames, each
    `(B, H, P)`, and `mask (B, 1, P)`."""

    hidden: Tensor
    mean: Tensor
    log_scale: Tensor
    mask: Tensor


class Made(NamedTuple):
    """What a training step makes: `waveform (B, S)` of a segment of each utterance, which begins at
    frame `starts (B,)`; the losses of Vits."""

    waveform: Tensor
    starts: Tensor
    kl_loss: Tensor
    duration_loss: Tensor


class Vits(nn.Module):
    """The generator of VITS (Kim et al., "Conditional variational autoencoder with adversarial
    learning for end-to-end text-to-speech", ICML 2021) in the voice of a speaker encoder's
    embedding (Casanova et al., "YourTTS", ICML 2022), from espnet's parts.

    The embedding reaches the flow, the posterior encoder, the durations and the decoder as in the
    papers, by a linear layer of its direction, and the text encoder by a `fusion` on the phones'
    vectors. The text encoder is VITS's, a Transformer with relative positions.

    Args:
        phones: Size of the inventory.
        decoder: Makes the LatentDecoder; called with the widths of the latent frames and of the
            speaker's vector.
        fusion: Makes the conditioning of the text encoder.
        dim: Channels of text encoder, latent frames and flow.
        speaker_dim: Of the speaker's vector.
        text_blocks: Of the text encoder.
        posterior_layers, flow_layers: Of the dilated convolutions of the posterior encoder, and of
            each of the flow's 4 couplings.
        segment: Frames of each utterance that are decoded in a training step.
    """

    def __init__(
        self,
        phones: int,
        embedding_dim: int,
        decoder: Callable[[int, int], LatentDecoder],
        fusion: Callable[[int, int], Conditioning] = FilmFusion,
        dim: int = 192,
        speaker_dim: int = 256,
        text_blocks: int = 6,
        posterior_layers: int = 16,
        flow_layers: int = 4,
        segment: int = 32,
    ) -> None:
        super().__init__()
        self.segment = segment

        def part(module: str, name: str, **sizes: int | bool) -> Any:
            found = espnet_class(f"espnet2.gan_tts.vits.{module}", name, "VITS", bare=True)
            return found(**sizes)

        self.speaker = nn.Linear(embedding_dim, speaker_dim)
        self.fusion = fusion(dim, embedding_dim)
        self.text_encoder = part(
            "text_encoder",
            "TextEncoder",
            vocabs=phones,
            attention_dim=dim,
            linear_units=4 * dim,
            blocks=text_blocks,
        )
        conditioned = {"global_channels": speaker_dim, "use_weight_norm": False}
        self.posterior_encoder = part(
            "posterior_encoder",
            "PosteriorEncoder",
            in_channels=WINDOW // 2 + 1,
            out_channels=dim,
            hidden_channels=dim,
            layers=posterior_layers,
            **conditioned,
        )
        self.flow = part(
            "residual_coupling",
            "ResidualAffineCouplingBlock",
            in_channels=dim,
            hidden_channels=dim,
            layers=flow_layers,
            **conditioned,
        )
        for network in (self.posterior_encoder, *self.flow.flows[::2]):
            normalise_weights(network.encoder)
        self.duration_predictor = part(
            "duration_predictor",
            "StochasticDurationPredictor",
            channels=dim,
            global_channels=speaker_dim,
        )
        self.decoder = decoder(dim, speaker_dim)

    def forward(
        self,
        text: TimedPhones,
        spectrum: Tensor,
        frames: Tensor,
        encoding: SpeakerEncoding,
        first: Tensor | None = None,
    ) -> Made:
        """A training step on recordings whose magnitudes are `spectrum (B, WINDOW / 2 + 1, F)`, of
        `frames (B,)`.

        The durations are searched (monotonic alignment search), unless the spectrum is a stretch
        of each recording, from frame `first (B,)` on: then those of `text` are taken, which must
        be those of the whole.
        """
        prior, speaker = self.prior(text.phones, encoding), self.speaker_of(encoding)
        z, _, log_scale, mask = self.posterior_encoder(spectrum, frames, g=speaker)
        latent = self.flow(z, mask, g=speaker)
        if first is None:
            likelihoods = log_likelihoods(latent, prior.mean, prior.log_scale)
            durations = most_likely_durations(likelihoods, frames, text.mask.sum(dim=1))
            first = torch.zeros_like(frames)
        else:
            durations = text.durations
        count = spectrum.shape[2]
        mean, prior_scale = (
            window(each, first, count).transpose(1, 2) for each in self.expanded(prior, durations)
        )
        kl_loss = kl_divergence(latent, log_scale, mean, prior_scale, mask)
        duration_loss = self._duration_loss(prior, durations, speaker)
        width = min(self.segment, int(frames.min()))
        starts = random_starts(frames, width)
        segment = window(z.transpose(1, 2), starts, width).transpose(1, 2)
        return Made(self.decoder(segment, speaker), first + starts, kl_loss, duration_loss)

    def prior(self, phones: Tensor, encoding: SpeakerEncoding) -> Prior:
        """The text encoder on `phones (B, P)`, padded with `UNKNOWN`."""
        own = (phones != UNKNOWN).unsqueeze(1)
        network: Any = self.text_encoder
        embedded = network.emb(phones.clamp(min=0)) * math.sqrt(network.attention_dim)
        encoded, _ = network.encoder(self.fusion(embedded, encoding), own)
        hidden, mask = encoded.transpose(1, 2).float(), own.float()
        mean, log_scale = (network.proj(hidden).float() * mask).chunk(2, dim=1)
        return Prior(hidden, mean, log_scale, mask)

    def speaker_of(self, encoding: SpeakerEncoding) -> Tensor:
        """The speaker's vector `(B, G, 1)`."""
        vector: Tensor = self.speaker(F.normalize(encoding.embedding))
        return vector.unsqueeze(-1)

    @staticmethod
    def expanded(prior: Prior, durations: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log scale of each frame, `(B, F, H)`, where phones last `durations (B, P)`."""
        mean, log_scale = (
            regulate(each.transpose(1, 2), durations) for each in (prior.mean, prior.log_scale)
        )
        return mean, log_scale

    def _duration_loss(self, prior: Prior, durations: Tensor, speaker: Tensor) -> Tensor:
        """Negative log likelihood of a phone's duration; splines need float32."""
        with torch.autocast(durations.device.type, enabled=False):
            nll: Tensor = self.duration_predictor(
                prior.hidden, prior.mask, w=durations.unsqueeze(1).float(), g=speaker.float()
            )
            return nll.sum() / prior.mask.sum()

    def durations(
        self, prior: Prior, encoding: SpeakerEncoding, rate: float, noise: float, seed: int
    ) -> Tensor:
        """Drawn durations `(B, P)` in frames, at `rate` times the speed; `noise` is the deviation
        of what is drawn."""
        with (
            torch.autocast(prior.hidden.device.type, enabled=False),
            torch.random.fork_rng([]),
        ):
            torch.manual_seed(seed)  # espnet's predictor draws from the processor's generator
            log_frames = self.duration_predictor(
                prior.hidden,
                prior.mask,
                g=self.speaker_of(encoding).float(),
                inverse=True,
                noise_scale=noise,
            )
        frames = (log_frames.exp() / rate).ceil().clamp(1.0, LONGEST) * prior.mask
        return frames[:, 0].long()

    def speak(
        self,
        prior: Prior,
        durations: Tensor,
        encoding: SpeakerEncoding,
        noise: float,
        seed: int,
    ) -> Tensor:
        """The waveform `(B, (F - 1)·HOP)` of phones that last `durations (B, P)`; `noise` is the
        share of the latent frames' deviation that is drawn."""
        mean, log_scale = self.expanded(prior, durations)
        drawn = noise * noise_like(mean, mean.shape[2], seed) * log_scale.exp()
        mask = frames_mask(durations).unsqueeze(1).float()
        speaker = self.speaker_of(encoding)
        z = self.flow((mean + drawn).transpose(1, 2), mask, g=speaker, inverse=True)
        waveform: Tensor = self.decoder(z * mask, speaker)
        return waveform


def kl_divergence(
    latent: Tensor, log_scale: Tensor, mean: Tensor, prior_scale: Tensor, mask: Tensor
) -> Tensor:
    """Of the posterior, of which `latent` was drawn with `log_scale`, from the prior of `mean` and
    `prior_scale`, each `(B, H, F)`: summed over the channels, mean over the frames of `mask (B, 1,
    F)` (Kim et al., ICML 2021, equation 4)."""
    distance = (latent.float() - mean).square() * (-2.0 * prior_scale).exp()
    kl = prior_scale - log_scale.float() - 0.5 + 0.5 * distance
    return (kl * mask).sum() / mask.sum()
