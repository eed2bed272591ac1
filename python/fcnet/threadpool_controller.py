"""Registers fcnet with ``threadpoolctl``, so that it can limit fcnet's threads, without importing it.

threadpoolctl needs a registered controller class for each library. If it is already imported, fcnet registers at once;
otherwise a finder in ``sys.meta_path`` registers fcnet when threadpoolctl is imported.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from fcnet import _native

if TYPE_CHECKING:
    from importlib.abc import Loader  # takes 12 ms to import

_MODULE = "threadpoolctl"


def register_when_imported() -> None:
    """Register fcnet with threadpoolctl now, and again whenever it is imported."""
    if _MODULE in sys.modules:
        _register(sys.modules[_MODULE])
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


def _register(threadpoolctl: ModuleType) -> None:
    if not hasattr(threadpoolctl, "register"):  # before 3.2, or another module of that name
        return

    class FcnetController(threadpoolctl.LibController):  # type: ignore[misc, name-defined]
        """Calls two functions that the extension module exports; their symbols identify the module."""

        user_api = "fcnet"
        internal_api = "fcnet"
        filename_prefixes = ("_native.",)
        check_symbols = ("fcnet_get_num_threads", "fcnet_set_num_threads")

        def get_num_threads(self) -> Any:
            return self.dynlib.fcnet_get_num_threads()

        def set_num_threads(self, num_threads: int) -> None:
            self.dynlib.fcnet_set_num_threads(num_threads)

        def get_version(self) -> str:
            return _native.__version__

    threadpoolctl.register(FcnetController)


class _Finder:
    """Finds threadpoolctl by the other finders, and wraps its loader."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != _MODULE:
            return None
        for finder in sys.meta_path:
            find = None if finder is cls else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = cast("Loader", _RegisteringLoader(spec.loader))
                return spec
        return None


class _RegisteringLoader:
    """Wraps a loader, and registers fcnet after it has loaded the module."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _register(module)
