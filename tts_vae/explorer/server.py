"""Serving the page: on this machine alone unless asked otherwise, and nothing from anywhere else.

Gradio is told to send no statistics and to load no font, and a Content-Security-Policy makes the
browser refuse whatever would still come from another address.
"""

import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

# before gradio is imported, which reads them once
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradio as gr  # noqa: E402
import uvicorn  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from starlette.middleware.trustedhost import TrustedHostMiddleware  # noqa: E402

from tts_vae.explorer.events import bring_to_life  # noqa: E402
from tts_vae.explorer.limits import MAX_UPLOAD_MB, MAX_WAITING  # noqa: E402
from tts_vae.explorer.look import CSS, FONTS, HEAD, MONOSPACE  # noqa: E402
from tts_vae.explorer.open_voice import Voices  # noqa: E402
from tts_vae.explorer.page import lay_out  # noqa: E402
from tts_vae.explorer.session import Session  # noqa: E402

LOCAL = ("127.0.0.1", "localhost")

POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "frame-ancestors 'self'; form-action 'self'; base-uri 'self'"
)
"""Scripts in the page and its components are gradio's way; other addresses are nobody's."""

_FORGET_S = (600, 3600)  # look every 10 minutes for recordings that are an hour old

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class OnlyFromHere:
    """ASGI middleware that adds the policy to every answer."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add headers to what begins an HTTP answer."""

        async def with_policy(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
                message["headers"] = [*message.get("headers", []), *headers]
            await send(message)

        await self._app(scope, receive, with_policy)


def make_page(voices: Voices, keep_styles: bool = True) -> gr.Blocks:
    """The page with everything that happens in it.

    Args:
        voices: what it offers.
        keep_styles: whether a saved style goes to the voice's folder; else it lasts as long as
            its tab.
    """
    titles = [(voices.title(name), name) for name in voices.names]
    with gr.Blocks(
        title="tts_vae explorer", analytics_enabled=False, delete_cache=_FORGET_S
    ) as blocks:
        page = lay_out(Session(voices.first), titles, voices.widest)
        bring_to_life(blocks, page, voices, keep_styles)
    blocks.queue(max_size=MAX_WAITING, default_concurrency_limit=1, api_open=False)
    return blocks


def make_app(voices: Voices, local: bool = True) -> FastAPI:
    """The page as a web application.

    Args:
        voices: what it offers.
        local: whether it is for this machine alone: a saved style goes to its voice's folder, and
            a page of another site that reaches this address under its own name is refused.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    theme = gr.themes.Default(
        primary_hue="teal", neutral_hue="slate", font=list(FONTS), font_mono=list(MONOSPACE)
    )
    app = gr.mount_gradio_app(
        app,
        make_page(voices, keep_styles=local),
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=MAX_UPLOAD_MB * 2**20,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme,
        css=CSS,
        head=HEAD,
    )
    if local:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(LOCAL))
    app.add_middleware(OnlyFromHere)
    return app


def serve(
    voices: Voices, host: str, port: int, started: Callable[[str], None] = lambda url: None
) -> None:
    """Serve the page until the process is interrupted.

    Args:
        voices: what it offers.
        host: address to listen on; a style is saved with its voice only if that is this machine's.
        port: to listen on; 0 takes any that is free.
        started: called with the address of the page once it answers.

    Raises:
        ValueError: if the address cannot be listened on.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ValueError(
            f"cannot listen on {host} port {port} ({error.strerror}); give another --port"
        ) from error
    number = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    app = make_app(voices, local=host in LOCAL)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started(f"http://{shown}:{number}/")

    config = uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=2)
    Server(config).run(sockets=[listening])
