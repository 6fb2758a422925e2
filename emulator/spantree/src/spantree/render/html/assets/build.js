// The empty elements of the waterfall, and the headline of a trace.

const HELP = [
  ["↑ ↓", "previous span, next span"],
  ["→ ←", "first child, parent; unfold, fold"],
  ["space", "fold or unfold"],
  ["x", "fold all, unfold all"],
  ["/", "search; Enter for the next match, Shift+Enter for the previous"],
  ["n N", "next match, previous match"],
  ["e E", "next error, previous error"],
  ["c", "critical path on, off"],
  ["z", "zoom to the span"],
  ["+ − 0", "zoom in, out, show the whole trace"],
  ["t", "light or dark, if the page has a button for it"],
  ["Esc", "close the details"],
];

function build(place) {
  place.classList.add("waterfall");
  const parts = {
    headline: element("div", { class: "headline" }),
    picker: element("select", { "aria-label": "trace", hidden: true }),
    query: element("input", { type: "search", placeholder: "Search  /", "aria-label": "search spans" }),
    matches: element("span", { class: "matches", role: "status" }),
    critical: element("button", { type: "button", "aria-pressed": "true", title: "mark the critical path (c)" }, "Critical path"),
    fold: element("button", { type: "button", title: "fold or unfold all (x)" }, "Fold"),
    unzoom: element("button", { type: "button", title: "show the whole trace (0)", hidden: true }, "Show all"),
    helpButton: element("button", { type: "button", title: "keys (?)" }, "?"),
    overview: element("div", { class: "overview", title: "drag to zoom" }),
    ruler: element("div", { class: "ruler", title: "drag to zoom, double-click to show all" }),
    grid: element("div", { class: "grid", "aria-hidden": "true" }),
    brush: element("div", { class: "brush", hidden: true }),
    divider: element("div", { class: "divider", title: "drag to resize" }),
    rows: element("div", { class: "rows", role: "presentation" }),
    details: element("aside", { class: "details", "aria-label": "span", hidden: true }),
    help: helpDialog(HELP),
  };
  parts.scroller = element("div", { class: "scroller", role: "tree", tabindex: "0", "aria-label": "spans" }, parts.rows);
  const overTracks = element("div", { class: "over-tracks" }, parts.grid, parts.brush);
  const head = element("div", { class: "head" }, element("div", { class: "names" }, "Service and operation"), parts.ruler);
  parts.frame = element("div", { class: "frame" }, head, overTracks, parts.scroller, parts.divider);
  const tools = [parts.matches, parts.query, parts.unzoom, parts.critical, parts.fold, parts.helpButton];
  place.append(
    element("header", { class: "top" }, parts.headline, parts.picker, element("div", { class: "tools" }, ...tools)),
    parts.overview,
    element("div", { class: "body" }, parts.frame, parts.details),
    parts.help,
  );
  return parts;
}

function helpDialog(keys) {
  const closing = element("form", { method: "dialog" }, element("button", {}, "Close"));
  const rows = keys.map(([key, effect]) => element("tr", {}, element("th", {}, key), element("td", {}, effect)));
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
  const about = [trace.service, trace.name, formatDuration(trace.duration), trace.id.slice(0, 8)].join(" · ");
  return element("option", { value: trace.id }, `${trace.failed ? "✗ " : ""}${about}`);
}

function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Let the user drag the border between names and bars. */
function makeResizable(divider, place, resized) {
  divider.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // or the drag would select text
    event.stopPropagation(); // or it would zoom
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
