"""What all pages share: their frame, their colours, sounds and pictures inside them."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
import soundfile
from matplotlib.figure import Figure
from numpy.typing import NDArray

COLOURS = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --page: #fafaf7;
  --card: #fff; --line: #dfe3e6; --accent: #0b6b7d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a3acb5; --page: #14171a;
  --card: #1d2125; --line: #343a40; --accent: #6fd3e3; } }
* { box-sizing: border-box; }
"""


def page_html(title: str, style: str, body: str, script: str) -> str:
    """A whole document; the title is text, the rest HTML, CSS and JavaScript."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""


def body_html(
    title: str,
    lead: str,
    main: str,
    footer: str,
    text: str | None = None,
    links: Sequence[tuple[str, str]] = (),
) -> str:
    """Header, main part and footer.

    Args:
        title: of the page, as text.
        lead: what this is, as text.
        main: HTML.
        footer: HTML.
        text: the sentence spoken, as text.
        links: (anchor, heading) of the sections that the header leads to.
    """
    items = "".join(f'<li><a href="#{name}">{escape(head)}</a></li>' for name, head in links)
    quote = "" if text is None else f"<blockquote>{escape(text)}</blockquote>\n"
    navigation = f'<nav aria-label="Sections"><ul>{items}</ul></nav>\n' if links else ""
    return f"""<header>
<h1>{escape(title)}</h1>
<p>{escape(lead)}</p>
{quote}{navigation}</header>
<main>
{main}</main>
<footer><p>{footer}</p></footer>"""


def section_html(name: str, title: str, content: str) -> str:
    """A section with its heading (text) over its content (HTML)."""
    return (
        f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">'
        f"{escape(title)}</h2>{content}</section>\n"
    )


def png_uri(figure: Figure, transparent: bool = False) -> str:
    """A picture that an ``img`` element holds in itself; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", transparent=transparent, metadata={"Software": None})
    return data_uri("image/png", buffer.getvalue())


def flac_uri(waveform: NDArray[np.floating], sample_rate: int) -> str:
    """A sound (samples,) that an ``audio`` element holds in itself: a third of its WAV."""
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform, sample_rate, format="FLAC", subtype="PCM_16")
    return data_uri("audio/flac", buffer.getvalue())


def data_uri(kind: str, content: bytes) -> str:
    """Content as an address that holds it."""
    return f"data:{kind};base64," + base64.b64encode(content).decode()
