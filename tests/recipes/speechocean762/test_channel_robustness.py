"""Every utterance gets a random channel of its own."""

from collections.abc import Sequence

import numpy as np

from recipes.speechocean762.studies.channel_robustness import through_channels


def test_each_recording_has_its_own_channel_in_every_run() -> None:
    noise = list(np.random.default_rng(0).standard_normal((2, 32_000), dtype=np.float32))
    received: list[np.ndarray] = []

    def embed(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        received.extend(waveforms)
        return np.zeros((len(waveforms), 2), dtype=np.float32)

    changed = through_channels(embed)
    changed(noise)
    changed(noise[::-1])
    first, second = received[:2]
    np.testing.assert_array_equal(received[2], second)
    np.testing.assert_array_equal(received[3], first)
    gain_db = [
        20 * np.log10(np.abs(np.fft.rfft(new)) / np.abs(np.fft.rfft(old)))
        for new, old in zip(received, noise, strict=False)
    ]
    assert all(1.0 < np.std(gain) < 9.0 and np.abs(gain[1:-1]).max() < 9.5 for gain in gain_db)
    assert np.abs(gain_db[0] - gain_db[1]).mean() > 1.0
