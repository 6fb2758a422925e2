// The queues of the bus, and what is in them.

const queueRows = remembering(makeQueue);

function paintQueues([queues]) {
  arrange(part("queues"), queueRows(queues, ({ queue }) => queue));
}

function makeQueue({ queue, ready, unacknowledged, consumers }) {
  const made = element(
    "div",
    { class: "queue", "data-queue": queue, title: `${queue}: ${consumers} consumer${consumers === 1 ? "" : "s"}` },
    element("span", {}, queue),
    element("b", { class: "ready" }, String(ready)),
    element("b", { class: "unacknowledged" }, String(unacknowledged ?? "?")),
  );
  made.classList.toggle("busy", ready > 0 || unacknowledged > 0);
  return made;
}
