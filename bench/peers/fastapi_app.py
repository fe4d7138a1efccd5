"""FastAPI without pydantic in the way: the raw body in, a plain Response out, which is its fastest form."""

from fastapi import FastAPI, Request, Response
from handlers import answer

app = FastAPI()


@app.post("/noop")
async def noop(request: Request):
    return Response(answer("noop", await request.body()), media_type="application/json")


@app.post("/pipeline")
async def pipeline(request: Request):
    return Response(answer("pipeline", await request.body()), media_type="application/json")
