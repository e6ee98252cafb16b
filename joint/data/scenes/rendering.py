"""Rendering: a plan becomes waveforms, and several become a SceneBatch."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from einops import rearrange
from numpy.random import default_rng
from scipy.signal import fftconvolve

from joint.data.corpus import Corpus
from joint.data.recorded.surroundings import Surroundings
from joint.data.scenes.activity import speech_frames
from joint.data.scenes.augmentation import coloured_noise, room_responses, through_channel
from joint.data.scenes.distortions.base import Distortion
from joint.data.scenes.labels import labels
from joint.data.storage.store import WaveformStore
from joint.errors import AudioError
from joint.scene import (
    ACTIVITY_HOP,
    FIELDS,
    EnrollmentPlan,
    Noise,
    Room,
    Scene,
    SceneBatch,
    Segment,
    Source,
)
from joint.units import SAMPLE_RATE, Decibels, Samples

EARLY: Samples = SAMPLE_RATE // 20
"""The first 50 ms of a room belong to the reference."""
SILENCE = 1e-10
"""Power under which a waveform counts as silent."""


class UnreadableError(Exception):
    """The recording of an `utterance`, by its index in the corpus, cannot be read."""

    def __init__(self, utterance: int, error: AudioError) -> None:
        super().__init__(str(error))
        self.utterance, self.error = utterance, error


def power(waveform: np.ndarray) -> float:
    """Mean square, in float64."""
    return float(np.mean(np.square(waveform, dtype=np.float64)))


def gain_for_snr(target: np.ndarray, other: np.ndarray, snr_db: Decibels) -> float:
    """The factor on `other` that puts `target` `snr_db` above it; 1 where either is silent."""
    target_power, other_power = power(target), power(other)
    if target_power < SILENCE or other_power < SILENCE:
        return 1.0
    return float(np.sqrt(target_power / (other_power * 10.0 ** (snr_db / 10.0))))


def tiled(waveform: np.ndarray, length: Samples) -> np.ndarray:
    """`waveform` repeated until it is `length` long."""
    return np.tile(waveform, -(-length // len(waveform)))[:length]


class Renderer:
    """Renders scenes of one corpus, reading through `store`.

    Only the `fields` of SceneBatch that are named are rendered; the others are None, and no audio
    is read for them. A plan holds all that is random, so that a field is the same whatever else is
    rendered. `surroundings` are the recorded noises and rooms that plans name, `distortions` what
    they say happens to enrolments.
    """

    def __init__(
        self,
        corpus: Corpus,
        store: WaveformStore,
        fields: Collection[str] = FIELDS,
        surroundings: Surroundings | None = None,
        distortions: Mapping[str, Distortion] | None = None,
    ) -> None:
        if strange := set(fields) - FIELDS:
            raise ValueError(f"SceneBatch has no {', '.join(sorted(strange))}")
        self.corpus, self.store, self.fields = corpus, store, frozenset(fields)
        self.surroundings = surroundings or Surroundings()
        self.distortions = distortions or {}

    def batch(self, scenes: list[Scene]) -> SceneBatch:
        """Render scenes of one planner into tensors.

        Raises UnreadableError for a recording that cannot be read, DataError for a shard.
        """
        values: dict[str, Any] = labels(scenes, self.corpus, self.fields)
        if "enrollment" in self.fields:
            rows = [self.enrollment(s, e) for s in scenes for e in s.enrollments]
            values["enrollment"] = torch.from_numpy(
                rearrange(np.stack(rows), "(b k) s -> b k s", b=len(scenes))
            )
        if scenes[0].sources and self.fields & {"mixture", "sources"}:
            longest = max(s.length for s in scenes)
            mixtures, sources = zip(*(self.mixture(s) for s in scenes), strict=True)
            for name, waveforms in (("mixture", mixtures), ("sources", sources)):
                if name in self.fields:
                    rows = [padded(waveform, longest) for waveform in waveforms]
                    values[name] = torch.from_numpy(np.stack(rows))
        if scenes[0].sources and "activity" in self.fields:
            longest = frame_count(max(s.length for s in scenes))
            active = [padded(self.activity(scene), longest) for scene in scenes]
            values["activity"] = torch.from_numpy(np.stack(active))
        return SceneBatch(scene_ids=[s.scene_id for s in scenes], **values)

    def segments(self, scene: Scene) -> Iterator[Segment]:
        """The stretches of recordings that are read for the fields of a scene."""
        if "enrollment" in self.fields:
            for enrollment in scene.enrollments:
                yield enrollment.segment
                yield from enrollment.noise.segments if enrollment.noise else ()
        if self.fields & {"mixture", "sources", "activity"}:
            yield from (source.segment for source in scene.sources)
        if "mixture" in self.fields and scene.sources and scene.noise is not None:
            yield from scene.noise.segments

    def enrollment(self, scene: Scene, enrollment: EnrollmentPlan) -> np.ndarray:
        """A recording of one person alone, repeated to the scene's enrolment length."""
        waveform = self._voice(enrollment)
        if enrollment.room is not None:
            response = self._responses(enrollment.room, 1)[0]
            waveform = fftconvolve(waveform, response)[: len(waveform)].astype(np.float32)
        if enrollment.noise is not None:
            waveform = waveform + self._noise(enrollment.noise, waveform)
        waveform = tiled(waveform, scene.enrollment_length)
        for name, seed in enrollment.distortions:
            waveform = self.distortions[name](waveform, default_rng(seed))
        return waveform

    def mixture(self, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
        """The mixture `(S,)` and the references `(N, S)`, float32; of one that is not among the
        fields only the shape is right."""
        dry = np.zeros((len(scene.sources), scene.length), dtype=np.float32)
        for i, source in enumerate(scene.sources):
            segment = self._voice(source)
            dry[i, source.offset : source.offset + len(segment)] = segment
        received, reference = dry, dry
        if scene.room is not None:
            people = [source.segment.speaker for source in scene.sources]
            places = list(dict.fromkeys(people))  # everybody has one place in the room
            responses = self._responses(scene.room, len(places))[[places.index(p) for p in people]]
            received = convolved(dry, responses)
            if "sources" in self.fields:
                reference = convolved(dry, responses[:, :EARLY])
        gains = [
            gain_for_snr(received[0], received[i], source.snr_db)
            for i, source in enumerate(scene.sources)
        ]
        gains[0] = 1.0
        scale = np.array(gains)[:, None]
        mixture = (received * scale).sum(axis=0)
        if scene.noise is not None and "mixture" in self.fields:
            mixture = mixture + self._noise(scene.noise, mixture)
        loudness = 10.0 ** (scene.gain_db / 20.0)
        return (
            (mixture * loudness).astype(np.float32),
            (reference * (scale * loudness)).astype(np.float32),
        )

    def activity(self, scene: Scene) -> np.ndarray:
        """Whether each source speaks in each frame of the mixture, bool `(N, F)`; see
        `speech_frames`."""
        active = np.zeros((len(scene.sources), frame_count(scene.length)), dtype=bool)
        for row, source in zip(active, scene.sources, strict=True):
            segment = source.segment
            utterance = self.corpus.utterances[segment.utterance]
            spoken = speech_frames(self._read(segment), segment, utterance)
            first = round(source.offset / ACTIVITY_HOP)
            row[first : first + len(spoken)] = spoken[: len(row) - first]
        return active

    def _voice(self, recorded: Source | EnrollmentPlan) -> np.ndarray:
        """The segment through its channel."""
        waveform = self._read(recorded.segment)
        channel = recorded.channel
        return waveform if channel is None else through_channel(waveform, channel)

    def _read(self, segment: Segment) -> np.ndarray:
        try:
            return self.store.read(segment.utterance, segment.speed, segment.start, segment.length)
        except AudioError as error:
            raise UnreadableError(segment.utterance, error) from error

    def _noise(self, noise: Noise, speech: np.ndarray) -> np.ndarray:
        waveform = None
        if noise.recorded:
            assert self.surroundings.noises is not None
            waveform = self.surroundings.noises.waveform(noise.recorded, len(speech))
        elif noise.segments:
            voices = [tiled(self._read(s), len(speech)) for s in noise.segments]
            waveform = np.sum([v / np.sqrt(power(v) + SILENCE) for v in voices], axis=0)
        if waveform is None or power(waveform) < SILENCE:  # a pause in a recorded noise
            waveform = coloured_noise(noise.seed, len(speech), noise.slope_db_per_octave)
        scaled: np.ndarray = (waveform * gain_for_snr(speech, waveform, noise.snr_db)).astype(
            np.float32
        )
        return scaled

    def _responses(self, room: Room, count: int) -> np.ndarray:
        """Responses `(count, samples)` of a planned room."""
        if room.responses:
            assert self.surroundings.rooms is not None
            return self.surroundings.rooms.responses(room.responses)
        return room_response(room, count)


def frame_count(samples: Samples) -> int:
    """Frames of `activity` in so many Samples."""
    return -(-samples // ACTIVITY_HOP)


def padded(waveforms: np.ndarray, length: Samples) -> np.ndarray:
    """`waveforms (…, S)` with silence behind, `(…, length)`."""
    behind = length - waveforms.shape[-1]
    return np.pad(waveforms, [(0, 0)] * (waveforms.ndim - 1) + [(0, behind)])


def convolved(waveforms: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """Each of `waveforms (N, S)` with its response of `responses (N, R)`, cut to S samples."""
    pairs = zip(waveforms, responses, strict=True)
    return np.stack([_convolved(waveform, response) for waveform, response in pairs])


def _convolved(waveform: np.ndarray, response: np.ndarray) -> np.ndarray:
    """See `convolved`; of a long mixture only the stretch that sounds is worked on."""
    length, sounding = len(waveform), np.flatnonzero(waveform)
    first, last = (sounding[0], sounding[-1] + 1) if len(sounding) else (0, 0)
    if not 0 < last - first < length // 4:
        return np.asarray(fftconvolve(waveform, response)[:length])
    out = np.zeros_like(waveform)
    found = fftconvolve(waveform[first:last], response)[: length - first]
    out[first : first + len(found)] = found
    return out


def room_response(room: Room, count: int) -> np.ndarray:
    """Responses `(count, samples)` of a simulated room."""
    return room_responses(room.seed, round(room.reverberation_seconds, 6), count)
