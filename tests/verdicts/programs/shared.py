import pytest
from shop import Till


@pytest.fixture
def till():
    made = Till()
    made.put(10)
    yield made
    assert made.money >= 10


@pytest.fixture(scope="session")
def session_list():
    return []


@pytest.fixture
def name():
    return "outer"
