"""Drafts for Label Studio: its SDK can read them, and pictures are fetched from its own host only."""

import base64
import json
import os
import subprocess
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

import fullconv
from fullconv.serving.brush import pack
from tests.serving.running import running

KEY = "0123456789abcdef"
PERSONAL = "head.body.signature"
CONFIG = """<View>
  <Image name="photo" value="$image" zoom="true"/>
  <BrushLabels name="tag" toName="photo"><Label value="Cat" background="#ff0000"/><Label value="Moon"/></BrushLabels>
</View>"""
POLYGONS = CONFIG.replace("BrushLabels", "PolygonLabels")
SDK = "FULLCONV_LABEL_STUDIO_PYTHON"  # a Python with label-studio-sdk, which needs another numpy than fullconv


class Studio(BaseHTTPRequestHandler):
    """Serves files as Label Studio does, to clients that send a token."""

    def log_message(self, *arguments) -> None: ...

    def do_GET(self) -> None:
        self.server.seen.append(self.path)
        if self.headers["Authorization"] not in (f"Token {KEY}", "Bearer fresh"):
            self.answer(401)
        elif self.path == "/away":
            self.answer(302, {"Location": self.server.elsewhere})
        elif self.path == "/round":
            self.answer(302, {"Location": "/data/upload/1/cat.jpg"})
        else:
            body = self.server.files.get(self.path)
            self.answer(404 if body is None else 200, body=body or b"")

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        right = self.path == "/api/token/refresh" and given == {"refresh": PERSONAL}
        self.answer(200 if right else 401, body=b'{"access": "fresh"}' if right else b"")

    def answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def web_server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Studio) as one:
        one.seen, one.files, one.address = [], {}, f"http://127.0.0.1:{one.server_port}"
        Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
        yield one
        one.shutdown()


@pytest.fixture(scope="module")
def studio(cat):
    with web_server() as one, web_server() as other:
        one.files = {"/data/upload/1/cat.jpg": cat, "/large": b"x" * 3 * 10**6, "/text": b"no picture"}
        one.elsewhere = f"{other.address}/secret"
        one.other = other
        yield one


@pytest.fixture(scope="module")
def backend(studio):
    with running("--label-studio", studio.address, "--label-studio-key", KEY, "--max-megabytes", "2") as server:
        yield server


def predict(server, *addresses: str, config: str = CONFIG, headers: dict[str, str] | None = None):
    tasks = [{"id": i, "data": {"image": address}} for i, address in enumerate(addresses)]
    asked = {"tasks": tasks, "label_config": config, "project": "1.17", "params": {"context": None}}
    return server.ask(
        "/label-studio/predict", json.dumps(asked).encode(), {"Content-Type": "application/json", **(headers or {})}
    )


def unpacked(rle: list[int]) -> np.ndarray:
    """Decodes Label Studio's format bit by bit, as Label Studio does. Returns (N,) bytes."""
    bits = "".join(f"{byte:08b}" for byte in rle)
    place = 0

    def read(count: int) -> int:
        nonlocal place
        place += count
        return int(bits[place - count : place], 2)

    out, word, sizes = np.zeros(read(32), np.uint8), read(5) + 1, [read(4) + 1 for _ in range(4)]
    i = 0
    while i < len(out):
        repeated, j = read(1), i + 1 + read(sizes[read(2)])
        out[i:j] = read(word) if repeated else [read(word) for _ in range(i, j)]
        i = j
    return out


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (70, 41), (300, 451)])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 1])
def test_packed_masks_can_be_read_back(shape, share):
    mask = np.random.default_rng(0).random(shape) < share
    assert np.array_equal(unpacked(list(pack(mask))).reshape(*shape, 4)[..., 3] == 255, mask)


def test_health_and_setup_return_the_models_name(backend):
    assert backend.ask("/label-studio/health").json == {"status": "UP", "model_class": "photos"}
    asked = json.dumps({"project": "1.17", "schema": CONFIG, "extra_params": ""}).encode()
    assert backend.ask("/label-studio/setup", asked).json == {"model_version": "photos"}


def test_a_task_gets_painted_masks_for_labels_that_are_classes(backend, cat):
    reply = predict(backend, "/data/upload/1/cat.jpg")
    assert reply.status == 200, reply.body
    (prediction,) = reply.json["results"]
    (region,) = prediction["result"]
    assert (region["from_name"], region["to_name"], region["type"]) == ("tag", "photo", "brushlabels")
    assert region["value"]["brushlabels"] == ["Cat"]  # the project's label for the model's class cat
    assert (region["original_width"], region["original_height"]) == (451, 300)
    assert 0.5 < region["score"] <= 1
    assert prediction["score"] == region["score"]
    painted = unpacked(region["value"]["rle"]).reshape(300, 451, 4)[..., 3] == 255
    assert np.array_equal(painted, fullconv.load("photos").predict(cat).mask("cat"))


def test_a_project_with_polygons_gets_outlines(backend, cat):
    pytest.importorskip("shapely")
    from PIL import Image, ImageDraw

    (prediction,) = predict(backend, "/data/upload/1/cat.jpg", config=POLYGONS).json["results"]
    canvas = Image.new("1", (451, 300))
    for region in prediction["result"]:
        assert region["value"]["polygonlabels"] == ["Cat"]
        points = [(x * 4.51, y * 3) for x, y in region["value"]["points"]]
        ImageDraw.Draw(canvas).polygon(points, fill=1)
    mask = fullconv.load("photos").predict(cat).mask("cat")
    assert (np.array(canvas) & mask).sum() / (np.array(canvas) | mask).sum() > 0.97


