// The queues of the bus and their depths.

const queueRows = reusing(makeQueueRow);

function showQueues([queues]) {
  replaceChildren(byId("queues"), queueRows(queues, ({ queue }) => queue));
}

function makeQueueRow({ queue, ready, unacknowledged, consumers }) {
  const row = element(
    "div",
    { class: "queue", "data-queue": queue, title: `${queue}: ${consumers} consumer${consumers === 1 ? "" : "s"}` },
    element("span", {}, queue),
    element("b", { class: "ready" }, String(ready)),
    element("b", { class: "unacknowledged" }, String(unacknowledged ?? "?")),
  );
  row.classList.toggle("busy", ready > 0 || unacknowledged > 0);
  return row;
}
