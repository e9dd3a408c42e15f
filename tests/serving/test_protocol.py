"""The Open Inference Protocol, used by NVIDIA's client and by hand-written requests."""

import base64
import json

import numpy as np
import pytest

import fullconv
from fullconv.serving.protocol import parse
from fullconv.serving.refusal import Refusal


@pytest.fixture(scope="module")
def expected(cat):
    return fullconv.load("photos").predict(cat, scores=True)


@pytest.fixture
def client(server):
    http = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
    with http.InferenceServerClient(server.address.removeprefix("http://")) as one:
        yield one


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client_reads_labels_scores_and_classes(client, cat, expected, binary):
    from tritonclient import http

    image = http.InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([cat], object), binary_data=True)
    outputs = [http.InferRequestedOutput("label_map", binary_data=binary)]
    outputs += [http.InferRequestedOutput(name, binary_data=binary) for name in ("scores", "classes")]
    result = client.infer("photos", [image], outputs=outputs, request_id="seven")
    assert np.array_equal(result.as_numpy("label_map"), expected.label_map)
    assert result.as_numpy("label_map").dtype == np.uint8
    assert np.allclose(result.as_numpy("scores"), expected.scores, atol=1e-3)
    names = [name.decode() if isinstance(name, bytes) else name for name in result.as_numpy("classes")]
    assert names == list(expected.classes.names)
    assert result.get_response()["id"] == "seven"


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_tritons_client_may_compress_and_name_the_version(client, cat, expected, packing):
    from tritonclient import http

    image = http.InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([cat], object), binary_data=True)
    result = client.infer("photos", [image], model_version="1", request_compression_algorithm=packing)
    assert np.array_equal(result.as_numpy("label_map"), expected.label_map)


def test_the_only_version_is_1(client, server):
    assert client.is_model_ready("photos", "1")
    assert client.get_model_metadata("photos", "1")["versions"] == ["1"]
    assert not client.is_model_ready("photos", "2")
    for end, body in (("", None), ("/ready", None), ("/infer", b"{}")):
        reply = server.ask(f"/v2/models/photos/versions/2{end}", body)
        message = "no version '2' of photos here; the only one is 1"
        assert (reply.status, reply.json) == (404, {"error": message, "reason": "model"})
        assert server.ask(f"/v2/models/dogs/versions/1{end}", body).json["error"].startswith("no model 'dogs'")


def test_tritons_client_reads_health_and_metadata(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("photos")
    assert not client.is_model_ready("dogs")
    assert client.get_model_metadata("photos")["inputs"][0]["datatype"] == "BYTES"
    assert client.get_server_metadata()["name"] == "fullconv"


def test_base64_in_json(server, cat, expected):
    image = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [base64.b64encode(cat).decode()]}
    reply = server.ask("/v2/models/photos/infer", json.dumps({"inputs": [image]}).encode())
    label_map, classes = reply.json["outputs"]
    assert label_map["shape"] == [300, 451]
    assert np.array_equal(np.array(label_map["data"], np.uint8).reshape(300, 451), expected.label_map)
    assert classes["data"][8] == "cat"


IMAGE = {"name": "image", "shape": [1], "datatype": "BYTES", "data": ["AAAA"]}


@pytest.mark.parametrize(
    "request_body",
    [
        b"", b"[]", b"null", b"{}", b'{"inputs": []}', b"[" * 100_000,
        json.dumps({"inputs": [IMAGE, IMAGE]}).encode(),
        json.dumps({"inputs": [IMAGE | {"datatype": "FP32"}]}).encode(),
        json.dumps({"inputs": [IMAGE | {"shape": [2]}]}).encode(),
        json.dumps({"inputs": [IMAGE | {"data": ["no base64!"]}]}).encode(),
        json.dumps({"inputs": [IMAGE | {"data": [7]}]}).encode(),
        json.dumps({"inputs": [IMAGE | {"data": []}]}).encode(),
        json.dumps({"inputs": [IMAGE], "outputs": [{"name": "boxes"}]}).encode(),
        json.dumps({"inputs": [IMAGE], "outputs": "label_map"}).encode(),
        json.dumps({"inputs": [IMAGE | {"parameters": {"binary_data_size": 5}}]}).encode(),
    ],
)  # fmt: skip
def test_an_invalid_request_is_refused(request_body):
    with pytest.raises(Refusal) as raised:
        parse(request_body, None)
    assert raised.value.status == 400
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("length", ["-5", "x", "99999"])
def test_a_wrong_header_length_is_refused(length):
    body = json.dumps({"inputs": [IMAGE | {"parameters": {"binary_data_size": 4}}]}).encode() + b"\0" * 9
    with pytest.raises(Refusal):
        parse(body, length)
