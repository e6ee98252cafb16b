"""Recordings of any length through a face of the recogniser, in bounded memory."""

from collections.abc import Sequence

import torch
from torch import Tensor

from joint.encoders.frames import Frames
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.units import Samples
from tasks.base import Encode
from tasks.recognition.core import Transcript
from tasks.recognition.decoding import BestPath, Decoding
from tasks.recognition.face import RecognitionTask

PIECE_FRAMES, SHARED_FRAMES = 500, 50
"""Longer recordings are heard in pieces of 20 s, each of which has heard 2 s of the one before."""


def read(
    task: RecognitionTask,
    encode: Encode,
    waveform: Tensor,
    enrollments: Sequence[Tensor] = (),
    decoding: Decoding | None = None,
) -> list[list[str]]:
    """What `task` makes of `waveform (S,)` with `enrollments`, each `(S',)`: the words (or phones)
    of each person, in the order of the enrolments or of the outputs."""
    decoding = decoding or BestPath()
    device = waveform.device
    batch = SceneBatch(["recording"])
    if enrollments:
        lengths = torch.tensor([[len(e) for e in enrollments]], device=device)
        padded = torch.nn.utils.rnn.pad_sequence(list(enrollments), batch_first=True)
        batch = SceneBatch(
            ["recording"], enrollment=padded.unsqueeze(0), enrollment_lengths=lengths
        )
    outputs = transcribed(task, encode, waveform, batch)
    sequences: list[Sequence[int] | Sequence[str]] = [
        decoding(transcript, row)
        for transcript in outputs
        for row in range(len(transcript.log_probabilities))
    ]
    return task.spoken(sequences)


def remembered(voices: Tensor, frame_dim: int) -> Encode:
    """An encoder that knows the enrolments by their embeddings `voices (K, E)`, and no frames."""

    def encode(audio: Tensor, lengths: Tensor) -> SpeakerEncoding:
        frames = voices.new_zeros(len(voices), frame_dim, 0)
        mask = torch.zeros(len(voices), 0, dtype=torch.bool, device=voices.device)
        return SpeakerEncoding(voices, frames, mask, audio.flatten(0, -2), lengths.flatten())

    return encode


def transcribed(
    task: RecognitionTask, encode: Encode, waveform: Tensor, batch: SceneBatch
) -> list[Transcript]:
    """The transcripts of one recording `(S,)`; those of pieces are joined where neither is near
    its end."""
    hop: Samples = task.core.hop
    piece, step = PIECE_FRAMES * hop, (PIECE_FRAMES - SHARED_FRAMES) * hop
    starts = range(0, max(1, len(waveform) - SHARED_FRAMES * hop), step)
    found = []
    for start in starts:
        part = waveform[None, start : start + piece]
        lengths = torch.tensor([part.shape[1]], device=waveform.device)
        found.append(task.transcripts(encode, part, lengths, batch))
    if len(found) == 1:
        return found[0]
    return [joined(pieces) for pieces in zip(*found, strict=True)]


def joined(pieces: Sequence[Transcript]) -> Transcript:
    """One transcript of consecutive pieces that share frames: half of those come from each."""
    last, half = len(pieces) - 1, SHARED_FRAMES // 2
    scores, hidden = [], []
    for i, piece in enumerate(pieces):
        begin = half if i else 0
        end = PIECE_FRAMES - half if i < last else piece.log_probabilities.shape[1]
        scores.append(piece.log_probabilities[:, begin:end])
        hidden.append(piece.hidden.features[:, begin:end])
    whole = torch.cat(scores, dim=1)
    frames = torch.full((len(whole),), whole.shape[1], device=whole.device)
    return Transcript(
        whole, frames, Frames(torch.cat(hidden, dim=1), None, pieces[0].hidden.stride)
    )
