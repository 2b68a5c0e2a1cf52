"""The page comes to life: which component calls what, and what becomes of a mistake.

A mistake becomes one line in the page and changes nothing else; a defect of ours becomes a line
too, and its traceback goes to the log.
"""

import functools
import logging
from collections.abc import Callable
from html import escape
from typing import Any, Literal

import gradio as gr

from tts_vae.explorer.form import FIELDS, Form
from tts_vae.explorer.happenings import Happenings, Updates
from tts_vae.explorer.notes import collected_notes
from tts_vae.explorer.open_voice import Voices
from tts_vae.explorer.page import Page
from tts_vae.explorer.session import SLOTS, Session
from tts_vae.synthesis.controls import CONTROLS

logger = logging.getLogger(__name__)

_ONE_AT_A_TIME = "voices"


def bring_to_life(blocks: gr.Blocks, page: Page, voices: Voices, keep_styles: bool) -> None:
    """Bind every component's event inside the current ``gr.Blocks``.

    Args:
        blocks: the page.
        page: its components.
        voices: who speaks.
        keep_styles: whether a saved style goes to the voice's folder.
    """
    happenings = Happenings(page, voices, keep_styles)
    form = [page.session, *(getattr(page, name) for name in FIELDS)]
    form += [*page.controls.values(), *page.dimensions]
    spoken = [page.session, page.status, page.sound, page.heard, page.recipe, page.map, page.slots]
    moved = [*spoken, page.start, page.speaker, page.calibrated, page.route]
    moved += [*page.controls.values(), *page.dimensions]
    turned = [*moved, page.colour, page.name]

    beside: dict[str, Any] = {
        "show_progress": "hidden",
        "api_visibility": "private",
        "concurrency_id": _ONE_AT_A_TIME,
        "concurrency_limit": 1,
    }
    later = [page.session, page.status, page.heard]

    def bind(
        event: Callable[..., Any],
        act: Callable[..., Any],
        *more: Any,
        outputs: list[Any] = spoken,
        silent: bool = False,
        mode: Literal["once", "always_last"] = "once",
    ) -> None:
        done = event(
            guarded(page, act),
            inputs=[*form, *more],
            outputs=outputs,
            trigger_mode=mode,
            **beside,
        )
        if not silent:
            done.then(catch_up(page), inputs=[page.session], outputs=later, **beside)

    bind(blocks.load, happenings.begin, outputs=turned)
    bind(page.voice.select, happenings.turn_to, page.voice, outputs=turned)
    for event in (page.text.submit, page.speak.click, page.speaker.select, page.seed.submit):
        bind(event, happenings.speak)
    for component in (page.calibrated, page.route):
        bind(component.input, happenings.speak)
    for slider in (*page.controls.values(), *page.dimensions):
        bind(slider.release, happenings.speak, mode="always_last")
    bind(page.rest.click, happenings.rest, outputs=moved)
    bind(page.centre.click, happenings.centre, outputs=moved)
    bind(page.start.select, happenings.start_from, page.start, outputs=moved)
    bind(page.map.click, happenings.click, outputs=moved)
    bind(page.draw.click, happenings.draw, outputs=moved)
    bind(page.colour.select, happenings.colour, silent=True)
    for event in (page.reference.upload, page.reference.stop_recording):
        bind(event, happenings.take, page.reference, outputs=moved)
    for slot in SLOTS:
        bind(page.keep[slot].click, functools.partial(happenings.keep, slot), silent=True)
        bind(page.recall[slot].click, functools.partial(happenings.recall, slot), outputs=moved)
    bind(page.step.release, happenings.between, page.step, mode="always_last")
    bind(page.path.select, happenings.between, page.step)
    bind(page.play_all.click, happenings.play_all)
    for event in (page.save.click, page.name.submit):
        bind(event, happenings.save, page.name, outputs=turned, silent=True)


def guarded(page: Page, act: Callable[..., Updates]) -> Callable[..., Updates]:
    """Read the form, act, and turn what goes wrong into a line.

    What takes its time without being waited for, a function in place of a component's value, is
    left in the session for :func:`catch_up`.
    """

    def happen(event: gr.EventData, session: Session, *values: Any) -> Updates:
        read = len(FIELDS) + len(CONTROLS) + len(page.dimensions)
        session.later = {}
        updates, said = _attempt(
            lambda: act(session, Form.read(values[:read]), *values[read:], event)
        )
        session.later = {c: value for c, value in updates.items() if callable(value)}
        shown = {c: value for c, value in updates.items() if c not in session.later}
        return {page.session: session, page.status: said, **shown}

    return happen


def catch_up(page: Page) -> Callable[[Session], Updates]:
    """Work out what was left for later, once the page shows all else."""

    def happen(session: Session) -> Updates:
        left, session.later = session.later, {}
        updates, said = _attempt(lambda: {c: work() for c, work in left.items()})
        return {page.session: session, **updates, **({page.status: said} if "line" in said else {})}

    return happen


def _attempt(act: Callable[[], Updates]) -> tuple[Updates, str]:
    """What changes, and what is to be said of it, as HTML; nothing changes after a mistake."""
    updates: Updates = {}
    with collected_notes() as notes:
        try:
            updates = act()
            kind, lines = "note", notes
        except (ValueError, ImportError) as error:
            kind, lines = "error", [" ".join(str(error).split()) or type(error).__name__]
        except Exception as error:
            logger.exception("a request of the page failed")
            what = f"Something went wrong here ({type(error).__name__}); see the terminal."
            kind, lines = "error", [what]
    said = "".join(f'<div class="line {kind}">{escape(line)}</div>' for line in lines)
    return updates, f'<div role="{"alert" if kind == "error" else "status"}">{said}</div>'