SDK_READS = """
import json, sys
import numpy as np
from label_studio_sdk.converter.brush import decode_rle
from label_studio_sdk.label_interface import LabelInterface
from label_studio_sdk.label_interface.objects import PredictionValue
given = json.load(open(sys.argv[1]))
interface = LabelInterface(given["config"])
errors = interface.validate_prediction(given["prediction"], return_errors=True)
assert not errors, errors
value = PredictionValue(**given["prediction"])
rle = given["prediction"]["result"][0]["value"]["rle"]
np.save(sys.argv[2], decode_rle(rle))
"""


def test_label_studios_own_library_accepts_the_prediction(backend, cat, tmp_path):
    python = os.environ.get(SDK)
    if not python:
        pytest.skip(f"{SDK} names no Python with label-studio-sdk, which needs another numpy than fullconv")
    (prediction,) = predict(backend, "/data/upload/1/cat.jpg").json["results"]
    (tmp_path / "given.json").write_text(json.dumps({"config": CONFIG, "prediction": prediction}))
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python, "-c", SDK_READS, str(tmp_path / "given.json"), str(tmp_path / "mask.npy")]
    done = subprocess.run(command, env=plain, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    painted = np.load(tmp_path / "mask.npy").reshape(300, 451, 4)[..., 3] == 255
    assert np.array_equal(painted, fullconv.load("photos").predict(cat).mask("cat"))


def test_nothing_is_fetched_from_other_hosts(backend, studio):
    other = studio.other
    before = list(other.seen)
    for address in (f"{other.address}/a.jpg", "//127.0.0.1:9/a.jpg", "file:///etc/hostname", "s3://bucket/a.jpg",
                    f"http://user@127.0.0.1:{studio.server_port}/text", "/away"):  # fmt: skip
        reply = predict(backend, address)
        assert reply.json["reason"] == "elsewhere", (address, reply.body)
        assert "the only host that --label-studio allows" in reply.json["error"]
    assert other.seen == before
    assert predict(backend, "/round").status == 200  # a redirect on the same host


def test_names_with_spaces_and_non_ascii_letters_are_fetched(backend, studio, cat):
    studio.files["/data/upload/1/my%20caf%C3%A9%20%25.jpg"] = cat
    for address in ("/data/upload/1/my café %25.jpg", "/data/upload/1/my%20caf%C3%A9%20%25.jpg"):
        assert predict(backend, address).status == 200


def test_a_picture_that_cannot_be_fetched_is_reported_and_does_not_stop_the_others(backend):
    for address, reason in {"/gone": "fetch", "/large": "bytes", "/text": "format"}.items():
        assert predict(backend, address).json["reason"] == reason
    first, second = predict(backend, "/gone", "/data/upload/1/cat.jpg").json["results"]
    assert (first["result"], first["error"].endswith("answered with status 404")) == ([], True)
    assert len(second["result"]) == 1


def test_refused_tasks_are_counted_once(backend):
    name = 'fullconv_refusals_total{reason="fetch"}'
    predict(backend, "/gone")
    before = backend.metric(name)
    predict(backend, "/gone", "/data/upload/1/cat.jpg", "/gone")
    assert backend.metric(name) == before + 2
    assert predict(backend, "/gone", "/gone").status == 502
    assert backend.metric(name) == before + 4


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("<View/>", "has no Image with BrushLabels or PolygonLabels"),
        (CONFIG.replace("Cat", "Sun"), "none of the labels (Sun, Moon) is a class of the model"),
        ("no XML", "label_config is not a labelling interface"),
        ('<!DOCTYPE a [<!ENTITY b "b">]><View>&b;</View>', "label_config is not a labelling interface"),
        (None, "label_config is not a labelling interface"),
    ],
)
def test_a_labelling_interface_that_does_not_fit_is_refused(backend, config, told):
    reply = predict(backend, "/data/upload/1/cat.jpg", config=config)
    assert (reply.status, reply.json["reason"]) == (422, "interface")
    assert told in reply.json["error"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"tasks": 1}', b'{"tasks": [1]}', b"[" * 10**5])
def test_an_invalid_request_is_refused(backend, body):
    assert backend.ask("/label-studio/predict", body or b" ").status in (400, 422)


def test_it_is_off_by_default(server):
    assert server.ask("/label-studio/health").status == 404
    assert server.ask("/label-studio/predict", b"{}").status == 404


def test_a_personal_token_is_exchanged_and_the_servers_token_is_the_password(studio):
    words = "--label-studio", studio.address, "--label-studio-key", PERSONAL, "--token", "secret"
    with running(*words) as server:
        assert predict(server, "/data/upload/1/cat.jpg").status == 401
        assert server.metric('fullconv_refusals_total{reason="token"}') == 1
        for shown, status in (("ls:secret", 200), ("ls:wrong", 401), ("secret", 401)):
            basic = {"Authorization": f"Basic {base64.b64encode(shown.encode()).decode()}"}
            assert predict(server, "/data/upload/1/cat.jpg", headers=basic).status == status
        assert server.ask("/models", headers={"Authorization": basic["Authorization"]}).status == 401
        # A password is accepted only by the endpoints for Label Studio.
        assert server.ask("/models", None, {"Authorization": "Basic bHM6c2VjcmV0"}).status == 401
