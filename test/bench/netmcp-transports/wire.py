"""A wire between two network namespaces: `wire.py A B`.

Makes a TUN device `wire` in each and carries packets between them. Each line on standard input sets what the
wire does from then on: one-way delay in ms and the share of packets that get lost, for example `10 0.01`; it is
answered with `ok`. The wire is gone when standard input ends.
"""
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000


def tun(namespace):
    with open(f"/var/run/netns/{namespace}", "rb") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", b"wire", IFF_TUN_NO_PI))
    return device


ends = [tun(name) for name in sys.argv[1:3]]
other = {ends[0]: ends[1], ends[1]: ends[0]}
lose = random.Random(1)
delay, loss = 0.0, 0.0
waiting, count = [], 0
print("ok", flush=True)
while True:
    now = time.monotonic()
    while waiting and waiting[0][0] <= now:
        _, _, device, packet = heapq.heappop(waiting)
        try:
            os.write(device, packet)
        except OSError:
            pass
    rest = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
    ready, _, _ = select.select([0, *ends], [], [], rest)
    if 0 in ready:
        line = os.read(0, 256).decode()
        if line == "":
            break
        delay, loss = (float(word) for word in line.split()[:2])
        delay /= 1000
        print("ok", flush=True)
    for device in ends:
        if device not in ready:
            continue
        while True:
            try:
                packet = os.read(device, 65536)
            except OSError:
                break
            if loss > 0 and lose.random() < loss:
                continue
            count += 1
            heapq.heappush(waiting, (time.monotonic() + delay, count, other[device], packet))
