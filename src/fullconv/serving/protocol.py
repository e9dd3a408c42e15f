"""The endpoints of the Open Inference Protocol, version 2, which KServe and Triton use, with binary tensors.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol;
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import base64
import binascii
import json
from array import array
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fullconv.errors import suggestion
from fullconv.serving import protocol_descriptions as described
from fullconv.serving.endpoint import Endpoint, Handler
from fullconv.serving.messages import Answer, Task
from fullconv.serving.refusal import Refusal
from fullconv.serving.service import Service

MODEL = "/v2/models/{name}"
VERSION = MODEL + "/versions/{version}"
HEADER = "Inference-Header-Content-Length"
MOST_IN_JSON = 2**22  # values in a tensor that is written as JSON; larger ones are sent only as bytes
LENGTH = 4  # bytes before each element of a BYTES tensor that state its length, little-endian


@dataclass(frozen=True)
class Wanted:
    """What a request wants: the names of outputs, those of them that are sent as bytes, and the request's own id."""

    outputs: tuple[str, ...]
    binary: frozenset[str]
    id: str | None


def endpoints(service: Service) -> list[Endpoint]:
    async def live(_: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(_: Request) -> Response:
        return JSONResponse({"ready": bool(service.workers.models)})

    async def server(_: Request) -> Response:
        return JSONResponse(described.ABOUT)

    async def metadata(request: Request) -> Response:
        return JSONResponse(describe(service.workers.models[model_of(request, service)]))

    async def model_ready(request: Request) -> Response:
        return JSONResponse({"name": model_of(request, service), "ready": True})

    of_models = [
        Endpoint("GET", MODEL, metadata, described.METADATA),
        Endpoint("GET", f"{MODEL}/ready", model_ready, described.MODEL_READY),
        Endpoint("POST", f"{MODEL}/infer", inference(service), described.INFER),
    ]
    return [
        Endpoint("GET", "/v2/health/live", live, described.LIVE),
        Endpoint("GET", "/v2/health/ready", ready, described.READY),
        Endpoint("GET", "/v2", server, described.SERVER),
        *of_models,
        *map(of_version, of_models),
    ]


def of_version(endpoint: Endpoint) -> Endpoint:
    """Returns the same endpoint at the address of a version of a model."""
    path = endpoint.path.replace(MODEL, VERSION)
    return replace(endpoint, path=path, operation=described.of_version(endpoint.operation or {}))


def model_of(request: Request, service: Service) -> str:
    """Returns the model in the address. Raises Refusal if it, or the version, does not exist."""
    name = service.model(request.path_params["name"])
    version = request.path_params.get("version", described.VERSION)
    if version != described.VERSION:
        raise Refusal(404, "model", f"no version {version!r} of {name} here; the only one is {described.VERSION}")
    return name


def inference(service: Service) -> Handler:
    async def infer(request: Request) -> Response:
        chosen, wanted = model_of(request, service), []

        async def read(request: Request, deadline: float) -> Task:
            body = await service.bodies.read(request, deadline)
            picture, asked = parse(body, request.headers.get(HEADER))
            wanted.append(asked)
            return Task(chosen, picture, raw=True, scores="scores" in asked.outputs)

        return written(await service.handle(request, read), wanted[0])

    return infer


def describe(model: dict[str, Any]) -> dict[str, Any]:
    count = len(model["classes"])
    return {
        "name": model["name"], "versions": [described.VERSION], "platform": "fullconv",
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1]}],
        "outputs": [
            {"name": "label_map", "datatype": "UINT8", "shape": [-1, -1]},
            {"name": "scores", "datatype": "FP32", "shape": [count, -1, -1]},
            {"name": "classes", "datatype": "BYTES", "shape": [count]},
        ],
    }  # fmt: skip


