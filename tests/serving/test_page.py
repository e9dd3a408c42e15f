"""The page in a browser, with each of its two engines."""

import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import fullconv
from fullconv.serving.site import write_site
from fullconv.weights.model_files import CONFIG, GRAPH, read_config, write_config
from fullconv.weights.model_folder import find_model
from tests.conftest import EXAMPLES
from tests.serving.browsers import Visit, chromium, node_modules, static_server
from tests.serving.running import running

CAT = EXAMPLES / "chelsea.jpg"
ON_THE_CAT = 0.5, 0.5


@pytest.fixture(scope="module")
def browser():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return node_modules(tmp_path_factory.mktemp("npm"))


@pytest.fixture(scope="module")
def site(packages, tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    write_site(find_model("photos"), out, packages / "onnxruntime-web")
    with static_server(out) as address:
        yield address


@pytest.fixture
def visit(browser):
    """Opens pages. At the end, checks that they wrote nothing to the console and sent no request to other hosts."""
    opened = []

    def visit(address, **how):
        opened.append(Visit(browser, address, **how))
        opened[-1].ready()
        return opened[-1]

    yield visit
    for one in opened:
        one.context.close()
        assert one.said == []
        assert one.elsewhere == []


def labels_in(path):
    return np.array(Image.open(path))


def agreement(path, photo, model="photos", **how):
    """Returns the share of pixels at which a downloaded label map equals the prediction in float32."""
    return (labels_in(path) == fullconv.load(model, precision="fp32").predict(photo, **how).label_map).mean()


def test_with_the_server_the_cat_in_a_dropped_photo_is_found(server, visit, tmp_path):
    one, expected = visit(server.address + "/"), fullconv.load("photos").predict(CAT)
    one.drop(CAT)
    assert one.page.inner_text("#classes").split()[:3] == ["cat", f"{100 * expected.shares['cat']:.1f}", "%"]
    assert one.overlay_alpha(*ON_THE_CAT) == 128
    one.page.get_by_label("cat", exact=True).uncheck()
    assert one.overlay_alpha(*ON_THE_CAT) == 0
    one.page.get_by_label("cat", exact=True).check()
    one.page.fill("#opacity", "100")
    assert one.overlay_alpha(*ON_THE_CAT) == 255
    saved = one.download("#save-labels", tmp_path)
    assert saved.name == "chelsea_labels.png"
    assert np.array_equal(labels_in(saved), expected.label_map)
    assert bytes(Image.open(saved).getpalette()) == expected.classes.palette().tobytes()


def turned_webp(path, orientation):
    """The cat, stored in a WebP so that its EXIF orientation makes it upright again."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.open(CAT)
    undo = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE}[orientation]
    stored.transpose(undo).save(path, lossless=True, exif=exif)
    return path


@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_a_webp_with_an_exif_orientation_is_shown_upright(server, visit, tmp_path, orientation):
    """Chromium does not turn it, but the server does."""
    one = visit(server.address + "/")
    one.drop(turned_webp(tmp_path / "turned.webp", orientation))
    one.page.click("#hide-all")
    shown = np.array(Image.open(one.download("#save-overlay", tmp_path)).convert("RGB"))
    assert np.abs(shown - np.array(Image.open(CAT)).astype(int)).max() <= 1
    assert one.page.evaluate("[photo.width, photo.height]") == [451, 300]


def test_in_the_browser_a_turned_webp_has_the_labels_of_predict(site, visit, tmp_path):
    one = visit(site)
    one.drop(turned_webp(tmp_path / "turned.webp", 6))
    assert agreement(one.download("#save-labels", tmp_path), CAT) == 1


def sure_of(one, name):
    """Requests the confidence and returns the page's mean for a class, 0–1."""
    one.page.get_by_label("Darken where the model is unsure").check()
    one.page.locator("#classes .share", has_text="sure").first.wait_for()
    row = next(row for row in one.page.locator("#classes li").all() if name in row.inner_text())
    return float(row.inner_text().split(",")[1].split("%")[0]) / 100


@pytest.mark.parametrize("where", ["server", "site"])
def test_the_confidence_is_requested_and_drawn(where, request, visit):
    found = request.getfixturevalue(where)
    one = visit(found if where == "site" else found.address + "/")
    one.drop(CAT)
    expected = fullconv.load("photos", precision="fp32").predict(CAT, soft=True)
    assert sure_of(one, "cat") == pytest.approx(expected.sureness["cat"], abs=0.02)
    least = np.unravel_index(expected.confidence.argmin(), expected.confidence.shape)
    assert one.overlay_alpha(least[1] / 451, least[0] / 300) > 128  # also darkened where there is only background


def test_the_archive_contains_labels_masks_overlay_and_cut_out(server, visit, tmp_path):
    one = visit(server.address + "/")
    one.drop(CAT)
    archive = zipfile.ZipFile(one.download("#save-all", tmp_path))
    assert archive.testzip() is None
    names = {"labels", "overlay", "background", "cat", "cat_cutout"}
    assert set(archive.namelist()) == {f"chelsea_{name}.png" for name in names}
    found = fullconv.load("photos").predict(CAT).mask("cat")
    archive.extractall(tmp_path)
    assert np.array_equal(labels_in(tmp_path / "chelsea_cat.png")[..., 0] == 255, found)
    alpha = labels_in(tmp_path / "chelsea_cat_cutout.png")[..., 3]
    assert np.array_equal(alpha >= 128, found) or ((alpha >= 128) == found).mean() > 0.99
    assert alpha[150, 225] == 255


def test_files_are_named_as_predict_names_them(browser, tmp_path):
    config, folder = read_config(find_model("photos")), tmp_path / "model"
    names = {0: "road/wet", 8: "labels", 12: "road wet"}  # 8 is the cat
    shutil.copytree(find_model("photos"), folder)
    classes = replace(config.classes, names=tuple(names.get(i, name) for i, name in enumerate(config.classes.names)))
    write_config(folder, replace(config, classes=classes))
    fullconv.load(folder).predict(CAT).save(tmp_path, outputs=["labels", "masks"])
    with running("--model", str(folder)) as renamed:
        one = Visit(browser, renamed.address + "/")
        one.ready()
        one.drop(CAT)
        found = zipfile.ZipFile(one.download("#save-all", tmp_path)).namelist()
        one.context.close()
    more = {"chelsea_overlay.png", "chelsea_road-wet-0_labels-8_cutout.png"}
    assert sorted(found) == sorted({path.name for path in tmp_path.glob("chelsea_*.png")} | more)
    assert {"chelsea_labels.png", "chelsea_labels-8.png"} <= set(found)


def test_the_divider_and_the_keyboard(server, visit):
    one = visit(server.address + "/")
    one.drop(CAT)
    one.page.focus("#compare")
    for _ in range(3):
        one.page.keyboard.press("ArrowRight")
    assert one.page.input_value("#compare") == "3"
    assert one.page.is_visible("#divider")
    assert one.page.eval_on_selector("#overlay", "c => c.style.clipPath").endswith("3%)")
    one.page.focus("#classes input[type=checkbox]")
    one.page.keyboard.press("Space")
    assert one.overlay_alpha(*ON_THE_CAT) == 0


def test_the_page_asks_for_the_token(browser, cat):
    with running("--token", "open sesame") as guarded:
        assert guarded.ask("/predict", cat).status == 401
        assert guarded.ask("/predict", cat, {"Authorization": "Bearer open sesame"}).status == 200
        one = Visit(browser, guarded.address + "/")
        assert one.page.inner_text("#token-problem") == ""
        one.page.fill("#token", "open barley")
        one.page.keyboard.press("Enter")
        one.page.wait_for_selector("#token-problem:has-text('does not accept this token')")
        one.page.keyboard.press("Escape")
        one.page.wait_for_selector("#problem:has-text('requires a token; reload the page')")
        one.page.reload()
        one.page.fill("#token", "open sesame")
        one.page.keyboard.press("Enter")
        one.ready()
        one.drop(CAT)
        assert one.overlay_alpha(*ON_THE_CAT) == 128
        one.context.close()


def test_a_busy_server_is_asked_again(server, browser):
    one, statuses = Visit(browser, server.address + "/"), [429, 503]
    one.ready()

    def busy_at_first(route):
        if statuses:
            route.fulfill(status=statuses.pop(), headers={"Retry-After": "0.1"}, json={"error": "busy"})
        else:
            route.continue_()

    one.page.route("**/predict?*", busy_at_first)
    one.drop(CAT)
    assert one.overlay_alpha(*ON_THE_CAT) == 128
    assert statuses == []
    one.context.close()


def test_a_file_that_is_not_a_picture_gives_an_error(server, visit, tmp_path):
    one = visit(server.address + "/")
    (tmp_path / "notes.jpg").write_text("hello")
    one.page.set_input_files("#files", tmp_path / "notes.jpg")
    one.page.wait_for_selector("#problem:has-text('notes.jpg')")


def animated(path):
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    return path


def test_the_problem_of_one_photo_of_several_stays_visible(server, visit, tmp_path):
    """One that the browser cannot open, and one that the server refuses; its problem is shown whenever it is chosen."""
    (tmp_path / "notes.jpg").write_text("hello")
    one = visit(server.address + "/")
    one.page.on("console", lambda message: one.said.clear())  # the browser logs the refusal itself
    one.page.set_input_files("#files", [tmp_path / "notes.jpg", animated(tmp_path / "moving.gif"), CAT])
    one.page.wait_for_selector("#caption:has-text('chelsea.jpg ·')")
    said = one.page.inner_text("#problem").splitlines()
    assert said == [
        "notes.jpg: this browser cannot open it as a picture; use a JPEG, PNG or WebP file.",
        "moving.gif: the file contains 2 frames, and the limit is 1; send one frame",
    ]
    one.page.click("#thumbnails button[title='moving.gif']")
    assert one.page.inner_text("#problem") == said[1]
    one.page.click("#thumbnails button[title='chelsea.jpg']")
    assert one.page.is_hidden("#problem")


DROP_OTHERS = """(files) => {
  const dataTransfer = new DataTransfer();
  for (const name of files) dataTransfer.items.add(new File(["x"], name, { type: "video/mp4" }));
  dataTransfer.setData("text/uri-list", "https://a.example/cat.jpg");
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""


@pytest.mark.parametrize(("files", "said"), [(["clip.mp4"], "clip.mp4: this browser cannot open it"), ([], "no file")])
def test_what_is_dropped_and_is_no_photo_gives_an_error(server, visit, files, said):
    one = visit(server.address + "/")
    one.page.evaluate(DROP_OTHERS, files)
    one.page.wait_for_selector(f"#problem:has-text('{said}')")


def test_the_result_is_that_of_the_model_that_was_chosen_last(browser, cat):
    """The first answer arrives after the second one."""
    with running("--model", "photos", "--model", "camvid") as both:
        one, late = Visit(browser, both.address + "/"), []
        one.ready()
        one.drop(CAT)
        one.page.route("**/predict?*model=camvid", lambda route, _: late.append(route))
        one.page.select_option("#model", "camvid")
        one.page.wait_for_selector("#busy", state="visible")
        one.page.select_option("#model", "photos")
        one.page.wait_for_selector("#busy", state="hidden")
        with one.page.expect_response("**/predict?*model=camvid"):
            late[0].continue_()
        one.page.wait_for_timeout(500)
        assert one.page.inner_text("#classes").split()[0] == "cat"
        one.page.unroute_all()
        one.drop(EXAMPLES / "coffee.jpg")
        one.page.select_option("#model", "camvid")
        one.page.wait_for_selector("#classes:has-text('building')")
        one.page.click("#thumbnails button[title='chelsea.jpg']")
        assert one.page.input_value("#model") == "photos"  # the model of the photo that is shown
        one.context.close()


@pytest.mark.parametrize(
    "how", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 800}}]
)
def test_axe_finds_no_serious_accessibility_problem(server, browser, packages, how):
    one = Visit(browser, server.address + "/", bypass_csp=True, **how)
    one.ready()
    for state in ("welcome", "result"):
        if state == "result":
            one.drop(CAT)
        one.page.add_script_tag(path=packages / "axe-core" / "axe.min.js")
        found = one.page.evaluate("axe.run()")["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []
    one.context.close()


def test_in_the_browser_photos_are_segmented_offline(site, visit, tmp_path):
    one = visit(site)
    one.context.set_offline(True)
    one.drop(CAT)
    assert one.overlay_alpha(*ON_THE_CAT) == 128
    assert agreement(one.download("#save-labels", tmp_path), CAT) >= 0.999


def test_in_the_browser_a_large_photo_is_reduced(site, visit, tmp_path):
    photo = tmp_path / "large.jpg"
    Image.open(EXAMPLES / "astronaut.jpg").resize((1801, 1403)).save(photo, quality=92)
    one = visit(site)
    one.drop(photo)
    assert agreement(one.download("#save-labels", tmp_path), photo) >= 0.99


def test_in_the_browser_a_small_photo_is_enlarged(site, visit, tmp_path):
    photo = tmp_path / "small.png"
    Image.open(CAT).resize((200, 133)).save(photo)
    one = visit(site)
    one.drop(photo)
    assert agreement(one.download("#save-labels", tmp_path), photo) >= 0.99


def test_in_the_browser_a_model_without_a_longest_side_uses_tiles(packages, visit, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copyfile(find_model("photos") / GRAPH, folder / GRAPH)
    write_config(folder, replace(read_config(find_model("photos")), longest_side=None, enlarge_to=None))
    photo = tmp_path / "wide.png"
    Image.open(EXAMPLES / "chelsea.jpg").resize((1300, 865)).save(photo)
    write_site(folder, tmp_path / "site", packages / "onnxruntime-web")
    with static_server(tmp_path / "site") as address:
        one = visit(address)
        one.drop(photo)
        assert agreement(one.download("#save-labels", tmp_path), photo, folder, tile=512) >= 0.999


@pytest.mark.slow
def test_in_the_browser_values_are_scaled_to_the_models_range(packages, visit, tmp_path):
    pytest.importorskip("torch", reason="torch makes the model")
    from fullconv.exporting.onnx import export_onnx
    from fullconv.weights.checkpoint import load_model, save_model

    folder = tmp_path / "model"
    folder.mkdir()
    network, config = load_model(find_model("photos"))
    save_model(folder, network, replace(config, range=((0.0, 200.0),)))
    export_onnx(folder)
    assert read_config(folder).input == "float32"
    write_site(folder, tmp_path / "site", packages / "onnxruntime-web")
    with static_server(tmp_path / "site") as address:
        one = visit(address)
        one.drop(CAT)
        assert agreement(one.download("#save-labels", tmp_path), CAT, folder) >= 0.999


def test_the_site_contains_all_its_files(packages, tmp_path):
    write_site(find_model("photos"), tmp_path / "site", packages / "onnxruntime-web")
    names = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.*")}
    assert {"index.html", "engine.js", "model.onnx", CONFIG, "model.json", "ort/ort.wasm.min.mjs"} <= names
    assert not {"engine-server.js", "engine-browser.js"} & names
