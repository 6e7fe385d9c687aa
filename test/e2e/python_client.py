"""A client that shares no code with ours: Python's websockets. Prints what it saw as JSON."""
import asyncio
import json
import sys

import websockets


async def main(url):
    seen = {}
    async with websockets.connect(url + "/echo", max_size=None) as socket:
        await socket.send("héllo ✓")
        seen["text"] = await socket.recv()
        await socket.send("x" * 200_000)
        seen["long"] = len(await socket.recv())
        await socket.send(["frag", "mented"])
        seen["fragments"] = await socket.recv()
        pong = await socket.ping()
        await asyncio.wait_for(pong, 5)
        seen["pong"] = True
        await socket.close(4001, "bye")
        seen["close"] = [socket.close_code, socket.close_reason]
    async with websockets.connect(url + "/echo", compression="deflate") as socket:
        seen["extensions"] = [extension.name for extension in socket.extensions]
        await socket.send("y" * 10_000)
        seen["compressed"] = len(await socket.recv())
    try:
        await websockets.connect(url + "/refused")
    except websockets.InvalidStatusCode as error:
        seen["refused"] = error.status_code
    print(json.dumps(seen))


asyncio.run(main(sys.argv[1]))
