// The elements of the waterfall, empty.

const HELP = [
  ["↑ ↓", "the span before, the next"],
  ["→ ←", "into what is below, out of it; unfold, fold"],
  ["space", "fold or unfold"],
  ["x", "fold all, unfold all"],
  ["/", "search; Enter and Shift+Enter go on"],
  ["n N", "the next match, the one before"],
  ["e E", "the next error, the one before"],
  ["c", "critical path on, off"],
  ["z", "zoom to the span"],
  ["+ − 0", "zoom in, out, show all"],
  ["t", "light or dark, where the page has a button for it"],
  ["Esc", "close the details"],
];

function build(place) {
  place.classList.add("waterfall");
  const made = {
    headline: element("div", { class: "headline" }),
    picker: element("select", { "aria-label": "trace", hidden: true }),
    query: element("input", { type: "search", placeholder: "Search  /", "aria-label": "search spans" }),
    matches: element("span", { class: "matches", role: "status" }),
    critical: element("button", { type: "button", "aria-pressed": "true", title: "mark the critical path (c)" }, "Critical path"),
    fold: element("button", { type: "button", title: "fold or unfold all (x)" }, "Fold"),
    unzoom: element("button", { type: "button", title: "show all of the trace (0)", hidden: true }, "Show all"),
    ask: element("button", { type: "button", title: "keys (?)" }, "?"),
    overview: element("div", { class: "overview", title: "drag to zoom" }),
    ruler: element("div", { class: "ruler", title: "drag to zoom, double-click to show all" }),
    grid: element("div", { class: "grid", "aria-hidden": "true" }),
    brush: element("div", { class: "brush", hidden: true }),
    divider: element("div", { class: "divider", title: "drag to make room" }),
    rows: element("div", { class: "rows", role: "presentation" }),
    details: element("aside", { class: "details", "aria-label": "span", hidden: true }),
    help: helpOn(HELP),
  };
  made.scroller = element("div", { class: "scroller", role: "tree", tabindex: "0", "aria-label": "spans" }, made.rows);
  const overTracks = element("div", { class: "over-tracks" }, made.grid, made.brush);
  const head = element("div", { class: "head" }, element("div", { class: "names" }, "Service and operation"), made.ruler);
  made.frame = element("div", { class: "frame" }, head, overTracks, made.scroller, made.divider);
  const tools = element("div", { class: "tools" }, made.matches, made.query, made.unzoom, made.critical, made.fold, made.ask);
  place.append(
    element("header", { class: "top" }, made.headline, made.picker, tools),
    made.overview,
    element("div", { class: "body" }, made.frame, made.details),
    made.help,
  );
  return made;
}

function helpOn(keys) {
  const closing = element("form", { method: "dialog" }, element("button", {}, "Close"));
  const rows = keys.map(([key, words]) => element("tr", {}, element("th", {}, key), element("td", {}, words)));
  return element("dialog", { class: "help", "aria-label": "keys" }, element("table", {}, ...rows), closing);
}

function headline(trace) {
  const services = new Set(trace.spans.map(({ service }) => service)).size;
  const failed = trace.failed ? [element("span", { class: "error" }, counted(trace.failed, "error"))] : [];
  return [
    element("h1", {}, `${trace.service} · ${trace.name}`),
    element("span", {}, formatDuration(trace.duration)),
    element("span", {}, counted(trace.spans.length, "span")),
    element("span", {}, counted(services, "service")),
    ...failed,
    element("code", {}, trace.id),
  ];
}

function optionFor(trace) {
  const words = `${trace.failed ? "✗ " : ""}${trace.service} · ${trace.name} · ${formatDuration(trace.duration)} · ${trace.id.slice(0, 8)}`;
  return element("option", { value: trace.id }, words);
}

function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Let the border between names and bars be dragged. */
function resizing(divider, place, resized) {
  divider.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    event.stopPropagation();
    divider.setPointerCapture(event.pointerId);
  });
  divider.addEventListener("pointermove", (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const box = divider.parentElement.getBoundingClientRect();
    const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0.1), 0.8);
    place.style.setProperty("--names", `${share * 100}%`);
    resized();
  });
}
