"""The forest behind a batcher written by hand: what is queued when the model is free goes to it as one batch."""

import asyncio
import json
import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "forest"))
import main  # noqa: E402

BATCH_MAX = 64


async def batches(queue):
    loop, pool = asyncio.get_running_loop(), ThreadPoolExecutor(1)
    while True:
        batch = [await queue.get()]
        while len(batch) < BATCH_MAX and not queue.empty():
            batch.append(queue.get_nowait())
        answers = await loop.run_in_executor(pool, main.batch_handler, [event for event, _ in batch], None)
        for (_, future), answer in zip(batch, answers):
            future.set_result(answer)


@asynccontextmanager
async def lifespan(app):
    app.state.queue = asyncio.Queue()
    task = asyncio.create_task(batches(app.state.queue))
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.post("/")
async def score(request: Request):
    future = asyncio.get_running_loop().create_future()
    await request.app.state.queue.put((json.loads(await request.body()), future))
    return Response(json.dumps(await future), media_type="application/json")
