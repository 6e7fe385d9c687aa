"""A client of a contract, in a page: notifies, calls, reads streams, answers what it is asked (docs/protocol.md).

    python3 rpc_client.py ws://127.0.0.1:3000/

Each line of its output tells one thing that it saw, as JSON.
"""
import asyncio
import json
import sys

import websockets


class RpcError(Exception):
    pass


class RpcClient:
    def __init__(self, socket, methods):
        self.socket, self.methods = socket, methods
        self.last_id, self.answers, self.streams = 0, {}, {}

    async def say(self, **message):
        await self.socket.send(json.dumps({"jsonrpc": "2.0", **message}))

    async def read(self):
        async for text in self.socket:
            message = json.loads(text)
            method, params = message.get("method"), message.get("params")
            if method == "rpc.item":
                self.streams[params["id"]].put_nowait((params["item"],))
            elif method is not None:
                # What is no object comes as the only one of an array.
                result = self.methods[method](*(params if isinstance(params, list) else [params]))
                if "id" in message:
                    await self.say(id=message["id"], result=result)
            elif message["id"] in self.answers:
                self.answers.pop(message["id"]).set_result(message)
            elif message["id"] in self.streams:
                self.streams[message["id"]].put_nowait(message)

    async def call(self, method, params):
        self.last_id += 1
        answer = self.answers[self.last_id] = asyncio.get_running_loop().create_future()
        await self.say(id=self.last_id, method=method, params=params)
        message = await answer
        if "error" in message:
            raise RpcError(message["error"]["code"])
        return message["result"]

    async def stream(self, method, params, window=16):
        self.last_id += 1
        request_id, items = self.last_id, asyncio.Queue()
        self.streams[request_id] = items
        await self.say(id=request_id, method=method, params=params, items=window)
        is_over = False
        try:
            while isinstance(item := await items.get(), tuple):
                await self.say(method="rpc.pull", params={"id": request_id, "items": 1})
                yield item[0]
            is_over = True
            if "error" in item:
                raise RpcError(item["error"]["code"])
        finally:
            if not is_over:
                await self.say(method="rpc.cancel", params={"id": request_id})


def tell(*event):
    print(json.dumps(event, ensure_ascii=False), flush=True)


async def main(url):
    def sure(text):
        tell("asked", text)
        return True

    async with websockets.connect(url) as socket:
        told = asyncio.get_running_loop().create_future()
        client = RpcClient(socket, {"news": told.set_result, "sure": sure})
        reading = asyncio.ensure_future(client.read())
        tell("news", await told)
        tell("sum", await client.call("sum", [1, 2, 3, 4]))
        try:
            await client.call("sum", ["x"])
        except RpcError as error:
            tell("error", *error.args)
        items = [item async for item in client.stream("items", {})]
        tell("items", len(items), items[-1])
        stream = client.stream("items", {})
        async for item in stream:
            if item == 5:
                break
        await stream.aclose()
        tell("left", item)
        tell("askMe", await client.call("askMe", ["really?"]))
        reading.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
