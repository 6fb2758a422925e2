// The queues of the bus, and what is in them.

function paintQueues([queues]) {
  part("queues").replaceChildren(...queues.map(({ queue, ready, unacknowledged, consumers }) => {
    const inWork = unacknowledged ?? "?";
    const made = make(
      "div",
      { class: "queue", "data-queue": queue, title: `${queue}: ${consumers} consumer${consumers === 1 ? "" : "s"}` },
      make("span", {}, queue),
      make("b", { class: "ready" }, String(ready)),
      make("b", { class: "unacknowledged" }, String(inWork)),
    );
    made.classList.toggle("busy", ready > 0 || unacknowledged > 0);
    return made;
  }));
}
