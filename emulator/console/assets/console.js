// The page: receives events, and shows pictures of the selected request.

const list = requestList(selectByUser);
const views = { sequence: sequenceView(byId("sequence")), waterfall: waterfallView(byId("waterfall")) };
let tab = "sequence";
let following = true; // show each new request, until the user selects one
let drawing = false;
let outdated = false;

setUpBootForm(() => {
  following = true;
});

function waterfallView(container) {
  const view = waterfall(container);
  return {
    async show(request) {
      const response = await fetch(`requests/${encodeURIComponent(request.id)}/waterfall.json`);
      if (response.ok) view.show(await response.json());
    },
  };
}

function selectByUser(id) {
  following = false;
  select(id);
}

function select(id) {
  list.select(id);
  showLinks();
  draw();
}

/** Draw the selected request. If it changes meanwhile, draw it once more afterwards. */
async function draw() {
  outdated = true;
  if (drawing) return;
  drawing = true;
  while (outdated) {
    outdated = false;
    const request = list.get(list.selectedId);
    byId("placeholder").hidden = Boolean(request);
    for (const name of Object.keys(views)) byId(name).hidden = !request || name !== tab;
    if (request) await views[tab].show(request).catch(() => {});
  }
  drawing = false;
}

function showLinks() {
  const request = list.get(list.selectedId);
  if (!request) return byId("links").replaceChildren();
  const save = element("a", { href: `requests/${encodeURIComponent(request.id)}/trace.html`, download: "" }, "Save as HTML");
  const jaeger = config.jaegerUrl
    ? [element("a", { href: `${config.jaegerUrl}/${request.jaegerPage}`, target: "_blank", rel: "noreferrer" }, "Open in Jaeger")]
    : [];
  const elsewhere = request.exported ? jaeger : [element("small", {}, "not exported: see --trace-heartbeats")];
  byId("links").replaceChildren(element("code", {}, request.traceId), save, ...elsewhere);
}

function showTab(name) {
  tab = name;
  for (const other of Object.keys(views)) {
    byId(`show-${other}`).setAttribute("aria-selected", other === tab);
    byId(`show-${other}`).tabIndex = other === tab ? 0 : -1;
  }
  draw();
}

function onRequests(changed) {
  const added = changed.filter(({ id, background }) => !background && !list.get(id));
  list.update(changed);
  const newest = added.sort((one, other) => other.startMs - one.startMs)[0];
  const current = list.get(list.selectedId);
  if (following && newest && (!current || newest.startMs > current.startMs)) select(newest.id);
  else if (changed.some(({ id }) => id === list.selectedId)) select(list.selectedId);
}

for (const name of Object.keys(views)) byId(`show-${name}`).addEventListener("click", () => showTab(name));
byId("tabs").addEventListener("keydown", (event) => {
  if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  const other = Object.keys(views).find((name) => name !== tab);
  showTab(other);
  byId(`show-${other}`).focus();
});

const EVENT_HANDLERS = {
  instance: ([instance]) => instance === config.instance || location.reload(),
  servers: ([state]) => {
    showServers(state);
    list.setServerNames(state.servers);
    if (state.count && list.isEmpty) {
      byId("placeholder").textContent = "There are servers, but no spans: is the SDK disabled, or does its sampler drop them?";
    }
  },
  queues: showQueues,
  spans: showLostSpans,
  requests: onRequests,
  evicted: (ids) => {
    list.remove(ids);
    if (list.selectedId !== null && !list.get(list.selectedId)) select(null);
  },
};
let eventSource = null;

/** Receive events only while the page is visible: a browser's pages share its six HTTP/1.1 connections to a server. */
function connect() {
  eventSource?.close();
  if (document.hidden) return;
  eventSource = new EventSource("events");
  for (const [kind, handle] of Object.entries(EVENT_HANDLERS)) {
    eventSource.addEventListener(kind, (event) => handle(JSON.parse(event.data)));
  }
  eventSource.addEventListener("open", () => {
    list.clear(); // the server sends all requests again
    showConnection("live", "live");
  });
  eventSource.addEventListener("error", () => showConnection("the emulator does not answer", "away"));
}

function showConnection(text, style) {
  byId("connection").textContent = text;
  byId("connection").className = style;
}

function showLostSpans([{ ended, lost, reason }]) {
  const [some, all] = [lost, ended].map((number) => number.toLocaleString("en"));
  byId("lost").textContent = lost ? `${some} of ${all} spans were lost: ${reason}` : "";
}

document.addEventListener("visibilitychange", connect);
connect();
