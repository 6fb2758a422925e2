// Links as arrows, from the end of the span that is linked to, to the start of the one that follows it.

const SVG = "http://www.w3.org/2000/svg";
const HEAD = 5; // pixels
const BAR_FROM_BELOW = 12; // the middle of a bar where it has a line of its own

function arrows(place) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "arrows");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("preserveAspectRatio", "none"); // paper is not as wide as the screen that was drawn for
  const [curves, heads] = ["curves", "heads"].map((name) => path(svg, name));
  const [nearCurves, nearHeads] = ["curves near", "heads near"].map((name) => path(svg, name));
  place.append(svg);

  return {
    /** Draw the arrows that cross the rows from `first` to `last`; those of the span `near` stand out. */
    paint(links, { forest, view, first, last, rowHeight, width, near }) {
      const middle = wide.matches ? rowHeight / 2 : rowHeight - BAR_FROM_BELOW;
      const drawn = { far: ["", ""], near: ["", ""] };
      for (const { cause, effect, from, to } of links) {
        const rows = [forest.rowOf(cause), forest.rowOf(effect)];
        if (rows[0] === rows[1] || Math.max(...rows) < first || Math.min(...rows) > last) continue;
        const [x1, x2] = [from, to].map((time) => view.share(time) * width);
        if (Math.max(x1, x2) < 0 || Math.min(x1, x2) > width) continue;
        const [y1, y2] = rows.map((row) => (row - first) * rowHeight + middle);
        const which = drawn[cause === near || effect === near ? "near" : "far"];
        which[0] += curve(x1, y1, x2, y2);
        which[1] += head(x2, y2);
      }
      svg.style.top = `${first * rowHeight}px`;
      const height = Math.max(last - first + 1, 0) * rowHeight;
      svg.setAttribute("height", height);
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      [curves, heads].forEach((made, number) => made.setAttribute("d", drawn.far[number]));
      [nearCurves, nearHeads].forEach((made, number) => made.setAttribute("d", drawn.near[number]));
    },
  };
}

function path(svg, name) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("class", name);
  svg.append(made);
  return made;
}

function curve(x1, y1, x2, y2) {
  const bend = Math.max(14, Math.abs(x2 - x1) / 3);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2 - 1} ${y2}`;
}

function head(x, y) {
  return `M${x} ${y}l${-HEAD} ${-HEAD / 1.6}v${(2 * HEAD) / 1.6}z`;
}

/** The links of a trace whose both ends are in it, as numbers of spans. */
function linksIn(trace) {
  const numbers = new Map(trace.spans.map((span, number) => [span.id, number]));
  return trace.spans.flatMap((span, effect) =>
    (span.links ?? [])
      .filter((link) => link.trace === trace.id && numbers.has(link.span))
      .map((link) => {
        const cause = numbers.get(link.span);
        return { cause, effect, from: Math.min(trace.spans[cause].end, span.start), to: span.start };
      }),
  );
}
