"""An editor whose model is on a server that misbehaves: told in time, never kept waiting, well again by itself."""

import asyncio
import socket
import time
from contextlib import contextmanager
from itertools import count

import psutil
import pytest
import pytest_asyncio

from cwm_lsp.predict.engines.client import KEY_VARIABLE
from tests.engines.serving import serving
from tests.lsp.conftest import capabilities, ended, started

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

SOURCE = "import time\n\n\ndef f(n):\n    now = time.time()\n    return now + n\n"
TIMEOUT = 5.0
_numbers = count()
"""Arguments that no call has had before."""


@pytest.fixture(scope="module")
def port():
    """That all servers of these tests have, one after the other."""
    with socket.socket() as chooser:
        chooser.bind(("127.0.0.1", 0))
        return chooser.getsockname()[1]


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    file = tmp_path_factory.mktemp("workspace") / "clock.py"
    file.write_text(SOURCE)
    return file.as_uri()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(port, uri, tmp_path_factory):
    """An editor that has a file open, and never another server process."""
    settings = {
        "predict": {"trigger": "manual", "maxTokens": 20},
        "model": {"name": f"http://127.0.0.1:{port}", "timeout": TIMEOUT},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(KEY_VARIABLE, raising=False)
        editor = await started()
    await editor.begin(capabilities("neovim_0.11"), tmp_path_factory.mktemp("elsewhere"), settings)
    editor.open(uri, SOURCE)
    yield editor
    await ended(editor)


def predicting(editor, uri):
    target = {"uri": uri, "function": "f", "call": f"f({next(_numbers)})"}
    return asyncio.ensure_future(editor.command("cwm.predict", target))


@contextmanager
def in_trouble(trouble, model, folder, port):
    """A server as it should not be."""
    if trouble == "killed":
        yield
        return
    with serving(model, folder, port, name="another" if trouble == "another model" else "tiny") as server:
        server.manner = "well" if trouble == "another model" else trouble
        yield


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("killed", "no server answers"),
        ("hang", "did not answer within"),
        ("drip", "did not answer within"),
        ("another model", "does not exist"),
        ("401", "CWM_LSP_API_KEY"),
        ("429", "too much to do"),
        ("500", "failed"),
        ("503", "not ready"),
        ("garbage", "something else than JSON"),
        ("wrong shape", "as vLLM does"),
        ("cut", "broke off"),
    ],
)
async def test_the_editor_is_told_in_time_and_never_waits(trouble, told, editor, uri, port, loaded, checkpoint):
    with serving(loaded, checkpoint, port):
        answer = await predicting(editor, uri)
        assert answer["state"] == "done", answer
    editor.messages.clear()
    with in_trouble(trouble, loaded, checkpoint, port):
        asked = time.monotonic()
        failing = predicting(editor, uri)
        assert await editor.lenses(uri)
        await editor.hover(uri, 4)
        if trouble in ("hang", "drip"):
            assert not failing.done()  # the editor was answered while the model was waited for
        answer = await failing
        assert time.monotonic() - asked < TIMEOUT + 2
    assert answer["state"] == "failed"
    assert told in answer["message"]
    assert "\n" not in answer["message"]
    assert [said.message for said in editor.messages] == [answer["message"]]
    with serving(loaded, checkpoint, port):
        answer = await predicting(editor, uri)
        assert answer["state"] == "done", answer


async def findings(editor):
    answer = await editor.command("cwm.doctor", timeout=300)
    assert answer["state"] == "done"
    return {finding["name"]: finding for finding in answer["findings"]}


async def test_the_doctor_looks_at_the_model_where_it_is(editor, uri, port, loaded, checkpoint):
    with serving(loaded, checkpoint, port) as server:
        assert (await predicting(editor, uri))["state"] == "done"
        connected = server.paths.count("/v1/models")
        found = await findings(editor)
        assert found["model"]["detail"].startswith(f"loaded: tiny, by the server at {server.url}: 2,048 tokens")
        assert (found["prediction"]["status"], found["recording"]["status"]) == ("ok", "ok")
        assert server.paths.count("/v1/models") == connected  # no second one was made
    found = await findings(editor)
    assert found["prediction"]["status"] == "broken"
    assert "no server answers" in found["prediction"]["detail"]
    workers = psutil.Process(editor._server.pid).children
    await editor.until(lambda: len(workers()) == 2)  # the model's, and the one for outlines and runs


async def test_what_keeps_predictions_from_coming_unasked_is_told_whenever_it_begins(
    port, loaded, checkpoint, tmp_path
):
    file = tmp_path / "clock.py"
    uri, source = file.as_uri(), SOURCE.replace("f(n):\n", 'f(n):\n    """\n    >>> f(3)\n    """\n')
    settings = {
        "predict": {"trigger": "onType", "debounce": 50, "maxTokens": 20},
        "model": {"name": f"http://127.0.0.1:{port}", "timeout": TIMEOUT},
    }
    editor = await started()

    def times_told():
        return sum("no server answers" in said.message for said in editor.messages)

    async def is_predicted():
        return (await editor.command("cwm.showTrace", {"uri": uri, "function": "f"}))["state"] == "done"

    try:
        await editor.begin(capabilities("neovim_0.11"), tmp_path, settings)
        editor.open(uri, source)
        await editor.until(lambda: times_told() == 1)
        editor.insert(uri, 2, 7, 21, " ")
        with serving(loaded, checkpoint, port):
            editor.insert(uri, 3, 7, 21, " ")
            await editor.until(is_predicted)
        assert times_told() == 1
        editor.insert(uri, 4, 7, 21, " ")
        await editor.until(lambda: times_told() == 2)
    finally:
        await ended(editor)
