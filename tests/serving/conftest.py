import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from tests.conftest import EXAMPLES
from tests.serving.running import running


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server for all tests that do not change its state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FULLCONV_CACHE", str(tmp_path_factory.mktemp("serving-cache")))
        with running() as one:
            yield one


@pytest.fixture(scope="session")
def cat() -> bytes:
    return (EXAMPLES / "chelsea.jpg").read_bytes()
