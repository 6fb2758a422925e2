// Spans that hold a text: in their names, ids, attributes, events, or in what went wrong with them.

function search(spans) {
  const texts = new Array(spans.length);
  let found = [];
  let asked = "";

  function textOf(number) {
    texts[number] ??= wordsOf(spans[number]).join("\n").toLowerCase();
    return texts[number];
  }

  return {
    get asked() {
      return asked;
    },
    get found() {
      return found;
    },
    find(text) {
      asked = text.trim().toLowerCase();
      found = asked ? spans.map((_, number) => number).filter((number) => textOf(number).includes(asked)) : [];
    },
    has: (number) => asked !== "" && textOf(number).includes(asked),
  };
}

function wordsOf(span) {
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

/** The next of sorted numbers after one, or before it, round and round. */
function nextOf(numbers, from, step) {
  if (!numbers.length) return undefined;
  const beyond = step > 0 ? numbers.find((number) => number > from) : numbers.findLast((number) => number < from);
  return beyond ?? (step > 0 ? numbers[0] : numbers.at(-1));
}
