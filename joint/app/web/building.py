"""What the tabs build their parts of the page with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gradio as gr

from joint.app.web.answering import answered
from joint.app.web.service import Service

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel

WhyNot = Callable[[Service, "SpeakerModel"], str | None]
"""Why a tab cannot work with a model; None where it can."""


@dataclass
class Page:
    """The page while it is built: what all tabs share."""

    service: Service
    blocks: gr.Blocks
    checkpoint: gr.Dropdown
    names: list[gr.Dropdown] = field(default_factory=list)

    def name(self, label: str = "or a person of the speaker database") -> gr.Dropdown:
        """An input: a person of the speaker database, or none; hidden without a database."""
        visible = self.service.database is not None
        known = gr.Dropdown([], value=None, label=label, visible=visible)
        self.names.append(known)
        return known

    def button(
        self,
        label: str,
        function: Callable[..., Any],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        why_not: WhyNot | None = None,
        changes_names: bool = False,
    ) -> None:
        """A button that calls `function(service, model, *inputs)`; out of use, with the reason
        above it, while the checkpoint cannot do it."""
        service = self.service

        def state(checkpoint: str) -> tuple[Any, Any]:
            reason = why_not(service, service.models[checkpoint]) if why_not else None
            return (
                gr.update(value=reason or "", visible=bool(reason)),
                gr.update(interactive=not reason),
            )

        def call(checkpoint: str, *values: Any) -> Any:
            return function(service, service.models[checkpoint], *values)

        reason = why_not(service, service.models[self.checkpoint.value]) if why_not else None
        notice = gr.Markdown(reason or "", visible=bool(reason))
        button = gr.Button(label, variant="primary", interactive=not reason)
        call.__name__ = call.__qualname__ = function.__name__
        event = button.click(
            answered(call),
            [self.checkpoint, *inputs],
            list(outputs),
            api_name=function.__name__,
            concurrency_id="models",
            concurrency_limit=1,
        )
        if changes_names:
            self.refresh(event.success)
        if why_not:
            self.checkpoint.change(
                state, self.checkpoint, [notice, button], api_visibility="private"
            )

    def refresh(self, event: Callable[..., Any]) -> None:
        """After `event`, offer the people who are in the database now."""

        def known() -> list[Any]:
            choices = [("", None), *((name, name) for name in self.service.speakers())]
            return [gr.update(choices=choices, value=None) for _ in self.names]

        event(known, None, self.names, api_visibility="private")
