"""Pretrained transformers as one kind of network: a waveform becomes the outputs of all layers.

What differs between architectures is here: what they read, where their frames are, and whether
padding reaches a recording's own frames.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.constant import constant
from joint.encoders.frames import masked_mean
from joint.encoders.frontends.kaldi import HOP, WINDOW, KaldiFilterbank
from joint.errors import ConfigError
from joint.units import SAMPLE_RATE, Samples


class Network(nn.Module, ABC):
    """A `model` of transformers that gives one frame every `hop` Samples; its blocks are a list of
    that model's, called `blocks`.

    The first frame is centred on sample `offset`, and the shortest recording that has a frame is
    `inside` Samples long. Where `exact_padding` is False a padded recording would not get what it
    has alone: such a network is given recordings of one length.
    """

    model: nn.Module
    hop: Samples
    inside: Samples
    offset: Samples
    exact_padding: bool
    width: int
    depth: int
    blocks: str

    @abstractmethod
    def forward(self, waveform: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """`waveform (B, S)`, `lengths (B,)` in Samples (None where all of S is each one's own) →
        what the first block reads and what every block gives, each `(B, F, D)`; the last behind the
        model's closing norm, where it has one."""

    def outputs(self, **inputs: Any) -> list[Tensor]:
        """The model's outputs; all that its blocks read, then what the last of them gives."""
        found = self.model(**inputs, output_hidden_states=True)
        return [*found.hidden_states[: self.depth], found.last_hidden_state]


class WaveformNetwork(Network):
    """wav2vec 2.0 (Baevski et al., NeurIPS 2020), HuBERT (Hsu et al., TASLP 2021), WavLM (Chen et
    al., JSTSP 2022) and UniSpeech-SAT (Chen et al., ICASSP 2022): convolutions on the waveform.

    With `normalize` a recording has mean 0 and variance 1. Models whose first convolution is
    normalised over time (the base sizes) let padding into their results.
    """

    blocks = "model.encoder.layers"

    def __init__(self, model: nn.Module, normalize: bool) -> None:
        super().__init__()
        self.model, self.normalize = model, normalize
        config: Any = model.config
        self.width, self.depth = int(config.hidden_size), int(config.num_hidden_layers)
        self.hop, self.inside = 1, 1
        for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
            self.inside += (kernel - 1) * self.hop
            self.hop *= stride
        self.offset = self.inside // 2
        self.exact_padding = config.feat_extract_norm == "layer"
        self.exact_padding &= not getattr(config, "conv_pos_batch_norm", False)

    def forward(self, waveform: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """See Network."""
        x, own = waveform.float(), None
        if lengths is not None:
            own = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
            x = x.masked_fill(~own, 0.0)
        if self.normalize:
            mean = masked_mean(x.unsqueeze(2), own)
            variance = masked_mean((x - mean).square().unsqueeze(2), own)
            x = (x - mean) / (variance + 1e-7).sqrt()
            x = x if own is None else x.masked_fill(~own, 0.0)
        return self.outputs(input_values=x, attention_mask=own)


class FilterbankNetwork(Network):
    """w2v-BERT 2.0 (Barrault et al., "Seamless", 2023): a Conformer on pairs of frames of Kaldi's
    log mel filterbank, each of 80 bins with mean 0 and variance 1 over the recording."""

    BINS, STRIDE = 80, 2
    blocks = "model.encoder.layers"
    hop = STRIDE * HOP
    inside = WINDOW + HOP
    offset = (WINDOW + HOP) // 2
    exact_padding = True

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        config: Any = model.config
        self.width, self.depth = int(config.hidden_size), int(config.num_hidden_layers)
        read = int(config.feature_projection_input_dim)
        if read != self.BINS * self.STRIDE:
            expected = f"{self.BINS * self.STRIDE}: two frames of {self.BINS} bins"
            raise ConfigError("config.feature_projection_input_dim", str(read), expected)
        self.kaldi = KaldiFilterbank(self.BINS)

    def features(self, waveform: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """`(B, F, 160)`, float32, and which frames are a recording's own, `(B, F)`."""
        with torch.autocast(waveform.device.type, enabled=False):
            x = self.kaldi(32768.0 * waveform.float())
            mask = None
            if lengths is not None:
                counts = 1 + (lengths - WINDOW) // HOP
                mask = torch.arange(x.shape[1], device=x.device) < counts[:, None]
            centred = x - masked_mean(x, mask).unsqueeze(1)
            count = torch.tensor(x.shape[1]) if mask is None else mask.sum(dim=1)[:, None]
            variance = masked_mean(centred.square(), mask) * count / (count - 1)
            x = centred / (variance + 1e-7).sqrt().unsqueeze(1)
        pairs = x.shape[1] // self.STRIDE
        x = x[:, : pairs * self.STRIDE].unflatten(1, (pairs, self.STRIDE)).flatten(2)
        if mask is not None:
            mask = mask[:, self.STRIDE - 1 :: self.STRIDE][:, :pairs]
            x = x.masked_fill(~mask.unsqueeze(-1), 0.0)
        return x, mask

    def forward(self, waveform: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """See Network."""
        features, mask = self.features(waveform, lengths)
        return self.outputs(input_features=features, attention_mask=mask)


class WhisperNetwork(Network):
    """The encoder of Whisper (Radford et al., ICML 2023) at the length of the recording itself, and
    not at 30 s; longer recordings are encoded in stretches of 30 s, one after the other."""

    FFT = 400
    blocks = "model.layers"
    hop = 2 * HOP
    inside = HOP
    offset = 0
    exact_padding = False

    filters: Tensor
    taper: Tensor

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        from torchaudio.functional import melscale_fbanks

        self.model = model
        constant(model.get_submodule("embed_positions"))  # sines
        config: Any = model.config
        self.width, self.depth = int(config.d_model), int(config.encoder_layers)
        self.longest = 2 * int(config.max_source_positions)
        bins, half = int(config.num_mel_bins), SAMPLE_RATE / 2
        made = melscale_fbanks(
            self.FFT // 2 + 1, 0.0, half, bins, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("filters", made, persistent=False)
        self.register_buffer("taper", torch.hann_window(self.FFT), persistent=False)

    def features(self, waveform: Tensor) -> Tensor:
        """Log mel energies `(B, bins, F)`, float32, floored 8 decades below the largest."""
        with torch.autocast(waveform.device.type, enabled=False):
            x = F.pad(waveform.float(), (0, max(0, self.FFT // 2 + 1 - waveform.shape[1])))
            spectrum = torch.stft(x, self.FFT, HOP, window=self.taper, return_complex=True)
            power = spectrum[..., : waveform.shape[1] // HOP].abs().square()
            energies = (self.filters.T @ power).clamp(min=1e-10).log10()
            floor = energies.amax(dim=(1, 2), keepdim=True) - 8.0
            return (torch.maximum(energies, floor) + 4.0) / 4.0

    def forward(self, waveform: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """See Network."""
        features = self.features(waveform)
        parts = [self._encoded(part) for part in features.split(self.longest, dim=2)]
        return [torch.cat(found, dim=1) for found in zip(*parts, strict=True)]

    def _encoded(self, features: Tensor) -> list[Tensor]:
        """What the model computes, without its demand for 30 s."""
        model: Any = self.model
        x = F.gelu(model.conv2(F.gelu(model.conv1(features)))).transpose(1, 2)
        x = x + model.embed_positions.weight[: x.shape[1]]
        x = F.dropout(x, model.dropout, self.training)
        found = [x]
        for layer in model.layers:
            found.append(layer(found[-1], None))
        return [*found[:-1], model.layer_norm(found[-1])]
