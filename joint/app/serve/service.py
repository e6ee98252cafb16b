"""The HTTP service: its routes, and how it is run."""

import json
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import FastAPI, File, Form, Request, Response, UploadFile
from starlette.middleware.trustedhost import TrustedHostMiddleware

import joint
from joint.app.serve.admission import Admission, Gate
from joint.app.serve.answering import Service
from joint.app.serve.answers import (
    Diarized,
    Embeddings,
    Health,
    Identified,
    Scored,
    SpokenTurn,
    Transcribed,
    Verified,
)
from joint.app.serve.errors import answer_errors
from joint.app.serve.worker import Worker
from joint.data.choices import Pipeline
from joint.units import Seconds

LAST_ANSWERS: Seconds = 30.0
"""Given to requests that are inside when the server is told to stop."""

Recording = Annotated[UploadFile, File(description="A recording: WAV, FLAC, Ogg, MP3, …")]
Enrollments = Annotated[
    list[UploadFile] | None, File(description="Recordings in which only one known person talks.")
]
Threshold = Annotated[
    float | None,
    Form(ge=-1, le=1, description="The least cosine; by default the checkpoint's own."),
]
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/json": {"example": {"error": "…"}}}}
    for status, text in (
        (408, "A request that does not arrive in time"),
        (413, "A request that is too large, or recordings that are too long"),
        (415, "No form with files"),
        (422, "A recording or a value that cannot be used"),
        (501, "The checkpoint has no such task, or the server no speaker database"),
        (503, "The queue is full: try again later"),
        (507, "The server's disk is full"),
    )
}

SPEECH: dict[str, Any] = {
    "content": {"audio/wav": {}},
    "description": "The speech at 16 kHz, as long as the mixture",
}


def create_app(service: Service, places: int = 64, hosts: Sequence[str] = ("*",)) -> FastAPI:
    """The application of a `service`, with `places` for requests that wait or are computed; it
    answers to the names `hosts` alone."""
    gate, worker = Gate(places, service.limits.megabytes), Worker()
    app = FastAPI(
        title="joint speaker modelling",
        version=joint.__version__,
        description="One speaker encoder, many tasks. Recordings are sent as a form with files; "
        'an error is answered as `{"error": "where: found …; expected …"}`.',
    )
    answer_errors(app)
    app.add_middleware(Admission, gate=gate)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    post = partial(app.post, responses=REFUSALS)

    @app.get("/health")
    async def health() -> Health:
        """The state of the server; it answers at once, also while others wait."""
        model = service.model
        tasks, there = list(model.model.tasks), service.database is not None
        inside = gate.inside
        name = model.identity.name
        return Health("ok", joint.__version__, name, tasks, there, inside, places)

    @post("/embed")
    async def embed(
        request: Request, recordings: Annotated[list[UploadFile], File()]
    ) -> Embeddings:
        """The speaker embedding of each recording."""
        found, notes = await worker(request, partial(service.embed, recordings))
        encoder = service.model.identity.fingerprint
        return Embeddings(found.tolist(), found.shape[1], encoder, notes)

    @post("/verify")
    async def verify(
        request: Request, first: Recording, second: Recording, threshold: Threshold = None
    ) -> Verified:
        """Whether one speaker talks in both recordings."""
        compute = partial(service.verify, first, second, threshold)
        found, notes = await worker(request, compute)
        return Verified(**asdict(found), warnings=notes)

    @post("/identify")
    async def identify(
        request: Request,
        recording: Recording,
        threshold: Threshold = None,
        top: Annotated[int, Form(ge=1, description="The number of candidates to list.")] = 5,
    ) -> Identified:
        """Which person of the speaker database talks in a recording."""
        found, notes = await worker(request, partial(service.identify, recording, threshold))
        best = [Scored(**asdict(candidate)) for candidate in found.candidates[:top]]
        return Identified(found.speaker, found.threshold, best, notes)

    @app.post("/extract", response_class=Response, responses={200: SPEECH, **REFUSALS})
    async def extract(
        request: Request,
        mixture: Recording,
        enrollment: Enrollments = None,
        name: Annotated[str | None, Form(description="A person of the speaker database.")] = None,
    ) -> Response:
        """The speech of one person out of a mixture, as a WAV file. The headers `X-Presence` and
        `X-Present` say whether the person is in the mixture, `X-Warnings` is a list in JSON."""
        compute = partial(service.extract, mixture, enrollment or [], name)
        (content, headers), notes = await worker(request, compute)
        headers["X-Warnings"] = json.dumps(notes)
        return Response(content, media_type="audio/wav", headers=headers)

    @post("/diarize")
    async def diarize(
        request: Request,
        recording: Recording,
        speakers: Annotated[
            int | None, Form(ge=1, description="Their number; by default it is estimated.")
        ] = None,
        threshold: Threshold = None,
        pipeline: Annotated[
            Pipeline, Form(description="As `joint diarize --pipeline`; others need a head.")
        ] = Pipeline.CLUSTERING,
    ) -> Diarized:
        """Who speaks when; people of the speaker database get their names."""
        compute = partial(service.diarize, recording, speakers, threshold, pipeline)
        found, notes = await worker(request, compute)
        return Diarized([SpokenTurn.of(turn) for turn in found], notes)

    @post("/transcribe")
    async def transcribe(
        request: Request,
        recording: Recording,
        enrollment: Enrollments = None,
        mode: Annotated[Literal["single", "simo", "siso", "target"] | None, Form()] = None,
        threshold: Threshold = None,
        turns: Annotated[bool, Form(description="Also give turns with their times.")] = False,
    ) -> Transcribed:
        """The words of each speaker. Enrolled people have the names of their files, else those of
        the speaker database."""
        asked = recording, enrollment or [], mode, threshold, turns
        (words, found), notes = await worker(request, partial(service.transcribe, *asked))
        spoken = None if found is None else [SpokenTurn.of(turn) for turn in found]
        return Transcribed(words, spoken, notes)

    return app


def run(app: FastAPI, listener: socket.socket) -> None:
    """Serve `app` on a listening socket until the process is told to stop.

    Then no request is let in any more, and those inside are answered, within LAST_ANSWERS. The
    process ends with code 0 on SIGTERM, and 130 on Ctrl-C.
    """
    # uvicorn repeats the signal when it has stopped. What is still being computed then is an answer
    # that was given up, and nothing waits for its thread.
    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        signal.signal(number, lambda *_, code=code: os._exit(code))
    settings = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=round(LAST_ANSWERS),
    )
    uvicorn.Server(settings).run(sockets=[listener])
