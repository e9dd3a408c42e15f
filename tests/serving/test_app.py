"""The answers of the endpoints."""

import io
import json
import signal
import zipfile

import numpy as np
import pytest
from PIL import Image

import fullconv
from tests.conftest import EXAMPLES
from tests.serving.running import running


@pytest.fixture(scope="module")
def expected(cat):
    return fullconv.load("photos").predict(cat)


def picture(body):
    return np.array(Image.open(io.BytesIO(body)))


def test_labels_equal_those_of_predict(server, cat, expected):
    reply = server.ask("/predict", cat)
    assert (reply.status, reply.headers["content-type"]) == (200, "image/png")
    opened = Image.open(io.BytesIO(reply.body))
    assert opened.mode == "P"
    assert np.array_equal(np.array(opened), expected.label_map)
    assert bytes(opened.getpalette()) == expected.classes.palette().tobytes()


def test_a_form_gives_the_same_answer(server, cat):
    body = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.jpg"\r\n\r\n' + cat + b"\r\n--x--\r\n"
    reply = server.ask("/predict?save=json", body, {"Content-Type": "multipart/form-data; boundary=x"})
    assert reply.json == server.ask("/predict?save=json", cat).json


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("saev=masks", "no option 'saev' here; choose from save, model, classes; did you mean save?"),
        ("save=json&x=1", "no option 'x' here; choose from save, model, classes"),
        ("save=json&save=masks", "save is given twice; a request has one output"),
        ("model=photos&model=photos", "model is given twice; a request has one model"),
    ],
)
def test_unknown_options_are_refused(server, cat, query, message):
    refused = server.ask(f"/predict?{query}", cat)
    assert (refused.status, refused.json) == (422, {"error": message, "reason": "question"})


@pytest.mark.parametrize(
    ("query", "near"),
    [("save=mask", "masks"), ("classes=cta", "cat"), ("classes=dog,Cat", "cat"), ("model=photo", "photos")],
)
def test_a_similar_name_is_suggested(server, cat, query, near):
    assert server.ask(f"/predict?{query}", cat).json["error"].endswith(f"; did you mean {near}?")


def test_a_form_with_more_than_the_file_is_refused(server, cat):
    field = b'--x\r\nContent-Disposition: form-data; name="save"\r\n\r\nmasks\r\n'
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + cat + b"\r\n--x--\r\n"
    refused = server.ask("/predict", field + file, {"Content-Type": "multipart/form-data; boundary=x"})
    assert (refused.status, refused.json["reason"]) == (422, "form")
    assert "no field 'save' in this form" in refused.json["error"]
    assert "options (save, model, classes) belong in the address" in refused.json["error"]
    assert server.ask("/predict", file, {"Content-Type": "multipart/form-data; boundary=x"}).status == 200


def test_a_damaged_form_writes_nothing_to_the_log(cat):
    with running() as one:
        refused = one.ask("/predict", cat, {"Content-Type": "multipart/form-data; boundary=x"})
        one.process.send_signal(signal.SIGTERM)
        _, log = one.process.communicate(timeout=60)
    assert (refused.json["reason"], log) == ("form", "")


def test_json_contains_size_and_shares(server, cat, expected):
    told = server.ask("/predict?save=json", cat).json
    assert (told["model"], told["width"], told["height"]) == ("photos", 451, 300)
    assert told["classes"] == pytest.approx(expected.shares)


def test_masks_are_sent_as_an_archive(server, cat, expected):
    archive = zipfile.ZipFile(io.BytesIO(server.ask("/predict?save=masks", cat).body))
    assert sorted(archive.namelist()) == ["picture_background.png", "picture_cat.png"]
    assert np.array_equal(picture(archive.read("picture_cat.png")) == 255, expected.mask("cat"))


def test_overlay_polygons_and_coco(server, cat):
    assert picture(server.ask("/predict?save=overlay", cat).body).shape == (300, 451, 3)
    assert json.loads(server.ask("/predict?save=polygons", cat).body)["type"] == "FeatureCollection"
    names = {category["name"] for category in server.ask("/predict?save=coco", cat).json["categories"]}
    assert "cat" in names


