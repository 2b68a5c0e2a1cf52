"""The command that walks through styles: between two, among four, along one latent dimension."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tts_vae.cli.options import (
    SeedOption,
    TextArgument,
    ThreadsOption,
    VocoderOption,
    VoiceOption,
    progress,
    read_text,
)
from tts_vae.cli.running import say

if TYPE_CHECKING:
    from tts_vae.synthesis.voice import Voice
    from tts_vae.synthesis.walks import Walk

_Corners = tuple[str, str, str, str]


def interpolate(
    text: TextArgument,
    out: Annotated[Path, typer.Option(help="Folder for 00.wav, 00.TextGrid, ..., index.html")],
    start: Annotated[
        str | None, typer.Option("--from", help="Style: component=3,pitch_st=2,...")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Style, in the same words.")] = None,
    voice: VoiceOption = None,
    steps: Annotated[
        int | None,
        typer.Option(help="How many, both ends included: 9, 7 for --traverse, 5 x 5 for --grid."),
    ] = None,
    path: Annotated[
        Literal["linear", "spherical", "ridge"],
        typer.Option(
            help="Straight, about the prior's mean, or where a mixture's density is high."
        ),
    ] = "linear",
    site: Annotated[
        str | None, typer.Option(help="The only latent site that moves: prosody or speaker.")
    ] = None,
    within: Annotated[
        bool, typer.Option("--within", help="Glide from first to last phone of the text.")
    ] = False,
    grid: Annotated[
        _Corners | None, typer.Option("--grid", help="Four styles, the corners of a square.")
    ] = None,
    traverse: Annotated[
        int | None, typer.Option("--traverse", help="Dimension to move, about the style --from.")
    ] = None,
    sd: Annotated[
        float | None, typer.Option(help="With --traverse: standard deviations either way, 3.")
    ] = None,
    page: Annotated[
        bool, typer.Option("--page/--no-page", help="Measure every sound, write index.html.")
    ] = True,
    vocoder: VocoderOption = None,
    seed: SeedOption = 0,
    threads: ThreadsOption = None,
) -> None:
    """Speak a text at equal steps between styles, with a TextGrid each and a page to listen to."""
    from tts_vae.synthesis.style_words import parse_style

    _check_mode(start, end, steps, path, site, within, grid, traverse, sd)
    named = list(grid) if grid is not None else [start or "", end or ""]
    words = [parse_style(style) for style in named]

    from tts_vae.synthesis.speech import check_writable
    from tts_vae.synthesis.voice import Voice
    from tts_vae.synthesis.walks import (
        along_dimension,
        grid_between,
        steps_between,
        within_text,
    )

    check_writable(out / "00.wav")
    loaded = Voice.load(voice, vocoder=vocoder, threads=threads)
    text = read_text(text)
    styles = [loaded.style(**chosen) for chosen in words]
    if grid is not None:
        walk = grid_between(loaded, styles, 5 if steps is None else steps)
    elif traverse is not None:
        many, far = 7 if steps is None else steps, 3.0 if sd is None else sd
        walk = along_dimension(loaded, styles[0], traverse, far, many, site)
    elif within:
        walk = within_text(loaded, text, styles[0], styles[1], path, site)
    else:
        many = 9 if steps is None else steps
        walk = steps_between(loaded, styles[0], styles[1], many, path, site)
    options: dict[str, Any] = {"--voice": voice, "--grid": grid, "--traverse": traverse, "--sd": sd}
    options |= {"--from": start, "--to": end, "--steps": steps, "--site": site}
    options |= {"--path": path if path != "linear" else None, "--within": within}
    options |= {"--vocoder": vocoder, "--seed": seed or None, "--out": out}
    about: dict[str, Any] = {
        "text": text,
        "voice": str(voice) if voice is not None else "default",
        "seed": seed,
        "kind": walk.kind,
        "title": walk.title,
        "ends": [str(style) for style in (styles[:1] if traverse is not None else styles)],
        "command": _command(text, options),
    }
    _speak(loaded, text, walk, out, seed, about, page)


def _speak(
    voice: "Voice",
    text: str,
    walk: "Walk",
    out: Path,
    seed: int,
    about: dict[str, Any],
    page: bool,
) -> None:
    """Every stop as it is spoken, then what needs all of them."""
    from tts_vae.synthesis.textgrid import words_in
    from tts_vae.synthesis.walk_files import write_recipes, write_stop
    from tts_vae.synthesis.walks import speak_walk

    spoken = speak_walk(voice, text, walk, seed)
    listener = _listener(voice) if page else None
    words = words_in(voice, text)
    records: list[dict[str, Any]] = []
    heard = []
    for stop, speech in progress(spoken, len(walk.stops), "Speaking"):
        record = write_stop(out, voice, stop, speech, words)
        at = f"step {stop.at[0]:.3f}" if walk.kind == "steps" else stop.title
        typer.echo(f"{out / record['wav']}: {at}, {speech.duration_s:.2f} s")
        if listener is not None:
            heard.append(listener.hear(stop, speech))
            record["attributes"] = heard[-1].numbers()
        records.append(record)
    if listener is None:
        typer.echo(f"{write_recipes(out, about, records)}: recipes")
        return
    from tts_vae.evaluation.pages.interpolation_page import write_interpolation_page
    from tts_vae.evaluation.pages.walk_hearing import evenness

    if walk.kind in ("steps", "traversal"):
        about["evenness"] = evenness(heard)
    typer.echo(f"{write_recipes(out, about, records)}: recipes and attributes")
    written = write_interpolation_page(
        out,
        walk,
        heard,
        text=text,
        lead=_lead(walk, about["ends"]),
        hop_s=voice.bundle.mel.hop_length / voice.sample_rate,
        command=about["command"],
        recipes=records,
    )
    typer.echo(f"{written}: page")


def _listener(voice: "Voice") -> Any:
    """What measures the sounds; None, with a line that says so, where its package is missing."""
    from tts_vae.evaluation.pages.walk_hearing import Listener

    try:
        return Listener(voice)
    except (ImportError, ValueError) as error:
        say(f"warning: no page and no attributes: {' '.join(str(error).split())}")
        return None


def _lead(walk: "Walk", ends: list[str]) -> str:
    if walk.kind == "grid":
        return f"Corners: {', '.join(ends)}."
    if walk.kind == "traversal":
        return f"About {ends[0]}, in standard deviations of the prior."
    return f"From {ends[0]} to {ends[1]}."


def _command(text: str, options: dict[str, Any]) -> str:
    """The command line that does the same."""
    import shlex

    parts = ["tts-vae", "interpolate", text]
    for option, value in options.items():
        if value is True:
            parts.append(option)
        elif value is not None and value is not False:
            many = value if isinstance(value, tuple) else (value,)
            parts += [option, *map(str, many)]
    return shlex.join(parts)


def _check_mode(
    start: str | None,
    end: str | None,
    steps: int | None,
    path: str,
    site: str | None,
    within: bool,
    grid: _Corners | None,
    traverse: int | None,
    sd: float | None,
) -> None:
    """Options that say two things at once are a mistake, not a choice for us to make."""
    if sd is not None and traverse is None:
        raise ValueError("--sd is for --traverse DIMENSION; add it or leave --sd out")
    if grid is not None:
        extra = {"--from": start, "--to": end, "--site": site, "--traverse": traverse}
        _refuse("--grid", "four styles", {**extra, "--within": within or None}, path)
    elif traverse is not None:
        _refuse("--traverse", "--from STYLE", {"--to": end, "--within": within or None}, path)
    elif start is None or end is None:
        raise ValueError(
            "give two styles with --from STYLE and --to STYLE, or --grid STYLE STYLE STYLE STYLE, "
            "or --traverse DIMENSION"
        )
    elif within and steps is not None:
        raise ValueError("--within glides in one sound and has no --steps; leave one of them out")


def _refuse(mode: str, takes: str, given: dict[str, Any], path: str) -> None:
    wrong = [option for option, value in given.items() if value is not None]
    wrong += ["--path"] if path != "linear" else []
    if wrong:
        raise ValueError(f"{mode} takes {takes} and no {' or '.join(wrong)}; leave it out")
