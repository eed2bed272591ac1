"""Pages in a headless Chromium, and JavaScript in Node, where they are installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import unescape

import pytest

from processes import DEADLINE

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
NODE = shutil.which("node")


def browsed(page, probe, width, folder):
    """What a probe at the end of a page has written into its element "found" in a browser of this width."""
    if BROWSER is None:
        pytest.skip("no chromium is installed")
    file = folder / "page.html"
    file.write_text(page.replace("</body>", probe + "</body>"), encoding="utf-8")
    done = subprocess.run(
        [
            *(BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"),
            *("--enable-logging=stderr", "--no-first-run", f"--window-size={width},900", "--dump-dom"),
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "LD_PRELOAD"},  # the sanitizers' runtime
    )
    assert "CONSOLE" not in done.stderr
    return json.loads(unescape(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)[1]))


def run_node(script, *values):
    """What a script, in which ``values`` is a list, has assigned to ``result``."""
    if NODE is None:
        pytest.skip("no node is installed")
    code = f'const values = JSON.parse(require("fs").readFileSync(0, "utf8")); let result;\n{script}\n'
    code += "process.stdout.write(JSON.stringify(result));"
    done = subprocess.run(
        [NODE, "-e", code], input=json.dumps(values), capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
