// The spans of a trace as rows: which are shown, and where. The row of a folded span also stands for its descendants.

function forest(spans) {
  const folded = new Set();
  const parents = parentsOf(spans);
  let shown = []; // the numbers of the spans that have a row
  let rows = []; // the row of each span

  function layOut() {
    shown = [];
    rows = new Array(spans.length);
    for (let number = 0; number < spans.length; number += 1) {
      const row = shown.push(number) - 1;
      rows[number] = row;
      if (!folded.has(number)) continue;
      for (let hidden = spans[number].descendants; hidden > 0; hidden -= 1) rows[(number += 1)] = row;
    }
  }

  layOut();
  return {
    get length() {
      return shown.length;
    },
    /** The number of the span in a row. */
    at: (row) => shown[row],
    /** The row of a span, or of the folded span that hides it. */
    rowOf: (number) => rows[number],
    parentOf: (number) => parents[number],
    isFolded: (number) => folded.has(number),
    fold(numbers) {
      for (const number of numbers) if (spans[number].descendants) folded.add(number);
      layOut();
    },
    unfold(numbers) {
      for (const number of numbers) folded.delete(number);
      layOut();
    },
    /** Unfold all ancestors of a span. */
    reveal(number) {
      for (let above = parents[number]; above >= 0; above = parents[above]) folded.delete(above);
      layOut();
    },
  };
}

/** Return the number of each span's parent, -1 for roots, from the depths of spans in the order of their rows. */
function parentsOf(spans) {
  const path = [];
  return spans.map((span, number) => {
    path.length = span.depth;
    path.push(number);
    return span.depth ? path[span.depth - 1] : -1;
  });
}
