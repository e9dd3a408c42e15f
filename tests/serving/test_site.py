"""What `fullconv page` refuses."""

import json

import pytest
from click.testing import CliRunner

from fullconv.commands.main import fullconv
from fullconv.errors import FullconvError
from fullconv.serving.site import RUNTIME, RUNTIME_FILES, check_free, check_runtime


@pytest.fixture
def runtime(tmp_path):
    """A folder that looks like the npm package."""
    folder = tmp_path / "onnxruntime-web"
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"version": RUNTIME}))
    for name in RUNTIME_FILES:
        (folder / "dist" / name).write_text("//")
    return folder


def test_a_missing_npm_package_gives_the_command_to_install_it(tmp_path):
    result = CliRunner().invoke(fullconv, ["page", "--onnxruntime-web", str(tmp_path)])
    assert f"run `npm install onnxruntime-web@{RUNTIME}`" in str(result.exception)


def test_another_version_of_the_runtime_is_refused(runtime):
    check_runtime(runtime)
    (runtime / "package.json").write_text('{"version": "1.0.0"}')
    with pytest.raises(FullconvError, match=r"version 1\.0\.0 of onnxruntime-web, but the page needs"):
        check_runtime(runtime)


def test_a_missing_file_is_named(runtime):
    (runtime / "dist" / RUNTIME_FILES[-1]).unlink()
    with pytest.raises(FullconvError, match=RUNTIME_FILES[-1]):
        check_runtime(runtime)


def test_a_folder_with_other_files_is_left_unchanged(runtime, tmp_path):
    out = tmp_path / "site"
    out.mkdir()
    check_free(out, False)
    (out / "mine.txt").touch()
    with pytest.raises(FullconvError, match="not empty"):
        check_free(out, False)
    check_free(out, True)


def test_an_earlier_site_is_replaced(runtime, tmp_path):
    out = tmp_path / "site"
    arguments = ["page", "--onnxruntime-web", str(runtime), "--out", str(out)]
    for _ in range(2):
        result = CliRunner().invoke(fullconv, arguments)
        assert result.exit_code == 0, result.output
        assert "python -m http.server" in result.output
