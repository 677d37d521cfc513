"""A real HTTP server that speaks vLLM's dialect of the completions API over a small model, and misbehaves on demand."""

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import numpy as np

from cwm_lsp.predict.author import Author
from cwm_lsp.predict.continuation import FIELD, SIGN, Continuation
from cwm_lsp.predict.engines.interface import Pass

MANNERS = (
    "well", "hang", "drip", "401", "429", "429 once", "500", "503 once", "garbage", "wrong shape", "cut", "reset once",
)  # fmt: skip
"""How a server may answer requests for completions."""


class Served:
    """What a server is at, and what it was asked."""

    def __init__(self, engine, folder, name):
        self.engine = engine
        self.folder = str(folder)
        self.name = name
        self.manner = "well"
        self.key = None
        self.most_logprobs = 20
        self.prompt_logprobs = True
        self.tokenize = True
        self.writes = False
        """As with this project's plugin."""
        self.drafts = 64
        self.computed = 0
        """Tokens, for what it wrote by itself."""
        self.requests = []
        """Bodies of those for completions."""
        self.paths = []
        """Of all requests."""
        self.connections = []
        self.broken_off = threading.Event()
        """A client closed its connection while it was waiting."""
        self.url = ""
        self._computing = threading.Lock()

    def distributions(self, tokens, count):
        """Those after the last few tokens. As servers do, it keeps what it has read."""
        with self._computing:
            known = self.engine.longest_prefix(tokens[: len(tokens) - count + 1])
            [(prefix, distributions)] = self.engine.forward([Pass(known, tokens[len(known) :], count)])
            self.engine.remember(prefix)
            return distributions

    def completions(self, body):
        count, prompt_count = body["logprobs"], body.get("prompt_logprobs")
        if count > self.most_logprobs:
            message = f"Requested sample logprobs of {count}, which is greater than max allowed: {self.most_logprobs}"
            return 400, {"error": {"message": message}}
        if "vllm_xargs" in body:
            [prompt] = body["prompt"]
            return 200, {"object": "text_completion", "choices": [self.written(prompt, body)]}
        assert body["max_tokens"] == 1 and body["temperature"] == 0 and not body["skip_special_tokens"]
        choices = []
        for index, prompt in enumerate(body["prompt"]):
            reads_prompt = self.prompt_logprobs and prompt_count is not None
            *before, last = self.distributions(prompt, len(prompt) if reads_prompt else 1)
            likeliest = dict(islice(last.ranked(), count))
            token, logprob = last.best(body.get("allowed_token_ids") or likeliest)
            top = {token: logprob} | likeliest
            logprobs = {
                "tokens": [f"token_id:{token}"],
                "token_logprobs": [logprob],
                "top_logprobs": [{f"token_id:{other}": value for other, value in top.items()}],
            }
            choice = {"index": index, "text": "", "token_ids": [token], "logprobs": logprobs, "prompt_logprobs": None}
            if reads_prompt:
                choice["prompt_logprobs"] = [None]
                for actual, distribution in zip(prompt[1:], before, strict=True):
                    told = {actual: distribution.logprob(actual)} | dict(islice(distribution.ranked(), prompt_count))
                    choice["prompt_logprobs"].append({str(other): {"logprob": lp} for other, lp in told.items()})
            choices.append(choice)
        return 200, {"object": "text_completion", "choices": choices[::-1]}  # in any order

    def written(self, prompt, body):
        """What is written after a prompt: as the grammar allows, where it is heeded, else whatever is likeliest."""
        author = None
        if self.writes:
            author = Author(Continuation.from_json(body["vllm_xargs"][FIELD]), self.engine.tokenizer)
        tokens, told = [], []
        while len(tokens) < body["max_tokens"] and not (author and author.done):
            draft = author.draft(self.drafts) if author else []
            accepted = []
            self.computed += 1 + len(draft)
            for n, distribution in enumerate(self.distributions([*prompt, *tokens, *draft], 1 + len(draft))):
                token, logprob = next(distribution.ranked())
                likeliest = {token: logprob}
                if author:
                    token, logprob = distribution.best(np.flatnonzero(author.legal()).tolist())
                    assert author.take(token)
                accepted.append(token)
                told.append((token, logprob, likeliest))
                if n == len(draft) or draft[n] != token or author.done:
                    break
            if author:  # it learns from what came how much to draft
                author.take_back(len(accepted))
                author.learn(accepted)
                assert author.fitting(accepted) == len(accepted)
                assert all(map(author.take, accepted))
            tokens += accepted
        told = told[: body["max_tokens"]]
        return {
            "index": 0,
            "token_ids": [token for token, _, _ in told],
            "stop_reason": SIGN if author and author.done else None,
            "logprobs": {
                "token_logprobs": [logprob for _, logprob, _ in told],
                "top_logprobs": [
                    {f"token_id:{other}": value for other, value in ({token: logprob} | likeliest).items()}
                    for token, logprob, likeliest in told
                ],
            },
        }

    def answer(self, path, body):
        match path:
            case "/v1/models":
                model = {"id": self.name, "root": self.folder, "max_model_len": self.engine.context_length}
                return 200, {"data": [model]}
            case "/v1/completions" if body["model"] != self.name:
                return 404, {"error": {"message": f"The model `{body['model']}` does not exist."}}
            case "/v1/completions":
                return self.completions(body)
            case "/tokenize" if self.tokenize:
                tokenizer, text, ids = self.engine.tokenizer, body["prompt"], []
                for name, token_id in tokenizer.special.items():
                    if text.startswith(name):
                        ids, text = [token_id], text.removeprefix(name)
                return 200, {"tokens": [*ids, *tokenizer.encode(text)]}
        return 404, {"detail": "Not Found"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def setup(self):
        super().setup()
        self.served.connections.append(self.connection)

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._do(None)

    def do_POST(self):
        self._do(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _do(self, body):
        served = self.served
        served.paths.append(self.path)
        if served.key and self.headers.get("Authorization") != f"Bearer {served.key}":
            self._send(401, {"error": "Unauthorized"})
            return
        manner = "well"
        if self.path == "/v1/completions":
            served.requests.append(body)
            manner = served.manner
            if manner.endswith(" once"):
                served.manner, manner = "well", manner.removesuffix(" once")
        match manner:
            case "well":
                self._send(*served.answer(self.path, body))
            case "401" | "429" | "500" | "503":
                self._send(int(manner), {"error": {"message": "as told"}})
            case "garbage":
                self._write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html>no}")
            case "wrong shape":
                self._send(200, {"choices": [{"index": 0, "text": "x"}]})
            case "cut":
                self._write(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"choices": [')
                self.close_connection = True
            case "drip":
                self._write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
                self._until_left(0.1, b"{")
            case "hang":
                self._until_left(0.1, b"")
            case "reset":
                self.close_connection = True
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                self.connection.close()

    def _until_left(self, pause, drop):
        """Say next to nothing until the client has gone."""
        self.close_connection = True
        self.connection.settimeout(pause)
        for _ in range(300):
            try:
                if self.connection.recv(1) == b"":
                    self.served.broken_off.set()
                    return
            except TimeoutError:
                self._write(drop)
            except OSError:
                self.served.broken_off.set()
                return

    def _send(self, status, body):
        data = json.dumps(body).encode()
        self._write(b"HTTP/1.1 %d Told\r\nContent-Length: %d\r\n\r\n%s" % (status, len(data), data))

    def _write(self, data):
        try:
            self.wfile.write(data)
        except OSError:
            self.served.broken_off.set()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients leave


@contextmanager
def serving(engine, folder, port=0, name="tiny"):
    """A server of a model in this process."""
    served = Served(engine, folder, name)
    server = Server(("127.0.0.1", port), type("TheHandler", (Handler,), {"served": served}))
    served.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        for connection in served.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def timed(work):
    """Seconds that something took, and what it raised or gave."""
    started = time.monotonic()
    try:
        result = work()
    except Exception as error:
        result = error
    return time.monotonic() - started, result
