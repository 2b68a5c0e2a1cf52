"""What the server answers without a browser: nothing from outside, nothing for strangers."""

import asyncio
import re
import socket

import pytest

pytest.importorskip("gradio", reason="the explorer's page needs the explore extra")

from starlette.testclient import TestClient  # noqa: E402

from tts_vae.explorer.server import make_app, serve  # noqa: E402


@pytest.fixture
def client(voices):
    async def make():  # where no loop runs, gradio makes its own and leaves them open
        return make_app(voices)

    return TestClient(asyncio.run(make()), base_url="http://127.0.0.1")


def test_the_page_loads_nothing_from_elsewhere(client):
    page = client.get("/")
    assert page.status_code == 200
    loaded = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="([^"]+)"', page.text)
    assert loaded and not [url for url in loaded if re.match(r"(https?:)?//(?!127\.0\.0\.1)", url)]
    assert "fonts.googleapis" not in page.text


def test_the_browser_is_told_to_refuse_every_other_address(client):
    policy = client.get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'self' ") and "http" not in policy
    assert client.get("/no-such-page").headers["content-security-policy"] == policy


def test_no_statistics_are_sent(client):
    config = client.get("/config").json()
    assert config["analytics_enabled"] is False


def test_no_event_can_be_called_by_name(client):
    info = client.get("/gradio_api/info").json()
    assert info["named_endpoints"] == {} and info["unnamed_endpoints"] == {}


def test_files_of_the_machine_are_not_served(client, folder):
    for path in ("/etc/passwd", str(folder / "config.yaml"), "../../etc/passwd"):
        assert client.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_a_site_that_renames_this_address_is_refused(client):
    assert client.get("/config", headers={"host": "rebound.example"}).status_code == 400
    assert client.get("/config", headers={"host": "localhost:7860"}).status_code == 200


def test_uploads_have_a_limit(client):
    large = {"files": ("a.wav", b"\0" * (10 * 2**20 + 1), "audio/wav")}
    assert client.post("/gradio_api/upload", files=large).status_code == 413
    small = {"files": ("a.wav", b"\0" * 1000, "audio/wav")}
    assert client.post("/gradio_api/upload", files=small).status_code == 200


def test_a_port_that_is_taken_is_told(voices):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"cannot listen on 127.0.0.1 port {port} .*--port"):
            serve(voices, "127.0.0.1", port)
