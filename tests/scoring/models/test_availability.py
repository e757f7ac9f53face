"""Models that the hub's cache has are used at once where the hub is away."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.core.checkpoints import CHECKPOINTS
from bench.scoring.models import availability
from bench.scoring.models.sources import ModelSource

COMMIT = "a" * 40
NOWHERE = "http://127.0.0.1:9"
LOADING = """
from bench.scoring.models.model_loading import load_processor, load_tokenizer
from bench.scoring.models.sources import ModelSource

source = ModelSource("me/clip", "main")
print(type(load_processor(source)).__name__, type(load_tokenizer(source)).__name__)
"""


@pytest.fixture
def cached(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every model is in the cache, and nobody has asked yet whether the hub answers."""
    monkeypatch.setattr(availability, "_is_cached", lambda _source: True)
    monkeypatch.setattr(availability, "HF_HUB_OFFLINE", False)
    availability._hub_answers.cache_clear()
    yield
    availability._hub_answers.cache_clear()


def test_the_cache_has_to_do_only_where_the_hub_is_away(cached: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(availability, "ENDPOINT", NOWHERE)
    assert availability.loading_options(ModelSource("me/clip", "main")) == {
        "revision": "main",
        "local_files_only": True,
    }
    assert availability.loading_options(ModelSource("/a/folder")) == {}


def test_a_hub_that_answers_is_asked_as_ever(cached: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as hub:  # refuses: 501
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        monkeypatch.setattr(availability, "ENDPOINT", f"http://127.0.0.1:{hub.server_port}")
        assert availability.loading_options(ModelSource("me/clip", "main")) == {"revision": "main"}
        hub.shutdown()


def test_a_cached_model_is_loaded_without_a_retry(tmp_path: Path) -> None:
    model = tmp_path / "hub" / "models--me--clip"
    shutil.copytree(CHECKPOINTS / "clip", model / "snapshots" / COMMIT)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(COMMIT)
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_ENDPOINT": NOWHERE, "HF_HUB_OFFLINE": "0"}
    done = subprocess.run([sys.executable, "-c", LOADING], env=environment, capture_output=True, text=True, check=True)
    assert "Retrying" not in done.stderr
    assert done.stdout.split() == ["CLIPImageProcessorPil", "CLIPTokenizer"]
