"""How `static/vendor` was made: the two libraries of the page, copied from npm as they are, with licences and a manifest.

For maintainers only; nobody needs Node to install or run the console. `npm ci` checks every package against the lock file. Usage::

    python -m dashboards.console.vendor

Then commit `static/vendor`. To move to another version: change package.json, `npm install --package-lock-only`, run this.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
VENDOR = HERE / "static" / "vendor"
MANIFEST = VENDOR / "SHA256SUMS"

FILES = {
    "leaflet": ("dist/leaflet.js", "dist/leaflet.css"),
    "uplot": ("dist/uPlot.iife.min.js", "dist/uPlot.min.css"),
}


def main() -> None:
    """Fetch, copy, write LICENSES.txt and the manifest."""
    with tempfile.TemporaryDirectory() as directory:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, directory)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=directory, check=True)
        copy(Path(directory) / "node_modules")
    MANIFEST.write_text(manifest(), encoding="utf-8")


def copy(modules: Path) -> None:
    """The named files and every licence text."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    licences = []
    for package, names in FILES.items():
        for name in names:
            target = VENDOR / package / Path(name).name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(without_source_map((modules / package / name).read_bytes()))
        licences.append(f"{package}\n\n{(modules / package / 'LICENSE').read_text(encoding='utf-8').strip()}\n")
    (VENDOR / "LICENSES.txt").write_text(("\n" + "-" * 78 + "\n\n").join(licences), encoding="utf-8")


def without_source_map(data: bytes) -> bytes:
    """Without the trailing comment that names a map we do not ship: browsers' tools would ask for it in vain."""
    head, mark, _ = data.rpartition(b"//# sourceMappingURL=")
    return head if mark else data


def manifest() -> str:
    """Lines as `sha256sum` writes them."""
    files = sorted(path for path in VENDOR.rglob("*") if path.is_file() and path != MANIFEST)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(VENDOR).as_posix()}\n" for path in files)


if __name__ == "__main__":
    main()
