"""PyInstaller's hook: files that fcnet reads, and modules that it imports by name when they are first asked for.

``fcnet.sklearn`` comes along where a program imports it, with scikit-learn.
"""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

datas = collect_data_files("fcnet", includes=["datasets/*", "explanation/drawing/*.css", "explanation/drawing/*.js"])
hiddenimports = collect_submodules(
    "fcnet", filter=lambda name: not name.startswith(("fcnet.sklearn", "fcnet._pyinstaller"))
)
