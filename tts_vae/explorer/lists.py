"""What the page's lists say: where a style may start, who may speak, what is kept as A and B."""

from html import escape

from tts_vae.explorer.choice import Choice
from tts_vae.explorer.form import AS_RECORDED
from tts_vae.explorer.open_voice import OpenVoice
from tts_vae.explorer.page import ELSEWHERE
from tts_vae.explorer.session import SLOTS, Session
from tts_vae.synthesis.controls import CONTROLS


def start_names(session: Session, voice: OpenVoice) -> list[tuple[str, str]]:
    """(label, value) of every place where a style may start."""
    names = dict.fromkeys([*voice.saved, *session.named])
    return [
        ("usual style", "usual"),
        *((label, f"component:{k}") for k, label in voice.components.items()),
        *((f"saved: {name}", f"saved:{name}") for name in names),
        ("elsewhere: map, draw or recording", ELSEWHERE),
    ]


def speaker_names(session: Session, voice: OpenVoice) -> list[str]:
    """Who may speak: the voice's speakers, and that of the last recording."""
    names = list(voice.speakers)
    return [*names, AS_RECORDED] if session.recorded is not None and len(names) > 1 else names


def slot_rows(session: Session) -> str:
    """What is kept as A and B, as HTML."""
    rows = (f"<div><b>{s}</b> {escape(summary(session.slots.get(s)))}</div>" for s in SLOTS)
    return f'<div class="slots">{"".join(rows)}</div>'


def summary(choice: Choice | None) -> str:
    """A style in one line."""
    if choice is None:
        return "nothing kept yet"
    asked = ", ".join(
        f"{name.removesuffix('_st').removesuffix('_db').replace('_', ' ')} "
        + (f"×{value:g}" if CONTROLS[name].factor else f"{value:+g} {CONTROLS[name].unit}")
        for name, value in choice.controls.items()
    )
    who = AS_RECORDED if choice.recorded else choice.speaker
    moved = "dimensions moved" if choice.shifts else ""
    return ", ".join(part for part in (who, choice.start.label, moved, asked) if part)
