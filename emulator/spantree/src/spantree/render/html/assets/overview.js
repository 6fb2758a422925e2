// The whole trace in a strip above the rows: a thin line for each span, and a shade over the parts that are out of view.

function overview(place, zoom) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  const [before, after] = [element("div", { class: "shade" }), element("div", { class: "shade" })];
  const brush = element("div", { class: "brush", hidden: true });
  place.append(canvas, before, after, brush);
  rangeSelection(place, place, brush, (left, right) => zoom(left, right));

  function paint(trace, colours) {
    const ratio = window.devicePixelRatio || 1; // without it lines are blurred on dense screens
    const [width, height] = [place.clientWidth, place.clientHeight];
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const inner = height - 8;
    const line = Math.max(inner / trace.spans.length, 1);
    const failed = getComputedStyle(place).color;
    trace.spans.forEach((span, number) => {
      pen.fillStyle = span.failed ? failed : colours[span.service];
      const left = (span.start / trace.length) * width;
      const right = (span.end / trace.length) * width;
      pen.fillRect(left, 4 + (number / trace.spans.length) * inner, Math.max(right - left, 1), Math.min(line * 0.8, 3));
    });
  }

  return {
    paint,
    paintView(view, length) {
      before.style.width = `${(view.from / length) * 100}%`;
      after.style.left = `${(view.to / length) * 100}%`;
      after.style.width = `${(1 - view.to / length) * 100}%`;
    },
  };
}
