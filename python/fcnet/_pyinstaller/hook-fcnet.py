"""PyInstaller hook: the data files of fcnet, and the modules that it imports lazily by name.

``fcnet.sklearn`` and scikit-learn are included only if a program imports them.
"""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

datas = collect_data_files("fcnet", includes=["datasets/*", "explanation/drawing/*.css", "explanation/drawing/*.js"])
hiddenimports = collect_submodules(
    "fcnet", filter=lambda name: not name.startswith(("fcnet.sklearn", "fcnet._pyinstaller"))
)