def test_exif_orientation_is_applied(server):
    photo = Image.open(EXAMPLES / "chelsea.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = io.BytesIO()
    photo.save(turned, "JPEG", exif=exif)
    told = server.ask("/predict?save=json", turned.getvalue()).json
    assert (told["width"], told["height"]) == (300, 451)


def test_models_have_classes_and_colours(server):
    (model,) = server.ask("/models").json
    assert model["name"] == "photos"
    assert model["classes"][8] == "cat"
    assert model["palette"][8] == [64, 0, 0]


def test_an_unknown_model_and_an_unknown_output_are_refused(server, cat):
    reply = server.ask("/predict?model=dogs", cat)
    assert (reply.status, reply.json["reason"]) == (404, "model")
    assert "choose from photos" in reply.json["error"]
    reply = server.ask("/predict?save=everything", cat)
    assert (reply.status, reply.json["reason"]) == (422, "question")
    assert "choose from labels, overlay" in reply.json["error"]


def test_errors_of_unknown_paths_and_methods_are_json(server):
    assert server.ask("/nowhere").json["reason"] == "address"
    reply = server.ask("/predict")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert reply.json["error"] == "no GET here; send the picture with POST"
    assert server.ask("/models", b"x").json["error"] == "no POST here; send the request with GET"


def test_a_photo_sent_with_curl_d_is_refused_with_a_hint(server, cat):
    """curl -d removes line breaks and null bytes, and calls it a form."""
    as_form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"\x89PNG\r\n\x1a\n" + cat, cat):
        refused = server.ask("/predict", body.translate(None, b"\r\n\0"), as_form)
        assert refused.status in (415, 422)
        assert "with curl, send the file with --data-binary" in refused.json["error"]
    plain = server.ask("/predict", b"no picture", {"Content-Type": "application/octet-stream"})
    assert "--data-binary" not in plain.json["error"]
    assert server.ask("/predict", cat, as_form).status == 200


def test_a_photo_sent_with_data_binary_gets_no_hint_at_it(server, cat):
    """curl --data-binary, as in the manual, calls a file a form too."""
    for body in (cat[: len(cat) // 2], b"II*\0" + cat, b"%PDF-1.7\n"):
        refused = server.ask("/predict", body, {"Content-Type": "application/x-www-form-urlencoded"})
        assert refused.json["reason"] in ("format", "damaged")
        assert "--data-binary" not in refused.json["error"]


def test_notes_name_no_option_of_the_command_line(server):
    deep = io.BytesIO()
    Image.fromarray(np.arange(96 * 96, dtype=np.uint16).reshape(96, 96)).save(deep, "PNG")
    (note,) = server.ask("/predict?save=json", deep.getvalue()).json["notes"]
    assert note.startswith("values ")
    assert note.endswith(" are mapped to 0 to 255")


def test_the_description_has_examples(server):
    told = server.ask("/openapi.json").json
    assert {"/predict", "/models", "/v2/models/{name}/infer"} <= set(told["paths"])
    predict = told["paths"]["/predict"]["post"]
    assert predict["responses"]["429"]["content"]["application/json"]["example"]["reason"] == "queue"


def test_metrics_count_pictures_and_refusals(server, cat):
    before = server.metric('fullconv_pictures_total{model="photos"}')
    server.ask("/predict", cat)
    server.ask("/predict", b"no picture")
    assert server.metric('fullconv_pictures_total{model="photos"}') == before + 1
    assert server.metric('fullconv_refusals_total{reason="format"}') >= 1
    assert server.metric("fullconv_memory_bytes") > 50e6


def test_the_security_headers_forbid_other_websites(server):
    headers = server.ask("/models").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_cut_out_and_confidence(server, cat, expected):
    cut = picture(server.ask("/predict?save=cutout", cat).body)
    assert cut.shape == (300, 451, 4)
    assert ((cut[..., 3] > 127) == expected.mask("cat")).mean() > 0.99
    assert picture(server.ask("/predict?save=confidence", cat).body).shape == (300, 451)


def test_only_the_requested_classes_are_used(server, cat):
    told = server.ask("/predict?save=json&classes=dog,%20horse", cat).json
    assert set(told["classes"]) <= {"background", "dog", "horse"}
    as_a_list = server.ask("/predict?save=json&classes=dog&classes=horse", cat).json
    assert as_a_list == told
    for asked in ("puma", ",", "", "dog&classes=", "dog&classes=puma"):
        reply = server.ask(f"/predict?classes={asked}", cat)
        assert (reply.status, reply.json["reason"]) == (422, "class")
