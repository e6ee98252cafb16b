"""SV2TTS: an attention synthesizer in the voice of the shared embedding (Jia et al., "Transfer
learning from speaker verification to multispeaker text-to-speech synthesis", NeurIPS 2018)."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.layers.espnet import espnet_class
from joint.outputs import SpeakerEncoding
from joint.synthesis.examples import Examples
from joint.synthesis.mel import HOP, MELS
from joint.synthesis.speaking import AS_PREDICTED, SpeakingOptions, SpeakingTask
from joint.synthesis.spoken import SpokenMel
from joint.synthesis.task import VoiceLoss, VoiceTask
from joint.units import SAMPLE_RATE, Seconds
from tasks.synthesis.tacotron.phrases import random_phrases

FRAMES_A_PHONE = 20
"""Most frames that are made, for each phone of a text."""


class TacotronTask(VoiceTask, SpeakingTask):
    """Espnet's Tacotron 2 (Shen et al., ICASSP 2018) with the speaker's embedding beside each state
    of the text encoder, and guided attention (Tachibana et al., ICASSP 2018, section 4.1).

    It learns no durations; of the alignment it takes the pauses at which utterances are cut into
    phrases.

    Args:
        dim: Of the text's embedding and encoder.
        decoder_dim, prenet_dim, postnet_dim, attention_dim: Of the decoder.
        reduction: Frames that a step of the decoder makes.
        longest: Most speech of a phrase that is learnt from.
        guidance: Weight of the guided attention's loss.

    Raises ConfigError where espnet is not installed.
    """

    controls = frozenset()
    acoustic: SpokenMel
    network: Any

    def __init__(
        self,
        embedding_dim: int,
        phones: Sequence[str],
        dim: int = 256,
        decoder_dim: int = 512,
        prenet_dim: int = 128,
        postnet_dim: int = 256,
        attention_dim: int = 128,
        reduction: int = 3,
        longest: Seconds = 5.0,
        guidance: float = 1.0,
    ) -> None:
        super().__init__(phones, stretch=None)
        self.acoustic = SpokenMel()
        self.reduction = reduction
        self.phrase_frames = round(longest * SAMPLE_RATE / HOP)
        made = espnet_class("espnet2.tts.tacotron2.tacotron2", "Tacotron2", "Tacotron 2")
        self.network = made(
            idim=len(phones) + 2,  # espnet's 0 is padding, its last symbol the end of a text
            odim=MELS,
            embed_dim=dim,
            econv_chans=dim,
            eunits=dim,
            adim=attention_dim,
            dunits=decoder_dim,
            prenet_units=prenet_dim,
            postnet_chans=postnet_dim,
            reduction_factor=reduction,
            spk_embed_dim=embedding_dim,
            guided_attn_loss_lambda=guidance,
        )

    def examples_loss(self, examples: Examples) -> VoiceLoss:
        """See VoiceTask: L1 and L2 before and behind the postnet, the stop token's cross-entropy,
        and the guided attention's loss; the estimate is that of the phrases."""
        spoken, timed = examples.spoken, examples.timed
        mel = self.acoustic.normalised(spoken.log_mel)
        found = random_phrases(timed, mel, self.phrase_frames)
        frames = found.frame_counts.clamp(min=self.reduction)
        mel = F.pad(found.mel, (0, 0, 0, max(0, self.reduction - found.mel.shape[1])))
        with torch.autocast(mel.device.type, enabled=False):
            loss, parts, estimate = self.network(
                found.phones + 1,
                found.phone_counts,
                mel.float(),
                frames,
                examples.encoding.embedding.float()[found.rows],
                joint_training=True,
            )
        self._forget()
        names = {"l1_loss": "l1_loss", "mse_loss": "l2_loss", "bce_loss": "stop_loss"}
        names["attn_loss"] = "attention_loss"
        metrics = {name: parts[theirs] for theirs, name in names.items()}
        return VoiceLoss(loss, metrics, self.acoustic.restored(estimate))

    def speak_in(
        self,
        encoding: SpeakerEncoding,
        phones: Tensor,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """See SpeakingTask: the log-mel spectrogram. Attention may move on by two phones a step and
        never back by more than one; dropout before the decoder stays on, with the options' seed."""
        device = phones.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(options.sampling.seed)
            with torch.autocast(device.type, enabled=False):
                made = self.network.inference(
                    phones + 1,
                    spembs=encoding.embedding[0].float(),
                    use_att_constraint=True,
                    maxlenratio=FRAMES_A_PHONE,
                )
        self._forget()
        return self.acoustic.restored(made["feat_gen"][None])[0]

    def _forget(self) -> None:
        """Drop what the attention keeps of a batch: a copy of the task must not hold its graph."""
        self.network.dec.att.reset()
