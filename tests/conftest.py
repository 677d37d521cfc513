from __future__ import annotations

from collections.abc import Iterator

import pytest

collect_ignore = ["projects"]
"""What a user may have open; some of it looks like tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is long is slow as well."""
    for item in items:
        if item.get_closest_marker("long") is not None:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _state_folder_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the tests' servers and commands keep of their runs does not get among the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    from tests.predict.checkpoints import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def loaded(checkpoint):
    """A random model in 64 bits, whose results do not depend on how many tokens a pass has."""
    from cwm_lsp.predict.engines.local import LocalEngine

    return LocalEngine.load(checkpoint, dtype="float64")
