"""show_config tells the truth about what runs, the same in print and as a dictionary."""

from __future__ import annotations

import platform

import numpy as np
import pytest

import fcnet as fc
from forks import output_forked


def printed(text: str) -> dict[str, dict[str, str]]:
    """What show_config printed, read back: sections stand at the margin, facts below them."""
    sections: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if not line.startswith(" "):
            facts = sections.setdefault(line, {})
        else:
            name, _, value = line.strip().partition(":")
            facts[name] = value.strip()
    return sections


def test_it_prints_what_it_returns(capsys):
    assert fc.show_config() is None
    expected = {
        section: {k: ", ".join(v) if isinstance(v, list) else str(v) for k, v in facts.items()}
        for section, facts in fc.show_config("dicts").items()
    }
    assert printed(capsys.readouterr().out) == expected


def test_returning_prints_nothing(capsys):
    fc.show_config("dicts")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("mode", ["json", "", "STDOUT", None, 1])
def test_another_mode_is_refused(mode):
    with pytest.raises(ValueError, match=f"mode is {mode!r}: expected 'stdout' or 'dicts'"):
        fc.show_config(mode)


def test_the_versions_are_those_that_run():
    facts = fc.show_config("dicts")
    assert facts["fcnet"]["version"] == (fc.__version__ or "not installed")
    assert facts["python"]["version"] == platform.python_version()
    assert facts["python"]["numpy"] == np.__version__


def test_the_instruction_set_follows_the_one_in_use(isa):
    facts = fc.show_config("dicts")["instruction set"]
    assert facts["name"] == isa
    assert facts["chosen by"] == "use_isa"
    assert isa in facts["available"]


def test_the_threads_follow_the_ones_in_use(threads):
    facts = fc.show_config("dicts")["threads"]
    assert (facts["count"], facts["chosen by"]) == (threads, "set_num_threads")
    assert facts["usable CPUs"] >= 1
    assert facts["reductions"] >= 0


def test_it_tells_who_chose_the_threads():
    code = "import fcnet as fc; t = fc.show_config('dicts')['threads']; print(t['count'], '|', t['chosen by'])"
    assert output_forked(code, modules="numpy", FCNET_NUM_THREADS="3") == "3 | FCNET_NUM_THREADS"


def test_the_build_flags_keep_the_promise_of_equal_bits():
    flags = fc.show_config("dicts")["build"]["flags"].split()
    assert "-ffp-contract=off" in flags
    assert not [f for f in flags if f in ("-ffast-math", "-Ofast", "-march=native")]
