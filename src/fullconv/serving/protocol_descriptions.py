"""The OpenAPI descriptions of the Open Inference Protocol's endpoints, with examples."""

from __future__ import annotations

from typing import Any

from fullconv import __version__
from fullconv.serving.descriptions import ANSWERS, FILE, REFUSED, given, refused

VERSION = "1"  # the only one of each model
OUTPUTS = ("label_map", "scores", "classes")
ABOUT = {"name": "fullconv", "version": __version__, "extensions": ["binary_tensor_data"]}
NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "A name from /models",
    "schema": {"type": "string"},
}
IN_VERSION = {**NAME, "name": "version", "description": "The only version of each model", "schema": {"const": VERSION}}
NO_MODEL: dict[int | str, dict[str, Any]] = {**REFUSED, 404: ANSWERS[404]}
IMAGE = {"name": "image", "shape": [1], "datatype": "BYTES", "data": ["/9j/4AAQSkZJRg…"]}
INPUT = {
    "type": "object",
    "properties": {
        "name": {"const": "image"},
        "datatype": {"const": "BYTES"},
        "shape": {"const": [1]},
        "data": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1},
    },
    "required": ["name", "datatype", "shape"],
}
OUTPUT = {"type": "object", "properties": {"name": {"enum": list(OUTPUTS)}}, "required": ["name"]}
REQUEST: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "inputs": {"type": "array", "items": INPUT, "minItems": 1, "maxItems": 1},
                    "outputs": {"type": "array", "items": OUTPUT},
                },
                "required": ["inputs"],
            },
            "example": {"inputs": [IMAGE], "outputs": [{"name": "label_map"}]},
        }
    },
}
GIVEN = {
    "description": "The requested outputs",
    "content": {
        "application/json": {
            "schema": {"type": "object"},
            "example": {
                "model_name": "photos", "model_version": "1",
                "outputs": [{"name": "label_map", "datatype": "UINT8", "shape": [2, 2], "data": [0, 0, 8, 8]}],
            },
        },
        "application/octet-stream": {"schema": FILE},
    },
}  # fmt: skip
NO_REQUEST = refused("Not a valid request of the protocol", "protocol", "this is not a request with one input, …")
LIVE: dict[str, Any] = {
    "operationId": "live",
    "summary": "Whether the server is running.",
    "responses": {200: given("It is running", {"live": True})},
}
READY: dict[str, Any] = {
    "operationId": "ready",
    "summary": "Whether the server can answer.",
    "responses": {200: given("Whether a model is loaded", {"ready": True})},
}
SERVER: dict[str, Any] = {
    "operationId": "server",
    "summary": "The server's name, version and extensions of the protocol.",
    "responses": {200: given("The server", ABOUT), **REFUSED},
}
METADATA: dict[str, Any] = {
    "operationId": "metadata",
    "summary": "The inputs and outputs of a model.",
    "parameters": [NAME],
    "responses": {200: given("The model", {"name": "photos", "versions": ["1"], "platform": "fullconv"}), **NO_MODEL},
}
MODEL_READY: dict[str, Any] = {
    "operationId": "model_ready",
    "summary": "Whether a model can answer.",
    "parameters": [NAME],
    "responses": {200: given("The model is loaded", {"name": "photos", "ready": True}), **NO_MODEL},
}
INFER: dict[str, Any] = {
    "operationId": "infer",
    "summary": "Segment one picture.",
    "description": "The picture is the one element of the BYTES tensor `image`: its file's bytes (in JSON, as base64).",
    "parameters": [NAME],
    "requestBody": REQUEST,
    "responses": {**ANSWERS, 200: GIVEN, 400: NO_REQUEST},
}


def of_version(operation: dict[str, Any]) -> dict[str, Any]:
    """Describes the same operation at the address of a version."""
    own = {"operationId": f"{operation['operationId']}_of_version", "parameters": [NAME, IN_VERSION]}
    return {**operation, **own}
