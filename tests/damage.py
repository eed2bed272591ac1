"""A network's state with a damaged part, as a pickle and as a file bring it."""

from __future__ import annotations

import json

import pytest

import fcnet as fc
from fcnet._saving import network_file, safetensors


def assert_state_is_refused(net, changes, match):
    """By ``__setstate__``, with the entries of ``changes``."""
    with pytest.raises(ValueError, match=match):
        fc.Network.__new__(fc.Network).__setstate__(net.__getstate__() | changes)


def assert_file_is_refused(net, path, entry, changes, match, monkeypatch):
    """By ``load``, with ``changes`` in an entry of the metadata: by its checksum, and also where that is right."""
    net.save(path)
    tensors, metadata = safetensors.read(path)
    metadata[entry] = json.dumps(json.loads(metadata[entry]) | changes)
    with open(path, "wb") as file:
        safetensors.write(file, tensors, metadata)
    with pytest.raises(ValueError, match="the file is damaged"):
        fc.load(path)
    monkeypatch.setattr(network_file, "_checksum", lambda *_: metadata["crc32"])
    with pytest.raises(ValueError, match=f"not a network that can be loaded: .*{match}"):
        fc.load(path)
