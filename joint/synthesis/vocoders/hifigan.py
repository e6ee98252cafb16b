"""HiFi-GAN: transposed convolutions from frames to samples, for machines with a GPU."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from joint.errors import ConfigError
from joint.layers.espnet import convolutions, espnet_class, normalise_weights
from joint.synthesis.mel import HOP, MELS
from joint.synthesis.vocoders.base import Vocoder


class HifiGan(Vocoder):
    """The generator of HiFi-GAN (Kong et al., "HiFi-GAN: Generative adversarial networks for
    efficient and high fidelity speech synthesis", NeurIPS 2020), espnet's.

    The defaults are the published V1 but for the scales, which are 8, 8, 2, 2 for a hop of 256.

    Args:
        channels: Before the first upsampling; each halves them.
        scales: Of the upsamplings; their product is HOP.
        kernels: Of the residual blocks behind each upsampling, whose outputs are averaged.
        dilations: Of the convolutions of each block.

    Raises ConfigError for scales of another product, and where espnet is not installed.
    """

    def __init__(
        self,
        channels: int = 512,
        scales: Sequence[int] = (5, 5, 4, 2),
        kernels: Sequence[int] = (3, 7, 11),
        dilations: Sequence[int] = (1, 3, 5),
    ) -> None:
        super().__init__()
        self.generator = hifigan_generator(MELS, channels, scales, kernels, dilations)

    def forward(self, log_mel: Tensor) -> Tensor:
        """See Vocoder."""
        return between_centres(self.generator(log_mel))


def hifigan_generator(
    inputs: int,
    channels: int,
    scales: Sequence[int],
    kernels: Sequence[int],
    dilations: Sequence[int],
    speaker_dim: int = -1,
) -> nn.Module:
    """espnet's generator of `inputs` channels, see HifiGan; it is called with a vector `(B,
    speaker_dim, 1)` too, where there is one, and gives HOP samples a frame, `(B, 1, F·HOP)`."""
    if prod(scales) != HOP:
        shown = " · ".join(map(str, scales))
        raise ConfigError("scales", f"{shown} = {prod(scales)}", f"a product of {HOP}")
    espnet_generator = espnet_class(
        "espnet2.gan_tts.hifigan.hifigan", "HiFiGANGenerator", "HiFi-GAN"
    )
    generator: nn.Module = espnet_generator(
        inputs,
        channels=channels,
        global_channels=speaker_dim,
        upsample_scales=list(scales),
        upsample_kernel_sizes=[2 * scale for scale in scales],
        resblock_kernel_sizes=list(kernels),
        resblock_dilations=[list(dilations)] * len(kernels),
        use_weight_norm=False,
    )
    # the published code normalises first, and so its own initial values have no effect
    for module in convolutions(generator):
        module.reset_parameters()
    normalise_weights(generator)
    return generator


def between_centres(samples: Tensor) -> Tensor:
    """The waveform `(B, (F - 1)·HOP)` from the first frame's centre to the last one's, of
    `samples (B, 1, F·HOP)`: of the HOP samples of a frame the middle one is the centre."""
    waveform = samples[:, 0].float()
    return waveform[:, HOP // 2 : waveform.shape[1] - HOP // 2]
