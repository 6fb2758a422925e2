// Finds spans that contain a text: in names, ids, attributes, events, links or error messages.

function search(spans) {
  const texts = new Array(spans.length);
  let matches = [];
  let query = "";

  function textOf(number) {
    texts[number] ??= textsOf(spans[number]).join("\n").toLowerCase();
    return texts[number];
  }

  return {
    get query() {
      return query;
    },
    get matches() {
      return matches;
    },
    find(text) {
      query = text.trim().toLowerCase();
      matches = query ? spans.map((_, number) => number).filter((number) => textOf(number).includes(query)) : [];
    },
    has: (number) => query !== "" && textOf(number).includes(query),
  };
}

function textsOf(span) {
  const pairs = (attributes) => Object.entries(attributes ?? {}).map(([key, value]) => `${key}=${value}`);
  return [
    span.service,
    span.title,
    span.name ?? "",
    span.kind,
    span.id,
    span.message ?? "",
    ...pairs(span.attributes),
    ...(span.events ?? []).flatMap((event) => [event.name, ...pairs(event.attributes)]),
    ...(span.links ?? []).map((link) => `${link.trace} ${link.span}`),
  ];
}

/** Return the number after `from` in a sorted list, or before it for a negative step; wrap around at the ends. */
function nextOf(numbers, from, step) {
  if (!numbers.length) return undefined;
  const beyond = step > 0 ? numbers.find((number) => number > from) : numbers.findLast((number) => number < from);
  return beyond ?? (step > 0 ? numbers[0] : numbers.at(-1));
}
