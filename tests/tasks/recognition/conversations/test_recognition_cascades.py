"""Ways to hear several people by a recogniser of one that is known to be right."""

import numpy as np
import pytest

from joint.metrics.words import Errors, concatenated_errors
from tasks.recognition.conversations.cascades import (
    extracted,
    recognised,
    segmented,
    silent,
    unseparated,
)

pytest.importorskip("meeteval")

SAID = [["ONE", "TWO", "THREE"], ["FOUR", "FIVE", "SIX", "SEVEN", "EIGHT"]]


def noise(samples: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=samples).astype(np.float32) * 0.1


def test_each_stretch_is_heard_by_itself_in_order_of_time() -> None:
    mixture = noise(40_000, 0)
    stretches = {(0, 8_000): "ONE", (20_000, 30_000): "TWO", (4_000, 21_000): "FOUR"}
    texts = {mixture[a:b].tobytes(): [word] for (a, b), word in stretches.items()}
    hear = segmented(
        lambda heard: [[(20_000, 30_000), (0, 8_000)], [(4_000, 21_000)], []],
        lambda waveform: texts[waveform.tobytes()],
    )
    assert hear(mixture, []) == [["ONE", "TWO"], ["FOUR"], []]


def test_each_voice_is_heard_by_itself() -> None:
    voices = [noise(5_000, 1), noise(6_000, 2)]
    hear = extracted(lambda mixture, voice: mixture * voice[0], lambda w: [f"{w[0]:.6f}"])
    mixture = np.ones(9_000, dtype=np.float32)
    assert hear(mixture, voices) == [[f"{voice[0]:.6f}"] for voice in voices]


def test_what_recognisers_refuse_is_not_given_to_them() -> None:
    heard = []

    def recognise(waveform: np.ndarray) -> list[str]:
        heard.append(waveform)
        return ["WORD"]

    assert recognised(recognise, np.zeros(9_000, dtype=np.float32)) == [] == heard
    short, whole = noise(101, 3), noise(4_800, 4)
    assert recognised(recognise, short) == recognised(recognise, whole) == ["WORD"]
    assert len(heard[0]) == 4_800 and (np.trim_zeros(heard[0]) == short).all()
    assert (heard[1] == whole).all() and heard[0].dtype == np.float32


def test_controls_are_worth_what_arithmetic_says() -> None:
    mixture = noise(9_000, 5)
    assert concatenated_errors(SAID, silent(mixture, [])) == Errors(0, 8, 0, 8)
    # all of one person: the other's five words are deleted
    alone = unseparated(lambda waveform: list(SAID[0]))
    assert concatenated_errors(SAID, alone(mixture, [])) == Errors(0, 5, 0, 8)
    # given to both: three stand in place of the other's five
    both = unseparated(lambda waveform: list(SAID[0]), 2)
    assert concatenated_errors(SAID, both(mixture, [])) == Errors(3, 2, 0, 8)
    # everything of both: as one output the shorter is missed and too much, as two each has both
    everything = unseparated(lambda waveform: SAID[0] + SAID[1])
    assert concatenated_errors(SAID, everything(mixture, [])) == Errors(0, 3, 3, 8)
    everything = unseparated(lambda waveform: SAID[0] + SAID[1], 2)
    assert concatenated_errors(SAID, everything(mixture, [])) == Errors(0, 0, 8, 8)
