"""Rendering: a plan becomes waveforms, and several become a SceneBatch."""

from typing import Any

import numpy as np
import torch
from scipy.signal import fftconvolve

from joint.data.corpus import Corpus, Utterance
from joint.data.phones import UNKNOWN, PhoneIntervals
from joint.data.scenes.augmentation import coloured_noise, room_responses, through_channel
from joint.data.storage.store import WaveformStore
from joint.scene import EnrollmentPlan, Noise, Room, Scene, SceneBatch, Segment, Source
from joint.units import SAMPLE_RATE, Decibels, Samples

EARLY: Samples = SAMPLE_RATE // 20
"""The first 50 ms of a room belong to the reference."""
SILENCE = 1e-10
"""Power under which a waveform counts as silent."""


def power(waveform: np.ndarray) -> float:
    """Mean square, in float64."""
    return float(np.mean(np.square(waveform, dtype=np.float64)))


def gain_for_snr(wanted: np.ndarray, other: np.ndarray, snr_db: Decibels) -> float:
    """The factor on `other` that puts `wanted` `snr_db` above it; 1 where either is silent."""
    wanted_power, other_power = power(wanted), power(other)
    if wanted_power < SILENCE or other_power < SILENCE:
        return 1.0
    return float(np.sqrt(wanted_power / (other_power * 10.0 ** (snr_db / 10.0))))


