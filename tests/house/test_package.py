"""What is shipped: one wheel of six packages with their data, and a plain install that a pole can run."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

from city_model import __version__
from tests.house.tree import ROOMS, ROOT, files

_DATA = (".toml", ".json", ".html", ".css", ".js", ".svg", ".png", ".woff2", ".xml", ".yaml", ".txt")
_PLAIN = {"numpy", "opencv-python-headless", "paho-mqtt", "msgspec", "click"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)], cwd=ROOT, check=True, capture_output=True)
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_six_rooms_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {*ROOMS, f"saola_city-{__version__}.dist-info"}


def test_the_wheel_holds_every_data_file_and_module(wheel: zipfile.ZipFile) -> None:
    ours = {str(path.relative_to(ROOT)) for path in files(*ROOMS, ends=(*_DATA, ".py", "py.typed"))}
    vendored = {str(path.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).rglob("vendor/**/*") if path.is_file()}
    assert (ours | vendored) - set(wheel.namelist()) == set()


def test_the_wheel_carries_no_secret_no_cache_and_no_jar(wheel: zipfile.ZipFile) -> None:
    unwanted = re.compile(r"__pycache__|\.pyc$|\.jar$|\.db$|\.key$|passwd|\.pem$|node_modules")
    assert not [name for name in wheel.namelist() if unwanted.search(name)]


def test_a_plain_install_pulls_what_a_pole_needs_and_no_more(wheel: zipfile.ZipFile) -> None:
    text = wheel.read(f"saola_city-{__version__}.dist-info/METADATA").decode()
    requires = message_from_string(text).get_all("Requires-Dist") or []
    plain = {re.split(r"[<>=!\[; ]", line)[0] for line in requires if "extra ==" not in line}
    assert plain == _PLAIN


def test_the_extras_are_the_ones_the_documents_name() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {"stream", "panel", "sim", "all", "dev"} <= set(extras)


_POLE = """
import importlib, importlib.metadata, sys
allowed = {"numpy", "cv2", "paho", "msgspec", "click", "city_model", "edge_agent", "stream_processor"}
refused = {*importlib.metadata.packages_distributions(), "broker_config", "dashboards", "simulators"} - allowed
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in refused:
            raise ModuleNotFoundError(f"No module named {name!r}: a plain install has it not", name=name)
sys.meta_path.insert(0, Refuse())
for name in sys.argv[1:]:
    importlib.import_module(name)
unwanted = {m for m in sys.modules if m.startswith(("stream_processor.logs", "stream_processor.stores", "stream_processor.engine"))}
assert not unwanted, unwanted
"""


def test_everything_of_the_pole_imports_in_a_plain_install() -> None:
    paths = [path for path in files("city_model", "edge_agent", "stream_processor/core/vision") if path.name != "__main__.py"]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    done = subprocess.run([sys.executable, "-c", _POLE, *names], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_version_stands_in_the_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings[0].startswith("Unreleased")
    assert __version__ in text


def test_the_licence_is_here_and_shipped(wheel: zipfile.ZipFile) -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert [name for name in wheel.namelist() if Path(name).name == "LICENSE"]
