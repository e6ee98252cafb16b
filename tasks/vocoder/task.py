"""The vocoder: log-mel spectrograms become waveforms, against discriminators."""

from collections.abc import Sequence

from torch import Tensor

from joint.scene import SceneBatch
from joint.synthesis.adversarial.copying import Copies, CopyTask, recordings
from joint.synthesis.adversarial.discriminators import Discriminators
from joint.synthesis.vocoders.base import Vocoder
from joint.task import Encode, Enrollment
from joint.units import Seconds


class VocoderTask(CopyTask):
    """Trains a vocoder on recordings of single speakers; no text is needed and the encoder is not
    used.

    Args:
        vocoder: See Vocoder.
        discriminators, discriminators_from, judged: See CopyTask.
        mel_weight, spectral_weight, feature_weight: See CopyTask.
    """

    def __init__(
        self,
        vocoder: Vocoder,
        discriminators: Discriminators | None = None,
        discriminators_from: float = 0.1,
        judged: Seconds = 0.4,
        mel_weight: float = 15.0,
        spectral_weight: float = 1.0,
        feature_weight: float = 2.0,
    ) -> None:
        super().__init__(
            discriminators, discriminators_from, judged, mel_weight, spectral_weight, feature_weight
        )
        self.vocoder = vocoder

    def copies(self, batch: SceneBatch, progress: float) -> Copies:
        """See CopyTask: made of the recordings' own log-mel."""
        reference = recordings(batch)
        return Copies(reference, self.vocoder(self.mel(reference)))

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        """See Task: copy synthesis, the waveform `(S,)` made of the recording's own log-mel."""
        return self.vocoder.copy_of(recording)
