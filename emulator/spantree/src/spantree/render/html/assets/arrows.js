// Links as arrows, from the end of the span that is linked to, to the start of the span that has the link.

const SVG = "http://www.w3.org/2000/svg";
const HEAD_LENGTH = 5; // pixels
const BAR_FROM_BELOW = 12; // pixels to the middle of a bar that stands below its names, on narrow screens

function arrows(place) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "arrows");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("preserveAspectRatio", "none"); // printed, it is stretched to the paper's width
  const [curves, heads] = ["curves", "heads"].map((name) => path(svg, name));
  const [selectedCurves, selectedHeads] = ["curves near", "heads near"].map((name) => path(svg, name));
  place.append(svg);

  return {
    /** Draw the arrows that cross the rows from `first` to `last`. Those of the `selected` span stand out. */
    paint(links, { forest, view, first, last, rowHeight, width, selected }) {
      const middle = wideScreen.matches ? rowHeight / 2 : rowHeight - BAR_FROM_BELOW;
      const drawn = { plain: ["", ""], selected: ["", ""] }; // curves and heads
      for (const { cause, effect, from, to } of links) {
        const rows = [forest.rowOf(cause), forest.rowOf(effect)];
        if (rows[0] === rows[1] || Math.max(...rows) < first || Math.min(...rows) > last) continue;
        const [x1, x2] = [from, to].map((time) => view.share(time) * width);
        if (Math.max(x1, x2) < 0 || Math.min(x1, x2) > width) continue;
        const [y1, y2] = rows.map((row) => (row - first) * rowHeight + middle);
        const paths = drawn[cause === selected || effect === selected ? "selected" : "plain"];
        paths[0] += curve(x1, y1, x2, y2);
        paths[1] += head(x2, y2);
      }
      svg.style.top = `${first * rowHeight}px`;
      const height = Math.max(last - first + 1, 0) * rowHeight;
      svg.setAttribute("height", height);
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      [curves, heads].forEach((node, number) => node.setAttribute("d", drawn.plain[number]));
      [selectedCurves, selectedHeads].forEach((node, number) => node.setAttribute("d", drawn.selected[number]));
    },
  };
}

function path(svg, name) {
  const created = document.createElementNS(SVG, "path");
  created.setAttribute("class", name);
  svg.append(created);
  return created;
}

function curve(x1, y1, x2, y2) {
  const bend = Math.max(14, Math.abs(x2 - x1) / 3);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2 - 1} ${y2}`;
}

function head(x, y) {
  return `M${x} ${y}l${-HEAD_LENGTH} ${-HEAD_LENGTH / 1.6}v${(2 * HEAD_LENGTH) / 1.6}z`;
}

/** Return the links of a trace that have both ends in it, with spans as numbers. */
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
