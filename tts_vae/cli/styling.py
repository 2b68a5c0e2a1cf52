"""Command that shows, measures, saves and names the styles of a voice: styles."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_vae.cli.options import VoiceOption, progress
from tts_vae.cli.style_tables import style_tables

if TYPE_CHECKING:
    from tts_vae.evaluation.cards.style_card import Cards


def styles(
    voice: VoiceOption = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Speak, measure and keep a card for each style.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="With --measure: folder for a page and example sounds.")
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(help="With --measure: corpus folder; which dimension tells each label of it."),
    ] = None,
    save: Annotated[str | None, typer.Option(help="Name to save --style under.")] = None,
    style: Annotated[
        str | None, typer.Option(help="Style to save: component=3,pitch=+2,... or a name.")
    ] = None,
    rename: Annotated[
        tuple[str, str] | None,
        typer.Option(help="component=3 NAME gives a component a name; OLD NEW changes one."),
    ] = None,
    delete: Annotated[str | None, typer.Option(help="Name to delete.")] = None,
) -> None:
    """Show what every component and dimension of a voice does; save and name styles."""
    asked = {"--measure": measure, "--save": save, "--rename": rename, "--delete": delete}
    given = [name for name, value in asked.items() if value not in (None, False)]
    if len(given) > 1:
        raise ValueError(f"give one of {', '.join(asked)} at a time, got {' and '.join(given)}")
    if (save is None) != (style is None):
        raise ValueError("--save NAME and --style WORDS go together; give both")
    if not measure and (out is not None or corpus is not None):
        raise ValueError("--out and --corpus are for --measure; add it or leave them out")
    if out is not None and out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; give the name of a folder")
    from tts_vae.synthesis.voice_folders import find_voice

    folder = find_voice(voice)
    if given:
        require_writable(folder)
    if measure:
        _measure(folder, out, corpus)
    elif save is not None and style is not None:
        _save(folder, save, style)
    elif rename is not None:
        _rename(folder, *rename)
    elif delete is not None:
        from tts_vae.synthesis.named_styles import delete_style

        typer.echo(f"{delete}: deleted, it was {delete_style(folder, delete)}")
    else:
        _show(folder)


def require_writable(folder: Path) -> None:
    """Find out before any work that a voice cannot be changed.

    Raises:
        ValueError: if its folder cannot be written; says how to get a copy.
    """
    from tts_vae.synthesis.voice_folders import STYLES, VOCODER, vocoder_of

    if not (folder / STYLES).is_file() or os.access(folder, os.W_OK):
        return
    copy = f"cp -r {folder} my-{folder.name}"
    vocoder = vocoder_of(folder)
    if vocoder is not None and vocoder.parent != folder:
        copy += f" && cp -r {vocoder} my-{folder.name}/{VOCODER}"
    raise ValueError(
        f"{folder} cannot be written; copy the voice (`{copy}`) and give --voice my-{folder.name}"
    )


def _show(folder: Path) -> None:
    from tts_vae.synthesis.named_styles import component_names, saved_styles
    from tts_vae.synthesis.voice_styles import read_styles

    contents = read_styles(folder)
    cards = contents.get("cards")
    if cards is None:
        cards = _unmeasured(contents)
    typer.echo(style_tables(cards, component_names(contents), saved_styles(contents)))
    if "cards" not in contents:
        typer.echo(
            f"no cards yet; `tts-vae styles --voice {folder} --measure` speaks and measures them"
        )


def _unmeasured(contents: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the components of a voice before they are measured."""
    components = [
        {"site": site, "component": number, "usage": share}
        for site, about in contents.get("sites", {}).items()
        for number, share in enumerate(about.get("usage") or ())
    ]
    return {"components": components}


def _measure(folder: Path, out: Path | None, corpus: Path | None) -> None:
    from tts_vae.evaluation.cards.card_store import store_cards, write_examples
    from tts_vae.evaluation.cards.style_cards import measure_cards
    from tts_vae.synthesis.voice import Voice

    loaded = Voice.load(folder)
    noisy, lda = False, None
    about = corpus or loaded.bundle.metadata.get("corpus_dir")
    if about is not None and (Path(about) / "corpus.json").is_file():
        notes = json.loads((Path(about) / "corpus.json").read_text(encoding="utf-8"))
        noisy = bool(notes.get("noise_share"))
    if corpus is not None:
        from tts_vae.evaluation.cards.corpus_lda import corpus_lda, lda_table

        lda = lda_table(corpus_lda(loaded, corpus))
    cards = measure_cards(loaded, snr=noisy, watch=progress)
    entry = store_cards(folder, cards, lda)
    if out is not None:
        write_examples(out, cards, entry)
        _page(folder, out, cards, lda)
    _show(folder)
    if out is not None:
        typer.echo(f"{out / 'cards.html'}: written")


def _page(folder: Path, out: Path, cards: "Cards", lda: Any) -> None:
    from tts_vae.evaluation.cards.style_cards_page import write_cards_page
    from tts_vae.synthesis.named_styles import component_names, saved_styles
    from tts_vae.synthesis.voice_styles import read_styles

    contents = read_styles(folder)
    names, saved = component_names(contents), saved_styles(contents)
    write_cards_page(out / "cards.html", folder.name, cards, names, saved, lda)


def _save(folder: Path, name: str, style: str) -> None:
    from tts_vae.synthesis.named_styles import portable_words, recipes_in, save_style
    from tts_vae.synthesis.style_words import parse_style
    from tts_vae.synthesis.voice import Voice
    from tts_vae.synthesis.voice_styles import read_styles

    known = style.strip() in recipes_in(read_styles(folder))
    words = {"name": style.strip()} if known else parse_style(style)
    recipe = save_style(folder, name, portable_words(Voice.load(folder), words))
    typer.echo(f"{name}: saved, {recipe}")


def _rename(folder: Path, old: str, new: str) -> None:
    from tts_vae.synthesis.named_styles import name_component, rename_style
    from tts_vae.synthesis.style_words import parse_style

    if "=" not in old:
        rename_style(folder, old, new)
        typer.echo(f"{old}: now {new}")
        return
    words = parse_style(old)
    if set(words) != {"component"}:
        raise ValueError(f"--rename gives a component a name: component=3 NAME; got {old!r}")
    name_component(folder, words["component"], new)
    typer.echo(f"component {words['component']}: now {new}")
