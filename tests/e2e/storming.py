"""A storm in a process of its own: each of the paths on its input is asked for once, by many clients at the same moment. It tells what was
answered, by type and by what caches may do with it.

    python -m tests.e2e.storming PORT < PATHS
"""

import http.client
import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

CLIENTS = 100


def main(port: int, paths: list[str]) -> Counter[str]:
    shares = [paths[at::CLIENTS] for at in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(kind for kinds in pool.map(lambda share: _client(port, share), shares) for kind in kinds)


def _client(port: int, paths: list[str]) -> list[str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        return [_asked(connection, path) for path in paths]


def _asked(connection: http.client.HTTPConnection, path: str) -> str:
    connection.request("GET", path, headers={"Accept": "image/avif,image/webp,*/*"})
    answer = connection.getresponse()
    while answer.read(2**18):
        pass
    return f"{answer.status} {answer.headers['Content-Type']} {answer.headers['Cache-Control']}"


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), sys.stdin.read().split())))