def tiled(waveform: np.ndarray, length: Samples) -> np.ndarray:
    """`waveform` repeated until it is `length` long."""
    return np.tile(waveform, -(-length // len(waveform)))[:length]


class Renderer:
    """Renders scenes of one corpus, reading through `store`."""

    def __init__(self, corpus: Corpus, store: WaveformStore) -> None:
        self.corpus, self.store = corpus, store

    def batch(self, scenes: list[Scene]) -> SceneBatch:
        """Render scenes of one planner into tensors."""
        first = scenes[0]
        enrollment = np.stack([[self.enrollment(s, e) for e in s.enrollments] for s in scenes])
        with_mixture: dict[str, object] = {}
        if first.sources:
            rendered = [self.mixture(s) for s in scenes]
            longest = max(s.length for s in scenes)
            with_mixture = {
                "mixture": torch.from_numpy(np.stack([padded(m, longest) for m, _ in rendered])),
                "mixture_lengths": torch.tensor([s.length for s in scenes]),
                "sources": torch.from_numpy(np.stack([padded(r, longest) for _, r in rendered])),
                "source_lengths": grid(scenes, lambda s: [x.segment.length for x in s.sources]),
                "source_speakers": grid(scenes, lambda s: [x.segment.speaker for x in s.sources]),
                "start_samples": grid(scenes, lambda s: [x.offset for x in s.sources]),
                "enrollment_source": grid(scenes, lambda s: [e.source for e in s.enrollments]),
                **self.said(scenes),
            }
        return SceneBatch(
            scene_ids=[s.scene_id for s in scenes],
            enrollment=torch.from_numpy(enrollment),
            enrollment_lengths=torch.full(enrollment.shape[:2], first.enrollment_length),
            speaker=grid(scenes, lambda s: [e.segment.speaker for e in s.enrollments]),
            phrase=grid(
                scenes,
                lambda s: [self.corpus.phrase_of[e.segment.utterance] for e in s.enrollments],
            ),
            augmentation=grid(
                scenes,
                lambda s: [
                    (e.noise is not None) + 2 * (e.room is not None) + 4 * (e.channel is not None)
                    for e in s.enrollments
                ],
            ),
            **self.phones(scenes),
            **with_mixture,  # type: ignore[arg-type]
        )

    def enrollment(self, scene: Scene, enrollment: EnrollmentPlan) -> np.ndarray:
        """A recording of one person alone, repeated to the scene's enrolment length."""
        waveform = self._voice(enrollment)
        if enrollment.room is not None:
            response = room_response(enrollment.room, 1)[0]
            waveform = fftconvolve(waveform, response)[: len(waveform)].astype(np.float32)
        if enrollment.noise is not None:
            waveform = waveform + self._noise(enrollment.noise, waveform)
        return tiled(waveform, scene.enrollment_length)

    def phones(self, scenes: list[Scene]) -> dict[str, Any]:
        """What is said in each enrolment, by the names of the batch's fields; nothing where the
        corpus is not aligned."""
        if not self.corpus.phones:
            return {}
        rows = [self._phones(e, s.enrollment_length) for s in scenes for e in s.enrollments]
        longest = max(len(row.phones) for row in rows)
        shape = (len(scenes), len(scenes[0].enrollments), longest)
        phones = np.full((len(rows), longest), UNKNOWN, dtype=np.int64)
        ends = np.empty_like(phones)
        for i, row in enumerate(rows):
            phones[i, : len(row.phones)] = row.phones
            ends[i, : len(row.ends)], ends[i, len(row.ends) :] = row.ends, row.ends[-1]
        return {
            "enrollment_phones": torch.from_numpy(phones).view(shape),
            "enrollment_phone_ends": torch.from_numpy(ends).view(shape),
            **self._pronunciations(scenes),
        }

    def _pronunciations(self, scenes: list[Scene]) -> dict[str, torch.Tensor]:
        """The phones of utterances that are heard to their end, and how long those are."""
        segments = [e.segment for s in scenes for e in s.enrollments]
        said = [self.corpus.utterances[s.utterance] for s in segments]
        whole = [u.length(s.speed) == s.length for u, s in zip(said, segments, strict=True)]
        rows = [
            u.pronunciation if heard and u.pronunciation is not None else np.zeros(0, np.int16)
            for u, heard in zip(said, whole, strict=True)
        ]
        phones = np.full((len(rows), max([1, *map(len, rows)])), UNKNOWN, dtype=np.int64)
        for i, row in enumerate(rows):
            phones[i, : len(row)] = row
        samples = [s.length if len(row) else 0 for s, row in zip(segments, rows, strict=True)]
        shape = (len(scenes), len(scenes[0].enrollments))
        return {
            "pronunciation": torch.from_numpy(phones).view(*shape, phones.shape[1]),
            "pronunciation_samples": torch.tensor(samples).view(shape),
        }

    def _phones(self, enrollment: EnrollmentPlan, length: Samples) -> PhoneIntervals:
        segment = enrollment.segment
        known = self.corpus.utterances[segment.utterance].phones
        if known is None:
            return PhoneIntervals.unknown(length)
        return known.part(segment.speed, segment.start, segment.length).tiled(length)

    def mixture(self, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
        """The mixture `(S,)` and the references `(N, S)`, float32."""
        dry = np.zeros((len(scene.sources), scene.length), dtype=np.float32)
        for i, source in enumerate(scene.sources):
            segment = self._voice(source)
            dry[i, source.offset : source.offset + len(segment)] = segment
        heard, reference = dry, dry
        if scene.room is not None:
            responses = room_response(scene.room, len(dry))
            heard = np.stack([fftconvolve(d, h)[: scene.length] for d, h in zip(dry, responses)])  # noqa: B905
            reference = np.stack(
                [fftconvolve(d, h[:EARLY])[: scene.length] for d, h in zip(dry, responses)]  # noqa: B905
            )
        gains = [gain_for_snr(heard[0], heard[i], s.snr_db) for i, s in enumerate(scene.sources)]
        gains[0] = 1.0
        scale = np.array(gains)[:, None]
        mixture = (heard * scale).sum(axis=0)
        if scene.noise is not None:
            mixture = mixture + self._noise(scene.noise, mixture)
        loudness = 10.0 ** (scene.gain_db / 20.0)
        return (
            (mixture * loudness).astype(np.float32),
            (reference * (scale * loudness)).astype(np.float32),
        )

    def said(self, scenes: list[Scene]) -> dict[str, object]:
        """Words and phones of each source, by the names of the batch's fields; nothing unless every
        source is a whole utterance, and no phones where the corpus is not aligned."""
        utterances = self.corpus.utterances
        sources = [x for s in scenes for x in s.sources]
        spoken = [utterances[x.segment.utterance] for x in sources]
        pairs = list(zip(sources, spoken, strict=True))
        if any(x.segment.length < u.length(x.segment.speed) for x, u in pairs):
            return {}
        texts = [[utterances[x.segment.utterance].text for x in s.sources] for s in scenes]
        if not self.corpus.phones:
            return {"texts": texts}
        rows = [phones_of_source(x, u) for x, u in pairs]
        shape = (len(scenes), len(scenes[0].sources), max(1, *(len(row[0]) for row in rows)))
        filled = [np.full(shape, UNKNOWN, dtype=np.int64).reshape(len(rows), -1) for _ in "pse"]
        for i, row in enumerate(rows):
            for whole, part in zip(filled, row, strict=True):
                whole[i, : len(part)] = part
        phones, starts, ends = (torch.from_numpy(whole).view(shape) for whole in filled)
        known = torch.tensor([u.pronunciation is not None for u in spoken]).view(shape[:2])
        return {
            "texts": texts,
            "source_phones": phones,
            "source_phone_starts": starts,
            "source_phone_ends": ends,
            "source_phones_known": known,
        }

    def _voice(self, heard: Source | EnrollmentPlan) -> np.ndarray:
        """What was said, through its channel."""
        waveform = self._read(heard.segment)
        return waveform if heard.channel is None else through_channel(waveform, heard.channel)

    def _read(self, segment: Segment) -> np.ndarray:
        return self.store.read(segment.utterance, segment.speed, segment.start, segment.length)

    def _noise(self, noise: Noise, speech: np.ndarray) -> np.ndarray:
        if noise.segments:
            voices = [tiled(self._read(s), len(speech)) for s in noise.segments]
            waveform = np.sum([v / np.sqrt(power(v) + SILENCE) for v in voices], axis=0)
        else:
            waveform = coloured_noise(noise.seed, len(speech), noise.slope_db_per_octave)
        scaled: np.ndarray = (waveform * gain_for_snr(speech, waveform, noise.snr_db)).astype(
            np.float32
        )
        return scaled


def padded(waveforms: np.ndarray, length: Samples) -> np.ndarray:
    """`waveforms (…, S)` with silence behind, `(…, length)`."""
    behind = length - waveforms.shape[-1]
    return np.pad(waveforms, [(0, 0)] * (waveforms.ndim - 1) + [(0, behind)])


def phones_of_source(source: Source, utterance: Utterance) -> tuple[np.ndarray, ...]:
    """The phones of a source that is a whole utterance, and the Samples of the mixture where each
    begins and ends (`UNKNOWN` where they have no times); none where nobody knows them."""
    if utterance.pronunciation is None:
        return (np.zeros(0, dtype=np.int64),) * 3
    if utterance.phones is None:
        times = np.full(len(utterance.pronunciation), UNKNOWN)
        return utterance.pronunciation, times, times
    timed = utterance.phones.part(source.segment.speed, 0, source.segment.length)
    spoken = timed.phones > 0
    starts = np.concatenate([[0], timed.ends[:-1]])
    return timed.phones[spoken], *(x[spoken] + source.offset for x in (starts, timed.ends))


def room_response(room: Room, count: int) -> np.ndarray:
    """Responses `(count, samples)` of a planned room."""
    return room_responses(room.seed, round(room.reverberation_seconds, 6), count)


def grid(scenes: list[Scene], values) -> torch.Tensor:  # type: ignore[no-untyped-def]
    """An int64 tensor with a row a scene."""
    return torch.tensor([values(s) for s in scenes])
