// A summary of a span, beside the pointer.

const MOST_ATTRIBUTES = 6;
const LONGEST_VALUE = 80;

function tooltip(place) {
  const node = element("div", { class: "tooltip", role: "tooltip", hidden: true });
  place.append(node);
  let shown = null;
  return {
    show(span, event) {
      if (span !== shown) node.replaceChildren(...summary(span));
      shown = span;
      node.hidden = false;
      const box = place.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left + 14, event.clientY - box.top + 16];
      node.style.left = `${Math.max(Math.min(x, box.width - node.offsetWidth - 8), 4)}px`;
      node.style.top = `${y + node.offsetHeight > box.height - 8 ? Math.max(y - node.offsetHeight - 30, 4) : y}px`;
    },
    hide() {
      shown = null;
      node.hidden = true;
    },
  };
}

function summary(span) {
  const attributes = Object.entries(span.attributes ?? {});
  const left = attributes.length - MOST_ATTRIBUTES;
  return [
    element("strong", {}, `${span.service} · ${span.title}`),
    element("p", {}, [span.kind, timing(span), ...counts(span)].join(" · ")),
    span.failed ? element("p", { class: "error" }, `${shortError(span)}${span.message ? `: ${clipped(span.message)}` : ""}`) : "",
    table(attributes.slice(0, MOST_ATTRIBUTES).map(([key, value]) => [key, clipped(value)])),
    left > 0 ? element("p", {}, `and ${left} more: click`) : "",
  ].filter((part) => part !== "");
}

function timing(span) {
  const self = span.self === undefined ? "" : `, self time ${formatDuration(span.self)}`;
  const waited = span.queuedSince === undefined ? "" : `, after ${formatDuration(span.start - span.queuedSince)} in the queue`;
  return `${formatDuration(span.end - span.start)}${span.descendants ? self : ""}${waited}`;
}

function counts(span) {
  const kinds = [
    ["event", span.events],
    ["link", span.links],
  ];
  return kinds.filter(([, all]) => all).map(([noun, all]) => `${all.length} ${noun}${all.length === 1 ? "" : "s"}`);
}

function clipped(text) {
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

function table(pairs) {
  if (!pairs.length) return "";
  return element("dl", {}, ...pairs.flatMap(([key, value]) => [element("dt", {}, key), element("dd", {}, value)]));
}
