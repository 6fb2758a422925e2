// One row: who did what, and when. Rows are made once and painted again and again, with another span.

function makeRow() {
  const fold = element("span", { class: "fold", "aria-hidden": "true" });
  const service = element("span", { class: "service" });
  const title = element("span", { class: "title" });
  const marks = element("span", { class: "marks" });
  const names = element("div", { class: "names" }, fold, service, title, marks);
  const wait = element("div", { class: "wait" });
  const bar = element("div", { class: "bar" });
  const extras = element("div", { class: "extras" });
  const words = element("span", { class: "words" });
  const track = element("div", { class: "track" }, wait, bar, extras, words);
  const node = element("div", { class: "row", role: "treeitem" }, names, track);
  return { node, fold, service, title, marks, wait, bar, extras, words };
}

function paintRow(row, span, { number, colour, stepSource, view, isFolded, isSelected, isMatch, isDimmed }) {
  const { node } = row;
  node.dataset.number = number;
  node.id = `span-${span.id}`;
  node.setAttribute("aria-level", span.depth + 1);
  node.setAttribute("aria-selected", isSelected);
  node.setAttribute("aria-label", inOneLine(span));
  if (span.below) node.setAttribute("aria-expanded", !isFolded);
  else node.removeAttribute("aria-expanded");
  node.classList.toggle("failed", Boolean(span.failed));
  node.classList.toggle("match", isMatch);
  node.classList.toggle("dimmed", isDimmed);
  node.classList.toggle("open", Boolean(span.open));
  node.style.setProperty("--depth", span.depth);
  node.style.setProperty("--service", colour);
  row.fold.textContent = span.below ? (isFolded ? "▸" : "▾") : "";
  row.service.textContent = span.service;
  row.title.textContent = span.title;
  row.marks.replaceChildren(...marksOf(span, isFolded, stepSource));
  paintTrack(row, span, view);
}

function paintTrack(row, span, view) {
  stretch(row.bar, view, span.start, span.end);
  row.wait.hidden = span.waitedSince === undefined;
  if (!row.wait.hidden) stretch(row.wait, view, span.waitedSince, span.start);
  row.extras.replaceChildren(
    ...span.critical.map(([start, end]) => stretch(element("i", { class: "critical" }), view, start, end)),
    ...(span.events ?? []).filter(({ time }) => isIn(view, time)).map(({ name, time }) => {
      const failed = name === "exception" ? " exception" : "";
      return at(view.share(time), element("i", { class: `event${failed}` }));
    }),
  );
  row.words.textContent = span.open ? `${formatDuration(span.end - span.start)} …` : formatDuration(span.end - span.start);
  placeWords(row.words, view.share(span.waitedSince ?? span.start), view.share(span.end));
}

function stretch(made, view, start, end) {
  const [left, right] = [start, end].map((time) => Math.min(Math.max(view.share(time), -0.01), 1.01));
  made.style.left = `${left * 100}%`;
  made.style.width = `${Math.max(right - left, 0) * 100}%`;
  made.classList.toggle("outside", right < 0 || left > 1);
  return made;
}

function isIn(view, time) {
  return time >= view.from && time <= view.to;
}

/** The duration stands behind its bar, or before it, or at its end where neither has room. */
function placeWords(words, left, right) {
  const place = right < 0.88 ? "behind" : left > 0.12 ? "before" : "inside";
  const edge = Math.min(Math.max(place === "before" ? left : right, 0), 1);
  words.className = `words ${place}${right < 0 || left > 1 ? " outside" : ""}`;
  words.style.left = place === "inside" ? "auto" : `${edge * 100}%`;
  words.style.right = place === "inside" ? `${(1 - edge) * 100}%` : "auto";
}

function marksOf(span, isFolded, stepSource) {
  const source = stepSource ? ` of ${stepSource}` : "";
  const steps = (span.steps ?? []).map((step) => element("b", { class: "step", title: `step (${step})${source}` }, step));
  const failed = span.failed ? [element("span", { class: "error" }, shortError(span))] : [];
  const fault = span.fault ? [element("span", { class: "fault", title: "an injected fault acted here" }, `⚑ ${span.fault}`)] : [];
  const hidden = isFolded ? [element("span", { class: "folded" }, `+${span.below}`)] : [];
  return [...steps, ...failed, ...fault, ...hidden];
}

function shortError(span) {
  return `✗ ${(span.error || "failed").split(".").at(-1)}`;
}

function inOneLine(span) {
  const steps = span.steps ? [`steps ${span.steps.join(" and ")}`] : [];
  const outcome = span.failed ? [`failed: ${span.error || "error"}`] : [];
  const fault = span.fault ? [`fault ${span.fault}`] : [];
  return [span.service, span.title, formatDuration(span.end - span.start), ...steps, ...outcome, ...fault].join(", ");
}
