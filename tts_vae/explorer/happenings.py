"""What a reader can do on the page: one method for each, of this tab's session and components."""

from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr

from tts_vae.explorer.answer import STEPS, Answer, answer, answer_steps
from tts_vae.explorer.choice import Choice, Start
from tts_vae.explorer.form import AS_RECORDED, Form, sliders_of
from tts_vae.explorer.lists import slot_rows, speaker_names, start_names
from tts_vae.explorer.map_svg import map_svg
from tts_vae.explorer.open_voice import OpenVoice, Voices
from tts_vae.explorer.page import ELSEWHERE, Page
from tts_vae.explorer.recipe_lines import Between
from tts_vae.explorer.session import SLOTS, Session
from tts_vae.explorer.taking import keep_style, saved_words, take_recording
from tts_vae.synthesis.calibration import Calibration
from tts_vae.synthesis.controls import CONTROLS

Updates = dict[Any, Any]


class Happenings:
    """One method for each thing a reader can do; each returns the components that change.

    Args:
        page: the components.
        voices: who speaks.
        keep_styles: whether a saved style goes to the voice's folder.
    """

    def __init__(self, page: Page, voices: Voices, keep_styles: bool) -> None:
        self._page = page
        self._voices = voices
        self._keep_styles = keep_styles

    def begin(self, session: Session, form: Form, event: Any) -> Updates:
        """A new tab: the first voice, silent."""
        return self._turn(session, form, autoplay=False)

    def turn_to(self, session: Session, form: Form, voice: str, event: Any) -> Updates:
        """Another voice."""
        self._voices.open(voice)  # before anything is forgotten
        session.enter(voice)
        return self._turn(session, form, autoplay=form.autoplay)

    def speak(self, session: Session, form: Form, event: Any) -> Updates:
        """Speak with everything as it stands."""
        return self._speak(session, form, form.choice(session, self._open(session)))

    def rest(self, session: Session, form: Form, event: Any) -> Updates:
        """All physical controls at rest."""
        return self._move(session, form, form.choice(session, self._open(session)).at_rest())

    def centre(self, session: Session, form: Form, event: Any) -> Updates:
        """All dimensions where the style starts."""
        return self._go(session, form, session.start)

    def start_from(self, session: Session, form: Form, start: str, event: Any) -> Updates:
        """The usual style, a component or a saved style."""
        voice = self._open(session)
        kind, _, name = start.partition(":")
        if kind == ELSEWHERE:
            return {}
        if kind == "component":
            label = voice.components[int(name)]
            return self._go(session, form, Start(label, {"component": int(name)}), start)
        if kind == "saved":
            words = saved_words(session, voice, name)
            return self._recall(session, form, voice, words, f"saved style {name}", start)
        return self._go(session, form, Start(), start)

    def click(self, session: Session, form: Form, event: gr.EventData) -> Updates:
        """A place on the map."""
        voice = self._open(session)
        if voice.map is None:
            raise ValueError("This voice has no map: use the sliders.")
        start = voice.map.click(float(event.x), float(event.y))
        component = start.words.get("component")
        return self._go(
            session, form, start, ELSEWHERE if component is None else f"component:{component}"
        )

    def draw(self, session: Session, form: Form, event: Any) -> Updates:
        """Another draw from the prior."""
        return self._go(session, form, session.draw())

    def colour(self, session: Session, form: Form, event: Any) -> Updates:
        """Another colouring of the map."""
        style = form.choice(session, self._open(session))
        return {self._page.map: self._map(session, form, style)}

    def take(self, session: Session, form: Form, path: str | None, event: Any) -> Updates:
        """The style of a recording."""
        if path is None:
            return {}
        voice = self._open(session)
        session.recorded, start = take_recording(voice, path)
        updates = self._go(session, form, start)
        return {**updates, self._page.speaker: self._speakers(session, voice, form.speaker)}

    def keep(self, slot: str, session: Session, form: Form, event: Any) -> Updates:
        """The style in hand becomes A or B."""
        choice = form.choice(session, self._open(session))
        choice.style(self._open(session).voice)  # a style that cannot be made is not kept
        session.slots[slot] = choice
        return {
            self._page.map: self._map(session, form, choice),
            self._page.slots: slot_rows(session),
        }

    def recall(self, slot: str, session: Session, form: Form, event: Any) -> Updates:
        """A or B becomes the style in hand."""
        choice = self._slot(session, slot)
        session.start = choice.start
        session.recorded = choice.recorded or session.recorded
        return self._move(session, form, choice)

    def between(self, session: Session, form: Form, step: float, event: Any) -> Updates:
        """One step from A to B."""
        return self._speak(session, form, self._way(session, form, round(step)))

    def play_all(self, session: Session, form: Form, event: Any) -> Updates:
        """Every step from A to B."""
        way = self._way(session, form, 0)
        request = form.request(self._voices, session, way)
        said = answer_steps(self._open(session), request, way, form.autoplay)
        return self._shown(said)

    def save(self, session: Session, form: Form, name: str | None, event: Any) -> Updates:
        """Give the style in hand a name."""
        voice = self._open(session)
        choice = form.choice(session, voice)
        line = keep_style(session, voice, name or "", choice, self._keep_styles)
        said = f'<div role="status"><div class="line">{escape(line)}</div></div>'
        starts = gr.update(choices=start_names(session, voice))
        return {self._page.start: starts, self._page.name: "", self._page.status: said}

    def _open(self, session: Session) -> OpenVoice:
        return self._voices.open(session.voice)

    def _way(self, session: Session, form: Form, step: int) -> Between:
        a, b = (self._slot(session, slot) for slot in SLOTS)
        return Between(a, b, step, STEPS, form.path)

    @staticmethod
    def _slot(session: Session, slot: str) -> Choice:
        if slot not in session.slots:
            raise ValueError(f"There is no style {slot} yet: make one and press Keep as {slot}.")
        return session.slots[slot]

    def _turn(self, session: Session, form: Form, autoplay: bool) -> Updates:
        """Everything anew for the session's voice."""
        page, voice = self._page, self._open(session)
        speaker = voice.speakers[0] if voice.speakers else None
        colours = list(voice.map.points.attributes) if voice.map else []
        form = Form.read(
            [form.text, speaker, colours[0] if colours else None, True, "explicit"]
            + [form.seed, form.path, autoplay]
            + [scale.usual for scale in CONTROLS.values()]
        )
        updates = self._move(session, form, form.choice(session, voice))
        sliders = zip(page.dimensions, voice.dimensions, strict=False)
        labels = {s: gr.update(label=d.label, value=0, visible=True) for s, d in sliders}
        hidden = page.dimensions[len(voice.dimensions) :]
        known = voice.voice.bundle
        return {
            **updates,
            **labels,
            **{slider: gr.update(visible=False, value=0) for slider in hidden},
            page.speaker: self._speakers(session, voice, speaker),
            page.start: gr.update(choices=start_names(session, voice), value="usual"),
            page.colour: gr.update(choices=colours, value=form.colour, visible=len(colours) > 1),
            page.calibrated: gr.update(value=True, visible=Calibration.of(known) is not None),
            page.route: gr.update(value="explicit", visible="directions" in known.styles),
            page.slots: slot_rows(session),
        }

    def _go(self, session: Session, form: Form, start: Start, shown: str = ELSEWHERE) -> Updates:
        """Start elsewhere, no dimension moved; controls and speaker stay."""
        voice = self._open(session)
        before = form.choice(session, voice)
        choice = Choice(before.speaker, start, (), before.controls, before.more, before.recorded)
        updates = self._move(session, form, choice, shown)
        session.start = start
        return updates

    def _recall(
        self,
        session: Session,
        form: Form,
        voice: OpenVoice,
        words: Mapping[str, Any],
        label: str,
        shown: str,
    ) -> Updates:
        """A saved style: its controls to the sliders, the rest to where the style starts."""
        speaker = words.get("speaker", form.speaker)
        controls = {name: words[name] for name in CONTROLS if name in words}
        beside = {"speaker", "route", "calibrated", *CONTROLS}
        start = Start(label, {word: v for word, v in words.items() if word not in beside})
        speaker = None if speaker == AS_RECORDED else speaker
        more = {word: words[word] for word in ("route", "calibrated") if word in words}
        updates = self._move(session, form, Choice(speaker, start, (), controls, more), shown)
        session.start = start
        return updates

    def _move(
        self, session: Session, form: Form, choice: Choice, shown: str | None = None
    ) -> Updates:
        """Speak a style and put it into the sliders."""
        page, voice = self._page, self._open(session)
        updates = self._speak(session, form, choice)
        controls, shifts = sliders_of(voice, choice)
        updates |= {page.controls[name]: value for name, value in controls.items()}
        updates |= dict(zip(page.dimensions, shifts, strict=False))
        if choice.recorded is None and choice.speaker is not None:
            updates[page.speaker] = choice.speaker
        if choice.more:
            updates[page.route] = choice.more.get("route", "explicit")
            updates[page.calibrated] = choice.more.get("calibrated", True)
        if shown is not None:
            updates[page.start] = shown
        return updates

    def _speak(self, session: Session, form: Form, style: Choice | Between) -> Updates:
        request = form.request(self._voices, session, style)
        said = answer(self._open(session), request, form.autoplay)
        return {**self._shown(said), self._page.map: self._map(session, form, style)}

    def _shown(self, said: Answer) -> Updates:
        page = self._page
        return {page.sound: said.sound, page.heard: said.heard, page.recipe: said.recipe}

    def _map(self, session: Session, form: Form, style: Choice | Between) -> str:
        voice = self._open(session)
        if voice.map is None or voice.voice.prosody_site is None:
            return '<p class="map-note">This voice has no prosody to map.</p>'
        site = voice.voice.prosody_site
        shown: dict[str, Choice | Between] = {**session.slots, "": style}
        marks = {
            name: voice.map.place(voice.style(each).values[site]) for name, each in shown.items()
        }
        note = f'<p class="map-note">{escape(voice.map.points.source)}. Click anywhere.</p>'
        return map_svg(voice.map, form.colour or "", marks) + note

    @staticmethod
    def _speakers(session: Session, voice: OpenVoice, speaker: str | None) -> Any:
        names = speaker_names(session, voice)
        return gr.update(choices=names, value=speaker, visible=len(names) > 1)
