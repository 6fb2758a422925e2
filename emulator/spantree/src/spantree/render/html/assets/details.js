// All that is known of a span, beside or below the rows.

function details(place, { close, follow }) {
  let shown = null;
  return {
    show(span, trace, resource) {
      const top = shown === span.id ? place.scrollTop : 0; // who reads of a span that goes on keeps the place
      shown = span.id;
      const failure = span.failed ? [element("p", { class: "error" }, `✗ ${span.error || "failed"}`), element("p", {}, span.message ?? "")] : [];
      place.replaceChildren(
        element("header", {}, element("h2", {}, span.title), button("✕", "close (Esc)", close)),
        element("p", { class: "about" }, `${span.service} · ${span.kind} · ${span.open ? "not ended yet" : timing(span)}`),
        ...failure,
        section("Attributes", table(Object.entries(span.attributes ?? {}))),
        section("Events", ...(span.events ?? []).map((event) => describeEvent(event, span))),
        section("Links", ...(span.links ?? []).map((link) => describeLink(link, trace, follow))),
        section("Resource", table(Object.entries(resource))),
        section("Span", table(identity(span, trace))),
      );
      place.hidden = false;
      place.scrollTop = top;
    },
    hide() {
      shown = null;
      place.hidden = true;
    },
  };
}

function section(title, ...parts) {
  const there = parts.filter((part) => part !== "");
  return there.length ? element("section", {}, element("h3", {}, title), ...there) : "";
}

function identity(span, trace) {
  return [
    ["name", span.name ?? ""],
    ["starts", span.start ? `${formatDuration(span.start)} after the trace` : "the trace"],
    ["span id", span.id],
    ["parent", span.parent ?? "none: it is a root"],
    ["trace id", trace.id],
    ["trace began", trace.began],
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

function describeLink(link, trace, follow) {
  const target = follow.find(link);
  const words = target ? `→ ${target.service} · ${target.title}` : `→ span ${link.span}`;
  const elsewhere = link.trace === trace.id ? "" : element("small", {}, ` of trace ${link.trace}`);
  const made = target ? button(words, "go there", () => follow.go(link)) : element("span", {}, words);
  return element("div", { class: "part" }, made, elsewhere, table(Object.entries(link.attributes ?? {})));
}
