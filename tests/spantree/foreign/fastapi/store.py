"""A store in FastAPI, and the bank that it calls with httpx: two services of one program. The argument is
the bank's address; without one, the program is both.

It knows nothing about tracing. Background tasks wait until a request to `/release` lets them go.
"""

import asyncio
import socket
import sys
from collections import defaultdict

import httpx
import uvicorn
from fastapi import BackgroundTasks, FastAPI, HTTPException

app = FastAPI()
listener = socket.create_server(("127.0.0.1", 0))
OWN = f"127.0.0.1:{listener.getsockname()[1]}"
BANK = sys.argv[1] if len(sys.argv) > 1 else OWN
gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)


async def charge(amount: int) -> int:
    async with httpx.AsyncClient(base_url=f"http://{BANK}") as bank:
        return (await bank.post(f"/charges/{amount}")).status_code


async def charge_later(gate: str, amount: int) -> None:
    await gates[gate].wait()
    await charge(amount)


@app.post("/orders/{amount}")
async def order(amount: int) -> str:
    status = await charge(amount)
    if status != httpx.codes.OK:
        raise HTTPException(502, f"the bank answered {status}")
    return "ordered"


@app.post("/subscriptions/{gate}")
async def subscribe(gate: str, tasks: BackgroundTasks) -> str:
    """Charge now, and twice more after the response, as soon as the gate is open."""
    await charge(1)
    tasks.add_task(charge_later, gate, 2)
    tasks.add_task(charge_later, gate, 3)
    return "subscribed"


@app.post("/release/{gate}")
async def release(gate: str) -> None:
    gates[gate].set()


@app.post("/charges/{amount}")
async def take_charge(amount: int) -> str:
    if amount > 100:
        raise HTTPException(402, "too much")
    if amount == 0:
        raise ZeroDivisionError("nothing to charge")
    return "charged"


@app.get("/healthz")
async def healthy() -> str:
    return "ok"


print(f"listening on {OWN}", flush=True)  # noqa: T201 - the test reads it
uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
