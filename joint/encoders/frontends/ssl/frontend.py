"""A front-end that is a pretrained transformer: self-supervised, or the encoder of Whisper."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.adapters.low_rank import Adapter
from joint.encoders.frames import Frames
from joint.encoders.frontends.filterbank import Frontend
from joint.encoders.frontends.ssl.layers import LAYER, LayerUse, WeightedSum
from joint.encoders.frontends.ssl.loading import pretrained, untrained
from joint.errors import ConfigError
from joint.units import Samples


class PretrainedFrontend(Frontend):
    """wav2vec 2.0, HuBERT, WavLM, UniSpeech-SAT, w2v-BERT 2.0 or Whisper's encoder as features.

    The outputs of all layers, `frontend_layer0` (what the first block reads) to that of the last
    block, are layers of the encoding, whatever `use` makes the features of.

    The network is trained like any other part. An optimizer group `encoder.frontend.network` with
    `frozen: true` leaves it as it is, in evaluation mode; `layer_decay` on its list of blocks gives
    lower layers lower rates. `tuning` is an Adapter within it: LowRank, Bottleneck or Biases, with
    names of layers that begin with `model.`; it is trained with the rest of the encoder, beside the
    frozen network or with it.

    Args:
        source: A folder that transformers wrote, or a repository on the hub.
        config: In place of it, `model_type` and other keys of a configuration of transformers: the
            network begins with random weights. Checkpoints hold it, so that they need no `source`.
        use: Called with the width of the layers and their number.
        tuning: Called with the network.
        normalize: Whether waveforms get mean 0 and variance 1; where None as the source says, else
            for the architectures that are trained so.

    Raises ConfigError as `loading.pretrained` and `loading.untrained` do.
    """

    def __init__(
        self,
        source: str | None = None,
        config: dict[str, Any] | None = None,
        use: Callable[..., LayerUse] = WeightedSum,
        tuning: Callable[[nn.Module], Adapter] | None = None,
        normalize: bool | None = None,
    ) -> None:
        super().__init__()
        if (source is None) == (config is None):
            found = "neither source nor config" if source is None else "source and config"
            raise ConfigError("frontend", found, "one of them")
        if source is not None:
            self.network, self.rebuilt_with = pretrained(source, normalize)
        else:
            self.network = untrained(config or {}, normalize)
        self.window, self.hop = self.network.inside, self.network.hop
        self.use = use(self.network.width, self.network.depth + 1)
        self.output_dim = self.use.output_dim
        self.tuning: Adapter | None = None
        if tuning is not None:
            try:
                self.tuning = tuning(self.network)
            except ConfigError as error:
                raise ConfigError(f"tuning.{error.where}", error.found, error.expected) from None

    @property
    def offset(self) -> Samples:
        """Where the first frame has its centre."""
        return self.network.offset

    def forward(self, waveform: Tensor, lengths: Tensor) -> Frames:
        """See Frontend."""
        mask = self.mask_of(waveform, lengths)
        x = F.pad(waveform, (0, max(0, self.window - waveform.shape[1])))
        outputs = self._outputs(x, lengths)
        features = self.use(outputs, mask)
        if mask is not None:
            features = features.masked_fill(~mask.unsqueeze(-1), 0.0)
        frames = Frames(features, mask, self.hop, self.offset)
        layers = {f"{LAYER}{i}": frames.with_features(x) for i, x in enumerate(outputs)}
        return Frames(features, mask, self.hop, self.offset, layers=layers)

    def _outputs(self, waveform: Tensor, lengths: Tensor) -> list[Tensor]:
        """Those of all layers; of a network that padding would reach, one length at a time."""
        lengths = lengths.clamp(min=self.window)
        if not bool((lengths != waveform.shape[1]).any()):
            return self._run(waveform)
        if self.network.exact_padding:
            return self._run(waveform, lengths)
        frames = int(self.frame_count(torch.tensor(waveform.shape[1])))
        size = (len(waveform), frames, self.network.width)
        whole: list[Tensor] = []
        for length in lengths.unique().tolist():
            rows = (lengths == length).nonzero().squeeze(1)
            found = self._run(waveform[rows, :length])
            whole = whole or [x.new_zeros(size) for x in found]
            padded = [F.pad(x, (0, 0, 0, frames - x.shape[1])) for x in found]
            whole = [x.index_copy(0, rows, y) for x, y in zip(whole, padded, strict=True)]
        return whole

    def _run(self, waveform: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        if self.tuning is None:
            return list(self.network(waveform, lengths))
        own = dict(self.network.named_parameters())
        return list(self.tuning.run(self.network, own, waveform, lengths))
