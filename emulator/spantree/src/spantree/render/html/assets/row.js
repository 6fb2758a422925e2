// One row: a span's service, title and bar. Scrolling reuses rows: they are created once and repainted with other spans.

function createRow() {
  const fold = element("span", { class: "fold", "aria-hidden": "true" });
  const service = element("span", { class: "service" });
  const title = element("span", { class: "title" });
  const marks = element("span", { class: "marks" });
  const names = element("div", { class: "names" }, fold, service, title, marks);
  const wait = element("div", { class: "wait" });
  const bar = element("div", { class: "bar" });
  const extras = element("div", { class: "extras" });
  const duration = element("span", { class: "duration" });
  const track = element("div", { class: "track" }, wait, bar, extras, duration);
  const node = element("div", { class: "row", role: "treeitem" }, names, track);
  return { node, fold, service, title, marks, wait, bar, extras, duration };
}

function paintRow(row, span, { number, colour, stepSource, view, isFolded, isSelected, isMatch, isDimmed }) {
  const { node } = row;
  node.dataset.number = number;
  node.id = `span-${span.id}`;
  node.setAttribute("aria-level", span.depth + 1);
  node.setAttribute("aria-selected", isSelected);
  node.setAttribute("aria-label", accessibleLabel(span));
  if (span.descendants) node.setAttribute("aria-expanded", !isFolded);
  else node.removeAttribute("aria-expanded");
  node.classList.toggle("failed", Boolean(span.failed));
  node.classList.toggle("match", isMatch);
  node.classList.toggle("dimmed", isDimmed);
  node.classList.toggle("open", Boolean(span.open));
  node.style.setProperty("--depth", span.depth);
  node.style.setProperty("--service", colour);
  row.fold.textContent = span.descendants ? (isFolded ? "▸" : "▾") : "";
  row.service.textContent = span.service;
  row.title.textContent = span.title;
  row.marks.replaceChildren(...marksOf(span, isFolded, stepSource));
  paintTrack(row, span, view);
}

function paintTrack(row, span, view) {
  stretch(row.bar, view, span.start, span.end);
  row.wait.hidden = span.queuedSince === undefined;
  if (!row.wait.hidden) stretch(row.wait, view, span.queuedSince, span.start);
  row.extras.replaceChildren(
    ...span.critical.map(([start, end]) => stretch(element("i", { class: "critical" }), view, start, end)),
    ...(span.events ?? []).filter(({ time }) => isInView(view, time)).map(({ name, time }) => {
      const failed = name === "exception" ? " exception" : "";
      return positioned(view.share(time), element("i", { class: `event${failed}` }));
    }),
  );
  const duration = formatDuration(span.end - span.start);
  row.duration.textContent = span.open ? `${duration} …` : duration;
  placeDuration(row.duration, view.share(span.queuedSince ?? span.start), view.share(span.end));
}

function stretch(node, view, start, end) {
  // a little beyond the edges: rounded ends stay outside, and no bar becomes millions of pixels wide
  const [left, right] = [start, end].map((time) => Math.min(Math.max(view.share(time), -0.01), 1.01));
  node.style.left = `${left * 100}%`;
  node.style.width = `${Math.max(right - left, 0) * 100}%`;
  node.classList.toggle("outside", right < 0 || left > 1);
  return node;
}

function isInView(view, time) {
  return time >= view.from && time <= view.to;
}

/** Place the duration behind its bar, before it, or inside at its end, at the first of these that has room. */
function placeDuration(node, left, right) {
  const place = right < 0.88 ? "behind" : left > 0.12 ? "before" : "inside";
  const edge = Math.min(Math.max(place === "before" ? left : right, 0), 1);
  node.className = `duration ${place}${right < 0 || left > 1 ? " outside" : ""}`;
  node.style.left = place === "inside" ? "auto" : `${edge * 100}%`;
  node.style.right = place === "inside" ? `${(1 - edge) * 100}%` : "auto";
}

function marksOf(span, isFolded, stepSource) {
  const source = stepSource ? ` of ${stepSource}` : "";
  const steps = (span.steps ?? []).map((step) => element("b", { class: "step", title: `step (${step})${source}` }, step));
  const failed = span.failed ? [element("span", { class: "error" }, shortError(span))] : [];
  const fault = span.fault ? [element("span", { class: "fault", title: "an injected fault acted here" }, `⚑ ${span.fault}`)] : [];
  const hidden = isFolded ? [element("span", { class: "folded" }, `+${span.descendants}`)] : [];
  return [...steps, ...failed, ...fault, ...hidden];
}

function shortError(span) {
  return `✗ ${(span.error || "failed").split(".").at(-1)}`;
}

/** What a screen reader says for a row. */
function accessibleLabel(span) {
  const steps = span.steps ? [`steps ${span.steps.join(" and ")}`] : [];
  const outcome = span.failed ? [`failed: ${span.error || "error"}`] : [];
  const fault = span.fault ? [`fault ${span.fault}`] : [];
  return [span.service, span.title, formatDuration(span.end - span.start), ...steps, ...outcome, ...fault].join(", ");
}
