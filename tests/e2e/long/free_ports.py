"""free_ports.py N: prints the first of N consecutive TCP ports that are free on 127.0.0.1."""
import random
import socket
import sys


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


n = int(sys.argv[1])
for _ in range(1000):
    base = random.randrange(20000, 30000)
    if all(is_free(base + i) for i in range(n)):
        print(base)
        break
else:
    sys.exit("no free ports")
