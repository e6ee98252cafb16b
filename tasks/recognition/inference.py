"""Recordings of any length through a face of the recogniser, in bounded memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from joint.encoders.frames import Frames
from joint.outputs import SpeakerEncoding
from joint.task import Encode, Enrollment, encode_enrollments
from joint.units import Samples
from tasks.recognition.core import Transcript
from tasks.recognition.decoding.best_path import Decoding
from tasks.recognition.objectives.permutation import best_permutation
from tasks.recognition.task import RecognitionTask

PIECE_FRAMES, SHARED_FRAMES = 500, 50
"""Longer recordings are heard in pieces of 20 s, each of which has heard 2 s of the one before."""


def read(
    task: RecognitionTask,
    encode: Encode,
    waveform: Tensor,
    enrollments: Sequence[Enrollment] = (),
    decoding: Decoding | None = None,
) -> list[list[str]]:
    """Recognise `waveform (S,)`: the words (or phones) of each person, in the order of the
    `enrollments` or of the outputs."""
    decoding = decoding or task.decoding()
    enrolled = encode_enrollments(encode, enrollments) if enrollments else None
    found = pieces(task, encode, waveform, enrolled)
    # an attention decoder has seen no recordings longer than those of its training
    parts = [[piece] for piece in found] if decoding.windowed else [found]
    words = [decoded(task, part, decoding) for part in parts]
    return [[w for part in words for w in part[person]] for person in range(len(words[0]))]


def decoded(
    task: RecognitionTask, pieces: Sequence["Piece"], decoding: Decoding
) -> list[list[str]]:
    """The words of each person in consecutive pieces."""
    outputs = [joined(pieces, output) for output in range(len(pieces[0].outputs))]
    sequences: list[Sequence[int] | Sequence[str]] = [
        decoding(transcript, row)
        for transcript in outputs
        for row in range(len(transcript.log_probabilities))
    ]
    return task.spoken(sequences)


@dataclass(frozen=True)
class Piece:
    """A stretch of a recording, from its frame `first` on, as the outputs hear it: of its frames
    those from `begin` to before `end` count, others are nearer to the middle of a neighbour."""

    outputs: list[Transcript]
    first: int
    begin: int
    end: int


def pieces(
    task: RecognitionTask,
    encode: Encode,
    waveform: Tensor,
    enrolled: SpeakerEncoding | None = None,
) -> list[Piece]:
    """One recording `(S,)` as `task` hears it; of frames that two pieces share, half count in
    each."""
    hop: Samples = task.core.hop
    step, half = PIECE_FRAMES - SHARED_FRAMES, SHARED_FRAMES // 2
    starts = range(0, max(1, len(waveform) - SHARED_FRAMES * hop), step * hop)
    found: list[Piece] = []
    for i, start in enumerate(starts):
        part = waveform[None, start : start + PIECE_FRAMES * hop]
        lengths = torch.tensor([part.shape[1]], device=waveform.device)
        outputs = task.transcripts(encode, part, lengths, enrolled)
        if found:
            outputs = continued(found[-1].outputs, outputs)
        frames = outputs[0].log_probabilities.shape[1]
        end = PIECE_FRAMES - half if i < len(starts) - 1 else frames
        found.append(Piece(outputs, i * step, half if i else 0, end))
    return found


def continued(before: Sequence[Transcript], outputs: Sequence[Transcript]) -> list[Transcript]:
    """The `outputs` of a piece in the order of those of the piece `before` it.

    Permutation-invariant training leaves the order of outputs open, and it may change from one
    piece to the next. Outputs continue those that they resemble in the frames that both pieces
    share: the total variation distance between the posteriors, summed over frames, is least.
    """
    if len(outputs) == 1:
        return list(outputs)
    earlier = torch.cat([t.log_probabilities[:, PIECE_FRAMES - SHARED_FRAMES :] for t in before])
    later = torch.cat([t.log_probabilities[:, :SHARED_FRAMES] for t in outputs])
    shared = min(earlier.shape[1], later.shape[1])
    distance = (earlier[:, None, :shared].exp() - later[None, :, :shared].exp()).abs().sum((2, 3))
    # where nothing tells them apart they stay as they are
    distance = distance - 1e-3 * torch.eye(len(outputs), device=distance.device)
    _, order = best_permutation(distance[None])
    return [outputs[place] for place in order[0].tolist()]


def joined(pieces: Sequence[Piece], output: int) -> Transcript:
    """One transcript of what an output makes of consecutive pieces."""
    heard = [(piece.outputs[output], slice(piece.begin, piece.end)) for piece in pieces]
    whole = torch.cat([t.log_probabilities[:, own] for t, own in heard], dim=1)
    hidden = torch.cat([t.hidden.features[:, own] for t, own in heard], dim=1)
    frames = torch.full((len(whole),), whole.shape[1], device=whole.device)
    return Transcript(whole, frames, Frames(hidden, None, heard[0][0].hidden.stride))
