"""Tests that write files below `tmp_path`, each with what it should come to in its name."""

import json
import os
from pathlib import Path

import pytest


class Store:
    def __init__(self, path):
        self.path = Path(path)
        self.data = json.loads(self.path.read_text()) if self.path.exists() else {}

    def put(self, key, value):
        self.data[key] = value
        self.path.write_text(json.dumps(self.data))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store.json")


def test_is_kept(tmp_path):
    Store(tmp_path / "s.json").put("a", [1, 2])
    assert Store(str(tmp_path / "s.json")).data == {"a": [1, 2]}


def test_is_fresh(tmp_path):
    assert list(tmp_path.iterdir()) == []
    assert not (tmp_path / "s.json").exists()


def test_is_kept_fails(store):
    store.put("a", 1)
    assert json.loads(store.path.read_text()) == {"a": 2}


def test_opened(tmp_path):
    path = tmp_path / "x.txt"
    with open(path, "w", encoding="utf-8") as file:
        print("é", file=file)
        file.writelines(["a\n", "b"])
    with path.open("a", encoding="utf-8") as file:
        assert file.write("c") == 1
    assert path.read_bytes() == "é\na\nbc".encode()
    with open(str(path), encoding="utf-8") as file:
        assert [line.strip() for line in file] == ["é", "a", "bc"]
    assert os.path.getsize(path) == 7


def test_exclusive(tmp_path):
    path = tmp_path / "x"
    with open(path, "xb") as file:
        file.write(b"1")
    with pytest.raises(FileExistsError):
        open(path, "x")
    with pytest.raises(IsADirectoryError):
        tmp_path.read_text()
    with pytest.raises(NotADirectoryError):
        (path / "y").read_text()
    with pytest.raises(FileNotFoundError):
        (tmp_path / "a" / "b").write_text("")


def test_missing_fails(tmp_path):
    open(tmp_path / "nope")


def test_json(tmp_path):
    path = tmp_path / "x.json"
    with path.open("w") as file:
        json.dump({"a": 1}, file, indent=2)
    assert path.read_text() == '{\n  "a": 1\n}'
    with path.open() as file:
        assert json.load(file) == {"a": 1}


def test_folders(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    inner.mkdir(exist_ok=True)
    with pytest.raises(FileExistsError):
        inner.mkdir()
    os.makedirs(os.path.join(tmp_path, "a", "c"), exist_ok=True)
    assert sorted(os.listdir(tmp_path / "a")) == ["b", "c"]
    (inner / "x.txt").touch()
    assert sorted(tmp_path.rglob("*.txt")) == [inner / "x.txt"]
    assert sorted((tmp_path / "a").glob("*")) == [inner, tmp_path / "a" / "c"]
    (inner / "x.txt").unlink()
    inner.rmdir()
    assert not inner.exists()


def test_paths(tmp_path):
    path = tmp_path / "a.tar.gz"
    assert (path.name, path.stem, path.suffix, path.suffixes) == ("a.tar.gz", "a.tar", ".gz", [".tar", ".gz"])
    assert path.parent == tmp_path
    assert path.with_suffix(".txt").relative_to(tmp_path) == Path("a.tar.txt")
    assert os.path.basename(path) == os.path.basename(str(path)) == "a.tar.gz"
    assert path.resolve() == path.absolute() == path
    assert isinstance(str(path), str)


def test_moved(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("x")
    assert old.rename(new) == new
    assert (old.exists(), new.read_text()) == (False, "x")
    os.remove(new)
    assert not os.path.exists(str(new))


def test_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.txt").write_text("1")
    assert (tmp_path / "x.txt").read_text() == "1"
    assert os.path.exists("x.txt")


def test_is_back():
    assert not os.path.exists("x.txt")


def test_place_is_not_known(tmp_path):
    assert len(str(tmp_path)) > 5


def test_text_is_not_known(tmp_path):
    assert f"{tmp_path}".startswith("/")


def test_folder_above_is_not_known(tmp_path):
    assert tmp_path.parent.name


def test_parts_are_not_known(tmp_path):
    assert len(tmp_path.parts) > 1


def test_message_is_not_known(tmp_path):
    try:
        open(tmp_path / "x")
    except OSError as error:
        assert str(error).startswith("[Errno 2]")


def test_links_are_not_known(tmp_path):
    (tmp_path / "x").symlink_to(tmp_path)
    assert (tmp_path / "x").exists()


def test_neighbour_is_not_known(tmp_path):
    assert not tmp_path.with_name("x").exists()


def test_unflushed_is_not_known(tmp_path):
    file = open(tmp_path / "x", "w")
    file.write("1")
    assert (tmp_path / "x").read_text() == ""


def test_way_out_is_not_known(tmp_path):
    assert len(os.path.relpath(os.getcwd(), tmp_path)) > 5


def test_common_is_not_known(tmp_path):
    assert os.path.commonpath([tmp_path, Path("/tmp")])
