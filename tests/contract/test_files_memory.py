"""However large a file is, whoever streams it through a store grows by little."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.s3_server import KEYS

ROOT = Path(__file__).parents[2]
MIB = 2**20

STREAMING = """
import json, sys, time
from hashlib import sha256
from pathlib import Path
from adapters.outbound.disk_files import DiskFiles
from adapters.outbound.object_files import ObjectFiles
from adapters.outbound.object_stores import Keys
from domain.files.stores import Folder, read_store

url, access, secret, mib = sys.argv[1:5]
store = read_store(url)
files = DiskFiles(store.path) if isinstance(store, Folder) else ObjectFiles(store, Keys(access, secret))
files.write("a/b/first", [b"x"], type="")  # what a process loads once is there
files.open("a/b/first").close()
sent, got = sha256(), sha256()

def peak():
    # Not getrusage's: that begins with the size of whoever started us.
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024

def chunks():
    for number in range(int(mib) * 16):
        chunk = number.to_bytes(8, "big") * 8192
        sent.update(chunk)
        yield chunk

before = peak()
began = time.monotonic()
files.write("a/b/large", chunks(), type="")
written, wrote = peak() - before, time.monotonic() - began
began = time.monotonic()
opened = files.open("a/b/large")
for chunk in opened.chunks:
    got.update(chunk)
print(json.dumps({
    "size": opened.size, "same": sent.digest() == got.digest(), "write": written, "read": peak() - before,
    "seconds": [round(wrote, 1), round(time.monotonic() - began, 1)],
}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell how large a process was")
@pytest.mark.parametrize("store", ["disk", "s3"])
@pytest.mark.parametrize("mib", [80, pytest.param(1024, marks=pytest.mark.long)])
def test_a_large_file_takes_little_memory(request, tmp_path, store, mib):
    url = f"file://{tmp_path}"
    if store == "s3":
        bucket = request.getfixturevalue("bucket")
        url = f"s3://{bucket.name}/{bucket.prefix}?endpoint={bucket.endpoint}"
    command = [sys.executable, "-c", STREAMING, url, KEYS.access, KEYS.secret, str(mib)]
    told = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=110).stdout)
    assert (told["size"], told["same"]) == (mib * MIB, True)
    assert max(told["write"], told["read"]) < 50, told
    print(f"{store}, {mib} MiB: {told}")
