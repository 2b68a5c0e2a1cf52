"""The layout of the page: every component in its place, and nothing that happens to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tts_vae.explorer.answer import STEPS
from tts_vae.explorer.dimensions import REACH_SD
from tts_vae.explorer.limits import LONGEST_S, MAX_CHARACTERS, SHORTEST_S
from tts_vae.explorer.look import COPY_SCRIPT, MAP_SCRIPT, SOUND_SCRIPT
from tts_vae.explorer.measuring import NAMES
from tts_vae.synthesis.controls import CONTROLS

SAMPLE_TEXT = "The old woman carried seven yellow apples to the market, and nobody bought them."

RANGES = {
    "pitch_st": (-12.0, 12.0, 0.5),
    "pitch_range": (0.25, 2.5, 0.05),
    "rate": (0.5, 2.0, 0.05),
    "energy_db": (-12.0, 12.0, 0.5),
    "pause": (0.25, 4.0, 0.05),
}
"""Control -> lowest, highest and step of its slider."""

ELSEWHERE = "elsewhere"
PATHS = ("linear", "spherical", "ridge")


@dataclass(frozen=True)
class Page:
    """The components, by what they are for."""

    session: gr.State
    text: gr.Textbox
    speak: gr.Button
    voice: gr.Dropdown
    speaker: gr.Dropdown
    status: gr.HTML
    sound: gr.HTML
    controls: dict[str, gr.Slider]
    calibrated: gr.Checkbox
    route: gr.Radio
    rest: gr.Button
    heard: gr.HTML
    start: gr.Dropdown
    draw: gr.Button
    colour: gr.Dropdown
    map: gr.HTML
    dimensions: list[gr.Slider]
    centre: gr.Button
    reference: gr.Audio
    keep: dict[str, gr.Button]
    recall: dict[str, gr.Button]
    slots: gr.HTML
    step: gr.Slider
    path: gr.Dropdown
    play_all: gr.Button
    name: gr.Textbox
    save: gr.Button
    recipe: gr.HTML
    seed: gr.Number
    autoplay: gr.Checkbox


def lay_out(session: Any, voices: Sequence[tuple[str, str]], widest: int) -> Page:
    """Lay out the page inside the current ``gr.Blocks``.

    Args:
        session: first state of every tab.
        voices: (title, name) of each, the first one first.
        widest: sliders for dimensions: as many as the widest voice has.
    """
    made: dict[str, Any] = {"session": gr.State(session)}
    gr.HTML(
        "<h1>tts_vae explorer</h1><p>Choose a style, hear it, and see what was measured. "
        "Everything stays on this machine.</p>",
        apply_default_css=False,
        elem_id="heading",
    )
    with gr.Row():
        with gr.Column(scale=3, min_width=280):
            made["text"] = gr.Textbox(
                SAMPLE_TEXT,
                label="Text or SSML",
                lines=2,
                max_lines=6,
                max_length=MAX_CHARACTERS,
                info=f"up to {MAX_CHARACTERS:,} characters; Shift+Enter speaks",
                elem_id="text",
            )
        with gr.Column(scale=1, min_width=280):
            with gr.Row():
                made["voice"] = gr.Dropdown(
                    list(voices), value=voices[0][1], label="Voice", min_width=120, elem_id="voice"
                )
                made["speaker"] = gr.Dropdown([], label="Speaker", min_width=100, elem_id="speaker")
            made["speak"] = gr.Button("Speak", variant="primary", elem_id="speak")
    made["status"] = gr.HTML("", apply_default_css=False, elem_id="status")
    made["sound"] = gr.HTML("", apply_default_css=False, elem_id="sound", js_on_load=SOUND_SCRIPT)
    with gr.Row():
        with gr.Column(min_width=280, elem_classes="sliders"):
            made |= _controls()
        with gr.Column(min_width=280):
            made |= _map()
    made |= _dimensions(widest)
    with gr.Row():
        with gr.Column(min_width=280):
            made |= _slots()
        with gr.Column(min_width=280):
            made |= _reference_and_names()
    with gr.Accordion("Make this sound again", open=True):
        made["recipe"] = gr.HTML(
            "", apply_default_css=False, elem_id="recipe", js_on_load=COPY_SCRIPT
        )
        with gr.Row():
            made["seed"] = gr.Number(0, label="Seed", precision=0, elem_id="seed")
            made["autoplay"] = gr.Checkbox(True, label="Play every new sound", elem_id="autoplay")
    return Page(**made)


def _controls() -> dict[str, Any]:
    gr.Markdown("### Ask for")
    sliders = {}
    for name, (low, high, step) in RANGES.items():
        scale = CONTROLS[name]
        unit = "×" if scale.factor else scale.unit
        sliders[name] = gr.Slider(
            low, high, scale.usual, step=step, label=f"{NAMES[name]} ({unit})", elem_id=name
        )
    with gr.Row():
        calibrated = gr.Checkbox(True, label="calibrated", min_width=110, elem_id="calibrated")
        route = gr.Radio(
            ["explicit", "latent"], value="explicit", label="Route", min_width=170, elem_id="route"
        )
    rest = gr.Button("All controls at rest", size="sm", elem_id="rest")
    heard = gr.HTML("", apply_default_css=False, elem_id="heard")
    return {
        "controls": sliders,
        "calibrated": calibrated,
        "route": route,
        "rest": rest,
        "heard": heard,
    }


def _map() -> dict[str, Any]:
    gr.Markdown("### Start from")
    with gr.Row():
        start = gr.Dropdown([], label="Style", min_width=180, elem_id="start")
        colour = gr.Dropdown([], label="Colour the map by", min_width=150, elem_id="colour")
    picture = gr.HTML("", apply_default_css=False, elem_id="map", js_on_load=MAP_SCRIPT)
    draw = gr.Button("Draw one from the prior", size="sm", elem_id="draw")
    return {"start": start, "colour": colour, "map": picture, "draw": draw}


def _dimensions(widest: int) -> dict[str, Any]:
    gr.Markdown("### Move along a dimension (in standard deviations of the prior)")
    with gr.Row(elem_classes="sliders dimensions"):
        sliders = [
            gr.Slider(
                -REACH_SD,
                REACH_SD,
                0,
                step=0.1,
                label=f"dimension {index}",
                visible=False,
                min_width=230,
                elem_id=f"dimension-{index}",
            )
            for index in range(widest)
        ]
    centre = gr.Button("All dimensions to 0", size="sm", elem_id="centre")
    return {"dimensions": sliders, "centre": centre}


def _slots() -> dict[str, Any]:
    gr.Markdown("### Between two styles")
    keep, recall = {}, {}
    with gr.Row():
        for slot in ("A", "B"):
            keep[slot] = gr.Button(
                f"Keep as {slot}", size="sm", min_width=80, elem_id=f"keep-{slot}"
            )
            recall[slot] = gr.Button(
                f"Back to {slot}", size="sm", min_width=80, elem_id=f"recall-{slot}"
            )
    slots = gr.HTML("", apply_default_css=False, elem_id="slots")
    step = gr.Slider(0, STEPS - 1, 0, step=1, label="step from A to B", elem_id="step")
    with gr.Row():
        path = gr.Dropdown(list(PATHS), value="linear", label="Path", min_width=120, elem_id="path")
        play_all = gr.Button(f"Play all {STEPS} steps", min_width=120, elem_id="play-all")
    return {
        "keep": keep,
        "recall": recall,
        "slots": slots,
        "step": step,
        "path": path,
        "play_all": play_all,
    }


def _reference_and_names() -> dict[str, Any]:
    gr.Markdown("### Take or keep a style")
    reference = gr.Audio(
        sources=["upload", "microphone"],
        type="filepath",
        label=f"Style of a recording ({SHORTEST_S:g} to {LONGEST_S:g} s)",
        editable=False,
        buttons=[],
        elem_id="reference",
    )
    with gr.Row():
        name = gr.Textbox(
            label="Save this style as", max_length=40, placeholder="cheerful", elem_id="name"
        )
        save = gr.Button("Save", min_width=80, elem_id="save")
    return {"reference": reference, "name": name, "save": save}
