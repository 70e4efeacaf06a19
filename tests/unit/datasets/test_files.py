"""Where the files of a data set are looked for, and what is refused."""

import gzip
import hashlib
import io
from pathlib import Path

import pandas as pd
import pytest

from cximpact.core.errors import DatasetUnavailableError
from cximpact.datasets import files
from cximpact.datasets.files import DataFile, DataSource

CONTENT = b"a,b\n1,2\n"
SHA = hashlib.sha256(CONTENT).hexdigest()
URL = "https://example.org/pinned/toy.csv"


class Response(io.BytesIO):
    """What urlopen gives, without a network."""

    def __init__(self, content: bytes, url: str = URL) -> None:
        super().__init__(content)
        self.url = url

    def geturl(self) -> str:
        return self.url


def source(*, url: str | None = URL, sha256: tuple[str, ...] = (SHA,)) -> DataSource:
    file = DataFile(name="toy.csv", local="toy.csv.gz", sha256=sha256, url=url)
    return DataSource(
        dataset="toy", origin="somebody", license="free", files=[file], manual="Type it in."
    )


@pytest.fixture(autouse=True)
def no_folder_of_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXIMPACT_DATA", raising=False)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Answer downloads with ``answer`` and count them."""
    state: dict[str, object] = {"answer": lambda: Response(CONTENT), "calls": 0}

    def urlopen(request, timeout: float):
        state["calls"] += 1
        assert request.full_url == URL
        assert 0 < timeout <= 60
        return state["answer"]()

    monkeypatch.setattr(files.urllib.request, "urlopen", urlopen)
    return state


def put(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["toy.csv", "toy.csv.gz"])
def test_a_folder_of_mine_comes_before_the_cache(tmp_path, monkeypatch, network, name: str):
    packed = gzip.compress(CONTENT) if name.endswith("gz") else CONTENT
    put(tmp_path / "mine" / "toy", name, packed)
    put(tmp_path / "cache" / "toy", "toy.csv", b"other")
    monkeypatch.setenv("CXIMPACT_DATA", str(tmp_path / "mine"))
    read = source().read(cache=tmp_path / "cache", download=True)
    assert read == {"toy.csv": CONTENT}
    assert network["calls"] == 0


def test_a_download_is_cached_and_used_again(tmp_path, network):
    for _ in range(2):
        assert source().read(cache=tmp_path, download=True) == {"toy.csv": CONTENT}
    assert network["calls"] == 1
    assert [path.name for path in (tmp_path / "toy").iterdir()] == ["toy.csv"]


def test_the_cache_is_the_users_own_by_default(tmp_path, monkeypatch, network):
    monkeypatch.setattr(files.platformdirs, "user_cache_dir", lambda name: str(tmp_path / name))
    source().read(cache=None, download=True)
    assert (tmp_path / "cximpact" / "toy" / "toy.csv").read_bytes() == CONTENT


def test_offline_and_absent_says_what_where_and_how(tmp_path, network):
    with pytest.raises(DatasetUnavailableError) as caught:
        source().read(cache=tmp_path, download=False)
    message = str(caught.value)
    for part in ("'toy'", "'toy.csv'", str(tmp_path / "toy"), URL, "CXIMPACT_DATA is not set"):
        assert part in message
    assert "download=True" in message
    assert network["calls"] == 0


def test_the_folder_of_mine_is_named_among_those_searched(tmp_path, monkeypatch):
    monkeypatch.setenv("CXIMPACT_DATA", str(tmp_path / "mine"))
    with pytest.raises(DatasetUnavailableError) as caught:
        source().read(cache=tmp_path / "cache", download=False)
    assert str(tmp_path / "mine" / "toy") in str(caught.value)
    assert "not set" not in str(caught.value)


def test_what_has_no_address_says_how_to_make_it(tmp_path, network):
    with pytest.raises(DatasetUnavailableError, match="Type it in"):
        source(url=None).read(cache=tmp_path, download=True)
    assert network["calls"] == 0


def test_a_changed_file_is_not_loaded(tmp_path):
    path = put(tmp_path / "toy", "toy.csv", CONTENT + b"3,4\n")
    with pytest.raises(DatasetUnavailableError, match=r"not the published file.*sha256") as caught:
        source().read(cache=tmp_path, download=False)
    assert str(path) in str(caught.value)


def test_a_damaged_archive_is_not_loaded(tmp_path):
    put(tmp_path / "toy", "toy.csv.gz", gzip.compress(CONTENT)[:-9])
    with pytest.raises(DatasetUnavailableError, match="cannot be read"):
        source().read(cache=tmp_path, download=False)


def test_a_changed_download_is_discarded(tmp_path, network):
    network["answer"] = lambda: Response(b"something else")
    with pytest.raises(DatasetUnavailableError, match="not the published file"):
        source().read(cache=tmp_path, download=True)
    assert not list(tmp_path.rglob("*.csv"))


def test_a_download_that_fails_says_why_and_what_else_to_do(tmp_path, network):
    def refuse():
        raise files.urllib.request.URLError("no route")

    network["answer"] = refuse
    with pytest.raises(DatasetUnavailableError, match="no route") as caught:
        source().read(cache=tmp_path, download=True)
    assert URL in str(caught.value)


def test_a_detour_over_plain_http_is_refused(tmp_path, network):
    network["answer"] = lambda: Response(CONTENT, url=URL.replace("https", "http"))
    with pytest.raises(DatasetUnavailableError, match="not https"):
        source().read(cache=tmp_path, download=True)


def test_an_endless_download_is_cut_off(tmp_path, network, monkeypatch):
    monkeypatch.setattr(files, "MAX_BYTES", 4)
    with pytest.raises(DatasetUnavailableError, match="more than 4 bytes"):
        source().read(cache=tmp_path, download=True)


def test_the_label_says_where_the_data_come_from():
    frame = source().label(pd.DataFrame({"a": [1]}))
    assert frame.attrs["origin"] == "somebody"
    assert frame.attrs["license"] == "free"
    assert frame.attrs["urls"] == [URL]
    assert frame.attrs["sha256"] == {"toy.csv": SHA}
