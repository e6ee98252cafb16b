"""EncoderView: the shared encoder under one task's switch, run once for what tasks share."""

from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.func import functional_call

from joint.adapters.low_rank import Adapter
from joint.balancing.base import Share
from joint.encoders.encoder import SpeakerEncoder
from joint.layers.modes import evaluating
from joint.outputs import SpeakerEncoding
from joint.seeding import seed_for
from joint.task import AUXILIARY

Switch = Literal["frozen", "adapter", "joint"]
"""Where a task's gradient goes: not to the encoder, to an adapter of the task's own, or to all of
the encoder."""
Memo: TypeAlias = dict[tuple[int, str, Switch | Adapter], tuple[Tensor, SpeakerEncoding]]
"""Encodings of a step, by the audio's id, the role, and the parameters that gave them."""
KEPT = 4
"""Encodings that are kept where there is no step, as at inference, which may last for hours."""


class EncoderView:
    """`Encode` for one task: the encoder `frozen`, through the task's `adapter` or `joint`, run
    once for the same audio, role and parameters.

    The tasks of a step share `memo` (a view without one keeps the last `KEPT` encodings) and the
    `layers` that an encoding holds. A run that is frozen
    or adapted is in eval mode and gives the encoder's parameters no gradient, while a gradient to
    the audio still flows. With a `seed`, what a run draws is a function of seed and role. A `share`
    multiplies the task's gradient where it enters the encoder.
    """

    def __init__(
        self,
        encoder: SpeakerEncoder,
        switch: Switch,
        memo: Memo | None = None,
        layers: tuple[str, ...] = (),
        seed: int | None = None,
        adapter: Adapter | None = None,
        share: Share | None = None,
    ) -> None:
        self.encoder, self.switch = encoder, switch
        self.memo: Memo = {} if memo is None else memo
        self.kept = KEPT if memo is None else None
        self.layers, self.seed, self.adapter, self.share = layers, seed, adapter, share

    def __call__(self, audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        """See Encode."""
        key = self._key(audio, role)
        if key not in self.memo:
            waveform, flat = audio.flatten(0, -2), lengths.flatten()
            if self.kept is not None and len(self.memo) >= self.kept:
                del self.memo[next(iter(self.memo))]
            # the audio is kept, so that its id stays its own
            self.memo[key] = audio, self._run(waveform, flat, role)
        encoding = self.memo[key][1]
        return encoding if self.share is None else self.share(encoding)

    def constants(self, audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        """`Encode` for a critic: the step's encodings as constants, and what has not been encoded
        yet by the encoder in eval mode."""
        if (key := self._key(audio, role)) in self.memo:
            return self.memo[key][1].detached()
        with torch.no_grad(), evaluating(self.encoder):
            return self._encoded(audio.flatten(0, -2), lengths.flatten(), self.layers)

    def _key(self, audio: Tensor, role: str) -> tuple[int, str, Switch | Adapter]:
        return id(audio), role, self.switch if self.adapter is None else self.adapter

    def _run(self, waveform: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        inputs = waveform, lengths, self.layers
        if self.switch == "joint" and role not in AUXILIARY:
            if self.seed is None:
                return self._encoded(*inputs)
            with torch.random.fork_rng([waveform.device] if waveform.is_cuda else []):
                torch.manual_seed(seed_for(self.seed, "encoder", role))
                return self._encoded(*inputs)
        with evaluating(self.encoder):
            if role in AUXILIARY or not (self.adapter is not None or waveform.requires_grad):
                with torch.no_grad():
                    return self._encoded(*inputs)
            if self.adapter is not None:
                return self._encoded(*inputs)
            values = {n: p.detach() for n, p in self.encoder.named_parameters()}
            encoding: SpeakerEncoding = functional_call(self.encoder, values, inputs)
            return encoding

    def _encoded(self, *inputs: Any) -> SpeakerEncoding:
        """By the adapter where there is one, else by the encoder itself."""
        encoding: SpeakerEncoding
        if self.adapter is not None:
            encoding = self.adapter(self.encoder, *inputs)
        else:
            encoding = self.encoder(*inputs)
        return encoding
