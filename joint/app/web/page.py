"""The page: a choice of the checkpoint, and a tab for each task."""

import gradio as gr

from joint.app.limits import WAITING
from joint.app.web.building import Page
from joint.app.web.service import Service
from joint.app.web.tabs import TABS

KEPT_SECONDS = 1800
"""A temporary file that is older is deleted; an hour's visitors do not fill the disk."""

LOOKED_AT_EVERY = 60


def build_page(service: Service, waiting: int = WAITING) -> gr.Blocks:
    """The page of a service. A request is refused while so many others are `waiting`."""
    choices = list(service.models)
    with gr.Blocks(
        title="joint",
        analytics_enabled=False,
        delete_cache=(LOOKED_AT_EVERY, KEPT_SECONDS),
    ) as blocks:
        gr.Markdown("# joint speaker modelling\nOne speaker encoder, many tasks.")
        page = Page(service, blocks, gr.Dropdown(choices, value=choices[0], label="Checkpoint"))
        for tab in TABS:
            with gr.Tab(tab.TITLE):
                tab.build(page)
        page.refresh(blocks.load)
    blocks.queue(max_size=waiting)
    return blocks
