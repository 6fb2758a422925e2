// The details: everything that is known of the selected span, beside or below the rows.

function details(place, { close, links }) {
  let shown = null;
  return {
    show(span, trace, resource) {
      const scrolled = shown === span.id ? place.scrollTop : 0; // an update of the same span must not move the text
      shown = span.id;
      const failure = span.failed ? [element("p", { class: "error" }, `✗ ${span.error || "failed"}`), element("p", {}, span.message ?? "")] : [];
      place.replaceChildren(
        element("header", {}, element("h2", {}, span.title), button("✕", "close (Esc)", close)),
        element("p", { class: "about" }, `${span.service} · ${span.kind} · ${span.open ? "not ended yet" : timing(span)}`),
        ...failure,
        section("Attributes", table(Object.entries(span.attributes ?? {}))),
        section("Events", ...(span.events ?? []).map((event) => describeEvent(event, span))),
        section("Links", ...(span.links ?? []).map((link) => describeLink(link, trace, links))),
        section("Resource", table(Object.entries(resource))),
        section("Span", table(identity(span, trace))),
      );
      place.hidden = false;
      place.scrollTop = scrolled;
    },
    hide() {
      shown = null;
      place.hidden = true;
    },
  };
}

function section(title, ...parts) {
  const present = parts.filter((part) => part !== "");
  return present.length ? element("section", {}, element("h3", {}, title), ...present) : "";
}

function identity(span, trace) {
  return [
    ["name", span.name ?? ""],
    ["starts", span.start ? `${formatDuration(span.start)} after the trace` : "with the trace"],
    ["span id", span.id],
    ["parent", span.parent ?? "none: it is a root"],
    ["trace id", trace.id],
    ["trace starts", trace.startTime],
  ];
}

function describeEvent(event, span) {
  const { "exception.stacktrace": stack, ...others } = event.attributes ?? {};
  return element(
    "div",
    { class: "part" },
    element("h4", {}, event.name, element("small", {}, ` after ${formatDuration(event.time - span.start)}`)),
    table(Object.entries(others)),
    stack ? element("pre", { tabindex: "0" }, stack) : "",
  );
}

function describeLink(link, trace, links) {
  const target = links.find(link);
  const text = target ? `→ ${target.service} · ${target.title}` : `→ span ${link.span}`;
  const otherTrace = link.trace === trace.id ? "" : element("small", {}, ` of trace ${link.trace}`);
  const label = target ? button(text, "show this span", () => links.follow(link)) : element("span", {}, text);
  return element("div", { class: "part" }, label, otherTrace, table(Object.entries(link.attributes ?? {})));
}