def parse(body: bytes, header_length: str | None) -> tuple[bytes, Wanted]:
    """Returns (the picture's file, what is wanted). Raises Refusal if this is not a valid request of the protocol."""
    try:
        length = len(body) if header_length is None else int(header_length)
        request = json.loads(body[:length])
        (image,) = request["inputs"]
        if image["name"] != "image" or image["datatype"] != "BYTES" or image["shape"] not in ([1], [1, 1]):
            raise bad("the only input must be image, with datatype BYTES and shape [1]")
        size = image.get("parameters", {}).get("binary_data_size")
        picture = in_json(image) if size is None else element(body[length : length + size])
        return picture, wanted_of(request)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise bad("this is not a request with one input, image, with datatype BYTES and shape [1]") from None


def in_json(image: dict[str, Any]) -> bytes:
    data = image["data"]
    (text,) = data[0] if isinstance(data[0], list) else data
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise bad(
            "the data of image is not base64; encode the bytes of the file, or send them as binary data"
        ) from None


def element(tensor: bytes) -> bytes:
    """Returns the only element of a BYTES tensor."""
    length = int.from_bytes(tensor[:LENGTH], "little")
    if len(tensor) != LENGTH + length:
        raise bad("the binary data of image is not a single element preceded by its length")
    return tensor[LENGTH:]


def wanted_of(request: dict[str, Any]) -> Wanted:
    """Returns what a request wants: by default, the label map and the names of the classes."""
    everything = bool(request.get("parameters", {}).get("binary_data_output", False))
    named = request.get("outputs") or [{"name": "label_map"}, {"name": "classes"}]
    outputs, binary = [], set()
    for output in named:
        if output["name"] not in described.OUTPUTS:
            near = suggestion(output["name"], described.OUTPUTS)
            raise bad(f"no output {output['name']!r}; choose from {', '.join(described.OUTPUTS)}{near}")
        outputs.append(output["name"])
        if output.get("parameters", {}).get("binary_data", everything):
            binary.add(output["name"])
    own_id = request.get("id")
    return Wanted(tuple(dict.fromkeys(outputs)), frozenset(binary), None if own_id is None else str(own_id))


def written(answer: Answer, wanted: Wanted) -> Response:
    """Returns the answer: JSON, followed by the binary tensors if some were requested."""
    tensors = tensors_of(answer)
    outputs, tail = [], b""
    for name in wanted.outputs:
        datatype, shape, raw = tensors[name]
        output: dict[str, Any] = {"name": name, "datatype": datatype, "shape": shape}
        if name in wanted.binary:
            output["parameters"] = {"binary_data_size": len(raw)}
            tail += raw
        else:
            output["data"] = values(name, raw, answer)
        outputs.append(output)
    content = {"model_name": answer.facts["model"], "model_version": described.VERSION, "outputs": outputs}
    content |= {} if wanted.id is None else {"id": wanted.id}
    if not wanted.binary:
        return JSONResponse(content)
    head = json.dumps(content).encode()
    return Response(head + tail, media_type="application/octet-stream", headers={HEADER: str(len(head))})


def tensors_of(answer: Answer) -> dict[str, tuple[str, list[int], bytes]]:
    """Returns {name: (datatype, shape, bytes)}."""
    names = [name.encode() for name in answer.facts["names"]]
    height, width = answer.facts["height"], answer.facts["width"]
    labels, scores = answer.body[: height * width], answer.body[height * width :]
    packed = b"".join(len(name).to_bytes(LENGTH, "little") + name for name in names)
    return {
        "label_map": ("UINT8", [height, width], labels),
        "scores": ("FP32", [len(names), height, width], scores),
        "classes": ("BYTES", [len(names)], packed),
    }


def values(name: str, raw: bytes, answer: Answer) -> list[Any]:
    if name == "classes":
        return list(answer.facts["names"])
    kind = {"label_map": "B", "scores": "f"}[name]
    found = array(kind, raw)
    if len(found) > MOST_IN_JSON:
        raise bad(f"{name} has {len(found)} values, too many for JSON; ask for it with binary_data: true")
    return found.tolist()


def bad(message: str) -> Refusal:
    return Refusal(400, "protocol", message)
