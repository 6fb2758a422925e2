"""A Celery worker that `opentelemetry-instrument` starts. Its tasks send each other messages.

Where LINKS is set, tasks begin traces of their own that link to the message, as the instrumentation's documentation
describes it.
"""

import os

from celery import Celery, Task
from celery.signals import worker_ready
from opentelemetry.instrumentation.celery import CeleryInstrumentor

if os.environ.get("LINKS"):
    CeleryInstrumentor().uninstrument()
    CeleryInstrumentor().instrument(use_span_links=True)

app = Celery("shop", broker=os.environ["BROKER"])
app.conf.update(
    task_default_queue=os.environ["QUEUE"],
    task_ignore_result=True,
    worker_redirect_stdouts=False,
    worker_enable_remote_control=False,
)


class CardDeclined(Exception):
    pass


@app.task(name="check_out")
def check_out(amount: int) -> None:
    charge.delay(amount)
    send_mail.delay(amount)


@app.task(name="charge")
def charge(amount: int) -> None:
    if amount > 100:
        raise CardDeclined(f"{amount} is too much")


@app.task(name="send_mail", bind=True)
def send_mail(self: Task, amount: int) -> None:
    """The first attempt fails."""
    if not self.request.retries:
        raise self.retry(countdown=0, exc=ConnectionError("the mail server is busy"))


@worker_ready.connect
def announce(**_: object) -> None:
    print("listening on the broker", flush=True)  # noqa: T201 - the test reads it


app.worker_main(["worker", "--pool", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat"])
