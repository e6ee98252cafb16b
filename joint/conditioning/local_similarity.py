"""Local similarity: how similar each moment of a mixture is to the enrolled speaker."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames
from joint.outputs import Layer, SpeakerEncoding
from joint.task import WINDOWS, Encode
from joint.units import Samples


class LocalSimilarity(nn.Module):
    """Adds to each frame how similar the mixture is to the enrolled speaker around that moment: the
    cosine of the embeddings of a `window` and of the enrolment, and its difference to the mixture's
    mean (as the scores of Ding et al., "Personal VAD", Odyssey 2020).

    A window begins every `step` Samples; a frame has the similarity of the window whose middle is
    nearest to its centre. No gradient goes back into the windows.
    """

    def __init__(self, feature_dim: int, window: Samples = 16_000, step: Samples = 8_000) -> None:
        super().__init__()
        self.window, self.step = window, step
        self.project = nn.Linear(2, feature_dim, bias=False)

    def forward(
        self,
        frames: Frames,
        encode: Encode,
        waveform: Tensor,
        lengths: Tensor,
        enrolled: SpeakerEncoding,
    ) -> Frames:
        """`frames` of B·K sequences, of `waveform (B, S)` with `lengths (B,)` in Samples, for K
        `enrolled` people each → the same shape."""
        return self.add(frames, self.measure(encode, waveform, lengths, enrolled))

    def measure(
        self, encode: Encode, waveform: Tensor, lengths: Tensor, enrolled: SpeakerEncoding
    ) -> Layer:
        """The cosine of each window of `waveform (B, S)` with each of K `enrolled` people, and how
        far it is above the mean: `(B·K, 2, windows)`, centred on the windows' middles."""
        windows, own, counts = self.windows(waveform, lengths)
        embeddings = encode(windows, own, WINDOWS).embedding.unflatten(0, counts.shape)
        people = enrolled.embedding.unflatten(0, (len(waveform), -1))
        cosine = F.normalize(people, dim=2) @ F.normalize(embeddings, dim=2).transpose(1, 2)
        share = counts / counts.sum(dim=1, keepdim=True)
        above = cosine - (cosine * share[:, None]).sum(dim=2, keepdim=True)
        mask = (counts > 0)[:, None].expand_as(cosine).flatten(0, 1)
        similar = torch.stack([cosine, above], dim=2).flatten(0, 1)
        return Layer(similar, mask, self.step, self.window // 2)

    def add(self, frames: Frames, similarity: Layer) -> Frames:
        """`frames` with what `measure` gave added to them."""
        count = frames.features.shape[1]
        centre = frames.offset + frames.hop * torch.arange(count, device=similarity.mask.device)
        nearest = (centre - similarity.offset + similarity.hop // 2) // similarity.hop
        nearest = nearest.clamp(0, similarity.mask.shape[1] - 1)
        added: Tensor = self.project(similarity.features[:, :, nearest].transpose(1, 2))
        return frames.with_features(frames.features + added.to(frames.features.dtype))

    def windows(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Windows `(B, W, window)` of a recording, the last of them up to its end, their `(B, W)`
        lengths, and which of them count, 1 or 0: behind its last a recording has that one again."""
        last = (lengths - self.window).clamp(min=0)
        count = int(-(-last.max() // self.step)) + 1
        place = self.step * torch.arange(count, device=lengths.device)
        starts = torch.minimum(place.expand(len(lengths), -1), last[:, None])
        short = max(0, self.window - waveform.shape[1])
        padded = F.pad(waveform, (0, short))
        samples = starts[:, :, None] + torch.arange(self.window, device=lengths.device)
        windows = padded.gather(1, samples.flatten(1)).view(samples.shape)
        own = lengths.clamp(max=self.window)[:, None].expand(-1, count)
        return windows, own, (place < last[:, None] + self.step).to(windows.dtype)
