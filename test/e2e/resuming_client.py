"""A client of topics that remember, in a page: follows topics, reconnects, resumes (docs/protocol.md).

    python3 resuming_client.py ws://127.0.0.1:3000/chat

Each line of its input is sent as a message. Each line of its output tells one event, as JSON.
"""
import asyncio
import json
import random
import sys

import websockets

V1 = "nestjs-4d-websocket.v1"


class ResumingClient:
    def __init__(self, url):
        self.url, self.socket = url, None
        self.ids, self.topics, self.answers = [], {}, {}

    def tell(self, *event):
        print(json.dumps(event), flush=True)

    async def run(self):
        delay = 0.1
        while True:
            try:
                async with websockets.connect(self.url, subprotocols=[V1], max_size=None) as self.socket:
                    positions = [[topic, *where] for topic, where in self.topics.items()]
                    await self.socket.send(self.frame(["positions", self.ids[-100:], positions[-1000:]]))
                    async for frame in self.socket:
                        self.receive(frame)
                        delay = 0.1
            except (OSError, websockets.WebSocketException):
                pass
            self.socket = None
            self.tell("lost")
            await asyncio.sleep(delay * random.random())
            delay = min(delay * 2, 30)

    def frame(self, header=None, payload=""):
        line = (json.dumps(header) if header else "") + "\n"
        return line + payload if isinstance(payload, str) else line.encode() + payload

    async def send(self, payload):
        await self.socket.send(self.frame(payload=payload))

    def receive(self, frame):
        line, payload = frame.split("\n" if isinstance(frame, str) else b"\n", 1)
        kind, *rest = json.loads(line) if line else ["application"]
        if kind == "hello":
            self.ids.append(rest[0]["id"])
            self.tell("open", rest[0]["id"])
        elif kind == "topic":
            topic, epoch, offset, *answer = rest
            self.topics.pop(topic, None)  # Those that were followed last come last.
            self.topics[topic] = [epoch, offset]
            self.answers[topic] = answer
        elif kind == "message":
            topic, offset = rest
            self.topics[topic][1] = offset
            self.tell("message", topic, self.show(payload))
        elif kind == "left":
            self.topics.pop(rest[0], None)
        elif kind == "resumed":
            self.tell("resume", {topic: self.answers.get(topic) for topic in rest[0]})
        elif kind == "application":
            self.tell("message", None, self.show(payload))

    def show(self, payload):
        return payload if isinstance(payload, str) else {"hex": payload.hex()}


async def main(url):
    client = ResumingClient(url)
    running = asyncio.ensure_future(client.run())
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        await client.send(line.decode().rstrip("\n"))
    running.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
