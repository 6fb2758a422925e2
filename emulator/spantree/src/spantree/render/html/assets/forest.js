// The spans of a trace as rows: which are shown, and where. A folded span stands for all that is below it.

function forest(spans) {
  const folded = new Set();
  const parents = parentsOf(spans);
  let shown = [];
  let rows = [];

  function layOut() {
    shown = [];
    rows = new Array(spans.length);
    for (let number = 0; number < spans.length; number += 1) {
      const row = shown.push(number) - 1;
      rows[number] = row;
      if (!folded.has(number)) continue;
      for (let hidden = spans[number].below; hidden > 0; hidden -= 1) rows[(number += 1)] = row;
    }
  }

  layOut();
  return {
    get length() {
      return shown.length;
    },
    /** The number of the span that is shown in a row. */
    at: (row) => shown[row],
    /** The row of a span, or of the folded one that it is below. */
    rowOf: (number) => rows[number],
    parentOf: (number) => parents[number],
    isFolded: (number) => folded.has(number),
    fold(numbers) {
      for (const number of numbers) if (spans[number].below) folded.add(number);
      layOut();
    },
    unfold(numbers) {
      for (const number of numbers) folded.delete(number);
      layOut();
    },
    /** Unfold what a span is below. */
    reveal(number) {
      for (let above = parents[number]; above >= 0; above = parents[above]) folded.delete(above);
      layOut();
    },
  };
}

function parentsOf(spans) {
  const above = [];
  return spans.map((span, number) => {
    above.length = span.depth;
    above.push(number);
    return span.depth ? above[span.depth - 1] : -1;
  });
}
