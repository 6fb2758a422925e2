// The list of requests, newest first.

function requestList(onSelect) {
  const requests = new Map();
  const rows = new Map();
  const serverNames = new Map(); // by id
  const list = byId("requests");
  let selectedId = null;

  byId("background").addEventListener("change", show);
  list.addEventListener("click", (event) => {
    const row = event.target.closest(".request");
    if (row) onSelect(row.dataset.id);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const ids = [...list.children].map(({ dataset }) => dataset.id);
    const next = ids[Math.min(Math.max(ids.indexOf(selectedId) + step, 0), ids.length - 1)];
    if (next) onSelect(next);
  });

  function show() {
    const shown = [...requests.values()]
      .filter(({ background }) => !background || byId("background").checked)
      .sort((one, other) => other.startMs - one.startMs);
    replaceChildren(list, shown.map(rowOf));
  }

  function rowOf(request) {
    if (!rows.has(request.id)) rows.set(request.id, makeRequestRow(request));
    const row = rows.get(request.id);
    fillRequestRow(row, request, serverNames.get(request.serverId));
    row.setAttribute("aria-selected", request.id === selectedId);
    return row;
  }

  return {
    get: (id) => requests.get(id),
    get selectedId() {
      return selectedId;
    },
    get isEmpty() {
      return requests.size === 0;
    },
    select(id) {
      const isNew = selectedId !== id;
      selectedId = id;
      show();
      if (isNew) rows.get(id)?.scrollIntoView({ block: "nearest" });
      list.removeAttribute("aria-activedescendant");
      if (rows.has(id)) list.setAttribute("aria-activedescendant", rows.get(id).id);
    },
    update(changed) {
      for (const request of changed) requests.set(request.id, request);
      show();
    },
    remove(ids) {
      for (const id of ids) {
        requests.delete(id);
        rows.delete(id);
      }
      show();
    },
    /** Remember the names of these servers, even after the servers are deleted. */
    setServerNames(servers) {
      for (const { id, name } of servers) serverNames.set(id, name);
      show();
    },
    clear() {
      requests.clear();
      rows.clear();
      list.replaceChildren();
    },
  };
}

function makeRequestRow({ id }) {
  const columns = ["state", "title", "fault", "counts", "duration"];
  const cells = columns.map((column) => element("span", { class: column }));
  return element("div", { class: "request", role: "option", id: `request-${id}`, "data-id": id }, ...cells);
}

function fillRequestRow(row, request, serverName) {
  const [state, title, fault, counts, duration] = row.children;
  row.classList.toggle("running", request.running);
  row.classList.toggle("failed", request.errors > 0);
  state.textContent = request.running ? "●" : request.errors ? "✗" : "✓";
  title.textContent = `${request.service} · ${request.title}${serverName ? ` ${serverName}` : ""}`;
  fault.textContent = request.fault && `⚑ ${request.fault}`;
  counts.textContent = `${request.spans} spans${request.errors ? `, ${request.errors} failed` : ""}`;
  duration.textContent = formatDuration(request.durationNs);
}
