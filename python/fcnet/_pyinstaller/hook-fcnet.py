"""PyInstaller hook: the data files of fcnet, and the modules that it imports lazily by name.

``fcnet.sklearn`` and scikit-learn are included only if a program imports them.
"""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

_FOLDERS = ("explanation/drawing", "_exporting/html", "_pages")
_PAGES = [f"{folder}/*.{kind}" for folder in _FOLDERS for kind in ("css", "js")]
datas = collect_data_files("fcnet", includes=["datasets/*", *_PAGES])
hiddenimports = collect_submodules(
    "fcnet", filter=lambda name: not name.startswith(("fcnet.sklearn", "fcnet._pyinstaller"))
)
