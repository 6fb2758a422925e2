"""A shop in Flask and SQLAlchemy. It knows nothing about tracing: `opentelemetry-instrument` starts it."""

from threading import Thread
from typing import Any

from flask import Flask, Response, jsonify
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool
from werkzeug.serving import make_server

app = Flask("shop")
database = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})


def execute(statement: str, **values: Any) -> None:
    with database.begin() as connection:
        connection.execute(text(statement), values)


@app.get("/items/<int:number>")
def show_item(number: int) -> Response:
    execute("SELECT name FROM items WHERE id = :number", number=number)
    return jsonify("a teapot")


@app.post("/checkout")
def check_out() -> tuple[Response, int]:
    execute("SELECT name FROM items WHERE id = 1")
    execute("INSERT INTO orders VALUES (1)")
    return jsonify("thanks"), 201


@app.get("/broken")
def break_down() -> Response:
    raise RuntimeError("the till is jammed")


@app.get("/missing-table")
def read_missing_table() -> Response:
    execute("SELECT * FROM invoices")
    return jsonify()


@app.post("/report")
def report() -> Response:
    """Work in another thread, where the request's context is lost."""
    thread = Thread(target=execute, args=("SELECT count(*) FROM orders",))
    thread.start()
    thread.join()
    return jsonify()


@app.post("/import/<int:count>")
def import_items(count: int) -> Response:
    """Insert items one by one, which one statement could do."""
    for number in range(count):
        execute("INSERT INTO items VALUES (:number, 'a teapot')", number=number)
    return jsonify()


execute("CREATE TABLE items (id INTEGER, name TEXT)")
execute("CREATE TABLE orders (item INTEGER)")
with make_server("127.0.0.1", 0, app, threaded=True) as server:
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - the test reads it
    server.serve_forever()
