"""Flask, the raw body in, a plain Response out."""

from flask import Flask, Response, request
from handlers import answer

app = Flask(__name__)


@app.post("/<name>")
def call(name):
    return Response(answer(name, request.get_data()), mimetype="application/json")
